"""Lines of a terminal that never wrap: cells fitted to their columns, bars of what was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from services.observability import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

GAP = 2
"""Columns between two cells."""


@dataclass(frozen=True, slots=True)
class Glyphs:
    """What a terminal can show. ``bars``: from nothing to the most; ``encoding``: of the output."""

    bars: str
    dot: str
    cut: str
    none: str
    encoding: str

    def shown(self, text: str) -> str:
        """``text`` as it may be shown here: without control characters, and encodable."""
        safe = printable(text)
        return safe.encode(self.encoding, "backslashreplace").decode(self.encoding)

    def fit(self, text: str, width: int) -> str:
        """``text`` in ``width`` columns at most, with a sign at its end where it was cut."""
        if cell_len(text) <= width:
            return text
        room = max(0, width - cell_len(self.cut))
        return set_cell_size(text, room).rstrip() + self.cut[:width]

    def joined(self, parts: Sequence[str], width: int) -> str:
        """As many of ``parts`` as fit into ``width``, whole; then how many are left out."""
        for count in range(len(parts), 0, -1):
            left = len(parts) - count
            line = f" {self.dot} ".join([*parts[:count], *([f"+{left} more"] if left else [])])
            if cell_len(line) <= width:
                return line
        return self.fit(parts[0], width) if parts else ""

    def sparkline(self, values: Sequence[float], width: int) -> str:
        """The last ``width`` values as bars, the newest at the right; the largest is full."""
        last = list(values)[-width:] if width > 0 else []
        most = max(last, default=0)
        steps = len(self.bars) - 1
        # Whatever is more than nothing is to be seen as that.
        levels = [0 if not v else max(1, round(v / most * steps)) for v in last]
        return "".join(self.bars[level] for level in levels).rjust(width if last else 0)


def glyphs_of(encoding: str) -> Glyphs:
    """What an output of ``encoding`` can show: Unicode's blocks and dots, or plain ASCII."""
    if encoding.lower().replace("-", "").startswith("utf"):
        return Glyphs("▁▂▃▄▅▆▇█", "·", "…", "–", encoding)
    return Glyphs("_.-=+*%#", "|", "~", "-", encoding)


@dataclass(frozen=True, slots=True)
class Cell:
    """A text with a style of rich's; what it says is said in words, too."""

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    ``flexible``: takes the room that is left, or gives it.  ``extra``: is left out where the
    terminal is narrower than this.
    """

    title: str
    right: bool = False
    flexible: bool = False
    extra: int = 0


Row = tuple[Cell, ...]
Rows = list[Row]


def table(
    columns: Sequence[Column],
    rows: Sequence[Row],
    width: int,
    glyphs: Glyphs,
    *,
    header: bool = True,
) -> list[Text]:
    """A headline and a line for each row, none wider than ``width``."""
    kept = [at for at, column in enumerate(columns) if width >= column.extra]
    shown = [columns[at] for at in kept]
    lines = [tuple(row[at] for at in kept) for row in rows]
    head = tuple(Cell(column.title, "bold") for column in shown)
    widths = _widths(shown, [head, *lines] if header else lines, width)
    made = [_line(shown, line, widths, glyphs) for line in ([head] if header else []) + lines]
    for line in made:
        line.truncate(width)
    return made


def _widths(columns: Sequence[Column], lines: Sequence[Row], width: int) -> list[int]:
    wanted = [
        max((cell_len(line[at].text) for line in lines), default=0) for at in range(len(columns))
    ]
    flexible = [at for at, column in enumerate(columns) if column.flexible]
    fixed = sum(size for at, size in enumerate(wanted) if at not in flexible)
    left = width - fixed - GAP * (len(columns) - 1)
    for number, at in enumerate(flexible):
        share = left // (len(flexible) - number)
        wanted[at] = max(0, min(wanted[at], share) if number < len(flexible) - 1 else left)
        left -= wanted[at]
    return wanted


def _line(
    columns: Sequence[Column], cells: tuple[Cell, ...], widths: list[int], glyphs: Glyphs
) -> Text:
    line = Text(no_wrap=True, overflow="crop")
    for at, (column, cell, width) in enumerate(zip(columns, cells, widths, strict=True)):
        text = glyphs.fit(cell.text, width)
        space = " " * max(0, width - cell_len(text))
        last = at == len(columns) - 1
        line.append(space if column.right else "")
        line.append(text, cell.style)
        line.append("" if column.right or last else space)
        line.append("" if last else " " * GAP)
    line.rstrip()
    return line


def number(value: int | None, glyphs: Glyphs) -> str:
    """A count with its thousands apart; what isn't known is a dash."""
    return glyphs.none if value is None else f"{value:,}"
