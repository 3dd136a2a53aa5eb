"""What people say is in the golden articles, and where an enriched article disagrees.

Each ``articles/NAME.txt`` is of our own writing and holds a trap; its
``NAME.gold.yaml`` says by hand what a reader would mark:

``entities``
    type, name, optionally the key, and every mention as ``{surface: times}``; all of them
    belong to one entity, whose name is one of its surfaces or canonical.
``separate``
    names that must be two entities; ``not_subjects``: names whose salience must be the least.
``not_names``
    phrases in which the words in brackets are no name at all.
``dates``, ``money``, ``quotes``
    what the words in the text mean; who says what; ``topics``: codes that must be among them.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from services.enrichment.pipeline import Enricher
from services.settings import Settings
from tests.golden.make_golden import RECEIVED, extract_path, seeds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.article import EnrichedArticle, Entity, RawArticle

ARTICLES = Path(__file__).parent / "articles"
Gold = dict[str, Any]

LEAST_SALIENCE = 0.1
"""What isn't a subject of the article has no more salience than this."""


def articles() -> list[Path]:
    """The texts of our own writing that hold the traps."""
    return sorted(ARTICLES.glob("*.txt"))


def gold_of(path: Path) -> Gold:
    """What was marked by hand."""
    marked: Gold = yaml.safe_load(path.with_suffix(".gold.yaml").read_text(encoding="utf-8"))
    return marked


@cache
def raw(path: Path) -> RawArticle:
    """The article as ingest reads it."""
    return extract_path(path)


@cache
def enricher() -> Enricher:
    """The annotators of a fresh installation, without an index to look others up in."""
    return Enricher(Settings(), now=lambda: RECEIVED, clock=lambda: 0.0)


@cache
def enriched(path: Path) -> EnrichedArticle:
    """The article as enrichment makes it."""
    (made,) = enricher().enrich([raw(path)])
    return made  # type: ignore[return-value]  # nothing is rejected


def every_text() -> list[Path]:
    """Both seeds and all golden articles."""
    return [*seeds(), *articles()]


def faults(article: EnrichedArticle, gold: Gold) -> Iterator[str]:
    """Each disagreement in a line."""
    for wanted in gold.get("entities", ()):
        yield from _entity_faults(article, wanted)
    for first, second in gold.get("separate", ()):
        if _named(article, first) & _named(article, second):
            yield f"{first} and {second} are one entity"
    for phrase in gold.get("not_names", ()):
        yield from _not_a_name(article, phrase)
    for name in gold.get("not_subjects", ()):
        for entity in article.entities:
            if entity.name == name and (entity.salience or 0) > LEAST_SALIENCE:
                yield f"{name} has salience {entity.salience}"
    yield from _value_faults(article, gold)
    yield from _quote_faults(article, gold)
    codes = {topic.code for topic in article.topics}
    for code in gold.get("topics", ()):
        if code not in codes:
            yield f"topic {code} is not among {sorted(codes)}"


def _named(article: EnrichedArticle, surface: str) -> set[str]:
    return {e.key for e in article.entities if surface in {m.text for m in e.mentions}}


def _entity_faults(article: EnrichedArticle, wanted: Gold) -> Iterator[str]:
    holders = Counter[str]()
    for surface in wanted["mentions"]:
        holders.update(_named(article, surface))
    if not holders:
        yield f"{wanted['name']} is not found"
        return
    by_key = {entity.key: entity for entity in article.entities}
    found = [by_key[key] for key in holders]
    best = max(found, key=lambda e: (e.type == wanted["type"], holders[e.key]))
    yield from _differences(best, wanted)


def _differences(found: Entity, wanted: Gold) -> Iterator[str]:
    name = wanted["name"]
    if found.type != wanted["type"]:
        yield f"{name} is {found.type}"
    if "key" in wanted and found.key != wanted["key"]:
        yield f"{name} has key {found.key}"
    counted = Counter(mention.text for mention in found.mentions)
    if counted != Counter(wanted["mentions"]):
        yield f"{name} is marked at {dict(counted)}, not {wanted['mentions']}"
    related = {r.key for r in found.relations if r.kind == "demonym_of"}
    if "demonym_of" in wanted and related != {wanted["demonym_of"]}:
        yield f"{name} is the demonym of {related or 'nothing'}"


def span(text: str, phrase: str) -> tuple[int, int]:
    """Where the bracketed part of ``phrase`` is in ``text``; ``ValueError`` where it isn't."""
    before, inside, after = phrase.replace("]", "[").split("[")
    start = text.index(before + inside + after) + len(before)
    return start, start + len(inside)


def _not_a_name(article: EnrichedArticle, phrase: str) -> Iterator[str]:
    start, end = span(article.text, phrase)
    for entity in article.entities:
        if entity.type in {"DATE", "MONEY"}:
            continue
        if any(m.start < end and start < m.end for m in entity.mentions):
            yield f"{phrase} holds the {entity.type} {entity.name}"


def _value_faults(article: EnrichedArticle, gold: Gold) -> Iterator[str]:
    for wanted in gold.get("dates", ()):
        found = [e.date for e in _with_words(article, "DATE", wanted["words"]) if e.date]
        days = {(value.earliest, value.latest) for value in found}
        if days != {(_day(wanted["earliest"]), _day(wanted["latest"]))}:
            yield f"{wanted['words']} means {days or 'nothing'}"
    for wanted in gold.get("money", ()):
        amounts = [e.money for e in _with_words(article, "MONEY", wanted["words"]) if e.money]
        known = {(value.amount, value.currency, value.about) for value in amounts}
        if known != {(wanted["amount"], wanted["currency"], wanted.get("about", False))}:
            yield f"{wanted['words']} is {known or 'nothing'}"


def _day(value: date | str) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)


def _with_words(article: EnrichedArticle, kind: str, words: str) -> list[Entity]:
    return [
        entity
        for entity in article.entities
        if entity.type == kind
        if any(mention.text == words for mention in entity.mentions)
    ]


def _quote_faults(article: EnrichedArticle, gold: Gold) -> Iterator[str]:
    for wanted in gold.get("quotes", ()):
        said = [quote for quote in article.quotes if quote.text.startswith(wanted["starts"])]
        speakers = {(quote.speaker_name, quote.verb) for quote in said}
        if speakers != {(wanted["speaker"], wanted["verb"])}:
            yield f"“{wanted['starts']} …” is said by {speakers or 'nobody'}"
