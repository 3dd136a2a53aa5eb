"""Precision, recall and F1 of marked spans; B³ of clusters; calibration of scores."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

Span = tuple[int, int, str]
"""Start, end (code points, half-open) and label."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Of what was said, how much was right; of what was there, how much was missed."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.right + other.right, self.wrong + other.wrong, self.missed + other.missed
        )

    @property
    def precision(self) -> float:
        """Share of what was said that is right; 0 where nothing was said."""
        return _share(self.right, self.right + self.wrong)

    @property
    def recall(self) -> float:
        """Share of what was there that was said; 0 where nothing was there."""
        return _share(self.right, self.right + self.missed)

    @property
    def f1(self) -> float:
        """The harmonic mean of the two."""
        return harmonic(self.precision, self.recall)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def harmonic(one: float, other: float) -> float:
    """The harmonic mean; 0 where both are."""
    return _share(2 * one * other, one + other)


def compare(gold: Iterable[Span], said: Iterable[Span]) -> dict[str, Counts]:
    """Counts by label: a span is right when start, end and label are (CoNLL's measure)."""
    expected, actual = set(gold), set(said)
    counts: dict[str, Counts] = defaultdict(Counts)
    for span in expected | actual:
        if span not in actual:
            counts[span[2]] += Counts(missed=1)
        elif span not in expected:
            counts[span[2]] += Counts(wrong=1)
        else:
            counts[span[2]] += Counts(right=1)
    return dict(sorted(counts.items()))


def add(totals: Iterable[Mapping[str, Counts]]) -> dict[str, Counts]:
    """The counts of many documents together, by label."""
    summed: dict[str, Counts] = defaultdict(Counts)
    for counts in totals:
        for label, count in counts.items():
            summed[label] += count
    return dict(sorted(summed.items()))


def micro(counts: Mapping[str, Counts]) -> Counts:
    """All labels together."""
    return sum(counts.values(), Counts())


@dataclass(frozen=True, slots=True)
class Clustering:
    """B³: precision and recall of the cluster that each mention is in, averaged."""

    precision: float
    recall: float
    mentions: int

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return harmonic(self.precision, self.recall)


def b_cubed(pairs: Sequence[tuple[Hashable, Hashable]]) -> Clustering:
    """B³ (Bagga and Baldwin 1998) of mentions given as (true entity, said entity)."""
    gold: dict[Hashable, int] = defaultdict(int)
    said: dict[Hashable, int] = defaultdict(int)
    both: dict[tuple[Hashable, Hashable], int] = defaultdict(int)
    for true, key in pairs:
        gold[true] += 1
        said[key] += 1
        both[true, key] += 1
    # All `count` mentions of one cell have the same precision and recall.
    precision = sum(count * count / said[key] for (_, key), count in both.items())
    recall = sum(count * count / gold[true] for (true, _), count in both.items())
    total = len(pairs)
    return Clustering(_share(precision, total), _share(recall, total), total)


@dataclass(frozen=True, slots=True)
class Bin:
    """Things whose score lies in one interval: how many, and how many of them were right."""

    low: float
    high: float
    count: int
    right: int
    mean: float

    @property
    def share_right(self) -> float:
        """What a calibrated mean score would be equal to."""
        return _share(self.right, self.count)


def reliability(scored: Iterable[tuple[float, bool]], bins: int = 10) -> list[Bin]:
    """Scores from 0 to 1 in ``bins`` equal intervals beside the share that was right."""
    groups: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for score, right in scored:
        groups[min(int(score * bins), bins - 1)].append((score, right))
    return [
        Bin(
            low=index / bins,
            high=(index + 1) / bins,
            count=len(members),
            right=sum(right for _, right in members),
            mean=_share(sum(score for score, _ in members), len(members)),
        )
        for index, members in sorted(groups.items())
    ]


def expected_calibration_error(bins: Sequence[Bin]) -> float:
    """Mean distance of score and share right, weighted by count."""
    total = sum(each.count for each in bins)
    return _share(sum(each.count * abs(each.mean - each.share_right) for each in bins), total)
