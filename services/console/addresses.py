"""Where a running desk's API can be reached, as its workers sign."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from services.bus.errors import StopWorking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from services.console.supervisor import Desk

LOOK_EVERY = 1.0
"""Seconds between two looks for an address that isn't known yet; a service starts in about two."""

KNOWN_EVERY = 10.0
"""Seconds between two looks for one that may have changed: a restart, another port."""


def api_addresses(workers: Iterable[Mapping[str, Any]]) -> list[str]:
    """Where APIs listen, as the signs of life say."""
    return sorted({str(worker["api"]) for worker in workers if worker.get("api")})


class Addresses:
    """Says each new address of a desk's API once."""

    def __init__(
        self, desk: Desk, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._desk = desk
        self._say = say
        self._clock = clock
        self._due = clock()
        self._known: list[str] = []

    def look(self) -> None:
        """Look, where it is time to; a server that is away is looked at again later."""
        if self._clock() < self._due or not self._desk.settings.api:
            return
        with suppress(RedisError, OSError, StopWorking):
            found = api_addresses(self._desk.signs())
            for address in found:
                if address not in self._known:
                    self._say(address)
            # While a service starts anew, its last address is still the one that was said.
            self._known = found or self._known
        self._due = self._clock() + (KNOWN_EVERY if self._known else LOOK_EVERY)
