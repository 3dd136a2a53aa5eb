"""What an operator changed reaches subscribers once, whatever dies or is away in between."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from schemas.events import ENRICHED, event_id
from services.bus import changes
from services.bus.changes import announcing, change_event, publish_now, publish_pending
from services.bus.connect import client, server_url
from services.bus.envelope import Outgoing, read, write
from services.bus.errors import StopWorking, Unavailable
from services.bus.groups import ensure_groups
from services.bus.keys import DATA_FIELD, ENRICHED_STREAM, ENTITY_STREAM, OUTCOME_STREAM, Keys
from services.bus.scripts import Scripts
from services.indexer.store.sqlite import SqliteStore
from tests.conformance.stores import naming, shown
from tests.wait import until, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from uuid import UUID

    from redis import Redis as SyncRedis

    from schemas.article import EnrichedArticle
    from schemas.events import EntitiesChanged
    from services.settings import Settings

KEYS = Keys("news")
A, B, C = "person:ana", "person:bea", "person:cleo"


@pytest.fixture
def store(settings: Settings) -> Iterator[SqliteStore]:
    with SqliteStore(settings.store) as opened:
        opened.file([naming(1, A), naming(2, B), naming(3, C)])
        yield opened


def told(redis: SyncRedis) -> list[dict[str, Any]]:
    """The events on the entity stream, oldest first."""
    entries: Any = redis.xrange(KEYS.stream(ENTITY_STREAM))
    return [json.loads(fields[DATA_FIELD.encode()]) for _, fields in entries]


def away(settings: Settings) -> Settings:
    """Settings of a server that doesn't answer."""
    return settings.model_copy(update={"redis_url": None})


def nobody_there(settings: Settings, tmp_path: Path) -> Settings:
    given = settings.model_dump(exclude_unset=True)
    return type(settings).model_validate(given | {"redis_url": f"unix://{tmp_path}/none.sock"})


# --- The event --------------------------------------------------------------------------------


def test_a_change_is_published_as_its_event(
    store: SqliteStore, settings: Settings, redis: SyncRedis
) -> None:
    change = store.merge([A], B)
    assert change is not None
    publish_now(store, settings)
    (event,) = told(redis)
    assert event["type"] == "wiredesk.entities.changed.v1"
    assert (event["subject"], event["source"]) == (B, "/wiredesk/indexer")
    assert event["data"]["keys"] == [A]
    assert event["data"]["articles"] == 1
    reading = read(json.dumps(event).encode(), ENTITY_STREAM.event)
    assert getattr(reading, "payload", None) == change
    assert store.pending_changes() == []


def test_the_event_of_a_change_is_always_the_same_bytes(store: SqliteStore) -> None:
    store.merge([A], B)
    (first,), (second,) = store.pending_changes(), store.pending_changes()
    assert change_event(first) == change_event(second)
    store.split(A)
    ids = {json.loads(change_event(change))["id"] for change in store.pending_changes()}
    assert len(ids) == 2


def test_changes_are_published_in_their_order_and_once(
    store: SqliteStore, settings: Settings, redis: SyncRedis
) -> None:
    for _ in range(60):  # more than are read at once
        store.merge([A], B)
        store.split(A)
    expected = [str(change.change_id) for change in store.pending_changes(1000)]
    publish_now(store, settings)
    publish_now(store, settings)
    assert [event["data"]["change_id"] for event in told(redis)] == expected


@pytest.mark.anyio
async def test_two_that_publish_at_once_tell_each_change_once(
    store: SqliteStore, settings: Settings, redis: SyncRedis
) -> None:
    for _ in range(20):
        store.merge([A], B)
        store.split(A)
    expected = [str(change.change_id) for change in store.pending_changes(1000)]
    with SqliteStore(settings.store) as other:
        async with client(server_url(settings)) as one, client(server_url(settings)) as two:
            numbers = await asyncio.gather(
                publish_pending(store, Scripts(one, KEYS, 60)),
                publish_pending(other, Scripts(two, KEYS, 60)),
            )
    assert sum(numbers) == 40
    assert [event["data"]["change_id"] for event in told(redis)] == expected


# --- What is away or dies ---------------------------------------------------------------------


def test_a_server_that_is_away_loses_nothing(
    store: SqliteStore, settings: Settings, redis: SyncRedis, tmp_path: Path
) -> None:
    store.merge([A], B)
    with pytest.raises(Unavailable, match="server"):
        publish_now(store, nobody_there(settings, tmp_path))
    with pytest.raises(StopWorking, match="no server"):
        publish_now(store, away(settings))
    assert len(store.pending_changes()) == 1
    publish_now(store, settings)
    assert len(told(redis)) == 1


