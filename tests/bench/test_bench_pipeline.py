"""What the pipeline's bench makes of turns on crowded texts."""

from __future__ import annotations

import pytest

from tests.bench.bench_pipeline import SHARE, figure_of

TURNS = {"wiredesk": [1.0], "bare": [2.0], "bare, our decoder": [0.5], "naive": [5.0]}


def test_crowded_texts_are_told_beside_and_judge_nothing() -> None:
    made = figure_of(TURNS, {}, {"wiredesk": [2.0, 4.0], "naive": [6.0, 8.0]})
    times = made.measured["crowded texts: wiredesk / naive"]
    assert times.values == (3.0, 2.0)
    assert made.measured["crowded texts: wiredesk"].median == pytest.approx(3000 / SHARE)
    assert made.judged == figure_of(TURNS, {}).judged
