"""The API as a server: where it listens, whom it waits for, and how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs
from uvicorn import Server

from services.bus.errors import StopWorking, Unavailable
from services.bus.listening import listen
from services.bus.service import guarded
from services.bus.watchdog import Exit
from services.indexer.api import server
from services.indexer.api.__main__ import serve
from services.indexer.api.server import ApiServer
from services.indexer.store.opening import open_store
from services.serving import sockets, tokens
from services.serving.protocol import TimedProtocol
from tests.api.serving import Serving, add_token, api_settings, serving
from tests.bus.processes import environ_of
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.bus.listening import Address

ALL = "0.0.0.0"  # noqa: S104  (to see that it is refused)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """An open API without Redis, for the tests that leave it as it is."""
    with serving(api_settings(tmp_path_factory.mktemp("served"))) as api:
        yield api


def raw(api: Serving, request: bytes) -> bytes:
    """What the server says to these bytes until it closes the connection."""
    host, port = api.url.removeprefix("http://").split(":")
    with closing(socket.create_connection((host, int(port)), timeout=10)) as sock:
        sock.sendall(request)
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
    return answer


# --- where it listens ---------------------------------------------------------------------
def test_it_listens_on_loopback_on_any_free_port_and_says_where(running: Serving) -> None:
    assert running.url.startswith("http://127.0.0.1:")
    assert running.api.details() == {"api": running.url}
    status, body = running.get("/v1")
    assert status == 200
    assert b'"scopes":["operate","read","subscribe"]' in body


def test_no_header_names_the_server(running: Serving) -> None:
    answer = raw(running, b"GET /v1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert b"server:" not in answer.lower()
    assert b"uvicorn" not in answer.lower()


@pytest.mark.parametrize("host", [ALL, "", "::"])
def test_an_address_that_others_reach_is_refused_without_a_token(tmp_path: Path, host: str) -> None:
    api = ApiServer(api_settings(tmp_path, api_host=host))
    with pytest.raises(StopWorking, match="wiredesk tokens add NAME"):
        api.check()
    with pytest.raises(StopWorking, match="open to everybody"):
        asyncio.run(api.run(asyncio.Event()))
    assert api.url is None


def test_with_a_token_it_listens_for_others_and_closes_with_the_last_one(tmp_path: Path) -> None:
    """It never opens: not while it serves, and not when it is started again."""
    settings = api_settings(tmp_path, api_host=ALL)
    token = add_token(settings, "archive", "read", "operate")
    bearer = {"Authorization": f"Bearer {token}"}
    with serving(settings) as api:
        assert api.get("/v1/desk")[0] == 401
        assert api.get("/v1/desk", bearer)[0] == 200
        with open_store(settings) as store:
            tokens.remove(store, "archive")
        wait_until(lambda: api.get("/v1/desk", bearer)[0] == 401, "the token counts no more", 5)
        assert api.get("/v1/desk")[0] == 401
        assert api.get("/")[0] == 200
    with pytest.raises(StopWorking):
        ApiServer(settings).check()


def test_a_first_token_closes_an_open_desk_within_seconds(tmp_path: Path) -> None:
    settings = api_settings(tmp_path)
    with serving(settings) as api:
        assert api.get("/v1/desk")[0] == 200
        token = add_token(settings, "archive", "operate")
        wait_until(lambda: api.get("/v1/desk")[0] == 401, "a token is needed", 5)
        assert api.get("/v1/desk", {"Authorization": f"Bearer {token}"})[0] == 200


@pytest.mark.parametrize("host", ["no-such-name.invalid", "203.0.113.7"])
def test_an_address_that_isnt_this_machines_is_a_reason_to_stop(tmp_path: Path, host: str) -> None:
    settings = api_settings(tmp_path, api_host=host)
    add_token(settings, "archive", "read")
    with pytest.raises(StopWorking, match="can't listen on"):
        asyncio.run(ApiServer(settings).run(asyncio.Event()))


def test_a_store_that_isnt_there_is_a_reason_to_stop(tmp_path: Path) -> None:
    settings = api_settings(tmp_path)
    settings.store.unlink()
    with pytest.raises(StopWorking, match="No store"):
        asyncio.run(ApiServer(settings).run(asyncio.Event()))


def test_a_store_that_is_away_at_the_start_is_an_exit_code_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So whoever starts it again knows that trying later helps."""

    def away(*_: Any, **__: Any) -> None:
        raise Unavailable("no connection")

    settings = api_settings(tmp_path)
    monkeypatch.setattr(server, "open_store", away)
    with capture_logs() as lines:
        assert guarded(serve(settings)) == Exit.UNAVAILABLE
    assert [line["reason"] for line in lines] == ["no connection"]


