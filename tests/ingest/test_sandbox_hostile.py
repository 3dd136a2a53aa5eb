"""Whatever a reader does, the outcome is typed, nothing is touched, and the next file is read."""

from __future__ import annotations

import errno
import os
import signal
import socket
import struct
from typing import TYPE_CHECKING, Any

import pytest

from services.ingest.readers.base import BadRecord, ReadArticle, Resume
from services.ingest.sandbox import Sandbox, landlock, pool
from services.ingest.sandbox.protocol import FRAME_BYTES
from tests.ingest.hostile_readers import ENDING, ODD
from tests.ingest.sandbox_kit import SCRIPTS, Result, pids, read, written, zombies

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MEMORY = 400 * 1024 * 1024
TIMEOUT = 1.5


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(timeout=TIMEOUT, memory_bytes=MEMORY, processes=2, read_function=SCRIPTS)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def sandbox_stays_usable(
    sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """After whatever happened: a good file is read, no slot is lost, nothing dead lies about."""
    yield
    good = written(tmp_path_factory.mktemp("good"), "say: the ferry sails")
    assert read(sandbox, good).shown == ["the ferry sails"]
    assert sandbox._slots._value == 2
    assert len(pids(sandbox)) <= 2
    assert zombies() == 0


def between(sandbox: Sandbox, folder: Path, deed: str) -> Result:
    """What becomes of a deed between two good records."""
    return read(sandbox, written(folder, "say: before", deed, "say: after"))


@pytest.mark.parametrize(
    ("deed", "reason"),
    [
        ("hang", f"the reading process was ended: no result after {TIMEOUT:g} s"),
        ("hang in C", f"the reading process was ended: no result after {TIMEOUT:g} s"),
        ("standard input", f"the reading process was ended: no result after {TIMEOUT:g} s"),
        ("eat", "the reading process needed more than 400 MiB"),
        ("eat in one piece: 900000000", "the reading process needed more than 400 MiB"),
        ("segfault", "the reading process ended by signal 11 (SIGSEGV)"),
        ("abort", "the reading process ended by signal 6 (SIGABRT)"),
        ("exit: 3", "the reading process ended with exit code 3"),
        ("exit: 0", "the reading process ended with exit code 0"),
        ("position: 7", "the reading process was ended: it gave record 7 after 1"),
        ("position: 1", "the reading process was ended: it gave record 1 after 1"),
        ("nul", "the reading process was ended: it sent a ReadArticle with a NUL"),
        (
            r"send raw: \xff\xff\xff\xff\x01{}",
            "the reading process was ended: it sent a message of 4294967295 bytes",
        ),
        (
            r"send raw: GET / HTTP/1.1\r\n\r\n",
            "the reading process was ended: it sent a message of 1195725856 bytes",
        ),
        (
            r"send raw: \x00\x00\x00\x02\xc8{}",
            "the reading process was ended: it sent a message of kind 200",
        ),
        ("send frame: 8 {}", "the reading process was ended: it sent a message of kind 8"),
        ("send frame: 1 {}", "the reading process was ended: it sent a ReadArticle that is none"),
        (
            "send frame: 1 no json",
            "the reading process was ended: it sent a ReadArticle that is none",
        ),
        (
            'send frame: 3 {"offset": -1, "total": 0}',
            "the reading process was ended: it sent a Advance that is none",
        ),
        ("hang up", "the reading process was ended: it hung up"),
    ],
)
def test_only_the_record_to_blame_is_lost(
    sandbox: Sandbox, tmp_path: Path, deed: str, reason: str, logs: list[Any]
) -> None:
    result = between(sandbox, tmp_path, deed)
    assert result.error is None
    assert result.shown == ["before", f"! {reason}", "after"]
    assert [record.position for record in result.records] == [1, 2, 3]
    stops = [line for line in logs if line["event"] == "reader.stopped"]
    assert [(line["position"], line["reason"], line["file"]) for line in stops] == [
        (2, reason, "story.script")
    ] * 2  # once among others, once alone


def test_the_first_record_of_a_new_process_is_not_tried_twice(
    tmp_path: Path, logs: list[Any]
) -> None:
    sandbox = Sandbox(timeout=TIMEOUT, memory_bytes=MEMORY, processes=2, read_function=SCRIPTS)
    try:
        result = read(sandbox, written(tmp_path, "exit: 3", "say: after"))
    finally:
        sandbox.close()
    assert result.shown == ["! the reading process ended with exit code 3", "after"]
    assert [line["event"] for line in logs].count("reader.stopped") == 1


def test_a_record_that_only_fails_behind_others_is_not_lost(
    sandbox: Sandbox, tmp_path: Path, logs: list[Any]
) -> None:
    """What earlier records left in the process was to blame, so a new one reads it."""
    result = between(sandbox, tmp_path, "once: kept")
    assert (result.shown, result.error) == (["before", "kept", "after"], None)
    assert [line["event"] for line in logs].count("reader.stopped") == 1


def test_where_reading_cannot_go_on_the_records_so_far_stand(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    deeds = ("say: before", "exit: 3", "say: after")
    result = read(sandbox, written(tmp_path, *deeds, name="oneway.script"))
    assert result.shown == ["before"]
    assert result.error == (
        "reading stopped here: the reading process ended with exit code 3 / "
        "Split the file there, and drop what follows again."
    )


def test_a_file_that_fails_again_and_again_is_given_up(
    sandbox: Sandbox, tmp_path: Path, logs: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "MAX_STOPS", 6)
    result = read(sandbox, written(tmp_path, *["exit: 3"] * 10))
    assert len(result.records) in {2, 3}  # three if the first process was new
    assert str(result.error).startswith("reading stopped here: the reading process ended with")
    assert [line["event"] for line in logs].count("reader.stopped") == 6


def test_a_caller_s_own_resume_may_refuse(sandbox: Sandbox, tmp_path: Path) -> None:
    path = written(tmp_path, "say: before", "exit: 3", "say: after")
    result = read(sandbox, path, resume=Resume(1, "12", "it was to blame before"))
    assert result.shown == ["! it was to blame before", "after"]
    assert [record.position for record in result.records] == [2, 3]


@pytest.mark.parametrize("number", range(len(ODD)), ids=[type(error).__name__ for error in ODD])
def test_an_odd_exception_rejects_the_file_and_its_traceback_is_logged(
    sandbox: Sandbox, tmp_path: Path, number: int, logs: list[Any]
) -> None:
    result = between(sandbox, tmp_path, f"throw: {number}")
    name = "RuntimeError" if isinstance(ODD[number], StopIteration) else type(ODD[number]).__name__
    assert result.shown == ["before"]
    assert result.error == (
        f"reading failed: {name} / The file is kept; report it with the log's traceback."
    )
    (line,) = [line for line in logs if line["event"] == "reader.failed"]
    assert line["file"] == "story.script"
    assert "hostile_readers.py" in line["exception"]
    assert "\0" not in line["exception"]


@pytest.mark.parametrize("number", range(len(ENDING)), ids=lambda at: type(ENDING[at]).__name__)
def test_an_exception_that_ends_a_process_costs_its_record(
    sandbox: Sandbox, tmp_path: Path, number: int
) -> None:
    result = between(sandbox, tmp_path, f"throw: {len(ODD) + number}")
    before, bad, after = result.records
    assert (before.headline, after.headline) == ("before", "after")
    assert isinstance(bad, BadRecord)
    assert bad.reason.startswith("the reading process ended ")


@pytest.mark.parametrize("deed", ["refuse", "refuse for"])
def test_unreadable_crosses_with_reason_and_advice(
    sandbox: Sandbox, tmp_path: Path, logs: list[Any], deed: str
) -> None:
    """Whatever it comes from: a bad file is no error of ours, and leaves no traceback."""
    result = between(sandbox, tmp_path, f"{deed}: it is a JPEG")
    assert (result.shown, result.error) == (["before"], "it is a JPEG / Drop it again.")
    assert not [line for line in logs if line["log_level"] != "debug"]


def test_a_reader_s_fault_crosses_with_its_traceback(
    sandbox: Sandbox, tmp_path: Path, logs: list[Any]
) -> None:
    """As ``registry.read_file`` gives it: ``ReaderFault`` from the fault."""
    result = between(sandbox, tmp_path, "fault: the plain reader failed")
    assert result.error == "the plain reader failed / Drop it again."
    (line,) = [line for line in logs if line["event"] == "reader.failed"]
    assert "ZeroDivisionError: in the depth" in line["exception"]


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOENT, errno.ESTALE])
def test_an_os_error_crosses_with_its_number(sandbox: Sandbox, tmp_path: Path, number: int) -> None:
    with pytest.raises(OSError, match=os.strerror(number)) as failure:
        between(sandbox, tmp_path, f"fail: {number}")
    assert failure.value.errno == number
    assert type(failure.value) is type(OSError(number, ""))


