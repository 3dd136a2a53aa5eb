"""Doctor's checks of the folders, each on a folder that is broken on purpose."""

from __future__ import annotations

import os
import resource
import sqlite3
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import watchfiles

from services.console.doctor import folders
from services.console.doctor.catalogue import chosen
from services.console.doctor.checks import Surroundings
from services.console.doctor.examining import examine
from services.console.doctor.mounts import UNKNOWN, type_of
from services.console.doctor.space import BYTES_FAIL, BYTES_WARN, INODES_FAIL, INODES_WARN
from services.ingest.files import Files
from services.ingest.journal import Journal
from services.ingest.names import is_ignored
from services.ingest.presence import Presence
from services.settings import Settings
from tests.console.doctor.kit import is_green, is_red, look, said, small_disk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def desk(tmp_path: Path) -> Settings:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    return Settings(inbox=inbox)


def room(free: int = 10**12, inodes: int = 10**6, all_inodes: int = 10**7) -> Callable[[Path], Any]:
    """``statvfs`` of a disk with so many bytes and inodes free."""
    space = SimpleNamespace(f_bavail=free, f_frsize=1, f_files=all_inodes, f_favail=inodes)
    return lambda _folder: space


def table(tmp_path: Path, *mounts: tuple[str, str]) -> Path:
    """A kernel's table with these places and types, and / on ext4."""
    lines = [
        f"{number} 1 0:{number} / {place} rw - {kind} source rw"
        for number, (place, kind) in enumerate([("/", "ext4"), *mounts])
    ]
    path = tmp_path / "mountinfo"
    path.write_text("\n".join(lines))
    return path


def test_every_check_of_a_good_folder_is_green_and_leaves_nothing(desk: Settings) -> None:
    for result in examine(chosen(["folders"]), Surroundings(desk, space=room())):
        assert is_green(result.finding), result.check.name
    assert list(desk.inbox.rglob("*")) == []


# --- there ------------------------------------------------------------------------------------
def test_an_inbox_that_is_not_there_is_told(desk: Settings) -> None:
    desk.inbox.rmdir()
    assert is_red(look("folders.inbox", desk), "failure", "is not there")
    desk.inbox.write_text("")
    assert is_red(look("folders.inbox", desk), "failure", "is no folder")


def test_a_folder_that_is_not_the_journal_s_is_not_mounted(desk: Settings, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    settings = desk.model_copy(update={"state_dir": state})
    journal = Journal(state / "journal.sqlite3")
    try:
        assert is_red(look("folders.inbox", settings), "failure", "isn't the folder")
        Presence(Files(os.fsencode(desk.inbox)), journal.inbox_id).claim()
    finally:
        journal.close()
    assert is_green(look("folders.inbox", settings))


# --- rights -----------------------------------------------------------------------------------
def test_a_place_where_nothing_can_be_written_is_told(desk: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = desk.model_copy(update={"done_dir": tmp_path / "file" / "done"})
    assert is_red(look("folders.rights", settings), "failure", "done", "Not a directory")


def test_a_folder_that_is_mounted_read_only_is_told(desk: Settings, tmp_path: Path) -> None:
    with small_disk(tmp_path / "frozen", "ro") as frozen:
        settings = desk.model_copy(update={"rejected_dir": frozen})
        finding = look("folders.rights", settings)
        assert is_red(finding, "failure", "rejected", "Read-only file system")
        assert "inbox: may write" in said(finding)


def test_a_disk_that_is_really_full_is_told(desk: Settings, tmp_path: Path) -> None:
    with small_disk(tmp_path / "tiny", "size=64k") as tiny:
        settings = desk.model_copy(update={"done_dir": tiny})
        assert is_red(look("folders.space", settings), "failure", "done: 64.0 KiB free")
        assert is_green(look("folders.rights", settings))
        (tiny / "filler").write_bytes(b"x" * 65_536)
        assert is_red(look("folders.rights", settings), "failure", "No space left on device")
        assert list(tiny.iterdir()) == [tiny / "filler"]


def test_folders_that_will_be_made_are_tried_where_they_will_be(
    desk: Settings, tmp_path: Path
) -> None:
    settings = desk.model_copy(update={"done_dir": tmp_path / "far" / "done"})
    finding = look("folders.rights", settings)
    assert is_green(finding)
    assert "it will be made below it" in said(finding)
    assert not (tmp_path / "far").exists()


def test_what_doctor_writes_is_passed_over_by_ingest() -> None:
    assert is_ignored(os.fsencode(folders.TRIAL_PREFIX + "0123"))


# --- disks ------------------------------------------------------------------------------------
def test_a_done_folder_on_another_file_system_is_told(desk: Settings) -> None:
    settings = desk.model_copy(update={"done_dir": Path("/proc/done")})
    finding = look("folders.one_disk", settings)
    assert is_red(finding, "warning", "done /proc is on another file system")


@pytest.mark.parametrize(
    ("space", "state"),
    [
        (room(free=BYTES_WARN + 1), "ok"),
        (room(free=BYTES_WARN), "warning"),
        (room(free=BYTES_FAIL), "failure"),
        (room(inodes=INODES_WARN), "warning"),
        (room(inodes=INODES_FAIL), "failure"),
        (room(inodes=0, all_inodes=0), "ok"),
    ],
)
def test_bytes_and_inodes_are_told_from_when_they_run_short(
    desk: Settings, space: Callable[[Path], Any], state: str
) -> None:
    finding = look("folders.space", desk, space=space)
    assert finding.state == state
    assert bool(finding.advice) == (state != "ok")


def test_a_disk_that_cannot_be_asked_is_unknown(desk: Settings) -> None:
    def stale(folder: Path) -> os.statvfs_result:
        raise OSError(116, "Stale file handle", str(folder))

    assert is_red(look("folders.space", desk, space=stale), "unknown", "Stale file handle")


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "9p", "fuse.sshfs"])
def test_a_state_folder_on_a_share_is_refused(desk: Settings, tmp_path: Path, kind: str) -> None:
    mounts = table(tmp_path, (str(desk.inbox), kind))
    finding = look("folders.local_state", desk, mounts=mounts)
    assert is_red(finding, "failure", f"network share ({kind})")
    assert any("WIREDESK_STATE_DIR" in advice for advice in finding.advice)
    local = desk.model_copy(update={"state_dir": tmp_path / "state"})
    assert is_green(look("folders.local_state", local, mounts=mounts))


