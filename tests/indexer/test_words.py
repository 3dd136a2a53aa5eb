"""How search words are taken apart."""

from __future__ import annotations

import time
import unicodedata
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.indexer.store.base import BadQuery
from services.indexer.store.sqlite_conditions import expression
from services.indexer.store.words import (
    MAX_DEPTH,
    MAX_TERMS,
    And,
    Expression,
    Not,
    Or,
    Term,
    clean,
    fold,
    name_words,
    parse,
    positive,
)

A, B, C = Term("a"), Term("b"), Term("c")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("two words", And((Term("two"), Term("words")))),
        ('"a phrase" word', And((Term("a phrase"), Term("word")))),
        ('glued"to a"phrase', And((Term("glued"), Term("to a"), Term("phrase")))),
        ('"never closed', Term("never closed")),
        ("pre*", Term("pre", prefix=True)),
        ("pre**", Term("pre", prefix=True)),
        ('"two pre"*', Term("two pre", prefix=True)),
        ('"two pre*"', Term("two pre", prefix=True)),
        ("a*b", Term("a*b")),
        ("ana's", Term("ana's")),
        ("* ** \"\" ' '", None),
        ("", None),
        (" \t\n", None),
        ("!!! a", A),
    ],
)
def test_words_phrases_and_prefixes(words: str, expected: Expression | None) -> None:
    assert parse(words) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("a AND b", And((A, B))),
        ("a OR b", Or((A, B))),
        ("a OR b OR c", Or((A, B, C))),
        ("a b OR c", Or((And((A, B)), C))),
        ("a AND (b OR c)", And((A, Or((B, C))))),
        ("a NOT b", And((A, Not(B)))),
        ("a AND NOT b", And((A, Not(B)))),
        ("a -b", And((A, Not(B)))),
        ("-b a", And((Not(B), A))),
        ('a -"b c"', And((A, Not(Term("b c"))))),
        ("a -(b OR c)", And((A, Not(Or((B, C)))))),
        ("a -(b c)", And((A, Not(And((B, C)))))),
        ("a NOT NOT b", And((A, B))),
        ("a -(-b)", And((A, B))),
        ("a (-b)", And((A, Not(B)))),
        ("(((a)))", A),
        ("(a)(b)", Term("a)(b")),
        ('(("a" OR b) -c)', And((Or((A, B)), Not(C)))),
    ],
)
def test_operators_and_parentheses(words: str, expected: Expression) -> None:
    assert parse(words) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("OR", Term("OR")),
        ("a OR", And((A, Term("OR")))),
        ("OR a", And((Term("OR"), A))),
        ("a AND OR b", Or((And((A, Term("AND"))), B))),
        ("NOT", Term("NOT")),
        ("a or b", And((A, Term("or"), B))),
        ('"OR"', Term("OR")),
        ("(OR)", Term("OR")),
        ("a)) b", And((A, B))),
        ("((a b", And((A, B))),
        ("() a ( )", A),
        ("a (- !!!)", A),
        ("a -", A),
        ("a - b", And((A, B))),
        ("a --b", And((A, Term("--b")))),
        ("a-b", Term("a-b")),
        ("NEAR(a b)", And((Term("NEAR(a"), B))),
        ("headline:a", Term("headline:a")),
    ],
)
def test_what_joins_nothing_is_plain_words(words: str, expected: Expression) -> None:
    assert parse(words) == expected


@pytest.mark.parametrize(
    "words", ["NOT a", "-a", "-a -b", "a OR -b", "(NOT a)", "a -(-b -c)", "-a OR b", "NOT (a b)"]
)
def test_only_what_must_not_be_there_is_no_search_and_the_message_shows_one(words: str) -> None:
    with pytest.raises(BadQuery, match="bridge NOT toll"):
        parse(words)


def test_so_many_words_and_no_more() -> None:
    most = parse(" ".join(["a"] * MAX_TERMS))
    assert isinstance(most, And)
    assert len(most.parts) == MAX_TERMS
    with pytest.raises(BadQuery, match=f"at most {MAX_TERMS} words"):
        parse(" ".join(["a"] * (MAX_TERMS + 1)))


