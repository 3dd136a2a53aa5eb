"""What the sandbox's tests share: files opened as ingest opens them, and what became of them."""

from __future__ import annotations

import io
import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from services.ingest.files import FileView
from services.ingest.readers.base import (
    BadRecord,
    Limits,
    Progress,
    ReadArticle,
    Resume,
    Source,
    Unreadable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from services.ingest.readers.base import Record
    from services.ingest.sandbox import Sandbox

SCRIPTS = "tests.ingest.hostile_readers:read_script"
LIMITS = Limits()


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield Source(
            path.name,
            path.stat().st_size,
            lambda: io.BufferedReader(FileView(descriptor)),
            descriptor=descriptor,
        )
    finally:
        os.close(descriptor)


@dataclass(frozen=True)
class Result:
    """All that reading a file gave, and how it ended."""

    records: tuple[Record, ...]
    error: str | None = None
    progress: tuple[Progress, ...] = ()

    @property
    def shown(self) -> list[str]:
        """Headlines, and reasons of bad records behind a ``!``."""
        return [
            str(record.headline) if isinstance(record, ReadArticle) else f"! {record.reason}"
            for record in self.records
        ]


def gather(steps: Iterable[Record | Progress]) -> Result:
    """Read to the end; an error of any other type passes through."""
    records: list[Record] = []
    progress: list[Progress] = []
    error = None
    try:
        for step in steps:
            if isinstance(step, Progress):
                progress.append(step)
            else:
                records.append(step)
    except Unreadable as refusal:
        error = f"{refusal.reason} / {refusal.advice}"
    assert all(isinstance(record, ReadArticle | BadRecord) for record in records)
    return Result(tuple(records), error, tuple(progress))


def read(
    sandbox: Sandbox, path: Path, limits: Limits = LIMITS, resume: Resume | None = None
) -> Result:
    with opened(path) as source:
        return gather(sandbox.read(source, limits, resume))


def without_sandbox(
    read_file: Callable[[Source, Limits], Iterable[Record]], path: Path, limits: Limits = LIMITS
) -> Result:
    """What the same readers give in this process."""
    with opened(path) as source:
        return gather(read_file(source, limits))


def written(folder: Path, *deeds: str, name: str = "story.script") -> Path:
    """A script for ``hostile_readers``."""
    path = folder / name
    path.write_text("".join(f"{deed}\n" for deed in deeds))
    return path


def pids(sandbox: Sandbox) -> set[int]:
    return {process.pid for process in sandbox._processes}


def is_running(pid: int) -> bool:
    """Whether the process is there and more than an entry that nobody has reaped."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except FileNotFoundError:
        return Path("/proc/self").exists() is False and _answers(pid)
    return state not in "ZX"


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def zombies() -> int:
    """Whether a child of ours has ended and wasn't reaped (1) or not (0)."""
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return 0
    return int(found is not None)


def nothing_new(result: Result) -> Result:
    """Without the progress, which depends on how busy the machine is."""
    return replace(result, progress=())
