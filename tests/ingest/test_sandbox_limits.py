"""Memory stays flat, time is bounded, and no process outlives its parent."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from services.ingest.readers.base import MIB, Limits, Unreadable
from services.ingest.sandbox import Sandbox
from services.ingest.sandbox.patience import (
    BYTES_PER_SECOND,
    FIRST_WAITS,
    SIGN_BYTES,
    Allowance,
    Silence,
)
from services.ingest.sandbox.process import Gone
from services.ingest.sandbox.protocol import FRAME_BYTES
from tests.ingest.hostile_readers import LINES_A_RECORD
from tests.ingest.sandbox_kit import LIMITS, gather, is_running, opened, pids, written
from tests.wait import wait_until

ROOT = Path(__file__).parents[2]
MEMORY = 200 * MIB
LARGE = 500 * MIB
LINE = b"The ferry to the northern islands will sail again from Monday, it is said.\n" * 13 + b"\n"
RECORDS = 20_000


def sandbox_of(function: str, memory_bytes: int = MEMORY) -> Sandbox:
    return Sandbox(
        timeout=10.0,
        memory_bytes=memory_bytes,
        processes=2,
        read_function=f"tests.ingest.hostile_readers:{function}",
    )


def peak_bytes(pid: int) -> int:
    """The most memory that the process has had at once."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024


def test_memory_stays_flat_while_a_large_file_passes(tmp_path: Path) -> None:
    block = LINE * (8 * MIB // len(LINE))
    path = tmp_path / "large.txt"
    with path.open("wb") as out:
        while out.tell() < LARGE:
            out.write(block)
    lines = path.stat().st_size // len(LINE) * LINE.count(b"\n")
    with closing(sandbox_of("read_lines")) as sandbox, opened(path) as source:
        result = gather(sandbox.read(source, LIMITS))
        (pid,) = pids(sandbox)
        if Path("/proc/self/status").exists():
            assert peak_bytes(pid) < MEMORY
    assert len(result.records) == -(-lines // LINES_A_RECORD)
    told = [step.offset for step in result.progress if step.offset is not None]
    assert told == sorted(told)
    assert told
    assert told[-1] > LARGE // 2


def test_crossing_is_fast(tmp_path: Path) -> None:
    """The figure is printed with ``-s``; the bound only tells a blunder from a busy machine."""
    path = tmp_path / "count"
    path.write_text(str(RECORDS).ljust(MIB))  # large enough to give as much
    with closing(sandbox_of("read_many")) as sandbox, opened(path) as source:
        gather(sandbox.read(source, LIMITS))  # started
        started = time.perf_counter()
        result = gather(sandbox.read(source, LIMITS))
        took = time.perf_counter() - started
    assert len(result.records) == RECORDS
    print(f"{RECORDS / took:.0f} records/s of 3.3 kB")  # noqa: T201  (the figure)
    assert RECORDS / took > 500


# --- ends -----------------------------------------------------------------------
PARENT = """
import os, sys
from pathlib import Path
from tests.ingest.sandbox_kit import LIMITS, SCRIPTS, opened
from services.ingest.sandbox import Sandbox
sandbox = Sandbox(timeout=60, memory_bytes=400 << 20, processes=2, read_function=SCRIPTS)
with opened(Path(sys.argv[1])) as source:
    for step in sandbox.read(source, LIMITS):
        print(getattr(step, "headline", ""), flush=True)
"""


@pytest.mark.parametrize("deed", ["hang", "hang in C", "sleep: 60"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_its_processes_end_with_the_parent_however_it_ends(
    tmp_path: Path, deed: str, number: signal.Signals
) -> None:
    path = written(tmp_path, "process", deed)
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, path],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as parent:
        assert parent.stdout
        pid = next(int(line) for line in parent.stdout if line.strip())
        assert is_running(pid)
        parent.send_signal(number)
    wait_until(lambda: not is_running(pid), "the reading process ends with its parent")


def test_ctrl_c_of_the_whole_group_leaves_the_child_to_its_parent(tmp_path: Path) -> None:
    """Nothing is printed by it, and what it reads is read to the end."""
    path = written(tmp_path, "process", "sleep: 1", "say: done")
    with subprocess.Popen(
        [sys.executable, "-c", "import signal; signal.signal(2, signal.SIG_IGN)\n" + PARENT, path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    ) as parent:
        assert parent.stdout
        assert parent.stderr
        pid = next(int(line) for line in parent.stdout if line.strip())
        assert os.getpgid(pid) != os.getpgid(parent.pid)
        os.killpg(parent.pid, signal.SIGINT)
        os.kill(pid, signal.SIGTERM)
        assert parent.stdout.read().split() == ["slept", "done"]
        assert parent.stderr.read() == ""
        assert parent.wait() == 0


# --- time and output, without waiting --------------------------------------------
def allowance(size: int = 1000, limits: Limits = LIMITS) -> Allowance:
    return Allowance(timeout=30.0, size=size, limits=limits)


def test_silence_ends_a_process() -> None:
    silence = Silence(allowance())
    silence.wait(29.9)
    with pytest.raises(Gone, match="no result after 30 s"):
        silence.wait(0.2)


def test_a_record_or_reading_on_breaks_the_silence() -> None:
    silence = Silence(allowance())
    for number in range(1, 5):
        silence.wait(29.0)
        silence.record(10)
        silence.wait(29.0)
        silence.advanced(number * SIGN_BYTES)


def test_reading_on_byte_by_byte_does_not() -> None:
    silence = Silence(allowance())
    silence.wait(29.0)
    silence.advanced(SIGN_BYTES - 1)
    with pytest.raises(Gone):
        silence.wait(2.0)


def test_records_that_each_stay_below_the_timeout_end_the_file() -> None:
    silence = Silence(allowance())

    def trickle() -> None:
        for _ in range(100):
            silence.wait(29.0)
            silence.record(10)

    with pytest.raises(Unreadable, match=r"takes too long: \d+ s for \d\d records"):
        trickle()
    assert silence.allowance.waited < (FIRST_WAITS + 3) * 30


def test_reading_the_file_over_and_over_ends_it() -> None:
    silence = Silence(allowance(size=MIB))

    def circle() -> None:
        for number in range(1, 1000):
            silence.wait(29.0)
            silence.advanced(number * MIB)

    with pytest.raises(Unreadable, match="takes too long"):
        circle()
    assert silence.allowance.waited < FIRST_WAITS * 30 + 4 * MIB / BYTES_PER_SECOND + 30


def test_a_long_honest_file_is_never_ended() -> None:
    """A million records at 50 ms each: fourteen hours."""
    silence = Silence(allowance(size=5 * 1024 * MIB))
    for number in range(1_000_000):
        silence.wait(0.05)
        silence.record(5000)
        silence.advanced(number * 5000)


def test_more_articles_than_a_file_can_hold_end_it() -> None:
    counted = allowance(size=1000)
    counted.deliver(FRAME_BYTES)
    counted.deliver(1_000_000)
    with pytest.raises(Unreadable, match="of its 1000 bytes come 66 MiB of articles"):
        counted.deliver(1_000_000)


def test_what_a_large_file_may_give_is_bounded_by_what_may_be_unpacked() -> None:
    counted = allowance(size=100 * MIB, limits=Limits(expanded_bytes=200 * MIB))
    counted.deliver(FRAME_BYTES + 800 * MIB)
    with pytest.raises(Unreadable):
        counted.deliver(1)


def test_a_process_that_does_not_start_is_given_up() -> None:
    silence = Silence(allowance())
    silence.start(59.0)
    with pytest.raises(Gone, match="did not start within 60 s"):
        silence.start(2.0)
