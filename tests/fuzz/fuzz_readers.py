"""Fuzz the readers, guided by coverage: ``python -m tests.fuzz.fuzz_readers --seconds 120 nitf``.

Needs atheris, which no lock file has and CI doesn't run: ``pip install atheris``.  Without names
every reader has its turn, one after the other.  What was tried and led somewhere is kept in
``--folder`` and gone on from; an input that breaks a reader is written there too, as
``<reader>/crash-…``, and belongs into ``tests/fuzz/found`` with the fix.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
from pathlib import Path

from tests.fuzz import targets

MISSING = "Fuzzing needs atheris, which isn't among the locked packages: pip install atheris"


def main(arguments: list[str] | None = None) -> int:
    """Fuzz each reader that was named; 1 if one broke, 2 if it can't be done here."""
    options = _options(arguments)
    try:
        importlib.import_module("atheris")
    except ImportError:
        print(MISSING, file=sys.stderr)  # noqa: T201  (a command's answer)
        return 2
    broken = [
        name for name in options.readers if _apart(name, options.folder, options.seconds) != 0
    ]
    print(f"broken: {', '.join(broken) or 'none'}")  # noqa: T201  (a command's answer)
    return int(bool(broken))


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("readers", nargs="*", help=", ".join(targets.TARGETS))
    parser.add_argument("--seconds", type=int, default=120, help="for each reader")
    parser.add_argument("--folder", type=Path, default=Path(".fuzz"))
    options = parser.parse_args(arguments)
    options.readers = options.readers or list(targets.TARGETS)
    unknown = set(options.readers) - set(targets.TARGETS)
    if unknown:
        parser.error(f"no reader is called {', '.join(sorted(unknown))}")
    return options


def _apart(reader: str, folder: Path, seconds: int) -> int:
    """Fuzz one reader in a process of its own, which libFuzzer ends."""
    print(f"== {reader}", flush=True)  # noqa: T201  (what the lines below are about)
    command = [sys.executable, "-m", "tests.fuzz.fuzz_one", reader, str(folder), str(seconds)]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
