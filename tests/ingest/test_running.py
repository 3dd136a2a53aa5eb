"""The desk as it runs, on the real clock: events, polling, real readers."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import watchfiles

from services.ingest.desk import IngestDesk
from services.ingest.identity import assemble
from services.ingest.readers.registry import read_file
from services.ingest.watch import Watch
from tests.ingest.desk_kit import MemoryBus, make_settings, named
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from services.settings import Settings

SEEDS = Path(__file__).parents[2] / "seeds"


@asynccontextmanager
async def running(settings: Settings, bus: MemoryBus) -> AsyncIterator[IngestDesk]:
    """A desk that runs with the real readers and the real clock."""
    desk = IngestDesk(settings, bus, read_file, assemble)
    stop, drain = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(desk.run(stop, drain))
    try:
        await holds(lambda: desk._journal or task.done(), "the folder is owned")
        yield desk
    finally:
        stop.set()
        await asyncio.wait_for(task, 30)
        desk.close()


async def holds(predicate: Callable[[], object], what: str) -> None:
    await asyncio.to_thread(wait_until, predicate, what)


def test_both_seeds_go_through_with_the_real_readers(tmp_path: Path) -> None:
    settings = make_settings(tmp_path / "inbox", settle_time=0.1, scan_interval=0.05)
    settings.inbox.mkdir()
    seeds = sorted(SEEDS.glob("*.txt"))
    assert len(seeds) == 2
    for seed in seeds:
        (settings.inbox / seed.name).write_bytes(seed.read_bytes())
    bus = MemoryBus()

    async def scenario() -> None:
        async with running(settings, bus) as desk:
            await holds(lambda: len(bus.waiting) == 2, "both are published")
            await asyncio.to_thread(bus.deliver, desk)
            archived = [settings.done / seed.name for seed in seeds]
            await holds(lambda: all(path.exists() for path in archived), "both are archived")
            for seed, path in zip(seeds, archived, strict=True):
                await holds(path.with_name(f"{path.name}.receipt.json").exists, "the receipt")
                assert path.read_bytes() == seed.read_bytes()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("empty.txt", b""),
        ("program.txt", b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 40),
        ("huge.txt", b"All work and no play makes a long text.\n" * 1_310_720),
    ],
)
def test_bad_input_gets_a_clear_receipt_and_its_neighbours_go_on(
    tmp_path: Path, name: str, data: bytes
) -> None:
    settings = make_settings(tmp_path / "inbox", settle_time=0.0, scan_interval=0.05)
    settings.inbox.mkdir()
    (settings.inbox / name).write_bytes(data)
    (settings.inbox / "zgood.txt").write_text("Harbour closed\n\nThe harbour is closed today.\n")
    bus = MemoryBus()

    async def scenario() -> None:
        async with running(settings, bus) as desk:
            await holds(lambda: len(bus.waiting) == 2, "one is published, one reported")
            await asyncio.to_thread(bus.deliver, desk)
            await holds((settings.done / "zgood.txt.receipt.json").exists, "the good one's receipt")
            await holds(
                (settings.rejected / f"{name}.receipt.json").exists, "the bad one's receipt"
            )
        (bad,) = bus.reported
        assert bad.reason
        assert bad.advice
        assert bad.stage == "ingest"
        assert (settings.rejected / name).stat().st_size == len(data)

    asyncio.run(scenario())


def test_an_event_brings_the_scan_forward(tmp_path: Path) -> None:
    """With an hour between scans, only the event can have woken it."""
    settings = make_settings(tmp_path / "inbox", settle_time=0.2, scan_interval=3600.0)
    bus = MemoryBus()

    async def scenario() -> None:
        async with running(settings, bus):
            (settings.inbox / "sub").mkdir()
            # Events of the first moments may be missed while the watch starts.
            numbers = iter(range(10_000))

            def dropped_and_published() -> object:
                path = settings.inbox / "sub" / f"{next(numbers)}.txt"
                path.write_text(f"Story of {path.name}\n\nIt has a body of its own.\n")
                return bus.published

            await holds(dropped_and_published, "an event wakes the desk")

    asyncio.run(scenario())


def test_polling_goes_on_where_events_fail_and_that_is_told_once(
    tmp_path: Path, logs: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_args: Any, **_options: Any) -> Any:
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr(watchfiles, "awatch", failing)
    monkeypatch.setattr("services.ingest.watch.RESTART_AFTER", 0.01)
    settings = make_settings(tmp_path / "inbox", settle_time=0.0, scan_interval=0.05)
    bus = MemoryBus()

    async def scenario() -> None:
        async with running(settings, bus):
            (settings.inbox / "a.txt").write_text("Harbour closed\n\nThe harbour is closed.\n")
            await holds(lambda: bus.published, "the file is taken")
        (line,) = named(logs, "inbox.watch_failed")
        assert "limit" in line["reason"]

    asyncio.run(scenario())


def test_what_the_desk_does_itself_wakes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes in done, rejected and state would make it scan for its own sake."""
    seen: list[Callable[[watchfiles.Change, str], bool]] = []

    async def once(*_args: Any, watch_filter: Any, **_options: Any) -> Any:
        seen.append(watch_filter)
        yield set()
        raise asyncio.CancelledError

    monkeypatch.setattr(watchfiles, "awatch", once)
    woken: list[int] = []

    async def scenario() -> None:
        skip = frozenset({b"/in/done", b"/in/.wiredesk"})
        with pytest.raises(asyncio.CancelledError):
            await Watch(b"/in", skip, lambda: woken.append(1)).run()

    asyncio.run(scenario())
    (wanted,) = seen
    assert woken == [1, 1]  # once for what came before it watched
    added = watchfiles.Change.added
    assert wanted(added, "/in/a.txt")
    assert wanted(added, "/in/done-later/a.txt")
    assert wanted(added, "/in/a.txt.tmp")
    assert not wanted(added, "/in/.wiredesk-0123.original")
    assert not wanted(watchfiles.Change.deleted, "/in/a.txt")
    assert not wanted(added, "/in/done/a.txt")
    assert not wanted(added, "/in/.wiredesk/journal.sqlite3-wal")


def test_the_desk_rests_when_there_is_nothing_to_do(tmp_path: Path) -> None:
    """Neither a settling file nor a far redrive makes it spin."""
    settings = make_settings(tmp_path / "inbox", settle_time=1000.0, scan_interval=0.05)
    settings.inbox.mkdir()
    (settings.inbox / "a.txt").write_text("still growing")

    async def scenario() -> None:
        async with running(settings, MemoryBus()) as desk:
            rounds = [0]
            step = desk.step

            async def counting(*, draining: bool = False) -> bool:
                rounds[0] += 1
                return await step(draining=draining)

            desk.step = counting  # type: ignore[method-assign]
            started = asyncio.get_running_loop().time()
            await holds(lambda: rounds[0] >= 10, "ten rounds")
            assert asyncio.get_running_loop().time() - started > 0.2

    asyncio.run(scenario())
