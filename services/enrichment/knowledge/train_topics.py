"""Train the topic model: linear weights over hashed words and word pairs.

    python -m services.enrichment.knowledge.train_topics --data DIR --out FILE --date DAY

``DIR`` holds ``topics_train.jsonl.gz`` (rows ``{ds, t: text, y: [codes], x: year or
section}`` from Wikipedia's Current Events portal and from HuffPost) and
``cptall-en-US.json`` (the IPTC Media Topics).  Runs outside of the service: it
needs scikit-learn (extra ``dev``), the tagger needs only NumPy.  Same data, same
versions, same file, byte for byte.

What is held out and never trained on: Current Events of 2019, HuffPost of
September 2022 (``huff3``), and a tenth of the other HuffPost rows (chosen by CRC-32
of the text).  One half of it (again by CRC-32) calibrates the scores, the
other half is what the figures in the model card are measured on.
"""

from __future__ import annotations

import argparse
import gzip
import json
import zlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_matrix  # type: ignore[import-untyped]  # ships no types
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]  # ships no types

from services.enrichment.knowledge.features import BUCKETS, FEATURES_VERSION, features, weigh
from services.enrichment.knowledge.topic_model import TopicModel
from services.enrichment.knowledge.weak_labels import weak_labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

HELD_OUT_YEAR = "2019"
"""Current Events of this year are held out: the last one that isn't mostly about one
pandemic, which would teach the calibration that a quarter of all news is about health."""

REGULARISATION = 8.0
"""C of the logistic regression: 1, 2, 4 and 8 gave macro-F1 .633, .651, .667 and .679 on the
calibration half; the gain gets small."""

MIN_DOCUMENTS = 2
"""Buckets seen in fewer training rows get no weight: they are names and typing errors."""

DEFINITION_WEIGHT = 2.0
"""An IPTC definition counts as this many rows: it is what the class means."""

WEAK_WEIGHT = 0.5
"""A row whose only label comes from key words counts half: one in several is wrong."""

SMALLEST_STEP = 127.0
"""Largest magnitude in int8; each class is scaled so that its largest weight is this."""

