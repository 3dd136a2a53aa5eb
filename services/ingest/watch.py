"""File events, which only bring the next scan forward."""

from __future__ import annotations

import asyncio
import os
import posixpath
from pathlib import Path
from typing import TYPE_CHECKING

import watchfiles

from services.bus.connect import cancel
from services.ingest.names import is_hidden
from services.observability import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable

log = get_logger("ingest.watch")

RESTART_AFTER = 60.0
"""Seconds until file events are tried again after they failed; the scan does the work anyway."""

RENEW_AFTER = 1.0
"""Seconds between two renewals of the watch: as often as the scan looks by time."""

DEBOUNCE_MS = 200
"""Milliseconds over which events are put together: a scan per burst, not per file."""

MOST_FOLDERS = 256
"""Folders watched one by one: a renewal then takes some 10 ms. A larger tree is watched as a whole,
with what ingest and the store write in it."""


class Watch:
    """Calls ``wake`` on each change in the folders of the inbox that may bring a file.

    ``root`` is the inbox; ``skip`` holds the absolute paths of folders that aren't scanned.
    They mostly lie in the inbox, and what is written there all the time must wake nobody: not
    even the thread that waits for events.
    """

    def __init__(self, root: bytes, skip: frozenset[bytes], wake: Callable[[], None]) -> None:
        self._root = root
        self._skip = skip
        self._wake = wake
        self._folders = frozenset({root})
        self._changed = asyncio.Event()

    def cover(self, folders: frozenset[bytes]) -> None:
        """Watch these folders (absolute paths) from now on, and nothing below them."""
        if folders != self._folders:
            self._folders = folders
            self._changed.set()

    async def run(self) -> None:
        """Watch until cancelled.

        Where events can't be had (a share, no watches left) this is logged once, and polling
        goes on.
        """
        told = False
        while True:
            try:
                await self._follow()
            except FileNotFoundError:
                # A folder went at this moment; or it is the inbox, and the desk tells of that.
                await asyncio.sleep(RENEW_AFTER)
            except (OSError, RuntimeError) as error:  # the Rust part's own is a RuntimeError
                if not told:
                    log.warning(
                        "inbox.watch_failed", reason=str(error), advice="scanning goes on by time"
                    )
                told = True
                await asyncio.sleep(RESTART_AFTER)

    async def _follow(self) -> None:
        """Wake on changes until other folders are to be watched."""
        paths, whole = self._paths()
        self._changed.clear()
        over = asyncio.Event()
        renewing = asyncio.create_task(self._renew(over, whole=whole))
        # For what came before the watch stood; it is set up in the same turn of the loop.
        asyncio.get_running_loop().call_soon(self._wake)
        try:
            async for _changes in watchfiles.awatch(
                *paths,
                watch_filter=self._is_wanted,
                debounce=DEBOUNCE_MS,
                stop_event=over,
                recursive=whole,
            ):
                self._wake()
        finally:
            await cancel(renewing)

    def _paths(self) -> tuple[list[str], bool]:
        """What to watch, and whether with all that is below it."""
        root = os.fsdecode(self._root)
        if len(self._folders) > MOST_FOLDERS:
            return [root], True
        below = [os.fsdecode(name) for name in self._folders - {self._root}]
        return [root, *(path for path in below if _can_be_watched(path))], False

    async def _renew(self, over: asyncio.Event, *, whole: bool) -> None:
        """Set ``over`` when other folders are to be watched, but not all the time."""
        await asyncio.sleep(RENEW_AFTER)
        while True:
            await self._changed.wait()
            if not (whole and len(self._folders) > MOST_FOLDERS):
                break
            self._changed.clear()
        over.set()

    def _is_wanted(self, change: watchfiles.Change, path: str) -> bool:
        name = os.fsencode(path)
        # What went makes no file ready; hidden names are mostly our own, and never read.
        if change is watchfiles.Change.deleted or is_hidden(posixpath.basename(name)):
            return False
        if change is watchfiles.Change.added and name in self._folders:
            self._changed.set()  # another folder of this name: the one that was watched is gone
        return not any(name == each or name.startswith(each + b"/") for each in self._skip)


def _can_be_watched(folder: str) -> bool:
    # A name that is no text can't be asked for; the scan looks there by time.
    return folder.isprintable() and Path(folder).is_dir()
