"""``wiredesk reenrich`` as a command."""

from __future__ import annotations

import asyncio
from datetime import datetime  # noqa: TC003  (typer reads the annotations)
from typing import TYPE_CHECKING, Annotated

import typer

from services.bus.watchdog import Exit
from services.console.export_command import INTERRUPTED, TIMES, in_utc
from services.console.options import (
    AsJson,
    Inbox,
    fail,
    open_store,
    plain_console,
    settings_of,
    writable_store,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from services.console.reenrich_runs import Run, Runs
    from services.indexer.store.base import ArticleStore
    from services.settings import Settings


Everything = Annotated[bool, typer.Option("--all", help="Every article.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be taken.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the unfinished run.")]
Status = Annotated[bool, typer.Option("--status", help="How the runs stand.")]
Cancel = Annotated[bool, typer.Option("--cancel", help="End the unfinished run.")]
Wait = Annotated[
    bool,
    typer.Option("--wait/--no-wait", help="Until all have their outcomes, or only are sent."),
]


def reenrich(  # noqa: PLR0913, PLR0917  (each option is an argument)
    model_older_than: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]VERSION",
            help="Made with an older model; NAME is a model or a block (default: entities).",
        ),
    ] = None,
    annotator_older_than: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VERSION", help="Made by an older annotator; NAME may be its block."
        ),
    ] = None,
    knowledge_older_than: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]VERSION",
            help="Made with older knowledge: tables of entities, vocabularies.",
        ),
    ] = None,
    source: Annotated[str | None, typer.Option(help="Name of a provider.")] = None,
    ids: Annotated[
        list[str] | None,
        typer.Option(help="Ids of articles, or their beginnings, with commas between them."),
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(formats=TIMES, help="Listed from this time on.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=TIMES, help="Listed before this time.")
    ] = None,
    everything: Everything = False,  # noqa: FBT002  (typer's way to say a flag)
    dry_run: DryRun = False,  # noqa: FBT002  (see above)
    resume: Resume = False,  # noqa: FBT002  (see above)
    status: Status = False,  # noqa: FBT002  (see above)
    cancel: Cancel = False,  # noqa: FBT002  (see above)
    wait: Wait = True,  # noqa: FBT002  (see above)
    inbox: Inbox = None,
    as_json: AsJson = False,  # noqa: FBT002  (see above)
) -> None:
    """Enrich stored articles again, behind whatever is fresh; receipts and versions stay.

    Conditions narrow each other down. Interrupted, a run goes on where it was: with the same
    command, or --resume.
    """
    from services.console import reenrich_view as view  # noqa: PLC0415  (help opens nothing)
    from services.console.reenrich import preview  # noqa: PLC0415
    from services.console.reenrich_choice import BadChoice, Choice  # noqa: PLC0415
    from services.console.reenrich_runs import Refused, Runs  # noqa: PLC0415

    settings, console = settings_of(inbox), plain_console()
    try:
        if status:
            with open_store(settings) as store:
                view.show_all(store, Runs(store), console, as_json=as_json)
            return
        if cancel:
            with writable_store(settings) as store:
                runs = Runs(store)
                view.show_run(store, runs, runs.cancel(), console, as_json=as_json)
            return
        if resume:
            _go(settings, lambda runs: runs.resume(), wait=wait, as_json=as_json)
            return
        with open_store(settings) as store:
            choice = Choice(
                model=tuple(model_older_than or ()),
                annotator=tuple(annotator_older_than or ()),
                knowledge=tuple(knowledge_older_than or ()),
                source=source,
                since=in_utc(since),
                until=in_utc(until),
                ids=_ids(store, ids or ()),
                everything=everything,
            ).checked()
            if dry_run:
                view.show_preview(preview(store, choice), choice, console, as_json=as_json)
                return
        _go(settings, lambda runs: runs.begin(choice), wait=wait, as_json=as_json)
    except (BadChoice, Refused) as error:
        fail(str(error))


def _ids(store: ArticleStore, given: Sequence[str]) -> tuple[UUID, ...]:
    from services.console.read import NotFound, find_article  # noqa: PLC0415  (see reenrich)

    named = [part.strip() for text in given for part in text.split(",") if part.strip()]
    try:
        return tuple(dict.fromkeys(find_article(store, part) for part in named))
    except NotFound as error:
        fail(str(error))


def _go(settings: Settings, begin: Callable[[Runs], Run], *, wait: bool, as_json: bool) -> None:
    """Work on a run to its end; exit code 1 where something of it was rejected."""
    from services.console import reenrich_view as view  # noqa: PLC0415  (see reenrich)
    from services.console.reenrich_runs import Runs  # noqa: PLC0415

    with writable_store(settings) as store:
        runs = Runs(store)
        run = begin(runs)
        try:
            done = asyncio.run(_work(settings, store, runs, run, wait=wait))
        except KeyboardInterrupt:
            fail("interrupted; `wiredesk reenrich --resume` goes on", INTERRUPTED)
        made = view.show_run(store, runs, done, plain_console(), as_json=as_json)
    if made["dead"] or "rejected" in made["outcomes"]:
        raise typer.Exit(Exit.SOFTWARE)


async def _work(
    settings: Settings, store: ArticleStore, runs: Runs, run: Run, *, wait: bool
) -> Run:
    from services.bus.reenrich import resending  # noqa: PLC0415  (see reenrich)
    from services.console.reenrich import IN_FLIGHT, Progress  # noqa: PLC0415

    async with resending(settings) as resender:
        progress = Progress(
            store, resender, runs, run, IN_FLIGHT * settings.bulk_backlog, tell=Teller()
        )
        try:
            return await progress.work(wait=wait)
        except asyncio.CancelledError:
            # Interrupted: whoever resumes it needn't wait until it counts as silent.
            runs.release(progress.run)
            raise


class Teller:
    """Says on standard error what a run waits for, each reason once until it goes on."""

    def __init__(self) -> None:
        self._said: str | None = None

    def __call__(self, reason: str | None) -> None:
        """Hear why nothing goes on, or that it does."""
        if reason is not None and reason != self._said:
            typer.echo(f"wiredesk: waiting: {reason}", err=True)
        self._said = reason
