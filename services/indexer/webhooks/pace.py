"""When a webhook may be tried again: what one event's failure means, and what several mean.

An event that failed waits for a time of its own while others go on.  When several different
ones fail in a row, it is the receiver that fails: then the whole webhook waits, and tries one
event at a time until one is taken.  Events that are known to fail prove nothing by failing
again, unless the receiver isn't there at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Hashable, Mapping

DELAYS = (5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0, 21600.0)
"""Seconds between two attempts on one event; the last one again and again.  Twelve attempts
take 25.7 hours: a receiver that is mended the next morning has missed nothing."""

HOLDS = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0)
"""Seconds for which the whole webhook waits; the last one again and again.  One request in five
minutes harms no server, and a receiver that is back waits no longer than that."""

JITTER = 0.2
"""Part of a delay by which it may be shorter or longer, so that what failed together doesn't
come back together."""

LONGEST_WAIT = DELAYS[-1] * (1 + JITTER)
"""Seconds that anything here waits at most; a receiver may ask for an hour."""

ROW = 5
"""Different events that fail in a row before the receiver is taken to be down: a few articles
that a receiver can't digest are no outage."""


def delay(attempts: int, rng: random.Random) -> float:
    """Seconds before the next try of an event, after so many attempts (1 or more)."""
    return _about(DELAYS[min(attempts, len(DELAYS)) - 1], rng)


def credible(due: float, now: float) -> float:
    """When something is due that was noted earlier, maybe by a clock that was set back since.

    What would wait longer than anything may is due at once: else a clock that was a day ahead
    would hold events back for that day.
    """
    return now if due > now + LONGEST_WAIT else due


def _about(seconds: float, rng: random.Random) -> float:
    return seconds * rng.uniform(1 - JITTER, 1 + JITTER)


@dataclass
class Pace:
    """Whether the webhook as a whole waits, and until when (seconds since 1970).

    ``row``: the events that have failed since the receiver last was there.
    """

    rng: random.Random
    held_until: float = 0.0
    holds: int = 0
    row: set[Hashable] = field(default_factory=set)

    @property
    def holding(self) -> bool:
        """Whether the receiver has to show first that it takes anything."""
        return self.holds > 0

    def ready(self, now: float) -> bool:
        """Whether anything may be sent now."""
        return not self.holding or now >= self.held_until

    def succeeded(self) -> set[Hashable] | None:
        """Note that the receiver is there; what had failed, None if the webhook didn't wait."""
        failed = self.row if self.holding else None
        self.holds, self.held_until, self.row = 0, 0.0, set()
        return failed

    def failed(
        self, event: Hashable, now: float, *, proves: bool, retry_after: float | None = None
    ) -> bool:
        """Note a failure; whether the webhook waits since just now.

        ``proves``: that it says something of the receiver, not only of the event.
        ``retry_after``: seconds that the receiver asked for; they hold for the whole webhook.
        """
        before = self.holding
        if proves:
            self.row.add(event)
        if before or retry_after is not None or (proves and len(self.row) >= ROW):
            pause = _about(HOLDS[min(self.holds, len(HOLDS) - 1)], self.rng)
            self.held_until = now + max(pause, retry_after or 0.0)
            self.holds += 1
        return self.holding and not before

    def facts(self) -> Mapping[str, str]:
        """What the next worker has to know."""
        return {"held_until": f"{self.held_until:.3f}", "holds": str(self.holds)}

    @classmethod
    def of(cls, facts: Mapping[str, str], rng: random.Random, now: float) -> Pace:
        """As :meth:`facts` told it."""
        held_until = credible(float(facts.get("held_until", 0.0)), now)
        return cls(rng, held_until, int(facts.get("holds", 0)))
