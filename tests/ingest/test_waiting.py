"""What can't be done now waits, says so once, and goes on by itself; the others don't wait."""

from __future__ import annotations

import asyncio
import errno
import os
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from services.bus.errors import Unavailable
from services.ingest.files import Files
from services.ingest.taking import PUBLISH_ARTICLES
from services.ingest.waits import LONGEST_DELAY, Waits
from tests.ingest.desk_kit import HandClock, Kit, named, opened

if TYPE_CHECKING:
    from collections.abc import Callable


class Breakable(Files):
    """A disk that fails where the test says."""

    fail_write: int | None = None
    fail_link: int | None = None
    fail_open: tuple[bytes, int] | None = None

    def write(self, descriptor: int, data: memoryview) -> int:
        if self.fail_write is not None:
            written = super().write(descriptor, data[: len(data) // 2])
            if written:
                raise OSError(self.fail_write, os.strerror(self.fail_write))
        return super().write(descriptor, data)

    def link_out(self, path: bytes, target: bytes) -> None:
        if self.fail_link is not None:
            raise OSError(self.fail_link, os.strerror(self.fail_link))
        super().link_out(path, target)

    def open(self, name: bytes, flags: int, folder: int) -> int:
        if self.fail_open is not None and self.fail_open[0] == name:
            raise OSError(self.fail_open[1], os.strerror(self.fail_open[1]))
        return super().open(name, flags, folder)


def breakable(kit: Kit) -> list[Breakable]:
    made: list[Breakable] = []

    def make(root: bytes) -> Breakable:
        made.append(Breakable(root))
        return made[-1]

    kit.files = make
    return made


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT])
def test_no_space_for_receipts_waits_with_one_line_and_loses_nothing(
    kit: Kit, code: int, logs: list[Any]
) -> None:
    made = breakable(kit)

    async def scenario() -> None:
        async with opened(kit):
            names = [f"{number}.txt" for number in range(3)]
            for name in names:
                kit.drop(name, name)
            await kit.take()
            made[0].fail_write = code
            kit.bus.deliver(kit.desk)
            for _ in range(20):
                await kit.steps()
                kit.hand.advance(10)
            assert kit.files_in(kit.inbox) == names
            assert kit.receipts() == []
            assert kit.files_in(kit.settings.done) == []
            (line,) = named(logs, "archive.waiting")
            assert line["reason"] == os.strerror(code)
            assert line["advice"]
            kit.drop("later.txt", "later")
            await kit.take()
            assert kit.bus.published[-1].drop.file == "later.txt"
            made[0].fail_write = None
            kit.hand.advance(LONGEST_DELAY)
            await kit.finish()
            assert len(kit.receipts()) == 4
            assert kit.files_in(kit.inbox) == []

    asyncio.run(scenario())


def test_no_space_for_a_copy_on_another_disk_leaves_the_original_and_no_half_copy(
    kit: Kit,
) -> None:
    made = breakable(kit)

    async def scenario() -> None:
        async with opened(kit):
            path = kit.drop("a.txt", "news")
            await kit.take()
            made[0].fail_link = errno.EXDEV
            made[0].fail_write = errno.ENOSPC
            kit.bus.deliver(kit.desk)
            await kit.steps()
            assert path.read_text() == "news"
            assert [each for each in kit.settings.done.rglob("*") if each.is_file()] == []
            made[0].fail_write = None
            kit.hand.advance(LONGEST_DELAY)
            await kit.steps()
            assert (kit.settings.done / "a.txt").read_text() == "news"
            assert not path.exists()

    asyncio.run(scenario())


def test_trouble_is_told_again_after_five_minutes(kit: Kit, logs: list[Any]) -> None:
    made = breakable(kit)

    async def scenario() -> None:
        async with opened(kit):
            kit.drop("a.txt")
            await kit.take()
            made[0].fail_write = errno.ENOSPC
            kit.bus.deliver(kit.desk)
            for _ in range(61):
                await kit.steps()
                kit.hand.advance(10)
        assert len(named(logs, "archive.waiting")) == 2

    asyncio.run(scenario())


