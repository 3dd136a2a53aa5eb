"""The sub-commands of ``wiredesk subscribers``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from services.bus.keys import Keys
from services.console.options import AsJson, Inbox, plain_console, settings_of

if TYPE_CHECKING:
    from services.bus.subscribers import Added, Subscribers

app = typer.Typer(
    no_args_is_help=True,
    help="Programs that read a stream with a consumer group of their own.",
)

Name = Annotated[str, typer.Argument(help="The subscriber's name, and its consumer group's.")]
Which = Annotated[
    str | None, typer.Option("--stream", help="Where it subscribes to several streams: which.")
]
POINTS = "beginning, now, or a time such as 2026-11-20T10:00Z."


@app.command()
def add(
    name: Name,
    begin: Annotated[
        str | None,
        typer.Option(
            "--from",
            help=f"Where to begin: {POINTS} Default: now, or where a group made by hand stands.",
        ),
    ] = None,
    stream: Annotated[
        str, typer.Option(help="enriched, outcomes, stories, entities or dead.")
    ] = "enriched",
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Events that it may be behind before old ones are trimmed all the same "
            "(default: WIREDESK_SUBSCRIBER_LIMIT).",
        ),
    ] = None,
    inbox: Inbox = None,
) -> None:
    """Make a consumer group and protect what it has not acknowledged from trimming."""
    from services.console import subscribers as view  # noqa: PLC0415  (help needs no server)

    settings, reads = settings_of(inbox), view.stream_of(stream)
    start = None if begin is None else view.start_from(begin)
    added = view.run(settings, lambda desk: desk.add(name, reads, start, limit))
    view.say_added(added, Keys.of(settings).stream(reads), plain_console())


@app.command("list")
def list_all(inbox: Inbox = None, as_json: AsJson = False) -> None:  # noqa: FBT002  (typer's way to say a flag)
    """Every subscriber: lag, pending, age of the oldest event that it isn't done with."""
    from services.console import subscribers as view  # noqa: PLC0415  (see add)

    states = view.run(settings_of(inbox), lambda desk: desk.states())
    view.show(states, plain_console(), as_json=as_json)


@app.command()
def remove(name: Name, stream: Which = None, inbox: Inbox = None) -> None:
    """Forget a subscriber and its group; nothing is kept for it any more."""
    from services.console import subscribers as view  # noqa: PLC0415  (see add)

    async def work(desk: Subscribers) -> str:
        reads = await view.only_stream(desk, name, stream)
        await desk.remove(name, reads)
        return reads.name

    view.say_removed(name, view.run(settings_of(inbox), work), plain_console())


@app.command()
def move(
    name: Name,
    to: Annotated[str, typer.Option("--to", help=f"Where to go on: {POINTS}")],
    stream: Which = None,
    inbox: Inbox = None,
) -> None:
    """Let a subscriber go on from another point, back or forth."""
    from services.console import subscribers as view  # noqa: PLC0415  (see add)

    settings, start = settings_of(inbox), view.start_from(to)

    async def work(desk: Subscribers) -> Added:
        return await desk.move(name, await view.only_stream(desk, name, stream), start)

    moved = view.run(settings, work)
    key = Keys.of(settings).stream(moved.stream)
    view.say_added(moved, key, plain_console(), moved=True)
