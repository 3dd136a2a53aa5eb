"""Every command of every document is run, or is looked up where it can't be.

A failure names the document and the line.  What takes long, or needs Docker or Kubernetes, is run
by ``python -m tests.docs.run_all``; here it is looked up.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from tests.docs.desks import NAMED
from tests.docs.markdown import commands, document, documents
from tests.docs.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("docs")) as made:
        yield made


@pytest.mark.parametrize("name", documents())
def test_the_commands_of_a_document_do_what_it_says(world: World, name: str) -> None:
    world.run(name)


class Receiver(BaseHTTPRequestHandler):
    """Takes every event."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


@contextmanager
def receiver() -> Iterator[str]:
    """The address of a webhook's receiver."""
    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        running = threading.Thread(target=server.serve_forever)
        running.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hook"
        finally:
            server.shutdown()
            running.join()


RUNBOOK = "docs/monitoring.md"

SEED = "seeds/000_705faf08c05380e2.txt"

MEANT = {
    r"\bSTAGE\b": "enrichment",
    r"\bFILE\b": SEED,
    r"(?<=subscribers )(\w+) NAME": r"\1 dashboard",
    r"\bNAME\b": "archive",
    r"drop ID": f"drop {NAMED[:-1]}1",
    r"\bID\b": NAMED,
}
"""What stands for the words in capitals; two letters, since neither can be dealt with twice."""

AT_WORK = re.compile(r"wiredesk (add|check|ledger|status|doctor)\b")
"""Commands that are about services that run."""

WATCH = "wiredesk status --watch"

CHECK = "wiredesk check FILE"
"""The quick start has run it, and it takes a second."""

ENDS_ALL = re.compile(r" (retry|drop|remove)\b")
"""They come last: what they do away with, others look at."""


def runbook() -> list[str]:
    """The commands within the text of the runbook that no block of it has."""
    told = {line for block in document(RUNBOOK).blocks for line in commands(block).splitlines()}
    found = {one.code for one in document(RUNBOOK).inline if one.code.startswith("wiredesk ")}
    return sorted(
        found - told - {WATCH, CHECK}, key=lambda code: (bool(ENDS_ALL.search(code)), code)
    )


def meant(code: str) -> str:
    for words, value in MEANT.items():
        code = re.sub(words, value, code)
    return code


def test_each_command_of_the_runbook_can_be_typed_as_it_stands(world: World) -> None:
    """At a desk that has what its alerts are about; words in capitals are filled in."""
    typed = runbook()
    assert len(typed) > 15
    private = {"WIREDESK_WEBHOOK_PRIVATE_TARGETS": "true"}
    with (
        receiver() as url,
        world.at("runbook", "runbook", **private) as quiet,
        world.at("running", "at-work") as working,
    ):
        for setup in (
            f"wiredesk webhooks add archive {url}",
            "wiredesk subscribers add dashboard --from beginning",
        ):
            assert quiet.run(setup)[0] == 0
        ended = {
            code: (working if AT_WORK.match(code) else quiet).run(meant(code)) for code in typed
        }
        working.stay(WATCH, "enrichment")
    wrong = {code: told for code, (end, told) in ended.items() if end != 0}
    assert wrong == {}


def test_the_warm_console_is_the_real_one(world: World, tmp_path: Path) -> None:
    """Output, exit codes, folder and environment are those of whoever typed it."""

    def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [world.folder / "tools" / "wiredesk", *arguments],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], **environ},
            capture_output=True,
            text=True,
            check=False,
        )

    assert "Usage: wiredesk" in run("--help").stdout
    assert run("fly").returncode == 2
    refused = run("status", WIREDESK_BATCH_SIZE="none")
    assert (refused.returncode, refused.stdout) == (78, "")
    assert "WIREDESK_BATCH_SIZE" in refused.stderr
    nobody = run("status")
    assert nobody.returncode == 78
    assert "inbox/.wiredesk/server/runtime.json" in nobody.stderr


def test_a_command_ends_with_whoever_typed_it(world: World) -> None:
    """Its output would stay open else."""
    with world.at("", "watched") as terminal:
        watch = subprocess.Popen(
            [world.folder / "tools" / "wiredesk", "status", "--watch"],
            cwd=terminal.folder,
            env=terminal.environ,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert watch.stdout is not None
        assert watch.stdout.readline()
        watch.send_signal(signal.SIGINT)
        watch.communicate(timeout=30)
