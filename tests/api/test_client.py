"""The client over HTTP: typed events, from where it was, whatever happens to the line."""

from __future__ import annotations

import http.server
import logging
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from schemas.article import EnrichedArticle
from schemas.client import Gap, NotAllowed, Refused, subscribe
from schemas.events import ENRICHED
from schemas.sse import BrokenStream, Frames
from services.bus.keys import ENRICHED_STREAM
from services.settings import Settings
from tests.api.live import Served, served
from tests.bus.desk import Desk
from tests.bus.feed_kit import event
from tests.bus.test_stream_client import enriched_event, fail_after
from tests.factories import drop_id, make_drop
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from redis import Redis

    from schemas.client import Subscription


@pytest.fixture(scope="module")
def api(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    inbox = tmp_path_factory.mktemp("client")
    settings = Settings.model_validate({"redis_url": redis_url, "inbox": inbox, "api_port": 0})
    with served(settings) as running:
        yield running


@pytest.fixture
def desk(redis: Redis, settings: Settings) -> Desk:
    return Desk(redis, settings)


def put(desk: Desk, *numbers: int, **over: Any) -> None:
    for number in numbers:
        desk.put(enriched_event(number, **over), ENRICHED_STREAM)


def headlines(events: Subscription, count: int) -> list[str]:
    return [next(events).data.headline for _ in range(count)]


def test_events_are_typed_and_keep_their_bytes(api: Served, desk: Desk) -> None:
    put(desk, 1)
    with subscribe(api.url, start="beginning") as events:
        received = next(events)
    assert isinstance(received.data, EnrichedArticle)
    assert received.type == ENRICHED.full_name
    assert received.raw == enriched_event(1)
    assert received.event.data.entities[0].name == "Ana Petrova"


def test_conditions_are_passed_on(api: Served, desk: Desk) -> None:
    put(desk, 1, 2)
    put(desk, 3, provider="Other Wire")
    wanted: dict[str, Any] = {"entities": "Ana Petrova", "topics": ["04000000"]}
    with subscribe(
        api.url, start="beginning", sources=["other wire"], languages=["en"], **wanted
    ) as events:
        assert headlines(events, 1) == ["Article 3"]


@pytest.mark.parametrize("given", ["2026-03-02T12:00Z", datetime(2026, 3, 2, 12, tzinfo=UTC)])
def test_a_start_may_be_a_time(api: Served, desk: Desk, given: Any) -> None:
    put(desk, 1)
    with subscribe(api.url, start=given) as events:
        assert headlines(events, 1) == ["Article 1"]


def test_a_start_may_be_a_position(api: Served, desk: Desk) -> None:
    put(desk, 1, 2, 3)
    with subscribe(api.url, start="beginning") as events:
        position = next(events).position
    with subscribe(api.url, start=position) as events:
        assert headlines(events, 2) == ["Article 2", "Article 3"]


def test_what_comes_twice_is_given_once_and_a_new_revision_again(api: Served, desk: Desk) -> None:
    put(desk, 1)
    put(desk, 1, drop=make_drop(drop_id=drop_id(77)))
    put(desk, 1, revision=2**50)
    with subscribe(api.url, start="beginning") as events:
        assert [next(events).data.revision for _ in range(2)][1] == 2**50


def test_the_position_is_kept_once_an_event_was_handled(
    api: Served, desk: Desk, tmp_path: Path
) -> None:
    put(desk, 1, 2, 3)
    state = tmp_path / "position"
    with subscribe(api.url, start="beginning", state=state) as events:
        headlines(events, 2)
    with pytest.raises(RuntimeError, match="Article 3"):
        fail_after(subscribe(api.url, state=state), 1)
    with subscribe(api.url, start="now", state=str(state)) as events:
        assert headlines(events, 1) == ["Article 3"]
    put(desk, 4)
    with subscribe(api.url, start="beginning", state=state) as events:
        assert headlines(events, 1) == ["Article 4"]
    assert [path.name for path in tmp_path.iterdir()] == ["position"]


@pytest.mark.parametrize("text", ["", "two words", "\N{SNOWMAN}"])
def test_a_file_that_holds_no_position_is_not_written_over(tmp_path: Path, text: str) -> None:
    state = tmp_path / "position"
    state.write_text(text, "utf-8")
    with pytest.raises(ValueError, match="holds no position"):
        subscribe("http://127.0.0.1:1", state=state)
    assert state.read_text("utf-8") == text


def test_what_a_loop_was_left_with_comes_again_in_the_next(api: Served, desk: Desk) -> None:
    put(desk, 1, 2)
    events = subscribe(api.url, start="beginning")
    for received in events:
        if received.data.headline == "Article 2":
            break
    assert headlines(iter(events), 1) == ["Article 2"]
    events.close()


def test_closing_from_another_thread_ends_the_loop(api: Served, desk: Desk) -> None:
    put(desk, 1)
    events = subscribe(api.url, start="beginning")
    seen: list[str] = []

    def follow() -> None:
        seen.extend(received.data.headline for received in events)

    thread = threading.Thread(target=follow)
    thread.start()
    wait_until(lambda: events.position is not None, "it is connected")
    wait_until(lambda: seen or thread.is_alive(), "it follows")
    events.close()
    thread.join(10)
    assert not thread.is_alive()


def test_it_follows_over_restarts_of_the_api(
    settings: Settings, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the same port; every event once, in order."""
    monkeypatch.setattr("schemas.client.FIRST_DELAY", 0.05)
    with served(settings.model_copy(update={"api_port": 0})) as first:
        port = first.port
        put(desk, 1, 2)
        events = subscribe(first.url, start="beginning")
        seen = headlines(events, 2)
        first.stop()
    put(desk, 3)
    with served(settings.model_copy(update={"api_port": port})):
        put(desk, 4)
        seen += headlines(events, 2)
        events.close()
    assert seen == [f"Article {number}" for number in range(1, 5)]


def test_gaps_are_told(api: Served, desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    ids = [f"{int((noon + timedelta(hours=n)).timestamp() * 1000)}-0" for n in range(4)]
    key = desk.keys.stream(ENRICHED_STREAM)
    for number, entry in enumerate(ids, start=1):
        desk.redis.xadd(key, {"__data__": enriched_event(number)}, id=entry)
    desk.redis.xtrim(key, minid=ids[3], approximate=False)
    desk.redis.hset(desk.keys.trimmed(), "enriched", ids[2])
    told: list[Gap] = []
    with subscribe(api.url, start=noon, on_gap=told.append) as events:
        assert headlines(events, 1) == ["Article 4"]
    assert [gap.until for gap in told] == [noon + timedelta(hours=2)]
    with subscribe(api.url, start=noon) as events:
        next(events)
    assert "are gone" in caplog.text


def test_an_event_of_no_schema_is_passed_over_with_a_warning(
    api: Served, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.put(event(1), ENRICHED_STREAM)
    put(desk, 2)
    with caplog.at_level(logging.WARNING), subscribe(api.url, start="beginning") as events:
        assert headlines(events, 1) == ["Article 2"]
    assert "an event was passed over: not valid" in caplog.text


def test_a_request_that_can_not_be_served_is_refused_with_the_reason(api: Served) -> None:
    with subscribe(api.url, types=["nothing"]) as events, pytest.raises(Refused) as raised:
        next(events)
    assert raised.value.status == 400
    assert "unknown type 'nothing'" in str(raised.value)
    with subscribe(f"{api.url}/elsewhere") as events, pytest.raises(Refused, match="404"):
        next(events)


@pytest.mark.parametrize("url", ["ftp://desk", "127.0.0.1:8420", "http://", ""])
def test_what_is_no_address_is_said_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="no address of a desk"):
        subscribe(url)


class Scripted(http.server.BaseHTTPRequestHandler):
    """Answers as the test says, and notes what it was asked."""

    answers: list[tuple[int, dict[str, str], bytes]]
    asked: list[dict[str, str]]

    def do_GET(self) -> None:
        self.asked.append(dict(self.headers))
        status, headers, body = self.answers.pop(0)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


STREAM = {"Content-Type": "text/event-stream; charset=utf-8"}


@contextmanager
def scripted(*answers: tuple[int, dict[str, str], bytes]) -> Iterator[tuple[str, list[Any]]]:
    asked: list[Any] = []
    handler = type("Handler", (Scripted,), {"answers": list(answers), "asked": asked})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def framed(number: int, position: str) -> bytes:
    head = f"id: {position}\nevent: {ENRICHED.full_name}\ndata: ".encode()
    return head + enriched_event(number) + b"\n\n"


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_is_not_taken_ends_the_subscription(status: int) -> None:
    problem = {"Content-Type": "application/problem+json"}
    body = b'{"title": "A token is needed", "detail": "Send one."}'
    with (
        scripted((status, problem, body)) as (url, asked),
        subscribe(url, token="of a test") as events,  # noqa: S106  (no secret)
        pytest.raises(NotAllowed, match=f"{status}: A token is needed: Send one"),
    ):
        next(events)
    assert asked[0]["Authorization"] == "Bearer of a test"


def test_a_gone_address_ends_it_and_a_busy_or_broken_server_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("schemas.client.FIRST_DELAY", 0.01)
    answers = [
        (503, {"Retry-After": "0"}, b"busy"),
        (502, {}, b"<html>"),
        (200, STREAM, b":\nid: e1-0\n\n" + framed(1, "e2-0") + framed(2, "e3-0")[:500]),
        (200, STREAM, framed(2, "e3-0")),
        (410, {}, b""),
    ]
    with scripted(*answers) as (url, asked), subscribe(url) as events:
        assert headlines(events, 2) == ["Article 1", "Article 2"]
        with pytest.raises(Refused, match="410"):
            next(events)
    assert [each.get("Last-Event-ID") for each in asked] == [None, None, None, "e2-0", "e3-0"]


def test_the_delay_between_tries_grows_and_is_jittered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until something comes; then it begins anew."""
    waited: list[float] = []
    busy: list[tuple[int, dict[str, str], bytes]] = [(503, {}, b"")] * 8
    with scripted(*busy, (200, STREAM, framed(1, "e1-0")), (404, {}, b"")) as (url, _):
        events = subscribe(url)
        monkeypatch.setattr(events._closed, "wait", waited.append)
        next(events)
        with pytest.raises(Refused):
            next(events)
        events.close()
    longest = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 0.5]
    assert len(waited) == 9
    assert all(most / 2 <= each <= most for each, most in zip(waited, longest, strict=True))
    assert len(set(waited)) > 1


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_frames_are_put_together_from_any_pieces(size: int, end: bytes) -> None:
    lines = [b":comment", b"id: 1", b"event: a", b"data: x", b"data:y", b"", b"retry: 1500", b""]
    lines += [b"data", b"unknown: z", b"", b""]
    stream = end.join(lines) + end
    parser = Frames()
    found = [
        frame for at in range(0, len(stream), size) for frame in parser.feed(stream[at : at + size])
    ]
    told = [(frame.id, frame.event, frame.data, frame.retry) for frame in found]
    assert told == [
        ("1", "a", b"x\ny", None),
        (None, "message", None, 1.5),
        (None, "message", b"", None),
    ]


def test_a_frame_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schemas.sse.MAX_FRAME", 100)
    parser = Frames()
    list(parser.feed(b"data: " + b"x" * 60 + b"\n\n"))
    list(parser.feed(b"data: " + b"x" * 60))
    with pytest.raises(BrokenStream):
        list(parser.feed(b"x" * 60))
