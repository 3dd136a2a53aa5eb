"""The indexer service: ``python -m services.indexer``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.bus.changes import announcing
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
    opened: list[SqliteStore] = []

    def handler() -> Handler:
        opened.append(SqliteStore(settings.store))
        return opened[0].file

    return run(
        INDEXER,
        settings,
        handler,
        batch_size=settings.index_batch_size,
        companion=announcing(lambda: opened[0], settings),
    )


if __name__ == "__main__":
    exit_with(main())
