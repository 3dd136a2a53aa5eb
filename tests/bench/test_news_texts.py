"""The benches' articles have names, quotes and rare words as news has them."""

from __future__ import annotations

import random
import re
from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING

import pytest

from tests.bench.measure import crowded_text, paragraphs, plain_text, raw_article
from tests.bench.news_texts import Deck, Story, cast_of, place_in_row, village_of
from tests.bench.news_words import CITIES, ORGANISATIONS
from tests.factories import make_raw
from tests.golden.gold import enriched, enricher
from tests.golden.make_golden import seeds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.article import EnrichedArticle, RawArticle

WORDS = 700
ARTICLES = 8
"""Enough for each subject; and enough to be within 5 % of what 100 come to."""

MAIN = ("GPE", "PERSON", "NORP", "ORG", "DATE")
"""Types of which both seeds have several entities; of the others they have one at most."""


def of_100_words(articles: Sequence[EnrichedArticle]) -> dict[str, float]:
    """How many entities, of all and of each type, mentions and quotes there are."""
    found: Counter[str] = Counter()
    for article in articles:
        found["quotes"] += len(article.quotes)
        for entity in article.entities:
            found.update(("entities", entity.type))
            found["mentions"] += len(entity.mentions)
    words = sum(len(article.text.split()) for article in articles)
    return {name: count * 100 / words for name, count in found.items()}


def as_enriched(articles: Sequence[RawArticle]) -> dict[str, float]:
    return of_100_words(enricher().enrich(articles))  # type: ignore[arg-type]  # none is rejected


def of_seeds() -> dict[str, float]:
    return of_100_words([enriched(path) for path in seeds()])


def test_articles_have_as_many_names_and_quotes_as_real_ones() -> None:
    real = of_seeds()
    bench = as_enriched([raw_article(number, WORDS) for number in range(ARTICLES)])
    assert bench["entities"] == pytest.approx(real["entities"], rel=0.15)
    assert bench["mentions"] == pytest.approx(real["mentions"], rel=0.1)
    assert bench["quotes"] == pytest.approx(real["quotes"], rel=0.25)
    for kind in MAIN:
        assert bench[kind] == pytest.approx(real[kind], rel=0.35), kind


def test_crowded_texts_have_twice_as_many_names_in_as_many_mentions() -> None:
    real = of_seeds()
    bodies = [tuple(crowded_text(number, WORDS).split("\n\n")) for number in range(3)]
    crowded = as_enriched([make_raw(body=body) for body in bodies])
    assert crowded["entities"] == pytest.approx(2 * real["entities"], rel=0.15)
    assert crowded["mentions"] == pytest.approx(real["mentions"], rel=0.1)


def full_names(number: int) -> set[str]:
    return set(Story(number).people)


def test_articles_share_few_people() -> None:
    casts = [full_names(number) for number in range(100)]
    assert all(len(cast) > 5 for cast in casts)
    sharing = sum(bool(a & b) for a, b in combinations(casts, 2))
    assert sharing < 0.02 * 100 * 99 / 2


def test_people_come_with_their_full_name_first_and_then_by_their_surname() -> None:
    for number in range(20):
        body = "\n".join(paragraphs(number, WORDS))
        for person in full_names(number):
            first, surname = person.split()
            named = re.search(rf"(\w+) {surname}\b", body)
            assert named is None or named[1] == first


def test_names_are_said_again_mostly_by_the_surname_alone() -> None:
    full = surname_too = 0
    for number in range(20):
        body = "\n".join(paragraphs(number, WORDS))
        for person in full_names(number):
            full += body.count(person)
            surname_too += len(re.findall(rf"\b{person.split()[1]}\b", body))
    assert surname_too > 3 * full


def test_no_article_repeats_a_sentence() -> None:
    for number in range(20):
        sentences = re.split(r"(?<=[.”]) ", " ".join(paragraphs(number, WORDS)))
        long = [sentence for sentence in sentences if len(sentence.split()) > 12]
        assert len(long) == len(set(long))


def test_there_are_always_words_that_no_earlier_article_had_and_ever_fewer() -> None:
    known: set[str] = set()
    new: list[int] = []
    for number in range(300):
        words = set(plain_text(number, WORDS).split())
        new.append(len(words - known))
        known |= words
    assert sum(new[100:200]) > sum(new[200:300]) > 100 * 5


def test_each_of_many_articles_has_a_village_to_itself() -> None:
    assert len({village_of(number) for number in range(65_536)}) == 65_536
    assert all(village_of(number) in plain_text(number, 25) for number in range(100))


def test_few_places_and_organisations_are_in_many_articles_and_most_in_few() -> None:
    chance = random.Random(1)  # noqa: S311  # no secret hangs on it
    for names in (CITIES, ORGANISATIONS):
        seen = Counter(name for _ in range(2000) for name in cast_of(chance, names, 2))
        often, rarely = seen[names[0]], seen[names[-1]]
        assert often > 4 * rarely > 0


def test_a_place_in_a_row_is_within_it() -> None:
    chance = random.Random(1)  # noqa: S311  # no secret hangs on it
    assert {place_in_row(chance, 3, 2.0) for _ in range(100)} == {0, 1, 2}


def test_a_deck_deals_every_line_before_it_deals_one_again() -> None:
    deck = Deck(random.Random(1), ("a", "b", "c"))  # noqa: S311  # no secret hangs on it
    dealt = [deck.deal() for _ in range(6)]
    assert sorted(dealt[:3]) == sorted(dealt[3:]) == ["a", "b", "c"]