def test_a_full_disk_under_the_journal_waits_and_goes_on(kit: Kit, logs: list[Any]) -> None:
    """SQLite itself refuses here: the database may not grow."""

    async def scenario() -> None:
        async with opened(kit):
            connection = kit.desk._owned()._connection
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {pages}")
            text = "\n---\n".join(f"Story {number}\n{'long ' * 20}" for number in range(200))
            kit.drop("a.txt", text)
            await kit.take()
            assert kit.bus.all_published == []
            (line,) = named(logs, "inbox.waiting")
            assert "SQLITE_FULL" in line["reason"]
            connection.execute("PRAGMA max_page_count = 1000000")
            kit.hand.advance(LONGEST_DELAY)
            await kit.finish()
            assert kit.receipt().summary == {"indexed": 200}
        assert named(logs, "inbox.resumed")

    asyncio.run(scenario())


def test_outcomes_are_kept_by_the_stage_while_the_journal_takes_no_write(kit: Kit) -> None:
    async def scenario() -> None:
        async with opened(kit):
            kit.drop("a.txt")
            await kit.take()
            connection = kit.desk._owned()._connection
            connection.execute("PRAGMA query_only = ON")
            with pytest.raises(Unavailable):
                kit.bus.deliver(kit.desk)
            connection.execute("PRAGMA query_only = OFF")
            kit.bus.deliver(kit.desk)
            await kit.steps()
            assert kit.receipt().summary == {"indexed": 1}

    asyncio.run(scenario())


def test_a_server_that_is_away_is_waited_for(kit: Kit, logs: list[Any]) -> None:
    async def scenario() -> None:
        async with opened(kit):
            kit.bus.down = True
            kit.drop("a.txt")
            await kit.take()
            for _ in range(10):
                kit.hand.advance(10)
                await kit.steps()
            assert len(named(logs, "inbox.waiting")) == 1
            kit.bus.down = False
            kit.hand.advance(LONGEST_DELAY)
            await kit.finish()
            assert kit.receipt().summary == {"indexed": 1}

    asyncio.run(scenario())


def test_outcomes_are_archived_while_the_server_is_away(kit: Kit) -> None:
    async def scenario() -> None:
        async with opened(kit):
            kit.drop("a.txt")
            await kit.take()
            kit.bus.down = True
            kit.drop("b.txt", "other")
            kit.bus.deliver(kit.desk)
            await kit.steps()
            assert kit.receipt().file == "a.txt"

    asyncio.run(scenario())


def test_back_pressure_holds_files_in_the_inbox_and_is_told_once(kit: Kit, logs: list[Any]) -> None:
    async def scenario() -> None:
        async with opened(kit):
            kit.bus.has_room = False
            kit.drop("a.txt")
            for _ in range(5):
                await kit.take()
            assert kit.bus.all_published == []
            assert len(named(logs, "inbox.no_room")) == 1
            kit.bus.has_room = True
            kit.hand.advance(1)
            await kit.finish()
            assert kit.receipt().summary == {"indexed": 1}

    asyncio.run(scenario())


BACKLOG = 100


def drop_long_files(kit: Kit) -> None:
    """Many at once; each gives a first part as soon as it is looked at."""
    for number in range(25):
        stories = (f"Story {number} {story}\nBy an hour." for story in range(90))
        kit.drop(f"{number}.txt", "\n---\n".join(stories))


async def finish_within_the_backlog(kit: Kit) -> None:
    while kit.bus.deliver(kit.desk) or kit.desk._taker.flights:
        kit.hand.advance(LONGEST_DELAY)
        await kit.steps(limit=500)
    assert [receipt.summary for receipt in kit.receipts()] == [{"indexed": 90}] * 25
    assert BACKLOG <= kit.bus.most < BACKLOG + PUBLISH_ARTICLES


def test_many_long_files_at_once_pass_the_backlog_by_one_call_at_most(kit: Kit) -> None:
    kit.bus.backlog = BACKLOG

    async def scenario() -> None:
        async with opened(kit):
            drop_long_files(kit)
            await kit.take()
            await finish_within_the_backlog(kit)

    asyncio.run(scenario())


