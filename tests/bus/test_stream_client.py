"""The client over a stream: nothing is lost, whoever dies, and nothing handled is given twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from redis import Redis

from schemas.article import EnrichedArticle
from schemas.events import ENRICHED, CloudEvent, event_id
from schemas.stream_client import subscribe_stream
from services.bus.keys import ENRICHED_STREAM
from tests.factories import article_id, drop_id, make_drop, make_enriched
from tests.repo.lock_check import ROOT
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.bus.desk import Desk

GROUP = "dashboard"


def enriched_event(number: int, **over: Any) -> bytes:
    """The enriched event of the ``number``-th article, in a drop of its own."""
    drop = make_drop(drop_id=drop_id(number), position=number)
    fields: dict[str, Any] = {
        "headline": f"Article {number}",
        "drop": drop,
        "article_id": article_id(number),
    }
    article = make_enriched(**(fields | over))
    event = CloudEvent[EnrichedArticle](
        id=event_id(ENRICHED, article.drop.drop_id, article.article_id, article.revision),
        source="/wiredesk/enrichment",
        type=ENRICHED.full_name,
        time=article.enriched_at,
        data=article,
    )
    return event.model_dump_json().encode()


@pytest.fixture
def key(desk: Desk) -> str:
    """The stream, with a group that begins with it."""
    name = desk.keys.stream(ENRICHED_STREAM)
    desk.redis.xgroup_create(name, GROUP, id="0", mkstream=True)
    return name


def put(desk: Desk, *numbers: int, **over: Any) -> list[bytes]:
    bodies = [enriched_event(number, **over) for number in numbers]
    for body in bodies:
        desk.put(body, ENRICHED_STREAM)
    return bodies


def fail_after(events: Any, count: int) -> list[str]:
    """Take so many events and fail at the last one; the headlines are on the error."""
    seen = []
    with events:
        for received in events:
            seen.append(received.data.headline)
            if len(seen) == count:
                raise RuntimeError(*seen)
    return seen


def left(desk: Desk, key: str) -> tuple[int, int]:
    """What the group has not been given, and not acknowledged."""
    (group,) = desk.redis.xinfo_groups(key)
    return int(group["lag"]), int(group["pending"])


@pytest.fixture(
    params=[
        {},
        {"decode_responses": True},
        {"protocol": 3},
        {"protocol": 3, "decode_responses": True},
    ],
    ids=str,
)
def any_client(request: pytest.FixtureRequest, redis_url: str) -> Iterator[Any]:
    with Redis.from_url(redis_url, **request.param) as connection:
        yield connection


def test_events_are_parsed_and_acknowledged_once_handled(
    desk: Desk, key: str, any_client: Any
) -> None:
    bodies = put(desk, 1, 2)
    with subscribe_stream(any_client, GROUP, "one", block_ms=10) as events:
        first = next(events)
        assert isinstance(first.data, EnrichedArticle)
        assert first.data.headline == "Article 1"
        assert (first.raw, first.type) == (bodies[0], ENRICHED.full_name)
        assert first.position == desk.ids(ENRICHED_STREAM)[0]
        assert left(desk, key) == (0, 2)
        assert next(events).raw == bodies[1]
        assert left(desk, key) == (0, 1)
    assert left(desk, key) == (0, 0)


def test_what_was_not_handled_comes_again_in_the_next_loop(
    desk: Desk, key: str, redis: Redis
) -> None:
    put(desk, 1, 2, 3)
    events = subscribe_stream(redis, GROUP, "one", block_ms=10)
    seen: list[str] = []

    def handle(headline: str) -> None:
        seen.append(headline)
        if len(seen) == 2:
            raise RuntimeError

    def loop() -> None:
        for event in events:
            handle(event.data.headline)

    with pytest.raises(RuntimeError):
        loop()
    assert left(desk, key) == (0, 2)
    for event in events:
        seen.append(event.data.headline)
        if len(seen) == 4:
            events.close()
    assert seen == ["Article 1", "Article 2", "Article 2", "Article 3"]
    assert left(desk, key) == (0, 0)


def test_an_error_in_the_block_acknowledges_nothing(desk: Desk, key: str, redis: Redis) -> None:
    put(desk, 1)
    with pytest.raises(RuntimeError):
        fail_after(subscribe_stream(redis, GROUP, "one"), 1)
    assert left(desk, key) == (0, 1)


def test_the_same_article_and_revision_is_given_once_and_a_new_revision_again(
    desk: Desk, key: str, redis: Redis
) -> None:
    put(desk, 1)
    put(desk, 1, drop=make_drop(drop_id=drop_id(77)))
    put(desk, 1, revision=2**50)
    with subscribe_stream(redis, GROUP, "one", block_ms=10) as events:
        assert [next(events).data.revision for _ in range(2)][1] == 2**50
        assert left(desk, key) == (0, 1)


def test_the_memory_of_what_was_given_is_bounded(desk: Desk, key: str, redis: Redis) -> None:
    put(desk, 1, 2, 3, 1)
    with subscribe_stream(redis, GROUP, "one", block_ms=10, remembered=2) as events:
        headlines = [next(events).data.headline for _ in range(4)]
    assert headlines == ["Article 1", "Article 2", "Article 3", "Article 1"]
    assert left(desk, key) == (0, 0)


def test_what_is_no_event_is_passed_over_and_told(
    desk: Desk, key: str, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    desk.put(b"no JSON", ENRICHED_STREAM)
    desk.redis.xadd(key, {"other": "field"})
    desk.put(enriched_event(1).replace(b"enriched.v1", b"enriched.v9"), ENRICHED_STREAM)
    put(desk, 2)
    with subscribe_stream(redis, GROUP, "one", block_ms=10) as events:
        assert next(events).data.headline == "Article 2"
    assert left(desk, key) == (0, 0)
    assert len(caplog.records) == 3
    assert "no JSON" not in caplog.text


def test_what_was_deleted_while_it_was_pending_holds_nothing_up(
    desk: Desk, key: str, redis: Redis
) -> None:
    put(desk, 1, 2)
    with pytest.raises(RuntimeError):
        fail_after(subscribe_stream(redis, GROUP, "one"), 1)
    desk.redis.xdel(key, desk.ids(ENRICHED_STREAM)[0])
    with subscribe_stream(redis, GROUP, "one", block_ms=10) as events:
        assert next(events).data.headline == "Article 2"
    assert left(desk, key) == (0, 0)


WORKER = """
import sys, os
from redis import Redis
from schemas.stream_client import subscribe_stream
url, name, done = sys.argv[1:]
with Redis.from_url(url) as redis, open(done, "a") as log:
    with subscribe_stream(redis, "dashboard", name, claim_after=0.5, block_ms=50) as events:
        for event in events:
            if name == "dies" and event.data.headline == "Article 7":
                log.write("stuck\\n"); log.flush()
                sys.stdin.read()
            log.write(event.data.headline + "\\n"); log.flush()
