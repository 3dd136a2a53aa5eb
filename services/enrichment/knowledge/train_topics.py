"""Train the topic model: linear weights over hashed words and word pairs.

    python -m services.enrichment.knowledge.train_topics --data DIR --out FILE --date DAY

``DIR`` holds ``topics_train.jsonl.gz`` and ``cptall-en-US.json`` (see ``topic_rows``), ``--cep``
names CEP-2015's file, whose events are then kept out, ``--mnds`` MN-DS's CSV where there is one.
Runs outside of the service: it needs scikit-learn (extra ``dev``), the tagger needs only NumPy.
Same data, same versions, same file, byte for byte.

Who sees what: Current Events of 2019 and later, HuffPost of September 2022 and a tenth of the other
HuffPost rows are measured on and never learnt from nor calibrated on (but looked at:
see the model card).  Current Events of 2018 and another tenth of HuffPost
calibrate the scores.  The rest is learnt from, in two rounds:

1. Two models, each of one half of the labelled rows, judge the other half and the unlabelled
   rows.  A row names one section although its text is often about two: where its judge is
   sure of a class that the row lacks, the row hardly counts against that class.
2. The model itself, from all rows so weighed, from the unlabelled ones that both judges
   are sure of, and from articles made of rows (``pseudo_articles``).
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from scipy.sparse import csr_matrix  # type: ignore[import-untyped]  # ships no types
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]  # ships no types

from services.enrichment.knowledge import topic_rows
from services.enrichment.knowledge.features import (
    BUCKETS,
    FEATURES_VERSION,
    Words,
    features,
    weigh,
)
from services.enrichment.knowledge.pseudo_articles import mixtures, stories
from services.enrichment.knowledge.topic_model import IDF_STEPS, VIEWS, TopicModel
from services.enrichment.knowledge.topic_rows import Part, Row, part_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    Counted = Sequence[tuple[NDArray[np.uint32], NDArray[np.float32]]]

REGULARISATION = 4.0
"""C of the logistic regression: with 1 macro-F1 was .04 lower."""

TOLERANCE = 0.01
"""Of the solver: its default takes five times as long for the same figures."""

MIN_DOCUMENTS = 3
"""Buckets seen in fewer training rows get no weight: they are names and typing errors."""

SURE = 0.9
"""Both judges' probability from which an unlabelled row is learnt from."""

DOUBTFUL = 0.4
"""A judge's probability from which the lack of a label is no evidence."""

DOUBTED_WEIGHT = 0.1
SELF_WEIGHT = 0.3
"""A row that only the judges labelled: they repeat their own errors."""

FEWEST_GOLD = 20
"""Rows of a class below which its calibration needs the key words' rows too."""

PSEUDO_ARTICLES = 8000
"""Articles of each kind made to learn from: at ten rows an article each row stands in two."""

NEVER = -10.0
"""Intercept of a class that nothing was learnt about: a probability of 0.00005."""

SMALLEST_STEP = 127.0
"""Largest magnitude in int8; each class is scaled so that its largest weight is this."""

NOTICES = (
    "Wikipedia's Current Events portal, text CC BY-SA 4.0, https://en.wikipedia.org/wiki/Portal:Current_events",
    "News Category Dataset (HuffPost), Rishabh Misra, CC BY 4.0",
    "IPTC Media Topics, IPTC, CC BY 4.0, https://iptc.org/standards/media-topics/",
)
MNDS_NOTICE = "MN-DS, Petukhova and Fachada, CC BY 4.0, https://zenodo.org/records/7394851"


