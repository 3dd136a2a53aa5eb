"""Rule 2: new messages come in batches, abandoned ones alone; poison takes no neighbour along."""

from __future__ import annotations

import os
import re
import socket
from typing import TYPE_CHECKING

import pytest

from services.bus.connect import client, server_url
from services.bus.groups import ensure_groups
from services.bus.keys import ENRICHMENT, RAW_STREAM, Keys
from services.bus.retention import GONE_AFTER_CLAIMS, Janitor
from services.bus.scripts import Scripts
from services.bus.service import consumer_name, make_broker
from services.bus.stage import Stage
from tests.bus.desk import (
    Desk,
    articles,
    changed,
    enrich_all,
    eventually,
    original,
    publish,
    running,
)
from tests.bus.worker import make_handler
from tests.wait import until, wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.article import RawArticle
    from schemas.events import Payload
    from services.settings import Settings
    from tests.bus.processes import Workers
    from tests.bus.worker import Control

pytestmark = pytest.mark.anyio


async def test_new_messages_come_in_batches_of_at_most_the_batch_size(
    desk: Desk, settings: Settings, control: Control
) -> None:
    """Without a count, one worker would take the whole backlog for itself."""
    await publish(settings, *articles(*(f"good {n}" for n in range(20))))
    async with running(changed(settings, batch_size=8), make_handler(control)):
        await eventually(lambda: len(desk.enriched()) == 20, "all come out")
    assert [len(call) for call in control.calls()] == [8, 8, 4]


async def test_abandoned_messages_are_claimed_one_at_a_time_under_a_name_of_their_own(
    desk: Desk, settings: Settings, control: Control
) -> None:
    await publish(settings, *articles("good 1", "good 2", "good 3"))
    key = desk.keys.stream(RAW_STREAM)
    desk.redis.xreadgroup(ENRICHMENT.group, "died", {key: ">"})
    async with running(changed(settings, claim_after=0.2), make_handler(control)) as stage:
        await eventually(lambda: len(desk.enriched()) == 3, "the dead worker's messages come out")
        new, claim = stage.consumers
        # Servers before 7.2 list a consumer once it was given something; the claiming one was.
        assert claim in desk.consumers()
        assert new != claim
    assert control.calls() == [["good 1"], ["good 2"], ["good 3"]]


def test_the_subscriber_of_new_messages_has_a_count_and_acknowledges_nothing_itself(
    settings: Settings,
) -> None:
    """What FastStream is asked for: a short block, a count, and no acknowledgement of its own."""
    broker = make_broker("redis://unused", settings)
    stage = Stage(ENRICHMENT, enrich_all, settings, None, "worker")  # type: ignore[arg-type]  # never connected
    stage.subscribe(broker)
    subs = [subscriber.stream_sub for subscriber in broker.subscribers]  # type: ignore[attr-defined]
    found = {sub.consumer: sub for sub in subs}
    new, claim = (found[name] for name in stage.consumers)
    assert new.max_records == settings.batch_size
    assert new.min_idle_time is None
    assert claim.min_idle_time == settings.claim_after * 1000
    assert new.polling_interval == claim.polling_interval == settings.poll_interval <= 2000
    assert not new.no_ack
    assert not claim.no_ack
    assert not new.maxlen


async def test_an_invalid_message_does_not_fail_its_batch(
    desk: Desk, settings: Settings, control: Control
) -> None:
    await publish(settings, *articles("good 1"))
    desk.put(b"\xff not an event")
    await publish(settings, *articles("good 1", "good 2"))
    async with running(settings, make_handler(control)):
        await eventually(desk.settled, "everything is dealt with")
    assert desk.enriched() == ["good 1", "good 2"]
    assert [original(letter) for letter in desk.dead()] == [b"\xff not an event"]
    assert control.calls() == [["good 1", "good 2"]]


async def test_a_raising_article_among_good_ones_dies_alone(
    desk: Desk, settings: Settings, control: Control
) -> None:
    await publish(settings, *articles("good 1", "raise 2", "good 3"))
    short = changed(settings, claim_after=0.2, max_attempts=3)
    async with running(short, make_handler(control)):
        await eventually(desk.settled, "everything is dealt with")
    assert desk.enriched() == ["good 1", "good 3"]
    (letter,) = desk.dead()
    assert letter["attempts"] == 3
    assert letter["error_type"] == "ValueError"
    assert control.times("raise 2") == 3
    assert control.times("good 1") == control.times("good 3") == 2  # in the batch, then alone


