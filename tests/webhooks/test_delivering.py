"""All webhooks together: changes while they run, slow ones, several indexers, kill -9."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from services.bus.keys import ENRICHED_STREAM
from services.indexer.store.opening import open_store
from services.indexer.webhooks.document import KIND, Pause, change, keep, webhook_of
from services.indexer.webhooks.signing import new_secret
from tests.bus.desk import changed, eventually
from tests.bus.processes import environ_of
from tests.wait import wait_until
from tests.webhooks import child
from tests.webhooks.kit import (
    MORNING,
    SECRET,
    Shelf,
    comes,
    delivery,
    group_exists,
    make_webhook,
    put,
    settled,
    state_of,
)
from tests.webhooks.receiver import Receiver, Reply, signature

if TYPE_CHECKING:
    from pathlib import Path

    from services.indexer.webhooks.document import Webhook
    from services.settings import Settings
    from tests.bus.desk import Desk

pytestmark = pytest.mark.anyio


async def ended(desk: Desk) -> None:
    """Wait until nobody delivers."""
    lease = desk.keys.webhook("archive", "lease")
    await eventually(lambda: not desk.redis.exists(lease), "the courier has ended")


async def test_changes_count_while_it_runs(
    desk: Desk, settings: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Added, paused, resumed, given a new secret: without a restart."""
    shelf = Shelf()
    put(desk, 1)
    async with delivery(settings, shelf, monkeypatch):
        keep(shelf, make_webhook(receiver.url))
        await comes(receiver, 1)
        change(shelf, "archive", lambda held: replace(held, paused=Pause(MORNING, "for now")))
        await eventually(
            lambda: not desk.redis.exists(desk.keys.webhook("archive", "lease")), "ended"
        )
        put(desk, 2)
        assert (await state_of(settings)).lag == 1
        change(shelf, "archive", lambda held: replace(held, paused=None))
        await comes(receiver, 1, 2)
        secret = new_secret()
        change(shelf, "archive", lambda held: held.rotated(secret, MORNING))
        number = 2

        def signed_anew() -> bool:
            nonlocal number
            number += 1
            put(desk, number)
            return receiver.requests[-1].headers["webhook-signature"] == signature(
                secret, receiver.requests[-1]
            )

        await eventually(signed_anew, "the new secret signs")
        await settled(settings)
    assert receiver.requests[0].headers["webhook-signature"] == signature(
        SECRET, receiver.requests[0]
    )


