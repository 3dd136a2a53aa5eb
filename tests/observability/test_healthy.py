"""The check that a container's healthcheck makes: which processes it asks, and what it says."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from services import healthy
from services.bus.health import health_served
from services.bus.vitals import Verdict, Vitals
from services.healthy import Note, folder, look, main, noted, notes
from services.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOTE = Note("enrichment", "http://127.0.0.1:9")
"""A process that lives and doesn't answer: nobody listens on the port of discard."""

KEEPS = f"""
import sys
from pathlib import Path
from services.healthy import Note, noted
with noted(Note(*{tuple(NOTE)!r}), Path(sys.argv[1])):
    print("noted", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary folder of the test's own, as a container has; gives that of the notes."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    # Switched off for all tests that don't look at it.
    monkeypatch.delenv("WIREDESK_HEALTH", raising=False)
    # Only the check itself writes to the output.
    with capture_logs():
        yield folder()


@contextmanager
def serving(service: str = "enrichment", failing: str | None = None) -> Iterator[Vitals]:
    """A service that is well, or fails a check of /readyz for the reason ``failing``."""
    vitals = Vitals(service)
    vitals.works()
    vitals.ready("store", lambda: Verdict(ok=failing is None, reason=failing))
    with health_served(Settings(health=True, health_port=0), vitals):
        yield vitals


@contextmanager
def keeper(where: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has noted itself in ``where``."""
    command = [sys.executable, "-c", KEEPS, str(where)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "noted\n"
        try:
            yield process
        finally:
            process.kill()


# --- what it says ---------------------------------------------------------------------------------
def test_each_service_that_runs_is_asked_on_its_own_port(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Three share one address, as where three containers share one network: each has its port."""
    with serving("ingest") as one, serving() as two, serving() as three:
        urls = {one.url, two.url, three.url}
        assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(urls) == 3
    assert {line.split()[2].rstrip(":") for line in lines} == urls
    assert all(line.endswith(": well") for line in lines)


def test_where_none_runs_nothing_is_well(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    assert main([]) == 1
    assert capsys.readouterr().out == f"no service that runs is noted in {here}\n"


def test_one_service_is_asked_for_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    with serving("ingest"):
        assert main(["ingest"]) == 0
        assert main(["indexer"]) == 1
    assert "no indexer that runs" in capsys.readouterr().out


def test_one_that_waits_lives_and_isn_t_ready(capsys: pytest.CaptureFixture[str]) -> None:
    with serving("indexer", failing="its disk is full"):
        assert main(["indexer"]) == 0
        assert main(["--ready", "indexer"]) == 1
    assert capsys.readouterr().out.endswith(": store: its disk is full\n")


def test_one_of_several_that_isn_t_well_is_enough(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(), serving(failing="it is stuck"):
        assert main(["--ready"]) == 1
    assert sorted(line.split(": ", 1)[1] for line in capsys.readouterr().out.splitlines()) == [
        "store: it is stuck",
        "well",
    ]


def test_one_that_doesn_t_answer_is_not_well(
    capsys: pytest.CaptureFixture[str], here: Path
) -> None:
    with noted(NOTE, here):
        assert main([]) == 1
    assert "no answer: ConnectionRefusedError" in capsys.readouterr().out


def test_one_that_says_nothing_is_given_up_within_the_time_of_a_healthcheck(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(healthy, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute, ExitStack() as stack:
        for service in ("ingest", "enrichment", "indexer"):
            url = f"http://127.0.0.1:{mute.getsockname()[1]}"
            stack.enter_context(noted(Note(service, url), here))
        began = time.monotonic()
        said = look(here, None, "/livez")
        assert time.monotonic() - began < 2
    assert ["no answer: TimeoutError" in str(each.trouble) for each in said] == [True] * 3


def test_an_answer_that_isn_t_ours_is_no_health(here: Path) -> None:
    """Another program has the port, as after a note that was written by hand."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        url = f"http://127.0.0.1:{other.getsockname()[1]}"
        thread = threading.Thread(target=_answer, args=(other, b"HTTP/1.0 503 No\r\n\r\n<p>no"))
        thread.start()
        with noted(Note("ingest", url), here):
            (said,) = look(here, None, "/livez")
        thread.join()
    assert str(said.trouble).startswith("no answer: JSONDecodeError")


def _answer(server: socket.socket, answer: bytes) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(answer)


def test_where_health_is_off_the_check_takes_nothing_for_dead(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WIREDESK_HEALTH", "False")
    assert main([]) == 0
    assert "off" in capsys.readouterr().out


@pytest.mark.parametrize("word", ["true", "1", "on"])
def test_where_health_is_on_it_asks(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIREDESK_HEALTH", word)
    assert Settings().health
    assert main([]) == 1


@pytest.mark.parametrize("word", sorted(healthy.OFF))
def test_off_is_what_the_settings_take_for_it(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIREDESK_HEALTH", word)
    assert not Settings().health


# --- the notes ------------------------------------------------------------------------------------
def test_a_note_goes_with_the_service(here: Path) -> None:
    with serving() as vitals:
        assert notes(here) == [Note("enrichment", str(vitals.url))]
        assert {path.suffix for path in here.iterdir()} == {".json"}
    assert list(here.iterdir()) == []


def test_what_a_killed_process_left_is_not_asked_and_is_swept_by_the_next(here: Path) -> None:
    """The kernel drops its lock, whatever it died of."""
    with keeper(here) as process:
        assert notes(here) == [NOTE]
        process.send_signal(signal.SIGKILL)
        process.wait()
        (left,) = here.iterdir()
        assert notes(here) == []
    with noted(NOTE, here):
        assert not left.exists()
        assert notes(here) == [NOTE]


def test_a_process_that_lives_keeps_its_note_when_another_starts(here: Path) -> None:
    with keeper(here), noted(Note("ingest", "http://127.0.0.1:8421"), here):
        assert {note.service for note in notes(here)} == {"enrichment", "ingest"}


def test_several_checks_at_a_time_don_t_take_each_other_for_a_service(here: Path) -> None:
    with keeper(here) as process:
        process.kill()
        process.wait()
        (left,) = here.iterdir()
        with left.open("rb") as other:
            fcntl.flock(other, fcntl.LOCK_SH)
            assert notes(here) == []


def test_nobody_else_reads_or_writes_the_notes(here: Path) -> None:
    with noted(NOTE, here):
        (path,) = here.iterdir()
        assert stat.S_IMODE(here.stat().st_mode) == 0o700
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_where_the_folder_should_be_is_not_followed(here: Path, tmp_path: Path) -> None:
    """Anybody may put one into a shared temporary folder."""
    (tmp_path / "elsewhere").mkdir()
    here.symlink_to(tmp_path / "elsewhere")
    with serving_lines() as lines:
        assert list((tmp_path / "elsewhere").iterdir()) == []
    assert [line["event"] for line in lines] == ["health.serving", "health.not_noted"]
    assert "is not a folder of this user" in str(lines[1]["error"])


def test_a_service_works_where_nothing_can_be_noted(here: Path) -> None:
    """Its disk is full, or the file system can't be written to: it is asked over HTTP."""
    here.write_text("in the way", encoding="utf-8")
    with serving_lines() as lines:
        assert lines[1]["event"] == "health.not_noted"


@contextmanager
def serving_lines() -> Iterator[list[Any]]:
    """A service that runs, and what it logged meanwhile."""
    with capture_logs() as lines, serving():
        yield lines


# --- the command ----------------------------------------------------------------------------------
def run(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The check as a container's healthcheck runs it."""
    command = [sys.executable, "-m", "services.healthy", *arguments]
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


def test_it_is_a_command(tmp_path: Path) -> None:
    with serving("ingest"):
        done = run(tmp_path, "--ready", "ingest")
        assert (done.returncode, done.stdout[:19]) == (0, "ingest at http://12")
        assert run(tmp_path, "indexer").returncode == 1


def test_it_loads_none_of_the_libraries_of_the_services() -> None:
    """It runs every few seconds in every container, all the time."""
    code = "import sys, services.healthy; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"pydantic", "redis", "structlog", "typer", "orjson"} & set(done.stdout.split())
