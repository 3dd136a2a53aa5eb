"""Putting a file into the inbox: whole or not at all, and never over another."""

from __future__ import annotations

import errno
import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from services.console.dropping import NotDropped, drop
from services.ingest.files import Files
from services.ingest.inbox import Inbox
from services.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "inbox").mkdir()
    return Settings(inbox=tmp_path / "inbox")


@pytest.fixture
def story(tmp_path: Path) -> Path:
    path = tmp_path / "story.txt"
    path.write_text("The lamp turns.")
    os.utime(path, ns=(1, 1_700_000_000_000_000_000))
    return path


def names(settings: Settings) -> list[str]:
    return sorted(os.listdir(settings.inbox))  # noqa: PTH208  (hidden ones too, as strings)


def test_a_file_is_copied_with_its_time_and_known_by_its_digest(
    story: Path, settings: Settings
) -> None:
    dropped = drop(story, settings)
    copy = settings.inbox / "story.txt"
    assert names(settings) == ["story.txt"]
    assert copy.read_bytes() == story.read_bytes()
    assert copy.stat().st_mtime_ns == story.stat().st_mtime_ns
    assert (dropped.file, dropped.size) == ("story.txt", 15)
    assert dropped.sha256 == hashlib.sha256(b"The lamp turns.").hexdigest()


def test_a_name_that_is_taken_gets_a_number_and_nothing_is_overwritten(
    story: Path, settings: Settings
) -> None:
    (settings.inbox / "story.txt").write_text("mine")
    (settings.inbox / "story~2.txt").symlink_to("nowhere")
    assert drop(story, settings).file == "story~3.txt"
    assert (settings.inbox / "story.txt").read_text() == "mine"
    assert names(settings) == ["story.txt", "story~2.txt", "story~3.txt"]


def test_until_it_is_whole_no_scan_sees_it(
    story: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[bytes]] = []
    real = Files.sync

    def sync(files: Files, descriptor: int) -> None:
        inbox = Inbox(files.root, frozenset(), settle_time=0)
        seen.append([found.path for found in inbox.scan(0)])
        real(files, descriptor)

    monkeypatch.setattr(Files, "sync", sync)
    drop(story, settings)
    assert seen == [[], [b"story.txt"]]  # before the file is synced, and before its folder is


def test_moving_removes_the_original_once_its_copy_is_there(
    story: Path, settings: Settings
) -> None:
    dropped = drop(story, settings, move=True)
    assert not story.exists()
    assert dropped.left is None
    assert names(settings) == ["story.txt"]


def test_an_original_that_changed_meanwhile_is_not_removed(
    story: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Files.settle_name

    def settle_name(files: Files, temporary: bytes, target: bytes) -> None:
        real(files, temporary, target)
        story.write_text("The lamp turns, and more.")

    monkeypatch.setattr(Files, "settle_name", settle_name)
    dropped = drop(story, settings, move=True)
    assert dropped.left == "it changed after it was copied"
    assert story.read_text() == "The lamp turns, and more."


def test_an_original_that_cannot_be_removed_is_said(
    story: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unlink(_path: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(type(story), "unlink", unlink)
    assert drop(story, settings, move=True).left == "Permission denied"


def test_a_file_that_is_still_written_is_refused(
    story: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Files.copy

    def copy(files: Files, source: int, target: bytes) -> str:
        digest = real(files, source, target)
        with story.open("a") as more:
            more.write("And")
        return digest

    monkeypatch.setattr(Files, "copy", copy)
    with pytest.raises(NotDropped, match="changed while it was copied"):
        drop(story, settings)
    assert names(settings) == []


def test_a_full_disk_leaves_nothing_behind(
    story: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(_files: Files, _descriptor: int, _data: memoryview) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Files, "write", write)
    with pytest.raises(NotDropped, match="No space left"):
        drop(story, settings, move=True)
    assert names(settings) == []
    assert story.exists()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (".hidden.txt", "hidden and temporary"),
        ("story.txt.part", "hidden and temporary"),
        ("~$story.docx", "hidden and temporary"),
        ("folder", "a folder"),
        ("link.txt", "links are never read"),
        ("fifo.txt", "no regular file"),
        ("missing.txt", "not found"),
        ("story.txt/below.txt", "not found"),
    ],
)
def test_what_ingest_would_not_take_is_refused_with_the_reason(
    tmp_path: Path, story: Path, settings: Settings, name: str, why: str
) -> None:
    (tmp_path / ".hidden.txt").write_text("x")
    (tmp_path / "story.txt.part").write_text("x")
    (tmp_path / "~$story.docx").write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.txt").symlink_to(story)
    os.mkfifo(tmp_path / "fifo.txt")
    with pytest.raises(NotDropped, match=why):
        drop(tmp_path / name, settings, move=True)
    assert names(settings) == []


def test_a_file_of_the_inbox_is_there_already(story: Path, settings: Settings) -> None:
    drop(story, settings)
    with pytest.raises(NotDropped, match="in the inbox already"):
        drop(settings.inbox / "story.txt", settings, move=True)
    assert names(settings) == ["story.txt"]


def test_a_settled_file_can_be_dropped_again(settings: Settings) -> None:
    settings.done.mkdir()
    (settings.done / "story.txt").write_text("The lamp turns.")
    assert drop(settings.done / "story.txt", settings).file == "story.txt"


def test_a_name_that_is_no_text_is_kept_and_shown_escaped(
    tmp_path: Path, settings: Settings
) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9\n.txt")
    path.write_text("x")
    dropped = drop(path, settings)
    assert dropped.name == b"caf\xe9\n.txt"
    assert dropped.file == "caf\\xe9\\n.txt"
    assert os.listdir(os.fsencode(settings.inbox)) == [dropped.name]  # noqa: PTH208  (bytes)


def test_a_name_as_long_as_a_name_can_be_is_dropped(tmp_path: Path, settings: Settings) -> None:
    path = tmp_path / ("n" * 251 + ".txt")
    path.write_text("x")
    assert drop(path, settings).file == path.name
    with pytest.raises(NotDropped, match="too long"):  # and a number more is too long
        drop(path, settings)
    assert names(settings) == [path.name]


def test_the_hidden_name_is_never_taken_by_another(
    story: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: set[bytes] = set()
    real = Files.copy

    def copy(files: Files, source: int, target: bytes) -> str:
        used.add(target)
        return real(files, source, target)

    monkeypatch.setattr(Files, "copy", copy)
    for _ in range(3):
        drop(story, settings)
    assert len(used) == 3
