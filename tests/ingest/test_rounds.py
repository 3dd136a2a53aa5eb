"""Files that are archived together share what must be on disk; each keeps its own order."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from services.ingest.archive import Archive
from services.ingest.drops import DropRow, Place, from_ms
from services.ingest.files import Files, Identity
from services.ingest.rounds import in_step

if TYPE_CHECKING:
    from collections.abc import Generator


def work(
    number: int, *folders: bytes, steps: list[object]
) -> Generator[bytes, None, tuple[int, list[int | None]]]:
    failed = []
    for folder in folders:
        steps.append(number)
        try:
            yield folder
        except OSError as error:
            failed.append(error.errno)
    return number, failed


def test_a_folder_is_synced_once_a_step_and_before_anybody_goes_on() -> None:
    steps: list[object] = []
    works = [work(1, b"a", b"b", steps=steps), work(2, b"a", steps=steps), work(3, steps=steps)]
    assert in_step(works, steps.append) == [(1, []), (2, []), (3, [])]
    assert steps == [1, 2, b"a", 1, b"b"]


def test_where_a_folder_cannot_be_synced_only_those_that_wait_for_it_are_told() -> None:
    def sync(folder: bytes) -> None:
        if folder == b"bad":
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    works = [work(1, b"good", b"good", steps=[]), work(2, b"bad", b"good", steps=[])]
    assert in_step(works, sync) == [(1, []), (2, [errno.EIO])]


def test_what_one_raises_ends_all() -> None:
    def broken() -> Generator[bytes, None, None]:
        yield b"a"
        raise RuntimeError

    steps: list[object] = []
    with pytest.raises(RuntimeError):
        in_step([broken(), work(1, b"a", b"b", steps=steps)], steps.append)
    assert steps == [1, b"a"]


def drop(inbox: Path, number: int) -> tuple[DropRow, Place]:
    path = inbox / f"{number}.txt"
    path.write_text("news")
    row = DropRow(
        drop_id=UUID(int=number),
        path=os.fsencode(path.name),
        file=path.name,
        identity=Identity.of(path.stat()),
        sha256=hashlib.sha256(b"news").hexdigest(),
        received_at=from_ms(0),
    )
    return row, Place("done", os.fsencode(inbox.parent / "done"), row.path)


def test_no_original_goes_before_all_have_their_places_on_disk(tmp_path: Path) -> None:
    """And no receipt is to be seen before the originals are gone for good."""
    inbox, done = tmp_path / "inbox", tmp_path / "done"
    inbox.mkdir()
    files = Files(os.fsencode(inbox))
    archive = Archive(files, os.fsencode(done), os.fsencode(tmp_path / "no"))
    drops = [drop(inbox, number) for number in (1, 2, 3)]
    seen: list[tuple[object, ...]] = []

    def sync(folder: bytes) -> None:
        standing = (done.glob("*.txt"), inbox.iterdir(), done.glob("*.receipt.json"))
        seen.append((Path(os.fsdecode(folder)).name, *(len(list(each)) for each in standing)))
        files.sync_folder(folder)

    in_step([archive.store(row, place, [b"{}"], begun=False) for row, place in drops], sync)
    assert seen == [("done", 3, 3, 0), ("inbox", 3, 0, 0), ("done", 3, 0, 3)]


def test_a_folder_that_went_with_its_last_file_is_no_trouble(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    files = Files(os.fsencode(inbox))
    archive = Archive(files, os.fsencode(tmp_path / "done"), os.fsencode(tmp_path / "no"))
    row, place = drop(inbox, 1)

    def sync(folder: bytes) -> None:
        if folder.startswith(files.root):
            inbox.rmdir()
        files.sync_folder(folder)

    in_step([archive.store(row, place, [b"{}"], begun=False)], sync)
    assert (tmp_path / "done" / "1.txt.receipt.json").exists()
