"""An inbox that is not there, wholly or in part, and folders that must not be the inbox."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from services.bus.errors import StopWorking
from services.ingest.desk import IngestDesk
from services.ingest.waits import LONGEST_DELAY
from tests.ingest.desk_kit import Kit, assemble, make_settings, named, opened, read

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("replacement", ["nothing", "empty folder"])
def test_an_inbox_that_vanishes_is_waited_for_and_its_files_are_not_taken_for_removed(
    tmp_path: Path, logs: list[Any], replacement: str
) -> None:
    """What an unmounted disk looks like; the state lies elsewhere, as on a network share."""
    kit = Kit(make_settings(tmp_path / "inbox", state_dir=tmp_path / "state"))

    async def scenario() -> None:
        async with opened(kit):
            kit.drop("a.txt")
            await kit.take()
            shutil.move(kit.inbox, tmp_path / "unmounted")
            if replacement == "empty folder":
                kit.inbox.mkdir()
            kit.bus.deliver(kit.desk)
            for _ in range(4):
                kit.hand.advance(40)
                await kit.steps()
            assert kit.receipts() == []
            (line,) = named(logs, "inbox.waiting")
            assert "not there" in line["reason"]
            if replacement == "empty folder":
                kit.inbox.rmdir()
            shutil.move(tmp_path / "unmounted", kit.inbox)
            kit.hand.advance(LONGEST_DELAY)
            await kit.finish()
            assert kit.receipt().archived_as == "done/a.txt"

    asyncio.run(scenario())


def test_a_start_before_the_inbox_is_mounted_waits_for_it(tmp_path: Path, logs: list[Any]) -> None:
    kit = Kit(make_settings(tmp_path / "inbox", state_dir=tmp_path / "state"))

    async def scenario() -> None:
        async with opened(kit):
            kit.drop("a.txt")
            await kit.take()
            shutil.move(kit.inbox, tmp_path / "unmounted")
            kit.inbox.mkdir()
            await kit.reopen()
            kit.bus.deliver(kit.desk)
            await kit.steps()
            assert kit.receipts() == []
            assert len(named(logs, "inbox.waiting")) == 1
            kit.inbox.rmdir()
            shutil.move(tmp_path / "unmounted", kit.inbox)
            kit.hand.advance(LONGEST_DELAY)
            await kit.finish()
            assert kit.receipt().archived_as == "done/a.txt"

    asyncio.run(scenario())


def test_an_inbox_mounted_again_under_another_device_number_is_known_by_its_marker(
    tmp_path: Path,
) -> None:
    kit = Kit(make_settings(tmp_path / "inbox", state_dir=tmp_path / "state"))

    async def scenario() -> None:
        async with opened(kit):
            kit.drop("a.txt")
            await kit.take()
            kit.desk._files.expected = (1, 1)
            kit.bus.deliver(kit.desk)
            await kit.steps()
            assert kit.receipt().archived_as == "done/a.txt"

    asyncio.run(scenario())


def test_a_sub_folder_that_cannot_be_listed_is_told_once_and_the_others_go_on(
    kit: Kit, logs: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.scandir

    def refusing(path: Any) -> Any:
        if str(path).endswith("closed'"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return real(path)

    async def scenario() -> None:
        async with opened(kit):
            kit.drop("closed/a.txt")
            kit.drop("open/b.txt", "other")
            monkeypatch.setattr(os, "scandir", refusing)
            await kit.finish()
            await kit.finish()
            monkeypatch.undo()
        assert kit.receipt().file == "open/b.txt"
        (line,) = named(logs, "file.ignored")
        assert line["file"] == "closed"

    asyncio.run(scenario())


@pytest.mark.parametrize("name", ["done_dir", "rejected_dir", "state_dir"])
def test_a_folder_setting_that_is_the_inbox_itself_is_refused(tmp_path: Path, name: str) -> None:
    settings = make_settings(tmp_path / "inbox", **{name: tmp_path / "inbox"})
    kit = Kit(settings)
    desk = IngestDesk(settings, kit.bus, read, assemble)
    with pytest.raises(StopWorking, match="inbox itself"):
        asyncio.run(desk.acquire(asyncio.Event()))
