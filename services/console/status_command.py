"""``wiredesk status``: the desk at a glance, once or all the time."""

from __future__ import annotations

import asyncio
from typing import Annotated

import orjson
import typer

from services import observability
from services.bus.connect import server_url
from services.console.options import AsJson, Inbox, fail, open_store, plain_console, settings_of

EVERY = 2.0
"""Seconds between two looks: of a second or more nobody reads every one."""


def status(
    inbox: Inbox = None,
    as_json: AsJson = False,  # noqa: FBT002  (typer's way to say a flag)
    watch: Annotated[  # noqa: FBT002  (see as_json)
        bool, typer.Option("--watch", "-w", help="Show it all the time; q or Ctrl-C ends.")
    ] = False,
    every: Annotated[
        float, typer.Option(min=0.5, max=3600, help="Seconds between two looks of --watch.")
    ] = EVERY,
) -> None:
    """Stages, streams, lag, pending, oldest age, dead letters, workers.

    With --watch also rates with their recent past, the ledger, the sources that send most, the
    last receipts and dead letters. It goes on while the server is away. Where the output is no
    terminal, one view is printed after the other.
    """
    from services.console import status as view  # noqa: PLC0415  (only this command needs it)
    from services.console.status_watch import watch as run_watch  # noqa: PLC0415
    from services.indexer.store.opening import store_exists  # noqa: PLC0415

    settings = settings_of(inbox)
    if watch:
        if as_json:
            fail("--watch is for people; for a program, ask status --json again and again")
        # Its lines would be written across the screen; what they say is on it.
        observability.configure(settings.model_copy(update={"log_level": "ERROR"}), "status")
        run_watch(settings, plain_console(), every)
        return
    state = asyncio.run(view.look(server_url(settings), settings))
    articles: int | None = None
    if store_exists(settings):
        with open_store(settings) as store:
            articles = store.count()
    if as_json:
        print(orjson.dumps(view.as_document(state, articles)).decode())  # noqa: T201  (a console's output)
    else:
        view.show(state, articles, plain_console())
