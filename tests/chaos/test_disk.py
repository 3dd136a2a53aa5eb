"""The disk takes no write, whichever it is: the desk waits, says so once, and goes on.

Swept over every write of one run of a whole desk; then for real, on a disk of a megabyte and on
one that is remounted read-only.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections import Counter
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from tests.chaos.bad_disk import SQLITE_NAMES, BadDisk, on_a_bad_disk
from tests.chaos.test_machine import DeskMachine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.chaos.small_desk import SmallDesk

CODES = tuple(SQLITE_NAMES)
SEEDS = (1, 8)
"""Of the dropped files: among their records are versions, a withdrawal and a bad one."""

FEWEST = 60
"""Writes that a run has at least: fewer would mean that the sweep saw nothing."""

STRIDE = int(os.environ.get("WIREDESK_TEST_STRIDE", "7"))
"""Every how-manieth write fails, the errors taking turns; 1: each with each error (a minute)."""

LONG_ENOUGH = 10
"""Rounds in which a desk that doesn't wait would have done its work, or given up."""


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stages don't pause before another try."""
    monkeypatch.setattr("services.bus.patience.FIRST_PAUSE", 0.0)


def run(machine: DeskMachine, disk: BadDisk) -> list[Any]:
    """Some files more, on ``disk``: everything must be conserved; returns what was logged."""
    for seed in SEEDS:
        machine.drop_file(seed=seed)
    with capture_logs() as logs, on_a_bad_disk(machine.desk, disk):
        machine.run(machine.desk.run_until_quiet())
    machine.the_books_are_right()
    return logs


def told(logs: list[Any]) -> Counter[tuple[object, ...]]:
    """How often each trouble was told of, until it was over."""
    said: Counter[tuple[object, ...]] = Counter()
    most: Counter[tuple[object, ...]] = Counter()
    for line in logs:
        key = (line["event"], line.get("what"), line.get("file"), line.get("reason"))
        if line["event"].endswith(".waiting"):
            said[key] += 1
            most[key] = max(most[key], said[key])
        elif line["event"].endswith((".resumed", ".receipt")):
            said.clear()
    return most


def test_any_write_may_fail() -> None:
    with capture_logs():
        machine = DeskMachine()
    counted = BadDisk(None, errno.ENOSPC)
    run(machine, counted)
    kinds = {name.split()[0] for name in counted.names}
    written = {"os.write", "os.fsync", "os.link", "os.unlink", "os.rename"}
    assert {"journal", "store", *written} <= kinds
    for number in range(1, 10_000, STRIDE):
        codes = CODES if STRIDE == 1 else (CODES[number // STRIDE % len(CODES)],)
        disks = [BadDisk(number, code) for code in codes]
        for disk in disks:
            say_where(machine, disk)
        if not any(disk.failed for disk in disks):
            break
    assert number > FEWEST, "the run had fewer writes than that"
    with capture_logs():
        machine.teardown()


def say_where(machine: DeskMachine, disk: BadDisk) -> None:
    """A run on ``disk``; a failure names the write."""
    try:
        logs = run(machine, disk)
        assert bool(told(logs)) == bool(disk.failed), "somebody is told, if there is trouble"
        assert max(told(logs).values(), default=1) == 1, f"told more than once: {told(logs)}"
    except AssertionError as error:
        what = f"{os.strerror(disk.code)} at write {disk.first} ({', '.join(disk.failed)})"
        raise AssertionError(f"{what}: {error}") from error


# --- for real ---------------------------------------------------------------------------


@contextmanager
def tmpfs(folder: Path, size: str) -> Iterator[None]:
    """A disk of that size at ``folder``; the test is left out where none can be mounted."""
    folder.mkdir()
    mounting = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounting.returncode:
        pytest.skip(f"a disk can only be mounted by root, outside a container: {mounting.stderr}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


needs_mount = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("mount") is None, reason="only root can mount a disk"
)


async def goes_nowhere(desk: SmallDesk) -> None:
    """Ingest tries for minutes, and nothing is lost by it."""
    for _ in range(LONG_ENOUGH):
        await desk.ingest_step()
        desk.hand.advance(30)


@needs_mount
def test_a_disk_that_is_really_full_is_waited_for(tmp_path: Path) -> None:
    """Inbox, archive, journal and store share two megabytes, and somebody fills them."""
    disk = tmp_path / "disk"
    with tmpfs(disk, "2m"), capture_logs() as logs:
        machine = DeskMachine(disk)
        for seed in range(6):
            machine.drop_file(seed=seed)
        ballast = disk / "ballast"
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while file.write(b"x" * 4096):
                pass
        assert free(disk) == 0
        machine.run(goes_nowhere(machine.desk))
        machine.the_books_are_right()
        assert len(machine.desk.files_left()) == 6
        assert max(told(logs).values()) == 1
        assert told(logs), "the operator has to be told"
        ballast.unlink()
        machine.run(machine.desk.run_until_quiet())
        machine.teardown()


def free(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


@needs_mount
def test_a_disk_that_becomes_read_only_is_waited_for(tmp_path: Path) -> None:
    """As a kernel does with one that reports errors: remounted under the running desk."""
    disk = tmp_path / "disk"
    with tmpfs(disk, "2m"), capture_logs() as logs:
        # What is open for writing would keep it from being remounted.
        machine = DeskMachine(disk, state_dir=tmp_path / "state")
        for seed in range(4):
            machine.drop_file(seed=seed)
        machine.shift(stages=3)
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        machine.run(goes_nowhere(machine.desk))
        machine.the_books_are_right()
        assert len(machine.desk.files_left()) == 4
        assert {line["reason"] for line in logs if line["event"] == "archive.waiting"} == {
            os.strerror(errno.EROFS)
        }
        assert max(told(logs).values()) == 1
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
        machine.teardown()
