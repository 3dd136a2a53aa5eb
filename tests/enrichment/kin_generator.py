"""Invented news for near-duplicates and stories: events, articles on them, variants of a text.

Everything follows from a seed.  An :class:`Event` is a happening of one *kind* with
names and numbers of its own; :func:`article` tells it in its own words, so that two
articles of one event share names, numbers and vocabulary but hardly a phrase, and two
events of one kind share vocabulary alone.  ``VARIANTS`` are the ways in which one text
becomes another that is still the same piece of work.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from schemas.article import Entity, EntityType, RawArticle
from services.enrichment.annotators.base import Draft
from tests.enrichment.kin_words import (
    ADJECTIVES,
    ADVERBS,
    BOILERPLATE,
    DAYS,
    FIRST,
    KINDS,
    NOUNS,
    ORGS,
    PATTERNS,
    SYLLABLES,
    VERBS,
    Kind,
)
from tests.factories import NOON, article_id, drop_id, make_drop, make_raw, mentions

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Event:
    """One happening. ``names``: what slot of a sentence is which name, and of what type."""

    kind: Kind
    names: dict[str, tuple[str, EntityType]]
    numbers: dict[str, str]
    at: datetime

    @property
    def fillings(self) -> dict[str, str]:
        """Names and numbers by slot."""
        return {slot: name for slot, (name, _) in self.names.items()} | self.numbers


@dataclass(frozen=True, slots=True)
class Piece:
    """An article: its words, and the names in it with their types."""

    number: int
    headline: str
    paragraphs: tuple[str, ...]
    names: tuple[tuple[str, EntityType], ...] = ()
    provider: str = "Example Wire"
    at: datetime = field(default=NOON)

    @property
    def words(self) -> int:
        """Words of the body."""
        return sum(len(paragraph.split()) for paragraph in self.paragraphs)

    def raw(self) -> RawArticle:
        """The article as ingest publishes it."""
        return make_raw(
            drop=make_drop(drop_id=drop_id(self.number), received_at=self.at),
            article_id=article_id(self.number),
            headline=self.headline,
            standfirst=None,
            body=self.paragraphs,
            provider=self.provider,
            published_at=self.at,
        )

    def draft(self) -> Draft:
        """The article with its names found, as the annotators of kin get it."""
        raw = self.raw()
        return Draft(raw, entities=_entities(raw.text, self.names))


def _entities(text: str, names: tuple[tuple[str, EntityType], ...]) -> tuple[Entity, ...]:
    found = [(name, kind, mentions(text, name)) for name, kind in names]
    whole = sum(len(places) for _, _, places in found) or 1
    return tuple(
        Entity(
            key=f"{kind.lower()}:{name.lower()}",
            name=name,
            type=kind,
            mentions=places,
            count=len(places),
            salience=round(len(places) / whole, 3),
        )
        for name, kind, places in sorted(found, key=lambda one: one[2][0].start if one[2] else 0)
        if places
    )


def chance_of(*seed: object) -> random.Random:
    """A source of chance that is the same for the same arguments, in every process."""
    return random.Random("|".join(map(str, seed)))  # noqa: S311  # no secret hangs on it


def _name(chance: random.Random, syllables: int = 3) -> str:
    return "".join(chance.choices(SYLLABLES, k=syllables)).title()


def event(seed: int, kind: Kind | None = None, at: datetime = NOON) -> Event:
    """The ``seed``-th happening; of a kind by chance where none is given."""
    chance = chance_of("event", seed)
    org = chance.choice(ORGS)
    return Event(
        kind=kind or chance.choice(KINDS),
        names={
            "person": (f"{chance.choice(FIRST)} {_name(chance)}", "PERSON"),
            "second": (f"{chance.choice(FIRST)} {_name(chance)}", "PERSON"),
            "place": (_name(chance, 2), "GPE"),
            "other": (_name(chance, 2), "GPE"),
            "org": (org.format(_name(chance, 2)), "ORG"),
            "rival": (org.format(_name(chance, 2)), "ORG"),
        },
        numbers={
            "decimal": f"{chance.randint(5, 8)}.{chance.randint(0, 9)}",
            "count": str(chance.randint(20, 900)),
            "small": str(chance.randint(2, 19)),
        },
        at=at,
    )


def _sentence(happening: Event, chance: random.Random, facts: list[str]) -> str:
    kind = happening.kind
    # News is mostly background.
    pattern = facts.pop() if facts and chance.random() < 0.35 else chance.choice(PATTERNS)
    filled = pattern.format(
        **happening.fillings,
        day=chance.choice(DAYS),
        noun=chance.choice(NOUNS),
        noun2=chance.choice(NOUNS),
        adj=chance.choice(ADJECTIVES),
        adj2=chance.choice(ADJECTIVES),
        adv=chance.choice(ADVERBS),
        verb=chance.choice(VERBS),
        knoun=chance.choice(kind.nouns),
        knoun2=chance.choice(kind.nouns),
        kverb=chance.choice(kind.verbs),
        kadj=chance.choice(kind.adjectives),
    )
    return filled[0].upper() + filled[1:] + ("" if filled.endswith("”") else ".")


def article(happening: Event, number: int, words: int = 400, hours: float = 0.0) -> Piece:
    """The ``number``-th of all: of ``words`` or more, ``hours`` after the event."""
    chance = chance_of("article", number)
    # The lead and two more: houses seldom give the same facts in the same words.
    facts = chance.sample(happening.kind.facts, 3)
    lead = facts.pop().format(**happening.fillings, day=chance.choice(DAYS)) + "."
    paragraphs, written = [lead], len(lead.split())
    while written < words:
        sentences = [_sentence(happening, chance, facts) for _ in range(chance.randint(1, 4))]
        paragraphs.append(" ".join(sentences))
        written += len(paragraphs[-1].split())
    return Piece(
        number=number,
        headline=chance.choice(happening.kind.headlines).format(**happening.fillings),
        paragraphs=tuple(paragraphs),
        names=tuple(happening.names.values()),
        provider=f"House {chance.randint(1, 9)}",
        at=happening.at + timedelta(hours=hours),
    )


def cut(piece: Piece, chance: random.Random) -> Piece:
    """Its first 35 to 80 percent, as editors cut from the end."""
    left = int(piece.words * chance.uniform(0.35, 0.8))
    kept: list[str] = []
    for paragraph in piece.paragraphs:
        words = paragraph.split()[:left]
        if not words:
            break
        kept.append(" ".join(words))
        left -= len(words)
    return replace(piece, paragraphs=tuple(kept))


def edited(piece: Piece, chance: random.Random) -> Piece:
    """5 to 15 percent of its words replaced, left out or followed by another one."""
    rate = chance.uniform(0.05, 0.15)

    def edit(word: str) -> list[str]:
        if chance.random() >= rate:
            return [word]
        new = chance.choice((*NOUNS, *ADJECTIVES, *ADVERBS))
        return chance.choice(([new], [new], [], [word, new]))

    def of(paragraph: str) -> str:
        return " ".join(new for word in paragraph.split() for new in edit(word))

    return replace(piece, paragraphs=tuple(map(of, piece.paragraphs)))


def boilerplate(piece: Piece, chance: random.Random) -> Piece:
    """Its house's notices above and below."""
    lines = chance.sample(BOILERPLATE, chance.randint(2, 4))
    return replace(piece, paragraphs=(lines[0], *piece.paragraphs, *lines[1:]))


