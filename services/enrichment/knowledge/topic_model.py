"""The topic model's file and arithmetic: int8 weights, NumPy only, no pickle."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from services.enrichment.knowledge.features import (
    BUCKETS,
    FEATURES_VERSION,
    SEGMENT_WORDS,
    Distinct,
    Features,
    Words,
    weigh,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

MODEL_FILE = Path(__file__).with_name("topics_model.npz")
IDF_STEPS = 16.0
"""idf is kept in sixteenths in one byte; the root of log of 200,000 rows plus 1 is below 4."""

VIEWS = 5
"""What the score of a class is made from: the margin of the whole text, of its first piece, the
mean and the largest of all pieces, and the number of pieces (as a logarithm)."""


class WrongModelError(ValueError):
    """The file is not a topic model that this software can use."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What the model makes of one text.

    ``scores`` of each class are how sure it is, 0..1: the share of right ones among such
    scores.  ``contributions`` (buckets by classes) are what each of the text's ``distinct``
    buckets adds to each class's margin for the whole text.
    """

    scores: NDArray[np.float32]
    distinct: Distinct
    contributions: NDArray[np.float32]
    known: float
    """Share of the words that the model has learnt anything about."""


@dataclass(frozen=True, slots=True, eq=False)
class TopicModel:
    """Weights (buckets by classes), what scales them, and what the model says of itself.

    ``combination`` weighs the ``VIEWS``, ``calibration`` turns that into a frequency (slope and
    shift of each class).  ``facts`` holds ``features_version``, ``vocabulary_release``,
    ``names`` (code to name, in the order of the classes), ``trained`` (a day) and ``notices``.
    """

    weights: NDArray[np.int8]
    steps: NDArray[np.float32]
    intercepts: NDArray[np.float32]
    idf: NDArray[np.float32]
    combination: NDArray[np.float32]
    calibration: NDArray[np.float32]
    facts: dict[str, Any]

    def views(self, words: Words) -> NDArray[np.float32]:
        """The margins (distance from each class's border, 0 being undecided): VIEWS by classes."""
        return self._views(Features.of(words))[0]

    def scores(self, text: str) -> NDArray[np.float32]:
        """For each class how sure it is, 0..1."""
        return self.read(Words.of(text)).scores

    def read(self, words: Words) -> Reading:
        """Scores, and what they come from."""
        features = Features.of(words)
        views, distinct, contributions = self._views(features)
        slope, shift = self.calibration
        logits = (self.combination @ views) * slope + shift
        scores: NDArray[np.float32] = (1.0 / (1.0 + np.exp(-logits))).astype(np.float32)
        known = float(np.count_nonzero(self.idf[features.single])) / max(len(words), 1)
        return Reading(scores, distinct, contributions, known)

    def vector(self, words: Words) -> tuple[NDArray[np.uint32], NDArray[np.float32]]:
        """The text as a sparse unit vector: its distinct buckets, rising, and their values."""
        distinct = Features.of(words).distinct()
        return distinct.buckets, weigh(distinct.counts, self.idf[distinct.buckets])

    def _views(
        self, features: Features
    ) -> tuple[NDArray[np.float32], Distinct, NDArray[np.float32]]:
        distinct = features.distinct()
        buckets = distinct.buckets
        values = weigh(distinct.counts, self.idf[buckets])
        rows = self.weights[buckets].astype(np.float32) * self.steps
        contributions: NDArray[np.float32] = rows * values[:, None]
        whole = contributions.sum(axis=0) + self.intercepts
        pieces = self._pieces(features, buckets, rows)
        size = np.full_like(whole, np.log(len(pieces)))
        views = np.stack([whole, pieces[0], pieces.mean(axis=0), pieces.max(axis=0), size])
        return views.astype(np.float32), distinct, contributions

    def _pieces(
        self, features: Features, buckets: NDArray[np.uint32], rows: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """The margins of each ``SEGMENT_WORDS`` words: pieces by classes; at least one piece."""
        count = len(features.single)
        if not count:
            return self.intercepts[None, :]
        # A last piece of a few words would say more than it knows: it joins the one before.
        starts = np.arange(0, max(count - SEGMENT_WORDS // 2, 1), SEGMENT_WORDS)
        # The last word begins no pair; bucket 0 stands in for it and is given no weight.
        at = np.concatenate([features.single, features.pairs, np.zeros(1, dtype=np.uint32)])
        idf = self.idf[at]
        idf[-1] = 0
        places = np.minimum(np.searchsorted(buckets, at), len(buckets) - 1)
        added = (rows[places] * idf[:, None]).reshape(2, count, -1).sum(axis=0)
        squares = (idf * idf).reshape(2, count).sum(axis=0)
        norms = np.sqrt(np.add.reduceat(squares, starts))
        sums = np.add.reduceat(added, starts, axis=0)
        # Words that are all unknown leave the intercept alone.
        margins: NDArray[np.float32] = (sums / np.maximum(norms, 1)[:, None]).astype(np.float32)
        return margins + self.intercepts

    def save(self, file: IO[bytes]) -> None:
        """Write everything as one compressed .npz; the same model gives the same bytes."""
        np.savez_compressed(
            file,
            weights=self.weights,
            steps=self.steps,
            intercepts=self.intercepts,
            idf=np.round(self.idf * IDF_STEPS).astype(np.uint8),
            combination=self.combination,
            calibration=self.calibration,
            facts=np.array(json.dumps(self.facts, sort_keys=True)),
        )


def load(path: Path = MODEL_FILE) -> tuple[TopicModel, str]:
    """The model in ``path`` and the SHA-256 of the file.

    Raises :class:`WrongModelError` when the file was made for other features, and
    ``OSError`` or ``ValueError`` when it can't be read at all.
    """
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with np.load(path, allow_pickle=False) as arrays:
        facts: dict[str, Any] = json.loads(str(arrays["facts"]))
        if facts["features_version"] != FEATURES_VERSION or len(arrays["weights"]) != BUCKETS:
            message = f"{path} was trained for other features than this software has"
            raise WrongModelError(message)
        model = TopicModel(
            weights=arrays["weights"],
            steps=arrays["steps"],
            intercepts=arrays["intercepts"],
            idf=arrays["idf"].astype(np.float32) / np.float32(IDF_STEPS),
            combination=arrays["combination"],
            calibration=arrays["calibration"],
            facts=facts,
        )
    return model, digest
