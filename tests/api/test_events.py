"""``/v1/events`` over a real server: filters, positions, gaps, many clients, an end."""

from __future__ import annotations

import http.client
import json
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import pytest

from services.bus.feed import Delivery, Gap, Passed
from services.bus.keys import (
    DATA_FIELD,
    ENRICHED_STREAM,
    ENTITY_STREAM,
    OUTCOME_STREAM,
    STORY_STREAM,
)
from services.bus.positions import MAX_SEQ, Position
from services.indexer.api.routes.events import frame
from services.settings import Settings
from tests.api.live import Line, Served, served
from tests.bus.desk import Desk, changed
from tests.bus.feed_kit import STREAM_OF, about, event, put_many
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from redis import Redis

    from schemas.sse import Frame

ALL = urlencode([("type", name) for name in STREAM_OF])
AT = Position({"enriched": (5, 1)})


@pytest.fixture(scope="module")
def api_settings(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    inbox = tmp_path_factory.mktemp("events")
    return Settings.model_validate(
        {"redis_url": redis_url, "inbox": inbox, "api_port": 0, "api_rate": 100_000}
    )


@pytest.fixture(scope="module")
def api(api_settings: Settings) -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patched, served(api_settings) as running:
        # Each test makes it connect again.
        patched.setattr("services.bus.feed.FIRST_PAUSE", 0.01)
        yield running


@pytest.fixture
def desk(redis: Redis, settings: Settings, api: Served) -> Desk:
    """An empty desk. The feed is made to see that it was emptied: it stands behind no entry."""
    redis.client_kill_filter(_type="normal", skipme=True)

    def anew() -> bool:
        line = Line.open(api.url)
        first = next(line.frames())
        line.close()
        return str(MAX_SEQ) in (first.id or "")

    wait_until(anew, "the feed has met the empty server")
    return Desk(redis, settings)


def numbers(frames: list[Frame]) -> list[int]:
    return [json.loads(f.data)["data"]["number"] for f in frames if f.data is not None]


def replayed(api: Served, count: int, query: str = "", **headers: str) -> list[Frame]:
    return Line.open(api.url, f"?from=beginning&{query}", **headers).events(count)


def test_events_come_as_they_are_stored_with_type_and_position(api: Served, desk: Desk) -> None:
    bodies = put_many(desk, range(3))
    line = Line.open(api.url, "?from=beginning")
    assert line.answer.headers["content-type"].startswith("text/event-stream")
    assert line.answer.headers["cache-control"] == "no-store, no-transform"
    assert line.answer.headers.get("content-encoding") is None
    found = line.events(3)
    assert [frame.data for frame in found] == bodies
    assert {frame.event for frame in found} == {"wiredesk.article.enriched.v1"}
    assert len({frame.id for frame in found}) == 3


def test_the_first_frame_says_where_one_is_and_when_to_come_again(api: Served, desk: Desk) -> None:
    line = Line.open(api.url)
    first = next(line.frames())
    line.close()
    assert first.data is None
    assert first.retry == 2.0
    assert first.id is not None
    put_many(desk, [7])
    assert numbers(Line.open(api.url, Last_Event_ID=first.id).events(1)) == [7]


@pytest.mark.parametrize("given", ["header", "query"])
def test_one_that_comes_back_goes_on_behind_the_last_event(
    api: Served, desk: Desk, given: str
) -> None:
    bodies = put_many(desk, range(3_000))
    seen = replayed(api, 1_000)
    at = seen[-1].id or ""
    bodies += put_many(desk, range(3_000, 4_000))
    if given == "header":
        # A browser sends the header to the address that it began with.
        seen += Line.open(api.url, "?from=now", Last_Event_ID=at).events(3_000)
    else:
        seen += Line.open(api.url, f"?last_event_id={quote(at)}").events(3_000)
    assert [frame.data for frame in seen] == bodies


def test_replay_from_any_point_gives_the_same_bytes_twice(api: Served, desk: Desk) -> None:
    for number, stream in enumerate(STREAM_OF.values()):
        put_many(desk, range(10 * number, 10 * number + 10), stream)
    whole = replayed(api, 40, ALL)
    for point in range(0, 40, 7):
        for _ in range(2):
            again = Line.open(api.url, f"?{ALL}", Last_Event_ID=whole[point].id or "")
            assert again.events(39 - point) == whole[point + 1 :]


@pytest.mark.parametrize(
    ("query", "passing"),
    [
        ("entity=Q184", [0, 1]),
        ("entity=WD:q184&entity=wd:Q9", [0, 1, 2]),
        ("entity=Name%20of%20wd:Q9", [2]),
        ("topic=04000000", [0, 2]),
        ("topic=economy%2C%20business%20and%20finance", [0, 2]),
        ("source=WIRE%20one", [0]),
        ("language=de", [1]),
        ("language=en-GB&source=Wire%20one&source=Wire%20two", [0, 2]),
        ("entity=Q184&topic=medtop:20000344", [0]),
        ("type=filed", [10]),
        ("type=enriched&type=merged&entity=Q9", [2, 20]),
        ("type=wiredesk.entities.changed.v1&entity=Q184", [30]),
    ],
)
def test_filters(api: Served, desk: Desk, query: str, passing: list[int]) -> None:
    first = about(entity="wd:Q184", topic="medtop:20000344", source="Wire One", language="en")
    second = about(entity="wd:Q184", topic="medtop:01000000", source="Wire Two", language="de")
    third = about(entity="wd:Q9", topic="medtop:04000000", source="Wire Two", language="en")
    for number, data in enumerate((first, second, third)):
        desk.put(event(number, **data), ENRICHED_STREAM)
    desk.put(event(10, OUTCOME_STREAM), OUTCOME_STREAM)
    desk.put(event(20, STORY_STREAM), STORY_STREAM)
    desk.put(event(30, ENTITY_STREAM, keys=["person:x"], into="wd:Q184"), ENTITY_STREAM)
    assert sorted(numbers(replayed(api, len(passing), query))) == passing


def test_a_time_begins_there(api: Served, desk: Desk) -> None:
    for hour in range(4):
        ms = int(datetime(2026, 3, 2, hour, tzinfo=UTC).timestamp() * 1000)
        key = desk.keys.stream(ENRICHED_STREAM)
        desk.redis.xadd(key, {DATA_FIELD: event(hour)}, id=f"{ms}-0")
    for text in ("2026-03-02T02:00Z", "2026-03-02T03:00+01:00", "2026-03-02 02:00"):
        found = Line.open(api.url, f"?from={quote(text, safe='+')}").events(2)
        assert numbers(found) == [2, 3]


def test_what_was_trimmed_is_told_first(api: Served, desk: Desk) -> None:
    for number in range(4):
        key = desk.keys.stream(ENRICHED_STREAM)
        desk.redis.xadd(key, {DATA_FIELD: event(number)}, id=f"{1000 * (number + 1)}-0")
    (first,) = replayed(api, 1)
    desk.redis.hset(desk.keys.trimmed(), "enriched", "3000-0")
    desk.redis.xtrim(desk.keys.stream(ENRICHED_STREAM), minid="3001-0", approximate=False)
    gap, last = Line.open(api.url, Last_Event_ID=first.id or "").events(2)
    assert gap.event == "wiredesk.gap"
    assert json.loads(gap.data or b"") == {
        "type": "wiredesk.article.enriched.v1",
        "from": "1970-01-01T00:00:01Z",
        "to": "1970-01-01T00:00:03Z",
    }
    assert numbers([last]) == [3]
    assert numbers(Line.open(api.url, Last_Event_ID=gap.id or "").events(1)) == [3]


@pytest.mark.parametrize(
    ("query", "headers", "at", "said"),
    [
        ("", {"Last_Event_ID": "yesterday"}, "header: Last-Event-ID", "no position of this feed"),
        ("?last_event_id=e1-2-3", {}, "query: last_event_id", "no position of this feed"),
        ("?last_event_id=e1-1_e2-1", {}, "query: last_event_id", "no position of this feed"),
        ("?from=tomorrow", {}, "query: from", "beginning, now, or a time"),
        ("?from=2999-01-01", {}, "query: from", "lies in the future"),
        ("?type=received", {}, "query", "sent when they are enriched"),
        ("?type=dead", {}, "query", "for operators"),
        ("?type=article", {}, "query", "unknown type 'article'; there are wiredesk.article."),
        ("?topic=econmy", {}, "query", "unknown topic 'econmy'"),
        ("?topic=medtop:99999999", {}, "query", "unknown topic"),
        ("?language=english", {}, "query", "no code of ISO 639"),
        ("?entity=%20", {}, "query", "entity is empty"),
        ("?entities=Q184", {}, "query", "'entities' is no parameter here"),
    ],
)
def test_what_is_wrong_is_said(
    api: Served, query: str, headers: dict[str, str], at: str, said: str
) -> None:
    line = Line.open(api.url, query, **headers)
    assert line.answer.status == 400
    assert line.answer.headers["content-type"] == "application/problem+json"
    (error,) = line.problem()["errors"]
    assert error["at"] == at
    assert said in error["detail"]


def test_a_hundred_clients_at_once_get_everything(api: Served, desk: Desk) -> None:
    lines = [Line.open(api.url) for _ in range(100)]
    streams = [line.frames() for line in lines]
    for stream in streams:
        assert next(stream).data is None
    bodies = put_many(desk, range(20))
    for line, stream in zip(lines, streams, strict=True):
        found = [each.data for each in (next(stream) for _ in range(20))]
        assert found == bodies
        line.close()


def test_a_client_that_does_not_read_holds_nobody_up(api: Served, desk: Desk) -> None:
    """Megabytes wait for it in Redis; another one gets them all meanwhile."""
    slow = Line.open(api.url)
    slow_frames = slow.frames()
    next(slow_frames)
    prompt = Line.open(api.url)
    prompt_frames = prompt.frames()
    next(prompt_frames)
    bodies = put_many(desk, range(400), pad=50_000)
    assert [next(prompt_frames).data for _ in range(400)] == bodies
    prompt.close()
    assert [next(slow_frames).data for _ in range(400)] == bodies
    slow.close()


def test_more_clients_than_are_allowed_are_told_to_come_again(
    api_settings: Settings, desk: Desk
) -> None:
    with served(changed(api_settings, sse_clients=2)) as api:
        lines = [Line.open(api.url) for _ in range(2)]
        for line in lines:
            next(line.frames())
        third = Line.open(api.url)
        assert third.answer.status == 503
        assert third.answer.headers["retry-after"] == "5"
        assert "as are allowed" in third.problem()["detail"]
        lines[0].close()

        def room() -> bool:
            again = Line.open(api.url)
            again.close()
            return again.answer.status == 200

        wait_until(room, "a seat is free once a client has gone")
        lines[1].close()
    assert desk.events(ENRICHED_STREAM) == []


def test_streams_end_within_a_second_when_the_server_stops(
    api_settings: Settings, desk: Desk
) -> None:
    put_many(desk, [1])
    with served(api_settings) as api:
        lines = [Line.open(api.url, query) for query in ("", "?from=beginning")]
        readers = [threading.Thread(target=list, args=(line.frames(),)) for line in lines]
        for reader in readers:
            reader.start()
        started = time.monotonic()
        api.stop()
        assert time.monotonic() - started < 2.0
        for reader, line in zip(readers, lines, strict=True):
            reader.join(5)
            assert line.ended, "the stream was ended, not torn off"
            line.close()


def test_one_that_follows_ids_over_a_restart_of_the_server_misses_nothing(
    api_settings: Settings, desk: Desk
) -> None:
    seen: list[bytes | None] = []
    at = ""
    bodies: list[bytes] = []
    for round_ in range(3):
        bodies += put_many(desk, range(round_ * 10, round_ * 10 + 10))
        with served(api_settings) as api:
            line = Line.open(api.url, "?from=beginning", **({"Last_Event_ID": at} if at else {}))
            found = line.events(7 if round_ < 2 else 16)
            seen += [each.data for each in found]
            at = found[-1].id or ""
    assert seen == bodies


@pytest.mark.parametrize(
    ("item", "written"),
    [
        (Delivery(AT, "t.v1", b'{"a":1}'), b'id: e5-1\nevent: t.v1\ndata: {"a":1}\n\n'),
        (
            Delivery(AT, "t", b'{\r\n"a":\r1}\n'),
            b'id: e5-1\nevent: t\ndata: {\ndata: "a":\ndata: 1}\ndata: \n\n',
        ),
        (Passed(AT), b":\nid: e5-1\n\n"),
        (Passed(None), b":\n\n"),
    ],
)
def test_how_frames_are_written(item: Any, written: bytes) -> None:
    """An event on several lines stays the same JSON; a line's end never ends the frame."""
    assert frame(item) == written


def test_a_gap_is_an_event_of_its_own() -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    told = frame(Gap(AT, "t.v1", noon, noon))
    assert told.startswith(b"id: e5-1\nevent: wiredesk.gap\ndata: {")
    assert told.endswith(b"}\n\n")


def test_the_openapi_document_tells_of_it(api: Served) -> None:
    connection = http.client.HTTPConnection(api.host, api.port)
    connection.request("GET", "/v1/openapi.json")
    operation: Any = json.loads(connection.getresponse().read())["paths"]["/v1/events"]["get"]
    connection.close()
    assert "text/event-stream" in operation["responses"]["200"]["content"]
    names = {parameter["name"] for parameter in operation["parameters"]}
    assert names >= {"type", "entity", "topic", "source", "language", "from", "Last-Event-ID"}
