"""Which of the scored topics an article gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FLOOR = 0.25
"""Score below which nothing is said. Calibrated, so one in four of those at the floor is right."""

FURTHER = 0.3
"""Score that a second topic needs. A set of labels has its best F1 where each label is named whose
probability is above half of the best F1 that can be had: .6 to .7 here."""

MARGIN = 0.45
"""Least distance from the best one at which a further topic is left out: beside one that is certain
it is mentioned rather than told about."""

MOST = 3
"""Topics of the first level that an article gets at most: articles labelled by hand have one to
three."""


def chosen(scores: NDArray[np.float32]) -> list[int]:
    """Indexes of the chosen classes, best first; empty when nothing reaches the floor."""
    order = [int(index) for index in scores.argsort(kind="stable")[::-1][:MOST]]
    best = float(scores[order[0]])
    if best < FLOOR:
        return []
    least = max(FURTHER, best - MARGIN)
    return [order[0], *(index for index in order[1:] if float(scores[index]) >= least)]
