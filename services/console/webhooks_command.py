"""The sub-commands of ``wiredesk webhooks``."""

from __future__ import annotations

from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path  # noqa: TC003  (typer reads the annotations)
from typing import TYPE_CHECKING, Annotated

import typer

from services.console.options import AsJson, Inbox, fail, plain_console, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator

app = typer.Typer(
    no_args_is_help=True,
    help="Receivers that events are sent to over HTTP, signed, and again until they are taken.",
)

Types = Annotated[
    list[str] | None,
    typer.Option("--type", help="enriched (default), filed, merged, changed; may be repeated."),
]
Entities = Annotated[
    list[str] | None, typer.Option("--entity", help="Name, key or QID; one of them is enough.")
]
Topics = Annotated[
    list[str] | None, typer.Option("--topic", help="Code or name; those below it count too.")
]
Sources = Annotated[list[str] | None, typer.Option("--source", help="A provider's name.")]
Languages = Annotated[list[str] | None, typer.Option("--language", help="Code of ISO 639-1.")]


class DeadAction(StrEnum):
    """What to do with dead letters."""

    LIST = "list"
    RETRY = "retry"
    DROP = "drop"


@contextmanager
def _mended() -> Iterator[None]:
    """Errors that the user can mend, as one line."""
    from services.bus.filters import BadFilter  # noqa: PLC0415  (opens nothing that help needs)
    from services.bus.positions import BadPosition  # noqa: PLC0415
    from services.indexer.webhooks.document import BadWebhook, NoSuchWebhook  # noqa: PLC0415
    from services.indexer.webhooks.signing import BadSecret  # noqa: PLC0415
    from services.indexer.webhooks.targets import TargetRefused  # noqa: PLC0415

    try:
        yield
    except (BadFilter, BadPosition, BadWebhook, NoSuchWebhook, BadSecret, TargetRefused) as error:
        fail(str(error))


@app.command()
def add(  # noqa: PLR0913, PLR0917  (each option is an argument)
    name: Annotated[str, typer.Argument(help="What you call it, e.g. archive.")],
    url: Annotated[str, typer.Argument(help="Where its events are sent by POST.")],
    kind: Types = None,
    entity: Entities = None,
    topic: Topics = None,
    source: Sources = None,
    language: Languages = None,
    start: Annotated[
        str, typer.Option("--from", help="now, beginning (of what is kept), or a time (ISO 8601).")
    ] = "now",
    secret_file: Annotated[
        Path | None,
        typer.Option("--secret-file", help="A file with its secret (whsec_…). Default: a new one."),
    ] = None,
    in_flight: Annotated[
        int,
        typer.Option("--in-flight", min=1, max=16, help="Requests at once; with one, in order."),
    ] = 1,
    inbox: Inbox = None,
    as_json: AsJson = False,  # noqa: FBT002  (typer's way to say a flag)
) -> None:
    """Send events to a receiver from now on. Its secret is shown this one time."""
    from services.bus.filters import EventFilter  # noqa: PLC0415  (see _mended)
    from services.bus.positions import start_of  # noqa: PLC0415
    from services.console import webhooks  # noqa: PLC0415
    from services.indexer.webhooks.document import now  # noqa: PLC0415

    with _mended():
        wants = EventFilter.of(
            types=kind or (),
            entities=entity or (),
            topics=topic or (),
            sources=source or (),
            languages=language or (),
        )
        new = webhooks.New(name, url, wants, start_of(start, now()), secret_file, in_flight)
        webhooks.add(settings_of(inbox), new, plain_console(), as_json=as_json)


@app.command("list")
def list_webhooks(inbox: Inbox = None, as_json: AsJson = False) -> None:  # noqa: FBT002  (see add)
    """List the webhooks: how each goes, what waits, what is dead."""
    from services.console import webhooks  # noqa: PLC0415  (see _mended)

    webhooks.show_all(settings_of(inbox), plain_console(), as_json=as_json)


@app.command()
def show(name: str, inbox: Inbox = None, as_json: AsJson = False) -> None:  # noqa: FBT002  (see add)
    """Show one webhook; never its secret."""
    from services.console import webhooks  # noqa: PLC0415  (see _mended)

    with _mended():
        webhooks.show(settings_of(inbox), name, plain_console(), as_json=as_json)


@app.command()
def pause(
    name: str,
    reason: Annotated[str, typer.Option(help="Why, for whoever looks.")] = "by an operator",
    inbox: Inbox = None,
) -> None:
    """Send nothing until it is resumed; its events wait."""
    from services.console import webhooks  # noqa: PLC0415  (see _mended)

    with _mended():
        webhooks.pause(settings_of(inbox), name, reason, plain_console())


@app.command()
def resume(name: str, inbox: Inbox = None) -> None:
    """Go on where a webhook was paused, by you or by its receiver (410 Gone)."""
    from services.console import webhooks  # noqa: PLC0415  (see _mended)

    with _mended():
        webhooks.resume(settings_of(inbox), name, plain_console())


@app.command()
def remove(name: str, inbox: Inbox = None) -> None:
    """Forget a webhook, with its queue and its dead letters."""
    from services.console import webhooks  # noqa: PLC0415  (see _mended)

    with _mended():
        webhooks.remove(settings_of(inbox), name, plain_console())


@app.command("test")
def try_out(name: str, inbox: Inbox = None, as_json: AsJson = False) -> None:  # noqa: FBT002  (see add)
    """Send one signed event of type wiredesk.webhook.ping.v1 and show the answer."""
    from services.console import webhooks  # noqa: PLC0415  (see _mended)

    with _mended():
        taken = webhooks.try_out(settings_of(inbox), name, plain_console(), as_json=as_json)
    if not taken:
        raise typer.Exit(1)


@app.command()
def rotate(name: str, inbox: Inbox = None, as_json: AsJson = False) -> None:  # noqa: FBT002  (see add)
    """Make a new secret; for a day requests are signed with both."""
    from services.console import webhooks  # noqa: PLC0415  (see _mended)

    with _mended():
        webhooks.rotate(settings_of(inbox), name, plain_console(), as_json=as_json)


@app.command()
def dead(
    name: str,
    action: Annotated[DeadAction, typer.Argument()] = DeadAction.LIST,
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Which; none: see --all.")
    ] = None,
    everything: Annotated[  # noqa: FBT002  (see add)
        bool, typer.Option("--all", help="Retry or drop all of them.")
    ] = False,
    inbox: Inbox = None,
    as_json: AsJson = False,  # noqa: FBT002  (see add)
) -> None:
    """What a receiver didn't take: list it, send it again, or forget it."""
    from services.console import webhooks  # noqa: PLC0415  (see _mended)

    settings, console = settings_of(inbox), plain_console()
    if action is not DeadAction.LIST and bool(ids) == everything:
        fail(f"say which: wiredesk webhooks dead {name} {action} ID..., or --all")
    with _mended():
        if action is DeadAction.LIST:
            webhooks.dead(settings, name, console, as_json=as_json)
        elif action is DeadAction.RETRY:
            webhooks.retry(settings, name, ids or [], console)
        else:
            webhooks.drop(settings, name, ids or [], console)
