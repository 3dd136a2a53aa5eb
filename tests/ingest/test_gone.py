"""Originals that are deleted, replaced or changed, at any moment between drop and archive."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest

from services.ingest.files import Files, Identity
from tests.ingest.desk_kit import Kit, named, opened, outcome_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def during_read(kit: Kit, act: Callable[[], object]) -> None:
    """Do ``act`` once, in the middle of the first reading."""
    working = kit.read
    pending = [act]

    def read(source: Any, limits: Any, resume: Any) -> Iterator[Any]:
        for record in working(source, limits, resume):
            while pending:
                pending.pop()()
            yield record

    kit.read = read


def rewrite(path: Path) -> None:
    other = path.with_name(".other")
    other.write_text("New words\nof another length altogether")
    other.rename(path)


def append(path: Path) -> None:
    with path.open("a") as file:
        file.write(" and more")


@pytest.mark.parametrize("change", [rewrite, append])
def test_a_file_that_changes_while_it_is_read_is_not_published_and_settles_anew(
    kit: Kit, change: Callable[[Path], None], logs: list[Any]
) -> None:
    async def scenario() -> None:
        async with opened(kit):
            path = kit.drop("a.txt", "Old words\nbody")
            during_read(kit, lambda: change(path))
            await kit.reopen()
            await kit.take()
            assert kit.bus.all_published == []
            kit.hand.advance(1.9)
            await kit.steps()
            assert kit.bus.all_published == []
            kit.hand.advance(0.1)
            await kit.finish()
            assert len(kit.bus.all_published) == 1
            assert kit.receipt().summary == {"indexed": 1}
            assert kit.receipt().size == (kit.settings.done / "a.txt").stat().st_size
        (line,) = named(logs, "file.changed")
        assert line["file"] == "a.txt"
        assert "changed while it was read" in line["reason"]

    asyncio.run(scenario())


def test_a_file_that_is_deleted_while_it_is_read_leaves_a_line_and_no_article(
    kit: Kit, logs: list[Any]
) -> None:
    async def scenario() -> None:
        async with opened(kit):
            path = kit.drop("a.txt")
            during_read(kit, path.unlink)
            await kit.reopen()
            await kit.take()
            await kit.finish()
            assert kit.bus.all_published == []
            assert kit.receipts() == []
        (line,) = named(logs, "file.changed")
        assert "removed while it was read" in line["reason"]

    asyncio.run(scenario())


def test_a_file_deleted_in_flight_gets_a_receipt_that_says_so(kit: Kit, logs: list[Any]) -> None:
    async def scenario() -> None:
        async with opened(kit):
            path = kit.drop("sub/a.txt")
            await kit.take()
            path.unlink()
            kit.bus.deliver(kit.desk)
            await kit.steps()
        receipt = kit.receipt()
        assert receipt.summary == {"indexed": 1}
        assert receipt.archived_as is None
        assert receipt.note == "the original was removed before it could be archived"
        assert (kit.settings.done / "sub/a.txt.receipt.json").exists()
        assert kit.files_in(kit.settings.done) == []
        assert len(named(logs, "file.gone")) == 1

    asyncio.run(scenario())


@pytest.mark.parametrize("change", [rewrite, append])
def test_a_file_replaced_in_flight_is_a_new_drop_and_the_old_ones_receipt_says_so(
    kit: Kit, change: Callable[[Path], None]
) -> None:
    async def scenario() -> None:
        async with opened(kit):
            path = kit.drop("a.txt", "Old words\nbody")
            await kit.take()
            change(path)
            await kit.finish()
            await kit.finish()
        receipts = kit.receipts()
        assert len({receipt.drop_id for receipt in receipts}) == 2
        (old,) = [receipt for receipt in receipts if receipt.archived_as is None]
        (new,) = [receipt for receipt in receipts if receipt.archived_as is not None]
        assert "replaced before it could be archived" in (old.note or "")
        assert old.received_at < new.received_at
        archived = kit.inbox / (new.archived_as or "")
        assert archived.stat().st_size == new.size
        assert kit.files_in(kit.inbox) == []

    asyncio.run(scenario())


def test_both_drops_of_one_path_may_be_in_flight_together(kit: Kit) -> None:
    async def scenario() -> None:
        async with opened(kit):
            path = kit.drop("a.txt", "Old words\nbody")
            await kit.take()
            rewrite(path)
            await kit.take()
            old, new = kit.bus.published
            kit.desk.settle([outcome_for(new)])
            await kit.steps()
            assert kit.receipt().archived_as == "done/a.txt"
            kit.desk.settle([outcome_for(old)])
            await kit.steps()
            notes = sorted(str(receipt.note) for receipt in kit.receipts())
            assert notes[0] == "None"
            assert "replaced" in notes[1]

    asyncio.run(scenario())


def test_a_change_that_keeps_size_and_time_is_seen_by_its_digest(kit: Kit) -> None:
    """The archived file's bytes are those that were published, or it isn't archived."""

    async def scenario() -> None:
        async with opened(kit):
            path = kit.drop("a.txt", "Old words")
            await kit.take()
            stat = path.stat()
            path.write_text("New words")
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
            kit.bus.deliver(kit.desk)
            await kit.steps()
            assert kit.receipt().archived_as is None
            assert path.read_text() == "New words"
            await kit.finish()
            (archived,) = kit.files_in(kit.settings.done)
            assert (kit.settings.done / archived).read_text() == "New words"

    asyncio.run(scenario())


def test_when_the_server_and_the_original_are_both_lost_the_article_is_rejected_not_forgotten(
    kit: Kit,
) -> None:
    async def scenario() -> None:
        async with opened(kit):
            path = kit.drop("a.txt")
            await kit.take()
            path.unlink()
            kit.bus.lose_everything()
            kit.hand.advance(30)
            await kit.finish()
            (article,) = kit.receipt().articles
            assert article.outcome == "rejected"
            assert "removed before it could be archived" in (article.reason or "")
            assert article.advice is not None
            assert article.headline == "Ferry delayed"

    asyncio.run(scenario())


def test_an_article_on_its_way_is_not_rejected_because_its_original_is_gone(kit: Kit) -> None:
    """The report adds nothing where the publish came first."""

    async def scenario() -> None:
        async with opened(kit):
            path = kit.drop("a.txt")
            await kit.take()
            path.unlink()
            kit.hand.advance(30)
            await kit.steps()
            assert kit.bus.reported == []
            kit.bus.deliver(kit.desk)
            await kit.steps()
            assert kit.receipt().summary == {"indexed": 1}

    asyncio.run(scenario())


def test_a_file_that_comes_to_the_name_at_the_moment_of_archiving_is_not_deleted(
    kit: Kit,
) -> None:
    """Between the last look at the original and its removal there is always a moment."""

    class Racing(Files):
        def remove(self, path: bytes, drop_name: bytes, identity: Identity) -> bool:
            target = kit.inbox / path.decode()
            if not raced:
                raced.append(path)
                rewrite(target)
            return super().remove(path, drop_name, identity)

    raced: list[bytes] = []
    kit.files = Racing

    async def scenario() -> None:
        async with opened(kit):
            kit.drop("a.txt", "Old words\nbody")
            await kit.finish()
            await kit.finish()
        assert raced
        headlines = sorted(
            article.headline or "" for receipt in kit.receipts() for article in receipt.articles
        )
        assert headlines == ["New words", "Old words"]
        texts = {(kit.settings.done / name).read_text() for name in kit.files_in(kit.settings.done)}
        assert "New words\nof another length altogether" in texts
        assert kit.files_in(kit.inbox) == []

    asyncio.run(scenario())


def test_an_original_that_is_written_to_while_it_is_archived_stays_in_the_inbox(kit: Kit) -> None:
    """On one file system the archived name is the same file: it changed too, and goes."""

    class Racing(Files):
        def remove(self, path: bytes, drop_name: bytes, identity: Identity) -> bool:
            if not raced:
                raced.append(path)
                append(kit.inbox / path.decode())
            return super().remove(path, drop_name, identity)

    raced: list[bytes] = []
    kit.files = Racing

    async def scenario() -> None:
        async with opened(kit):
            path = kit.drop("a.txt", "Old words\nbody")
            await kit.take()
            kit.bus.deliver(kit.desk)
            await kit.steps()
            assert path.read_text() == "Old words\nbody and more"
            assert kit.receipt().archived_as is None
            assert kit.files_in(kit.settings.done) == []
            await kit.finish()
            (archived,) = kit.files_in(kit.settings.done)
            assert (kit.settings.done / archived).read_text() == "Old words\nbody and more"

    asyncio.run(scenario())
