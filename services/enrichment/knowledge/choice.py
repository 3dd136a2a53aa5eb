"""Which of the scored topics an article gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FLOOR = 0.25
"""Score below which nothing is said. Calibrated, so one in four of those at the floor is right."""

MARGIN = 0.25
"""A further topic is named when it is within this of the best one, and above the floor."""

MOST = 3
"""Topics an article gets at most: hand-labelled articles have one to three."""


def chosen(scores: NDArray[np.float32]) -> list[int]:
    """Indexes of the chosen classes, best first; empty when nothing reaches the floor."""
    order = scores.argsort(kind="stable")[::-1][:MOST]
    best = float(scores[order[0]])
    return [
        int(index)
        for index in order
        if scores[index] >= FLOOR and float(scores[index]) >= best - MARGIN
    ]
