"""The indexer service: ``python -m services.indexer``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.bus.keys import INDEXER
from services.bus.service import exit_with, prepare, run
from services.indexer.store.sqlite import SqliteStore
from services.settings import Settings

if TYPE_CHECKING:
    from services.bus.stage import Handler


def main() -> int:
    """Run until stopped; the exit code."""
    settings = Settings()
    prepare("indexer", settings)

    def handler() -> Handler:
        return SqliteStore(settings.store).file

    return run(INDEXER, settings, handler, batch_size=settings.index_batch_size)


if __name__ == "__main__":
    exit_with(main())
