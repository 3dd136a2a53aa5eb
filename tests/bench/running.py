"""Processes under measurement: desks that wait between their turns, and what they use."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from services.console.supervisor import Desk
from tests.bench.measure import cpu_seconds, plain_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import ExitStack

    from services.settings import Settings

DEADLINE = 600.0
"""Seconds until something must be done; ten times what a slow laptop takes."""

QUIET = {
    "WIREDESK_API": "false",
    "WIREDESK_HEALTH": "false",
    # Neither scans the folder nor balances the books in a rival's turn more than it must.
    "WIREDESK_LEDGER_INTERVAL": "3600",
}
"""A desk that does nothing but its work, as a script that it is compared with does."""


@contextmanager
def one_core(stack: ExitStack) -> Iterator[None]:
    """What is started in this block stays on one core; this process keeps off it until ``stack``.

    Two busy cores slow each other down where they share a cache or, in a virtual machine, one
    real core: CPU time of a desk whose stages work at once was up to 1.6 times that of the same
    desk on one core, and a rival that works on one doesn't pay that.
    """
    if not hasattr(os, "sched_setaffinity"):  # not Linux
        yield
        return
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[:1])
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores[1:] or cores)
        stack.callback(os.sched_setaffinity, 0, cores)


@contextmanager
def desk_of(
    settings: Settings, log: Path, environ: Mapping[str, Mapping[str, str]]
) -> Iterator[Desk]:
    """A running desk."""
    with log.open("wb") as output:
        desk = Desk(settings, output, environ)
        desk.start()
        try:
            desk.run(desk.ready)
            yield desk
        finally:
            desk.stop(drain=False)


def drop(
    inbox: Path, numbers: range, words: int, text: Callable[[int, int], str] = plain_text
) -> None:
    """Put these articles into a folder, one file each, renamed into place.

    ``text`` makes an article of its number and words.
    """
    for number in numbers:
        part = inbox / f"{number}.txt.part"
        part.write_text(text(number, words), encoding="utf-8")
        part.rename(inbox / f"{number}.txt")


def wait_for_receipts(desk: Desk, numbers: range) -> None:
    """Look after the desk until these files have their receipts."""
    deadline = time.monotonic() + DEADLINE
    left = set(numbers)

    def done() -> bool:
        there = {path.name.partition(".")[0] for path in desk.settings.done.glob("*.receipt.json")}
        left.difference_update(int(name) for name in there)
        return not left or time.monotonic() > deadline

    desk.run(done)
    assert not left, f"{len(left)} files have no receipt"


def processes(desk: Desk) -> dict[str, int]:
    """Process ids of the services and of the server."""
    pids = {name: child.process.pid for name, child in desk.children.items()}
    if desk.server is not None and desk.server.pid is not None:
        pids["server"] = desk.server.pid
    return pids


def children_of(pid: int) -> list[int]:
    """Process ids of a process' descendants."""
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            told = (task / "children").read_text(encoding="ascii").split()
            found += [int(child) for child in told]
    return [each for child in found for each in (child, *children_of(child))]


def ended_seconds(pid: int) -> float:
    """CPU time of a process' children that have ended: fields 16 and 17 of proc(5)."""
    with suppress(OSError):
        told = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        fields = told.rpartition(")")[2].split()
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def cpu_of(desk: Desk) -> dict[str, float]:
    """CPU seconds used so far by each service, with the processes that it starts."""
    return {
        name: sum(cpu_seconds(each) or 0.0 for each in (pid, *children_of(pid)))
        + ended_seconds(pid)
        for name, pid in processes(desk).items()
    }


def used(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """CPU seconds between two readings, by service: workers of one service together."""
    sums: dict[str, float] = {}
    for name, seconds in after.items():
        service = name.partition("-")[0]
        sums[service] = sums.get(service, 0.0) + seconds - before[name]
    return sums
