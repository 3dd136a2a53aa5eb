"""The failure budget: a stage in which too much dies stops, instead of burying everything.

It is counted in Redis over all workers of a stage: with a count of its own each of many workers
would bury as many as one alone may, and a worker that dies of each article would count nothing.
What is about to die is counted first: the article that exceeds the budget, and everything after
it, is given back and not buried.  Every dead letter counts, the unreadable too: the commonest
cause of many is a release that writes what another can't read, and it rejects article by
article like any other.

A stopped stage has a *halt* in Redis.  Its workers end, are started again, find it and read
nothing; see :mod:`services.bus.probing` for how it ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from services.bus.keys import INGEST_GROUP_PREFIX, SCAN_COUNT
from services.bus.scripts import Limits
from services.observability import get_logger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.asyncio import Redis

    from services.bus.keys import Keys
    from services.bus.messages import Fault
    from services.bus.scripts import Scripts
    from services.settings import Settings

log = get_logger(__name__)

NEVER_PERCENT = 100.0
"""The share at which it isn't judged: more than all can't die."""

STOPPED_BY_THIS = 2
"""What ``spend`` answers to the worker whose article was the one too many."""

TOLD_CHARS = 200
"""Characters of a reason that are compared and told: what comes after them is often the article's
own, and would make one cause look like many."""


class Halted(Exception):  # noqa: N818  (named for the state, like the errors of ``errors``)
    """The failure budget is used up: give back what is in hand, and end.

    ``first``: this worker's article was the one too many.
    """

    def __init__(self, first: bool) -> None:  # noqa: FBT001  (its only fact)
        super().__init__("the failure budget is used up")
        self.first = first


@dataclass(frozen=True, slots=True)
class Halt:
    """Why a stage is stopped.

    ``dead`` of the last ``of`` articles died, the last ``row`` of them in a row; ``times`` of
    them of the ``commonest`` reason.  ``last``: the newest few, as file and article id.
    ``passed`` and ``failed``: trials since, of the last in a row.
    """

    group: str
    at: datetime
    rule: str
    row: int
    dead: int
    of: int
    commonest: str
    times: int
    last: tuple[str, ...]
    passed: int
    failed: int

    @property
    def stage(self) -> str:
        """The stage's name: one inbox's group is the stage of ingest."""
        return stage_of(self.group)

    @property
    def reason(self) -> str:
        """In one sentence."""
        counted = (
            f"{self.row} articles in a row died"
            if self.rule == "in_a_row"
            else f"{self.dead} of the last {self.of} articles died"
        )
        return f"{counted}, {self.times} of them of: {self.commonest}"


def stage_of(group: str) -> str:
    """The name of the stage that a group of ours belongs to."""
    return "ingest" if group.startswith(INGEST_GROUP_PREFIX) else group


def advice_for(stage: str) -> str:
    """What to do about a stopped stage."""
    return (
        f"nothing is lost: what is not done waits in its stream. See the cause with `wiredesk dead "
        f"list --stage {stage}` and `wiredesk dead show ID`, mend it, then `wiredesk resume "
        f"{stage}` (or wait: it tries single articles and goes on once they pass), and send what "
        f"died again: `wiredesk dead retry --stage {stage}`"
    )


class Budget:
    """What one worker of a stage says of its articles, and hears of the stage."""

    def __init__(self, group: str, settings: Settings, redis: Redis, scripts: Scripts) -> None:
        self.group = group
        self._redis = redis
        self._scripts = scripts
        self._limits = Limits(
            settings.failure_budget_window,
            settings.failure_budget_percent,
            settings.failure_budget_in_a_row,
        )
        self._on = bool(self._limits.in_a_row) or self._limits.percent < NEVER_PERCENT
        self._passed = 0

    def passed(self) -> None:
        """An article went well; said to the server with the next, or by :meth:`flush`."""
        self._passed += 1

    async def flush(self) -> None:
        """Say what wasn't said yet; :class:`Halted` where the stage is stopped."""
        if self._on and self._passed:
            await self._spend(b"")

    async def spend(self, fault: Fault, about: str) -> None:
        """Count one that is about to die; :class:`Halted` where the stage is stopped.

        It doesn't die then.  What is said again, since the answer was lost, counts again: the
        count is an estimate, not the ledger.
        """
        if self._on:
            told = {"reason": fault.reason[:TOLD_CHARS], "about": about}
            await self._spend(orjson.dumps(told))

    async def _spend(self, died: bytes) -> None:
        # Forgotten only once it was said: the caller comes again where the server is away.
        stopped = await self._scripts.spend(self.group, self._limits, self._passed, died)
        self._passed = 0
        if stopped:
            raise Halted(stopped == STOPPED_BY_THIS)

    async def halt(self) -> Halt | None:
        """Why the stage is stopped, None while it isn't."""
        return await halt_of(self._redis, self._scripts.keys, self.group)

    async def tell(self, stopped: Halted) -> str:
        """Write the line that a stop deserves; why the stage is stopped.

        A page for whoever is on call by the worker that stopped it; the others say that they
        end, too.
        """
        halt = await self.halt()
        if halt is None:
            return "its failure budget was used up"
        if not stopped.first:
            log.error("stage.halt_obeyed", stage=halt.stage, group=halt.group, reason=halt.reason)
            return halt.reason
        log.critical(
            "stage.halted",
            stage=halt.stage,
            group=halt.group,
            reason=halt.reason,
            died=halt.dead,
            of_the_last=halt.of,
            in_a_row=halt.row,
            commonest=halt.commonest,
            commonest_times=halt.times,
            last=list(halt.last),
            advice=advice_for(halt.stage),
        )
        return halt.reason


async def halt_of(redis: Redis, keys: Keys, group: str) -> Halt | None:
    """Why the stage of a group is stopped, None while it isn't."""
    found: dict[Any, Any] = await redis.hgetall(keys.halted(group))
    return _halt(group, {name.decode(): value.decode() for name, value in found.items()})


async def halts(redis: Redis, keys: Keys) -> tuple[Halt, ...]:
    """Every stage that is stopped, by the names of their groups."""
    prefix = len(keys.halted(""))
    groups = [
        key.decode()[prefix:]
        async for key in redis.scan_iter(keys.halted_pattern(), count=SCAN_COUNT)
    ]
    found = [await halt_of(redis, keys, group) for group in sorted(set(groups))]
    return tuple(halt for halt in found if halt is not None)


async def resume(redis: Redis, keys: Keys, stopped: Sequence[Halt]) -> list[Halt]:
    """End the stops; those that this call ended. What died before counts no more."""
    ended = []
    for halt in stopped:
        # The count goes first: a worker that finds the stop gone must not find it full.
        await redis.delete(keys.recent(halt.group))
        if await redis.delete(keys.halted(halt.group)):
            ended.append(halt)
    return ended


def _halt(group: str, found: dict[str, Any]) -> Halt | None:
    if not found:
        return None
    return Halt(
        group=group,
        at=datetime.fromtimestamp(int(found["at"]), UTC),
        rule=found["rule"],
        row=int(found["row"]),
        dead=int(found["dead"]),
        of=int(found["of"]),
        commonest=found["commonest"],
        times=int(found["times"]),
        last=tuple(orjson.loads(found["last"])),
        passed=int(found["passed"]),
        failed=int(found["failed"]),
    )
