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
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEATURES_VERSION = 1
BUCKET_BITS = 18
BUCKETS = 1 << BUCKET_BITS
"""Held-out macro-F1 (at C = 4) with 2^16 buckets .656, 2^17 .667, 2^18 .674, 2^19 .676: beyond
2^18 the file only grows."""

MAX_CHARS = 6000
"""Characters that are read: about 1,000 words, more than nearly every article has. The
subject of a longer text is told at its beginning."""

_WORD = re.compile(r"[a-z]{2,}")
# Knuth's multiplicative hash (2^32 / golden ratio), and a second odd constant so that
# "a b" and "b a" are two features.
_LEFT = np.uint32(2654435761)
_RIGHT = np.uint32(2246822519)
_SHIFT = np.uint32(32 - BUCKET_BITS)


def words(text: str) -> list[str]:
    """Lower-case words of two letters or more, without accents, digits or marks."""
    folded = unicodedata.normalize("NFKD", text[:MAX_CHARS]).lower()
    if not folded.isascii():
        folded = "".join(char for char in folded if not unicodedata.combining(char))
    return _WORD.findall(folded)


def features(text: str) -> tuple[NDArray[np.uint32], NDArray[np.intp]]:
    """The distinct buckets of ``text``, rising, and how often each occurs."""
    crcs = [zlib.crc32(word.encode("ascii")) for word in words(text)]
    single = np.array(crcs, dtype=np.uint32)
    pairs = (single[:-1] * _LEFT) ^ (single[1:] * _RIGHT)
    buckets = np.concatenate([single * _LEFT, pairs * _LEFT]) >> _SHIFT
    return np.unique(buckets, return_counts=True)


def weigh(counts: NDArray[np.intp], idf: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sublinear tf times idf, scaled to unit length (empty stays empty)."""
    values: NDArray[np.float32] = (np.log(counts.astype(np.float32)) + np.float32(1)) * idf
    norm = np.sqrt(np.dot(values, values))
    if norm:
        values /= norm
    return values
