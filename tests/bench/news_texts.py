"""Invented articles that have names as news has them: a cast of their own, introduced once.

Each article draws its cast by its number from vocabularies of which most names are rare, uses the
first of it most, calls people by their full name and role once, and then by their surname.

How many names, quotes and words a sentence has is calibrated on the two real articles in
``seeds/``, counted as the enricher finds them; ``test_news_texts.py`` holds it.
"""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, TypeVar

from tests.bench.news_subjects import SUBJECTS
from tests.bench.news_words import (
    ASIDES,
    CITIES,
    COUNTRIES,
    DAYS,
    FIRM_ENDINGS,
    FIRST_NAMES,
    FORMS,
    KINDS,
    MONTHS,
    MORE_SENTENCES,
    ORGANISATIONS,
    REGIONS,
    SAYS,
    SCARES,
    SURNAME_BEGINNINGS,
    SURNAME_ENDINGS,
    SURNAMES,
    SYLLABLES,
    THING_BEGINNINGS,
    THING_ENDINGS,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.bench.news_words import Subject

    Cast = dict[str, tuple[str, ...]]

QUOTE_SHARE = 0.32
"""Of the sentences; real articles have as many quotes for each 100 words."""

ASIDE_SHARE = 0.1
"""Of the sentences that can end in one."""

FULL_NAME_SHARE = 0.05
"""Of the mentions of a person after the first."""

COMMON_SURNAMES = 0.4
"""Share of the surnames that come from a list; the others are made of two parts."""

FEW = 4.0
"""How many of a vocabulary are about equally frequent, before the others become rarer."""

FEW_OF_CAST = 3.0
"""The same within one article."""

PEOPLE = 8
"""Of a cast; as many roles are there in each subject."""

PARAGRAPH_SENTENCES = (1, 2, 2, 3)
Name = TypeVar("Name")
_BEFORE_VOWEL = re.compile(r"(?<=\b[Aa])(?= (?:[AEI]|[aeio]|un|um|ul|up))")
_SLOT = re.compile(r"\{(\w+)\}")


def place_in_row(chance: random.Random, count: int, few: float) -> int:
    """One of ``count`` places in a row, like 1 / (place + ``few``): Zipf's and Mandelbrot's law."""
    return int(few * ((count + few) / few) ** chance.random() - few)


def cast_of(chance: random.Random, names: Sequence[Name], count: int) -> tuple[Name, ...]:
    """Different names of a vocabulary, the first ones often and the later ones rarely."""
    cast: dict[Name, None] = {}
    while len(cast) < count:
        cast[_rare(chance, names)] = None
    return tuple(cast)


def village_of(number: int) -> str:
    """A name made from the number alone: 65,536 articles have it to themselves."""
    digits = (number * 40_503 >> shift & 15 for shift in (12, 8, 4, 0))
    return "".join(SYLLABLES[digit] for digit in digits).title()


class Deck:
    """Lines in any order, none a second time before all have been dealt."""

    def __init__(self, chance: random.Random, lines: Sequence[str]) -> None:
        self._chance, self._lines = chance, lines
        self._left: list[str] = []

    def deal(self) -> str:
        """The next one."""
        if not self._left:
            self._left = self._chance.sample(self._lines, len(self._lines))
        return self._left.pop()


def _sum(chance: random.Random) -> str:
    unit = chance.choice(("million euros", "million dollars", "billion euros"))
    return f"{chance.randint(11, 989) / 10} {unit}"


def _rare(chance: random.Random, names: Sequence[Name]) -> Name:
    return names[place_in_row(chance, len(names), FEW)]


def _surname(chance: random.Random) -> str:
    """One of the common ones, or one that is made up of two parts."""
    if chance.random() < COMMON_SURNAMES:
        return chance.choice(SURNAMES)
    return chance.choice(SURNAME_BEGINNINGS) + chance.choice(SURNAME_ENDINGS)


def _people(chance: random.Random) -> tuple[str, ...]:
    surnames: dict[str, None] = {}
    while len(surnames) < PEOPLE:
        surnames[_surname(chance)] = None
    pairs = zip(chance.sample(FIRST_NAMES, PEOPLE), surnames, strict=True)
    return tuple(" ".join(pair) for pair in pairs)


def draw_cast(chance: random.Random, number: int, subject: Subject) -> Cast:
    """Who and what is in the ``number``-th article, the most frequent first."""
    countries, nations = zip(*cast_of(chance, COUNTRIES, 7), strict=True)
    firm = f"{_surname(chance)} {chance.choice(FIRM_ENDINGS)}"
    known = (*cast_of(chance, subject.organisations, 3), *cast_of(chance, ORGANISATIONS, 2))
    return {
        "person": _people(chance),
        "country": countries,
        "nation": nations,
        "city": cast_of(chance, CITIES, 7),
        "village": (village_of(number),),
        "org": (*known, firm),
        "region": cast_of(chance, REGIONS, 2),
        "day": tuple(chance.sample(DAYS, 2)),
        "month": tuple(chance.sample(MONTHS, 2)),
        "year": tuple(str(chance.randint(1987, 2023)) for _ in range(2)),
        "sum": tuple(_sum(chance) for _ in range(3)),
    }


class Story:
    """The ``number``-th article while it is written."""

    def __init__(self, number: int) -> None:
        self._chance = chance = random.Random(f"news {number}")  # noqa: S311  # no secret
        subject = chance.choice(SUBJECTS)
        self._cast = draw_cast(chance, number, subject)
        self.people = self._cast["person"]
        roles = chance.sample(subject.roles, PEOPLE)
        self._strangers = dict(zip(self.people, roles, strict=True))
        self._land = dict(zip(self._cast["nation"], self._cast["country"], strict=True))
        self._in_sentence: set[str] = set()
        self._decks = {
            "sentence": Deck(chance, subject.sentences + MORE_SENTENCES),
            "form": Deck(chance, FORMS),
            "say": Deck(chance, subject.says + SAYS),
            "scare": Deck(chance, SCARES),
            "aside": Deck(chance, ASIDES),
        }
        self._made = {
            "number": lambda: f"{int(13 * 1_000 ** chance.random()):,}",
            "few": lambda: f"{chance.randint(4, 12)}",
            "kind": lambda: _rare(chance, KINDS),
            "thing": lambda: _rare(chance, THING_BEGINNINGS) + _rare(chance, THING_ENDINGS),
            "percent": lambda: f"{chance.randint(11, 399) / 10}",
        }
        self.headline = self._sentence(chance.choice(subject.headlines))
        self._lead = chance.choice(subject.leads)

    def paragraphs(self) -> Iterator[str]:
        """The body, without end."""
        sentences = self._sentences()
        while True:
            count = self._chance.choice(PARAGRAPH_SENTENCES)
            yield " ".join(next(sentences) for _ in range(count))

    def _sentences(self) -> Iterator[str]:
        yield self._sentence(self._lead)
        while True:
            kind = "form" if self._chance.random() < QUOTE_SHARE else "sentence"
            yield self._sentence(self._decks[kind].deal())

    def _sentence(self, line: str) -> str:
        self._in_sentence.clear()
        return self._filled(line)

    def _filled(self, line: str) -> str:
        text = _SLOT.sub(lambda slot: self._slot(slot[1]), line)
        text = _BEFORE_VOWEL.sub("n", text)
        # What stands within a sentence begins with a small letter or a comma, and is left so.
        return text[:1].upper() + text[1:] if line[0] == "{" else text

    def _slot(self, name: str) -> str:
        if name in self._made:
            return self._made[name]()
        if name == "aside" and self._chance.random() >= ASIDE_SHARE:
            return ""
        if name in self._decks:
            return self._filled(self._decks[name].deal())
        picked = self._pick(self._cast[name])
        return self._called(picked) if name == "person" else picked

    def _pick(self, cast: Sequence[str]) -> str:
        """One of the cast, often one of the first; not twice in a sentence if there are others."""
        met = self._in_sentence
        left = [name for name in cast if self._land.get(name, name) not in met] or cast
        picked = left[place_in_row(self._chance, len(left), FEW_OF_CAST)]
        met.add(self._land.get(picked, picked))  # neither Finland nor a Finnish one once more
        return picked

    def _called(self, person: str) -> str:
        """The full name with a role for the first time, then the surname, rarely both names."""
        if person in self._strangers:
            return f"{self._strangers.pop(person)} {person}"
        return person if self._chance.random() < FULL_NAME_SHARE else person.split()[1]
