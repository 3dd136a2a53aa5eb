"""``wiredesk dead retry`` as a real process that can be killed before any of its side effects."""

from __future__ import annotations

import multiprocessing
import os
from typing import TYPE_CHECKING

from services import effects
from services.console.main import app

if TYPE_CHECKING:
    from collections.abc import Mapping

_forks = multiprocessing.get_context("forkserver")


def retry_all(environ: Mapping[str, str], kill_at: int | None = None) -> int:
    """Send every dead letter again; the exit code, minus the signal's number when killed."""
    env = dict(environ) | ({} if kill_at is None else {"WIREDESK_KILL_AT": str(kill_at)})
    process = _forks.Process(target=main, args=(env,), daemon=True)
    process.start()
    process.join(30)
    assert process.exitcode is not None, "the command still runs after 30 s"
    return process.exitcode


def main(environ: dict[str, str]) -> None:
    """Run the command in this process."""
    os.environ.update(environ)
    effects.arm()
    app(["dead", "retry", "--all", "--yes"])
