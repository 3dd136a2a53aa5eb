"""Writes the OpenAPI document: ``python -m services.indexer.api.openapi``.

``--check`` writes nothing and ends with 1 where the kept file is not current.
"""

from __future__ import annotations

import argparse
import sys
from functools import cache
from pathlib import Path

from services.indexer.api.app import create_app
from services.indexer.api.context import ApiContext
from services.indexer.api.document import text
from services.indexer.api.readers import Readers
from services.settings import Settings

OPENAPI_FILE = Path(__file__).parents[3] / "schemas" / "generated" / "openapi.json"


@cache
def kept() -> str:
    """The document as the routes make it now."""
    settings = Settings()
    return text(create_app(ApiContext(settings, Readers(settings))))


def main(argv: list[str] | None = None, file: Path = OPENAPI_FILE) -> int:
    """Write the file, or with ``--check`` compare it; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m services.indexer.api.openapi", description=__doc__
    )
    parser.add_argument("--check", action="store_true", help="compare only")
    wanted = kept()
    if not parser.parse_args(argv).check:
        file.write_text(wanted, encoding="utf-8")
        return 0
    if file.exists() and file.read_text(encoding="utf-8") == wanted:
        return 0
    sys.stderr.write(f"{file.name} is not current: run make generated\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
