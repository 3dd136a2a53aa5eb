"""``check``: the real path, without publishing or moving anything."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from services.bus.errors import StopWorking
from services.ingest.check import CheckReport, check_files
from services.ingest.limits import limits_of
from services.ingest.readers.registry import read_file
from services.ingest.sandbox import Sandbox
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


def test_one_bad_record_among_good_ones_is_named_with_its_line_beforehand(
    tmp_path: Path, settings: Settings
) -> None:
    """The same path as ingest's: in the reading process."""
    path = tmp_path / "dump.jsonl"
    path.write_text(
        '{"title": "Pass closed", "text": "Snow fell all night."}\n'
        '{"title": "cut of\n'
        '{"title": "Pass open", "text": "It was cleared at noon."}\n'
    )
    with closing(Sandbox.of(settings)) as sandbox:
        (report,) = check_files([path], settings, sandbox.read)
    assert report.summary == {"published": 2, "rejected": 1}
    assert [article.locator for article in report.articles] == ["line 1", "line 2", "line 3"]
    bad = report.articles[1]
    assert "line 1, column" in str(bad.reason)
    assert bad.advice
    assert not report.accepted
    assert report.destination == "done"


def test_a_field_map_of_the_settings_reaches_the_reading_process(tmp_path: Path) -> None:
    maps = tmp_path / "maps.yaml"
    maps.write_text("archive:\n  headline: kopf.titel\n  body: absatz\n  language: sprache\n")
    path = tmp_path / "ours.json"
    path.write_text('[{"kopf": {"titel": "Pass zu"}, "absatz": "Es schneit.", "sprache": "de"}]')
    plain = make_settings(tmp_path / "inbox")
    mapped = make_settings(tmp_path / "inbox", field_map_file=maps)
    with closing(Sandbox.of(mapped)) as sandbox:
        (without,) = check_files([path], plain, sandbox.read)
        (report,) = check_files([path], mapped, sandbox.read)
    assert without.destination == "rejected"
    assert report.reader is not None
    assert "archive" in report.reader.format
    (article,) = report.articles
    assert article.headline == "Pass zu"
    assert article.article is not None
    assert article.article.language == "de"


def test_a_bad_field_map_file_says_what_is_wrong(tmp_path: Path) -> None:
    maps = tmp_path / "maps.yaml"
    maps.write_text("archive:\n  headlin: titel\n")
    settings = make_settings(tmp_path / "inbox", field_map_file=maps)
    with pytest.raises(StopWorking, match="no field 'headlin'"):
        limits_of(settings)


def test_of_a_long_file_all_records_are_counted_and_some_are_listed(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.ingest.check.MOST_LISTED", 3)
    path = tmp_path / "long.txt"
    path.write_text("\n---\n".join([f"Story {n}\nbody" for n in range(200)] + ["bad: x"] * 5))
    report = check(path, settings)
    assert report.summary == {"published": 200, "rejected": 5}
    assert len(report.articles) == 6
    assert report.left_off == 199