@dataclass(frozen=True, slots=True)
class Sources:
    """What is at hand: the rows, the vocabulary, what to keep out, MN-DS."""

    data: Path
    cep: Path | None = None
    mnds: Path | None = None

    def rows(self) -> list[Row]:
        """Every row but the definitions, whatever it is for."""
        events = topic_rows.EventWords.load(self.cep) if self.cep else None
        rows = list(topic_rows.read_rows(self.data / "topics_train.jsonl.gz", events))
        if self.mnds:
            rows += topic_rows.read_mnds(self.mnds, self.definitions()[1])
        return rows

    def definitions(self) -> tuple[list[Row], dict[str, str], str]:
        """See :func:`services.enrichment.knowledge.topic_rows.read_definitions`."""
        return topic_rows.read_definitions(self.data / "cptall-en-US.json")


def count_features(rows: Sequence[Row]) -> Counted:
    """Buckets and counts of each row."""
    return [features(row.text) for row in rows]


def inverse_frequency(counted: Counted) -> NDArray[np.float32]:
    """Root of the smoothed idf of each bucket in sixteenths (a byte), 0 where it is too rare.

    The root: plain idf makes a rare name outweigh the words around it (held-out micro-F1
    .668 with idf, .671 with its root and .671 without any).
    """
    seen = np.zeros(BUCKETS, dtype=np.int64)
    for buckets, _ in counted:
        seen[buckets] += 1
    idf = np.sqrt(np.log((1 + len(counted)) / (1 + seen)) + 1)
    idf[seen < MIN_DOCUMENTS] = 0
    rounded: NDArray[np.float32] = (np.round(idf * IDF_STEPS) / IDF_STEPS).astype(np.float32)
    return rounded


def to_matrix(counted: Counted, idf: NDArray[np.float32]) -> csr_matrix:
    """The rows as unit vectors."""
    starts = np.cumsum([0, *(len(buckets) for buckets, _ in counted)])
    columns = np.concatenate([buckets for buckets, _ in counted]).astype(np.int32)
    values = np.concatenate([weigh(counts, idf[buckets]) for buckets, counts in counted])
    return csr_matrix((values, columns, starts), shape=(len(counted), BUCKETS))


def membership(rows: Sequence[Row], codes: Sequence[str]) -> NDArray[np.bool_]:
    """Rows by classes: who has which label."""
    return np.array([[code in row.labels for code in codes] for row in rows], dtype=np.bool_)


def weakly(rows: Sequence[Row], codes: Sequence[str]) -> NDArray[np.bool_]:
    """Rows by classes: for whom only key words speak."""
    return np.array([[code in row.weak for code in codes] for row in rows], dtype=np.bool_)


