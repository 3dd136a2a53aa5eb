"""Runs a storm: acts of faults, each followed by the look whether everything is accounted for."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from tests.chaos.accounted import assert_accounted, nothing_runs
from tests.chaos.harness import about
from tests.chaos.storm.faults import begin
from tests.chaos.storm.field import standing
from tests.chaos.storm.news import make_news, poisoned
from tests.chaos.storm.report import Diary, Report, outcomes_of
from tests.chaos.storm.schedule import KINDS, plan
from tests.chaos.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tests.chaos.storm.faults import End
    from tests.chaos.storm.field import Field
    from tests.chaos.storm.schedule import Planned
    from tests.chaos.wire import Dropped

ROUND = 0.04
"""Seconds between two looks at everything."""

LOOK_EVERY = 0.1
"""Seconds between two looks into the store and for receipts."""

FIRST_ACT = 0.65
"""Of the articles and the time: without faults that let the server forget."""

SETTLE = 300.0
"""Seconds that everything may take to settle after an act, at most: a backlog, a restart after
the longest pause, and redrives of what was lost."""

BULLETINS = 10_000_000
"""Added to the seed for the bulletins, so that they resemble no other file."""


@dataclass(frozen=True, slots=True)
class Storm:
    """What is to be run.

    ``pace``: how long faults last, and how far apart they are.  ``brief``: the second act
    has only the faults that the first must leave out, else all.
    """

    seed: int
    articles: int
    seconds: float
    kinds: Sequence[str]
    fsync: str = "everysec"
    pace: float = 1.0
    url: str | None = None
    brief: bool = False
    partitions: int = 1


@dataclass
class Act:
    """Some minutes of a storm: files are dropped evenly, and its faults come when planned."""

    desk: Field
    diary: Diary
    bulletins: Wire
    files: deque[Dropped]
    faults: deque[Planned]
    seconds: float
    _began: float = field(default_factory=time.monotonic)
    _ends: list[tuple[float, str, End]] = field(default_factory=list)
    _awaited: list[tuple[str, str, float]] = field(default_factory=list)
    _looked: float = 0.0
    _filed: int = -1
    _filed_at: float = field(default_factory=time.monotonic)

    def run(self) -> None:
        """Until every fault has ended and every file and bulletin is settled."""
        every = self.seconds / max(1, len(self.files))
        count = 0
        while self.files or self.faults or self._ends:
            now = time.monotonic() - self._began
            while self.files and (now >= count * every):
                self.desk.drop(self.files.popleft())
                count += 1
            self._begin_due(now)
            self._end_due(now)
            self._look()
            self.desk.tend()
            time.sleep(ROUND)
        self.diary.note("the weather clears")
        self.desk.run_until(self._settled, "a receipt for every file", SETTLE)
        self.desk.run_until(self.desk.quiet, "nothing pending", SETTLE)

    def _settled(self) -> bool:
        if self._look():
            return not self._awaited and self.desk.settled()
        return False

    def _begin_due(self, now: float) -> None:
        if not self.faults or now < self.faults[0].at:
            return
        fault = self.faults[0]
        try:
            end = begin(self.desk, fault)
        except (RedisError, OSError):
            return  # the server is away by another fault: when it is back
        self.faults.popleft()
        self.diary.faults[fault.kind] += 1
        self.diary.note(f"{fault}")
        if end is None:
            self._bulletin(fault.kind)
        else:
            self._ends.append((now + fault.lasts, fault.kind, end))

    def _end_due(self, now: float) -> None:
        for entry in [each for each in self._ends if now >= each[0]]:
            try:
                entry[2]()
            except (RedisError, OSError):
                continue
            self._ends.remove(entry)
            self.diary.note(f"{entry[1]} ends")
            self._bulletin(entry[1])

    def _bulletin(self, kind: str) -> None:
        bulletin = self.bulletins.article()
        name = f"bulletin-{bulletin.name}"
        self.desk.drop(type(bulletin)(name, bulletin.data, bulletin.may_become))
        self._awaited.append((name, kind, time.monotonic()))

    def _look(self) -> bool:
        """Look for progress, not at each call; whether it has looked."""
        now = time.monotonic()
        if now - self._looked < LOOK_EVERY:
            return False
        self._looked = now
        filed = self.desk.filed()
        if filed != self._filed:
            self._filed, self._filed_at = filed, now
        elif self._awaited:
            self.diary.longest_standstill = max(
                self.diary.longest_standstill, now - max(self._filed_at, self._awaited[0][2])
            )
        for entry in [each for each in self._awaited if self.desk.has_receipt(each[0])]:
            self._awaited.remove(entry)
            self.diary.recovered(entry[1], now - entry[2])
        return True


def run_storm(storm: Storm, folder: Path, diary: Diary) -> Report:
    """Run it; the report. Raises ``AssertionError`` where something is lost or twice there."""
    began = time.monotonic()
    files = make_news(storm.seed, storm.articles)
    cut = round(FIRST_ACT * len(files))
    strict = [kind for kind in storm.kinds if not _forgets(kind, storm.fsync)]
    diary.note(f"seed {storm.seed}: {len(files)} files, appendfsync {storm.fsync}")
    bulletins = Wire(storm.seed + BULLETINS)
    with standing(
        folder, fsync=storm.fsync, pace=storm.pace, url=storm.url, partitions=storm.partitions
    ) as desk:
        diary.note("every stage works")
        _act(storm, desk, diary, bulletins, files[:cut], strict, FIRST_ACT)
        assert_accounted(desk, poisoned(desk.dropped), emptied=False)
        diary.note("the first act is accounted for")
        forgetful = [kind for kind in storm.kinds if kind not in strict]
        kinds = forgetful if storm.brief else storm.kinds
        _act(storm, desk, diary, bulletins, files[cut:], kinds, 1 - FIRST_ACT)
        assert_accounted(
            desk, poisoned(desk.dropped), emptied=bool(forgetful), deleted="stream" in kinds
        )
        diary.note("the second act is accounted for")
        report = _report(storm, desk, diary)
    nothing_runs(folder)
    report.seconds = time.monotonic() - began
    return report


def _forgets(kind: str, fsync: str) -> bool:
    """Whether the server may forget something by it.

    With ``everysec`` a killed one may: a slow disk delays the write itself by up to 2 s.
    """
    return KINDS[kind].empties or (kind == "server-kill" and fsync != "always")


def _act(
    storm: Storm,
    desk: Field,
    diary: Diary,
    bulletins: Wire,
    files: Iterable[Dropped],
    kinds: Sequence[str],
    share: float,
) -> None:
    seconds = share * storm.seconds
    faults = plan(storm.seed, seconds, kinds, storm.pace)
    for fault in faults:
        diary.note(f"planned at {fault.at:.2f}: {fault}")
    Act(desk, diary, bulletins, deque(files), deque(faults), seconds).run()


def _report(storm: Storm, desk: Field, diary: Diary) -> Report:
    receipts = desk.receipts()
    outcomes = outcomes_of(receipts)
    poison = {file.name for file in poisoned(desk.dropped)}
    return Report(
        seed=storm.seed,
        fsync=storm.fsync,
        files=len(desk.dropped),
        articles=sum(outcomes.values()),
        faults=dict(diary.faults),
        outcomes=outcomes,
        dead_letters=sum(
            receipt["file"] in poison and line["outcome"] == "rejected"
            for receipt in receipts
            for line in receipt["articles"]
        ),
        lost=sum(file.records for file in desk.dropped) - sum(outcomes.values()),
        duplicated=twice(desk, receipts),
        restarts=desk.restarts,
        longest_standstill=round(diary.longest_standstill, 2),
        recovery=diary.summaries(),
    )


def twice(desk: Field, receipts: list[dict[str, Any]]) -> int:
    """Articles filed as new twice, outcomes that came twice, and files with two receipts."""
    first = [
        line["article_id"]
        for receipt in receipts
        for line in receipt["articles"]
        if line["outcome"] == "indexed"
    ]
    lists: list[list[Any]] = [first, about(desk.outcomes()), [each["file"] for each in receipts]]
    return sum(len(found) - len(set(found)) for found in lists)
