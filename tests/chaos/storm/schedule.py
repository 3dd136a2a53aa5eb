"""What goes wrong, and when: a function of the seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

STAGES = ("ingest", "enrichment", "indexer")
WORKERS_EACH = 3
WORKERS = tuple(
    stage if number == 1 else f"{stage}-{number}"
    for stage in STAGES
    for number in range(1, WORKERS_EACH + 1)
)
"""The processes of the desk; of the ingests one owns the folder and the others stand by."""

GROUPS = ("raw", "enriched", "outcomes")
"""The streams, each with the group that a stage of ours reads it with."""

RELEASES = ("older", "newer", "this")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault.

    ``shortest``, ``longest``: seconds that it lasts, both 0 for what is over at once.
    ``weight``: how often it is drawn beside the others.  ``victims``: whom it may hit.
    ``empties``: the server forgets something by it, so its streams no longer tell everything.
    """

    meaning: str
    shortest: float = 0.0
    longest: float = 0.0
    weight: int = 2
    victims: tuple[str, ...] = ()
    empties: bool = False


KINDS: Mapping[str, Kind] = {
    "kill": Kind("SIGKILL of a worker", weight=6, victims=WORKERS),
    "end": Kind("SIGTERM of a worker", weight=2, victims=WORKERS),
    # Longer than claim_after: it wakes up to messages that others have taken over.
    "stop": Kind("SIGSTOP of a worker, then SIGCONT", 2.5, 6.0, weight=4, victims=WORKERS),
    "slow": Kind("SIGSTOP of all workers of a stage", 2.0, 8.0, victims=STAGES),
    "release": Kind("a worker of another release", weight=3, victims=WORKERS),
    "ghost": Kind("a consumer that takes messages and never comes back", victims=GROUPS),
    "server-kill": Kind("SIGKILL of the server"),
    "server-stop": Kind("SIGSTOP of the server, then SIGCONT", 0.5, 8.0),
    "power-cut": Kind("SIGKILL of the server, and the end of its log is lost", empties=True),
    "full": Kind("the server's memory is full", 1.0, 6.0),
    "group": Kind("a consumer group is destroyed", victims=GROUPS),
    "stream": Kind("a stream is deleted", victims=GROUPS, empties=True),
    "flush": Kind("FLUSHALL", empties=True),
    "cut": Kind("every connection is reset", weight=3),
    "refuse": Kind("connections are refused", 0.5, 6.0),
    "latency": Kind("answers are 50 to 150 ms late", 2.0, 10.0),
    "narrow": Kind("100 kB/s for each connection", 2.0, 10.0),
    # Longer than redis-py's timeout of 5 s at times, so that commands are sent again.
    "deaf": Kind("new connections are accepted and never answered", 1.0, 8.0),
    "swallow-up": Kind("what is sent to the server vanishes", 1.0, 12.0),
    "swallow-down": Kind("the server's answers vanish", 1.0, 12.0),
    "hold-up": Kind("what is sent arrives late, perhaps after it was sent again", 1.0, 12.0),
    "hold-down": Kind("the server's answers arrive late", 1.0, 8.0),
}


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault: ``at`` seconds from the beginning of its act, for ``lasts`` seconds."""

    at: float
    kind: str
    lasts: float
    victim: str = ""
    number: int = 0

    def __str__(self) -> str:
        whom = f" {self.victim}" if self.victim else ""
        span = f" for {self.lasts:.1f} s" if self.lasts else ""
        return f"{self.kind}{whom}{span}"


def plan(seed: int, seconds: float, kinds: Sequence[str], pace: float = 1.0) -> list[Planned]:
    """The faults of an act, by time: each kind once, then drawn by weight while there is room.

    One begins every 2.5 seconds on average, so that long ones overlap.  ``pace``: how long
    they last and how far they are apart, in parts of that; ``number`` is for whatever
    else a fault has to choose.
    """
    draw = random.Random(f"storm {seed} {seconds}")  # noqa: S311  (repeatable, not secret)
    most = max(len(kinds), round(seconds / (2.5 * pace)))
    chosen = list(kinds)
    chosen += draw.choices(kinds, [KINDS[kind].weight for kind in kinds], k=most - len(kinds))
    draw.shuffle(chosen)
    step = seconds / max(1, most)
    return [_planned(draw, kind, step * (n + draw.random()), pace) for n, kind in enumerate(chosen)]


def _planned(draw: random.Random, kind: str, at: float, pace: float) -> Planned:
    about = KINDS[kind]
    return Planned(
        at=round(at, 3),
        kind=kind,
        lasts=round(pace * draw.uniform(about.shortest, about.longest), 3),
        victim=draw.choice(about.victims) if about.victims else "",
        number=draw.randrange(2**31),
    )


def chosen_kinds(wanted: Iterable[str]) -> list[str]:
    """The kinds meant by names or beginnings of names (``server`` is all that begin so).

    Raises ``ValueError`` for a name that is none.
    """
    found = {name: [kind for kind in KINDS if _means(name, kind)] for name in wanted}
    unknown = [name for name, kinds in found.items() if not kinds]
    if unknown:
        raise ValueError(f"no such fault: {', '.join(unknown)}; there are {', '.join(KINDS)}")
    meant = {kind for kinds in found.values() for kind in kinds}
    return [kind for kind in KINDS if kind in meant]


def _means(name: str, kind: str) -> bool:
    return kind == name or kind.startswith(f"{name}-")
