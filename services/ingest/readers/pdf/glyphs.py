"""The words of a page and where they stand, from pdfium."""

from __future__ import annotations

import ctypes
import re
import sys
from collections import Counter
from dataclasses import dataclass
from math import pi
from typing import TYPE_CHECKING, Final

import pypdfium2.raw as pdfium

from services.ingest.readers.base import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pypdfium2 import PdfTextPage

MAX_PAGE_CHARS: Final = 200_000
"""Characters of one page. The densest broadsheet page of stock prices has 60,000; each costs two
microseconds, and pdfium itself gets slow beyond."""

WORD_GAP: Final = 1.2
"""Times the height of the letters: a wider gap within a line parts columns or cells. Words of
justified text stay below 1."""

SKEW: Final = 0.2
"""Radians from upright (or a quarter turn) at which text counts as a watermark or a stamp."""

ASKEW: Final = -1
"""The turn of what stands at another angle."""

FAR: Final = 1e6
"""Points; PDF's largest page has 14,400, and user units may make it more."""

HYPHEN: Final = "\x02"
"""How pdfium marks a hyphen at the end of a line."""

_WORD = re.compile(r"[^\s\x00\x02]*\x02|[^\s\x00\x02]+")
"""A word ends at pdfium's hyphen: what follows stands on the next line."""

_UNMAPPED = re.compile("[\ufffd\ue000-\uf8ff\x00\x01\x03-\x08\x0e-\x1f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_RTL = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")


@dataclass(slots=True)
class Fragment:
    """Words that stand side by side; coordinates in points, ``y`` upwards, for upright text."""

    text: str
    left: float
    right: float
    bottom: float
    top: float
    turn: int = 0
    """Quarter turns counter-clockwise, or :data:`ASKEW`."""

    @property
    def size(self) -> float:
        """Height of the font, in points: about 1.2 times its nominal size."""
        return self.top - self.bottom

    @property
    def middle(self) -> float:
        """Half the height, where lines are told apart."""
        return (self.top + self.bottom) / 2


@dataclass(slots=True)
class Glyphs:
    """What a page shows: upright text, text that is turned against it, and letters unknown."""

    fragments: list[Fragment]
    turned: list[Fragment]
    unmapped: int = 0
    """Characters of fonts that don't say which letter a shape is."""
    characters: int = 0


def glyphs(page: PdfTextPage, number: int) -> Glyphs:
    """The text of page ``number`` (from 1); raises :class:`Unreadable` above the limit."""
    count = max(pdfium.FPDFText_CountChars(page), 0)
    if count > MAX_PAGE_CHARS:
        raise Unreadable(
            f"page {number} holds {count} characters, the limit is {MAX_PAGE_CHARS}",
            "No printed page is as full; if it is a table, drop it in another format.",
        )
    text = _text(page, count)
    right_to_left = len(_RTL.findall(text)) * 2 > sum(map(str.isalpha, text))
    found = list(_fragments(page, text, mirrored=right_to_left))
    turns = Counter[int]()
    for fragment in found:
        turns[fragment.turn] += len(fragment.text)
    upright = max((t for t in turns if t != ASKEW), key=lambda t: turns[t], default=0)
    return Glyphs(
        fragments=[fragment for fragment in found if fragment.turn == upright],
        turned=[fragment for fragment in found if fragment.turn != upright],
        unmapped=len(_UNMAPPED.findall(text)),
        characters=sum(1 for c in text if not c.isspace()),
    )


def _text(page: PdfTextPage, count: int) -> str:
    """The page's characters, one for each of pdfium's, so that an index holds in both."""
    buffer = (ctypes.c_ushort * (count + 1))()
    units = pdfium.FPDFText_GetText(page, 0, count, buffer)
    raw = bytes(buffer)[: 2 * max(units - 1, 0)]
    text = raw.decode("utf-16-le", "surrogatepass")
    if len(text) != count:
        # Characters were left out or doubled: ask for each.
        codes = (pdfium.FPDFText_GetUnicode(page, index) for index in range(count))
        text = "".join(chr(code) if code <= sys.maxunicode else "\ufffd" for code in codes)
    return _SURROGATE.sub("\ufffd", text.replace("\ufffe", HYPHEN))


def _fragments(page: PdfTextPage, text: str, *, mirrored: bool) -> Iterator[Fragment]:
    """Words run together while they stand on one line without a wide gap."""
    current: Fragment | None = None
    end = 0
    box = pdfium.FS_RECTF()
    for match in _WORD.finditer(text):
        word = _word(page, box, match, mirrored=mirrored)
        if word is None:
            continue
        between = text[end : match.start()]
        end = match.end()
        if current is not None and "\n" not in between and _goes_on(current, word):
            current.text += f"{' ' if between else ''}{word.text}"
            current.right = max(current.right, word.right)
            continue
        if current is not None:
            yield current
        current = word
    if current is not None:
        yield current


def _goes_on(current: Fragment, word: Fragment) -> bool:
    height = max(current.size, word.size)
    level = abs(current.middle - word.middle) < height / 2
    gap = word.left - current.right
    return level and current.turn == word.turn and -height / 2 < gap < height * WORD_GAP


def _word(
    page: PdfTextPage, box: pdfium.FS_RECTF, match: re.Match[str], *, mirrored: bool
) -> Fragment | None:
    """The word as it stands when it is read: turned upright, and from left to right."""
    if not pdfium.FPDFText_GetLooseCharBox(page, match.start(), box):
        return None
    left, right, bottom, top = box.left, box.right, box.bottom, box.top
    if pdfium.FPDFText_GetLooseCharBox(page, match.end() - 1, box):
        left, right = min(left, box.left), max(right, box.right)
        bottom, top = min(bottom, box.bottom), max(top, box.top)
    # A hostile matrix puts letters at infinity (or nowhere: NaN fails here too).
    if not all(-FAR < edge < FAR for edge in (left, right, bottom, top)):
        return None
    turn = _turn(pdfium.FPDFText_GetCharAngle(page, match.start()))
    if turn == 1:
        left, right, bottom, top = bottom, top, -right, -left
    elif turn == 2:  # noqa: PLR2004  (quarter turns)
        left, right, bottom, top = -right, -left, -top, -bottom
    elif turn == 3:  # noqa: PLR2004
        left, right, bottom, top = -top, -bottom, left, right
    if mirrored:
        left, right = -right, -left
    return Fragment(match[0], left, right, bottom, top, turn)


def _turn(angle: float) -> int:
    """The angle of pdfium (clockwise, in radians) as quarter turns counter-clockwise."""
    quarters = -angle / (pi / 2)
    if not -FAR < quarters < FAR:
        return ASKEW
    whole = round(quarters)
    return whole % 4 if abs(quarters - whole) * (pi / 2) < SKEW else ASKEW
