"""What is known of a running service's health: facts that its parts keep, judged when asked.

``/livez`` asks whether a restart would help: a loop that no longer turns, a batch that never
ends.  ``/readyz`` asks whether work gets done now; what it waits for may be outside, where a
restart helps nothing.  Both are asked from a thread of their own (:mod:`services.bus.health`),
so that a loop that stands still is seen: nothing here waits, and everything may be called from
any thread.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services import metrics
from services.observability import get_logger

if TYPE_CHECKING:
    from services.bus.patience import Facts

log = get_logger(__name__)

BEAT_EVERY = 0.5
"""Seconds between two beats of an event loop."""

LOOP_LIMIT = 5.0
"""Seconds without a beat after which an event loop counts as stalled: ten beats. Far above what
a busy machine holds one up for, far below the 30 s after which the process ends itself."""

LOADING_LIMIT = 600.0
"""Seconds that loading models or opening a store may take: it takes some, on a slow disk a
minute; after ten nobody waits any more."""

_JSON_DIGITS = 1
"""Decimals of an age in seconds."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one check ended. ``age``: seconds since what it looks at was last seen well."""

    ok: bool
    reason: str | None = None
    age: float | None = None


Look = Callable[[], Verdict]
WELL = Verdict(ok=True)


class Pulse:
    """The heartbeat of one loop: the loop beats, others judge.

    ``limit``: seconds without a beat after which it counts as stalled.  A pulse that has not
    begun, or has ended, isn't stalled; what it stands for isn't ready then either.
    """

    def __init__(
        self, name: str, limit: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = name
        self.limit = limit
        self._clock = clock
        self._beaten: float | None = None

    def beat(self) -> None:
        """The loop turns."""
        self._beaten = self._clock()

    def rest(self) -> None:
        """The loop has ended, or waits for something before it goes on: nothing is expected."""
        self._beaten = None

    @property
    def age(self) -> float | None:
        """Seconds since the last beat; None while nothing is expected."""
        beaten = self._beaten
        return None if beaten is None else max(0.0, self._clock() - beaten)

    def alive(self) -> Verdict:
        """Whether it isn't stalled."""
        age = self.age
        if age is None or age <= self.limit:
            return Verdict(ok=True, age=age)
        return Verdict(ok=False, reason=f"no turn for more than {self.limit:g} s", age=age)

    def running(self) -> Verdict:
        """Whether it runs, and isn't stalled."""
        if self.age is None:
            return Verdict(ok=False, reason="not running now")
        return self.alive()


async def beats(pulse: Pulse) -> None:
    """Beat for the event loop that this runs in, until cancelled."""
    while True:
        pulse.beat()
        await asyncio.sleep(BEAT_EVERY)


@dataclass(frozen=True, slots=True)
class _Phase:
    """What a service does before it works. ``limit``: seconds that it may take, None: any."""

    name: str
    since: float
    limit: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """The answer to a question: every check by name."""

    service: str
    checks: dict[str, Verdict]

    @property
    def ok(self) -> bool:
        """Whether no check failed."""
        return all(verdict.ok for verdict in self.checks.values())

    def document(self) -> dict[str, object]:
        """As JSON is made of it."""
        return {
            "service": self.service,
            "ok": self.ok,
            "checks": {name: _shown(verdict) for name, verdict in self.checks.items()},
        }


class Vitals:
    """The checks of one service, and what else is looked at every few seconds."""

    def __init__(self, service: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.service = service
        self.url: str | None = None
        """Where ``/metrics``, ``/livez`` and ``/readyz`` are; None where they aren't served."""
        self._clock = clock
        self._live: dict[str, Look] = {}
        self._ready: dict[str, Look] = {}
        self._gauges: list[Callable[[], None]] = []
        self._facts: Facts | None = None
        self.loop = Pulse("loop", LOOP_LIMIT, clock)
        self.live("loop", self.loop.alive)
        self.live("started", self._not_stuck)
        self._phase: _Phase | None = None
        self.begins("starting", LOADING_LIMIT)

    # --- what is looked at ----------------------------------------------------------
    def live(self, name: str, look: Look) -> None:
        """A check of both ``/livez`` and ``/readyz``."""
        self._live[name] = look

    def ready(self, name: str, look: Look) -> None:
        """A check of ``/readyz`` alone."""
        self._ready[name] = look

    def watch(self, pulse: Pulse) -> None:
        """A loop that mustn't stall, and that belongs to what is ready."""
        self.live(pulse.name, pulse.alive)
        self.ready(pulse.name, pulse.running)

    def gauge(self, look: Callable[[], None]) -> None:
        """Something that sets gauges: called every few seconds in a thread, and may raise."""
        self._gauges.append(look)

    def facts(self, facts: Facts, handler_timeout: float) -> None:
        """What a stage knows of itself: whether it is busy, waits or is halted."""
        self._facts = facts

        def batch() -> Verdict:
            since = facts.busy_since
            busy = None if since is None else max(0.0, time.monotonic() - since)
            if busy is None or busy <= handler_timeout:
                return Verdict(ok=True, age=busy)
            reason = f"one batch has been in work for more than {handler_timeout:g} s"
            return Verdict(ok=False, reason=reason, age=busy)

        self.live("batch", batch)
        self.ready("waiting", lambda: _unless(facts.waiting_for, "waits for: "))
        self.ready("halted", lambda: _unless(facts.halted, "halted: "))

    def begins(self, phase: str, limit: float | None = None) -> None:
        """What it does before it works; it isn't ready meanwhile. ``limit`` in seconds."""
        self._phase = _Phase(phase, self._clock(), limit)

    def works(self) -> None:
        """It has started."""
        self._phase = None

    # --- what is asked --------------------------------------------------------------
    def livez(self) -> Report:
        """Whether the process can go on as it is."""
        return self._report(self._live)

    def readyz(self) -> Report:
        """Whether work gets done now."""
        return self._report({**self._live, "started": self._started, **self._ready})

    def measure(self) -> None:
        """Set the gauges that are told at the moment of asking."""
        metrics.READY.labels(self.service).set(self.readyz().ok)
        metrics.LOOP_AGE.set(self.loop.age or 0.0)
        facts = self._facts
        if facts is not None:
            metrics.WAITING.labels(self.service).set(facts.waiting_for is not None)
            metrics.HALTED.labels(self.service).set(facts.halted is not None)

    def sample(self) -> None:
        """Look at everything that sets gauges. Blocks; what can't be told now is left as it was."""
        for look in self._gauges:
            try:
                look()
            except Exception as error:  # noqa: BLE001  (a number that can't be told fails no service)
                log.debug("gauge.unknown", error=f"{type(error).__name__}: {error}")

    def _report(self, looks: dict[str, Look]) -> Report:
        return Report(self.service, {name: _verdict(look) for name, look in looks.items()})

    def _not_stuck(self) -> Verdict:
        phase = self._phase
        if phase is None:
            return WELL
        age = max(0.0, self._clock() - phase.since)
        if phase.limit is None or age <= phase.limit:
            return Verdict(ok=True, age=age)
        reason = f"{phase.name} for more than {phase.limit:g} s"
        return Verdict(ok=False, reason=reason, age=age)

    def _started(self) -> Verdict:
        phase = self._phase
        if phase is None:
            return WELL
        return Verdict(ok=False, reason=phase.name, age=max(0.0, self._clock() - phase.since))


def _unless(trouble: str | None, before: str) -> Verdict:
    return WELL if trouble is None else Verdict(ok=False, reason=before + trouble)


def _verdict(look: Look) -> Verdict:
    try:
        return look()
    except Exception as error:  # noqa: BLE001  (what can't be told isn't well)
        return Verdict(ok=False, reason=f"can't be told: {type(error).__name__}")


def _shown(verdict: Verdict) -> dict[str, object]:
    shown: dict[str, object] = {"ok": verdict.ok, "reason": verdict.reason}
    age = verdict.age
    return shown | {"age_seconds": None if age is None else round(age, _JSON_DIGITS)}
