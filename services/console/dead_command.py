"""The sub-commands of ``wiredesk dead``."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  (typer reads the annotations)
from typing import TYPE_CHECKING, Annotated

import typer

from services.console.options import AsJson, Inbox, fail, plain_console, settings_of

if TYPE_CHECKING:
    from services.bus.dead import Wanted

app = typer.Typer(
    no_args_is_help=True,
    help="Messages that could not be processed: look at them, send them again, drop them.",
)

Ids = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ID]...", help="Letters, as list shows them, or articles."),
]
MoreIds = Annotated[
    list[str] | None, typer.Option("--ids", help="The same as an option; commas between them.")
]
Stage = Annotated[str | None, typer.Option(help="Where they died: enrichment, indexer or ingest.")]
Reason = Annotated[str | None, typer.Option(help="Type of the error, or part of its text.")]
Source = Annotated[str | None, typer.Option(help="The article's provider, or part of its name.")]
Since = Annotated[str | None, typer.Option(help="Died then or later: ISO 8601, UTC unless said.")]
Until = Annotated[str | None, typer.Option(help="Died before then.")]
File = Annotated[str | None, typer.Option("--file", help="Part of the dropped file's name.")]
Everything = Annotated[bool, typer.Option("--all", help="All of them.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


def _wanted(  # noqa: PLR0913, PLR0917  (each option is an argument)
    ids: list[str] | None,
    more: list[str] | None,
    stage: str | None,
    reason: str | None,
    source: str | None,
    since: str | None,
    until: str | None,
    file: str | None,
) -> Wanted:
    from services.bus.dead import Wanted  # noqa: PLC0415  (help needs no server)
    from services.console.dead import time_from  # noqa: PLC0415

    named = [each.strip() for given in (*(ids or ()), *(more or ())) for each in given.split(",")]
    return Wanted(
        stage=stage,
        reason=reason,
        source=source,
        file=file,
        since=time_from(since),
        until=time_from(until),
        ids=tuple(each for each in named if each),
    )


def _chosen(wanted: Wanted, action: str, *, everything: bool) -> Wanted:
    if wanted.everything != everything:
        fail(f"say which: wiredesk dead {action} ID..., or --stage, --reason, …, or --all")
    return wanted


@app.command("list")
def list_all(  # noqa: PLR0913, PLR0917  (each option is an argument)
    ids: Ids = None,
    more_ids: MoreIds = None,
    stage: Stage = None,
    reason: Reason = None,
    source: Source = None,
    since: Since = None,
    until: Until = None,
    file: File = None,
    inbox: Inbox = None,
    as_json: AsJson = False,  # noqa: FBT002  (typer's way to say a flag)
) -> None:
    """One line for each, the oldest first."""
    from services.console import dead as view  # noqa: PLC0415  (see _wanted)

    wanted = _wanted(ids, more_ids, stage, reason, source, since, until, file)
    view.list_all(settings_of(inbox), wanted, plain_console(), as_json=as_json)


@app.command()
def show(
    letter: Annotated[str, typer.Argument(metavar="ID", help="A letter, or an article.")],
    original: Annotated[  # noqa: FBT002  (see list_all)
        bool, typer.Option("--original", help="Also the message itself, as it was read.")
    ] = False,
    inbox: Inbox = None,
    as_json: AsJson = False,  # noqa: FBT002  (see list_all)
) -> None:
    """Everything that is known of one: why, where, when, of which file, the stack."""
    from services.console import dead as view  # noqa: PLC0415  (see _wanted)

    view.show(settings_of(inbox), letter, plain_console(), original=original, as_json=as_json)


@app.command()
def retry(  # noqa: PLR0913, PLR0917  (see list_all)
    ids: Ids = None,
    more_ids: MoreIds = None,
    stage: Stage = None,
    reason: Reason = None,
    source: Source = None,
    since: Since = None,
    until: Until = None,
    file: File = None,
    everything: Everything = False,  # noqa: FBT002  (see list_all)
    yes: Yes = False,  # noqa: FBT002  (see list_all)
    dry_run: DryRun = False,  # noqa: FBT002  (see list_all)
    inbox: Inbox = None,
    as_json: AsJson = False,  # noqa: FBT002  (see list_all)
) -> None:
    """Send them on their way again, from where they died, as the same articles of the same files.

    What comes of them replaces the rejection in the file's receipt. Ends with 1 where one
    could not be sent again.
    """
    from services.console import dead as view  # noqa: PLC0415  (see _wanted)

    wanted = _wanted(ids, more_ids, stage, reason, source, since, until, file)
    chosen = _chosen(wanted, "retry", everything=everything)
    bulk = view.Bulk(chosen, yes=yes, dry_run=dry_run)
    if not view.retry(settings_of(inbox), bulk, plain_console(), as_json=as_json):
        raise typer.Exit(1)


@app.command()
def drop(  # noqa: PLR0913, PLR0917  (see list_all)
    ids: Ids = None,
    more_ids: MoreIds = None,
    stage: Stage = None,
    reason: Reason = None,
    source: Source = None,
    since: Since = None,
    until: Until = None,
    file: File = None,
    everything: Everything = False,  # noqa: FBT002  (see list_all)
    yes: Yes = False,  # noqa: FBT002  (see list_all)
    dry_run: DryRun = False,  # noqa: FBT002  (see list_all)
    inbox: Inbox = None,
    as_json: AsJson = False,  # noqa: FBT002  (see list_all)
) -> None:
    """Remove them for good. The outcome of their articles stays: rejected."""
    from services.console import dead as view  # noqa: PLC0415  (see _wanted)

    wanted = _wanted(ids, more_ids, stage, reason, source, since, until, file)
    chosen = _chosen(wanted, "drop", everything=everything)
    bulk = view.Bulk(chosen, yes=yes, dry_run=dry_run)
    view.drop(settings_of(inbox), bulk, plain_console(), as_json=as_json)


@app.command()
def export(  # noqa: PLR0913, PLR0917  (see list_all)
    ids: Ids = None,
    more_ids: MoreIds = None,
    stage: Stage = None,
    reason: Reason = None,
    source: Source = None,
    since: Since = None,
    until: Until = None,
    file: File = None,
    to: Annotated[
        Path | None, typer.Option("--to", help="A file (default: standard output).")
    ] = None,
    inbox: Inbox = None,
) -> None:
    """As JSON lines, each with the bytes that died: base64, and parsed where they are JSON."""
    from services.console import dead as view  # noqa: PLC0415  (see _wanted)

    wanted = _wanted(ids, more_ids, stage, reason, source, since, until, file)
    view.export(settings_of(inbox), wanted, to)
