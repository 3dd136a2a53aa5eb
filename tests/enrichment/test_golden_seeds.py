"""The two articles that the project was started from, enriched by the real models."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from services.enrichment.pipeline import Enricher
from services.settings import Settings
from tests.enrichment.kit import annotator, seed_beijing, seed_ties

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


EVERY_MENTION = {
    "wd:Q2866": ("Alexander Lukashenko", r"(?:Alexander )?Lukashenk[oa]|Łukaszenka", 11, 7),
    "wd:Q15031": ("Xi Jinping", r"(?:Xi )?Jinping", 5, 1),
    "wd:Q7747": ("Vladimir Putin", r"(?:Vladimir )?Putin", 0, 2),
    "wd:Q3874799": ("Volodymyr Zelensky", r"(?:Volodymyr )?Zelensky", 0, 1),
    "wd:Q7821917": ("Antony Blinken", r"(?:Antony )?Blinken", 0, 2),
    "person:ned price": ("Ned Price", r"(?:Ned )?Price", 0, 1),
    "wd:Q184": ("Belarus", r"Belarus\b", 8, 2),
    "wd:Q148": ("China", r"(?:People’s Republic of )?China\b|PRC", 9, 14),
    "wd:Q159": ("Russia", r"Russia\b", 4, 11),
    "wd:Q212": ("Ukraine", r"Ukraine\b", 3, 5),
    "wd:Q30": ("United States", r"United States|U\.S\.|America\b", 0, 5),
    "wd:Q2280": ("Minsk", r"Minsk", 1, 0),
    "wd:Q1899": ("Kyiv", r"Kyiv", 1, 0),
    "wd:Q956": ("Beijing", r"Beijing", 6, 3),
    "org:belta": ("BelTA", r"BelTA|Belarusian Telegraph Agency", 2, 1),
    "wd:Q789915": (
        "United States Department of State",
        r"US Department of State|State Department",
        1,
        1,
    ),
    "norp:belarusian": ("Belarusian", r"Belarusian(?! Telegraph)", 2, 3),
    "norp:chinese": ("Chinese", r"Chinese", 1, 4),
    "norp:russian": ("Russian", r"Russian", 2, 4),
}
"""Key to the name, what stands for it in the text, and how often in each seed."""


@pytest.mark.parametrize("key", EVERY_MENTION)
@pytest.mark.parametrize(("seed", "which"), [("beijing", 0), ("ties", 1)])
def test_every_mention_is_marked_and_nothing_else_is(seed: str, which: int, key: str) -> None:
    name, pattern, *counts = EVERY_MENTION[key]
    stands = [match.span() for match in re.finditer(rf"\b(?:{pattern})", enriched(seed).text)]
    assert len(stands) == counts[which], "the test's own counting by hand"
    entity = entities(seed).get(key)
    if entity is None:
        assert not stands
    else:
        assert entity.name == name
        assert [(m.start, m.end) for m in entity.mentions] == stands
        assert entity.count == len(stands)


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_else_is_a_person(seed: str) -> None:
    people = {key for key, entity in entities(seed).items() if entity.type == "PERSON"}
    assert people <= set(EVERY_MENTION)


@pytest.mark.parametrize("seed", SEEDS)
def test_links_are_the_tables_and_peoples_belong_to_their_countries(seed: str) -> None:
    for entity in entities(seed).values():
        assert (entity.key == f"wd:{entity.wikidata}") == (entity.wikidata is not None)
    chinese = entities(seed)["norp:chinese"]
    assert [(r.kind, r.key, r.name) for r in chinese.relations] == [
        ("demonym_of", "wd:Q148", "China")
    ]
    assert entities(seed)["wd:Q148"].iso_country == "CN"
    assert entities(seed)["wd:Q956"].iso_country is None


def test_the_article_is_on_lukashenko_belarus_and_china_most() -> None:
    """Beijing stands for China's government in the title, too."""
    for seed in SEEDS:
        ranked = sorted(enriched(seed).entities, key=lambda each: -(each.salience or 0))
        assert {"wd:Q2866", "wd:Q148"} <= {each.key for each in ranked[:3]}


POLITICS = ["politics", "international relations"]
SUBJECTS = {"beijing": POLITICS, "ties": [*POLITICS, "conflict, war and peace", "armed conflict"]}


@pytest.mark.parametrize("seed", SEEDS)
def test_the_subject_is_politics_and_in_one_the_war_too(seed: str) -> None:
    assert [topic.name for topic in enriched(seed).topics] == SUBJECTS[seed]
    assert enriched(seed).topics[0].code == "medtop:11000000"


@pytest.mark.parametrize("seed", SEEDS)
def test_every_block_says_who_made_it(seed: str) -> None:
    blocks = {block.block: block for block in enriched(seed).provenance}
    assert list(blocks) == ["language", "entities", "topics"]
    assert all(block.status == "done" for block in blocks.values())
    assert all(block.model and block.model_version for block in blocks.values())
    assert all(block.model_sha256 for block in blocks.values())
    assert (blocks["topics"].knowledge_version or "").startswith("medtop 2023-03-31")
    assert (blocks["entities"].knowledge_version or "").startswith("entities ")
