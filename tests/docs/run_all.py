"""Runs every command of every document, also what takes long: ``python -m tests.docs.run_all``.

Names of documents run these only.  What needs an engine (Docker, a cluster, PostgreSQL, promtool)
is run where it answers, and named where it doesn't.  It takes from minutes to an hour, most of it
for ``make chaos``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tests import postgres
from tests.docs.markdown import Block, document, documents
from tests.docs.terminal import DocumentError
from tests.docs.treatment import How, Treatment, treatment
from tests.docs.world import QUICK_START, World
from tests.servers import docker_answers

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST = 2400.0
"""Seconds that one block may take: make chaos has the longest, some minutes for each storm."""


@cache
def answers(needed: str) -> bool:
    """Whether what a block needs is on this machine."""
    if needed == "docker":
        return docker_answers()
    if needed == "kubernetes":
        asked = subprocess.run(
            ["kubectl", "get", "--raw", "/readyz", "--request-timeout=3s"],
            capture_output=True,
            check=False,
        )
        return asked.returncode == 0
    return needed == "postgres" or shutil.which(needed) is not None


class Told:
    """Says what is run and what isn't, and keeps count."""

    def __init__(self) -> None:
        self.ran = 0
        self.missing: dict[str, set[str]] = {}

    def wanted(self, block: Block, treated: Treatment) -> bool:
        """Whether a block is run here."""
        if treated.how is How.NEEDS and not answers(treated.needs):
            self.missing.setdefault(treated.needs, set()).add(block.place)
            return False
        run = treated.how in {How.RUN, How.STAYS, How.LONG, How.NEEDS}
        if run:
            self.ran += 1
            say(f"  {block.place}: {block.code.splitlines()[0]}")
        return run


def say(line: str) -> None:
    """A line for whoever waits."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def databases(stack: ExitStack, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """For documents that need PostgreSQL: a store and an empty database."""
    found = {}
    for name in names:
        if any(treatment(block).needs == "postgres" for block in document(name).blocks):
            stack.callback(postgres.stop)
            # pg_dump must not be older than the server.
            programs = postgres._package() / postgres.FOLDERS[postgres.VERSION] / "bin"
            os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
            found[name] = {
                "WIREDESK_STORE_URL": postgres.copied_database(),
                "EMPTY_DATABASE_URL": postgres.empty_database(),
            }
    return found


def run(names: Sequence[str]) -> list[str]:
    """Run documents; what went wrong."""
    told, wrong = Told(), []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wiredesk-docs-")))
        more = databases(stack, names)
        world = stack.enter_context(World(folder, wanted=told.wanted, patience=LONGEST, more=more))
        for name in sorted(names, key=lambda each: each != QUICK_START):
            begun = time.monotonic()
            say(name)
            try:
                world.run(name)
            except DocumentError as error:
                wrong.append(str(error))
                say(f"  WRONG: {error}")
            say(f"  {time.monotonic() - begun:.0f} s")
    say(f"{told.ran} blocks were run, {len(wrong)} went wrong")
    for needed, places in sorted(told.missing.items()):
        say(f"not run, since there is no {needed} here: {', '.join(sorted(places))}")
    return wrong


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("documents", nargs="*", help="default: all")
    names: list[str] = parser.parse_args().documents or documents()
    # Tests that a document runs have a desk of their own.
    os.environ.pop("PYTEST_ADDOPTS", None)
    return 1 if run(names) else 0


if __name__ == "__main__":
    sys.exit(main())
