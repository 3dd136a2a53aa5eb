"""The receiver as a process, over real sockets: clients that are slow, wrong, or gone."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from services.bus.watchdog import Exit
from services.ingest.receiver import body as body_module
from tests.receiver.kit import STORY
from tests.receiver.served import Process, served
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = b"POST /v1/drop?name=story.html HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """One receiver for the tests that leave it as it was; a sender has a second for 16 KiB."""
    with served(tmp_path_factory.mktemp("served"), drop_timeout=1, drop_max_bytes=3_000_000) as one:
        yield one


@pytest.fixture(autouse=True)
def empty(process: Process) -> None:
    for path in process.settings.inbox.glob("*~*"):
        path.unlink()


def talk(process: Process, data: bytes, *, shut: bool = False) -> bytes:
    """All that is answered to these bytes until the receiver closes."""
    with process.connect() as connection:
        connection.sendall(data)
        if shut:
            connection.shutdown(socket.SHUT_WR)
        return everything(connection)


def everything(connection: socket.socket) -> bytes:
    received = b""
    while piece := connection.recv(65536):
        received += piece
    return received


def nothing_left(process: Process) -> None:
    wait_until(lambda: not process.hidden(), "the hidden file is removed")
    assert process.taken() == {}


def test_a_file_of_megabytes_arrives_whole_and_only_then_has_its_name(process: Process) -> None:
    data = os.urandom(2_500_000)
    reply = process.ask("PUT", "/v1/drop/crawl.warc.gz", data)
    assert reply.status == 202
    told = reply.json()
    assert told["sha256"] == hashlib.sha256(data).hexdigest()
    assert process.taken() == {told["file"]: data}
    assert process.ask("GET", told["receipt"]).json() == told
    assert process.hidden() == []


def test_a_body_in_chunks_needs_no_length(process: Process) -> None:
    body = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (STORY[:7], STORY[7:])) + b"0\r\n\r\n"
    head = HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    assert b" 202 " in talk(process, head + body)
    assert list(process.taken().values()) == [STORY]


def test_one_connection_carries_several_files(process: Process) -> None:
    request = HEAD + b"Content-Length: %d\r\n" % len(STORY)
    data = request + b"\r\n" + STORY + request + b"Connection: close\r\n\r\n" + STORY
    assert talk(process, data).count(b"HTTP/1.1 202 ") == 2
    assert len(process.taken()) == 2


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"Content-Length: 100\r\n\r\n" + STORY,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhe",
    ],
)
def test_a_body_that_ends_early_is_no_file(process: Process, data: bytes) -> None:
    assert b" 202 " not in talk(process, data, shut=True)
    nothing_left(process)


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello",
        HEAD + b"Transfer-Encoding: gzip\r\n\r\nhello",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\nhello\r\n0\r\n\r\n",
        HEAD + b"Content-Length: +5\r\n\r\nhello",
        b"POST /v1/drop HTTP/1.1\r\n\r\n",
        b"POST /v1/dr\x00op HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_isnt_http_or_could_mean_two_things_is_no_file(process: Process, data: bytes) -> None:
    received = talk(process, data, shut=True)
    assert b" 202 " not in received
    nothing_left(process)
    assert process.ask("GET", "/v1/drop").status == 200


def test_bytes_beyond_the_length_are_not_part_of_the_file(process: Process) -> None:
    received = talk(process, HEAD + b"Content-Length: 5\r\n\r\nhello<script>\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 202 ")
    assert b"HTTP/1.1 400 " in received
    assert list(process.taken().values()) == [b"hello"]


def test_a_file_that_is_too_large_is_refused_while_it_is_being_sent(process: Process) -> None:
    """The client reads why, though it was still sending: what it sends is read on for a little."""
    reply = process.ask("POST", "/v1/drop", b"x" * 3_200_000)
    assert reply.status == 413
    nothing_left(process)


def test_who_asks_first_is_refused_before_it_sends(process: Process) -> None:
    head = HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    received = talk(process, head % 10**9)
    assert received.startswith(b"HTTP/1.1 413 ")
    with process.connect() as connection:
        connection.sendall(head % len(STORY))
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(STORY)
        assert b" 202 " in connection.recv(100)


def test_a_body_that_trickles_is_given_up_and_holds_nobody_up(process: Process) -> None:
    with process.connect() as slow:
        slow.sendall(HEAD + b"Content-Length: 100\r\n\r\nx")
        wait_until(process.hidden, "it has begun")
        assert process.ask("POST", "/v1/drop", STORY).status == 202
        assert slow.recv(100).startswith(b"HTTP/1.1 408 ")
    assert list(process.taken().values()) == [STORY]
    wait_until(lambda: not process.hidden(), "the hidden file is removed")


def test_a_sender_who_resets_the_connection_leaves_nothing(process: Process) -> None:
    connection = process.connect()
    connection.sendall(HEAD + b"Content-Length: 100000\r\n\r\n" + b"x" * 50_000)
    wait_until(process.hidden, "it has begun")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    connection.close()
    nothing_left(process)


# --- ends ------------------------------------------------------------------------------------
def test_a_killed_receiver_leaves_no_half_file_and_the_next_one_cleans_up(tmp_path: Path) -> None:
    with served(tmp_path) as first:
        connection = first.connect()
        connection.sendall(HEAD + b"Content-Length: 100\r\n\r\nhalf")
        wait_until(first.hidden, "it has begun")
        first.kill()
        connection.close()
        assert first.taken() == {}
        assert len(first.hidden()) == 1
    with served(tmp_path) as second:
        wait_until(lambda: not second.hidden(), "the hidden file is swept")
        assert "drop.swept" in second.events()
        assert second.taken() == {}


def test_a_stop_lets_the_upload_in_work_end_and_takes_no_new_one(tmp_path: Path) -> None:
    with served(tmp_path) as process, process.connect() as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(STORY) + STORY[:5])
        wait_until(process.hidden, "it has begun")
        process.signal(signal.SIGTERM)

        def refused() -> bool:
            try:
                process.connect().close()
            except OSError:
                return True
            return False

        wait_until(refused, "it listens no more")
        connection.sendall(STORY[5:])
        assert b" 202 " in connection.recv(1000)
        assert process.wait() == Exit.OK
        assert list(process.taken().values()) == [STORY]


def test_a_stop_waits_no_longer_than_the_settings_say(tmp_path: Path) -> None:
    with served(tmp_path, graceful_timeout=1) as process, process.connect() as connection:
        connection.sendall(HEAD + b"Content-Length: 100\r\n\r\nhalf")
        wait_until(process.hidden, "it has begun")
        assert process.stop() == Exit.OK
        assert (process.taken(), process.hidden()) == ({}, [])


def readyz(process: Process) -> tuple[int, list[str]]:
    """The status, and the checks that are red."""
    (url,) = (line["url"] for line in process.lines() if line["event"] == "health.serving")
    try:
        with urlopen(f"{url}/readyz", timeout=10) as answer:  # noqa: S310  (our own server)
            return answer.status, []
    except HTTPError as error:
        checks = json.load(error)["checks"]
        return error.code, [name for name, check in checks.items() if not check["ok"]]


def test_it_waits_for_the_folder_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    with served(tmp_path, health=True, health_port=0) as process:
        wait_until(lambda: "receiver.waiting" in process.events(), "it waits")
        assert process.alive
        (tmp_path / "inbox" / ".wiredesk").mkdir()
        assert process.ask("POST", "/v1/drop", STORY).status == 503
        assert readyz(process) == (503, ["folder"])
        marker = tmp_path / "inbox" / ".wiredesk" / "inbox-id"
        marker.write_text("7f1d4b5e-3c1f-4f5e-9d58-0d6e2a0e9a11\n", encoding="ascii")
        assert process.ask("POST", "/v1/drop", STORY).status == 202
        assert readyz(process) == (200, [])


@pytest.mark.parametrize(
    "over",
    [
        {"drop_host": "0.0.0.0"},  # noqa: S104  (it must be refused)
        {"drop_tokens_file": Path("/dev/zero")},
    ],
)
def test_settings_that_it_cant_follow_end_it_with_a_reason(
    tmp_path: Path, over: dict[str, Any]
) -> None:
    with served(tmp_path, **over) as process:
        assert process.wait() == Exit.CONFIG
        assert process.events() == ["service.cannot_work"]


def test_the_least_that_must_come_is_what_the_settings_document_says() -> None:
    assert body_module.MIN_BYTES == 16 * 1024
