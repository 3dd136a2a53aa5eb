"""Parts of a text, and which of it they leave free."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Intervals:
    """Parts of a text that rise and don't overlap; a look-up takes logarithmic time."""

    def __init__(self, intervals: Sequence[tuple[int, int]]) -> None:
        self._starts = [start for start, _ in intervals]
        self._ends = [end for _, end in intervals]

    def free(self, start: int, end: int) -> bool:
        """True when nothing overlaps ``[start, end)``; the intervals rise and don't overlap."""
        before = bisect_right(self._starts, start) - 1
        if before >= 0 and self._ends[before] > start:
            return False
        after = before + 1
        return after >= len(self._starts) or self._starts[after] >= end
