"""The invented world that :mod:`tests.bench.generator` reports on: words, names, topics, hours."""

from __future__ import annotations

import math
import random
from bisect import bisect
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING

from schemas.article import Provenance, ReaderInfo
from services.media_topics import media_topics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.article import EntityType

BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 728
"""Two years in whole weeks, from a Monday."""

SATURDAY = 5

ZIPF_EXPONENT, ZIPF_SHIFT = 1.05, 2.7
"""Of Mandelbrot's form of Zipf's law: what running English text comes to."""

WORDS = {"en": 40_000, "es": 15_000, "fr": 15_000, "de": 15_000, "ru": 15_000}
LANGUAGES = {"en": 0.74, "es": 0.08, "fr": 0.07, "de": 0.06, "ru": 0.05}
"""Words that there are in each language, and the share of articles in it."""

SYLLABLES = {
    "en": "ba den kor lun mar nes ol per rin sal tor ul ven wick zan hol fi gra tem ou",
    "es": "ba cia do era ño los mar que ria sol ta vi zar lle gán pe ru mon és tu",
    "fr": "beau ché de eur fle gné is lle mou nant oi pré que rou sé teur u vois ça ble",
    "de": "auf ber chen dorf ein feld ge heit isch keit lich mach nis ober rück schaft tür über ß",
    "ru": "ба ви го дор ек жа зи кол лен мос но про рек ска тов ум фёд хо чин ый",  # noqa: RUF001  (Cyrillic)
}
SUBJECT_WORDS = 120
"""Words that belong to a topic; an eighth of its articles' words are of these."""

SUBJECT_SHARE = 0.125
PEOPLE, ORGANISATIONS, PLACES = 24_000, 4_000, 1_500
"""Whom articles name. Half of a type's mentions go to about a fortieth of them."""

KINDS: tuple[tuple[EntityType, int, float, str], ...] = (
    ("PERSON", PEOPLE, 0.45, "wd:Q9"),
    ("ORG", ORGANISATIONS, 0.25, "wd:Q8"),
    ("GPE", PLACES, 0.30, "wd:Q7"),
)
"""Type, how many, share of the names in a text, and how their keys begin where they are linked."""

LINKED = 0.6
"""Share of the entities that have a key of Wikidata; the others' is made of their name."""

HOURS = (2, 2, 1, 1, 2, 4, 7, 9, 10, 10, 10, 9, 9, 10, 10, 10, 10, 9, 8, 7, 6, 5, 4, 3)
"""How many articles come in which hour (UTC); on Saturdays and Sundays half as many."""


def languages() -> tuple[tuple[str, ...], tuple[float, ...]]:
    """The languages, and how often articles are in each."""
    return tuple(LANGUAGES), tuple(LANGUAGES.values())


@cache
def vocabulary(language: str) -> tuple[str, ...]:
    """The words of a language, the most frequent first; frequent ones are short."""
    chance = random.Random(f"words {language}")  # noqa: S311  (repeatable, not secret)
    syllables = SYLLABLES[language].split()
    made = dict.fromkeys(syllables)
    while len(made) < WORDS[language]:
        # 2 syllables behind the first words, 5 at the end: as words get rarer they get longer.
        length = 2 + round(math.log10(len(made) / 100 + 1) * chance.uniform(0.7, 1.3))
        made["".join(chance.choices(syllables, k=length))] = None
    return tuple(made)


@cache
def zipf(count: int) -> tuple[float, ...]:
    """Cumulative weights of ``count`` ranks."""
    return tuple(accumulate((n + ZIPF_SHIFT) ** -ZIPF_EXPONENT for n in range(1, count + 1)))


@cache
def names(kind: EntityType) -> tuple[str, ...]:
    """The names of a type, the most frequent first."""
    chance = random.Random(f"names {kind}")  # noqa: S311  (see vocabulary)
    count = next(count for each, count, _, _ in KINDS if each == kind)
    made: dict[str, None] = {}
    while len(made) < count:
        made[_name(chance, kind)] = None
    return tuple(made)


def _name(chance: random.Random, kind: EntityType) -> str:
    syllables = SYLLABLES["en"].split()
    parts = ["".join(chance.choices(syllables, k=chance.randint(2, 3))).title() for _ in range(2)]
    if kind == "PERSON":
        return " ".join(parts)
    if kind == "ORG":
        return (
            f"{parts[0]} {chance.choice(('Union', 'Bank', 'Party', 'Council', 'Works', 'Group'))}"
        )
    return parts[0] + chance.choice(("", "", "ville", " Bay", "stan"))


@cache
def topic_codes() -> tuple[str, ...]:
    """The codes of the vocabulary in an order of their own: the first are the most frequent."""
    codes = [code for code in media_topics() if code.startswith("medtop:")]
    random.Random("topics").shuffle(codes)  # noqa: S311  (see vocabulary)
    return tuple(codes)


@cache
def lineage(code: str) -> tuple[tuple[str, str, int], ...]:
    """A topic and those above it: code, name, level."""
    tree = media_topics()
    above = tuple(tree.lineage(code))
    return tuple(
        (each, tree.name(each) or each, len(above) - place) for place, each in enumerate(above)
    )


@cache
def _hours() -> tuple[float, ...]:
    """Cumulative weights of a week's hours, from Monday."""
    return tuple(accumulate(h / (1 + (day >= SATURDAY)) for day in range(7) for h in HOURS))


def time_of(share: float) -> datetime:
    """When ``share`` of all articles have come: more by day than by night."""
    weeks = share * (DAYS / 7)
    cumulative = _hours()
    at = (weeks % 1) * cumulative[-1]
    hour = min(bisect(cumulative, at), len(cumulative) - 1)
    before = cumulative[hour - 1] if hour else 0.0
    within = (at - before) / (cumulative[hour] - before)
    return BEGIN + timedelta(weeks=int(weeks), hours=hour, milliseconds=int(within * 3_600_000))


@cache
def key_of(kind: EntityType, rank: int) -> str:
    """The key of the ``rank``-th name of a type."""
    linked = random.Random(f"key {kind} {rank}").random() < LINKED  # noqa: S311  (see vocabulary)
    if linked:
        return next(f"{begin}{rank:05}" for each, _, _, begin in KINDS if each == kind)
    return f"{kind.lower()}:{names(kind)[rank].lower()}"


@cache
def subject_words(code: str, language: str) -> Sequence[str]:
    """The words that belong to a topic: neither the most frequent nor the rarest ones."""
    known = vocabulary(language)
    chance = random.Random(f"subject {code} {language}")  # noqa: S311  (see vocabulary)
    return [known[chance.randint(200, len(known) // 2)] for _ in range(SUBJECT_WORDS)]


BLOCKS = ("language", "entities", "values", "topics", "quotes", "summary", "duplicates", "story")
READER = ReaderInfo(name="nitf", version="1", format="application/xml", encoding="utf-8")
PROVENANCE = {
    name: Provenance(
        block=name,
        status="done",
        annotator=f"bench-{name}",
        version="1",
        at=BEGIN,
        duration_ms=1.5,
    )
    for name in BLOCKS
}
