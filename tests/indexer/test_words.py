"""How search words are taken apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.indexer.store.sqlite_search import expression
from services.indexer.store.words import Term, clean, fold, parse


@pytest.mark.parametrize(
    ("words", "terms"),
    [
        ("two words", [Term("two"), Term("words")]),
        ('"a phrase" word', [Term("a phrase"), Term("word")]),
        ('glued"to a"phrase', [Term("glued"), Term("to a"), Term("phrase")]),
        ('"never closed', [Term("never closed")]),
        ("pre*", [Term("pre", prefix=True)]),
        ("pre**", [Term("pre", prefix=True)]),
        ("a*b", [Term("a*b")]),
        ("* ** \"\" ' '", [Term("'"), Term("'")]),
        ("", []),
        (" \t\n", []),
    ],
)
def test_words_phrases_and_prefixes(words: str, terms: list[Term]) -> None:
    assert list(parse(words)) == terms


@given(st.text())
def test_no_term_can_leave_its_quotes(words: str) -> None:
    assert all('"' not in term.text and "\0" not in term.text for term in parse(words))


def test_the_expression_quotes_every_term() -> None:
    assert expression(parse('pre* "a b" OR')) == '"pre"* "a b" "OR"'
    assert expression(parse("*")) == '""'


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


def test_different_letters_stay_different() -> None:
    assert fold("Lodz") != fold("Łódź")
