"""How long a file may keep its reader, and how much may come of it."""

from __future__ import annotations

from dataclasses import dataclass

from services.ingest.readers.base import MIB, Limits, Unreadable
from services.ingest.sandbox.process import Gone
from services.ingest.sandbox.protocol import FRAME_BYTES

SIGN_BYTES = 16 * 1024
"""Bytes read on that count as a sign of life: a parser that reads on byte by byte is stuck."""

START_TIMEOUT = 60.0
"""Seconds for a process to start: 1.1 s of work, which a full machine or a slow disk stretches."""

FIRST_WAITS = 20
"""Times the timeout that a file may take whatever its size: ten minutes by default."""

SECONDS_PER_RECORD = 1.0
"""What each record adds: most take a hundredth of it. So records that each stay just below the
timeout end a file after some minutes, and an honest file of a million is never ended."""

BYTES_PER_SECOND = 64 * 1024
"""Speed of reading below which a file is ended: a tenth of the slowest reader's (HTML, about
1 MB/s on a slow machine, less where other files are read at the same time)."""

PASSES = 4
"""Times that a reader may read a file and have it counted; an endless loop reads it for ever."""

OUTPUT_RATIO = 1000
"""Bytes of records per byte of the file at most: what deflate, the usual packing, can come to.
Real packed news come to 20."""


@dataclass(slots=True)
class Allowance:
    """What one file may take, over all processes that work on it."""

    timeout: float
    size: int
    limits: Limits
    waited: float = 0.0
    records: int = 0
    read: int = 0
    delivered: int = 0

    def wait(self, seconds: float) -> None:
        """Count time waited; raises :class:`Unreadable` when it is too much for what came."""
        self.waited += seconds
        read = min(self.read, PASSES * self.size)
        allowed = FIRST_WAITS * self.timeout + self.records * SECONDS_PER_RECORD
        if self.waited > allowed + read / BYTES_PER_SECOND:
            raise Unreadable(
                f"reading it takes too long: {self.waited:.0f} s for {self.records} records",
                "Split it, and look at what is in it.",
            )

    def deliver(self, size: int) -> None:
        """Count a record of ``size`` bytes; raises :class:`Unreadable` when it is too much."""
        self.records += 1
        self.delivered += size
        ceiling = 4 * max(self.size, self.limits.expanded_bytes)
        if self.delivered > FRAME_BYTES + min(OUTPUT_RATIO * self.size, ceiling):
            raise Unreadable(
                f"of its {self.size} bytes come {self.delivered / MIB:.0f} MiB of articles, "
                "more than any honest file gives",
                "If it is no bomb, unpack it and split it.",
            )


@dataclass(slots=True)
class Silence:
    """Time since the last sign of life of one process."""

    allowance: Allowance
    lasted: float = 0.0
    started: float = 0.0
    read: int = 0

    def start(self, seconds: float) -> None:
        """Count time waited for its start; raises :class:`Gone` when it is too long."""
        self.started += seconds
        if self.started > START_TIMEOUT:
            raise Gone(f"was ended: it did not start within {START_TIMEOUT:g} s")

    def wait(self, seconds: float) -> None:
        """Count time waited; raises :class:`Gone` when it is too long, as ``Allowance.wait``."""
        self.lasted += seconds
        if self.lasted > self.allowance.timeout:
            raise Gone(f"was ended: no result after {self.allowance.timeout:g} s")
        self.allowance.wait(seconds)

    def record(self, size: int) -> None:
        """A record came, of ``size`` bytes; raises as ``Allowance.deliver``."""
        self.lasted = 0.0
        self.allowance.deliver(size)

    def advanced(self, total: int) -> None:
        """It has read ``total`` bytes so far."""
        step = total - self.read
        if step >= SIGN_BYTES:
            self.lasted = 0.0
            self.allowance.read += step
            self.read = total
