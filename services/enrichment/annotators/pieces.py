"""Cut long texts into pieces, so that memory and time stay bounded whatever comes.

spaCy's own recogniser holds about 1 kB for each character of a batch while it works, and its
tokeniser takes quadratic time over a run of marks without white space (20,000
characters of ``.,.,`` take a minute).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_PIECE = 10_000
"""Characters of a piece: twice a long article, so that nearly none is cut at all."""

MAX_RUN = 200
"""Characters without white space above which a run is left out: no name is that long, and
the tokeniser needs at most some milliseconds for a shorter one."""

MAX_MARKS = 50
"""Marks and spaces in a row above which they are left out: drawn lines, dots of a table."""

MAX_READ = 250_000
"""Characters in which the model looks for names: 40,000 words, a short novel. One such takes 0.8 s
of news on the machine this was measured on, and up to 3.3 s of what isn't language (single letters
and lines); a batch of 8 with a model that spaCy itself must decode, at 8,000 words a second, some
minutes, which is still inside the 300 s after which a worker counts as stalled. Names
found there are marked in the rest of the text, too."""

_LEFT_OUT = re.compile(rf"\S{{{MAX_RUN + 1},}}|[\W_]{{{MAX_MARKS + 1},}}")
_BORDERS = ("\n\n", "\n", ". ", " ")
"""Where to cut, best first: between paragraphs, lines, sentences, words."""


def pieces(text: str) -> Iterator[tuple[int, int]]:
    """Offsets ``[start, end)`` of the parts of ``text`` to be read, in order, without overlap."""
    start = 0
    for run in _LEFT_OUT.finditer(text, 0, min(len(text), MAX_READ)):
        yield from _cut(text, start, run.start())
        start = run.end()
    yield from _cut(text, start, min(len(text), MAX_READ))


def _cut(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > MAX_PIECE:
        border = _border(text, start, start + MAX_PIECE)
        yield start, border
        start = border
    if text[start:end].strip():
        yield start, end


def _border(text: str, start: int, end: int) -> int:
    """The last good place to cut in the second half of ``[start, end)``, else ``end``."""
    for mark in _BORDERS:
        found = text.rfind(mark, start + MAX_PIECE // 2, end)
        if found >= 0:
            return found + len(mark)
    return end
