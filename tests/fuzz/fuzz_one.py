"""The process that fuzzes one reader: ``fuzz_one READER FOLDER SECONDS``; see ``fuzz_readers``."""

from __future__ import annotations

import importlib
import shutil
import sys
from pathlib import Path
from typing import Any

INSTRUMENTED = ["services", "feedparser", "warcio"]
"""What is followed line by line: our readers, and libraries of theirs written in Python. Those in C
take what the readers give them; following trafilatura too would halve the speed."""

HANG = 30
"""Seconds after which libFuzzer ends an input that never returns; slow ones fail before it."""

MEMORY_MIB = 1024
"""Above what the process holds with every library, libFuzzer's own tables and a large input."""


def main(reader: str, folder: Path, seconds: str) -> None:
    """Never returns: libFuzzer ends the process."""
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=INSTRUMENTED):
        targets = importlib.import_module("tests.fuzz.targets")
    kept = folder / reader / "corpus"
    kept.mkdir(parents=True, exist_ok=True)
    for path in targets.seeds(reader):
        shutil.copy(path, kept / f"seed-{path.name}")
    flags = {
        "max_total_time": seconds,
        "max_len": targets.LONGEST_INPUT,
        "timeout": HANG,
        "rss_limit_mb": MEMORY_MIB,
        "artifact_prefix": f"{folder / reader}/",
        "print_final_stats": 1,
    }
    given = [f"-{name}={value}" for name, value in flags.items()]
    atheris.Setup([sys.argv[0], str(kept), *given], lambda data: targets.check(reader, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
