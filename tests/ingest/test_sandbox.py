"""Reading in a child process gives what reading here gives, and keeps its processes in order."""

from __future__ import annotations

import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from services.ingest.readers.base import Limits, Progress, ReadArticle, Resume
from services.ingest.readers.registry import read_file
from services.ingest.sandbox import Sandbox, pool
from services.settings import Settings
from tests.ingest.sandbox_kit import (
    LIMITS,
    SCRIPTS,
    gather,
    is_running,
    nothing_new,
    opened,
    pids,
    read,
    without_sandbox,
    written,
    zombies,
)
from tests.readers.support import TRAPS
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SEEDS = sorted((ROOT / "seeds").glob("*.txt"))
SAMPLES = sorted(path for path in (ROOT / "tests/readers/samples").rglob("*") if path.is_file())
MEMORY = 768 * 1024 * 1024
TIMEOUT = 10.0


@contextmanager
def sandbox_of(processes: int = 2, read_function: str = SCRIPTS) -> Iterator[Sandbox]:
    made = Sandbox(
        timeout=TIMEOUT, memory_bytes=MEMORY, processes=processes, read_function=read_function
    )
    with closing(made):
        yield made
    assert not any(is_running(pid) for pid in pids(made))
    assert zombies() == 0


@pytest.fixture(scope="module")
def readers() -> Iterator[Sandbox]:
    """A sandbox with the real readers."""
    with sandbox_of(read_function=pool.READ_FILE) as made:
        yield made


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A new one, whose reader does what the file says."""
    with sandbox_of() as made:
        yield made


# --- the same result ------------------------------------------------------------
@pytest.mark.parametrize("path", [*SEEDS, *SAMPLES], ids=lambda path: path.name)
def test_every_sample_reads_as_it_does_here(readers: Sandbox, path: Path) -> None:
    assert nothing_new(read(readers, path)) == without_sandbox(read_file, path)


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.name)
def test_every_trap_reads_as_it_does_here(readers: Sandbox, tmp_path: Path, trap: Any) -> None:
    path = tmp_path / "story.txt"
    path.write_text(trap.text)
    assert nothing_new(read(readers, path)) == without_sandbox(read_file, path)


@pytest.mark.parametrize("data", [b"", b" \n", b"\xff\xd8\xff\xe0 picture", b"broken \xff\xfe\xfd"])
def test_refusals_are_the_same(readers: Sandbox, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "story.txt"
    path.write_bytes(data)
    assert nothing_new(read(readers, path)) == without_sandbox(read_file, path)


def test_the_limits_cross(readers: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "story.txt"
    path.write_text("The ferry sails again")
    assert "the limit is 5 bytes" in str(read(readers, path, Limits(article_bytes=5)).error)


def test_a_name_that_is_no_unicode_is_no_obstacle(readers: Sandbox, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path / "ferry") + b"\xff.txt"))
    path.write_text("The ferry sails again")
    (article,) = read(readers, path).records
    assert isinstance(article, ReadArticle)


def test_a_file_that_is_shorter_than_said_is_an_os_error(readers: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "story.txt"
    path.write_text("The ferry sails again")
    with opened(path) as source:
        path.write_text("The ferry")
        with pytest.raises(OSError, match="changed while it was read") as failure:
            gather(readers.read(source, LIMITS))
    assert failure.value.errno is None


def test_reading_goes_on_where_it_was_left(sandbox: Sandbox, tmp_path: Path) -> None:
    path = written(tmp_path, *(f"say: {number}" for number in range(1, 8)))
    whole = read(sandbox, path).records
    for cut in range(8):
        at = Resume(cut, whole[cut - 1].checkpoint) if cut else None
        assert read(sandbox, path, resume=at).records == whole[cut:]


def test_only_an_open_file_can_be_read(sandbox: Sandbox, tmp_path: Path) -> None:
    with opened(written(tmp_path, "say: x")) as source:
        inner = source.inside("x", 1, source.open, "x")
    with pytest.raises(ValueError, match="only an open file"):
        next(sandbox.read(inner, LIMITS))


# --- processes ------------------------------------------------------------------
def test_a_process_is_kept_for_the_next_file(sandbox: Sandbox, tmp_path: Path) -> None:
    path = written(tmp_path, "process")
    assert len({read(sandbox, path).shown[0] for _ in range(5)}) == 1


@pytest.mark.parametrize("end", ["refuse: no", "throw: 0"])
def test_a_rejected_file_costs_no_process(sandbox: Sandbox, tmp_path: Path, end: str) -> None:
    path = written(tmp_path, "process", end)
    assert len({read(sandbox, path).shown[0] for _ in range(3)}) == 1


def test_a_process_that_ran_out_of_descriptors_is_replaced(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    before = read(sandbox, written(tmp_path, "process")).shown
    with pytest.raises(OSError, match="Too many open files"):
        read(sandbox, written(tmp_path, f"fail: {errno.EMFILE}"))
    assert read(sandbox, written(tmp_path, "process")).shown != before


def test_it_is_replaced_after_so_many_files(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "MAX_FILES", 2)
    path = written(tmp_path, "process")
    seen = [read(sandbox, path).shown[0] for _ in range(4)]
    assert seen[0] == seen[1] != seen[2] == seen[3]


def test_it_is_replaced_when_it_keeps_too_much_memory(sandbox: Sandbox, tmp_path: Path) -> None:
    if not Path("/proc/self/statm").exists():
        return  # there only the number of files bounds it
    seen = [
        read(sandbox, written(tmp_path, "process", f"keep: {MEMORY // 4}")).shown[0]
        for _ in range(3)
    ]
    assert seen[0] == seen[1] != seen[2]


def test_one_that_died_while_idle_is_not_given_a_file(
    sandbox: Sandbox, tmp_path: Path, logs: list[Any]
) -> None:
    path = written(tmp_path, "process")
    (before,) = read(sandbox, path).shown
    os.kill(int(before), 9)
    wait_until(lambda: not is_running(int(before)), "the idle process dies")
    (after,) = read(sandbox, path).shown
    assert before != after
    assert not [line for line in logs if line["event"] == "reader.stopped"]


def test_warming_starts_one_process_ahead(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.warm()
    sandbox.warm()
    (warmed,) = pids(sandbox)
    assert read(sandbox, written(tmp_path, "process")).shown == [str(warmed)]


def test_settings_say_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIREDESK_READER_PROCESSES", "5")
    with closing(Sandbox.of(Settings())) as made:
        assert (made._count, made._timeout, made._memory_bytes) == (5, 30.0, 768 * 1024 * 1024)
        assert pids(made) == set()


def test_a_reader_that_does_not_load_is_an_os_error(
    tmp_path: Path, logs: list[Any], capfd: pytest.CaptureFixture[str]
) -> None:
    """The file isn't to blame: it is read again when the installation is right."""
    with sandbox_of(read_function="tests.ingest.hostile_readers:no_such_function") as made:
        with pytest.raises(OSError, match="exit code 1 before it read") as failure:
            read(made, written(tmp_path, "say: x"))
        assert failure.value.errno == errno.EAGAIN
    assert "no_such_function" in capfd.readouterr().err
    assert [line["event"] for line in logs] == ["reader.not_started"]


