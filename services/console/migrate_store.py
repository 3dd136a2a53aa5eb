"""``wiredesk migrate-store``: the SQLite store into a PostgreSQL server."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError
from rich.table import Table as Printed

from services.bus.connect import server_url
from services.bus.errors import StopWorking, Unavailable
from services.console.options import AsJson, Inbox, fail, plain_console, settings_of
from services.console.read import print_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from services.indexer.store.copying import Compared, Progress
    from services.settings import Settings

SHOWN_DIGITS = 16
"""Digits of a hash in the table: enough to compare by eye; ``--json`` has all of them."""


def migrate_store(inbox: Inbox = None, as_json: AsJson = False) -> None:  # noqa: FBT002  (typer reads the default)
    """Copy the SQLite store into the empty PostgreSQL database of WIREDESK_STORE_URL.

    Stop the indexer first. All is copied, or nothing; at the end both sides are compared, row
    by row. Links, cursors and positions of changes stay valid. The SQLite file stays as it is.
    """
    settings = settings_of(inbox)
    if settings.store_url is None:
        fail("set WIREDESK_STORE_URL to the database to copy into; docs/stores.md says how")
    _refuse_while_indexing(settings)
    console = plain_console()
    compared, reason = _copied(settings, settings.store_url.get_secret_value(), console)
    show(compared, console, as_json=as_json)
    if reason is not None:
        fail(reason)


def _refuse_while_indexing(settings: Settings) -> None:
    """Whoever still files would go on filing into the old store."""
    from services.console.supervisor import living  # noqa: PLC0415  (only this command needs it)

    try:
        workers = asyncio.run(living(server_url(settings), settings))
    except (RedisError, OSError, StopWorking, Unavailable):
        # No server, nobody who files: an indexer without one waits.
        return
    if any(worker["stage"] == "indexer" for worker in workers):
        fail(
            "the indexer is running; stop it, and start it again with WIREDESK_STORE_URL set "
            "when this is done"
        )


def _copied(
    settings: Settings, url: str, console: Console
) -> tuple[Sequence[Compared], str | None]:
    """The tables of both sides, and why nothing was kept where they differ."""
    try:
        from services.indexer.store.copying import (  # noqa: PLC0415  (its driver is an extra)
            Differs,
            copy_store,
        )
    except ModuleNotFoundError as error:
        raise StopWorking("install the extra wiredesk[postgres] first") from error
    try:
        with _told(console) as progress:
            return copy_store(settings.store, url, progress), None
    except Differs as error:
        return error.tables, f"both sides differ in {error}; nothing was kept of the copy"


@contextmanager
def _told(console: Console) -> Iterator[Progress]:
    """A bar for each table on a terminal; nothing elsewhere."""
    from rich.progress import Progress as Bars  # noqa: PLC0415  (only this command needs it)

    with Bars(console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks: dict[str, Any] = {}

        def tell(table: str, done: int, total: int) -> None:
            if table not in tasks:
                tasks[table] = bars.add_task(table, total=total)
            bars.update(tasks[table], completed=done)

        yield tell


def show(compared: Sequence[Compared], console: Console, *, as_json: bool = False) -> None:
    """Print the rows and hashes of both sides."""
    if as_json:
        print_json(console, {"tables": [_document(each) for each in compared]})
        return
    printed = Printed("table", "SQLite", "PostgreSQL", "hash of rows", "", box=None)
    for each in compared:
        digits = each.hashes[0][:SHOWN_DIGITS]
        other = "equal" if each.equal else f"DIFFERS: {each.hashes[1][:SHOWN_DIGITS]}"
        printed.add_row(each.table, f"{each.rows[0]:,}", f"{each.rows[1]:,}", digits, other)
    console.print(printed)


def _document(each: Compared) -> dict[str, Any]:
    return {
        "table": each.table,
        "rows": list(each.rows),
        "sha256": list(each.hashes),
        "equal": each.equal,
    }
