"""The clock, and growing delays for what can't be done now."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

FIRST_DELAY = 1.0
"""Seconds before the second try: as long as a scan interval, so nothing spins."""

LONGEST_DELAY = 60.0
"""Seconds between tries at most: whoever frees the disk sees it noticed within a minute."""

REMIND_AFTER = 300.0
"""Seconds between two lines about the same trouble: seen in a log, without filling it."""

MANY_FILES = 32
"""Files on their way from which their outcomes are gathered before they are read: it takes longer
than :data:`LINGER` until they all have their receipts, whatever is done with each."""

LINGER = 0.8
"""Seconds that outcomes are gathered then. Each reading of the stream, with its commit and its
round of archiving, costs as much as three articles do: so more of them share it."""

FEW_OUTCOMES = 25
"""Outcomes from which no more are waited for: at 30 a second and more nothing is held up."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """Where times come from: ``monotonic`` in seconds for waits, ``now`` in UTC for records."""

    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = _utc_now


@dataclass(slots=True)
class _Delay:
    until: float
    seconds: float


@dataclass(slots=True)
class Waits:
    """What failed and when to try it again, by key; and which trouble was told of, by topic."""

    clock: Clock
    _delays: dict[Hashable, _Delay] = field(default_factory=dict)
    _told: dict[Hashable, float] = field(default_factory=dict)

    def ready(self, key: Hashable) -> bool:
        """Whether ``key`` may be tried now."""
        delay = self._delays.get(key)
        return delay is None or self.clock.monotonic() >= delay.until

    def failed(self, key: Hashable) -> float:
        """Note a failure; returns the seconds until the next try, doubled each time."""
        last = self._delays.get(key)
        seconds = FIRST_DELAY if last is None else min(last.seconds * 2, LONGEST_DELAY)
        self._delays[key] = _Delay(self.clock.monotonic() + seconds, seconds)
        return seconds

    def succeeded(self, key: Hashable) -> bool:
        """Forget the failures of ``key``; true if there were any."""
        self._told.pop(key, None)
        return self._delays.pop(key, None) is not None

    def __len__(self) -> int:
        """How many keys have failed and not succeeded since."""
        return len(self._delays)

    def tell(self, topic: Hashable) -> bool:
        """Whether to log about ``topic`` now: the first time, then every five minutes."""
        now = self.clock.monotonic()
        last = self._told.get(topic)
        if last is not None and now - last < REMIND_AFTER:
            return False
        self._told[topic] = now
        return True

    def keep(self, wanted: Callable[[Hashable], bool]) -> None:
        """Forget every key and topic that isn't ``wanted`` any more (its file is gone)."""
        for book in (self._delays, self._told):
            for key in [key for key in book if not wanted(key)]:
                del book[key]

    def next_ready(self) -> float | None:
        """Monotonic time of the next try of anything; None if nothing waits."""
        return min((delay.until for delay in self._delays.values()), default=None)


def linger(recorded: int, on_their_way: int) -> None:
    """After a few outcomes were recorded, and many more will come: let those gather.

    Blocks the thread that records; what was recorded is archived meanwhile.
    """
    if recorded < FEW_OUTCOMES and on_their_way >= MANY_FILES:
        time.sleep(LINGER)
