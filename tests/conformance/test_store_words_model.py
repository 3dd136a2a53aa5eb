"""Every search by words against the plainest way to say what matches, on every store."""

from __future__ import annotations

import re
import unicodedata
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.indexer.store.base import BadQuery, Query
from services.indexer.store.snippets import highlights
from services.indexer.store.words import And, Expression, Not, Term, parse, positive
from tests.conformance.stores import STORES, desk
from tests.factories import article_id, at, drop_id, make_drop, make_enriched

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from schemas.article import EnrichedArticle

WORDS = [
    "a",
    "an",
    "and",
    "ann",
    "bé",
    "be",
    "Bée",
    "CAFÉ",
    "cafe",
    "don't",
    "x-y",
    "1",
    "12",
    "or",
]
ARTICLES = 60


def articles() -> list[EnrichedArticle]:
    """Short texts of few words, so that every search has some that match and some that don't."""
    random = Random(5)  # noqa: S311  (a test's texts)

    def text(most: int) -> str:
        between = random.choice([" ", ", ", "\n\n", " … "])
        return between.join(random.choices(WORDS, k=random.randint(1, most)))

    return [
        make_enriched(
            drop=make_drop(drop_id=drop_id(number), received_at=at(number)),
            article_id=article_id(number),
            headline=text(3),
            standfirst=None,
            # Its number makes the content of each its own.
            body=(text(6), f"n{number}"),
        )
        for number in range(1, ARTICLES + 1)
    ]


def tokens(text: str) -> list[str]:
    plain = unicodedata.normalize("NFD", text.casefold())
    return re.findall(r"[^\W_]+", "".join(c for c in plain if not unicodedata.combining(c)))


def has(words: list[str], term: Term) -> bool:
    """Whether a text has the words of a term side by side."""
    wanted = tokens(term.text)
    for start in range(len(words) - len(wanted) + 1):
        *whole, last = words[start : start + len(wanted)]
        ends = last.startswith(wanted[-1]) if term.prefix else last == wanted[-1]
        if whole == wanted[:-1] and ends:
            return True
    return False


def matches(parts: list[list[str]], expression: Expression) -> bool:
    if isinstance(expression, Term):
        return any(has(words, expression) for words in parts)
    if isinstance(expression, Not):
        return not matches(parts, expression.part)
    found = [matches(parts, part) for part in expression.parts]
    return all(found) if isinstance(expression, And) else any(found)


PIECES = st.sampled_from(
    [*WORDS, "n7", "nobody", "an*", "b*", "c*", '"a an"', '"be cafe', '"an a*"', '"x y"', "1*"]
)
SYNTAX = st.sampled_from(["AND", "OR", "OR", "NOT", "-", "(", ")", " ", "!"])
SEARCHES = st.lists(PIECES | PIECES | SYNTAX, min_size=1, max_size=9).map(" ".join) | st.lists(
    PIECES | SYNTAX, min_size=1, max_size=6
).map("".join)


@pytest.mark.parametrize("name", sorted(STORES))
def test_a_search_finds_what_the_model_does(name: str, tmp_path: Path) -> None:
    filed = articles()
    # The body as a store has it: all behind the headline.
    shelf: dict[UUID, list[list[str]]] = {
        a.article_id: [tokens(a.headline or ""), tokens(a.text[len(a.headline or "") :])]
        for a in filed
    }
    with desk(name, tmp_path) as place:
        store = place.open()
        store.file(filed)
        sizes: set[int] = set()

        @settings(max_examples=250, deadline=None)
        @given(words=SEARCHES)
        def search(words: str) -> None:
            try:
                expression = parse(words)
            except BadQuery:
                with pytest.raises(BadQuery):
                    store.search(Query(words=words))
                return
            expected = {
                one
                for one, parts in shelf.items()
                if (expression is None and not words.strip())
                or (expression is not None and matches(parts, expression))
            }
            for order in ("newest", "relevance"):
                found = store.search(Query(words=words, limit=ARTICLES, order=order))
                assert {hit.article_id for hit in found} == expected
            sizes.add(len(expected))

        search()
        # The searches tell apart, else the test says nothing.
        assert len(sizes) > 10


@pytest.mark.parametrize("words", ["a", "bé an", '"a an"', "c* OR n1*", '"an a*" OR x-y', "don't"])
def test_what_is_marked_in_a_text_is_what_was_found(words: str) -> None:
    """Nothing is marked in an article that doesn't match, and something in each that does."""
    expression = parse(words)
    assert expression is not None
    terms = positive(expression)
    for article in articles():
        headline = article.headline or ""
        for text in (headline, article.text[len(headline) :]):
            found = any(has(tokens(text), term) for term in terms)
            assert bool(highlights(text, terms)) == found, text