def fit_weights(
    matrix: csr_matrix, member: NDArray[np.bool_], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """One logistic regression per class: weights (buckets by classes) and intercepts.

    ``weights`` (rows by classes) are how much each row counts for each class.
    """
    columns, intercepts = [], []
    for index in range(member.shape[1]):
        model = LogisticRegression(
            C=REGULARISATION, solver="liblinear", tol=TOLERANCE, random_state=0
        )
        used = weights[:, index] > 0
        answers = set(member[used, index].tolist())
        if len(answers) < 2:  # noqa: PLR2004  (a source without the class, or of it alone)
            columns.append(np.zeros(matrix.shape[1]))
            intercepts.append(-NEVER if answers == {True} else NEVER)
            continue
        model.fit(matrix[used], member[used, index], sample_weight=weights[used, index])
        columns.append(model.coef_[0])
        intercepts.append(model.intercept_[0])
    return np.array(columns, dtype=np.float32).T, np.array(intercepts, dtype=np.float32)


def quantise(weights: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Weights as int8 and the step of each class."""
    largest = np.maximum(np.abs(weights).max(axis=0), np.finfo(np.float32).tiny * SMALLEST_STEP)
    steps = (largest / SMALLEST_STEP).astype(np.float32)
    return np.round(weights / steps).astype(np.int8), steps


def judge(
    rows: Sequence[Row],
    matrix: csr_matrix,
    member: NDArray[np.bool_],
    weights: NDArray[np.float64],
) -> NDArray[np.float32]:
    """For each row and class a probability by models that didn't see the row's label.

    Of an unlabelled row it is the lower one of both models'.
    """
    half = np.array([part_of(row.text[::-1], 2) for row in rows])
    labelled = member.any(axis=1)
    said = []
    for side in (0, 1):
        own = labelled & (half == side)
        coefficients, intercepts = fit_weights(matrix[own], member[own], weights[own])
        said.append(1 / (1 + np.exp(-(matrix @ coefficients + intercepts))))
    judged = np.where((half == 0)[:, None], said[1], said[0])
    judged[~labelled] = np.minimum(said[0], said[1])[~labelled]
    return np.asarray(judged, dtype=np.float32)


def first_round(
    rows: Sequence[Row], codes: Sequence[str]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Labels and weights (rows by classes) as editors and key words give them."""
    gold, weak = membership(rows, codes), weakly(rows, codes)
    edited = gold.any(axis=1, keepdims=True)
    own = np.array([[row.weight] for row in rows])
    alone = own * np.where(edited, 1.0, topic_rows.WEAK_WEIGHT)
    beside = weak & edited
    return gold | weak, np.where(beside, own * topic_rows.BESIDE_WEIGHT, alone)


def second_round(
    labels: NDArray[np.bool_], weights: NDArray[np.float64], judged: NDArray[np.float32]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Labels and weights as the judges leave them: see the module's docstring."""
    labelled = labels.any(axis=1, keepdims=True)
    sure = judged >= SURE
    more: NDArray[np.bool_] = np.where(labelled, labels, sure)
    itself = np.where(sure.any(axis=1, keepdims=True), SELF_WEIGHT, 0.0)
    weighed = np.where(labelled, weights, itself)
    doubted = ~more & (judged >= DOUBTFUL)
    return more, np.where(doubted, weighed * DOUBTED_WEIGHT, weighed)


def views_of(model: TopicModel, rows: Sequence[Row]) -> NDArray[np.float32]:
    """Rows by views by classes, as the shipped (quantised) weights give them."""
    return np.array([model.views(Words.of(row.text)) for row in rows], dtype=np.float32)


def fit_scores(
    views: NDArray[np.float32], gold: NDArray[np.bool_], weak: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How the views make one margin for all classes, and each class's Platt scaling of it.

    One combination for all classes: the rare ones have too few rows for their own.  A row
    that key words alone give a class says nothing of it, but of a class that editors gave to
    fewer than ``FEWEST_GOLD`` rows: there the key words are believed.
    """
    flat, certain = views.transpose(0, 2, 1).reshape(-1, VIEWS), ~weak.reshape(-1)
    joint = LogisticRegression(C=1.0, solver="lbfgs")
    joint.fit(flat[certain], gold.reshape(-1)[certain])
    combination = joint.coef_[0].astype(np.float32)
    margins = np.einsum("v,rvc->rc", combination, views)
    fitted = []
    for index in range(gold.shape[1]):
        rare = gold[:, index].sum() < FEWEST_GOLD
        member = gold[:, index] | weak[:, index] if rare else gold[:, index]
        used = np.full(len(gold), fill_value=True) if rare else ~weak[:, index]
        if member[used].any() and not member[used].all():
            own = LogisticRegression(C=1.0, solver="lbfgs")
            own.fit(margins[used, index : index + 1], member[used])
            fitted.append((own.coef_[0, 0], own.intercept_[0]))
        else:
            fitted.append((1.0, float(joint.intercept_[0])))
    return combination, np.array(fitted, dtype=np.float32).T


def calibration_rows(rows: Sequence[Row]) -> list[Row]:
    """The rows that calibrate, and articles made of them: as many of either."""
    own = [row for row in rows if row.part is Part.CALIBRATE and row.labels]
    return [*own, *pseudo(own, len(own) // 2)] if own else []


def pseudo(rows: Sequence[Row], count: int) -> list[Row]:
    """At most ``count`` articles of alike rows and ``count`` of one or two sections."""
    events = [row for row in rows if row.source.startswith("wcep")]
    counted = count_features(events)
    made: list[Row] = []
    if counted:
        made += stories(events, to_matrix(counted, inverse_frequency(counted)), count)
    return [*made, *mixtures(rows, count)]


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """What the solver gives: weights (buckets by classes), intercepts, idf, rows used."""

    weights: NDArray[np.float32]
    intercepts: NDArray[np.float32]
    idf: NDArray[np.float32]
    rows: int


def learn_twice(rows: Sequence[Row], codes: Sequence[str]) -> Learnt:
    """Both rounds, with pseudo-articles in the second one."""
    made = pseudo([row for row in rows if row.labels and row.source != "iptc"], PSEUDO_ARTICLES)
    counted = count_features([*rows, *made])
    idf = inverse_frequency(counted[: len(rows)])
    matrix = to_matrix(counted, idf)
    labels, weights = first_round(rows, codes)
    judged = judge(rows, matrix[: len(rows)], labels, weights)
    labels, weights = second_round(labels, weights, judged)
    more, their = first_round(made, codes)
    labels = np.concatenate([labels, more.reshape(-1, len(codes))])
    weights = np.concatenate([weights, their.reshape(-1, len(codes))])
    used = weights.any(axis=1)
    coefficients, intercepts = fit_weights(matrix[used], labels[used], weights[used])
    return Learnt(coefficients, intercepts, idf, int(used.sum()))


def learn_once(rows: Sequence[Row], codes: Sequence[str]) -> Learnt:
    """The labels as they are: what simpler models, to compare with, learn."""
    counted = count_features(rows)
    idf = inverse_frequency(counted)
    labels, weights = first_round(rows, codes)
    coefficients, intercepts = fit_weights(to_matrix(counted, idf), labels, weights)
    return Learnt(coefficients, intercepts, idf, len(rows))


def train(sources: Sources, day: date) -> TopicModel:
    """The quantised, calibrated model."""
    definitions, names, release = sources.definitions()
    rows = sources.rows()
    learn = [row for row in rows if row.part is Part.LEARN] + definitions
    facts = facts_of(names, release, day, mnds=bool(sources.mnds))
    return finish(learn_twice(learn, codes_of(names)), calibration_rows(rows), facts)


def codes_of(names: Iterable[str]) -> list[str]:
    """Two digits of each class, in the order of the classes."""
    return [code.removeprefix("medtop:")[:2] for code in names]


def facts_of(names: dict[str, str], release: str, day: date, *, mnds: bool) -> dict[str, object]:
    """What the model says of itself."""
    return {
        "features_version": FEATURES_VERSION,
        "vocabulary_release": release,
        "names": names,
        "trained": day.isoformat(),
        "notices": [*NOTICES, *([MNDS_NOTICE] if mnds else [])],
    }


def finish(learnt: Learnt, calibrate: Sequence[Row], facts: dict[str, object]) -> TopicModel:
    """The quantised model, calibrated on ``calibrate``."""
    small, steps = quantise(learnt.weights)
    classes = small.shape[1]
    facts = {**facts, "training_rows": learnt.rows}
    codes = codes_of(cast("dict[str, str]", facts["names"]))
    plain = np.array([np.ones(classes), np.zeros(classes)], dtype=np.float32)
    whole = np.eye(VIEWS, dtype=np.float32)[0]
    model = TopicModel(small, steps, learnt.intercepts, learnt.idf, whole, plain, facts)
    combination, calibration = fit_scores(
        views_of(model, calibrate), membership(calibrate, codes), weakly(calibrate, codes)
    )
    return replace(model, combination=combination, calibration=calibration)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, and write the model."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cep", type=Path)
    parser.add_argument("--mnds", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--date", type=date.fromisoformat, required=True)
    options = parser.parse_args(arguments)
    model = train(Sources(options.data, options.cep, options.mnds), options.date)
    with options.out.open("wb") as file:
        model.save(file)


if __name__ == "__main__":
    main()