async def test_a_webhook_that_is_removed_is_sent_nothing_more(
    desk: Desk, settings: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its group goes with it, and isn't made again by what still runs."""
    shelf = Shelf(make_webhook(receiver.url))
    put(desk, 1)
    async with delivery(settings, shelf, monkeypatch):
        await comes(receiver, 1)
        await settled(settings)
        shelf.remove(KIND, "archive")
        desk.redis.xgroup_destroy(desk.keys.stream(ENRICHED_STREAM), "webhook:archive")
        await eventually(
            lambda: not desk.redis.exists(desk.keys.webhook("archive", "lease")), "ended"
        )
        put(desk, 2)
    assert receiver.numbers == [1]
    assert not group_exists(desk)


async def test_an_emptied_server_is_met_by_a_new_queue(
    desk: Desk, settings: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with delivery(settings, Shelf(make_webhook(receiver.url)), monkeypatch):
        put(desk, 1)
        await comes(receiver, 1)
        desk.forget()
        put(desk, 2)
        await comes(receiver, 1, 2)
        await settled(settings)


async def test_410_pauses_the_webhook_with_the_reason(
    desk: Desk, settings: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf(make_webhook(receiver.url))
    receiver.answer = lambda _request: Reply(410)
    put(desk, 1, 2)
    async with delivery(settings, shelf, monkeypatch):
        await eventually(lambda: webhook_of(shelf, "archive").paused, "it is paused")
    paused = webhook_of(shelf, "archive").paused
    assert paused is not None
    assert "410" in paused.reason
    assert receiver.numbers == [1]


async def test_a_slow_receiver_slows_no_other(
    desk: Desk, settings: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One holds its first answer; the other has everything meanwhile."""
    held = threading.Event()
    with Receiver() as slow:
        slow.answer = lambda _request: Reply(wait=held)
        shelf = Shelf(make_webhook(slow.url, "slow"), make_webhook(receiver.url, "fast"))
        put(desk, *range(1, 31))
        patient = changed(settings, webhook_timeout=20.0)
        async with delivery(patient, shelf, monkeypatch):
            await comes(receiver, *range(1, 31))
            assert slow.numbers == [1]
            held.set()
            await settled(settings, "slow")
            assert slow.numbers == list(range(1, 31))


async def test_of_several_indexers_one_delivers(
    desk: Desk, settings: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the other goes on when it ends."""
    shelf = Shelf(make_webhook(receiver.url))
    async with delivery(settings, shelf, monkeypatch):
        async with delivery(settings, shelf, monkeypatch):
            put(desk, *range(1, 11))
            await comes(receiver, *range(1, 11))
            await settled(settings)
        put(desk, *range(11, 16))
        await comes(receiver, *range(1, 16))
        await settled(settings)


async def test_a_url_that_is_no_longer_allowed_fails_and_harms_no_other(
    desk: Desk, settings: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address is checked with each connection, not only when the webhook was added."""
    strict = changed(settings, webhook_private_targets=False)
    put(desk, 1)
    shelf = Shelf(make_webhook(receiver.url))
    async with delivery(strict, shelf, monkeypatch):

        def refused() -> bool:
            found: Any = desk.redis.hget(desk.keys.webhook("archive", "state"), "failure")
            return found is not None and b"loopback" in found

        await eventually(refused, "it is refused")
    assert receiver.requests == []


async def test_neither_secrets_nor_urls_nor_articles_are_logged(
    desk: Desk,
    settings: Settings,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Whatever happens: delivered, failed, dead, paused; nor what a receiver says."""
    once = changed(settings, webhook_max_attempts=1, log_level="DEBUG")
    replies = {1: Reply(), 2: Reply(500, body=b"Riverton secret of theirs"), 3: Reply(410)}
    receiver.answer = lambda request: replies[request.number]
    put(desk, 1, 2, 3)
    shelf = Shelf(make_webhook(receiver.url))
    async with delivery(once, shelf, monkeypatch):
        await eventually(lambda: webhook_of(shelf, "archive").paused, "it is paused")
    said = "".join(capfd.readouterr())
    for event in ("delivered", "failed", "dead", "paused"):
        assert f"webhook.{event}" in said
    for never in ("whsec_", SECRET[6:], "t0p", "127.0.0.1", "Riverton", "theirs"):
        assert never not in said


def _file(settings: Settings, webhook: Webhook) -> None:
    with closing(open_store(settings)) as store:
        keep(store, webhook)


@pytest.mark.parametrize("kill_at", [1, 2, 3, 5])
def test_kill_9_loses_nothing(
    desk: Desk, settings: Settings, receiver: Receiver, tmp_path: Path, kill_at: int
) -> None:
    """Before the lease, before a request, between an answer and its note; under the same id."""
    quick = changed(settings, claim_after=0.4)
    settings.inbox.mkdir()
    _file(quick, make_webhook(receiver.url))
    put(desk, 1, 2, 3)
    environ, log = environ_of(quick), str(tmp_path / "log")
    killed = child.start(environ | {"WIREDESK_KILL_AT": str(kill_at)}, log)
    killed.join(20)
    assert killed.exitcode == -9
    successor = child.start(environ, log)
    group = desk.keys.stream(ENRICHED_STREAM)

    def done() -> bool:
        found: Any = desk.redis.xinfo_groups(group)
        return set(receiver.numbers) == {1, 2, 3} and all(each["pending"] == 0 for each in found)

    wait_until(done, "everything has come")
    successor.terminate()
    successor.join(20)
    assert successor.exitcode == 0
    assert len(receiver.numbers) <= 4
    assert len({request.id for request in receiver.requests}) == 3
    assert "whsec_" not in (tmp_path / "log").read_text()
