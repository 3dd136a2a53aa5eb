"""The server of /metrics, /livez and /readyz: its answers, and whom it lets not disturb it."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from services.bus import health
from services.bus.errors import StopWorking
from services.bus.health import (
    MAX_HEAD_BYTES,
    MORE_PORTS,
    SEATS,
    HealthServer,
    health_served,
    take_port,
)
from services.bus.listening import listen
from services.bus.vitals import Verdict, Vitals
from services.settings import Settings
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOPBACK = (socket.AF_INET, "127.0.0.1")


@contextmanager
def serving(vitals: Vitals | None = None) -> Iterator[int]:
    """The port of a server that runs."""
    sock = listen(LOOPBACK, 0)
    port = int(sock.getsockname()[1])
    server = HealthServer(vitals or well(), sock)
    server.start()
    try:
        yield port
    finally:
        server.stop()


def well() -> Vitals:
    """A service with which nothing is wrong."""
    vitals = Vitals("enrichment")
    vitals.works()
    return vitals


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def said(port: int, request: bytes) -> bytes:
    """Everything that is answered to these bytes."""
    with connected(port) as connection:
        connection.sendall(request)
        return everything(connection)


def everything(connection: socket.socket) -> bytes:
    found = b""
    while piece := connection.recv(65536):
        found += piece
    return found


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def get(port: int, path: str, *headers: str, method: str = "GET") -> tuple[int, str, bytes]:
    """Status, head and body of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: x", *headers, "", ""]
    answer = said(port, "\r\n".join(lines).encode("latin-1"))
    head, _, body = answer.partition(b"\r\n\r\n")
    return status_of(answer), head.decode(), body


@pytest.fixture
def port() -> Iterator[int]:
    with serving() as found:
        yield found


# --- what it answers --------------------------------------------------------------------------
def test_metrics_are_prometheus_s_text_unless_open_metrics_is_asked_for(port: int) -> None:
    status, head, body = get(port, "/metrics")
    assert status == 200
    assert "Content-Type: text/plain; version=0.0.4" in head
    assert b"# TYPE wiredesk_loop_age_seconds gauge" in body
    status, head, body = get(port, "/metrics", "Accept: application/openmetrics-text;version=1.0.0")
    assert status == 200
    assert "Content-Type: application/openmetrics-text; version=1.0.0" in head
    assert body.endswith(b"# EOF\n")


def test_health_is_json_with_every_check_by_name() -> None:
    vitals = well()
    vitals.ready("store", lambda: Verdict(ok=False, reason="the disk is full", age=2.04))
    with serving(vitals) as port:
        assert get(port, "/livez")[0] == 200
        status, head, body = get(port, "/readyz?verbose")
        assert status == 503
        assert "Content-Type: application/json" in head
        told: dict[str, Any] = json.loads(body)
    assert (told["service"], told["ok"]) == ("enrichment", False)
    assert told["checks"]["store"] == {
        "ok": False,
        "reason": "the disk is full",
        "age_seconds": 2.0,
    }
    assert told["checks"]["loop"]["ok"]


def test_a_head_is_the_same_without_the_body(port: int) -> None:
    status, head, body = get(port, "/livez", method="HEAD")
    full = get(port, "/livez")[2]
    assert (status, body) == (200, b"")
    assert f"Content-Length: {len(full)}" in head


def test_nothing_else_is_there(port: int) -> None:
    assert get(port, "/")[0] == 404
    assert get(port, "/metrics/../livez")[0] == 404
    status, head, _ = get(port, "/metrics", method="POST")
    assert status == 405
    assert "Allow: GET, HEAD" in head
    assert get(port, "/metrics", method="DELETE")[0] == 405


# --- hostile requests ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\r\n\r\n",
        b"GET /livez\r\n\r\n",
        b"GET /livez HTTP/2\r\n\r\n",
        b"get /livez HTTP/1.1\r\n\r\n",
        b"GET  /livez HTTP/1.1\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nAccept: a\nX: y\r\n\r\n",
        b"GET /liv\x00ez HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        bytes(range(128, 256)) + b"\r\n\r\n",
    ],
)
def test_what_is_no_request_is_answered_400(port: int, request_bytes: bytes) -> None:
    assert status_of(said(port, request_bytes)) == 400
    assert get(port, "/livez")[0] == 200


def test_a_header_never_comes_back_in_an_answer(port: int) -> None:
    accept = "Accept: application/openmetrics-text; version=9.9; escaping=\xff<x>"
    status, head, _ = get(port, "/metrics", accept)
    assert status == 200
    assert "9.9" not in head
    assert "<x>" not in head


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"])
def test_a_head_without_end_is_refused(port: int, end: bytes) -> None:
    head = b"GET /livez HTTP/1.1\r\nX: " + b"x" * (2 * MAX_HEAD_BYTES) + end
    assert status_of(said(port, head)) == 431


