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
        deep = np.zeros(len(self.hashes), dtype=np.int64)
        for step in range(1, DEEPER_LEVELS):
            deep += self.hashes % np.uint64(1 << (self.level + step)) == 0
        return [int(depth) for depth in deep]


def words(text: str) -> list[str]:
    """The words of ``text`` as they are compared.

    Without case, accents, ligatures, marks and white space: what two ways of
    extracting one page differ in.
    """
    if text.isascii():
        return _WORD.findall(text.replace("'", "").lower())
    folded = unicodedata.normalize("NFKD", _MARKS_IN_WORDS.sub("", text)).casefold()
    # Marks are dropped where they stand on a letter; Thai vowels are words' own characters.
    # A text has few different characters, so these are asked and not each place in it.
    marks = [ord(char) for char in set(folded) if unicodedata.combining(char)]
    plain = folded.translate(dict.fromkeys(marks)) if marks else folded
    return _WORD.findall(unicodedata.normalize("NFC", plain))


def _crcs(tokens: list[str]) -> NDArray[np.uint64]:
    encoded = (zlib.crc32(token.encode("utf-8", "surrogatepass")) for token in tokens)
    return np.fromiter(encoded, dtype=np.uint64, count=len(tokens))


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
    body = _crcs(words(text[body_at:]))
    distinct = np.unique(_grams(np.concatenate([_crcs(words(text[:body_at])), body])))
    level = _level_for(len(distinct))
    kept = distinct[distinct % np.uint64(1 << level) == 0]
    sizes = tuple(
        int(np.count_nonzero(kept % np.uint64(1 << (level + step)) == 0))
        for step in range(DEEPER_LEVELS)
    )
    bag = int(_mixed(body).sum(dtype=np.uint64))
    return Sketch(hashes=kept, level=level, sizes=sizes, words=len(body), bag=bag)


def body_start(article: RawArticle) -> int:
    """Where the body starts in the article's text; 0 where it isn't told."""
    return min((one.start for one in article.sections if one.role == "body"), default=0)
