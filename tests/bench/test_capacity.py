"""The simulation: what queueing theory knows of simple cases, and what is asked of deployments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bench import capacity
from tests.bench.capacity import (
    BUSIEST,
    WITHIN,
    Deployment,
    NotMeasured,
    Times,
    at_least,
    figure_of,
    limits,
    main,
    measured_times,
    needed,
    simulated,
)
from tests.bench.figures import Figure, Figures, Measured

if TYPE_CHECKING:
    from pathlib import Path

TIMES = Times(ingest=0.008, enrichment=0.030, indexer=0.004, server=0.001)


def test_a_part_is_as_busy_as_its_work_says() -> None:
    run = simulated(TIMES, Deployment(workers=2), 20.0, 4000)
    assert run.busy["enrichment"] == pytest.approx(20 * 0.030 / 2, rel=0.1)
    assert run.busy["ingest"] == pytest.approx(20 * 0.008, rel=0.1)
    assert run.busy["server"] == pytest.approx(20 * 0.001, rel=0.1)
    assert run.first == "enrichment"


def test_an_idle_desk_takes_as_long_as_its_work() -> None:
    run = simulated(TIMES, Deployment(), 0.1, 500)
    work = 0.008 + 0.030 + 0.004 + 0.001
    assert run.p50 == pytest.approx(work, rel=0.3)  # the median article is shorter than the mean


def test_the_busier_a_desk_the_longer_articles_wait() -> None:
    waits = [simulated(TIMES, Deployment(), rate, 3000).p99 for rate in (1.0, 15.0, 30.0)]
    assert waits == sorted(waits)
    assert waits[-1] > 3 * waits[0]


def test_more_than_a_worker_can_do_piles_up() -> None:
    assert simulated(TIMES, Deployment(), 60.0, 3000).p99 > 10.0
    assert simulated(TIMES, Deployment(workers=3), 60.0, 3000).p99 < 1.0


def test_the_same_seed_gives_the_same_run() -> None:
    assert simulated(TIMES, Deployment(), 10.0, 500) == simulated(TIMES, Deployment(), 10.0, 500)
    assert simulated(TIMES, Deployment(), 10.0, 500) != simulated(
        TIMES, Deployment(), 10.0, 500, seed=2
    )


@pytest.mark.parametrize("rate", [1.0, 100.0, 10_000.0])
def test_no_part_is_busier_than_it_may_be(rate: float) -> None:
    made = at_least(TIMES, rate)
    assert rate * TIMES.enrichment / made.workers <= BUSIEST + 1e-9
    assert rate * TIMES.server / made.servers <= BUSIEST + 1e-9
    assert made.workers == 1 or rate * TIMES.enrichment / (made.workers - 1) > BUSIEST


@pytest.mark.parametrize("rate", [1.0, 10.0, 100.0])
def test_what_is_needed_is_quick_enough(rate: float) -> None:
    deployment, run = needed(TIMES, rate)
    assert run.p99 <= WITHIN
    assert deployment.workers >= at_least(TIMES, rate).workers


def test_one_server_needs_one_partition_and_several_at_least_one_for_each_worker() -> None:
    assert Deployment(workers=7).partitions == 1
    assert Deployment(workers=7, servers=2).partitions == 7
    assert Deployment(inboxes=2, workers=7, indexers=3, servers=2).cores == 14


def test_the_part_with_the_most_work_gives_way_first() -> None:
    found = limits(TIMES)
    assert next(iter(found)) == "one enrichment worker"
    assert found["one enrichment worker"] == pytest.approx(1 / 0.030)
    assert list(found.values()) == sorted(found.values())


def test_the_figure_answers_for_each_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "RATES", (1.0, 50.0))
    made = figure_of(TIMES)
    assert [row[0] for row in made.tables[0].rows] == ["1", "50"]
    assert made.plots[0].lines["enrichment"].y == (1.0, 2.0)
    assert made.measured["enrichment, an article"].values == (30.0,)


def test_times_are_those_of_the_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    spent = {"ingest": 8.0, "enrichment": 30.0, "indexer": 4.0, "server": 1.0}
    measured = {
        f"wiredesk: {part}": Measured(unit="ms", values=(ms, ms)) for part, ms in spent.items()
    }
    pipeline = Figure(letter="a", title="t", how="h", measured=measured)
    monkeypatch.setattr(capacity, "read", lambda: Figures(figures={"pipeline": pipeline}))
    assert measured_times() == TIMES


def test_without_measured_times_nothing_is_simulated(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(capacity, "read", Figures)
    with pytest.raises(NotMeasured):
        measured_times()
    assert main() == 1
    assert "bench_pipeline" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
