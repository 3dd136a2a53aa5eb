"""Vectors of words by themselves, computed once for each word and kept.

A word's vector depends only on attributes of its lexeme (and its norm), so thinc's
own embedding layers are asked once per distinct word; a text repeats most of its words.

Source of truth: ``MultiHashEmbed`` in spaCy's ``ml/models/tok2vec.py`` (what is put
beside what), ``ml/staticvectors.py`` (a word without a vector has zeros).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from services.enrichment.decode.weights import UncoveredError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from services.enrichment.decode.weights import Embedding

CAPACITY = 20_000
"""Words kept: 8 MB of vectors and 4 MB of keys. News in one language brings about 10 new
words an article once warm, so the table starts anew after some thousand articles, and
computing its common words again takes some tens of milliseconds."""

SLICE = 512
"""New words embedded at once, so that the layers' own arrays stay below 2 MB."""

EMPTY = 0
"""The row of zeros: what thinc puts between documents."""


class Embeddings:
    """A table of words' vectors that never outgrows its bounds.

    ``vocab`` is the pipeline's. Raises :class:`UncoveredError` when the static vectors are of
    a kind that has no fixed row for a word.
    """

    def __init__(self, embedding: Embedding, vocab: Any, capacity: int = CAPACITY) -> None:
        self._embedding = embedding
        self._vectors = vocab.vectors
        self._capacity = capacity
        self.columns: tuple[str, ...] = embedding.columns
        if embedding.projection is not None:
            if self._vectors.mode != "default":
                raise UncoveredError(f"its static vectors are of mode '{self._vectors.mode}'")
            # The attribute by which StaticVectors looks a word up; last of the columns.
            self.columns = (*embedding.columns, getattr(self._vectors, "attr", "ORTH"))
        self._rows: dict[bytes, int] = {}
        self.table = self._new_table(0)

    def rows(self, attributes: NDArray[np.uint64]) -> NDArray[np.int32]:
        """The row in ``table`` of each word, given the values of ``columns`` for it.

        ``attributes`` is C-contiguous.  Holds until the next call: when the table is full
        it starts anew, and only one text's own distinct words may take it past its bound.
        """
        # S drops zero bytes at the end, the same for all keys of one length: none collide.
        keys = attributes.view(f"S{attributes.shape[1] * 8}").ravel().tolist()
        try:
            return np.fromiter(map(self._rows.__getitem__, keys), np.int32, len(keys))
        except KeyError:
            self._learn(keys, attributes)
        return np.fromiter(map(self._rows.__getitem__, keys), np.int32, len(keys))

    def _learn(self, keys: Sequence[bytes], attributes: NDArray[np.uint64]) -> None:
        places = dict(zip(reversed(keys), range(len(keys) - 1, -1, -1), strict=True))
        new = [(key, place) for key, place in places.items() if key not in self._rows]
        if len(self._rows) + len(new) > self._capacity:
            self._rows = {}
            new = list(places.items())
            self.table = self._new_table(len(new))
        first = len(self._rows) + 1
        for start in range(0, len(new), SLICE):
            part = [place for _, place in new[start : start + SLICE]]
            row = first + start
            self.table[row : row + len(part)] = self._embedded(attributes[part])
        self._rows.update({key: first + number for number, (key, _) in enumerate(new)})

    def _new_table(self, needed: int) -> NDArray[np.float32]:
        table = np.empty((max(self._capacity, needed) + 1, self._embedding.width), np.float32)
        table[EMPTY] = 0
        return table

    def _embedded(self, attributes: NDArray[np.uint64]) -> NDArray[np.float32]:
        hashed: NDArray[np.float32] = self._embedding.hashed.predict(
            attributes[:, : len(self._embedding.columns)]
        )
        if self._embedding.projection is not None:
            static = self._static(attributes[:, -1], self._embedding.projection)
            hashed = np.hstack((hashed, static))
        mixed: NDArray[np.float32] = self._embedding.mixed.predict(hashed)
        return mixed

    def _static(
        self, words: NDArray[np.uint64], projection: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        found = self._vectors.find(keys=words.tolist())
        projected: NDArray[np.float32] = self._vectors.data[found] @ projection.T
        projected[found < 0] = 0
        return projected
