"""How many lines the log takes: whole articles are kept, and what is left out is counted.

A process that handles a thousand articles a second must not write a thousand lines a second.
Each event name has a bucket of its own, so that a busy one doesn't silence a rare one:

* a **burst** of ten times the rate passes whole;
* below it lies a **reserve** of the same size.  The emptier that is, the smaller the share of the
  articles whose lines are kept, in powers of two: at half of it 1/4, at a quarter 1/16.  Which
  articles these are is told by their trace ids, so that **all lines of one article are kept or
  none**, in every service, without their having to talk to each other; and since a smaller share
  is part of each larger one, an article in the smallest share reached anywhere has all its lines.
  A plain bucket would leave an arbitrary hop of each article.
* an empty reserve leaves out everything: so the volume is bounded whatever the trace ids are.

Lines without a trace id pass while the reserve is full, thus at the rate after a burst.  Warnings
and errors aren't the rate's concern; :meth:`LogRate.seldom` is for those that repeat themselves.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

from services.metrics import LOG_LINES_LEFT_OUT

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from prometheus_client import Counter as Metric

BURST_SECONDS = 10
"""Seconds of the rate that pass at once: a folder of a few hundred files is logged whole."""

SUMMARY_EVERY = 60.0
"""Seconds between two lines about what was left out: one a minute is no volume of its own."""

SELDOM = 60.0
"""Seconds between two lines about the same trouble: seen while one looks, and no flood."""

MAX_NAMES = 1000
"""Names and troubles told apart: ours are under a hundred; more come of a library's loggers."""

OTHERS = "others"
"""The name under which those beyond ``MAX_NAMES`` are counted together."""

LEFT_OUT = -1
"""What :meth:`LogRate.admit` gives for a line that isn't to be written."""

TRACE_DIGITS = 8
"""Hexadecimal digits of a trace id that tell its share: the last ones, which the standard (W3C
Trace Context) asks to be random; ours are part of a hash."""

PLACE_BITS = 4 * TRACE_DIGITS
"""Bits of those digits."""


class _Bucket:
    """What one event name may still write; ``at``: when that was reckoned."""

    __slots__ = ("at", "tokens")

    def __init__(self, tokens: float, at: float) -> None:
        self.tokens = tokens
        self.at = at


class LogRate:
    """The bound on one process's log; see the module's docstring. Safe to use from any thread.

    ``rate``: lines a second of one name, 0 for no bound.  ``say`` writes a summary: lines left out
    by name, and over how many seconds; it is called without the lock, from a thread of its own or
    from :meth:`summary`.
    """

    def __init__(
        self,
        rate: float,
        say: Callable[[Mapping[str, int], float], None],
        clock: Callable[[], float] = time.monotonic,
        every: float = SUMMARY_EVERY,
    ) -> None:
        self._rate = rate
        # A rate below one line in ten seconds still lets single lines pass.
        self._reserve = max(1.0, rate * BURST_SECONDS)
        self._full = 2 * self._reserve
        self._say = say
        self._clock = clock
        self._every = every
        self._lock = threading.Lock()
        self._buckets: dict[str, _Bucket] = {}
        self._told: dict[tuple[str, Hashable], float] = {}
        self._left_out: Counter[str] = Counter()
        self._counters: dict[str, Metric] = {}
        self._since = clock()
        self._teller: threading.Thread | None = None

    def admit(self, event: str, trace_id: object = None) -> int:
        """Halvings of the share in which a line is kept (0: all are), or ``LEFT_OUT``."""
        if not self._rate:
            return 0
        with self._lock:
            bucket = self._bucket(event)
            halvings = self._halvings(bucket.tokens, trace_id)
            if halvings != LEFT_OUT:
                bucket.tokens -= 1.0
                return halvings
        self.leave_out(event)
        return LEFT_OUT

    def would_leave_out(self, event: str, trace_id: object = None) -> bool:
        """Whether :meth:`admit` would leave a line out now; if so, it is counted as left out.

        For a line that takes longer to make than to ask.
        """
        if not self._rate:
            return False
        with self._lock:
            left_out = self._halvings(self._bucket(event).tokens, trace_id) == LEFT_OUT
        if left_out:
            self.leave_out(event)
        return left_out

    def seldom(self, event: str, topic: Hashable, *, counts: bool = True) -> bool:
        """Whether a line that repeats itself is to be written: at first, then once a minute.

        Lines of one ``event`` and ``topic`` repeat each other; those between are counted as
        left out, unless it is only a part of the line that is (``counts``).
        """
        if not self._rate:
            return True
        now, key = self._clock(), (event, topic)
        with self._lock:
            last = self._told.get(key)
            if last is None or now - last >= SELDOM:
                self._told.pop(key, None)
                if len(self._told) >= MAX_NAMES:
                    del self._told[next(iter(self._told))]
                self._told[key] = now
                return True
        if counts:
            self.leave_out(event)
        return False

    def leave_out(self, event: str) -> None:
        """Count a line that isn't written; it is said within a minute."""
        with self._lock:
            if len(self._counters) >= MAX_NAMES and event not in self._counters:
                event = OTHERS
            self._left_out[event] += 1
            begins = self._teller is None
            if begins:
                self._teller = threading.Thread(target=self._tell, name="log-rate", daemon=True)
            counter = self._counters.get(event)
            if counter is None:
                counter = self._counters[event] = LOG_LINES_LEFT_OUT.labels(event=event)
        counter.inc()
        if begins:
            self._begin()

    def summary(self) -> None:
        """Say now what was left out since the last time; nothing where nothing was."""
        with self._lock:
            left_out, self._left_out = self._left_out, Counter()
            now = self._clock()
            seconds, self._since = now - self._since, now
        if left_out:
            self._say(dict(left_out.most_common()), seconds)

    def _bucket(self, event: str) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.get(event)
        if bucket is None:
            if len(self._buckets) >= MAX_NAMES:
                event = OTHERS
            bucket = self._buckets.setdefault(event, _Bucket(self._full, now))
        bucket.tokens = min(self._full, bucket.tokens + (now - bucket.at) * self._rate)
        bucket.at = now
        return bucket

    def _halvings(self, tokens: float, trace_id: object) -> int:
        """The share at a bucket's filling: its square below the reserve, down to a power of two."""
        if tokens >= self._reserve + 1.0:
            return 0
        place = _place(trace_id)
        if tokens < 1.0 or place is None:
            return LEFT_OUT
        # The square, so that also a flood of ten thousand a second stays off the bottom.
        halvings = max(0, math.ceil(-2.0 * math.log2(tokens / self._reserve)))
        return LEFT_OUT if place >> max(0, PLACE_BITS - halvings) else halvings

    def _begin(self) -> None:
        teller = self._teller
        if teller is not None:
            try:
                teller.start()
            except RuntimeError:
                # The interpreter is ending: the summary at its end says it.
                self._teller = None

    def _tell(self) -> None:
        time.sleep(self._every)
        with self._lock:
            self._teller = None
        self.summary()


def _place(trace_id: object) -> int | None:
    """Where a trace lies among all, from 0 to 2**32 - 1; None for what is no trace id."""
    if not isinstance(trace_id, str):
        return None
    try:
        return int(trace_id[-TRACE_DIGITS:], 16)
    except ValueError:
        return None
