"""The two articles that the project was started from, enriched by the real models."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from services.enrichment.pipeline import Enricher
from services.settings import Settings
from tests.enrichment.kit import annotator, seed_beijing, seed_ties, texts_of

if TYPE_CHECKING:
    from schemas.article import EnrichedArticle, Entity

SEEDS = {"beijing": seed_beijing, "ties": seed_ties}


@cache
def enriched(seed: str) -> EnrichedArticle:
    every = [annotator(name) for name in ("language", "entities", "topics")]
    (article,) = Enricher(Settings(), annotators=every).enrich([SEEDS[seed]()])
    return article  # type: ignore[return-value]  # the pipeline rejects nothing


def entities(seed: str) -> dict[str, Entity]:
    return {entity.key: entity for entity in enriched(seed).entities}


@pytest.mark.parametrize("seed", SEEDS)
def test_every_mention_is_exactly_what_stands_at_its_offsets(seed: str) -> None:
    article = enriched(seed)
    for entity in article.entities:
        for mention in entity.mentions:
            assert article.text[mention.start : mention.end] == mention.text


@pytest.mark.parametrize("seed", SEEDS)
def test_no_two_entities_share_a_place_in_the_text(seed: str) -> None:
    taken = sorted((m.start, m.end) for entity in enriched(seed).entities for m in entity.mentions)
    assert all(before[1] <= after[0] for before, after in pairwise(taken))


def test_lukashenko_is_one_person_in_all_his_spellings() -> None:
    person = entities("beijing")["person:alexander lukashenko"]
    assert person.name == "Alexander Lukashenko"
    assert set(texts_of(person)) == {"Alexander Lukashenko", "Lukashenko", "Łukaszenka"}
    assert enriched("beijing").text.count("Lukashenko") == texts_of(person).count(
        "Lukashenko"
    ) + texts_of(person).count("Alexander Lukashenko")
    assert "Lukashenka" in texts_of(entities("ties")["person:alexander lukashenko"])


def test_jinping_is_xi_jinping() -> None:
    person = entities("beijing")["person:xi jinping"]
    assert person.name == "Xi Jinping"
    assert texts_of(person).count("Jinping") == 3


def test_the_people_of_the_second_seed_are_found_and_joined() -> None:
    people = {key for key, entity in entities("ties").items() if entity.type == "PERSON"}
    assert people == {
        "person:alexander lukashenko",
        "person:xi jinping",
        "person:volodymyr zelensky",
        "person:antony blinken",
        "person:vladimir putin",
        "person:ned price",
    }
    assert texts_of(entities("ties")["person:antony blinken"]) == ["Antony Blinken", "Blinken"]


@pytest.mark.parametrize("seed", SEEDS)
def test_countries_and_capitals_are_places_and_nothing_else(seed: str) -> None:
    for name in ("belarus", "china", "russia", "ukraine", "beijing"):
        holders = [key for key in entities(seed) if key.endswith(f":{name}")]
        assert holders == [f"gpe:{name}"]


def test_kyiv_is_no_person() -> None:
    assert "gpe:kyiv" in entities("beijing")


@pytest.mark.parametrize("seed", SEEDS)
def test_every_belarus_is_marked(seed: str) -> None:
    stands = [match.span() for match in re.finditer(r"\bBelarus\b", enriched(seed).text)]
    marked = [(m.start, m.end) for m in entities(seed)["gpe:belarus"].mentions]
    assert marked == stands


@pytest.mark.parametrize("seed", SEEDS)
def test_the_subject_is_politics(seed: str) -> None:
    topics = enriched(seed).topics
    assert topics[0].code == "medtop:11000000"
    assert topics[0].name == "politics"
    assert {topic.code for topic in topics} <= {"medtop:11000000", "medtop:16000000"}


@pytest.mark.parametrize("seed", SEEDS)
def test_every_block_says_who_made_it(seed: str) -> None:
    blocks = {block.block: block for block in enriched(seed).provenance}
    assert list(blocks) == ["language", "entities", "topics"]
    assert all(block.status == "done" for block in blocks.values())
    assert all(block.model and block.model_version for block in blocks.values())
    assert all(block.model_sha256 for block in blocks.values())
    assert blocks["topics"].knowledge_version == "medtop 2023-03-31"