def test_an_os_error_without_a_number_stays_one(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"^changed while it was read$") as failure:
        between(sandbox, tmp_path, "fail without number: changed while it was read")
    assert failure.value.errno is None


@pytest.mark.parametrize("deed", ["terminate", "interrupt"])
def test_a_stop_that_goes_to_the_whole_group_leaves_the_process(
    sandbox: Sandbox, tmp_path: Path, deed: str
) -> None:
    """Only ingest ends it, when it is done."""
    assert len(between(sandbox, tmp_path, deed).records) == 3


def test_what_is_printed_goes_nowhere(
    sandbox: Sandbox, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert between(sandbox, tmp_path, "print").shown == ["before", "printed", "after"]
    assert capfd.readouterr() == ("", "")


def test_text_that_is_no_unicode_costs_its_record(sandbox: Sandbox, tmp_path: Path) -> None:
    result = between(sandbox, tmp_path, "surrogate")
    assert result.shown[::2] == ["before", "after"]
    assert result.shown[1].startswith("! what was read of it can't be passed on: ")


def test_a_record_too_large_to_cross_costs_only_itself(sandbox: Sandbox, tmp_path: Path) -> None:
    result = between(sandbox, tmp_path, f"huge: {FRAME_BYTES}")
    assert result.shown[::2] == ["before", "after"]
    assert f"the limit is {FRAME_BYTES}" in result.shown[1]


def test_a_record_of_the_largest_size_crosses(sandbox: Sandbox, tmp_path: Path) -> None:
    _, huge, _ = between(sandbox, tmp_path, f"huge: {FRAME_BYTES - 10_000}").records
    assert isinstance(huge, ReadArticle)
    assert len(huge.body[0]) == FRAME_BYTES - 10_000


# --- no file ------------------------------------------------------------------
@pytest.mark.parametrize("deed", ["write", "make folder", "write in C", "make folder in C"])
def test_nothing_is_written(sandbox: Sandbox, tmp_path: Path, deed: str) -> None:
    """From C code too: Landlock refuses; without it a file stays empty (its size is limited)."""
    target = tmp_path / "target"
    between(sandbox, tmp_path, f"{deed}: {target}")
    if landlock.version() or " in C" not in deed:
        assert not target.exists()
    else:
        assert not target.is_file() or target.read_bytes() == b""


def test_an_attempt_to_write_is_named_in_the_log(
    sandbox: Sandbox, tmp_path: Path, logs: list[Any]
) -> None:
    result = between(sandbox, tmp_path, f"write: {tmp_path / 'target'}")
    assert str(result.error).startswith("reading failed: Forbidden / ")
    (line,) = [line for line in logs if line["event"] == "reader.failed"]
    assert "not in a reading process: open for writing" in line["exception"]


@pytest.mark.parametrize("deed", ["read", "read in C", "entries"])
def test_no_other_file_is_read(sandbox: Sandbox, tmp_path: Path, deed: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the harbour's safe is 4711")
    result = between(sandbox, tmp_path, f"{deed}: {tmp_path if deed == 'entries' else secret}")
    if landlock.version() or " in C" not in deed:
        assert "4711" not in repr(result)
        assert "secret" not in repr(list(result.records[1:2]))


def test_no_setting_and_no_secret_is_in_its_environment(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WIREDESK_REDIS_URL", "redis://:hunter2@127.0.0.1/0")
    read(sandbox, written(tmp_path, "exit: 1"))  # so that new processes are started
    environment = between(sandbox, tmp_path, "environment").records[1]
    assert isinstance(environment, ReadArticle)
    names = {line.partition("=")[0] for line in environment.body}
    assert names <= {
        "PYTHONPATH",
        "LC_ALL",
        "LC_CTYPE",
        "TZ",
        "OPENBLAS_NUM_THREADS",
        "OMP_NUM_THREADS",
        "LD_LIBRARY_PATH",
        "DYLD_LIBRARY_PATH",
        "PYTHONHOME",
        "__CF_USER_TEXT_ENCODING",
    }


def test_it_inherits_no_descriptor_and_stands_in_the_root(sandbox: Sandbox, tmp_path: Path) -> None:
    secret = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(secret, True)
    try:
        read(sandbox, written(tmp_path, "exit: 1"))
        result = read(sandbox, written(tmp_path, "folder", "descriptors"))
    finally:
        os.close(secret)
    assert result.shown == ["/", "open"]
    found = result.records[1]
    assert isinstance(found, ReadArticle)
    assert {"0", "1", "2"} < set(found.body)
    assert len(found.body) == 5  # the channel and the file


# --- no network, no process ----------------------------------------------------
@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.mark.parametrize("deed", ["connect", "connect in C"])
def test_no_connection_reaches_a_server(
    sandbox: Sandbox, tmp_path: Path, listener: socket.socket, deed: str
) -> None:
    result = between(sandbox, tmp_path, f"{deed}: {listener.getsockname()[1]}")
    if landlock.version() >= 4 or " in C" not in deed:
        with pytest.raises(BlockingIOError):
            listener.accept()
        assert result.shown in (["before"], ["before", "-1", "after"])


def test_no_datagram_reaches_a_server(sandbox: Sandbox, tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        result = between(sandbox, tmp_path, f"datagram: {server.getsockname()[1]}")
        with pytest.raises(BlockingIOError):
            server.recv(100)
    assert str(result.error).startswith("reading failed: Forbidden")


@pytest.mark.parametrize(
    "deed",
    [
        "resolve: localhost",
        "bind: 0",
        "run: true",
        "fork",
        "system: true",
        "load library: libm.so.6",
        "signal parent",
        "raise limits",
    ],
)
def test_what_no_reader_needs_is_refused_by_name(
    sandbox: Sandbox, tmp_path: Path, deed: str
) -> None:
    result = between(sandbox, tmp_path, deed)
    assert (result.shown, str(result.error).partition(" / ")[0]) == (
        ["before"],
        "reading failed: Forbidden",
    )


def test_no_signal_reaches_the_parent(sandbox: Sandbox, tmp_path: Path) -> None:
    received: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _frame: received.append(number))
    try:
        result = between(sandbox, tmp_path, "signal parent in C")
    finally:
        signal.signal(signal.SIGUSR1, before)
    if landlock.version() >= 6:
        assert (result.shown, received) == (["before", "-1", "after"], [])


def test_a_lying_process_can_only_lie_about_articles(sandbox: Sandbox, tmp_path: Path) -> None:
    """A forged record is checked as any other; it may only say something untrue."""
    forged = (
        '{"position": 2, "headline": "forged", "body": [], '
        '"info": {"name": "x", "version": "1", "format": "y"}}'
    )
    frame = struct.pack("!IB", len(forged), 1).decode("latin-1").encode("unicode_escape").decode()
    result = between(sandbox, tmp_path, f"send raw: {frame}{forged}")
    assert result.shown[:2] == ["before", "forged"]
    assert isinstance(result.records[1], ReadArticle)
