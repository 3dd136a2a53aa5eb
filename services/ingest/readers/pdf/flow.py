"""Lines as paragraphs: where one ends, words parted at line ends, what repeats on each page."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Final

from services.ingest.readers.lines import clean, ends_sentence
from services.ingest.readers.pdf.glyphs import HYPHEN
from services.ingest.readers.pdf.layout import levels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.ingest.readers.pdf.glyphs import Fragment
    from services.ingest.readers.pdf.layout import TextLine

MARGIN: Final = 0.12
"""The share of a page's height at its top and bottom where running heads and numbers stand."""

MARGIN_LINES: Final = 3
"""Lines at the top and at the bottom that may be running ones."""

REPEATED: Final = 0.3
"""The share of pages on which a running line stands: left and right pages have their own."""

SAME_SIZE: Final = 0.12
"""By how much letters of one text differ in height: bold and italic cuts are drawn differently."""

WIDE: Final = 1.25
"""Times the usual distance of lines: more parts paragraphs."""

MAX_LEADING: Final = 1.8
"""Times the height of letters: lines further apart were never set as one paragraph."""

INDENT: Final = 0.5
"""Times the height of letters: a first line's indent has at least that."""

RAGGED: Final = 0.2
"""The share of the column that the last line of a paragraph leaves free."""

_PAGE_NUMBER = re.compile(
    r"[-–— ]*(?:(?:page|seite|pagina|página|p\.|s\.)\s?)?\d{1,4}"
    r"(?:\s?(?:of|/|von|de|sur)\s?\d{1,4})?[-–— ]*",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d+")
_HYPHENS = (HYPHEN, "-", "\xad", "\u2010")
_LIGATURES = str.maketrans({
    "\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl",
    "\ufb05": "st", "\ufb06": "st",
})  # fmt: skip
_COMPOUND = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)+")
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(slots=True)
class Page:
    """The upright text of one page; ``bottom`` and ``top`` are the page's own edges."""

    number: int
    fragments: list[Fragment]
    bottom: float
    top: float


@dataclass(slots=True)
class Paragraph:
    """Lines that belong together; ``first`` and ``last`` count the document's lines from 1."""

    text: str
    first: int
    last: int
    size: float
    page: int


@dataclass(slots=True)
class _Open:
    """A paragraph in the making."""

    lines: list[TextLine] = field(default_factory=list)
    first: int = 0


# --- Running heads and page numbers ----------------------------------------------------


def take_running(pages: Sequence[Page]) -> list[list[str]]:
    """Take running heads, feet and page numbers off ``pages``: what was taken, by page."""
    found = [_margins(page) for page in pages]
    counts = Counter(key for edge in found for key in {_key(level) for level in edge})
    needed = max(2, round(len(pages) * REPEATED))
    taken: list[list[str]] = []
    for page, edge in zip(pages, found, strict=True):
        gone: list[str] = []
        dropped: set[int] = set()
        for level in edge:
            text = _shown(level)
            if counts[_key(level)] >= needed or _PAGE_NUMBER.fullmatch(text):
                gone.append(text)
                dropped.update(id(fragment) for fragment in level)
        page.fragments = [f for f in page.fragments if id(f) not in dropped]
        taken.append(gone)
    return taken


def _margins(page: Page) -> list[list[Fragment]]:
    height = page.top - page.bottom
    high, low = page.top - height * MARGIN, page.bottom + height * MARGIN
    edge = levels(f for f in page.fragments if f.middle >= high or f.middle <= low)
    top = [level for level in edge if level[0].middle >= high][:MARGIN_LINES]
    return [*top, *[level for level in edge if level[0].middle <= low][-MARGIN_LINES:]]


def _shown(level: Sequence[Fragment]) -> str:
    return readable(" ".join(fragment.text for fragment in level))


def _key(level: Sequence[Fragment]) -> str:
    return _DIGITS.sub("#", _shown(level).casefold())


# --- Paragraphs ----------------------------------------------------------------------------


def readable(text: str) -> str:
    """``text`` without ligatures, and with a hyphen where pdfium marks one."""
    return clean(text.replace(HYPHEN, "-").translate(_LIGATURES))