# --- a port that is taken -------------------------------------------------------------------
def test_a_port_that_is_taken_is_waited_for_and_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "TRY_EVERY", 0.02)
    tries: list[int] = []
    real = listen

    def listening(address: Address, port: int) -> socket.socket:
        tries.append(port)
        return real(address, port)

    monkeypatch.setattr(sockets, "listen", listening)
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    with capture_logs() as lines, serving(api_settings(tmp_path, api_port=port)) as api:
        wait_until(lambda: len(tries) > 2, "some tries", 5)
        assert api.api.details() == {}
        taken.close()
        assert api.url == f"http://127.0.0.1:{port}"
        assert api.get("/v1")[0] == 200
    told = [line for line in lines if line["event"] == "api.port_taken"]
    assert [line["port"] for line in told] == [port]
    assert "WIREDESK_API_PORT" in told[0]["advice"]


def test_a_stop_while_the_port_is_taken_ends_at_once(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        api = Serving(api_settings(tmp_path, api_port=taken.getsockname()[1]))
        api.stop()
    assert api.error is None


# --- clients that do odd things ---------------------------------------------------------------
def test_a_connection_that_says_nothing_or_half_is_closed(
    running: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TimedProtocol, "head_timeout", 0.05)
    assert raw(running, b"") == b""
    assert raw(running, b"GET /v1 HTTP/1.1\r\nHost: local") == b""


def test_a_connection_between_two_requests_is_kept_longer(
    running: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TimedProtocol, "head_timeout", 0.05)
    connection = running.connect()
    with closing(connection):
        for _ in range(2):
            connection.request("GET", "/v1")
            assert connection.getresponse().read()
            # Longer than a head may take; another connection shows that it has passed.
            raw(running, b"")


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /v1 HTTP/1.1\r\nHost: attacker.example\r\n\r\n", b"421"),
        (b"GET /v1 HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /v1 HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", b"431"),
        (b"GET /v1 HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 70_000, b"400"),
        (b"GET /v1?" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", b"414"),
        (b"POST /v1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999\r\n\r\n", b"413"),
        (
            b"POST /v1 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
            + (b"4000\r\n" + b"a" * 0x4000 + b"\r\n") * 5,
            b"413",
        ),
        (b"POST /v1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01", b"400"),
    ],
)
def test_what_is_too_large_or_no_http_is_refused(
    running: Serving, request_bytes: bytes, status: bytes
) -> None:
    with_close = request_bytes.replace(b"Host:", b"Connection: close\r\nHost:", 1)
    assert raw(running, with_close).split(b" ")[1] == status
    assert running.get("/v1")[0] == 200


# --- how it ends ------------------------------------------------------------------------------
def test_a_stop_ends_open_streams_well_and_soon(tmp_path: Path, redis_url: str) -> None:
    settings = api_settings(tmp_path, redis_url=redis_url)
    with serving(settings) as api:
        connection = api.connect()
        with closing(connection):
            connection.request("GET", "/v1/events")
            response = connection.getresponse()
            assert response.status == 200
            assert response.readline()
            began = time.monotonic()
            api.ask_to_stop()
            # An answer that was torn off would raise IncompleteRead here.
            response.read()
            wait_until(lambda: api.ended, "the server has ended", 5)
            assert time.monotonic() - began < 2
    assert api.error is None
    assert api.api.url is None


def test_nothing_is_left_running_after_a_stop(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with serving(api_settings(tmp_path)) as api:
        assert api.get("/v1/articles")[0] == 200
    wait_until(lambda: set(threading.enumerate()) <= before, "no thread of the API is left", 5)


def test_a_server_that_fails_is_an_error_of_whoever_runs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the process ends, and is started again: it doesn't go on serving nothing."""

    def failing(*_: Any) -> None:
        raise OSError("too many open files")

    monkeypatch.setattr(server, "create_app", failing)
    with pytest.raises(OSError, match="too many open files"):
        asyncio.run(ApiServer(api_settings(tmp_path)).run(asyncio.Event()))


def test_a_server_that_ends_by_itself_is_an_error_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def over(*_: Any, **__: Any) -> None:
        return

    monkeypatch.setattr(Server, "serve", over)
    with pytest.raises(RuntimeError, match="ended by itself"):
        asyncio.run(ApiServer(api_settings(tmp_path)).run(asyncio.Event()))


def test_an_app_that_cant_start_is_an_error_and_not_an_exit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def exiting(*_: Any, **__: Any) -> None:
        raise SystemExit(3)

    monkeypatch.setattr(Server, "serve", exiting)
    with pytest.raises(RuntimeError, match="could not start"):
        asyncio.run(ApiServer(api_settings(tmp_path)).run(asyncio.Event()))


def test_a_request_that_doesnt_end_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process must not hang on it when it is to stop."""
    monkeypatch.setattr(server, "STOP_TIMEOUT", 0.1)
    hold = threading.Event()

    async def hanging(*_: Any, **__: Any) -> None:
        hold.wait(10)

    monkeypatch.setattr(Server, "serve", hanging)
    with capture_logs() as lines, serving(api_settings(tmp_path)) as api:
        assert api.url
    hold.set()
    assert "api.cut_short" in [line["event"] for line in lines]


# --- as a process -----------------------------------------------------------------------------
def start(settings: Any, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "services.indexer.api"],
            env=os.environ | environ_of(settings) | {"WIREDESK_LOG_LEVEL": "DEBUG"},
            stdout=out,
            stderr=out,
        )


def test_refusing_to_be_open_to_others_is_an_exit_code_and_a_line(tmp_path: Path) -> None:
    with capture_logs() as lines:
        assert guarded(serve(api_settings(tmp_path, api_host=ALL))) == Exit.CONFIG
    # A server that an earlier test has ended may still say so meanwhile.
    (refused,) = [line for line in lines if line["event"] == "service.cannot_work"]
    assert "wiredesk tokens add NAME" in refused["reason"]


def test_the_process_ends_on_sigterm_and_its_log_holds_no_secret(
    tmp_path: Path, redis_url: str
) -> None:
    """With an event stream open; nothing that a client sent as a word or token is in the log."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    settings = api_settings(tmp_path, redis_url=redis_url, api_port=port)
    token = add_token(settings, "archive", "read", "subscribe")
    log = tmp_path / "log"
    process = start(settings, log)
    try:
        wait_until(lambda: b"api.ready" in log.read_bytes(), "the API is ready", 60)
        head = f"HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as sock:
            sock.sendall(f"GET /v1/articles?q=tide {head}Connection: close\r\n\r\n".encode())
            assert sock.recv(1000).startswith(b"HTTP/1.1 200")
        with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as sock:
            sock.sendall(f"GET /v1/events {head}\r\n".encode())
            assert sock.recv(1000).startswith(b"HTTP/1.1 200")
            process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            assert process.wait(10) == 0
            assert time.monotonic() - began < 4
    finally:
        process.kill()
        process.wait()
    text = log.read_text()
    assert text.count('"api.request"') == 2
    assert "archive" in text
    assert token.split("_")[2] not in text
    assert "tide" not in text
