"""Which store a desk has: PostgreSQL where the settings name one, else the SQLite file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.indexer.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from services.indexer.store.base import ArticleStore
    from services.settings import Settings


def open_store(settings: Settings, *, read_only: bool = False) -> ArticleStore:
    """The store of the settings; ``Unavailable`` and ``StopWorking`` as its contract says.

    ``read_only`` neither makes nor migrates it.
    """
    return SqliteStore(settings.store, read_only=read_only)
