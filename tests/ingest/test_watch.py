"""Which folders are watched: the scanned ones, also when they change; never what lies beside."""

from __future__ import annotations

import asyncio
import os
import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import watchfiles

from services.ingest.inbox import Inbox
from services.ingest.watch import Watch
from tests.ingest.desk_kit import named
from tests.ingest.test_running import holds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path


@pytest.fixture(autouse=True)
def _renewed_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.ingest.watch.RENEW_AFTER", 0.01)


def covering(*folders: Path) -> frozenset[bytes]:
    return frozenset(map(os.fsencode, folders))


@asynccontextmanager
async def watching(watch: Watch) -> AsyncIterator[None]:
    running = asyncio.create_task(watch.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that events told of, wanted or not."""
    paths: list[str] = []
    wanted = Watch._is_wanted

    def telling(self: Watch, change: watchfiles.Change, path: str) -> bool:
        paths.append(path)
        return wanted(self, change, path)

    monkeypatch.setattr(Watch, "_is_wanted", telling)
    return paths


def changing(path: Path, heard: list[str]) -> Callable[[], bool]:
    """Writes to ``path`` at each look until an event tells of it."""

    def look() -> bool:
        path.write_text("Harbour closed")
        return str(path) in heard

    return look


def test_a_folder_that_is_covered_later_is_watched_and_what_lies_beside_is_not(
    tmp_path: Path, heard: list[str]
) -> None:
    sub, state = tmp_path / "sub", tmp_path / "state"
    woken: list[int] = []

    async def scenario() -> None:
        sub.mkdir()
        state.mkdir()
        watch = Watch(os.fsencode(tmp_path), covering(state), lambda: woken.append(1))
        async with watching(watch):
            await holds(lambda: woken, "it watches")
            watch.cover(covering(tmp_path, sub))
            (state / "store.sqlite3").write_text("much is written here")
            await holds(changing(sub / "a.txt", heard), "an event in the covered folder")
            await holds(lambda: len(woken) >= 3, "the two starts and the event woke the desk")

    asyncio.run(scenario())
    assert str(state / "store.sqlite3") not in heard


def test_a_folder_that_is_made_again_is_watched_again(tmp_path: Path, heard: list[str]) -> None:
    """What the scan knows doesn't change, but what was watched is gone."""
    sub = tmp_path / "sub"

    async def scenario() -> None:
        sub.mkdir()
        watch = Watch(os.fsencode(tmp_path), frozenset(), lambda: None)
        watch.cover(covering(tmp_path, sub))
        async with watching(watch):
            await holds(changing(sub / "a.txt", heard), "an event in the first folder")
            shutil.rmtree(sub)
            sub.mkdir()
            await holds(changing(sub / "b.txt", heard), "an event in the new folder")

    asyncio.run(scenario())


def test_a_folder_that_vanished_keeps_no_other_from_being_watched(
    tmp_path: Path, heard: list[str], logs: list[Any]
) -> None:

    async def scenario() -> None:
        watch = Watch(os.fsencode(tmp_path), frozenset(), lambda: None)
        odd = os.fsencode(tmp_path) + b"/no-text-\xff"
        watch.cover(covering(tmp_path, tmp_path / "gone") | {odd})
        async with watching(watch):
            await holds(changing(tmp_path / "a.txt", heard), "an event in the inbox")

    asyncio.run(scenario())
    assert not named(logs, "inbox.watch_failed")


def test_a_large_tree_is_watched_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.ingest.watch.MOST_FOLDERS", 2)
    asked: list[tuple[list[str], bool]] = []

    async def noting(*paths: str, stop_event: asyncio.Event, recursive: bool, **_: Any) -> Any:
        asked.append((sorted(paths), recursive))
        await stop_event.wait()
        if not paths:
            yield set()

    monkeypatch.setattr(watchfiles, "awatch", noting)
    folders = [tmp_path, *(tmp_path / str(number) for number in range(4))]
    for folder in folders[1:]:
        folder.mkdir()

    async def scenario() -> None:
        watch = Watch(os.fsencode(tmp_path), frozenset(), lambda: None)
        async with watching(watch):
            await holds(lambda: asked, "it watches")
            watch.cover(covering(*folders[:2]))
            await holds(lambda: len(asked) == 2, "a folder more")
            watch.cover(covering(*folders[:4]))
            await holds(lambda: len(asked) == 3, "it is large now")
            watch.cover(covering(*folders))
            await asyncio.sleep(0.1)  # ten renewals, were they needed
            watch.cover(covering(tmp_path))
            await holds(lambda: len(asked) == 4, "it is small again")

    asyncio.run(scenario())
    root = str(tmp_path)
    small, larger, large = ([root], False), ([root, f"{root}/0"], False), ([root], True)
    assert asked == [small, larger, large, small]


def test_the_scan_tells_which_folders_it_listed(tmp_path: Path) -> None:
    for name in ("sub", "sub/deep", "done", ".hidden"):
        (tmp_path / name).mkdir()
    inbox = Inbox(os.fsencode(tmp_path), covering(tmp_path / "done"), 0.0)
    inbox.scan(0.0)
    assert inbox.folders == covering(tmp_path, tmp_path / "sub", tmp_path / "sub" / "deep")