async def test_a_handler_that_returns_too_few_results_is_met_like_one_that_raises(
    desk: Desk, settings: Settings
) -> None:
    """A result must not be given to the wrong article."""

    def forgetful(batch: Sequence[RawArticle]) -> list[Payload]:
        return [raw for raw in enrich_all(batch) if raw.headline != "lost"]

    await publish(settings, *articles("good 1", "lost", "good 3"))
    async with running(changed(settings, claim_after=0.1), forgetful):
        await eventually(desk.settled, "everything is dealt with")
    assert desk.enriched() == ["good 1", "good 3"]
    (letter,) = desk.dead()
    assert "0 results for 1 messages" in letter["error_message"]


def test_an_article_that_kills_its_process_is_buried_and_its_neighbours_cross_once(
    desk: Desk, settings: Settings, control: Control, workers: Workers
) -> None:
    """Real processes, really killed: each dies on the poison, the next one goes on."""
    short = changed(settings, claim_after=0.3, max_attempts=2)
    desk.publish(*articles("good 1", "kill 2", "good 3", "good 4"))
    for _ in range(2):
        assert workers.start(short).code() == -9
    last = workers.start(short)
    wait_until(desk.settled, "everything is dealt with")
    assert last.stop() == 0
    assert desk.enriched() == ["good 1", "good 3", "good 4"]
    assert control.times("kill 2") == 2
    (letter,) = desk.dead()
    assert (letter["error_type"], letter["attempts"]) == ("WorkerDied", 2)


def test_a_dead_letter_says_everything_about_the_message(
    desk: Desk, settings: Settings, control: Control, workers: Workers
) -> None:
    del control
    desk.publish(*articles("raise 1"))
    (entry_id,) = desk.ids(RAW_STREAM)
    (published,) = desk.bodies(RAW_STREAM)
    worker = workers.start(changed(settings, claim_after=0.2, max_attempts=2))
    wait_until(desk.dead, "the article is buried")
    assert worker.stop() == 0
    (letter,) = desk.dead()
    assert letter["stage"] == letter["group"] == "enrichment"
    assert letter["stream"] == desk.keys.stream(RAW_STREAM)
    assert letter["entry_id"] == entry_id
    assert letter["error_type"] == "ValueError"
    assert letter["error_message"] == "ValueError: can't do raise 1"
    assert "in _raise" in letter["stack"]
    assert letter["attempts"] == 2
    assert re.match(r"\d+\.\d+", letter["software_version"])
    assert original(letter) == published
    assert letter["drop"]["file"] == "1.txt"
    (outcome,) = desk.outcomes()
    assert outcome["outcome"] == "rejected"
    assert outcome["stage"] == "enrichment"
    assert outcome["reason"] == letter["error_message"]
    assert outcome["advice"]
    assert outcome["headline"] == "raise 1"


def test_a_consumer_name_is_host_pid_and_chance() -> None:
    first, second = consumer_name(), consumer_name()
    pattern = rf"{re.escape(socket.gethostname())}-{os.getpid()}-[0-9a-f]{{8}}"
    assert re.fullmatch(pattern, first)
    assert first != second


async def test_dead_consumers_are_forgotten_unless_something_is_pending_with_them(
    desk: Desk, settings: Settings
) -> None:
    """Deleting a consumer deletes its pending entries: the messages would be lost."""
    await publish(settings, *articles("good 1", "good 2"))
    key = desk.keys.stream(RAW_STREAM)
    for name in ("idle", "dead-with-work"):
        desk.redis.xgroup_createconsumer(key, ENRICHMENT.group, name)
    desk.redis.xreadgroup(ENRICHMENT.group, "dead-with-work", {key: ">"}, count=1)
    short = changed(settings, claim_after=0.01)
    async with client(server_url(settings)) as redis:
        janitor = Janitor(
            ENRICHMENT, short, redis, Scripts(redis, Keys(settings.namespace), settings.marker_ttl)
        )
        await janitor.sweep()
        assert "dead-with-work" in desk.consumers()

        async def forgotten() -> bool:
            await janitor.sweep()
            return desk.consumers() == ["dead-with-work"]

        await until(forgotten, "the idle consumer is forgotten")
    assert [row["consumer"] for row in desk.pending()] == ["dead-with-work"]
    assert GONE_AFTER_CLAIMS > 10


async def test_a_live_consumer_is_not_forgotten(desk: Desk, settings: Settings) -> None:
    async with running(settings, enrich_all) as stage, client(server_url(settings)) as redis:
        await ensure_groups(redis, desk.keys)
        janitor = Janitor(
            ENRICHMENT, settings, redis, Scripts(redis, desk.keys, settings.marker_ttl)
        )
        await publish(settings, *articles("good 1"))
        # Servers before 7.2 list a consumer only once it was given something.
        await eventually(lambda: stage.consumers[0] in desk.consumers(), "a consumer read")
        before = set(desk.consumers())
        await janitor.sweep()
        assert set(desk.consumers()) >= before
