"""``check``: the real path, without publishing or moving anything."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from services.ingest.check import CheckReport, check_files
from services.ingest.readers.registry import read_file
from tests.ingest.desk_kit import assemble, make_settings, read

if TYPE_CHECKING:
    from services.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make_settings(tmp_path / "inbox")


def check(path: Path, settings: Settings) -> CheckReport:
    (report,) = check_files([path], settings, read, assemble)
    return report


def test_a_good_file_is_shown_as_it_would_be_published(tmp_path: Path, settings: Settings) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Ferry late\nby an hour")
    report = check(path, settings)
    assert (report.would_be, report.destination, report.accepted) == ("taken", "done", True)
    assert report.reader is not None
    (article,) = report.articles
    assert (article.position, article.headline, article.would_be) == (1, "Ferry late", "published")
    assert article.article is not None
    assert article.article.text == "Ferry late\n\nby an hour"
    assert article.article.article_id == article.article_id


def test_reasons_and_advice_are_given_for_what_would_be_rejected(
    tmp_path: Path, settings: Settings
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Good\nbody\n---\nbad: no title\n---\nGood\nbody")
    report = check(path, settings)
    assert [each.would_be for each in report.articles] == ["published", "rejected", "unchanged"]
    assert (report.articles[1].reason, report.articles[1].advice) == (
        "no title",
        "Mend the record.",
    )
    assert "more than once" in (report.articles[2].reason or "")
    assert not report.accepted
    assert report.destination == "done"


def test_an_unreadable_file_would_go_to_rejected(tmp_path: Path, settings: Settings) -> None:
    path = tmp_path / "a.bin"
    path.write_text("unreadable")
    report = check(path, settings)
    assert report.destination == "rejected"
    assert report.articles[0].reason == "the file can't be read"


@pytest.mark.parametrize("kind", ["hidden", "temporary", "link", "folder", "fifo", "missing"])
def test_what_ingest_would_not_read_is_said_to_be_so(
    tmp_path: Path, settings: Settings, kind: str
) -> None:
    path = tmp_path / {"hidden": ".a.txt", "temporary": "a.tmp"}.get(kind, "a.txt")
    if kind in {"hidden", "temporary"}:
        path.write_text("x")
    elif kind == "link":
        path.symlink_to(tmp_path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    report = check(path, settings)
    assert report.would_be == ("unreadable" if kind in {"fifo", "missing"} else "ignored")
    assert report.reason
    assert report.articles == ()
    assert not report.accepted


def test_nothing_is_written_or_moved_anywhere(tmp_path: Path, settings: Settings) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Ferry late\nby an hour")
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    check(path, settings)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.txt"]


def test_a_relative_path_and_several_files_are_reported_in_order(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b.txt", "a.txt"):
        Path(name).write_text(f"{name}\nbody")
    reports = check_files([Path("b.txt"), Path("a.txt")], settings, read, assemble)
    assert [report.file for report in reports] == ["b.txt", "a.txt"]


def test_the_same_id_and_text_come_out_as_when_the_file_is_dropped(
    tmp_path: Path, settings: Settings
) -> None:
    """With the real readers: what check shows is what is published."""
    path = tmp_path / "story.txt"
    path.write_text("Harbour closed\n\nThe harbour of Riverton is closed until Monday.\n")
    first, second = check_files([path, path], settings, read_file)
    assert first.articles[0].article_id == second.articles[0].article_id
    assert first.articles[0].article is not None
    assert "Riverton" in first.articles[0].article.text
