"""Rule 10: the handler runs off the event loop; health, SIGTERM and leases go on meanwhile."""

from __future__ import annotations

import json
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from services.bus.keys import ENRICHMENT, RAW_STREAM
from tests.bus.desk import Desk, articles, changed, enrich_all, eventually, publish, running
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.article import EnrichedArticle, RawArticle
    from services.bus.stage import Stage
    from services.settings import Settings
    from tests.bus.processes import Workers
    from tests.bus.worker import Control


def busy(stage: Stage) -> bool:
    return stage.facts.busy_since is not None


@pytest.mark.anyio
async def test_the_loop_turns_while_a_handler_blocks_its_thread(
    desk: Desk, settings: Settings
) -> None:
    begun, go = threading.Event(), threading.Event()
    threads: list[threading.Thread] = []

    def blocking(batch: Sequence[RawArticle]) -> list[EnrichedArticle]:
        threads.append(threading.current_thread())
        begun.set()
        # On the loop nobody could ever set it; 20 s keep a broken rule from hanging the test.
        assert go.wait(20), "the loop was blocked"
        return enrich_all(batch)

    await publish(settings, *articles("good 1"))
    async with running(settings, blocking) as stage:
        await eventually(begun.is_set, "the handler is in work")
        assert busy(stage)
        go.set()
        await eventually(desk.settled, "it goes on")
        assert not busy(stage)
    assert threading.main_thread() not in threads
    assert desk.enriched() == ["good 1"]


@pytest.mark.anyio
async def test_only_one_batch_is_worked_on_at_a_time(desk: Desk, settings: Settings) -> None:
    """New and claimed messages take turns: a handler need not be safe for threads."""
    inside = threading.Lock()
    overlaps: list[str] = []

    def lonely(batch: Sequence[RawArticle]) -> list[EnrichedArticle]:
        if not inside.acquire(blocking=False):
            overlaps.append(str(batch[0].headline))
            return enrich_all(batch)
        time.sleep(0.01)
        inside.release()
        return enrich_all(batch)

    await publish(settings, *articles(*(f"good {n}" for n in range(20))))
    key = desk.keys.stream(RAW_STREAM)
    desk.redis.xreadgroup(ENRICHMENT.group, "died", {key: ">"}, count=10)
    async with running(changed(settings, claim_after=0.05, batch_size=1), lonely):
        await eventually(desk.settled, "new and abandoned ones go on")
    assert len(desk.enriched()) == 20
    assert overlaps == []


def test_signs_of_life_and_leases_go_on_and_sigterm_is_heard_during_long_work(
    desk: Desk, settings: Settings, control: Control, workers: Workers
) -> None:
    claim_after = 0.8
    desk.publish(*articles("hold 1"))
    worker = workers.start(changed(settings, claim_after=claim_after))
    wait_until(lambda: control.said("held"), "the handler is in work")
    wait_until(lambda: busy_seconds(desk) > 2 * claim_after, "it tells how long it works")
    assert desk.pending()[0]["idle"] < claim_after * 1000
    worker.signal(signal.SIGTERM)
    wait_until(lambda: worker.lines("service.stopping"), "SIGTERM is heard")
    assert worker.alive
    control.say("go")
    assert worker.code() == 0
    assert desk.enriched() == ["hold 1"]


def busy_seconds(desk: Desk) -> float:
    """What the worker's sign of life says of the batch in work."""
    for key in desk.redis.keys(desk.keys.alive_pattern()):
        alive = json.loads(desk.redis.get(key) or "{}")
        return float(alive.get("busy_seconds") or 0)
    return 0
