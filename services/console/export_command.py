"""``wiredesk export`` as a command."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID  # noqa: TC003  (typer reads the annotations)

import typer

from services.console.options import Inbox, fail, open_store, settings_of
from services.observability import printable

INTERRUPTED = 130
"""What a shell says of a program that Ctrl-C ended."""

TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]


def export(  # noqa: PLR0913, PLR0917  (each option is an argument)
    file: Annotated[
        str,
        typer.Argument(
            help="articles.jsonl, .jsonl.gz, .jsonl.zst or .parquet; - writes JSON lines to "
            "standard output."
        ),
    ],
    words: Annotated[str | None, typer.Argument(help='Words, "a phrase", prefix*.')] = None,
    entity: Annotated[str | None, typer.Option(help="Name, key or QID of an entity.")] = None,
    topic: Annotated[str | None, typer.Option(help="Code or name of a topic.")] = None,
    source: Annotated[str | None, typer.Option(help="Name of a provider.")] = None,
    language: Annotated[str | None, typer.Option(help="ISO 639-1 code.")] = None,
    since: Annotated[
        datetime | None, typer.Option(formats=TIMES, help="From this time on; UTC unless said.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=TIMES, help="Before this time; UTC unless said.")
    ] = None,
    story: Annotated[UUID | None, typer.Option(help="Id of a story.")] = None,
    file_format: Annotated[
        Literal["jsonl", "parquet"] | None,
        typer.Option("--format", help="Where the name doesn't say it."),
    ] = None,
    inbox: Inbox = None,
) -> None:
    """Write articles of the store to a file: all, or those that a search finds, newest first.

    The file appears under its name when it is whole; an earlier one of that name is replaced
    then. A desk may go on working meanwhile.
    """
    from services.console.export import (  # noqa: PLC0415  (only this command needs it)
        CannotExport,
        ending_cleanly,
        run_export,
    )
    from services.indexer.store.base import BadQuery, Query  # noqa: PLC0415

    query = Query(
        words, entity, topic, language, story=story, source=source,
        since=in_utc(since), until=in_utc(until),
    )  # fmt: skip
    try:
        with ending_cleanly(), open_store(settings_of(inbox)) as store:
            count = run_export(store, query, file, file_format)
    except (CannotExport, BadQuery) as error:
        fail(str(error))
    except BrokenPipeError:
        _let_go_of_stdout()
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        fail("interrupted: nothing was written" if file != "-" else "interrupted", INTERRUPTED)
    _say(count, file)


def in_utc(time: datetime | None) -> datetime | None:
    """A time without a zone is in UTC."""
    return time.replace(tzinfo=UTC) if time is not None and time.tzinfo is None else time


def _say(count: int, file: str) -> None:
    articles = "1 article" if count == 1 else f"{count:,} articles"
    if file != "-":
        sys.stderr.write(f"{articles} in {printable(file)}\n")


def _let_go_of_stdout() -> None:
    """Whoever read it has gone: Python's own last flush must not complain of it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
