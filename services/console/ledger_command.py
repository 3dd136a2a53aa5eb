"""``wiredesk ledger``: the command."""

from __future__ import annotations

import asyncio
import re
import time
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import orjson
import typer

from services.bus.watchdog import Exit
from services.console.options import AsJson, Inbox, plain_console, settings_of

UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}

USAGE = "--since: a time like 2026-03-01 or 2026-03-01T12:00 (UTC), or how long ago: 90m, 6h, 7d"


class By(StrEnum):
    """What the ledger can be split by."""

    FILE = "file"
    SOURCE = "source"
    HOUR = "hour"


def ledger(
    by: Annotated[By | None, typer.Option(help="A line for each file, source or hour.")] = None,
    file: Annotated[
        str | None, typer.Option(help="Only files whose path below the inbox matches: '*.xml'.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Received since: 2026-03-01, 6h, 7d (whole hours, UTC).")
    ] = None,
    inbox: Inbox = None,
    as_json: AsJson = False,  # noqa: FBT002  (typer's way to say a flag)
) -> None:
    """Hold what was received against what became of it, and name what is unaccounted for.

    Ends with 0 when everything balances, 1 when it doesn't, 69 when something (the server, the
    store) couldn't be looked at, so that nothing can be said.
    """
    from services.console import ledger_show  # noqa: PLC0415  (only this command needs them)
    from services.console.ledger import take  # noqa: PLC0415
    from services.console.ledger_look import Scope  # noqa: PLC0415

    hour = 0 if since is None else hour_of(since)
    found = asyncio.run(
        take(settings_of(inbox), Scope(hour, file, None if by is None else by.value))
    )
    if as_json:
        print(orjson.dumps(ledger_show.as_document(found)).decode())  # noqa: T201  (a console's output)
    else:
        ledger_show.show(found, plain_console())
    if found.amiss:
        raise typer.Exit(1)
    if found.missing:
        raise typer.Exit(int(Exit.UNAVAILABLE))


def hour_of(since: str) -> int:
    """The hour (since 1970) that ``since`` lies in; ends the command where it is no time."""
    ago = re.fullmatch(r"(\d{1,6})([mhdw])", since)
    if ago:
        return int(time.time() - int(ago[1]) * UNITS[ago[2]]) // 3600
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        raise typer.BadParameter(USAGE) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()) // 3600
