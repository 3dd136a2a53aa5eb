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
    features,
    weigh,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

MODEL_FILE = Path(__file__).with_name("topics_model.npz")
_IDF_STEPS = 16.0
"""idf is kept in sixteenths in one byte; log of 100,000 rows plus 1 stays below 255/16."""


class WrongModelError(ValueError):
    """The file is not a topic model that this software can use."""


@dataclass(frozen=True, slots=True, eq=False)
class TopicModel:
    """Weights (buckets by classes), what scales them, and what the model says of itself.

    ``facts`` holds ``features_version``, ``vocabulary_release``, ``names`` (code to
    name, in the order of the classes), ``trained`` (a day) and ``notices``.
    """

    weights: NDArray[np.int8]
    steps: NDArray[np.float32]
    intercepts: NDArray[np.float32]
    idf: NDArray[np.float32]
    calibration: NDArray[np.float32]
    facts: dict[str, Any]

    def margins(self, text: str) -> NDArray[np.float32]:
        """Signed distance from each class's border, 0 being undecided."""
        buckets, counts = features(text)
        values = weigh(counts, self.idf[buckets])
        product: NDArray[np.float32] = values @ self.weights[buckets].astype(np.float32)
        return product * self.steps + self.intercepts

    def scores(self, text: str) -> NDArray[np.float32]:
        """For each class how sure it is, 0..1: the share of right ones among such scores."""
        slope, shift = self.calibration
        scores: NDArray[np.float32] = 1.0 / (1.0 + np.exp(-(self.margins(text) * slope + shift)))
        return scores

    def save(self, file: IO[bytes]) -> None:
        """Write everything as one compressed .npz; the same model gives the same bytes."""
        np.savez_compressed(
            file,
            weights=self.weights,
            steps=self.steps,
            intercepts=self.intercepts,
            idf=np.round(self.idf * _IDF_STEPS).astype(np.uint8),
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
        model = TopicModel(
            weights=arrays["weights"],
            steps=arrays["steps"],
            intercepts=arrays["intercepts"],
            idf=arrays["idf"].astype(np.float32) / np.float32(_IDF_STEPS),
            calibration=arrays["calibration"],
            facts=facts,
        )
    if facts["features_version"] != FEATURES_VERSION or len(model.weights) != BUCKETS:
        raise WrongModelError(f"{path} was trained for other features than this software has")
    return model, digest
