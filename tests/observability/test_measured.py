"""What stages and publishers count: each thing once, where it happens."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from schemas.events import Outcome, timings_of
from services.bus.connect import client, server_url
from services.bus.errors import Reject, Unavailable
from services.bus.keys import ENRICHMENT, INDEXER
from services.bus.measured import ERROR, REASONS, Measured, reason_of, seconds_between
from services.bus.messages import Fault, Item
from services.bus.publisher import Publisher, received_event
from services.metrics import LABEL_VALUES
from tests.bus.desk import (
    RECEIPTS,
    Desk,
    article,
    articles,
    changed,
    enrich,
    enrich_all,
    eventually,
    publish,
    running,
)
from tests.factories import NOON, make_drop
from tests.observability.counting import Growth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.article import EnrichedArticle, RawArticle
    from services.bus.stage import Result
    from services.settings import Settings

STAGE = {"stage": "enrichment"}


def filed(article_: EnrichedArticle) -> Outcome:
    """The outcome of an article that is filed two seconds after it was enriched."""
    return Outcome(
        drop=article_.drop,
        article_id=article_.article_id,
        revision=article_.revision,
        outcome="indexed",
        timings=timings_of(article_, article_.enriched_at + timedelta(seconds=2)),
    )


@pytest.fixture
def growth() -> Growth:
    return Growth()


@pytest.mark.anyio
async def test_what_is_published_twice_is_counted_once(
    desk: Desk, settings: Settings, growth: Growth
) -> None:
    await publish(settings, *articles("one", "two"))
    await publish(settings, *articles("one", "two"))
    assert growth.of("wiredesk_articles_published_total") == 2
    assert growth.of("wiredesk_hop_seconds_count", hop="published") == 2
    assert desk.group()["lag"] == 2


@pytest.mark.anyio
async def test_what_ingest_decides_itself_is_an_outcome_of_ingest(
    desk: Desk, settings: Settings, growth: Growth
) -> None:
    rejected = filed(enrich(article(1))).model_copy(update={"outcome": "rejected"})
    async with client(server_url(settings)) as redis:
        publisher = Publisher(settings, redis, RECEIPTS)
        await publisher.report([rejected])
        await publisher.report([rejected])
    assert growth.of("wiredesk_outcomes_total", stage="ingest", outcome="rejected") == 1
    assert len(desk.outcomes()) == 1


@pytest.mark.anyio
async def test_an_article_is_counted_and_timed_at_each_hop(
    desk: Desk, settings: Settings, growth: Growth
) -> None:
    def file(batch: Sequence[EnrichedArticle]) -> list[Result]:
        return [filed(each) for each in batch]

    await publish(settings, *articles("a", "b", "c"))
    async with (
        running(settings, enrich_all),
        running(settings, file, INDEXER),
        running(settings, lambda batch: [None] * len(batch), RECEIPTS),
    ):
        for spec in (ENRICHMENT, INDEXER, RECEIPTS):
            await eventually(partial(desk.settled, spec), f"{spec.name} is done")
    for stage in ("enrichment", "indexer", "ingest"):
        assert growth.of("wiredesk_articles_processed_total", stage=stage) == 3
        assert growth.of("wiredesk_attempts_total", stage=stage) == 3
        assert growth.of("wiredesk_batch_articles_sum", stage=stage) == 3
        batches = growth.of("wiredesk_batch_articles_count", stage=stage)
        assert growth.of("wiredesk_batch_seconds_count", stage=stage) == batches
        assert growth.of("wiredesk_attempts_failed_total", stage=stage) == 0
    assert growth.of("wiredesk_outcomes_total", stage="indexer", outcome="indexed") == 3
    sample = enrich(article(1))
    hops = {
        "enriched": (sample.enriched_at - sample.ingested_at).total_seconds(),
        "searchable": 2.0,
        "end_to_end": (sample.enriched_at - sample.drop.received_at).total_seconds() + 2,
    }
    for hop, seconds in hops.items():
        assert growth.of("wiredesk_hop_seconds_count", hop=hop) == 3
        assert growth.of("wiredesk_hop_seconds_sum", hop=hop) == pytest.approx(3 * seconds)


@pytest.mark.anyio
async def test_a_message_that_had_gone_on_is_counted_no_second_time(
    desk: Desk, settings: Settings, growth: Growth
) -> None:
    """A group that is made anew reads old entries again."""
    await publish(settings, article(1))
    async with running(settings, enrich_all):
        await eventually(desk.settled, "it crossed")
    desk.redis.xgroup_destroy(desk.keys.stream(ENRICHMENT.reads), ENRICHMENT.group)
    async with running(settings, enrich_all):
        await eventually(lambda: desk.group()["entries-read"], "it was read again")
        await eventually(desk.settled, "and was found to have crossed")
    assert growth.of("wiredesk_articles_processed_total", **STAGE) == 1
    assert growth.of("wiredesk_hop_seconds_count", hop="enriched") == 1
    assert growth.of("wiredesk_attempts_total", **STAGE) == 1


@pytest.mark.anyio
async def test_a_zombie_that_hands_off_what_another_did_counts_nothing(
    desk: Desk, settings: Settings, growth: Growth
) -> None:
    def slow(batch: Sequence[RawArticle]) -> list[Result]:
        # Somebody else takes it across while this handler still works on it.
        desk.redis.xack(
            desk.keys.stream(ENRICHMENT.reads), ENRICHMENT.group, *desk.ids(ENRICHMENT.reads)
        )
        return list(enrich_all(batch))

    await publish(settings, article(1))
    async with running(settings, slow) as stage:
        await eventually(lambda: stage.facts.done, "it was tried")
    assert growth.of("wiredesk_attempts_total", **STAGE) == 1
    assert growth.of("wiredesk_articles_processed_total", **STAGE) == 0
    assert growth.of("wiredesk_hop_seconds_count", hop="enriched") == 0


@pytest.mark.anyio
async def test_dead_letters_are_counted_by_a_closed_set_of_reasons(
    desk: Desk, settings: Settings, growth: Growth
) -> None:
    def handle(batch: Sequence[RawArticle]) -> list[Result]:
        if any(raw.headline == "raise" for raw in batch):
            raise KeyError("whatever")
        return [
            Reject("no", "send another") if raw.headline == "reject" else enrich(raw)
            for raw in batch
        ]

    desk.put(b"no event at all")
    await publish(settings, *articles("good", "raise", "reject"))
    hurried = changed(settings, max_attempts=2, claim_after=0.2)
    async with running(hurried, handle):
        await eventually(lambda: len(desk.dead()) == 3 and desk.settled(), "all are done", 20)
    for reason in ("rejected", "error", "unreadable"):
        assert growth.of("wiredesk_dead_letters_total", reason=reason, **STAGE) == 1, reason
    assert growth.of("wiredesk_outcomes_total", outcome="rejected", **STAGE) == 2
    assert growth.of("wiredesk_articles_processed_total", **STAGE) == 1
    failed = growth.of("wiredesk_attempts_failed_total", **STAGE)
    # The batch of all three or fewer, then "raise" alone, until its attempts were used up.
    assert failed >= 2
    assert growth.of("wiredesk_attempts_total", **STAGE) == failed + 2


@pytest.mark.anyio
async def test_waiting_for_something_outside_is_no_failed_attempt(
    desk: Desk, settings: Settings, growth: Growth
) -> None:
    away = [Unavailable("the store is locked")]

    def handle(batch: Sequence[RawArticle]) -> list[Result]:
        if away:
            raise away.pop()
        return list(enrich_all(batch))

    await publish(settings, article(1))
    async with running(settings, handle):
        await eventually(desk.settled, "it crossed in the end")
    assert growth.of("wiredesk_attempts_failed_total", **STAGE) == 0
    assert growth.of("wiredesk_articles_processed_total", **STAGE) == 1


def test_what_an_operator_sent_again_is_counted_and_not_timed(growth: Growth) -> None:
    """It has waited for the operator: that says nothing of the desk."""
    raw = article(1)
    drop = make_drop(retry={"stage": "enrichment", "number": 1, "at": NOON})
    item = Item("1-0", received_event(raw), raw.model_copy(update={"drop": drop}), None, 1)
    Measured(ENRICHMENT).crossed(item, enrich(raw))
    assert growth.of("wiredesk_articles_processed_total", **STAGE) == 1
    assert growth.of("wiredesk_dead_letters_retried_total", **STAGE) == 1
    assert growth.of("wiredesk_hop_seconds_count", hop="enriched") == 0


def test_every_kind_of_fault_has_a_reason_of_the_list() -> None:
    assert {*REASONS.values(), ERROR} == set(LABEL_VALUES["reason"])
    assert reason_of(Fault("KeyError", "", "")) == "error"
    assert reason_of(Fault("WorkerDied", "", "")) == "worker_died"


def test_a_clock_that_was_set_back_makes_no_negative_time() -> None:
    assert seconds_between(NOON, NOON - timedelta(hours=1)) == 0
    assert seconds_between(NOON, NOON + timedelta(seconds=1.5)) == 1.5