NOTICES = (
    "Wikipedia's Current Events portal, text CC BY-SA 4.0, https://en.wikipedia.org/wiki/Portal:Current_events",
    "News Category Dataset (HuffPost), Rishabh Misra, CC BY 4.0",
    "IPTC Media Topics, IPTC, CC BY 4.0, https://iptc.org/standards/media-topics/",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One training text with its level-1 codes (two digits) and its weight."""

    text: str
    labels: frozenset[str]
    weight: float
    held_out: bool


def _part(text: str, parts: int) -> int:
    return zlib.crc32(text.encode()) % parts


def _is_held_out(source: str, extra: str, text: str) -> bool:
    if source.startswith("wcep"):
        return extra == HELD_OUT_YEAR
    return source == "huff3" or _part(text, 10) == 0


def read_rows(path: Path) -> Iterator[Row]:
    """The labelled rows, and unlabelled ones that key words give a thin class."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            raw: dict[str, Any] = json.loads(line)
            text, gold = raw["t"], frozenset(raw["y"])
            weak = weak_labels(text)
            if not gold and not weak:
                continue
            held_out = _is_held_out(raw["ds"], raw["x"], text)
            if held_out and not gold:
                continue  # figures are measured on rows that somebody else labelled
            labels = gold | weak if raw["ds"].startswith("wcep") else gold
            yield Row(text, labels, 1.0 if gold else WEAK_WEIGHT, held_out)


def read_definitions(path: Path) -> tuple[list[Row], dict[str, str], str]:
    """Definitions of all active Media Topics as rows, level-1 names, the release's date."""
    scheme: dict[str, Any] = json.loads(path.read_text("utf-8"))
    concepts = {item["uri"]: item for item in scheme["conceptSet"] if "retired" not in item}
    rows: list[Row] = []
    for item in concepts.values():
        top = item
        while "broader" in top:
            top = concepts[top["broader"][0]]
        # A few concepts have no name or no definition in this language.
        text = f"{item['prefLabel'].get('en-US', '')}. {item['definition'].get('en-US', '')}"
        code = top["qcode"].removeprefix("medtop:")[:2]
        rows.append(Row(text, frozenset({code}), DEFINITION_WEIGHT, held_out=False))
    names = {
        item["qcode"]: item["prefLabel"]["en-US"]
        for item in concepts.values()
        if "broader" not in item
    }
    return rows, dict(sorted(names.items())), str(scheme["dateReleased"])[:10]


def count_matrix(rows: Sequence[Row]) -> list[tuple[NDArray[np.uint32], NDArray[np.intp]]]:
    """Buckets and counts of each row."""
    return [features(row.text) for row in rows]


def inverse_frequency(
    counted: Sequence[tuple[NDArray[np.uint32], NDArray[np.intp]]],
) -> NDArray[np.float32]:
    """Smoothed idf of each bucket in sixteenths (so a byte holds it), 0 where it is too rare."""
    seen = np.zeros(BUCKETS, dtype=np.int64)
    for buckets, _ in counted:
        seen[buckets] += 1
    idf = np.log((1 + len(counted)) / (1 + seen)) + 1
    idf[seen < MIN_DOCUMENTS] = 0
    rounded: NDArray[np.float32] = (np.round(idf * 16) / 16).astype(np.float32)
    return rounded


def to_matrix(
    counted: Sequence[tuple[NDArray[np.uint32], NDArray[np.intp]]], idf: NDArray[np.float32]
) -> csr_matrix:
    """The rows as unit vectors."""
    starts = np.cumsum([0, *(len(buckets) for buckets, _ in counted)])
    columns = np.concatenate([buckets for buckets, _ in counted]).astype(np.int32)
    values = np.concatenate([weigh(counts, idf[buckets]) for buckets, counts in counted])
    return csr_matrix((values, columns, starts), shape=(len(counted), BUCKETS))


def membership(rows: Sequence[Row], codes: Sequence[str]) -> NDArray[np.bool_]:
    """Rows by classes: who has which label."""
    return np.array([[code in row.labels for code in codes] for row in rows])


def fit_weights(
    matrix: csr_matrix, member: NDArray[np.bool_], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """One logistic regression per class: weights (buckets by classes) and intercepts."""
    columns, intercepts = [], []
    for index in range(member.shape[1]):
        model = LogisticRegression(C=REGULARISATION, solver="liblinear", random_state=0)
        model.fit(matrix, member[:, index], sample_weight=weights)
        columns.append(model.coef_[0])
        intercepts.append(model.intercept_[0])
    return np.array(columns, dtype=np.float32).T, np.array(intercepts, dtype=np.float32)


def quantise(weights: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Weights as int8 and the step of each class."""
    steps = (np.abs(weights).max(axis=0) / SMALLEST_STEP).astype(np.float32)
    return np.round(weights / steps).astype(np.int8), steps


def fit_calibration(margins: NDArray[np.float32], member: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Platt scaling: slope and shift of each class, so that a score is a frequency."""
    fitted = []
    for index in range(member.shape[1]):
        model = LogisticRegression(C=1.0, solver="lbfgs")
        model.fit(margins[:, index : index + 1], member[:, index])
        fitted.append((model.coef_[0, 0], model.intercept_[0]))
    return np.array(fitted, dtype=np.float32).T


def margins_of(model: TopicModel, rows: Sequence[Row]) -> NDArray[np.float32]:
    """The raw margins that the shipped (quantised) weights give."""
    return np.array([model.margins(row.text) for row in rows], dtype=np.float32)


def train(data: Path, day: date) -> TopicModel:
    """The quantised, calibrated model."""
    definitions, names, release = read_definitions(data / "cptall-en-US.json")
    rows = list(read_rows(data / "topics_train.jsonl.gz"))
    fit_on = [row for row in rows if not row.held_out] + definitions
    codes = [code.removeprefix("medtop:")[:2] for code in names]
    counted = count_matrix(fit_on)
    idf = inverse_frequency(counted)
    weights, intercepts = fit_weights(
        to_matrix(counted, idf),
        membership(fit_on, codes),
        np.array([row.weight for row in fit_on]),
    )
    small, steps = quantise(weights)
    facts = {
        "features_version": FEATURES_VERSION,
        "vocabulary_release": release,
        "names": names,
        "trained": day.isoformat(),
        "training_rows": len(fit_on),
        "notices": list(NOTICES),
    }
    plain = np.array([np.ones(len(codes)), np.zeros(len(codes))], dtype=np.float32)
    model = TopicModel(small, steps, intercepts, idf, plain, facts)
    held_out = [row for row in rows if row.held_out and _part(row.text[::-1], 2) == 0]
    calibration = fit_calibration(margins_of(model, held_out), membership(held_out, codes))
    return TopicModel(small, steps, intercepts, idf, calibration, facts)


def measured_rows(path: Path) -> list[Row]:
    """The half of the held-out rows that nothing was fitted on."""
    rows = read_rows(path)
    return [row for row in rows if row.held_out and _part(row.text[::-1], 2) == 1]


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, and write the model."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--date", type=date.fromisoformat, required=True)
    options = parser.parse_args(arguments)
    model = train(options.data, options.date)
    with options.out.open("wb") as file:
        model.save(file)


if __name__ == "__main__":
    main()
