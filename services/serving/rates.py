"""How often one caller may ask: token buckets, as many as are bounded."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_CALLERS = 10_000
"""Callers remembered at most, about 2 MB. The one that was quiet for longest is forgotten first,
and starts anew with a full bucket; by then it is mostly full anyway."""

BURST_SECONDS = 10.0
"""A bucket holds what comes in in this time: a sixth of the requests of a minute."""

IPV6_PREFIX = 64
"""Bits of an IPv6 address that tell callers apart: the rest is the caller's own to choose."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request may be made: ``left`` more may at once, ``limit`` if one waits.

    ``wait``: whole seconds until one more may, 0 where one may now.  ``window``: seconds in
    which an empty bucket fills.
    """

    allowed: bool
    limit: int
    left: int
    wait: int
    window: int


class Limiter:
    """Lets each caller make ``per_minute`` requests a minute, and bursts of a sixth of it."""

    def __init__(
        self,
        per_minute: float,
        clock: Callable[[], float] = time.monotonic,
        max_callers: int = MAX_CALLERS,
    ) -> None:
        self._rate = per_minute / 60
        self._full = max(1.0, math.ceil(self._rate * BURST_SECONDS))
        self._clock = clock
        self._max_callers = max_callers
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, caller: str) -> Verdict:
        """Count a request of ``caller``; where it isn't allowed, nothing is counted."""
        now = self._clock()
        held, since = self._buckets.pop(caller, (self._full, now))
        held = min(self._full, held + (now - since) * self._rate)
        allowed = held >= 1
        held -= allowed
        self._buckets[caller] = (held, now)
        if len(self._buckets) > self._max_callers:
            self._buckets.popitem(last=False)
        return Verdict(
            allowed=allowed,
            limit=int(self._full),
            left=int(held),
            wait=0 if held >= 1 else math.ceil((1 - held) / self._rate),
            window=math.ceil(self._full / self._rate),
        )


def caller_of(client: tuple[str, int] | None) -> str:
    """The address that requests are counted by."""
    if client is None:
        return "local"
    try:
        address = ipaddress.ip_address(client[0].partition("%")[0])
    except ValueError:
        return client[0]
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False))
    return str(address)