"""


def worker(redis_url: str, name: str, done: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", WORKER, redis_url, name, str(done)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, cwd=ROOT)


def headlines(done: Path) -> list[str]:
    return done.read_text().splitlines() if done.exists() else []


def test_what_a_killed_process_had_is_taken_over_by_another(
    desk: Desk, key: str, redis_url: str, tmp_path: Path
) -> None:
    """Kill -9 in the middle of an event: it and those read with it are handled by another."""
    put(desk, *range(1, 41))
    first, second = tmp_path / "first", tmp_path / "second"
    dying = worker(redis_url, "dies", first)
    wait_until(lambda: "stuck" in headlines(first), "the worker is in the middle of an event")
    os.kill(dying.pid, signal.SIGKILL)
    dying.wait(10)
    living = worker(redis_url, "lives", second)
    try:
        wait_until(lambda: left(desk, key) == (0, 0), "everything is handled")
    finally:
        living.kill()
        living.wait(10)
        for process in (dying, living):
            assert process.stdin is not None
            process.stdin.close()
    handled = [line for line in headlines(first) + headlines(second) if line != "stuck"]
    assert sorted(handled) == sorted(f"Article {number}" for number in range(1, 41))


def test_a_process_that_comes_back_gets_what_it_had(
    desk: Desk, key: str, redis_url: str, tmp_path: Path
) -> None:
    put(desk, *range(1, 21))
    done = tmp_path / "done"
    dying = worker(redis_url, "dies", done)
    wait_until(lambda: "stuck" in headlines(done), "the worker is in the middle of an event")
    dying.kill()
    dying.wait(10)
    assert dying.stdin is not None
    dying.stdin.close()
    with Redis.from_url(redis_url) as again, subscribe_stream(again, GROUP, "dies") as events:
        assert [next(events).data.headline for _ in range(14)] == [
            f"Article {number}" for number in range(7, 21)
        ]
    assert left(desk, key) == (0, 0)
