"""Run checks: all at once, none in another's way, none for longer than it may take."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import Future
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from redis.exceptions import AuthenticationError, BusyLoadingError, RedisError

from services.bus.connect import client, server_url, without_password
from services.bus.errors import StopWorking
from services.console.doctor.checks import LocalCheck, Server, ServerCheck
from services.console.doctor.findings import failure, unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.console.doctor.checks import Check, Surroundings
    from services.console.doctor.findings import Finding

REACHABLE = "server.reachable"
"""The check that says why there is no server, where there is none."""


HEAD_START = 1.0
"""Seconds that the server gets to answer before this machine is looked at as well: models that
load meanwhile would make it look slow. One that is away isn't waited for."""


@dataclass(frozen=True, slots=True)
class Result:
    """A check and what it found. ``seconds``: how long it took."""

    check: Check
    finding: Finding
    seconds: float


def examine(checks: Sequence[Check], scene: Surroundings) -> list[Result]:
    """Every check's result, in the order of the checks. Raises nothing that a check raises."""
    return asyncio.run(_all(checks, scene))


async def _all(checks: Sequence[Check], scene: Surroundings) -> list[Result]:
    local = [check for check in checks if isinstance(check, LocalCheck)]
    asking = [check for check in checks if isinstance(check, ServerCheck)]
    async with AsyncExitStack() as stack:
        results: list[Result] = []
        connecting = asyncio.create_task(_connect(scene, stack)) if asking else None
        if connecting is not None:
            await asyncio.wait({connecting}, timeout=HEAD_START)
        threads = [asyncio.create_task(_local(check, scene)) for check in local]
        if connecting is not None:
            results += await _asked(asking, connecting)
        results += await asyncio.gather(*threads)
    places = {check.name: place for place, check in enumerate(checks)}
    return sorted(results, key=lambda result: places[result.check.name])


# --- on this machine --------------------------------------------------------------------------
async def _local(check: LocalCheck, scene: Surroundings) -> Result:
    """In a thread that is left behind where it hangs, as on a share that is away."""
    started = time.monotonic()
    answer: Future[Finding] = Future()

    def work() -> None:
        try:
            answer.set_result(check.look(scene))
        except Exception as error:  # noqa: BLE001  (whatever a check meets, the others go on)
            answer.set_result(_surprised(error))

    threading.Thread(target=work, name=check.name, daemon=True).start()
    try:
        # Shielded: a future of a thread that goes on must not be cancelled.
        finding = await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(answer)), check.seconds)
    except TimeoutError:
        finding = _too_long(check)
    return Result(check, finding, time.monotonic() - started)


# --- on the server ----------------------------------------------------------------------------
async def _asked(
    checks: Sequence[ServerCheck], connecting: asyncio.Task[Server | Finding]
) -> list[Result]:
    started = time.monotonic()
    server = await connecting
    if isinstance(server, Server):
        return list(await asyncio.gather(*(_one(check, server) for check in checks)))
    away = unknown("the server could not be asked", f"see {REACHABLE}")
    took = time.monotonic() - started
    return [Result(check, server if check.name == REACHABLE else away, took) for check in checks]


async def _connect(scene: Surroundings, stack: AsyncExitStack) -> Server | Finding:
    """The server, once it has answered; else why not, and what to do."""
    try:
        url = server_url(scene.settings)
    except StopWorking as error:
        return failure(str(error), f"wiredesk up {scene.settings.inbox}, or set WIREDESK_REDIS_URL")
    place = without_password(url)
    try:
        redis = await stack.enter_async_context(client(url, retries=0))
        await redis.ping()
        started = time.monotonic()
        await redis.ping()
        took = time.monotonic() - started
        info = await redis.info("everything")
    except AuthenticationError as error:
        return failure(
            f"{place} refused the login: {error}",
            "put the right user and password into WIREDESK_REDIS_URL",
        )
    except BusyLoadingError:
        return failure(
            f"{place} is still loading its data", "wait; a 1 GB append-only file takes about 10 s"
        )
    except (RedisError, OSError, ValueError, StopWorking) as error:
        return failure(
            f"{place} does not answer: {error}",
            "start the server, or put the right address into WIREDESK_REDIS_URL",
        )
    return Server(url, redis, scene, info, took)


async def _one(check: ServerCheck, server: Server) -> Result:
    started = time.monotonic()
    try:
        finding = await asyncio.wait_for(check.look(server), check.seconds)
    except TimeoutError:
        finding = _too_long(check)
    except Exception as error:  # noqa: BLE001  (see _local)
        finding = _surprised(error)
    return Result(check, finding, time.monotonic() - started)


def _too_long(check: Check) -> Finding:
    return unknown(
        f"no result within {check.seconds:g} s",
        f"wiredesk doctor --only {check.name}; a share that is away hangs like this",
    )


def _surprised(error: Exception) -> Finding:
    return unknown(f"could not be looked at: {type(error).__name__}: {error}", "see the error")