def test_a_place_where_sqlite_cannot_work_is_told(desk: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = desk.model_copy(update={"state_dir": tmp_path / "file" / "state"})
    assert is_red(look("folders.local_state", settings), "failure", "SQLite can't work there")


def test_a_file_system_without_a_write_ahead_log_is_told(
    desk: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sqlite3.connect

    def in_memory(_path: Path) -> sqlite3.Connection:
        return real(":memory:")  # SQLite has no WAL there, as where memory can't be shared

    monkeypatch.setattr(sqlite3, "connect", in_memory)
    assert is_red(look("folders.local_state", desk), "failure", "journal mode memory")


def test_of_two_mounts_the_nearer_and_the_later_one_counts(tmp_path: Path) -> None:
    below = tmp_path / "a b" / "c"
    below.mkdir(parents=True)
    written = str(tmp_path / "a b").replace(" ", r"\040")
    mounts = table(tmp_path, (written, "xfs"), (written, "nfs"), (str(tmp_path / "a"), "cifs"))
    assert type_of(below, mounts) == "nfs"
    assert type_of(tmp_path, mounts) == "ext4"
    assert type_of(tmp_path, tmp_path / "none") == UNKNOWN


# --- notices ----------------------------------------------------------------------------------
def test_the_kernel_tells_of_a_file_in_the_inbox_at_once(desk: Settings) -> None:
    finding = look("folders.notices", desk)
    assert is_green(finding)
    assert "was noticed after" in said(finding)


@contextmanager
def few_files() -> Iterator[None]:
    """No further file can be opened: neither can the kernel's notices."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_where_notices_cannot_be_had_the_scan_is_named(desk: Settings) -> None:
    with few_files():
        finding = folders._notices(Surroundings(desk))
    assert is_red(finding, "warning", "can be had", "it is scanned every 1 s all the same")


def test_an_inbox_that_is_away_gives_no_notices(desk: Settings) -> None:
    desk.inbox.rmdir()
    assert is_red(look("folders.notices", desk), "warning", "can be had")


def test_a_file_that_nobody_tells_of_is_waited_for_in_vain(
    desk: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a share: the watch begins, and no event ever comes."""

    def silent(*_paths: Path, **_options: object) -> Iterator[set[object]]:
        while True:
            yield set()

    monkeypatch.setattr(watchfiles, "watch", silent)
    monkeypatch.setattr(folders, "NOTICE_WITHIN", 0.05)
    assert is_red(look("folders.notices", desk), "warning", "was not noticed within 0.05 s")
    assert list(desk.inbox.iterdir()) == []
