"""Waiting without sleeping for a fixed time."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

PAUSE = 0.02


def wait_until(predicate: Callable[[], object], what: str, timeout: float = 30.0) -> None:
    """Return when ``predicate`` holds; fail naming ``what`` after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not predicate():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:g} s in vain for: {what}")
        time.sleep(PAUSE)


async def until(
    predicate: Callable[[], Awaitable[object]],
    what: str,
    timeout: float = 30.0,  # noqa: ASYNC109  (the error names what was waited for)
) -> None:
    """The same for a predicate that must be awaited."""
    deadline = time.monotonic() + timeout
    while not await predicate():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:g} s in vain for: {what}")
        await asyncio.sleep(PAUSE)
