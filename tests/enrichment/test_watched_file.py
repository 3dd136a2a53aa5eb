"""A watched file tells each change once, however it was made."""

from __future__ import annotations

import os
from pathlib import Path  # noqa: TC003  (pytest resolves the fixture's type)

import pytest

from services.enrichment import watched_file
from services.enrichment.watched_file import TooLargeError, WatchedFile


@pytest.fixture
def file(tmp_path: Path) -> WatchedFile:
    path = tmp_path / "names.yaml"
    path.write_bytes(b"one")
    os.utime(path, ns=(1, 1))
    return WatchedFile(path)


def test_a_file_that_was_never_read_has_changed(file: WatchedFile) -> None:
    assert file.changed()


def test_once_read_it_has_not_changed_until_it_does(file: WatchedFile) -> None:
    assert file.read() == b"one"
    assert not file.changed()
    assert not file.changed()


def test_another_size_is_a_change(file: WatchedFile) -> None:
    file.read()
    file.path.write_bytes(b"three")
    os.utime(file.path, ns=(1, 1))
    assert file.changed()
    assert file.read() == b"three"
    assert not file.changed()


def test_another_time_is_a_change(file: WatchedFile) -> None:
    file.read()
    os.utime(file.path, ns=(2, 2))
    assert file.changed()


def test_another_file_renamed_into_place_is_a_change(file: WatchedFile, tmp_path: Path) -> None:
    file.read()
    other = tmp_path / "new"
    other.write_bytes(b"two")
    os.utime(other, ns=(1, 1))
    other.replace(file.path)
    assert file.changed()
    assert file.read() == b"two"


def test_a_file_that_is_gone_has_changed_once_and_again_when_it_is_back(file: WatchedFile) -> None:
    file.read()
    data = file.path.read_bytes()
    file.path.unlink()
    assert file.changed()
    with pytest.raises(FileNotFoundError):
        file.read()
    assert not file.changed()
    file.path.write_bytes(data)
    assert file.changed()
    assert file.read() == b"one"


def test_a_folder_in_its_place_is_an_error_told_once(tmp_path: Path) -> None:
    file = WatchedFile(tmp_path)
    with pytest.raises(OSError, match="directory"):
        file.read()
    assert not file.changed()


def test_a_file_too_large_for_people_is_refused_once(
    file: WatchedFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched_file, "MAX_BYTES", 2)
    with pytest.raises(TooLargeError, match="larger than 2 bytes"):
        file.read()
    assert not file.changed()


def test_what_is_written_while_it_is_read_is_a_later_change(file: WatchedFile) -> None:
    file.read()
    with file.path.open("ab") as writer:
        writer.write(b" and two")
    os.utime(file.path, ns=(3, 3))
    assert file.changed()
