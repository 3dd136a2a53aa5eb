"""What an article is about, as a few dozen weighted features: its rarest words and its names.

Two unit vectors, one of words (TF-IDF with a shipped table of rarities, so that a
weight never depends on what arrived before) and one of names (canonical keys of
the entities, by salience).  Two articles tell of the same when both their words
and their names are alike: two earthquakes of one week share words and no names,
two affairs of one president share names and no words.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from services.bus.kinship import StoryRule, Traits
from services.enrichment.kin.sketch import words
from services.enrichment.kin.wording import seconds_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schemas.article import Entity, EntityType
    from services.enrichment.annotators.base import Draft
    from services.enrichment.kin.rarity import Rarity

TRAITS_VERSION = 1

STORY_NAMESPACE = UUID("5b0c2f5e-3b8f-5a0e-8a55-1c0e6f0a7d42")
"""Namespace of story ids (UUIDv5 of the article that began it). Never change it."""

RULE = StoryRule(names=0.2, words=0.1, both=0.95, alone=0.45, full=256)
"""Chosen on invented articles (tests/enrichment/story_texts.py) and half of the WikiTimes sentences
for precision: two happenings taken for one are worse than one told as two, as what is joined
draws in more.  Two affairs of one president reach 0.86 of ``both``, two reports of one
happening mostly over 1.1.  ``full`` bounds the work for what everybody writes about."""

MOST_WORDS = 32
MOST_NAMES = 12
"""Features kept: 24 words told the same happenings a little worse, and each costs 8 bytes."""

MAX_CHARS = 4000
"""Characters read, about 650 words: what a story is about is told at its beginning."""

LEAD_CHARS = 400
"""Headline and first sentences, about: their words count double."""

LEAST_RARITY = 2.5
"""Words in more than one of twelve texts ("killed" is just above) say nothing."""

SHORTEST_WORD = 3

NAME_WORD = 0.7
"""Part of its weight that a word of a name keeps. At 1, all that is written of one person on a
day becomes one story; at 0.5 some reports of one happening have no word in common."""

TYPE_WEIGHTS: Mapping[EntityType, float] = {
    "PERSON": 1.0,
    "EVENT": 1.0,
    "FAC": 0.9,
    "GPE": 0.9,
    "ORG": 0.8,
    "LOC": 0.7,
    "PRODUCT": 0.7,
    "WORK_OF_ART": 0.7,
    "LAW": 0.7,
    "NORP": 0.15,
}
"""How much a name of this type tells which happening it is. Dates, money and languages: nothing."""

COUNTRY_WEIGHT = 0.25
"""Of a country: it alone never makes a story."""


def _unit(weights: Mapping[str, float], most: int) -> list[tuple[str, float]]:
    """The heaviest as parts of a unit vector; of equal ones the first by name."""
    best = sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:most]
    norm = math.sqrt(sum(weight * weight for _, weight in best))
    return [(name, weight / norm) for name, weight in best if norm and weight > 0]


def word_weights(text: str, entities: Sequence[Entity], rarity: Rarity) -> dict[str, float]:
    """TF-IDF of the words that tell something: sublinear in their number, double in the lead.

    Those of names count less, as the names are compared by themselves: of one president's two
    affairs the other words differ.
    """
    counts = Counter(words(text[:MAX_CHARS]))
    counts.update(words(text[:LEAD_CHARS]))
    named = _words_of_names(entities)
    kept = [word for word in counts if len(word) >= SHORTEST_WORD and not word.isdigit()]
    rare = rarity.of(kept).tolist()
    return {
        word: (1 + math.log(counts[word])) * weight * (NAME_WORD if word in named else 1)
        for word, weight in zip(kept, rare, strict=True)
        if weight >= LEAST_RARITY
    }


def _words_of_names(entities: Sequence[Entity]) -> set[str]:
    texts = {
        mention.text
        for entity in entities
        if entity.type in TYPE_WEIGHTS
        for mention in entity.mentions
    }
    # In one piece: a break parts words. What a text's own characters are tells how it is folded.
    plain, other = ([text for text in texts if text.isascii() is kind] for kind in (True, False))
    return {*words("\n".join(plain)), *words("\n".join(other))}


def name_weights(entities: Sequence[Entity], rarity: Rarity) -> dict[str, float]:
    """What each name says: type, salience and how rare its words are."""
    telling = [
        (entity, weight, parts)
        for entity in entities
        if (weight := _type_weight(entity)) and (parts := words(entity.name))
    ]
    # One look into the table for all: each takes longer than what it finds.
    rare = iter(rarity.of([part for _, _, parts in telling for part in parts]).tolist())
    rarest = rarity.rarest
    return {
        entity.key: weight * (max(islice(rare, len(parts))) / rarest) * _salience(entity)
        for entity, weight, parts in telling
    }


def _type_weight(entity: Entity) -> float:
    return COUNTRY_WEIGHT if entity.iso_country else TYPE_WEIGHTS.get(entity.type, 0.0)


def _salience(entity: Entity) -> float:
    """The entity's own; where none was told, by how often it is named."""
    if entity.salience is not None:
        return math.sqrt(entity.salience)
    return math.sqrt((entity.count or len(entity.mentions)) / 20)


def _hash(channel: str, name: str) -> int:
    data = f"{channel}:{name}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


def _vector(channel: str, weights: Mapping[str, float], most: int) -> list[tuple[int, int]]:
    found = ((_hash(channel, name), round(255 * part)) for name, part in _unit(weights, most))
    return [(hashed, part) for hashed, part in found if part]


def traits_of(draft: Draft, rarity: Rarity) -> Traits:
    """What the story index notes of an article."""
    article, entities = draft.article, draft.entities
    wording = _vector("word", word_weights(article.text, entities, rarity), MOST_WORDS)
    names = _vector("name", name_weights(entities, rarity), MOST_NAMES)
    duplicates = tuple(other.article_id for other in draft.near_duplicates)
    at = seconds_of(article)
    return Traits(
        article_id=article.article_id,
        revision=article.revision,
        at=at,
        digest=hashlib.blake2b(
            repr((names, wording, duplicates, at)).encode(), digest_size=8
        ).digest(),
        names=names,
        words=wording,
        duplicates=duplicates,
        story_id=uuid5(STORY_NAMESPACE, str(article.article_id)),
    )