@pytest.mark.parametrize(
    ("kill_at", "made"),
    [
        (1, False),  # before the commit of the merge
        (2, True),  # between the commit and the publishing
        (3, True),  # between the publishing and the note of it
        (0, True),  # after everything
    ],
)
def test_a_kill_at_any_moment_leaves_one_event_or_no_change(
    store: SqliteStore,
    settings: Settings,
    redis: SyncRedis,
    kill_at: int,
    made: bool,  # noqa: FBT001  (the case)
) -> None:
    folder = settings.store.parent
    command = [sys.executable, "-m", "tests.conformance.alias_child"]
    child = subprocess.run(
        [*command, "sqlite", str(folder), str(kill_at), server_url(settings)],
        check=False,
        capture_output=True,
        timeout=60,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()
    before = told(redis)
    assert len(before) == int(kill_at in {0, 3})
    assert (shown(store) == [B]) == made
    publish_now(store, settings)
    after = told(redis)
    assert len(after) == int(made)
    assert before in ([], after)
    assert store.pending_changes() == []


# --- Beside the indexer -----------------------------------------------------------------------


class Sulking:
    """An outbox that can't be read at first."""

    def __init__(self, store: SqliteStore, error: Exception) -> None:
        self.store = store
        self.errors = [error, error]

    def pending_changes(self) -> Sequence[EntitiesChanged]:
        """What is pending, once the errors are used up."""
        if self.errors:
            raise self.errors.pop()
        return self.store.pending_changes()

    def mark_published(self, change_ids: Sequence[UUID]) -> None:
        """As the store does."""
        self.store.mark_published(change_ids)


@pytest.mark.anyio
async def test_what_passes_is_waited_for_and_said(
    store: SqliteStore, settings: Settings, redis: SyncRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "LOOK_EVERY", 0.01)
    store.merge([A], B)
    stop = asyncio.Event()
    outbox = Sulking(store, Unavailable("locked"))
    with structlog.testing.capture_logs() as logs:
        async with client(server_url(settings)) as connection:
            beside = asyncio.ensure_future(announcing(lambda: outbox, settings)(connection, stop))

            async def published() -> bool:
                return len(told(redis)) == 1 and not store.pending_changes()

            await until(published, "the change to be published")
            stop.set()
            await beside
    assert [line["event"] for line in logs] == ["changes.waiting"] * 2 + ["changes.published"]


@pytest.mark.anyio
async def test_what_stays_ends_the_service(store: SqliteStore, settings: Settings) -> None:
    outbox = Sulking(store, StopWorking("damaged"))
    async with client(server_url(settings)) as connection:
        with pytest.raises(StopWorking, match="damaged"):
            await announcing(lambda: outbox, settings)(connection, asyncio.Event())


@contextmanager
def indexer(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """The real service, as a process; ended in peace."""
    environ = os.environ | {
        "WIREDESK_REDIS_URL": server_url(settings),
        "WIREDESK_INBOX": str(settings.inbox),
        "WIREDESK_POLL_INTERVAL": "50",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "services.indexer"], env=environ, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            assert process.wait(60) == 0


def wiredesk(settings: Settings, *arguments: str) -> dict[str, Any]:
    """The document that a sub-command of ``wiredesk entities`` prints."""
    command = [sys.executable, "-c", "from services.console.main import main; main()", "entities"]
    done = subprocess.run(
        [*command, *arguments, "--json", "--inbox", str(settings.inbox)],
        env=os.environ | {"WIREDESK_REDIS_URL": server_url(settings)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def enriched_event(article: EnrichedArticle) -> bytes:
    drop = article.drop.drop_id
    head = Outgoing(
        event=ENRICHED,
        id=event_id(ENRICHED, drop, article.article_id, article.revision),
        source="/wiredesk/enrichment",
        subject=str(article.article_id),
        time=article.enriched_at,
        traceparent=None,
    )
    return write(head, article)


def test_the_indexer_tells_at_its_start_what_a_command_could_not(
    store: SqliteStore, settings: Settings, redis: SyncRedis
) -> None:
    store.merge([A], B)
    with indexer(settings):
        wait_until(lambda: not store.pending_changes(), "the change to be published")
    assert [event["data"]["keys"] for event in told(redis)] == [[A]]


def test_a_command_merges_while_the_indexer_files(
    store: SqliteStore, settings: Settings, redis: SyncRedis
) -> None:
    """A hundred articles on the way, and merges and splits in between: none is missed."""

    async def groups() -> None:
        async with client(server_url(settings)) as connection:
            await ensure_groups(connection, KEYS)

    asyncio.run(groups())
    with indexer(settings):
        for number in range(10, 110):
            event = enriched_event(naming(number, A))
            redis.xadd(KEYS.stream(ENRICHED_STREAM), {DATA_FIELD: event})
            if number in {20, 60, 100}:
                assert wiredesk(settings, "merge", A, "--into", B)["published"] is True
            if number in {40, 80}:
                assert wiredesk(settings, "split", A)["change"]["keys"] == [A]
        wait_until(
            lambda: redis.xlen(KEYS.stream(OUTCOME_STREAM)) == 100, "the articles to be filed"
        )
    assert all(shown(store, number) == [B] for number in range(10, 110))
    known = store.entity(A)
    assert known is not None
    assert (known.key, known.articles) == (B, 102)
    assert [event["data"]["change"] for event in told(redis)] == [
        "merged",
        "split",
        "merged",
        "split",
        "merged",
    ]
    assert store.pending_changes() == []
