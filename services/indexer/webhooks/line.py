"""The events of one webhook that are read and not delivered, in the order of their next try."""

from __future__ import annotations

import heapq
from dataclasses import replace
from typing import TYPE_CHECKING

from services.indexer.webhooks.pace import credible

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Mapping

    from services.bus.webhooks import Slot, Tries


class Line:
    """``known``: all of them. Those that are being tried are known, and in no order."""

    def __init__(self) -> None:
        self.known: dict[Slot, Tries] = {}
        self._ready: list[Slot] = []
        self._later: list[tuple[float, Slot]] = []
        self._bytes: dict[Slot, bytes] = {}
        self._probed: set[Slot] = set()
        self._new_next = False

    def __len__(self) -> int:
        return len(self.known)

    @property
    def any_ready(self) -> bool:
        """Whether one could be tried now."""
        return bool(self._ready)

    def add(self, slot: Slot, tries: Tries, now: float, event: bytes | None = None) -> None:
        """Put an event in its place; ``event``: its bytes, where they are at hand."""
        tries = replace(tries, due=credible(tries.due, now))
        self.known[slot] = tries
        if event is not None:
            self._bytes[slot] = event
        if tries.due > now:
            heapq.heappush(self._later, (tries.due, slot))
        else:
            heapq.heappush(self._ready, slot)

    def bytes_of(self, slot: Slot) -> bytes | None:
        """The bytes of an event where they are at hand; they are given away."""
        return self._bytes.pop(slot, None)

    def forget(self, slot: Slot) -> None:
        """It is delivered, dead or gone."""
        self.known.pop(slot, None)
        self._bytes.pop(slot, None)

    def match(self, there: Mapping[Slot, Tries], tried: Collection[Slot], now: float) -> None:
        """Know just what is in the queue; ``tried``: those that are being tried."""
        for slot in self.known.keys() - there.keys() - set(tried):
            self.forget(slot)
        for slot in there.keys() - self.known.keys():
            self.add(slot, there[slot], now)

    def take(self, now: float) -> Slot | None:
        """The oldest event that may be tried now."""
        while self._later and self._later[0][0] <= now:
            heapq.heappush(self._ready, heapq.heappop(self._later)[1])
        while self._ready:
            slot = heapq.heappop(self._ready)
            if slot in self.known:
                return slot
        return None

    def take_probe(self) -> Slot | None:
        """The event that shows whether the receiver is back; None: a new one has to be read.

        While the receiver isn't there, the oldest.  Where it answers, each in turn, and
        between two of them a new one: were it always the oldest, some events that the receiver
        can't digest would look like an outage for as long as they are tried.
        """
        waiting = {*self._ready, *(slot for _, slot in self._later)} & self.known.keys()
        left = sorted(waiting - self._probed)
        if self._new_next:
            left = [slot for slot in left if not self.known[slot].sent]
        if not left:
            return None
        self._ready = sorted(slot for slot in self._ready if slot != left[0])
        self._later = sorted(each for each in self._later if each[1] != left[0])
        return left[0]

    def probed(self, slot: Slot) -> None:
        """A probe has failed, and the receiver had answered."""
        self._new_next = not self._new_next
        self._probed.add(slot)

    def nothing_new(self) -> None:
        """There is no new event for a probe: it has to be one of those that wait."""
        self._new_next = False
        if not self.known.keys() - self._probed:
            self._probed.clear()

    def catch_up(self, failed: Collection[Hashable]) -> None:
        """An outage is over: what failed in it may be tried at once."""
        self._probed.clear()
        self._new_next = False
        self._ready = sorted({*self._ready, *(slot for _, slot in self._later if slot in failed)})
        self._later = sorted(each for each in self._later if each[1] not in failed)
