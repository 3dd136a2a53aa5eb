"""How rare a word is in news: a shipped table, so that a weight never depends on what came before.

Made by ``python -m services.enrichment.kin.build_rarity``.  One byte for each of
2^17 buckets of CRC-32; of 100,000 words most that occur often have one of their own.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from services.enrichment.kin.sketch import encoded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

TABLE_FILE = Path(__file__).with_name("rarity.npz")
BUCKET_BITS = 17
STEPS = 16.0
"""Rarity is kept in sixteenths in one byte: the natural logarithm of 200,000 is under 255/16."""


def buckets(words: Sequence[str]) -> NDArray[np.int64]:
    """The bucket of each word (folded, as ``sketch.words`` gives them)."""
    crcs = map(zlib.crc32, encoded(words))
    return np.fromiter(crcs, dtype=np.int64, count=len(words)) >> (32 - BUCKET_BITS)


@dataclass(frozen=True, slots=True, eq=False)
class Rarity:
    """Inverse document frequencies, ``log(texts / texts with the word)``; and what made them."""

    table: NDArray[np.float32]
    facts: dict[str, Any]
    sha256: str

    @classmethod
    def load(cls, path: Path = TABLE_FILE) -> Rarity:
        """Raises ``OSError``, ``ValueError`` or ``KeyError`` for what isn't such a table."""
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        with np.load(path, allow_pickle=False) as arrays:
            facts: dict[str, Any] = json.loads(str(arrays["facts"]))
            table = arrays["table"].astype(np.float32) / np.float32(STEPS)
        if len(table) != 1 << BUCKET_BITS:
            raise ValueError(f"{path} has {len(table)} buckets instead of {1 << BUCKET_BITS}")
        return cls(table, facts, digest)

    def of(self, words: Sequence[str]) -> NDArray[np.float32]:
        """The rarity of each word, from 0 (in every text) up to ``rarest``."""
        rarities: NDArray[np.float32] = self.table[buckets(words)]
        return rarities

    @property
    def rarest(self) -> float:
        """That of a word that the table's texts never had."""
        return float(self.table.max())