def test_parentheses_too_deep_group_nothing() -> None:
    deep = MAX_DEPTH + 5
    assert parse("(" * deep + "a OR b" + ")" * deep + " c") == And((Or((A, B)), C))
    inner = "a b" + " (c OR" * deep + " c" + ")" * deep
    assert depth(parse(inner)) <= 2 * MAX_DEPTH + 2


def depth(expression: Expression | None) -> int:
    if expression is None or isinstance(expression, Term):
        return 1
    if isinstance(expression, Not):
        return 1 + depth(expression.part)
    return 1 + max(depth(part) for part in expression.parts)


SIGNS = ["(", ")", "-", '"', "*", " ", "AND", "OR", "NOT", "a", "b c", "é", "!", "\0", "\ud800"]


@given(st.lists(st.sampled_from(SIGNS), max_size=40).map("".join) | st.text(max_size=40))
def test_anything_is_a_search_that_fits_its_rules_or_a_bad_query(words: str) -> None:
    try:
        found = parse(words)
    except BadQuery:
        return
    if found is not None:
        assert not isinstance(found, Not)
        hold(found)
        assert positive(found)


def hold(expression: Expression) -> None:
    """What the classes of the tree promise."""
    if isinstance(expression, Term):
        assert expression.words
        assert '"' not in expression.text
        assert "\0" not in expression.text
        return
    if isinstance(expression, Not):
        assert not isinstance(expression.part, Not)
        hold(expression.part)
        return
    assert len(expression.parts) >= 2
    barred = [part for part in expression.parts if isinstance(part, Not)]
    assert len(barred) < (len(expression.parts) if isinstance(expression, And) else 1)
    for part in expression.parts:
        hold(part)


@pytest.mark.parametrize(
    "words",
    [
        *(sign * 10_000 for sign in ("(", ")", "-", '"', "*", "NOT ", "a OR ", "() ", "(a ", "-(")),
        "(" * 5000 + "a" + ")" * 5000,
        "-(" * 5000 + "a" + ")" * 5000,
        "(NOT " * 5000 + "a" + ")" * 5000,
        "(" * 5000 + ")" * 5000,
        "x" * 100_000,
    ],
)
def test_hostile_words_are_taken_apart_at_once(words: str) -> None:
    started = time.process_time()
    with suppress(BadQuery):
        parse(words)
    # About 40 ms; what goes through everything for each sign takes minutes.
    assert time.process_time() - started < 2


def test_what_is_marked_are_the_terms_that_make_an_article_match() -> None:
    assert positive(parse('a -b (c OR "d e") NOT (f g)')) == (A, C, Term("d e"))
    assert positive(parse("")) == ()


def test_a_term_has_its_words() -> None:
    assert Term("ana's, boat").words == ("ana", "s", "boat")
    assert Term("snake_case").words == ("snake", "case")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ('pre* "a b"', '("pre"* AND "a b")'),
        ("a OR b", '("a" OR "b")'),
        ("a -b -c", '(("a") NOT ("b" OR "c"))'),
    ],
)
def test_every_term_is_quoted_for_fts5(words: str, expected: str) -> None:
    parsed = parse(words)
    assert parsed is not None
    assert expression(parsed) == expected


@given(st.text(st.characters(), max_size=20))
def test_clean_text_is_valid_unicode_without_nul(text: str) -> None:
    assert "\0" not in clean(text)
    clean(text).encode("utf-8")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Łódź", "łÓDŹ"),
        ("STRASSE", "Straße"),
        ("Cafe\u0301", "café"),
        ("\uff38i", "xi"),
        (" Xi ", "xi"),
    ],
)
def test_names_are_compared_without_case_width_and_composition(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@given(st.text(st.characters(max_codepoint=127)))
def test_names_of_ascii_take_a_shorter_way_to_the_same(name: str) -> None:
    assert fold(name) == unicodedata.normalize("NFKC", clean(name)).casefold().strip()


def test_different_letters_stay_different() -> None:
    assert fold("Lodz") != fold("Łódź")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Łódź", ("łodz",)),
        ("Al-Jazeera News", ("al", "jazeera", "news")),
        ("MÜNCHEN", ("munchen",)),
        ("Cafe\u0301 \uff38", ("cafe", "x")),
        ("$ !", ()),
    ],
)
def test_the_words_of_a_name_have_no_case_width_and_diacritics(
    name: str, words: tuple[str, ...]
) -> None:
    assert name_words(name) == words
