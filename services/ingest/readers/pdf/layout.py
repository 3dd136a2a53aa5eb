"""The fragments of a page as lines in reading order.

A page is cut into zones from top to bottom: while a strip of white (a gutter) stays free of
text, what stands on its sides are columns, read one after the other; text that crosses the
gutter (a headline) starts a new zone.  Within a column, fragments on one level are one line.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from services.ingest.readers.pdf.glyphs import Fragment

GUTTER: Final = 0.8
"""Times the height of the letters: the narrowest white between columns of newspapers."""

COLUMN_LINES: Final = 2
"""Lines that a column has at least; a date to the right of a name is none."""

COLUMN_CHARS: Final = 12
"""Characters of a column's lines, in the median. Narrower ones are cells of a table, numbers or
bullets, which are read across."""

CELL_GAP: Final = 2.0
"""Times the height of the letters: the white between cells that are read across."""

SAME_LEVEL: Final = 0.45
"""Times the height: how far apart the middles of fragments on one line are, with superscripts."""


@dataclass(slots=True)
class TextLine:
    """A line of a column; ``column`` numbers the columns of the document."""

    text: str
    left: float
    right: float
    middle: float
    size: float
    page: int
    column: int
    row: bool = False
    """Cells of a table, side by side."""


@dataclass(slots=True)
class _Gap:
    """A strip of white from top to bottom of a zone, and how much stands beside it."""

    left: float
    right: float
    before: int = 0
    after: int = 0

    @property
    def parts(self) -> bool:
        """Whether text stands on both sides."""
        return self.before > 0 and self.after > 0


@dataclass(slots=True)
class _Zone:
    gaps: list[_Gap]
    fragments: list[Fragment] = field(default_factory=list)


def lines_of(fragments: Sequence[Fragment], page: int, first_column: int) -> list[TextLine]:
    """The lines of ``page`` in reading order, their columns numbered from ``first_column``."""
    lines: list[TextLine] = []
    if not fragments:
        return lines
    for column, part in enumerate(_parts(fragments), start=first_column):
        lines += [_line(level, page, column) for level in levels(part)]
    return lines


def _parts(fragments: Sequence[Fragment]) -> list[list[Fragment]]:
    """The fragments by column, in reading order; zones without columns go together."""
    parts: list[list[Fragment]] = []
    whole = False
    for zone in _zones(fragments):
        columns = _columns(zone)
        if whole and len(columns) == 1:
            parts[-1] += columns[0]
        else:
            parts += columns
        whole = len(columns) == 1
    return parts


def levels(fragments: Iterable[Fragment]) -> list[list[Fragment]]:
    """Fragments by the line that they stand on, from top to bottom, each from left to right."""
    done: list[list[Fragment]] = []
    for fragment in sorted(fragments, key=lambda f: -f.middle):
        if done and _level(done[-1][0], fragment):
            done[-1].append(fragment)
        else:
            done.append([fragment])
    return [sorted(level, key=lambda f: f.left) for level in done]


def _level(first: Fragment, other: Fragment) -> bool:
    return abs(first.middle - other.middle) <= SAME_LEVEL * min(first.size, other.size)


def _line(level: Sequence[Fragment], page: int, column: int) -> TextLine:
    widest = max(level, key=lambda f: len(f.text))
    parts = [level[0].text]
    row = False
    for a, b in pairwise(level):
        cell = b.left - a.right > CELL_GAP * widest.size
        row = row or cell
        parts += [" | " if cell else " ", b.text]
    return TextLine(
        text="".join(parts),
        left=level[0].left,
        right=max(f.right for f in level),
        middle=widest.middle,
        size=widest.size,
        page=page,
        column=column,
        row=row,
    )


# --- Zones and columns --------------------------------------------------------------------


def _zones(fragments: Sequence[Fragment]) -> list[_Zone]:
    width = GUTTER * median(f.size for f in fragments)
    left, right = min(f.left for f in fragments), max(f.right for f in fragments)
    zones: list[_Zone] = []
    for fragment in sorted(fragments, key=lambda f: (-f.top, f.left)):
        alone = _less([_Gap(left, right)], fragment, width)
        if zones:
            zone = zones[-1]
            gaps = _less(zone.gaps, fragment, width)
            # A full line above says nothing of the columns below, nor the other way round.
            closes = any(g.parts for g in zone.gaps) and not any(g.parts for g in gaps)
            opens = not zone.gaps and bool(alone)
            if not closes and not opens:
                zone.gaps = gaps
                zone.fragments.append(fragment)
                continue
        zones.append(_Zone(alone, [fragment]))
    return zones


def _less(gaps: Iterable[_Gap], fragment: Fragment, width: float) -> list[_Gap]:
    """What ``fragment`` leaves of ``gaps``, with it counted; strips below ``width`` are none."""
    left: list[_Gap] = []
    for gap in gaps:
        if fragment.right <= gap.left:
            left.append(_Gap(gap.left, gap.right, gap.before + 1, gap.after))
        elif fragment.left >= gap.right:
            left.append(_Gap(gap.left, gap.right, gap.before, gap.after + 1))
        else:
            left.append(_Gap(gap.left, fragment.left, gap.before, gap.after + 1))
            left.append(_Gap(fragment.right, gap.right, gap.before + 1, gap.after))
    return [gap for gap in left if gap.right - gap.left >= width]


def _columns(zone: _Zone) -> list[list[Fragment]]:
    """The zone's fragments by column, or all together where it has no columns."""
    edges = [
        (gap.left + gap.right) / 2
        for gap in zone.gaps
        if gap.before >= COLUMN_LINES and gap.after >= COLUMN_LINES
    ]
    columns: list[list[Fragment]] = [[] for _ in range(len(edges) + 1)]
    for fragment in zone.fragments:
        columns[sum(edge < fragment.left for edge in edges)].append(fragment)
    if all(_is_text(column) for column in columns):
        return columns
    return [zone.fragments]


def _is_text(column: Sequence[Fragment]) -> bool:
    enough = len(column) >= COLUMN_LINES
    return enough and median(len(f.text) for f in column) >= COLUMN_CHARS
