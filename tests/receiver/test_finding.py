"""What became of an upload is found on disk, wherever the file is on its way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from services.ingest.journal import Journal
from services.ingest.receiver.uploads import Wanted
from tests.ingest.desk_kit import Kit, make_settings
from tests.receiver.kit import Hall, take

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from services.ingest.receiver.book import Upload
    from services.ingest.receiver.finding import Standing

TWO = b"Ferry delayed\nBy an hour.\n---\nHarbour closed\nSince noon."


class Desk:
    """An ingest desk on the receiver's inbox, worked by hand."""

    def __init__(self, hall: Hall) -> None:
        self.kit = Kit(make_settings(hall.inbox, **_folders(hall)))

    def run(self, *steps: str) -> None:
        asyncio.run(self._run(steps))

    async def _run(self, steps: tuple[str, ...]) -> None:
        await self.kit.open()
        try:
            for step in steps:
                await getattr(self, step)()
        finally:
            self.kit.desk.close()

    async def take(self) -> None:
        await self.kit.take()

    async def one_outcome(self) -> None:
        outcome, *self.kit.bus.waiting = self.kit.bus.waiting
        self.kit.desk.settle([outcome])

    async def finish(self) -> None:
        await self.kit.finish()


def _folders(hall: Hall) -> dict[str, Any]:
    return {
        name: getattr(hall.settings, name) for name in ("done_dir", "rejected_dir", "state_dir")
    }


def sent(hall: Hall, data: bytes = TWO) -> Upload:
    return take(hall.uploads, Wanted("wire", "two.txt"), data).upload


def found(hall: Hall, upload: Upload, sender: str = "wire") -> Standing:
    standing = hall.finder.find(upload.id, sender)
    assert standing is not None
    assert standing.upload.file == upload.file
    return standing


def test_it_is_followed_from_the_inbox_to_its_receipt(hall: Hall) -> None:
    upload = sent(hall)
    assert found(hall, upload).state == "received"
    desk = Desk(hall)
    desk.run("take")
    standing = found(hall, upload)
    assert standing.state == "in_work"
    assert standing.progress is not None
    assert (standing.progress.records, standing.progress.settled) == (2, 0)
    desk.run("one_outcome")
    progress = found(hall, upload).progress
    assert progress is not None
    assert (progress.records, progress.settled) == (2, 1)
    desk.run("finish")
    settled = found(hall, upload)
    assert settled.state == "settled"
    assert settled.receipt == hall.settings.done / f"{upload.file}.receipt.json"


def test_what_was_refused_has_its_receipt_too(hall: Hall) -> None:
    upload = sent(hall, b"unreadable")
    Desk(hall).run("finish")
    assert found(hall, upload).receipt == hall.settings.rejected / f"{upload.file}.receipt.json"


def test_the_folders_may_lie_elsewhere(hall_of: Callable[..., Hall], tmp_path: Path) -> None:
    hall = hall_of(
        done_dir=tmp_path / "d", rejected_dir=tmp_path / "r", state_dir=tmp_path / "state"
    )
    upload = sent(hall)
    Desk(hall).run("finish")
    assert found(hall, upload).receipt == tmp_path / "d" / f"{upload.file}.receipt.json"


def test_an_upload_is_its_senders_own(hall: Hall) -> None:
    upload = sent(hall)
    assert hall.finder.find(upload.id, "photo") is None
    assert hall.finder.find("a" * 20, "wire") is None


@pytest.mark.parametrize("settled", [False, True])
def test_without_the_book_it_is_found_by_its_name(
    hall_of: Callable[..., Hall], *, settled: bool
) -> None:
    hall = hall_of()
    upload = sent(hall)
    hall.close()
    (hall.settings.state / "uploads.sqlite3").unlink()
    if settled:
        Desk(hall).run("finish")
    lost = hall_of(marked=False)
    standing = found(lost, upload)
    assert standing.upload.sender is None
    assert standing.state == ("settled" if settled else "received")
    told = lost.ask("GET", f"/v1/drop/{upload.id}")
    assert told.status == (200 if settled else 202)
    assert b"sha256" in told.body or not settled


def test_what_isnt_of_an_upload_is_in_no_book(hall_of: Callable[..., Hall]) -> None:
    first = hall_of()
    first.close()
    (first.settings.state / "uploads.sqlite3").unlink()
    (first.inbox / "story.xml").touch()
    (first.inbox / f".wiredesk-drop-{'a' * 20}.part").touch()
    (first.inbox / f"link~{'b' * 20}.xml").symlink_to("story.xml")
    (first.inbox / f"folder~{'c' * 20}").mkdir()
    hall = hall_of()
    assert all(hall.book.find(letter * 20) is None for letter in "abc")


def test_a_file_that_was_taken_away_untaken_is_gone(hall: Hall) -> None:
    upload = sent(hall)
    Journal(hall.settings.state / "journal.sqlite3").close()
    (hall.inbox / upload.file).unlink()
    assert found(hall, upload).state == "gone"


def test_a_file_that_was_taken_away_in_work_still_gets_its_receipt(hall: Hall) -> None:
    upload = sent(hall)
    desk = Desk(hall)
    desk.run("take")
    (hall.inbox / upload.file).unlink()
    assert found(hall, upload).state == "in_work"
    desk.run("finish")
    assert found(hall, upload).state == "settled"


def test_a_receipt_that_was_taken_away_is_gone(hall: Hall) -> None:
    upload = sent(hall)
    Desk(hall).run("finish")
    for path in hall.settings.done.iterdir():
        path.unlink()
    assert found(hall, upload).state == "gone"


def test_between_the_archive_and_the_receipt_it_is_in_work(hall: Hall) -> None:
    """The file is moved first; its receipt is shown last."""
    upload = sent(hall)
    hall.settle(upload.file)
    (hall.settings.done / f"{upload.file}.receipt.json").unlink()
    assert found(hall, upload).state == "in_work"


def test_where_the_journal_cant_be_asked_nothing_is_said_to_be_gone(hall: Hall) -> None:
    upload = sent(hall)
    (hall.inbox / upload.file).unlink()
    assert found(hall, upload).state == "received"


def test_a_link_in_a_receipts_place_is_none(hall: Hall) -> None:
    upload = sent(hall)
    hall.settings.done.mkdir()
    secret = hall.inbox / ".wiredesk" / "secret"
    secret.write_text("{}", encoding="utf-8")
    (hall.settings.done / f"{upload.file}.receipt.json").symlink_to(secret)
    assert found(hall, upload).state == "received"
