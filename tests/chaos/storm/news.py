"""What is dropped during a storm: a function of the seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.chaos.poisoned import CRASH, RAISE, SLOW
from tests.chaos.wire import Dropped, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AGAIN = frozenset({"indexed", "unchanged", "superseded"})
"""What a file becomes that comes again: the later one may be filed first."""

LATER_BY = 25
"""Files between the first version of a story and the second, on average."""

DUMP_RECORDS = 40
MOST_CRASHES = 3
CRASHES_FROM = 1000
"""Articles from which on there is one that crashes its worker, as often as there are attempts:
half a short storm would be restarts of it. A short run of just that is in test_attacks.py."""

SHARES = (
    ("article", 570),
    ("slow", 290),
    ("story", 50),
    ("again", 50),
    ("dump", 3),
    ("empty", 12),
    ("binary", 12),
    ("raise", 10),
    ("crash", 3),
)
"""Of a thousand files. Many are slow, so that a fault meets workers in the middle of a batch."""


@dataclass
class _Maker:
    wire: Wire
    draw: random.Random
    crashes_left: int

    def make(self, kind: str, earlier: list[Dropped]) -> list[Dropped]:
        """One file, or two of which the second is to come later."""
        if kind == "story":
            return list(self.wire.story())
        return [self._one(kind, earlier)]

    def _one(self, kind: str, earlier: list[Dropped]) -> Dropped:
        makes: dict[str, Callable[[], Dropped]] = {
            "again": lambda: self._again(earlier),
            "dump": lambda: self.wire.dump(DUMP_RECORDS),
            "empty": self.wire.empty,
            "binary": self.wire.binary,
            "slow": lambda: self.wire.article(SLOW),
            "raise": lambda: self.wire.article(RAISE, "rejected"),
            "crash": self._crash,
        }
        return makes.get(kind, self.wire.article)()

    def _crash(self) -> Dropped:
        if not self.crashes_left:
            return self.wire.article()
        self.crashes_left -= 1
        return self.wire.article(CRASH, "rejected")

    def _again(self, earlier: list[Dropped]) -> Dropped:
        """The bytes of an earlier plain article; either of the two may come first."""
        number = self.draw.randrange(len(earlier)) if earlier else -1
        if not earlier or not _is_plain(earlier[number]):
            return self.wire.article()
        earlier[number] = replace(earlier[number], may_become=AGAIN)
        return self.wire.again(earlier[number])


def _is_plain(file: Dropped) -> bool:
    return file.may_become == frozenset({"indexed"}) and file.records == 1


def make_news(seed: int, articles: int) -> list[Dropped]:
    """Files with at least ``articles`` records in all, in the order of dropping."""
    draw = random.Random(f"news {seed}")  # noqa: S311  (repeatable, not secret)
    maker = _Maker(Wire(seed), draw, min(MOST_CRASHES, articles // CRASHES_FROM))
    kinds, weights = zip(*SHARES, strict=True)
    files: list[Dropped] = []
    later: list[tuple[int, Dropped]] = []
    records = 0
    while records < articles:
        later, due = _due(later, len(files))
        made = due or maker.make(draw.choices(kinds, weights)[0], files)
        files.append(made[0])
        records += made[0].records
        later += [(len(files) + draw.randrange(1, 2 * LATER_BY), each) for each in made[1:]]
    return files + [each for _, each in later]


def _due(
    later: list[tuple[int, Dropped]], count: int
) -> tuple[list[tuple[int, Dropped]], list[Dropped]]:
    """What still waits, and the one whose turn has come, if any."""
    for entry in later:
        if entry[0] <= count:
            return [each for each in later if each is not entry], [entry[1]]
    return later, []


def poisoned(files: list[Dropped]) -> Iterator[Dropped]:
    """The files that must end as dead letters, and no others may."""
    for file in files:
        if RAISE.encode() in file.data or CRASH.encode() in file.data:
            yield file