def paragraphs(lines: Sequence[TextLine], first_line: int = 1) -> list[Paragraph]:
    """``lines``, in reading order, as paragraphs."""
    joiner = _Joiner(lines)
    columns = _columns(lines)
    leading = _leading(lines)
    done: list[Paragraph] = []
    work = _Open(first=first_line)
    for number, line in enumerate(lines, start=first_line):
        if work.lines and _parted(work.lines[-1], line, columns, leading):
            done.append(_closed(work, joiner))
            work = _Open(first=number)
        work.lines.append(line)
    if work.lines:
        done.append(_closed(work, joiner))
    return [paragraph for paragraph in done if paragraph.text]


def _closed(work: _Open, joiner: _Joiner) -> Paragraph:
    first = work.lines[0]
    return Paragraph(
        text=joiner.join(work.lines),
        first=work.first,
        last=work.first + len(work.lines) - 1,
        size=max(line.size for line in work.lines),
        page=first.page,
    )


def _columns(lines: Sequence[TextLine]) -> dict[int, tuple[float, float]]:
    """The left and right edge of each column."""
    edges: dict[int, tuple[float, float]] = {}
    for line in lines:
        left, right = edges.get(line.column, (line.left, line.right))
        edges[line.column] = min(left, line.left), max(right, line.right)
    return edges


def _leading(lines: Sequence[TextLine]) -> float:
    """The usual distance of lines, as a multiple of the height of their letters."""
    steps = [
        (a.middle - b.middle) / a.size
        for a, b in pairwise(lines)
        if a.column == b.column and a.size > 0 and _same_size(a, b)
    ]
    usual = [step for step in steps if 0 < step <= MAX_LEADING]
    return median(usual) if usual else 1.0


def _same_size(a: TextLine, b: TextLine) -> bool:
    return abs(a.size - b.size) <= SAME_SIZE * max(a.size, b.size)


def _parted(
    a: TextLine, b: TextLine, columns: dict[int, tuple[float, float]], leading: float
) -> bool:
    """Whether ``b`` starts a paragraph of its own after ``a``."""
    if a.row or b.row or not _same_size(a, b):
        return True
    left, right = columns[a.column]
    short = right - a.right > RAGGED * (right - left)
    if a.column != b.column:
        return not _runs_on(a.text, b.text)
    if a.middle - b.middle > WIDE * leading * max(a.size, b.size):
        return True
    indented = b.left - left > INDENT * b.size and a.left - left < INDENT * a.size
    if indented and not _centred(a, b):
        return True
    return short and ends_sentence(a.text) and not b.text[:1].islower()


def _runs_on(text: str, following: str) -> bool:
    """Whether a sentence goes on from one column or page to the next."""
    if text.endswith(_HYPHENS):
        return True
    return not ends_sentence(text) and following[:1].islower()


def _centred(a: TextLine, b: TextLine) -> bool:
    return abs((a.left + a.right) - (b.left + b.right)) < a.size


class _Joiner:
    """Joins lines, and knows the document's words: they tell which hyphens belong to a word."""

    def __init__(self, lines: Sequence[TextLine]) -> None:
        self._compounds: set[str] = set()
        self._words: set[str] = set()
        for line in lines:
            text = readable(line.text).casefold()
            self._compounds.update(_COMPOUND.findall(text))
            self._words.update(_WORD.findall(text))

    def join(self, lines: Sequence[TextLine]) -> str:
        """The text of ``lines``, with the words that were parted at their ends whole again."""
        parts: list[str] = []
        for line in lines:
            text = line.text.strip()
            if parts and parts[-1].endswith(_HYPHENS) and parts[-1][-2:-1].isalnum():
                parts[-1] = self._whole(parts[-1], text)
            else:
                parts.append(text)
        return readable(" ".join(parts))

    def _whole(self, before: str, after: str) -> str:
        """``before`` (ending in a hyphen) and ``after``, as one word or as a compound."""
        start = readable(before[:-1].rsplit(" ", 1)[-1])
        end = readable(after.split(" ", 1)[0])
        letters = _WORD.match(end)
        if letters is None or not end[0].islower():
            return f"{before[:-1]}-{after}"
        compound = f"{start}-{letters[0]}".casefold()
        known = f"{start}{letters[0]}".casefold() in self._words
        if compound in self._compounds and not known:
            return f"{before[:-1]}-{after}"
        return f"{before[:-1]}{after}"
