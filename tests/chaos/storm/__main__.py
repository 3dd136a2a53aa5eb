"""``python -m tests.chaos.storm --seed 7 --articles 20000 --minutes 30``: see docs/chaos.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from pathlib import Path

from redis.exceptions import RedisError

from services.bus.errors import StopWorking
from tests.chaos.storm.report import Diary
from tests.chaos.storm.running import Storm, run_storm
from tests.chaos.storm.schedule import KINDS, chosen_kinds

OURS_ONLY = ("server-kill", "server-stop", "power-cut")
"""Faults of a server that we have started ourselves."""


def parsed(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    known = "\n".join(f"  {name:14}{kind.meaning}" for name, kind in KINDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos.storm",
        description="A desk with three workers a stage in a storm of faults.",
        epilog=f"faults:\n{known}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--seed", type=int, default=time.time_ns() % 1_000_000, help="default: another each time")
    add("--articles", type=int, default=20_000)
    add("--minutes", type=float, default=30.0, help="for dropping them; settling comes on top")
    add("--faults", default="", help="names with commas between them; default: all")
    add("--server", default="embedded", help="embedded, or the URL of an empty server of yours")
    add("--fsync", choices=("always", "everysec"), default="everysec")
    add("--pace", type=float, default=1.0, help="shorter faults, closer together: 0.4")
    add("--partitions", type=int, default=1, help="WIREDESK_PARTITIONS of the desk")
    add("--folder", type=Path, help="kept; default: a new one, removed when all is well")
    return parser.parse_args(arguments)


def storm_of(given: argparse.Namespace) -> Storm:
    """The storm that is asked for; ``ValueError`` for faults that there aren't."""
    kinds = chosen_kinds(given.faults.split(",")) if given.faults else list(KINDS)
    url = None if given.server == "embedded" else given.server
    if url is not None:
        kinds = [kind for kind in kinds if kind not in OURS_ONLY]
    return Storm(
        given.seed,
        given.articles,
        given.minutes * 60,
        kinds,
        given.fsync,
        given.pace,
        url,
        partitions=given.partitions,
    )


def main(arguments: list[str]) -> int:
    """Run one storm; 0 if everything is accounted for."""
    given = parsed(arguments)
    try:
        storm = storm_of(given)
    except ValueError as error:
        print(error, file=sys.stderr)  # noqa: T201  (the command's output)
        return 2
    folder: Path = given.folder or Path(tempfile.mkdtemp(prefix="wiredesk-storm-"))
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "storm.log").open("w", encoding="utf-8") as out:
        diary = Diary(out, echo=True)
        try:
            report = run_storm(storm, folder, diary)
        except (AssertionError, StopWorking, RedisError, OSError) as error:
            diary.note(f"seed {storm.seed} FAILED; what is left of it: {folder}")
            diary.note("".join(traceback.format_exception(error)))
            return 1
    report.save(folder / "report.json")
    print(f"\n{report}\n\n{folder}/report.json")  # noqa: T201  (the command's output)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
