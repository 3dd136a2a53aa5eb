"""``tests/compose/run``: docker-compose.yml for real, wherever Docker answers; docs/compose.md."""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from tests.compose.desk import ComposeDesk, desk, say
from tests.compose.engine import Compose, answers, has_bridge
from tests.compose.steps import STEPS, postgres

POSTGRES = "postgres"
NO_DOCKER = 77
"""How it ends where there is nothing to run it on: what test runners take for "not tried"."""


def parsed(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="tests/compose/run",
        description="Run docker-compose.yml as it is: seeds through, three workers, kills of every "
        "service and the server, its append-only file, PostgreSQL, Prometheus; then count that "
        f"nothing was lost. Ends with {NO_DOCKER} where no Docker answers.",
    )
    add = parser.add_argument
    names = [*STEPS, POSTGRES]
    add("--only", action="append", choices=names, metavar="STEP", help=f"of {', '.join(names)}")
    add("--no-build", action="store_true", help="take the images that are there")
    add("--one-network", action="store_true", help="one network namespace, also where bridges are")
    add("--seed", type=int, default=time.time_ns() % 1_000_000, help="default: another each time")
    add("--folder", type=Path, help="where inboxes are made; default: a new one, removed")
    return parser.parse_args(arguments)


def first(desk: ComposeDesk, steps: list[str]) -> None:
    """The steps on the desk with the SQLite store, and the count at the end."""
    STEPS["seeds"](desk)
    with desk.following():
        for name in steps:
            if name != "seeds":
                say(f"--- {name}")
                STEPS[name](desk)
        desk.conserved()


def second(desk: ComposeDesk) -> None:
    """PostgreSQL instead."""
    postgres(desk)
    with desk.following():
        desk.conserved()


def run(given: argparse.Namespace, folder: Path) -> None:
    """All that is asked for; ``AssertionError`` says what did not hold."""
    chosen = given.only or [*STEPS, POSTGRES]
    project = f"wiredesk-try-{secrets.token_hex(3)}"
    one_network = given.one_network or not has_bridge()
    say(f"seed {given.seed}, {'one network namespace' if one_network else 'a bridge network'}")
    if not given.no_build:
        say("--- build")
        (folder / "build").mkdir()
        Compose(project, folder / "build", {}, one_network=one_network).build()
    made = partial(desk, seed=given.seed, one_network=one_network)
    steps = [name for name in STEPS if name in chosen]
    if steps:
        say("--- seeds")
        with made(f"{project}-a", folder / "a", environ={}) as running:
            first(running, steps)
    if POSTGRES in chosen:
        say(f"--- {POSTGRES}")
        password = secrets.token_hex(8)
        url = f"postgresql://wiredesk:{password}@postgres/wiredesk"
        environ = {"POSTGRES_PASSWORD": password, "WIREDESK_STORE_URL": url}
        with made(f"{project}-b", folder / "b", environ=environ) as running:
            second(running)


def main() -> int:
    """Run it; 0 where all of it held."""
    given = parsed()
    if not answers():
        sys.stderr.write("no Docker engine with Compose answers here: nothing was tried\n")
        return NO_DOCKER
    if given.folder is not None:
        given.folder.mkdir(parents=True, exist_ok=True)
        run(given, given.folder.absolute())
    else:
        with tempfile.TemporaryDirectory(prefix="wiredesk-compose-") as folder:
            # Others look into it, too: the services have another user.
            Path(folder).chmod(0o755)
            run(given, Path(folder))
    say("all of it held")
    return 0


if __name__ == "__main__":
    sys.exit(main())