def test_what_a_lost_server_had_is_sent_again_within_the_backlog_too(kit: Kit) -> None:
    async def scenario() -> None:
        async with opened(kit):
            drop_long_files(kit)
            await kit.take()
            assert kit.bus.most > 4 * BACKLOG
            kit.bus.lose_everything()
            kit.bus.most, kit.bus.backlog = 0, BACKLOG
            await finish_within_the_backlog(kit)

    asyncio.run(scenario())


def test_what_the_journal_could_not_take_is_sent_before_more_is_read(kit: Kit) -> None:
    kit.bus.backlog = BACKLOG

    async def scenario() -> None:
        async with opened(kit):
            connection = kit.desk._owned()._connection
            connection.execute("PRAGMA query_only = ON")
            drop_long_files(kit)
            await kit.take()
            assert kit.bus.all_published == []
            connection.execute("PRAGMA query_only = OFF")
            kit.hand.advance(LONGEST_DELAY)
            await kit.steps()
            await finish_within_the_backlog(kit)

    asyncio.run(scenario())


@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO])
def test_a_file_that_cannot_be_opened_is_tried_at_growing_intervals_and_told_once(
    kit: Kit, code: int, logs: list[Any]
) -> None:
    made = breakable(kit)
    tries: list[float] = []

    async def scenario() -> None:
        async with opened(kit):
            files = made[0]
            files.fail_open = (b"locked.txt", code)
            original = files.open

            def counting(name: bytes, flags: int, folder: int) -> int:
                if name == b"locked.txt":
                    tries.append(kit.hand.seconds)
                return original(name, flags, folder)

            files.open = counting  # type: ignore[method-assign]
            kit.drop("locked.txt", "locked")
            kit.drop("good.txt")
            await kit.finish()
            assert kit.receipt().file == "good.txt"
            for _ in range(40):
                kit.hand.advance(1)
                await kit.steps()
            gaps = [later - earlier for earlier, later in pairwise(tries)]
            assert gaps == sorted(gaps)
            assert len(tries) < 8
            (line,) = named(logs, "file.waiting")
            assert line["reason"] == os.strerror(code)
            files.fail_open = None
            kit.hand.advance(LONGEST_DELAY)
            await kit.finish()
            assert len(kit.receipts()) == 2

    asyncio.run(scenario())


# --- delays ----------------------------------------------------------------------


def test_delays_double_up_to_a_minute_and_end_with_a_success() -> None:
    hand = HandClock()
    waits = Waits(hand.clock)
    delays = [waits.failed("disk") for _ in range(9)]
    assert delays == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert not waits.ready("disk")
    assert waits.ready("server")
    assert waits.next_ready() == hand.seconds + 60
    hand.advance(60)
    assert waits.ready("disk")
    assert waits.succeeded("disk")
    assert not waits.succeeded("disk")
    assert waits.failed("disk") == 1


def test_what_concerns_files_that_are_gone_is_forgotten() -> None:
    waits = Waits(HandClock().clock)
    keep: Callable[[object], bool] = lambda key: key == "kept"  # noqa: E731
    for key in ("kept", "gone"):
        waits.failed(key)
        waits.tell(key)
    waits.keep(keep)
    assert (waits.ready("kept"), waits.ready("gone")) == (False, True)
    assert (waits.tell("kept"), waits.tell("gone")) == (False, True)


def test_more_drops_that_wait_than_one_batch_holds_do_not_hold_up_the_next(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.ingest.filing.BATCH", 2)
    refused = {f"{number}.txt" for number in range(5)}

    class Refusing(Files):
        def link_out(self, path: bytes, target: bytes) -> None:
            if path.decode() in refused:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            super().link_out(path, target)

    kit.files = Refusing

    async def scenario() -> None:
        async with opened(kit):
            for number in range(6):
                os.utime(kit.drop(f"{number}.txt", f"Story {number}"), ns=(number, number))
            await kit.take()
            kit.bus.deliver(kit.desk)
            for _ in range(6):
                await kit.steps()
            assert [receipt.file for receipt in kit.receipts()] == ["5.txt"]
            refused.clear()
            kit.hand.advance(LONGEST_DELAY)
            await kit.steps()
            assert len(kit.receipts()) == 6

    asyncio.run(scenario())
