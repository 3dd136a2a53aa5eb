"""Lines of a text: cleaned, numbered, and joined again where they were hard-wrapped."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from services.ingest.readers.base import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WRAP_COLUMNS = range(40, 101)
"""Widths at which texts are hard-wrapped: mail at 72, terminals at 80, editors up to 100.
A text with a longer line was not wrapped, one with only shorter lines is verse or a list."""

MAX_LINES = 200_000
"""Non-blank lines: 8 MiB (the largest article) at 40 characters a line. With shorter ones it is
no article, and each line costs some microseconds however short it is."""

PIECE = 256 * 1024
"""Characters whose white space is seen to at once: 16 MB of words at most."""

_SPACE = re.compile(r"\s")
_RUNS = re.compile(r"\n+|[^\n]+")

_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u200b\u2060\ufeff\ud800-\udfff]")
"""Controls, soft hyphens, zero-width spaces, stray byte order marks, lone surrogates: nothing
that a reader sees, and each splits a name in two. Joiners (U+200C, U+200D) have a meaning."""

_SENTENCE_END = re.compile(r"""[.!?…:;]["'”’»)\]]{0,3}$""")
_PUNCTUATION = re.compile(r"[^\w\s]+")


@dataclass(frozen=True, slots=True)
class Line:
    """A line or a paragraph: its cleaned text and the 1-based line at which it starts."""

    number: int
    text: str
    last: int = 0
    """The paragraph's last line; 0: the same as ``number``."""


def clean(text: str) -> str:
    """``text`` without invisible characters, every run of white space one space, stripped."""
    return one_spaced(_INVISIBLE.sub("", text))


def one_spaced(text: str) -> str:
    """``text`` with every run of white space one space, stripped: ``" ".join(text.split())``.

    Piece by piece, for each word takes some sixty bytes while it stands in a list: a text of
    8 MiB that has only words of a letter or two would take over 200 MB.
    """
    if text.isprintable() and "  " not in text:
        return text.strip()  # most texts: of white space only the blank is printable
    if len(text) <= PIECE:
        return " ".join(text.split())
    pieces: list[str] = []
    at = 0
    while at < len(text):
        space = _SPACE.search(text, at + PIECE)
        end = space.start() if space else len(text)
        pieces.append(" ".join(text[at:end].split()))
        at = end
    return " ".join(piece for piece in pieces if piece)


def split(text: str) -> list[Line]:
    """The non-blank lines of ``text``, cleaned.

    Raises :class:`Unreadable` where there are more than :data:`MAX_LINES`.
    """
    lines: list[Line] = []
    number = 1
    for run in _RUNS.finditer(_INVISIBLE.sub("", text)):
        raw = run[0]
        if raw[0] == "\n":
            number += len(raw)
        elif cleaned := one_spaced(raw):
            lines.append(Line(number, cleaned))
            if len(lines) > MAX_LINES:
                raise _too_many_lines(text)
    return lines


def _too_many_lines(text: str) -> Unreadable:
    count = text.count("\n") + 1
    return Unreadable(
        f"too many lines for one article: {count}, the limit is {MAX_LINES} that are not blank",
        "It looks like a list or a log; split it into its articles.",
    )


def same(text: str) -> str:
    """A form in which two printings of one headline are equal (case, quotes, dashes, spaces)."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return one_spaced(_PUNCTUATION.sub(" ", folded))


def ends_sentence(text: str) -> bool:
    """Whether ``text`` ends as a sentence does."""
    return bool(_SENTENCE_END.search(text[-8:]))


def wrap_width(lines: Sequence[Line]) -> int | None:
    """The column at which the text was hard-wrapped; None when each line is a paragraph."""
    width = max((len(line.text) for line in lines), default=0)
    if width not in WRAP_COLUMNS:
        return None
    pairs = [(a, b) for a, b in pairwise(lines) if b.number == a.number + 1]
    broken = sum(1 for a, b in pairs if not ends_sentence(a.text) and _overflows(a, b, width))
    # Wrapping breaks most lines in mid-sentence, and only where the next word didn't fit.
    return width if broken * 2 > len(pairs) else None


def _overflows(line: Line, following: Line, width: int) -> bool:
    first_word = following.text.split(" ", 1)[0]
    return len(line.text) + 1 + len(first_word) > width


def paragraphs(lines: Iterable[Line], width: int | None) -> list[Line]:
    """``lines`` with the ones joined that a wrap at ``width`` had parted."""
    done: list[Line] = []
    parts: list[Line] = []
    for line in lines:
        if parts and not _continues(parts[-1], line, width):
            done.append(_joined(parts))
            parts = []
        parts.append(line)
    if parts:
        done.append(_joined(parts))
    return done


def _continues(line: Line, following: Line, width: int | None) -> bool:
    adjacent = following.number == line.number + 1
    if width is None or not adjacent:
        return False
    # The longest line may be shorter than the column was; then the words tell.
    mid_sentence = not ends_sentence(line.text) and following.text[0].islower()
    return _overflows(line, following, width) or (mid_sentence and len(line.text) > width // 2)


def _joined(parts: Sequence[Line]) -> Line:
    if len(parts) == 1:
        return parts[0]
    return Line(parts[0].number, " ".join(part.text for part in parts), parts[-1].number)
