"""A text as some dozens of numbers that tell how much of its wording another text has.

The wording is taken as all runs of four words ("grams"), each hashed to 64 bits.
Of a long text only those grams are kept whose hash is divisible by 2^level, the
same ones in every text: so the share of kept grams that two sketches have in
common estimates the share of wording that the texts have in common, whatever
order it stands in and however long the rest of either text is.  (Broder's
"mod m" sketch with containment; it finds a copy that was cut to a third, which
MinHash, a measure of resemblance, does not.)

Levels are nested: a sketch of level 2 holds the one of level 3 within it, so two
texts of different length are compared at the coarser of their levels.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from schemas.article import RawArticle

SKETCH_VERSION = 1
"""Part of every key in Redis: sketches of another version are not compared."""

GRAM_WORDS = 4
"""Words of a gram. Of three, unrelated texts on one subject share phrases ("the prime
minister said"); of five, one edited word in six leaves too little in common."""

MOST_GRAMS = 64
"""Grams kept at most, about: the level is the lowest at which so many are expected. So 32 to 64
of a text of more than 64 words, and all of a shorter one's.  Twice as many found the same
copies at twice the memory and time (``tests/bench/bench_kin.py``)."""

MAX_LEVEL = 15
"""2^15 times 64 words is more than any text that is read."""

DEEPER_LEVELS = 8
"""Levels above its own at which a sketch may be compared: with a text 256 times as long."""

MAX_CHARS = 400_000
"""Characters that are read: a book of 60,000 words. It bounds the time for a text of
megabytes; of such a one only the beginning is compared."""

_MARKS_IN_WORDS = re.compile("['’ʼ‘`´\\u00ad\\u200b-\\u200d\\ufeff]")  # noqa: RUF001  (these very marks)
# Scripts that put no space between words: there each character stands for one.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"  # Japanese, Chinese
)
_WORD = re.compile(f"[{_UNSPACED}]|(?:(?![{_UNSPACED}])[^\\W_])+")

# Odd 64-bit constants: the golden ratio's, and the two of MurmurHash3's finaliser.
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xFF51AFD7ED558CCD)
_MIX_2 = np.uint64(0xC4CEB9FE1A85EC53)
_HALF = np.uint64(33)


@dataclass(frozen=True, slots=True, eq=False)
class Sketch:
    """What is kept of a text's wording.

    ``hashes`` rise, are distinct and all divisible by ``2 ** level``.  ``sizes``:
    how many of them are divisible by ``2 ** (level + i)``, for each i.  Of the body
    alone, ``words`` is the number of words that were read, and ``bag`` the same number for
    the same words in any order.
    """

    hashes: NDArray[np.uint64]
    level: int
    sizes: tuple[int, ...]
    words: int
    bag: int

    @property
    def depths(self) -> list[int]:
        """For each hash, how far above ``level`` it is still kept."""
        deepest = 1 << (DEEPER_LEVELS - 1)
        above = [hashed >> self.level | deepest for hashed in self.hashes.tolist()]
        return [(one & -one).bit_length() - 1 for one in above]  # zeros below the lowest one


def _words_closely(text: str) -> list[str]:
    """The words of a text of any characters, as :func:`words` says."""
    folded = unicodedata.normalize("NFKD", _MARKS_IN_WORDS.sub("", text)).casefold()
    # Marks are dropped where they stand on a letter; Thai vowels are words' own characters.
    # A text has few different characters, so these are asked and not each place in it.
    marks = [ord(char) for char in set(folded) if unicodedata.combining(char)]
    plain = folded.translate(dict.fromkeys(marks)) if marks else folded
    return _WORD.findall(unicodedata.normalize("NFC", plain))


_PLAIN = "cp1252"
"""Of this encoding's characters, most become one letter or digit, or part words, or nothing,
whatever stands beside them. Nearly all news in Western languages is of these, and folding them
byte by byte takes a tenth of the time."""

_NOT_PLAIN = 0
"""Stands for the others: none becomes this, as it parts words itself."""