# --- slots, threads, ends ---------------------------------------------------------
def test_beyond_its_processes_a_file_waits_and_says_so(sandbox: Sandbox, tmp_path: Path) -> None:
    with opened(written(tmp_path, "say: one", "say: two")) as source:
        held = [sandbox.read(source, LIMITS) for _ in range(2)]
        for reading in held:
            while isinstance(next(reading), Progress):
                pass
        third = sandbox.read(source, LIMITS)
        assert [next(third) for _ in range(3)] == [Progress(None)] * 3
        held[0].close()
        assert gather(third).shown == ["one", "two"]
        assert gather(held[1]).shown == ["two"]
    assert len(pids(sandbox)) <= 2


def test_files_are_read_from_several_threads_at_once(sandbox: Sandbox, tmp_path: Path) -> None:
    paths = [
        written(tmp_path, *(f"say: {number} {line}" for line in range(50)), name=f"{number}.script")
        for number in range(12)
    ]
    with ThreadPoolExecutor(6) as threads:
        results = list(threads.map(lambda path: read(sandbox, path).shown, paths))
    assert results == [[f"{number} {line}" for line in range(50)] for number in range(12)]


def test_one_reading_may_be_advanced_by_one_thread_after_another(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    path = written(tmp_path, *(f"say: {number}" for number in range(20)))
    shown: list[str] = []
    with opened(path) as source, closing(sandbox.read(source, LIMITS)) as reading:

        def advance() -> None:
            step = next(reading, None)
            if isinstance(step, ReadArticle):
                shown.append(str(step.headline))

        while len(shown) < 20:
            thread = threading.Thread(target=advance)
            thread.start()
            thread.join()
        assert list(reading) == []
    assert shown == [str(number) for number in range(20)]


def test_a_file_left_early_leaves_its_process_for_the_next(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Even where more has been read ahead than the channel holds."""
    path = written(tmp_path, "process", *["huge: 100000"] * 200)
    seen = []
    for _ in range(3):
        with opened(path) as source, closing(sandbox.read(source, LIMITS)) as reading:
            seen.append(next(step for step in reading if isinstance(step, ReadArticle)).headline)
    assert len(set(seen)) == 1


def test_a_process_that_does_not_leave_a_file_is_ended(sandbox: Sandbox, tmp_path: Path) -> None:
    with (
        opened(written(tmp_path, "process", "hang")) as source,
        closing(sandbox.read(source, LIMITS)) as reading,
    ):
        first = next(step for step in reading if isinstance(step, ReadArticle))
        assert next(reading) == Progress(None)  # it hangs by now
    assert not is_running(int(str(first.headline)))
    assert read(sandbox, written(tmp_path, "say: after")).shown == ["after"]


def test_a_caller_that_pauses_is_not_held_against_the_reader(tmp_path: Path) -> None:
    """While nobody pulls, the process waits in the channel, and no time is counted."""
    made = Sandbox(timeout=0.4, memory_bytes=MEMORY, processes=2, read_function=SCRIPTS)
    path = written(tmp_path, *["huge: 100000"] * 50)
    with closing(made), opened(path) as source:
        reading = made.read(source, LIMITS)
        while isinstance(next(reading), Progress):
            pass
        (pid,) = pids(made)
        paused = threading.Event()
        assert not paused.wait(1.5)  # nearly four times its timeout
        assert len(gather(reading).records) == 49
        assert pids(made) == {pid}


def test_a_silent_reader_gives_progress_until_it_speaks(sandbox: Sandbox, tmp_path: Path) -> None:
    read(sandbox, written(tmp_path, "say: warm"))
    result = read(sandbox, written(tmp_path, "sleep: 1.2"))
    assert result.shown == ["slept"]
    assert 3 <= result.progress.count(Progress(None)) <= 5


def test_closing_ends_readings_in_mid_file(tmp_path: Path) -> None:
    with opened(written(tmp_path, "say: one", "sleep: 60")) as source, sandbox_of() as made:
        reading = made.read(source, LIMITS)
        while isinstance(next(reading), Progress):
            pass
        (pid,) = pids(made)
        with ThreadPoolExecutor(1) as threads:
            rest = threads.submit(list, reading)
            made.close()
            with pytest.raises(OSError, match="the service stops") as failure:
                rest.result()
        assert failure.value.errno == errno.ECANCELED
        assert not is_running(pid)


def test_nothing_is_read_after_closing(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.close()
    sandbox.close()
    sandbox.warm()
    with pytest.raises(OSError, match="the service stops"):
        read(sandbox, written(tmp_path, "say: x"))
    assert pids(sandbox) == set()
