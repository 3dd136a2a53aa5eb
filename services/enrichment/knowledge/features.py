"""Text to hashed features, the same at training and at run time.

A feature is a word or a pair of neighbouring words; it is a number below
``BUCKETS``.  The hash is CRC-32 of the word's bytes (stable across machines,
Python versions and processes, unlike :func:`hash`), pairs are mixed from their
words' numbers with Knuth's multiplicative constant, and the top bits are kept.
Changing anything here changes what every trained weight means: raise
``FEATURES_VERSION`` with it, a model of another version is refused.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEATURES_VERSION = 2
BUCKET_BITS = 18
BUCKETS = 1 << BUCKET_BITS
"""Held-out macro-F1 (at C = 4) with 2^16 buckets .656, 2^17 .667, 2^18 .674, 2^19 .676: beyond
2^18 the file only grows."""

MAX_CHARS = 6000
"""Characters that are read: about 1,000 words, more than nearly every article has. The
subject of a longer text is told at its beginning."""

LEAD_WORDS = 100
"""Words that count double. The first 600 characters tell the subject of nine in ten articles."""

TITLE_WORDS = 30
"""A first paragraph of at most so many words, with more below it, is the headline."""

TITLE_WEIGHT = 3.0
LEAD_WEIGHT = 2.0
SEGMENT_WORDS = 60
"""Words of a piece that is scored by itself: the length of the one or two sentences that the
model learnt most from."""

_LONGEST = 40
"""Letters of the longest word that is one; what is longer is text without spaces."""

_WORD = re.compile(r"[^\W\d_]{2,}")
_FOLDED = re.compile(r"[a-z]{2,}")
# Knuth's multiplicative hash (2^32 / golden ratio), and a second odd constant so that
# "a b" and "b a" are two features.
_LEFT = np.uint32(2654435761)
_RIGHT = np.uint32(2246822519)
_SHIFT = np.uint32(32 - BUCKET_BITS)


def fold(word: str) -> str:
    """``word`` in lower case without accents; '' where that isn't Latin letters alone."""
    lower = word.lower()
    if not lower.isascii():
        marked = unicodedata.normalize("NFKD", lower)
        lower = "".join(char for char in marked if not unicodedata.combining(char))
    return lower if _FOLDED.fullmatch(lower) else ""


def stem(word: str) -> str:
    """``word`` without its plural or third-person s: Harman's S-stemmer, simplified."""
    if word.endswith("s") and word[3:] and word[-2] not in "su":
        return f"{word[:-3]}y" if word.endswith("ies") and word[4:] else word[:-1]
    return word


_CACHED = 16_384
"""Words kept with their stems, the latest ones: what a day's news says most; 2 MB."""


@lru_cache(maxsize=_CACHED)
def _stemmed(word: str) -> str:
    return stem(fold(word)) if len(word) <= _LONGEST else ""


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """The words of a text's beginning: folded and stemmed, and as the text has each one."""

    stems: tuple[str, ...]
    written: tuple[str, ...]
    title: int
    """How many of them are the headline's; 0 where there is none."""

    def phrase(self, place: int, size: int) -> str:
        """``size`` words from ``place`` on as the text has them, without what stands between."""
        return " ".join(self.written[place : place + size])

    @classmethod
    def of(cls, text: str) -> Words:
        """Words of two letters or more among the first ``MAX_CHARS``; numbers and marks are not."""
        end = max(text.find("\n\n", 0, MAX_CHARS), 0)
        (first, title), (rest, body) = _known(text[:end]), _known(text[end:MAX_CHARS])
        is_title = len(first) <= TITLE_WORDS and len(rest) > 0
        return cls((*first, *rest), (*title, *body), len(first) if is_title else 0)

    def __len__(self) -> int:
        return len(self.stems)


def _known(text: str) -> tuple[list[str], list[str]]:
    """The stems of the text's words, and these words; none of another script or too long."""
    words = _WORD.findall(text)
    stems = list(map(_stemmed, words))
    if "" in stems:
        words = [word for word, stemmed in zip(words, stems, strict=True) if stemmed]
        stems = list(filter(None, stems))
    return stems, words


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """The buckets of a text: at each word its own, and that of it and the next one."""

    single: NDArray[np.uint32]
    pairs: NDArray[np.uint32]
    weights: NDArray[np.float32]
    """How much each position counts: headline and lead more than the rest."""

    @classmethod
    def of(cls, words: Words) -> Features:
        """The features of ``words``, in their order."""
        crcs = [zlib.crc32(word.encode("ascii")) for word in words.stems]
        single = np.array(crcs, dtype=np.uint32)
        pairs = (single[:-1] * _LEFT) ^ (single[1:] * _RIGHT)
        weights = np.ones(len(single), dtype=np.float32)
        weights[:LEAD_WORDS] = LEAD_WEIGHT
        weights[: words.title] = TITLE_WEIGHT
        return cls((single * _LEFT) >> _SHIFT, (pairs * _LEFT) >> _SHIFT, weights)

    def distinct(self) -> Distinct:
        """Each bucket once."""
        buckets = np.concatenate([self.single, self.pairs])
        weights = np.concatenate([self.weights, self.weights[: len(self.pairs)]])
        found, firsts, places = np.unique(buckets, return_index=True, return_inverse=True)
        counts = np.bincount(places, weights, len(found)).astype(np.float32)
        return Distinct(found, counts, firsts)


@dataclass(frozen=True, slots=True, eq=False)
class Distinct:
    """The distinct buckets of a text, rising, and the weighted count of each.

    ``firsts`` is where each stands first: a word's place, or that of a pair's first word plus
    the number of words.
    """

    buckets: NDArray[np.uint32]
    counts: NDArray[np.float32]
    firsts: NDArray[np.intp]


def features(text: str) -> tuple[NDArray[np.uint32], NDArray[np.float32]]:
    """The distinct buckets of ``text``, rising, and how often each occurs (weighted)."""
    distinct = Features.of(Words.of(text)).distinct()
    return distinct.buckets, distinct.counts


def weigh(counts: NDArray[np.float32], idf: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sublinear tf times idf, scaled to unit length (empty stays empty)."""
    values: NDArray[np.float32] = np.log1p(counts) * idf
    norm = np.sqrt(np.dot(values, values))
    if norm:
        values /= norm
    return values
