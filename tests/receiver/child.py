"""What the tests' receiver processes run, forked from a process that has imported it all."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from services.ingest.receiver.__main__ import main as run_receiver


def main(environ: dict[str, str], log: str) -> None:
    """The receiver with these variables, its log in a file."""
    os.environ.update(environ)
    with Path(log).open("ab", buffering=0) as file:
        os.dup2(file.fileno(), 2)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    sys.exit(run_receiver())
