"""An article's words as PostgreSQL keeps them, and a search as it asks for them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.indexer.store import postgres_words
from services.indexer.store.postgres_words import (
    MAX_OCCURRENCES,
    MAX_POSITION,
    OVERLAP,
    over_parts,
    query,
    terms,
    tokens,
    vectors,
)
from services.indexer.store.words import parse

LAST_POSITION = 16_383
"""The highest that a tsvector tells apart."""


def places(vector: str) -> dict[str, list[str]]:
    """The positions of each word."""
    found = re.findall(r"'([^']+)':(\S+)", vector)
    return {word: where.split(",") for word, where in found}


def test_case_and_diacritics_do_not_count() -> None:
    assert tokens("Élodie's CAFÉ — cafe\u0301_9, 北京") == [
        "elodie",
        "s",
        "cafe",
        "cafe",
        "9",
        "北京",
    ]


def test_positions_tell_the_headline_from_the_text() -> None:
    (vector,) = vectors("The quay", "the bridge")
    assert places(vector) == {"the": ["1A", "102"], "quay": ["2A"], "bridge": ["103"]}


def test_no_phrase_reaches_from_the_headline_into_the_text() -> None:
    (vector,) = vectors("a quay", "bridge")
    last, first = int(places(vector)["quay"][0][:-1]), int(places(vector)["bridge"][0])
    assert first - last > 1


@pytest.mark.parametrize("headline", [None, "", "!!!"])
def test_an_article_without_words_is_empty(headline: str | None) -> None:
    assert vectors(headline, "—") == [""]


@pytest.mark.parametrize(
    "words",
    [
        ["storm"] * 3000,
        [f"w{number}" for number in range(40_000)],
        ["the", "quay"] * 900 + ["bridge"],
        ["x" * 400 + str(number) for number in range(4000)],
    ],
    ids=["one word", "all different", "two words", "long words"],
)
def test_every_part_of_a_long_text_fits_and_together_they_are_all_of_it(words: list[str]) -> None:
    parts = [places(vector) for vector in vectors(None, " ".join(words))]
    assert len(parts) > 1
    for part in parts:
        assert max(int(at) for where in part.values() for at in where) <= MAX_POSITION
        assert max(len(where) for where in part.values()) <= MAX_OCCURRENCES
    assert set().union(*parts) == set(words)


def test_neighbours_stand_side_by_side_in_some_part() -> None:
    words = [f"w{number % 17}" for number in range(5000)] + ["very", "last", "bridge"]
    phrases = {tuple(words[at : at + OVERLAP]) for at in range(len(words) - OVERLAP)}
    found = set[tuple[str, ...]]()
    for vector in vectors(None, " ".join(words)):
        at = {int(place): word for word, where in places(vector).items() for place in where}
        order = [at[number] for number in sorted(at)]
        found |= {tuple(order[n : n + OVERLAP]) for n in range(len(order) - OVERLAP + 1)}
    assert phrases <= found


@given(headline=st.none() | st.text(max_size=50), body=st.text(max_size=400))
def test_any_text_is_written_so_that_nothing_needs_escaping(
    headline: str | None, body: str
) -> None:
    for vector in vectors(headline, body):
        assert re.fullmatch(r"('[^'\\\s]+':[\dA,]+ ?)*", vector)


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("quay", "('quay')"),
        ("Quay's", "('quay' <-> 's')"),
        ('"the quay"', "('the' <-> 'quay')"),
        ("bri*", "('bri':*)"),
        ('"the bri*"', "('the' <-> 'bri':*)"),
        ("quay bridge", "(('quay') & ('bridge'))"),
        ("quay OR bridge", "(('quay') | ('bridge'))"),
        ("quay NOT bridge", "(('quay') & !(('bridge')))"),
        ("quay -(a OR b)", "(('quay') & !((('a') | ('b'))))"),
    ],
)
def test_a_search_is_asked_for_in_the_words_of_the_server(words: str, asked: str) -> None:
    expression = parse(words)
    assert expression is not None
    assert query(expression) == asked


def test_a_long_article_is_asked_for_each_term_in_any_part() -> None:
    expression = parse("quay (bridge OR NOT_ x*) NOT toll quay")
    assert expression is not None
    named = {term: f"t{number}" for number, term in enumerate(terms(expression))}
    assert len(named) == 5
    condition = over_parts(expression, named, "words")
    assert condition.count("bool_or(words @@") == 6
    assert "NOT bool_or(words @@ %(t4)s::tsquery)" in condition
    assert " OR " in condition


def test_limits_are_below_those_of_the_server() -> None:
    assert MAX_POSITION + postgres_words.GAP <= LAST_POSITION
    assert MAX_OCCURRENCES < 256
    assert postgres_words.MAX_WORD * 4 <= 2046
