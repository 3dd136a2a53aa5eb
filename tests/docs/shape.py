"""Whether what a command prints has the shape of what a document shows.

Numbers, times, ids and the widths of columns differ from run to run, words don't.  In what is
shown, ``…`` stands for any rest of a line, and on a line of its own for any lines.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

REST = "…"

ID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b(?=\w*\d)[0-9a-f]{8,64}\b")
NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
RULES = re.compile(r"[─━┄═]{2,}|-{3,}")


def shape(line: str) -> str:
    """A line without what differs from run to run."""
    line = RULES.sub("-", line)
    line = NUMBER.sub("0", ID.sub("ID", line))
    return " ".join(line.split())


def differs(shown: Sequence[str], printed: str) -> str | None:
    """The first shown line that isn't there, in its place; None where all are."""
    lines = [shape(line) for line in printed.splitlines() if line.strip()]
    at, free = 0, False
    for line in shown:
        if not line.strip():
            continue
        if line.strip() == REST:
            free = True
            continue
        found = _find(line, lines, at, free=free)
        if found is None:
            return line
        at, free = found + 1, False
    if at < len(lines) and not free:
        return f"(the end: it goes on with {lines[at]!r})"
    return None


def _find(shown: str, lines: Sequence[str], at: int, *, free: bool) -> int | None:
    """Where a line like the shown one is: at once, or anywhere behind where lines were left out."""
    # Spaces don't count: columns differ in width, and what is left out may have one beside it.
    parts = [re.escape(shape(part).replace(" ", "")) for part in shown.split(REST)]
    wanted = re.compile(".*".join(parts))
    for number, line in enumerate(lines[at:], start=at):
        if wanted.fullmatch(line.replace(" ", "")):
            return number
        if not free:
            return None
    return None