def shuffled(piece: Piece, chance: random.Random) -> Piece:
    """Its paragraphs in another order."""
    order = list(piece.paragraphs)
    chance.shuffle(order)
    return replace(piece, paragraphs=tuple(order))


def extracted_again(piece: Piece, chance: random.Random) -> Piece:
    """As another extractor gives it: marks, spaces, ligatures, case and paragraphs differ."""
    swaps = {
        "“": '"',
        "”": '"',
        ",": chance.choice((",", " ,", ", ")),
        "fi": "ﬁ",
        "fl": "ﬂ",
        "'": "’",
    }

    def of(paragraph: str) -> str:
        for old, new in swaps.items():
            paragraph = paragraph.replace(old, new)
        paragraph = paragraph.replace(" ", chance.choice(("  ", "\u00a0", "\n", " ")))
        return paragraph.upper() if chance.random() < 0.2 else paragraph

    half = len(piece.paragraphs) // 2
    joined = (" ".join(piece.paragraphs[:half]), *piece.paragraphs[half:])
    return replace(piece, paragraphs=tuple(of(one) for one in joined if one))


def new_headline(piece: Piece, chance: random.Random) -> Piece:
    """Another house's headline and name, a byline in front."""
    headline = " ".join(chance.choices((*NOUNS, *ADJECTIVES), k=8)).capitalize()
    byline = f"By {chance.choice(FIRST)} {_name(chance)}"
    return replace(
        piece,
        headline=headline,
        paragraphs=(byline, *piece.paragraphs),
        provider=f"Paper {chance.randint(1, 99)}",
    )


VARIANTS: dict[str, Callable[[Piece, random.Random], Piece]] = {
    "cut": cut,
    "edited": edited,
    "boilerplate": boilerplate,
    "shuffled": shuffled,
    "extracted again": extracted_again,
    "new headline": new_headline,
}


def variant(piece: Piece, name: str, number: int) -> Piece:
    """The article ``number``, made of ``piece`` in the way of that name, an hour later."""
    made = VARIANTS[name](piece, chance_of(name, piece.number, number))
    return replace(made, number=number, at=piece.at + timedelta(hours=1))
