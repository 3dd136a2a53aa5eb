"""File events, which only bring the next scan forward."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import watchfiles

from services.observability import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

log = get_logger("ingest.watch")

RESTART_AFTER = 60.0
"""Seconds until file events are tried again after they failed; the scan does the work anyway."""

DEBOUNCE_MS = 200
"""Milliseconds over which events are put together: a scan per burst, not per file."""


async def watch(root: Path, skip: frozenset[bytes], wake: Callable[[], None]) -> None:
    """Call ``wake`` on each change below ``root`` that isn't in ``skip``; runs until cancelled.

    Where events can't be had (a share, no watches left) this is logged once, and polling goes on.
    """

    def wanted(_change: watchfiles.Change, path: str) -> bool:
        name = os.fsencode(path)
        return not any(name == each or name.startswith(each + b"/") for each in skip)

    told = False
    while True:
        try:
            async for _changes in watchfiles.awatch(
                root, watch_filter=wanted, debounce=DEBOUNCE_MS, recursive=True
            ):
                wake()
        except (OSError, RuntimeError) as error:  # the Rust part's own is a RuntimeError
            if not told:
                log.warning(
                    "inbox.watch_failed", reason=str(error), advice="scanning goes on by time"
                )
            told = True
        await asyncio.sleep(RESTART_AFTER)
