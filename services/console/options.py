"""What the ``wiredesk`` commands have in common: options, settings, how they fail."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console

from services import observability
from services.bus.errors import StopWorking
from services.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.indexer.store.base import ArticleStore

Inbox = Annotated[
    Path | None,
    typer.Option("--inbox", help="The watched folder (default: WIREDESK_INBOX or ./inbox)."),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")]


def settings_of(inbox: Path | None = None) -> Settings:
    """The settings of the environment, for ``inbox`` where one is given."""
    given: dict[str, Any] = {} if inbox is None else {"inbox": inbox}
    return Settings(**given)


def plain_console(*, colours: bool = True) -> Console:
    """Standard output; nothing is coloured for what it looks like, or nothing at all."""
    return Console(highlight=False, no_color=None if colours else True)


def fail(reason: str, code: int = 1) -> NoReturn:
    """Say why on stderr and end with ``code``."""
    sys.stderr.write(f"wiredesk: {observability.printable(reason)}\n")
    raise typer.Exit(code)


@contextmanager
def writable_store(settings: Settings) -> Iterator[ArticleStore]:
    """The store for writing. It is there, and up to date: a command neither makes nor migrates."""
    from services.indexer.store import opening  # noqa: PLC0415  (see open_store)

    open_store(settings).close()
    with opening.open_store(settings) as store:
        yield store


def open_store(settings: Settings) -> ArticleStore:
    """The store for reading; ``StopWorking`` where there is none."""
    from services.indexer.store import opening  # noqa: PLC0415  (not for every command)

    if not opening.store_exists(settings):
        raise StopWorking(
            f"no store at {settings.store}; give --inbox FOLDER, or set WIREDESK_STORE_PATH"
        )
    # Read only: looking must never migrate a store that an older indexer still writes.
    return opening.open_store(settings, read_only=True)
