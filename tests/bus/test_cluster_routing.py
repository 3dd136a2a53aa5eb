"""Where a command of a cluster's client goes, told by its keys' hash tag."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

import pytest
from redis.asyncio.connection import Connection, ConnectionPool
from redis.exceptions import (
    AskError,
    ClusterDownError,
    MasterDownError,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)

from services.bus.cluster import ClusterRedis, tag_of
from services.bus.keys import Keys
from services.bus.patience import passes
from services.bus.seeking import NO_CLUSTER, refusal_of, slot_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.mark.parametrize(
    ("words", "tag"),
    [
        (("GET", "{news}:a"), "news"),
        (("XREADGROUP", "GROUP", "g", "c", "STREAMS", b"{news/2}:raw", ">"), "news/2"),
        (("EVALSHA", "0f", 2, "{news/1}:a", "{news/1}:b", '{"x":1}'), "news/1"),
        (("SCAN", 0, "MATCH", "{news}:alive:*", "COUNT", 10), "news"),
        (("PING",), None),
        (("INFO", "memory"), None),
        (("SET", "plain", "{}"), None),
    ],
)
def test_the_first_word_with_a_hash_tag_tells(words: tuple[object, ...], tag: str | None) -> None:
    assert tag_of(words[1:]) == tag


def test_all_keys_of_a_desk_lie_in_the_slot_of_their_tag() -> None:
    assert slot_of(Keys("news").namespace) == slot_of("news")
    assert 0 <= slot_of("news") < 16384


class Named(ConnectionPool):
    """A pool to nowhere that knows whose it is."""

    def __init__(self, tag: str) -> None:
        super().__init__(connection_class=Connection, host="127.0.0.1", port=1)
        self.tag = tag


class Told(ClusterRedis):
    """Remembers who was told what, and answers with the tag."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        super().__init__("news", Named)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    cluster = Told()

    async def execute_command(self: object, *args: object, **_options: object) -> str:
        tag: str = self.connection_pool.tag  # type: ignore[attr-defined]
        await asyncio.sleep(0)
        cluster.told.append((tag, str(args[0])))
        return tag

    monkeypatch.setattr("redis.asyncio.Redis.execute_command", execute_command)
    return cluster


@pytest.mark.anyio
async def test_commands_go_to_their_slot_and_the_others_home(told: Told) -> None:
    await told.get("{news/1}:a")
    await told.ping()
    assert told.told == [("news/1", "GET"), ("news", "PING")]


@pytest.mark.anyio
async def test_a_script_is_loaded_wherever_one_ran(told: Told) -> None:
    await told.get("{news/1}:a")
    await told.get("{news/2}:a")
    told.told.clear()
    await told.script_load("return 1")
    assert sorted(tag for tag, _ in told.told) == ["news", "news/1", "news/2"]


class Sent:
    """A pipeline that answers each command with its own words."""

    def __init__(self, sent: list[list[object]]) -> None:
        self.sent, self.mine = sent, list[object]()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.sent.append(self.mine)

    def execute_command(self, *args: object, **_options: object) -> None:
        self.mine.append(args[-1])

    async def execute(self, *, raise_on_error: bool) -> list[object]:
        assert raise_on_error
        return self.mine


@pytest.fixture
async def sent(told: Told, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[list[object]]]:
    sent: list[list[object]] = []
    monkeypatch.setattr("redis.asyncio.Redis.pipeline", lambda *_, **__: Sent(sent))
    yield sent
    await told.aclose()


@pytest.mark.anyio
async def test_a_pipeline_is_split_by_slots_and_answered_in_order(
    told: Told, sent: list[list[object]]
) -> None:
    async with told.pipeline(transaction=False) as pipe:
        pipe.get("{news}:a")
        pipe.get("{news/1}:b")
        pipe.get("{news}:c")
        assert await pipe.execute() == ["{news}:a", "{news/1}:b", "{news}:c"]
    assert sent == [["{news}:a", "{news}:c"], ["{news/1}:b"]]


@pytest.mark.anyio
async def test_a_transaction_takes_keyless_commands_along_and_one_slot_only(
    told: Told, sent: list[list[object]]
) -> None:
    async with told.pipeline(transaction=True) as pipe:
        pipe.time()
        pipe.get("{news/3}:a")
        await pipe.execute()
    assert sent == [["TIME", "{news/3}:a"]], "the time is asked where the keys are"
    async with told.pipeline(transaction=True) as pipe:
        pipe.get("{news/3}:a")
        pipe.get("{news}:a")
        with pytest.raises(RedisError, match="several hash tags: news/3, news"):
            await pipe.execute()


PART = [
    (ReadOnlyError("You can't write", status_code="READONLY"), "READONLY You can't write"),
    (MasterDownError("Link is down", status_code="MASTERDOWN"), "MASTERDOWN Link is down"),
    (ClusterDownError("x", status_code="CLUSTERDOWN"), "CLUSTERDOWN x"),
    (TryAgainError("x", status_code="TRYAGAIN"), "TRYAGAIN x"),
    (MovedError("1 h:1", status_code="MOVED"), "MOVED 1 h:1"),
    (AskError("1 h:1", status_code="ASK"), "ASK 1 h:1"),
    (ResponseError("NOREPLICAS Not enough good replicas"), "NOREPLICAS Not enough good replicas"),
    (ResponseError("UNBLOCKED force unblock"), "UNBLOCKED force unblock"),
]


@pytest.mark.parametrize(("error", "said"), PART, ids=lambda value: str(value)[:10])
def test_a_server_in_another_part_is_as_good_as_away(error: ResponseError, said: str) -> None:
    assert str(refusal_of(error)) == said


@pytest.mark.parametrize(("error", "said"), PART[:4] + PART[6:], ids=lambda value: str(value)[:10])
def test_such_a_refusal_inside_a_transaction_passes_too(error: ResponseError, said: str) -> None:
    assert passes(error), said


@pytest.mark.parametrize(
    "error",
    [
        NoPermissionError("no", status_code="NOPERM"),
        OutOfMemoryError("full", status_code="OOM"),
        ResponseError("NOGROUP No such key"),
        ResponseError("MISCONF Errors writing to the AOF file"),
    ],
    ids=lambda error: str(error)[:8],
)
def test_any_other_refusal_stays_what_it_is(error: ResponseError) -> None:
    assert refusal_of(error) is None


def test_a_clusters_node_under_a_plain_url_is_named_as_such() -> None:
    moved = MovedError("1 127.0.0.1:7001", status_code="MOVED")
    assert str(refusal_of(moved, NO_CLUSTER)).endswith("write redis+cluster://HOST:PORT,HOST:PORT")
    readonly = ReadOnlyError("x", status_code="READONLY")
    assert "cluster" not in str(refusal_of(readonly, NO_CLUSTER))
