"""What passes is waited for; what doesn't ends the process; a stop is heard meanwhile."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from redis.exceptions import (
    ConnectionError as NoConnection,
)
from redis.exceptions import (
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    RedisError,
    ResponseError,
)

from services.bus.errors import StopWorking
from services.bus.patience import LONGEST_PAUSE, Facts, Patience, Stopping, longer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


PASSING = [
    NoConnection("gone"),
    # The server was restarted twice: between loading the script and calling it.
    NoScriptError("No matching script"),
    OutOfMemoryError("command not allowed when used memory > 'maxmemory'"),
    ResponseError("MISCONF Errors writing to the AOF file: No space left on device"),
]


def failing_first(error: RedisError) -> Callable[[], Awaitable[str]]:
    """A step that fails once with ``error`` and then works."""
    errors = [error]

    async def step() -> str:
        if errors:
            raise errors.pop()
        return "done"

    return step


@pytest.mark.parametrize("error", PASSING, ids=lambda e: type(e).__name__)
@pytest.mark.anyio
async def test_what_passes_is_waited_for(
    error: RedisError, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.bus.patience.FIRST_PAUSE", 0.01)
    facts = Facts()
    assert await Patience(facts).insist(failing_first(error)) == "done"
    assert facts.waiting_for is None, "it is said that the wait is over"


@pytest.mark.parametrize(
    "error",
    [NoPermissionError("no"), ResponseError("WRONGTYPE Operation against a key")],
    ids=lambda e: type(e).__name__,
)
@pytest.mark.anyio
async def test_what_does_not_pass_ends_the_process(error: RedisError) -> None:
    with pytest.raises(StopWorking, match="the server refuses"):
        await Patience(Facts()).insist(failing_first(error))


@pytest.mark.anyio
async def test_a_stop_is_heard_while_waiting() -> None:
    facts = Facts()
    waiting = asyncio.create_task(Patience(facts).wait("a disk", 3600))
    await asyncio.sleep(0)
    facts.stopping.set()
    with pytest.raises(Stopping):
        await waiting
    assert facts.waiting_for == "a disk"


def test_pauses_double_up_to_the_longest() -> None:
    assert longer(0.2) == 0.4
    assert longer(LONGEST_PAUSE) == LONGEST_PAUSE
