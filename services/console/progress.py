"""How far long files are, as ingest says in its sign of life."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from services.observability import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HUNDRED = 100

MINUTE, HOUR, DAY = 60, 3600, 24 * 3600
"""In seconds."""

FIRST_GUESS = 2.0
"""Seconds of reading before which no rate is told: the first part's is mostly the start."""


@dataclass(frozen=True, slots=True)
class LongFile:
    """A long file in work: ``offset`` of ``size`` bytes were read, which gave ``records``.

    ``settled`` of these have an outcome.  ``file`` is its path below the inbox, printable.
    """

    file: str
    offset: int
    size: int
    records: int
    settled: int
    since: datetime

    @property
    def share(self) -> float:
        """How much of the file was read, 0 to 1."""
        return min(1.0, self.offset / self.size) if self.size > 0 else 0.0

    def rate(self, now: datetime) -> float | None:
        """Records a second since the file was taken; None where it is too early to tell."""
        seconds = (now - self.since).total_seconds()
        return self.records / seconds if seconds >= FIRST_GUESS else None

    def seconds_left(self, now: datetime) -> float | None:
        """Seconds until it will have been read, going on like this; None if that can't be told."""
        seconds = (now - self.since).total_seconds()
        if seconds < FIRST_GUESS or not self.share:
            return None
        return seconds * (1 - self.share) / self.share


def long_files(workers: Iterable[Mapping[str, Any]]) -> list[LongFile]:
    """The long files in the workers' signs of life, in their order."""
    return [
        LongFile(
            file=str(each["file"]),
            offset=int(each["offset"]),
            size=int(each["size"]),
            records=int(each["records"]),
            settled=int(each["settled"]),
            since=datetime.fromisoformat(each["since"]),
        )
        for worker in workers
        for each in worker.get("progress") or ()
    ]


def line_of_file(file: LongFile, now: datetime) -> str:
    """``big.jsonl: 42 %, 12,345 records (12,300 settled), 230 a second, 2 min left``."""
    parts = [
        f"{file.share * HUNDRED:.0f} %",
        f"{file.records:,} records ({file.settled:,} settled)",
    ]
    rate, left = file.rate(now), file.seconds_left(now)
    if rate is not None:
        parts.append(f"{rate:,.0f} a second")
    if left is not None:
        parts.append(f"{duration(left)} left")
    return f"{printable(file.file)}: {', '.join(parts)}"


def duration(seconds: float) -> str:
    """Seconds in the unit that fits, rounded: ``40 s``, ``3 min``, ``5 h``, ``2 days``."""
    for unit, name in ((DAY, "days"), (HOUR, "h"), (MINUTE, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"
