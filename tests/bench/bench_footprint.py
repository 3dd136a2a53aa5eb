"""Memory: what each service holds, and what a thousand articles cost that wait in the server.

``Pss`` counts what processes share once, each its part; ``private`` is what would be free if a
process ended.  Both are of Linux; without ``/proc`` there is no figure.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from services.bus.connect import client
from services.bus.groups import ensure_groups
from services.bus.keys import Keys
from services.bus.publisher import Publisher
from services.bus.server import EmbeddedServer
from services.ingest.taking import PUBLISH_ARTICLES
from services.settings import Settings
from tests.bench.figures import Figure, Measured, Plot, Series, note, size
from tests.bench.measure import raw_article, tell
from tests.bench.running import children_of, desk_of, drop, processes, wait_for_receipts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.console.supervisor import Desk

WORDS = size("words", 700, 700)
ARTICLES = size("footprint_articles", 100, 2000)
"""That have crossed the desk before its memory is read."""

QUEUED = size("footprint_queued", 3, 10)
"""Thousands of articles that wait, one thousand at a time."""

pytestmark = pytest.mark.timeout(3600)
MIB = 1024 * 1024


def memory_of(pid: int) -> dict[str, float]:
    """MiB of a process by ``resident``, ``shared out`` and ``private``; empty without /proc."""
    told: dict[str, float] = {}
    with suppress(OSError):
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii", errors="replace")
        rows = {
            name: int(value) / 1024
            for name, value in re.findall(r"^(\w+): +(\d+) kB", text, re.MULTILINE)
        }
        private = rows.get("Private_Clean", 0.0) + rows.get("Private_Dirty", 0.0)
        told = {"resident": rows["Rss"], "shared out": rows["Pss"], "private": private}
    return told


def held(desk: Desk) -> dict[str, dict[str, float]]:
    """Memory of each process of a desk; readers are named apart from ingest."""
    pids = dict(processes(desk))
    ingest = pids["ingest"]
    pids |= {f"reader {place}": pid for place, pid in enumerate(children_of(ingest), start=1)}
    return {name: told for name, pid in pids.items() if (told := memory_of(pid))}


def per_thousand(url: str) -> list[float]:
    """MiB of the server with none, one thousand, two thousand … articles waiting."""
    with Redis.from_url(url) as redis:
        used = [_used(redis)]
        for thousand in range(QUEUED):
            asyncio.run(_publish(url, range(thousand * 1000, (thousand + 1) * 1000)))
            used.append(_used(redis))
    return used


def _used(redis: Redis) -> float:
    told = redis.info("memory")
    return float(told["used_memory"]) / MIB


async def _publish(url: str, numbers: range) -> None:
    settings = Settings.model_validate({"redis_url": url})
    async with client(url) as redis:
        await ensure_groups(redis, Keys.of(settings))
        publisher = Publisher(settings, redis)
        for start in range(numbers.start, numbers.stop, PUBLISH_ARTICLES):
            part = range(start, min(start + PUBLISH_ARTICLES, numbers.stop))
            await publisher.publish([raw_article(number, WORDS) for number in part])


def test_footprint(tmp_path: Path) -> None:
    settings = Settings(inbox=tmp_path / "inbox")
    with desk_of(settings, tmp_path / "log", {}) as desk:
        drop(settings.inbox, range(ARTICLES), WORDS)
        wait_for_receipts(desk, range(ARTICLES))
        services = held(desk)
    server = EmbeddedServer(tmp_path / "server")
    server.start()
    try:
        used = per_thousand(server.url)
    finally:
        server.stop()
    report(services, used)


def figure_of(services: Mapping[str, Mapping[str, float]], used: list[float]) -> Figure:
    """``services``: MiB by process and kind; ``used``: of the server after each thousand."""
    steps = [after - before for before, after in pairwise(used)]
    measured = {
        f"{name}, {kind}": Measured(unit="MiB", values=(mebibytes,))
        for name, kinds in sorted(services.items())
        for kind, mebibytes in kinds.items()
    }
    measured["server, each 1,000 articles queued"] = Measured(unit="MiB", values=tuple(steps))
    names = tuple(sorted(services))
    return Figure(
        letter="e",
        title="Memory",
        how=(
            f"Of each process after {ARTICLES} articles of {WORDS} words; and of the server with "
            "ever more articles waiting for enrichment, as INFO MEMORY tells it. Shared out: "
            "memory that several processes share is counted once, each its part."
        ),
        measured=measured,
        plots=(
            Plot(
                title="Memory of each process",
                x_label="",
                y_label="MiB",
                kind="bars",
                x_names=names,
                lines={
                    kind: Series(
                        x=tuple(range(len(names))),
                        y=tuple(services[name].get(kind, 0.0) for name in names),
                    )
                    for kind in ("shared out", "private")
                },
            ),
            Plot(
                title="The server, with articles waiting",
                x_label="articles waiting",
                y_label="MiB",
                lines={
                    "used_memory": Series(
                        x=tuple(float(place * 1000) for place in range(len(used))), y=tuple(used)
                    )
                },
            ),
        ),
        sizes={"articles": ARTICLES, "queued": QUEUED * 1000, "words": WORDS},
    )


def report(services: Mapping[str, Mapping[str, float]], used: list[float]) -> None:
    """Print and keep what was measured."""
    figure = figure_of(services, used)
    queued = figure.measured["server, each 1,000 articles queued"]
    tell(
        "Memory",
        [
            *(
                f"{name:<16} "
                + ", ".join(f"{kind} {mebibytes:7.1f}" for kind, mebibytes in kinds.items())
                + " MiB"
                for name, kinds in sorted(services.items())
            ),
            f"1,000 articles queued: {queued.median:.1f} MiB",
        ],
    )
    note("footprint", figure)
