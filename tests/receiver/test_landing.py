"""Uploads land whole or not at all, whatever the disk does and whoever else is at work."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

import pytest

from services.ingest.files import Files
from services.ingest.inbox import Inbox
from services.ingest.receiver.book import Upload
from services.ingest.receiver.landing import RESERVE, Landing
from services.ingest.receiver.naming import new_id
from services.ingest.receiver.refused import Refused
from services.ingest.receiver.uploads import Wanted
from tests.receiver.kit import STORY, Hall, mark, take

if TYPE_CHECKING:
    from collections.abc import Callable


class BrokenFiles(Files):
    """A disk that fails with ``number`` at its ``at``-th write or sync."""

    def __init__(self, root: bytes) -> None:
        super().__init__(root)
        self.number: int | None = None
        self.at = 1

    def _fail(self) -> None:
        if self.number is not None:
            self.at -= 1
            if self.at == 0:
                raise OSError(self.number, os.strerror(self.number))

    def write(self, descriptor: int, data: memoryview) -> int:
        self._fail()
        return super().write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        self._fail()
        super().sync(descriptor)


def broken(hall: Hall) -> BrokenFiles:
    files = hall.landing.files
    assert isinstance(files, BrokenFiles)
    return files


def upload_of(upload_id: str) -> Upload:
    return Upload(upload_id, f"story~{upload_id}.xml", "", len(STORY), "0" * 64, 0)


# --- the way in ---------------------------------------------------------------------------
def test_ingest_never_sees_a_file_that_isnt_whole(hall: Hall) -> None:
    inbox = Inbox(hall.landing.files.root, frozenset(), 0.0)
    part = hall.landing.open(new_id())
    hall.landing.write(part, STORY)
    assert inbox.scan(0.0) == []
    hall.landing.sync(part)
    part.noted = True
    upload = upload_of(part.id)
    hall.landing.land(upload)
    hall.landing.close(part)
    assert [each.path.decode() for each in inbox.scan(1.0)] == [upload.file]
    assert hall.hidden() == []


def test_landing_again_changes_nothing(hall: Hall) -> None:
    part = hall.landing.open(new_id())
    part.noted = True
    hall.landing.land(upload_of(part.id))
    (hall.inbox / upload_of(part.id).file).unlink()
    hall.landing.land(upload_of(part.id))
    hall.landing.close(part)
    assert hall.files() == {}


def test_an_upload_that_was_given_up_leaves_nothing(hall: Hall) -> None:
    part = hall.landing.open(new_id())
    hall.landing.write(part, STORY)
    hall.landing.close(part)
    assert hall.hidden() == []
    assert hall.files() == {}


def test_a_link_with_the_hidden_name_is_not_followed(hall: Hall) -> None:
    upload_id = new_id()
    outside = hall.inbox.parent / "outside"
    (hall.inbox / f".wiredesk-drop-{upload_id}.part").symlink_to(outside)
    with pytest.raises(OSError, match="exists"):
        hall.landing.open(upload_id)
    assert not outside.exists()


# --- the folder ----------------------------------------------------------------------------
def test_a_folder_that_no_ingest_has_marked_is_not_the_inbox(hall_of: Callable[..., Hall]) -> None:
    hall = hall_of(marked=False)
    assert not hall.landing.there()
    with pytest.raises(Refused) as raised:
        hall.landing.check(1)
    assert raised.value.refusal.status == 503
    mark(hall.inbox)
    assert hall.landing.there()


def test_a_folder_in_the_inboxs_place_is_not_the_inbox(hall: Hall) -> None:
    assert hall.landing.there()
    hall.inbox.rename(hall.inbox.with_name("unmounted"))
    assert not hall.landing.there()
    hall.inbox.mkdir()
    assert not hall.landing.there()
    with pytest.raises(OSError, match="another folder"):
        hall.landing.open(new_id())
    hall.inbox.rmdir()
    hall.inbox.with_name("unmounted").rename(hall.inbox)
    assert hall.landing.there()


def test_some_of_the_disk_is_left_to_others(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.statvfs(hall.inbox)

    class Disk:
        f_bavail = 1
        f_frsize = RESERVE + 100

    def statvfs(_path: object) -> Any:
        return Disk

    monkeypatch.setattr(os, "statvfs", statvfs)
    hall.landing.check(100)
    with pytest.raises(Refused) as raised:
        hall.landing.check(101)
    assert raised.value.refusal.status == 507
    assert real.f_frsize


# --- a disk that fails ------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("number", "status"),
    [
        (errno.ENOSPC, 507),
        (errno.EDQUOT, 507),
        (errno.EFBIG, 413),
        (errno.EIO, 503),
        (errno.EROFS, 503),
    ],
)
@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_disk_that_fails_while_a_file_is_written_leaves_nothing_and_says_so(
    hall_of: Callable[..., Hall], logs: list[Any], number: int, status: int, at: int
) -> None:
    hall = hall_of(files=BrokenFiles)
    broken(hall).number, broken(hall).at = number, at
    with pytest.raises(Refused) as raised:
        take(hall.uploads, Wanted("", "story.html"), STORY)
    assert raised.value.refusal.status == status
    assert hall.files() == {}
    assert hall.hidden() == []
    assert [line["reason"] for line in logs if line["event"] == "drop.failed"] == [
        os.strerror(number)
    ]
    broken(hall).number = None
    assert take(hall.uploads, Wanted("", "story.html"), STORY).upload.size == len(STORY)


def test_a_file_that_was_noted_lands_with_the_next_sweep_where_its_rename_failed(
    hall_of: Callable[..., Hall], monkeypatch: pytest.MonkeyPatch
) -> None:
    hall = hall_of()

    def fails(*_args: object, **_more: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", fails)
        with pytest.raises(Refused) as raised:
            take(hall.uploads, Wanted("", "story.html", key="k"), STORY)
    assert raised.value.refusal.status == 503
    assert len(hall.hidden()) == 1
    hall.landing.sweep(hall.book)
    assert list(hall.files().values()) == [STORY]
    again = take(hall.uploads, Wanted("", "story.html", key="k"), STORY)
    assert again.repeated
    assert list(hall.files()) == [again.upload.file]


def test_who_comes_again_with_its_key_lands_what_could_not_be_renamed(
    hall_of: Callable[..., Hall], monkeypatch: pytest.MonkeyPatch
) -> None:
    hall = hall_of()

    def fails(*_args: object, **_more: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", fails)
        with pytest.raises(Refused):
            take(hall.uploads, Wanted("", "story.html", key="k"), STORY)
    again = take(hall.uploads, Wanted("", "story.html", key="k"), STORY)
    assert again.repeated
    assert hall.files() == {again.upload.file: STORY}
    assert hall.hidden() == []


# --- sweeping -----------------------------------------------------------------------------------
def leave(hall: Hall, *, noted: bool) -> str:
    """What a crash leaves: a hidden file, in the book or not."""
    upload_id = new_id()
    (hall.inbox / f".wiredesk-drop-{upload_id}.part").write_bytes(STORY)
    if noted:
        hall.book.add(upload_of(upload_id))
    return upload_id


def test_a_sweep_lands_what_is_noted_and_removes_the_rest(hall: Hall, logs: list[Any]) -> None:
    whole, torn = leave(hall, noted=True), leave(hall, noted=False)
    (hall.inbox / ".wiredesk-0123.part").write_bytes(b"of `wiredesk add`")
    (hall.inbox / "story.part").write_bytes(b"somebody's")
    hall.landing.sweep(hall.book)
    assert hall.hidden() == []
    assert hall.files() == {upload_of(whole).file: STORY, "story.part": b"somebody's"}
    assert (hall.inbox / ".wiredesk-0123.part").exists()
    told = {line["event"]: line["upload"] for line in logs}
    assert told == {"drop.landed_late": whole, "drop.swept": torn}


def test_a_sweep_leaves_alone_what_is_on_its_way_here_and_in_another_receiver(hall: Hall) -> None:
    mine = hall.landing.open(new_id())
    hall.landing.sweep(hall.book)
    assert len(hall.hidden()) == 1
    another = Landing(Files(hall.landing.files.root))
    assert another.there()
    another.sweep(hall.book)
    assert len(hall.hidden()) == 1, "it is locked"
    hall.landing.close(mine)
    assert hall.hidden() == []


def test_a_sweep_passes_over_a_link(hall: Hall) -> None:
    target = hall.inbox / "target.txt"
    target.write_bytes(b"somebody's")
    (hall.inbox / f".wiredesk-drop-{new_id()}.part").symlink_to(target)
    hall.landing.sweep(hall.book)
    assert target.read_bytes() == b"somebody's"
    assert len(hall.hidden()) == 1


def test_a_file_that_is_removed_while_it_is_written_is_not_said_to_be_safe(hall: Hall) -> None:
    part = hall.landing.open(new_id())
    (hall.inbox / hall.hidden()[0]).unlink()
    with pytest.raises(OSError, match="removed"):
        hall.landing.sync(part)
    hall.landing.close(part)