def test_a_body_is_ignored_and_the_answer_comes_all_the_same(port: int) -> None:
    body = b"x" * 30_000
    head = b"GET /livez HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert status_of(said(port, head + body)) == 200


def test_who_says_nothing_is_let_go(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "TIMEOUT", 0.2)
    with connected(port) as connection:
        assert status_of(everything(connection)) == 408


def test_who_speaks_slowly_is_let_go_too(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then doesn't make the time longer."""
    monkeypatch.setattr(health, "TIMEOUT", 0.3)
    began = time.monotonic()
    with connected(port) as connection:
        connection.settimeout(0.05)
        found = b""
        while not found:
            connection.sendall(b"G")
            try:
                found = connection.recv(100)
            except TimeoutError:
                continue
    assert status_of(found) == 408
    assert time.monotonic() - began < 2


def test_who_doesn_t_read_the_answer_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "TIMEOUT", 0.3)
    vitals = well()
    # More than the buffers of both ends hold.
    vitals.ready("much", lambda: Verdict(ok=True, reason="x" * 20_000_000))
    with serving(vitals) as port, connected(port) as connection:
        connection.sendall(b"GET /readyz HTTP/1.1\r\n\r\n")
        wait_until(lambda: threads() == 0, "the thread has ended", 5)


def threads() -> int:
    """Threads that attend to a connection."""
    return sum("_attend" in thread.name for thread in threading.enumerate())


def test_silent_clients_never_keep_a_probe_out(port: int) -> None:
    """The oldest gives way, and there are never more threads than seats."""
    with ExitStack() as stack:
        silent = [stack.enter_context(connected(port)) for _ in range(3 * SEATS)]
        for _ in range(5):
            assert get(port, "/livez")[0] == 200
        assert silent[0].recv(100) == b"", "let go"
        wait_until(lambda: threads() <= SEATS, "as many threads as seats", 5)


def test_many_at_once_are_all_answered(port: int) -> None:
    answers: list[int] = []
    asking = [
        threading.Thread(target=lambda: answers.append(get(port, "/livez")[0]))
        for _ in range(SEATS // 2)
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert answers == [200] * (SEATS // 2)


def test_a_check_that_raises_is_one_that_failed() -> None:
    vitals = well()

    def raises() -> Verdict:
        raise ValueError("a headline, perhaps")

    vitals.live("odd", raises)
    with serving(vitals) as port:
        status, _, body = get(port, "/livez")
    assert status == 503
    assert json.loads(body)["checks"]["odd"]["reason"] == "can't be told: ValueError"
    assert b"headline" not in body


# --- where it listens -----------------------------------------------------------------------------
def settings_of(**over: Any) -> Settings:
    return Settings.model_validate({"health": True, **over})


def test_the_next_free_port_is_taken() -> None:
    with listen(LOOPBACK, 0) as first:
        port = int(first.getsockname()[1])
        second = take_port(settings_of(health_port=port))
        assert second is not None
        with second:
            assert port < second.getsockname()[1] <= port + MORE_PORTS


def test_without_any_free_port_the_service_works_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "MORE_PORTS", 0)
    vitals = well()
    with listen(LOOPBACK, 0) as taken, capture_logs() as lines:
        port = taken.getsockname()[1]
        with health_served(settings_of(health_port=port), vitals):
            assert vitals.url is None
    assert [line["event"] for line in lines] == ["health.no_port"]


@pytest.mark.parametrize("host", ["203.0.113.7", "no such host.invalid"])
def test_an_address_of_another_machine_is_an_error_with_advice(host: str) -> None:
    with pytest.raises(StopWorking, match="WIREDESK_HEALTH_HOST"):
        take_port(settings_of(health_host=host))


def test_it_is_served_while_the_service_runs_and_says_where() -> None:
    vitals = well()
    with health_served(settings_of(health_port=0), vitals):
        port = int(str(vitals.url).rpartition(":")[2])
        assert get(port, "/livez")[0] == 200
    assert vitals.url is None
    with pytest.raises(ConnectionRefusedError):
        connected(port)


def test_it_ends_at_once_whoever_is_connected() -> None:
    began = time.monotonic()
    with serving() as port, connected(port) as silent:
        assert get(port, "/livez")[0] == 200
    assert silent.fileno() == -1
    assert time.monotonic() - began < 1.5