def _folding() -> tuple[bytes, bytes]:
    """What each byte of plain text becomes, and the bytes that are dropped."""
    table, dropped = bytearray(256), bytearray()
    for byte in range(256):
        char = bytes([byte]).decode(_PLAIN, "replace")
        found = " ".join(_words_closely(f"a{char}z"))
        table[byte] = ord(found[1]) if len(found) == len("a z") and found.isascii() else _NOT_PLAIN
        if found == "az":
            table[byte] = ord(" ")
            dropped.append(byte)
    return bytes(table), bytes(dropped)


_FOLDED, _DROPPED = _folding()


def _folded(text: str) -> bytes | None:
    """The words of plain text with spaces between; None for what isn't plain."""
    try:
        plain = text.encode(_PLAIN)
    except UnicodeEncodeError:
        return None
    # Where nothing tells that quotation marks are meant, a backtick parts words.
    folded = plain.translate(_FOLDED, b"'" if text.isascii() else _DROPPED)
    return None if _NOT_PLAIN in folded else folded


def words(text: str) -> list[str]:
    """The words of ``text`` as they are compared.

    Without case, accents, ligatures, marks and white space: what two ways of
    extracting one page differ in.
    """
    folded = _folded(text)
    return _words_closely(text) if folded is None else folded.decode("ascii").split()


def encoded(found: Sequence[str]) -> list[bytes]:
    """Words, which hold no line break, as what is hashed of them."""
    return "\n".join(found).encode("utf-8", "surrogatepass").split(b"\n") if found else []


def _crcs(text: str) -> NDArray[np.uint64]:
    """A hash of each word."""
    folded = _folded(text)
    tokens = encoded(_words_closely(text)) if folded is None else folded.split()
    return np.fromiter(map(zlib.crc32, tokens), dtype=np.uint64, count=len(tokens))


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Each value with every bit depending on every other (MurmurHash3's finaliser)."""
    values = (values ^ (values >> _HALF)) * _MIX_1
    values = (values ^ (values >> _HALF)) * _MIX_2
    mixed: NDArray[np.uint64] = values ^ (values >> _HALF)
    return mixed


def _grams(tokens: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Hashes of all runs of four words; of fewer words, none."""
    count = max(len(tokens) - GRAM_WORDS + 1, 0)
    total = np.zeros(count, dtype=np.uint64)
    for place in range(GRAM_WORDS):
        total = total * _STEP + tokens[place : place + count]
    return _mixed(total)


def _level_for(count: int) -> int:
    """The lowest level at which no more than ``MOST_GRAMS`` of ``count`` are expected."""
    level = max(0, (max(count, 1) - 1) // MOST_GRAMS).bit_length()
    return min(level, MAX_LEVEL)


def sketch(text: str, body_at: int = 0) -> Sketch:
    """The sketch of ``text``, whose body starts at ``body_at``; linear in its length.

    Empty for fewer than four words.  Only ``words`` and ``bag`` leave the headline
    out, which each house writes anew.
    """
    text = text[:MAX_CHARS]
    body = _crcs(text[body_at:])
    distinct = np.unique(_grams(np.concatenate([_crcs(text[:body_at]), body])))
    level = _level_for(len(distinct))
    kept = distinct[distinct & np.uint64((1 << level) - 1) == 0]
    masks = np.uint64(1) << (np.arange(DEEPER_LEVELS, dtype=np.uint64) + np.uint64(level))
    sizes = tuple(
        np.count_nonzero(kept[:, np.newaxis] & (masks - np.uint64(1)) == 0, axis=0).tolist()
    )
    bag = int(_mixed(body).sum(dtype=np.uint64))
    return Sketch(hashes=kept, level=level, sizes=sizes, words=len(body), bag=bag)


def body_start(article: RawArticle) -> int:
    """Where the body starts in the article's text; 0 where it isn't told."""
    return min((one.start for one in article.sections if one.role == "body"), default=0)
