"""Parts of a text, and which of it they leave free."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


class Placed(Protocol):
    """Something that has a place in the text."""

    @property
    def start(self) -> int:
        """Offset of its first character."""

    @property
    def end(self) -> int:
        """Offset behind its last character."""


def spans_of(*places: Sequence[Placed]) -> list[tuple[int, int]]:
    """Where something is named, without overlap, rising."""
    spans: list[tuple[int, int]] = []
    # Two rising lists one after the other: sorting merges them in one pass.
    for start, end in sorted([(item.start, item.end) for each in places for item in each]):
        if not spans or start >= spans[-1][1]:
            spans.append((start, end))
        else:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
    return spans


class Intervals:
    """Parts of a text that rise and don't overlap; a look-up takes logarithmic time."""

    def __init__(self, intervals: Sequence[tuple[int, int]]) -> None:
        self._starts = [start for start, _ in intervals]
        self._ends = [end for _, end in intervals]

    def covers(self, start: int, end: int) -> bool:
        """True when one of them holds all of ``[start, end)``, so that nothing in it is free."""
        before = bisect_right(self._starts, start) - 1
        return before >= 0 and self._ends[before] >= end

    def free(self, start: int, end: int) -> bool:
        """True when nothing overlaps ``[start, end)``; the intervals rise and don't overlap."""
        before = bisect_right(self._starts, start) - 1
        if before >= 0 and self._ends[before] > start:
            return False
        after = before + 1
        return after >= len(self._starts) or self._starts[after] >= end
