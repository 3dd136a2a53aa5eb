"""One ingest owns a folder; a second one stands by and takes over."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.ingest.desk import IngestDesk
from services.ingest.lock import FolderLock
from tests.ingest.desk_kit import Kit, assemble, named, opened, read
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]


def events(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def has(log: Path, event: str) -> bool:
    return any(line["event"] == event for line in events(log))


def received(log: Path) -> dict[str, tuple[str, str]]:
    """Article and drop of each file that was sent."""
    return {
        line["file"]: (line["article_id"], line["drop_id"])
        for line in events(log)
        if line["event"] == "article.received"
    }


@contextmanager
def ingest_process(inbox: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.ingest.lock_holder", str(inbox)],
            cwd=ROOT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            stdout=out,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_second_process_stands_by_and_takes_over_when_the_first_is_killed(
    tmp_path: Path,
) -> None:
    inbox = tmp_path / "inbox"
    one, two = tmp_path / "one.log", tmp_path / "two.log"
    with ingest_process(inbox, one) as first:
        wait_until(lambda: has(one, "inbox.owned"), "the first owns the folder")
        with ingest_process(inbox, two):
            wait_until(lambda: has(two, "inbox.standby"), "the second stands by")
            (inbox / "a.txt").write_text("Before\nthe kill")
            wait_until(lambda: has(one, "article.received"), "the first takes the file")
            assert not has(two, "inbox.owned")
            first.send_signal(signal.SIGKILL)
            first.wait()
            wait_until(lambda: has(two, "inbox.owned"), "the second owns the folder")
            (inbox / "b.txt").write_text("After\nthe kill")
            wait_until(lambda: has(two, "article.received"), "the second takes the next file")
            standing = [line for line in events(two) if line["event"] == "inbox.standby"]
            assert len(standing) == 1
            sent = received(two)
            # Killed before it had noted that a.txt was sent, the first leaves it to be sent again:
            # as the same article of the same drop, which the server then passes over.
            assert {**received(one), **sent} == {**sent, **received(one)}
            assert "b.txt" in sent


def test_a_frozen_owner_keeps_the_folder(tmp_path: Path) -> None:
    """Its lock is the kernel's: no time runs out, so two can never work on one folder."""
    inbox = tmp_path / "inbox"
    one, two = tmp_path / "one.log", tmp_path / "two.log"
    with ingest_process(inbox, one) as first:
        wait_until(lambda: has(one, "inbox.owned"), "the first owns the folder")
        first.send_signal(signal.SIGSTOP)
        with ingest_process(inbox, two):
            wait_until(lambda: has(two, "inbox.standby"), "the second stands by")
            first.send_signal(signal.SIGCONT)
            (inbox / "a.txt").write_text("After\nthe pause")
            wait_until(lambda: has(one, "article.received"), "the first goes on")
            assert not has(two, "inbox.owned")


def test_a_standby_ends_when_it_is_stopped(kit: Kit, logs: list[Any]) -> None:
    kit.settings = kit.settings.model_copy(update={"scan_interval": 0.01})

    async def scenario() -> None:
        async with opened(kit):
            standby = IngestDesk(kit.settings, kit.bus, read, assemble)
            stop = asyncio.Event()
            running = asyncio.create_task(standby.run(stop, asyncio.Event()))
            await asyncio.to_thread(
                wait_until, lambda: named(logs, "inbox.standby"), "it stands by"
            )
            stop.set()
            await asyncio.wait_for(running, 30)
            standby.close()

    asyncio.run(scenario())


def test_the_lock_is_exclusive_until_released(tmp_path: Path) -> None:
    path = tmp_path / "state" / "lock"
    with FolderLock(path) as one, FolderLock(path) as two:
        assert one.take()
        assert one.take()
        assert not two.take()
        assert (one.held, two.held) == (True, False)
        one.release()
        one.release()
        assert two.take()


def test_a_lock_on_a_file_that_was_removed_is_none(tmp_path: Path) -> None:
    """Else one would hold the lock of the old file and another that of the new one."""

    class Unlucky(FolderLock):
        def _names(self, descriptor: int) -> bool:
            self.path.unlink(missing_ok=True)
            return super()._names(descriptor)

    assert not Unlucky(tmp_path / "lock").take()
    with FolderLock(tmp_path / "lock") as lock:
        assert lock.take()
