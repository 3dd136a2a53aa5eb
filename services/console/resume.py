"""``wiredesk resume``: let a stage that its failure budget stopped work again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from services.console.options import AsJson, Inbox, fail, plain_console, settings_of

if TYPE_CHECKING:
    from rich.console import Console

    from services.bus.budget import Halt
    from services.settings import Settings


def resume(
    stage: Annotated[
        str | None, typer.Argument(help="enrichment, indexer or ingest; none: see --all.")
    ] = None,
    everything: Annotated[  # noqa: FBT002  (typer's way to say a flag)
        bool, typer.Option("--all", help="Every stage that is stopped.")
    ] = False,
    inbox: Inbox = None,
    as_json: AsJson = False,  # noqa: FBT002  (see everything)
) -> None:
    """Let a stage work again that stopped since too much of what it did failed.

    Its workers notice within a second, and what had failed before counts no more. Ends with 1
    where the stage is not stopped.
    """
    if (stage is None) != everything:
        fail("say which: wiredesk resume STAGE, or --all")
    ended = asyncio.run(_resume(settings_of(inbox), stage))
    _say(ended, stage, plain_console(), as_json=as_json)
    if stage is not None and not ended:
        raise typer.Exit(1)


async def _resume(settings: Settings, stage: str | None) -> list[Halt]:
    from services.bus import budget  # noqa: PLC0415  (help needs no server)
    from services.bus.connect import client, server_url  # noqa: PLC0415
    from services.bus.keys import Keys  # noqa: PLC0415

    keys = Keys.of(settings)
    async with client(server_url(settings)) as redis:
        stopped = await budget.halts(redis, keys)
        chosen = [halt for halt in stopped if stage in {None, halt.stage}]
        return await budget.resume(redis, keys, chosen)


def _say(ended: list[Halt], stage: str | None, console: Console, *, as_json: bool) -> None:
    from services.console.read import print_json, text_of  # noqa: PLC0415  (see _resume)

    if as_json:
        document = [
            {"stage": halt.stage, "group": halt.group, "since": halt.at, "reason": halt.reason}
            for halt in ended
        ]
        print_json(console, document)
        return
    for halt in ended:
        console.print(text_of(f"{halt.stage} goes on. It was stopped: {halt.reason}"))
    if not ended:
        console.print(text_of(f"{stage} is not stopped" if stage else "no stage is stopped"))
