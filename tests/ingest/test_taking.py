"""When a file is taken, what is never taken, and what taking it publishes."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.ingest.desk_kit import Kit, named, opened

if TYPE_CHECKING:
    from pathlib import Path


def published_files(kit: Kit) -> list[str]:
    return [article.drop.file for article in kit.bus.published]


def test_a_file_is_taken_once_it_has_stood_still_for_the_settle_time(kit: Kit) -> None:
    async def scenario() -> None:
        async with opened(kit):
            kit.drop("a.txt")
            await kit.steps()
            kit.hand.advance(1.9)
            await kit.steps()
            assert kit.bus.published == []
            kit.hand.advance(0.1)
            await kit.steps()
            assert published_files(kit) == ["a.txt"]

    asyncio.run(scenario())


@pytest.mark.parametrize("change", ["size", "mtime", "inode"])
def test_any_change_starts_the_settle_time_anew(kit: Kit, change: str) -> None:
    async def scenario() -> None:
        async with opened(kit):
            path = kit.drop("a.txt", "first words")
            await kit.steps()
            kit.hand.advance(1.5)
            alter(path, change)
            await kit.steps()
            kit.hand.advance(1.5)
            await kit.steps()
            assert kit.bus.published == []
            kit.hand.advance(0.5)
            await kit.steps()
            assert published_files(kit) == ["a.txt"]

    asyncio.run(scenario())


def alter(path: Path, what: str) -> None:
    stat = path.stat()
    if what == "size":
        path.write_text("first words and more")
    elif what == "inode":
        other = path.with_name(".other")
        other.write_bytes(path.read_bytes())
        other.rename(path)
    keep = stat.st_mtime_ns + (1 if what == "mtime" else 0)
    os.utime(path, ns=(keep, keep))


@pytest.mark.parametrize("temporary", ["a.txt.tmp", "a.part"])
def test_a_file_renamed_into_place_from_a_temporary_name_is_taken_at_once(
    kit: Kit, temporary: str
) -> None:
    async def scenario() -> None:
        async with opened(kit):
            path = kit.drop(temporary)
            await kit.steps()
            path.rename(kit.inbox / "a.txt")
            await kit.steps()
            assert published_files(kit) == ["a.txt"]

    asyncio.run(scenario())


def test_replacing_a_file_by_renaming_is_taken_at_once_too(kit: Kit) -> None:
    async def scenario() -> None:
        async with opened(kit):
            kit.drop("a.txt", "old words")
            await kit.steps()
            temporary = kit.drop("a.txt.tmp", "new words")
            await kit.steps()
            temporary.rename(kit.inbox / "a.txt")
            await kit.steps()
            assert [article.headline for article in kit.bus.published] == ["new words"]

    asyncio.run(scenario())


def test_a_second_name_beside_the_temporary_one_is_not_a_rename(kit: Kit) -> None:
    async def scenario() -> None:
        async with opened(kit):
            path = kit.drop("a.tmp")
            await kit.steps()
            os.link(path, kit.inbox / "a.txt")
            await kit.steps()
            assert kit.bus.published == []

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "name",
    [
        ".hidden.txt",
        ".folder/a.txt",
        "sub/.a.txt",
        "a.tmp",
        "A.TMP",
        "a.part",
        "a.partial",
        "a.crdownload",
        ".a.txt.swp",
        "a.txt~",
        "~$a.docx",
        "Thumbs.db",
        "desktop.ini",
        "upload.part/a.txt",
    ],
)
def test_hidden_and_temporary_names_are_never_taken(kit: Kit, name: str) -> None:
    async def scenario() -> None:
        async with opened(kit):
            kit.drop(name)
            kit.drop("good.txt")
            await kit.take()
            assert published_files(kit) == ["good.txt"]

    asyncio.run(scenario())


def test_sub_folders_are_scanned_and_a_folder_moved_in_is_found(kit: Kit, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(kit):
            kit.drop("a/b/c.txt", "one")
            outside = tmp_path / "batch" / "deep"
            outside.mkdir(parents=True)
            (outside / "d.txt").write_text("two")
            shutil.move(outside.parent, kit.inbox / "batch")
            await kit.take()
            assert sorted(published_files(kit)) == ["a/b/c.txt", "batch/deep/d.txt"]

    asyncio.run(scenario())


def test_links_fifos_and_sockets_are_never_read_and_each_is_logged_once(
    kit: Kit, tmp_path: Path, logs: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "secret"
    outside.mkdir()
    (outside / "key.txt").write_text("not for the wire")

    async def scenario() -> None:
        async with opened(kit):
            good = kit.drop("good.txt")
            (kit.inbox / "link.txt").symlink_to(outside / "key.txt")
            (kit.inbox / "inner.txt").symlink_to(good)
            (kit.inbox / "folder").symlink_to(outside)
            os.mkfifo(kit.inbox / "pipe.txt")
            monkeypatch.chdir(kit.inbox)  # a socket's path has about 100 bytes at most
            with socket.socket(socket.AF_UNIX) as listening:
                listening.bind("socket.txt")
                for _ in range(3):
                    await kit.take()
        assert published_files(kit) == ["good.txt"]
        ignored = [line["file"] for line in named(logs, "file.ignored")]
        assert sorted(ignored) == ["folder", "inner.txt", "link.txt", "pipe.txt", "socket.txt"]

    asyncio.run(scenario())


def test_a_file_that_becomes_a_link_or_a_fifo_after_the_scan_is_not_read(
    kit: Kit, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("not for the wire")

    async def scenario() -> None:
        async with opened(kit):
            first = kit.drop("a.txt", "soon a link")
            second = kit.drop("b.txt", "soon a pipe")
            deep = kit.drop("sub/c.txt", "soon behind a link")
            await kit.steps()
            kit.hand.advance(2)
            await kit.desk._scan()
            first.unlink()
            first.symlink_to(secret)
            second.unlink()
            os.mkfifo(second)
            shutil.move(deep.parent, tmp_path / "moved")
            deep.parent.symlink_to(tmp_path / "moved")
            while await kit.desk._take():
                pass
            assert kit.bus.published == []

    asyncio.run(scenario())


def test_done_rejected_and_state_are_not_scanned_wherever_they_lie(kit: Kit) -> None:
    async def scenario() -> None:
        async with opened(kit):
            kit.drop("done/old.txt")
            kit.drop("rejected/old.txt")
            kit.drop(".wiredesk/old.txt")
            kit.drop("done-later/new.txt")
            await kit.take()
            assert published_files(kit) == ["done-later/new.txt"]

    asyncio.run(scenario())


def test_files_are_taken_oldest_first_and_no_two_in_the_same_millisecond(kit: Kit) -> None:
    async def scenario() -> None:
        async with opened(kit):
            for number in (3, 1, 2):
                path = kit.drop(f"{number}.txt", f"story {number}")
                os.utime(path, ns=(number, number))
            await kit.take()
            assert published_files(kit) == ["1.txt", "2.txt", "3.txt"]
            times = [article.drop.received_at for article in kit.bus.published]
            assert times == sorted(set(times))
            assert all(time.microsecond % 1000 == 0 for time in times)

    asyncio.run(scenario())


def test_more_files_than_a_batch_are_all_taken(kit: Kit) -> None:
    async def scenario() -> None:
        async with opened(kit):
            for number in range(70):
                kit.drop(f"{number:03}.txt", f"story {number}")
            await kit.take()
            assert len(set(published_files(kit))) == 70
            assert kit.bus.calls <= 4

    asyncio.run(scenario())


def test_a_name_that_is_not_utf8_or_holds_a_newline_is_shown_escaped_and_archived_as_it_is(
    kit: Kit,
) -> None:
    names = [b"caf\xe9.txt", b"two\nlines.txt", "naïve\u202egnp.txt".encode()]

    async def scenario() -> None:
        async with opened(kit):
            for name in names:
                kit.drop(os.fsdecode(name), name)
            await kit.finish()
            files = {receipt.file for receipt in kit.receipts()}
            assert files == {"caf\\xe9.txt", "two\\nlines.txt", "naïve\\u202egnp.txt"}
            assert all(file.isprintable() for file in files)
            assert {os.fsdecode(name) for name in names} == set(kit.files_in(kit.settings.done))

    asyncio.run(scenario())


def test_a_line_per_article_has_its_ids_file_and_duration(kit: Kit, logs: list[Any]) -> None:
    async def scenario() -> None:
        async with opened(kit):
            kit.drop("two.txt", "One\nbody\n---\nTwo\nbody")
            await kit.take()
        found = named(logs, "article.received")
        assert [line["position"] for line in found] == [1, 2]
        for line, article in zip(found, kit.bus.published, strict=True):
            assert line["article_id"] == str(article.article_id)
            assert line["drop_id"] == str(article.drop.drop_id)
            assert line["file"] == "two.txt"
            assert len(line["trace_id"]) == 32
            assert line["duration_ms"] >= 0

    asyncio.run(scenario())
