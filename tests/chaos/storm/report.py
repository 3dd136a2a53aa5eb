"""What a storm did and what came of it: noted while it runs, told at the end."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Recovery:
    """Seconds from a fault's end to the receipt of a bulletin dropped as it ended."""

    median: float
    longest: float
    of: int


@dataclass
class Diary:
    """Writes down what happens, each line with the seconds since the beginning."""

    out: IO[str]
    echo: bool = False
    began: float = field(default_factory=time.monotonic)
    faults: Counter[str] = field(default_factory=Counter)
    recoveries: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    longest_standstill: float = 0.0

    def note(self, line: str) -> None:
        """One line."""
        text = f"{time.monotonic() - self.began:8.2f} {line}"
        self.out.write(text + "\n")
        self.out.flush()
        if self.echo:
            print(text, flush=True)  # noqa: T201  (the command's output)

    def recovered(self, kind: str, seconds: float) -> None:
        """A bulletin dropped at a fault's end has its receipt."""
        self.recoveries[kind].append(seconds)
        self.note(f"a bulletin after {kind} was settled in {seconds:.2f} s")

    def summaries(self) -> dict[str, Recovery]:
        """The recoveries by kind of fault."""
        return {
            kind: Recovery(round(median(found), 2), round(max(found), 2), len(found))
            for kind, found in self.recoveries.items()
        }


@dataclass
class Report:
    """The figures of a whole storm; ``lost`` and ``duplicated`` are 0 or it has failed."""

    seed: int
    fsync: str
    seconds: float = 0.0
    files: int = 0
    articles: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    dead_letters: int = 0
    restarts: int = 0
    lost: int = 0
    duplicated: int = 0
    longest_standstill: float = 0.0
    recovery: dict[str, Recovery] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """As JSON."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    def __str__(self) -> str:
        recovery = {kind: (each.median, each.longest) for kind, each in self.recovery.items()}
        rows: list[tuple[str, ...]] = [("fault", "times", "recovery s (median)", "(longest)")]
        rows += [
            (kind, str(count), *(str(each) for each in recovery.get(kind, ("", ""))))
            for kind, count in sorted(self.faults.items())
        ]
        return "\n".join([*self._totals(), "", *(_line(row) for row in rows)])

    def _totals(self) -> list[str]:
        outcomes = ", ".join(f"{count} {kind}" for kind, count in sorted(self.outcomes.items()))
        ends = f"{self.restarts} ends of workers, {self.dead_letters} dead letters"
        return [
            f"seed {self.seed}, appendfsync {self.fsync}, {self.seconds:.0f} s",
            f"{self.articles} articles in {self.files} files: {outcomes}",
            f"{sum(self.faults.values())} faults, {ends}",
            f"longest time without an article filed: {self.longest_standstill:.1f} s",
            f"lost: {self.lost}   duplicated: {self.duplicated}",
        ]


def _line(row: tuple[str, ...]) -> str:
    kind, times, *seconds = row
    return f"{kind:14}{times:>6}" + "".join(f"{each:>21}" for each in seconds)


def outcomes_of(receipts: list[dict[str, Any]]) -> dict[str, int]:
    """How many records became what."""
    return dict(Counter(line["outcome"] for receipt in receipts for line in receipt["articles"]))
