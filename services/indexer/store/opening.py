"""Which store a desk has: PostgreSQL where the settings name one, else the SQLite file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.bus.errors import StopWorking

if TYPE_CHECKING:
    from services.indexer.store.base import ArticleStore
    from services.indexer.store.postgres import PostgresStore
    from services.settings import Settings


def open_store(settings: Settings, *, read_only: bool = False) -> ArticleStore:
    """The store of the settings; ``Unavailable`` and ``StopWorking`` as its contract says.

    ``read_only`` neither makes nor migrates it.
    """
    if settings.store_url is not None:
        return open_postgres(settings.store_url.get_secret_value(), read_only=read_only)
    # Each driver is loaded where its store is used.
    from services.indexer.store.sqlite import SqliteStore  # noqa: PLC0415

    return SqliteStore(settings.store, read_only=read_only)


def open_postgres(url: str, *, read_only: bool = False) -> PostgresStore:
    """The store on a PostgreSQL server; ``StopWorking`` also where its driver isn't installed."""
    try:
        from services.indexer.store.postgres import PostgresStore  # noqa: PLC0415  (see above)
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("psycopg"):
            raise
        raise StopWorking(
            "WIREDESK_STORE_URL names a PostgreSQL server; install the extra wiredesk[postgres] "
            "to use it, or unset it to use the SQLite file"
        ) from error
    return PostgresStore(url, read_only=read_only)


def store_exists(settings: Settings) -> bool:
    """Whether there may be something to read: a server is always asked, a file is looked for."""
    return settings.store_url is not None or settings.store.exists()
