"""How much an article is about each of its entities.

    salience = weight of the type x (0.2 title + 0.2 lead + 0.4 frequency + 0.2 spread)

* title, lead: 1 where it is named in the headline, in the first paragraphs; else 0.
* frequency: log2(1 + its mentions) / log2(1 + those of the most frequent entity).
* spread: of the ten tenths of the text, the share of those that name it.

A mention in a credit (byline, photo credit, a dateline's agency) counts for nothing,
so who is named there only has salience 0: the agency is not what the article is about.
The scale is the document's own: 1 is named all over, from the title to the end.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from math import log2
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.article import EntityType, Section

TITLE, LEAD, FREQUENCY, SPREAD = 0.2, 0.2, 0.4, 0.2
"""Add up to 1. What is in the title is in the lead mostly, so together they weigh as much as
the count does."""

TENTHS = 10
DIGITS = 3

LEAD_CHARS = 500
"""Length of the lead where the text has one paragraph only: about three sentences."""

_TYPE_WEIGHTS: dict[EntityType, float] = {"NORP": 0.5, "LANGUAGE": 0.3, "DATE": 0.0, "MONEY": 0.0}
"""Peoples are named as adjectives mostly ("Chinese firms"): the article is on the firms."""

_NO_TITLE_END = (".", "!", "”", '"')


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the title ends, where the lead ends, where nobody is spoken of (code points)."""

    length: int
    title_end: int
    lead_end: int
    credits: tuple[tuple[int, int], ...]

    def in_title(self, start: int) -> bool:
        """Whether the headline stands there."""
        return start < self.title_end

    def in_lead(self, start: int) -> bool:
        """Whether the first paragraphs (and not the headline) stand there."""
        return self.title_end <= start < self.lead_end

    def told(self, starts: Sequence[int]) -> Sequence[int]:
        """Those of ``starts`` where somebody is spoken of and the text doesn't name its makers."""
        if not self.credits:
            return starts
        return [start for start in starts if not self.is_credit(start)]

    def is_credit(self, start: int) -> bool:
        """Whether the text names its makers there."""
        index = bisect_right(self.credits, (start, self.length)) - 1
        return index >= 0 and self.credits[index][0] <= start < self.credits[index][1]


def layout(
    text: str, sections: Sequence[Section], credit_places: Sequence[tuple[int, int]]
) -> Layout:
    """The layout as the reader tells it; without sections the first line may be the title."""
    ends = {section.role: section.end for section in sections}
    title_end = ends.get("headline", 0 if sections else _first_line_as_title(text))
    start = max(title_end, ends.get("standfirst", 0))
    return Layout(len(text), title_end, _lead_end(text, start), tuple(sorted(credit_places)))


def _first_line_as_title(text: str) -> int:
    end = text.find("\n\n")
    line = text[: max(end, 0)].rstrip()
    is_title = 0 < len(line) <= 200 and not line.endswith(_NO_TITLE_END)  # noqa: PLR2004 (a headline)
    return end if is_title else 0


def _lead_end(text: str, start: int) -> int:
    """The end of the first paragraph behind ``start``, of two if the first is short."""
    body = len(text) - len(text[start:].lstrip()) if len(text) < start + LEAD_CHARS else start
    while body < len(text) and text[body].isspace():
        body += 1
    end = text.find("\n\n", body + LEAD_CHARS // 3, body + 2 * LEAD_CHARS)
    return end if end >= 0 else min(body + LEAD_CHARS, len(text))


def salience(kind: EntityType, starts: Sequence[int], most: int, where: Layout) -> float:
    """0 to 1 of an entity named at ``starts``; ``most``: mentions of the most frequent one."""
    told = where.told(starts)
    if not told:
        return 0.0
    length, title, lead = max(where.length, 1), where.title_end, where.lead_end
    tenths = {start * TENTHS // length for start in told}
    score = (
        TITLE * (min(told) < title)
        + LEAD * any(title <= start < lead for start in told)
        + FREQUENCY * log2(1 + len(told)) / log2(1 + max(most, len(told)))
        + SPREAD * len(tenths) / TENTHS
    )
    return round(score * _TYPE_WEIGHTS.get(kind, 1.0), DIGITS)
