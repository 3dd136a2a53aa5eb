"""The fault proxy: what each sort of bad weather does to a connection, and that it ends."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.chaos.proxy import Proxy, Weather
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

SOON = 5.0
"""Seconds within which what must come comes, also on a busy machine."""

NOTHING = 0.3
"""Seconds without a byte after which none is taken to come."""


class Echo(socketserver.BaseRequestHandler):
    """Notes what comes and sends it back."""

    heard = bytearray()

    def handle(self) -> None:
        while data := self.request.recv(65536):
            self.heard.extend(data)
            self.request.sendall(data)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_about: object) -> None:
        """A connection that breaks is what the tests are about."""


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    Echo.heard = bytearray()
    with Server(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        with Proxy(f"redis://:secret@127.0.0.1:{server.server_address[1]}/0", seed=1) as standing:
            yield standing
        server.shutdown()
        thread.join(SOON)


@contextmanager
def connected(proxy: Proxy) -> Iterator[socket.socket]:
    port = int(proxy.url.rpartition(":")[2].partition("/")[0])
    with socket.create_connection(("127.0.0.1", port), timeout=SOON) as line:
        yield line


def asked(line: socket.socket, data: bytes) -> bytes:
    """Send, and read as many bytes back."""
    line.sendall(data)
    return received(line, len(data))


def received(line: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size and (more := line.recv(65536)):
        got += more
    return got


def silent(line: socket.socket) -> bool:
    """Whether nothing comes for a while."""
    line.settimeout(NOTHING)
    try:
        line.recv(1)
    except TimeoutError:
        return True
    finally:
        line.settimeout(SOON)
    return False


def is_reset(line: socket.socket) -> bool:
    try:
        return line.recv(1) == b"" and False
    except ConnectionResetError:
        return True


def test_its_url_is_the_targets_with_its_own_port(proxy: Proxy) -> None:
    assert proxy.url.startswith("redis://:secret@127.0.0.1:")
    assert proxy.url.endswith("/0")
    assert proxy.url != proxy.target


def test_in_calm_weather_every_byte_passes_in_order(proxy: Proxy) -> None:
    data = bytes(range(256)) * 4096
    with connected(proxy) as line:
        sender = threading.Thread(target=line.sendall, args=(data,))
        sender.start()
        assert received(line, len(data)) == data
        sender.join(SOON)


def test_an_end_is_passed_on(proxy: Proxy) -> None:
    with connected(proxy) as line:
        assert asked(line, b"ping") == b"ping"
        line.shutdown(socket.SHUT_WR)
        assert line.recv(1) == b""


def test_a_cut_resets_every_connection_and_new_ones_work(proxy: Proxy) -> None:
    with connected(proxy) as one, connected(proxy) as two:
        assert asked(one, b"a") + asked(two, b"b") == b"ab"
        assert proxy.cut() == 2
        assert is_reset(one)
        assert is_reset(two)
    with connected(proxy) as again:
        assert asked(again, b"c") == b"c"


def test_latency_delays_each_way(proxy: Proxy) -> None:
    slow = Weather(latency=0.1, jitter=0.05)
    with connected(proxy) as line:
        proxy.begin(slow)
        before = time.monotonic()
        assert asked(line, b"late") == b"late"
        assert time.monotonic() - before >= 0.2
        proxy.end(slow)


def test_a_narrow_line_takes_its_time(proxy: Proxy) -> None:
    narrow = Weather(bandwidth=40_000)
    with connected(proxy) as line:
        proxy.begin(narrow)
        before = time.monotonic()
        assert asked(line, b"x" * 12_000) == b"x" * 12_000
        assert time.monotonic() - before >= 0.25
        proxy.end(narrow)


def test_two_sorts_of_weather_add_up(proxy: Proxy) -> None:
    first, second = Weather(latency=0.1), Weather(latency=0.1, bandwidth=1e6)
    with connected(proxy) as line:
        proxy.begin(first)
        proxy.begin(second)
        before = time.monotonic()
        asked(line, b"late")
        assert time.monotonic() - before >= 0.4
        proxy.end(first)
        proxy.end(second)


def test_swallowed_answers_never_come_and_the_connection_ends_with_the_weather(
    proxy: Proxy,
) -> None:
    """The request is carried out all the same: whoever asks again has asked twice."""
    lossy = Weather(swallowed=frozenset({"down"}))
    with connected(proxy) as line:
        proxy.begin(lossy)
        line.sendall(b"do it")
        assert silent(line)
        assert bytes(Echo.heard) == b"do it"
        proxy.end(lossy)
        assert is_reset(line)


def test_swallowed_requests_never_arrive_and_no_byte_follows_a_gap(proxy: Proxy) -> None:
    lossy = Weather(swallowed=frozenset({"up"}))
    with connected(proxy) as line:
        assert asked(line, b"before ") == b"before "
        proxy.begin(lossy)
        line.sendall(b"lost")
        assert silent(line)
        proxy.end(lossy)
        assert is_reset(line)
    assert bytes(Echo.heard) == b"before "


def test_held_requests_arrive_late_though_the_peer_has_gone(proxy: Proxy) -> None:
    """What a service has given up, and sent again elsewhere, is carried out after all."""
    held = Weather(held=frozenset({"up"}))
    proxy.begin(held)
    with connected(proxy) as line:
        line.sendall(b"old news")
        assert silent(line)
    assert bytes(Echo.heard) == b""
    proxy.end(held)
    wait_until(lambda: bytes(Echo.heard) == b"old news", "the late request", SOON)


def test_held_answers_arrive_when_the_weather_clears(proxy: Proxy) -> None:
    held = Weather(held=frozenset({"down"}))
    with connected(proxy) as line:
        proxy.begin(held)
        line.sendall(b"question")
        assert silent(line)
        proxy.end(held)
        assert received(line, 8) == b"question"


def test_a_half_open_connection_is_accepted_and_never_answered(proxy: Proxy) -> None:
    deaf = Weather(deaf=True)
    with connected(proxy) as old:
        assert asked(old, b"old") == b"old"
        proxy.begin(deaf)
        with connected(proxy) as new:
            new.sendall(b"hello?")
            assert silent(new)
            # Connections from before go on.
            assert asked(old, b"still") == b"still"
            proxy.end(deaf)
            assert is_reset(new)
    assert b"hello?" not in bytes(Echo.heard)


def test_refused_connections_are_reset_at_once(proxy: Proxy) -> None:
    closed = Weather(refusing=True)
    proxy.begin(closed)
    # The reset may come before the connection is made, or with the first read.
    with pytest.raises(ConnectionResetError), connected(proxy) as line:
        line.recv(1)
    proxy.end(closed)
    with connected(proxy) as line:
        assert asked(line, b"open") == b"open"


def test_where_no_server_is_the_connection_ends(proxy: Proxy) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with Proxy(f"redis://127.0.0.1:{port}/0") as lost, connected(lost) as line:
        assert line.recv(1) == b""
    assert proxy.accepted == 0
