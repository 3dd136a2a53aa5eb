"""People whom the model missed: behind a title, before "who", in a list of people."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from services.enrichment.annotators.context import LOOK
from services.enrichment.annotators.mentions import Named
from services.enrichment.annotators.names import TITLES, fold, trim
from services.enrichment.patterns import CAPITAL, by_first_letter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from services.enrichment.annotators.gazetteer import Gazetteer
    from services.enrichment.annotators.intervals import Intervals

_REST = r"[^\W\d_]+(?:[-'’][^\W\d_]+)*"
_PART = CAPITAL + _REST
_JOINT = r"(?:(?:van|von|der|den|de|da|dos|del|di|la|le|bin|ibn|al|el|ter)[ \xa0]){0,3}"
_FURTHER = rf"(?:[ \xa0](?:[A-Z]\.[ \xa0])?{_JOINT}{_PART}){{1,3}}"
_NAME = _PART + _FURTHER
_TITLES = "|".join(sorted((title.capitalize() for title in TITLES), key=len, reverse=True))
_AT_TITLE = by_first_letter({title.capitalize() for title in TITLES}, behind=r"(?<!\w.)")
_AFTER_TITLE = re.compile(rf"(?:{_AT_TITLE})\.?[ \xa0](?P<name>{_NAME})(?![\w-])")
_BEFORE_WHO = re.compile(
    rf"(?P<name>{CAPITAL}(?<![\w-].){_REST}{_FURTHER})"
    r"(?=,[ ](?:who|whose|aged|\d\d,|an?[ ][a-z])|[ ](?:said|says|told|wrote|added)\b)"
)
_CAPITAL_BEFORE = re.compile(r"[A-ZÀ-ÖØ-Þ][\w’'&-]*[ \xa0]$")
"""The row of capitals has begun before: "Old Riverton Council Leader Ana Petrova, who"."""

_ITEM = re.compile(
    rf"^[ \t]*(?:(?P<bullet>[-*•·–])|\d{{1,3}}[.)])[ \t]+(?:(?:{_TITLES})\.?[ ])*(?P<name>{_NAME})"
    r"(?=\s*(?:$|[,(:;–—]|-\s))",
    re.MULTILINE,
)
"""A line of a list that begins with what may be a person's name."""

_START = re.compile(
    rf"^[ \t]*(?:(?P<bullet>[-*•·–])|\d{{1,3}}[.)])[ \t]+(?:(?:{_TITLES})\.?[ ])*", re.MULTILINE
)

FEWEST_ITEMS = 2
"""People at the start of a list's lines after which its other lines are taken for such, too;
they must also be a third of the lines."""


def missed_people(
    text: str, names: Sequence[Named], taken: Intervals, gazetteer: Gazetteer
) -> list[Named]:
    """People in full where nothing was seen; ``taken``: where something was."""
    found: dict[int, Named] = {}
    for start, end in _places(text, names):
        first, last = trim(text, start, end)
        name = text[first:last]
        if taken.free(first, last) and gazetteer.get(name) is None:
            found.setdefault(first, Named(first, last, name, fold(name), "PERSON"))
    return _without_overlap(found)


def _without_overlap(found: dict[int, Named]) -> list[Named]:
    kept: list[Named] = []
    for _, name in sorted(found.items()):
        if not kept or name.start >= kept[-1].end:
            kept.append(name)
    return kept


def _places(text: str, names: Sequence[Named]) -> Iterator[tuple[int, int]]:
    for match in _AFTER_TITLE.finditer(text):
        yield match.span("name")
    for match in _BEFORE_WHO.finditer(text):
        first = match["name"].split()[0].casefold()
        before = text[max(0, match.start() - LOOK) : match.start()]
        if first not in TITLES | _NO_FIRST_NAMES and _CAPITAL_BEFORE.search(before) is None:
            yield match.span("name")
    yield from _listed(text, {name.start for name in names if name.type == "PERSON"})


def _listed(text: str, people: Collection[int]) -> Iterator[tuple[int, int]]:
    """What may be a person at the start of a list's line, where the list is one of people."""
    lines: Counter[str | None] = Counter()
    certain: Counter[str | None] = Counter()
    for line in _START.finditer(text):
        lines[line["bullet"]] += 1
        certain[line["bullet"]] += line.end() in people
    for item in _ITEM.finditer(text):
        sure = certain[item["bullet"]]
        if sure >= FEWEST_ITEMS and 3 * sure >= lines[item["bullet"]]:
            yield item.span("name")


_NO_FIRST_NAMES = frozenset(
    {"the", "a", "an", "in", "on", "at", "as", "but", "and", "for", "when", "while", "after", "new"}
    | {"north", "south", "east", "west", "meanwhile", "however", "yesterday", "today", "last"}
    | {"world", "national", "united", "international", "former", "one", "two", "this", "that"}
)
"""Words with a capital at the start of a sentence, or of an organisation's name."""
