"""The ``wiredesk`` command."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from contextlib import suppress
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID  # noqa: TC003  (typer reads the annotations)

import typer
from pydantic import ValidationError
from redis.exceptions import RedisError

from services import observability
from services.bus.connect import server_url
from services.bus.errors import StopWorking, Unavailable
from services.bus.watchdog import Exit
from services.console import (
    dead_command,
    drop_token,
    entities_command,
    export_command,
    ledger_command,
    migrate_store,
    missing,
    reenrich_command,
    resume,
    status_command,
    subscribers_command,
    tokens_command,
    webhooks_command,
)
from services.console.doctor import command as doctor_command
from services.console.options import (
    AsJson,
    Inbox,
    fail,
    open_store,
    plain_console,
    settings_of,
)
from services.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.console.supervisor import Desk

app = typer.Typer(
    name="wiredesk",
    help="Dropped files in, enriched and indexed articles out, a receipt for every file.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(dead_command.app, name="dead")
app.add_typer(entities_command.app, name="entities")
app.add_typer(subscribers_command.app, name="subscribers")
app.add_typer(tokens_command.app, name="tokens")
app.add_typer(webhooks_command.app, name="webhooks")
app.command()(doctor_command.doctor)
app.command("drop-token")(drop_token.drop_token)
app.command()(export_command.export)
app.command()(status_command.status)
app.command()(ledger_command.ledger)
app.command()(resume.resume)
app.command("migrate-store")(migrate_store.migrate_store)
app.command()(reenrich_command.reenrich)

Workers = Annotated[
    int | None,
    typer.Option(
        "--workers", min=1, help="Enrichment processes (default: WIREDESK_WORKERS or the cores)."
    ),
]


class ServiceName(StrEnum):
    """The three services, and what takes files by HTTP for ingest."""

    INGEST = "ingest"
    ENRICHMENT = "enrichment"
    INDEXER = "indexer"
    RECEIVER = "receiver"


MODULES = {ServiceName.RECEIVER: "services.ingest.receiver"}
"""Where a service isn't a package of its own."""


@app.command()
def up(
    folder: Annotated[Path, typer.Argument(help="The folder to watch; made if it isn't there.")],
    workers: Workers = None,
) -> None:
    """Run everything on a folder until Ctrl-C, which drains and stops; again: stops at once."""
    from services.console.addresses import Addresses  # noqa: PLC0415  (only where processes are started)
    from services.console.supervisor import Desk  # noqa: PLC0415

    given: dict[str, Any] = {} if workers is None else {"workers": workers}
    settings = Settings(inbox=folder.absolute(), **given)
    observability.configure(settings, "desk")
    desk = Desk(settings)
    _look_after(desk, lambda: _welcome(settings), Addresses(desk, _say_address).look)


def _look_after(
    desk: Desk, started: Callable[[], None], beside: Callable[[], None] = lambda: None
) -> None:
    """Run the processes of ``desk`` until a signal, then drain; a second signal: stop at once.

    ``beside`` is called again and again while they run.
    """
    told = threading.Event()

    def on_signal(_number: int, _frame: object) -> None:
        if told.is_set():
            raise KeyboardInterrupt
        told.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    drain = True
    try:
        desk.start()
        started()
        desk.run(told.is_set, beside)
    except StopWorking as error:
        drain = False
        fail(str(error), Exit.CONFIG)
    finally:
        with suppress(KeyboardInterrupt):
            desk.stop(drain=drain)
            drain = False
        if drain:
            desk.stop(drain=False)


def _welcome(settings: Settings) -> None:
    lines = (
        f"Drop files into {settings.inbox}. Ctrl-C drains and stops.",
        f"Settled files and their receipts: {settings.done}; refused: {settings.rejected}",
        f"In another terminal: wiredesk tail --inbox {settings.inbox}",
    )
    sys.stderr.write("".join(f"{observability.printable(line)}\n" for line in lines))


def _say_address(address: str) -> None:
    sys.stderr.write(f"API and page: {observability.printable(address)}\n")


@app.command()
def demo(
    seeds: Annotated[Path, typer.Option(help="Folder of the seed articles.")] = Path("seeds"),
    folder: Annotated[
        Path, typer.Option(help="Where to run; an earlier demo there is removed.")
    ] = Path(".demo"),
) -> None:
    """Run the whole pipeline on the seeds once and show what came out."""
    from services.console.demo import DemoFailed, run_demo  # noqa: PLC0415  (see up)

    observability.configure(Settings(log_level="ERROR"), "demo")
    try:
        run_demo(seeds, folder.absolute(), plain_console())
    except DemoFailed as error:
        fail(str(error))


@app.command("run")
def run_service(service: ServiceName, workers: Workers = None) -> None:
    """Run one service (settings come from the environment); enrichment as one process a core."""
    if service is ServiceName.ENRICHMENT:
        _run_workers(workers)
    package = MODULES.get(service, f"services.{service.value}")
    module = import_module(f"{package}.__main__")
    raise typer.Exit(int(module.main()))


@app.command()
def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on (default: WIREDESK_API_HOST).")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port (default: WIREDESK_API_PORT); 0: any free one."),
    ] = None,
    inbox: Inbox = None,
) -> None:
    """Serve the HTTP API and the page over what is stored, without a desk running. Ctrl-C ends."""
    from services.indexer.api.__main__ import main as run_api  # noqa: PLC0415  (see up)

    given: dict[str, Any] = {"api_host": host, "api_port": port, "inbox": inbox}
    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    raise typer.Exit(run_api(settings))


def _run_workers(workers: int | None) -> None:
    """Run the workers as processes of their own and end; return where one is enough."""
    from services.console.supervisor import Desk, modules_of, worker_names  # noqa: PLC0415  (see up)

    given: dict[str, Any] = {} if workers is None else {"workers": workers}
    settings = Settings(**given)
    names = worker_names(settings)
    if len(names) == 1:
        return
    observability.configure(settings, "enrichment")
    modules = modules_of(settings)
    desk = Desk(settings, modules={name: modules[name] for name in names}, serve=False)
    _look_after(desk, lambda: None)
    raise typer.Exit


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Files to try.")],
    as_json: AsJson = False,  # noqa: FBT002  (typer's way to say a flag)
) -> None:
    """Run files through the real reading path without publishing: what would become of them."""
    from services.console.check import show_checks  # noqa: PLC0415  (only this command needs readers)

    if not show_checks(files, settings_of(), plain_console(), as_json=as_json):
        raise typer.Exit(1)


@app.command()
def add(
    files: Annotated[list[Path], typer.Argument(help="Files to drop.")],
    move: Annotated[  # noqa: FBT002  (see check)
        bool, typer.Option("--move", help="Remove each file once its copy is safely dropped.")
    ] = False,
    wait: Annotated[  # noqa: FBT002  (see check)
        bool, typer.Option("--wait/--no-wait", help="Wait for the receipts, or only drop.")
    ] = True,
    inbox: Inbox = None,
) -> None:
    """Drop files into the inbox safely, follow them, and say what became of each.

    A copy appears in the inbox whole or not at all; a name that is taken gets a number. Ends
    with 0 when everything was accepted, 1 when something was rejected or not dropped, 2 when
    there was nobody to wait for: what was dropped stays in the inbox and is taken later.
    """
    from services.console.add import run_add  # noqa: PLC0415  (see up)

    code = run_add(files, settings_of(inbox), plain_console(), move=move, wait=wait)
    if code:
        raise typer.Exit(code)


@app.command()
def search(  # noqa: PLR0913, PLR0917  (each option is an argument)
    words: Annotated[str | None, typer.Argument(help='Words, "a phrase", prefix*.')] = None,
    entity: Annotated[str | None, typer.Option(help="Name, key or QID of an entity.")] = None,
    topic: Annotated[str | None, typer.Option(help="Code or name of a topic.")] = None,
    language: Annotated[str | None, typer.Option(help="ISO 639-1 code.")] = None,
    story: Annotated[UUID | None, typer.Option(help="Id of a story.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Articles shown at most.")] = 20,
    inbox: Inbox = None,
    as_json: AsJson = False,  # noqa: FBT002  (see check)
) -> None:
    """Find articles in the store."""
    from services.console.read import search as run_search  # noqa: PLC0415
    from services.indexer.store.base import Query  # noqa: PLC0415

    query = Query(words, entity, topic, language, limit, story)
    with open_store(settings_of(inbox)) as store:
        run_search(store, query, plain_console(), as_json=as_json)


@app.command()
def show(article: str, inbox: Inbox = None, as_json: AsJson = False) -> None:  # noqa: FBT002  (see check)
    """Show one article whole, by its id or the first characters of it."""
    from services.console.read import NotFound  # noqa: PLC0415
    from services.console.read import show as run_show  # noqa: PLC0415

    with open_store(settings_of(inbox)) as store:
        try:
            run_show(store, article, plain_console(), as_json=as_json)
        except NotFound as error:
            fail(str(error))


@app.command()
def explain(
    what: Annotated[str, typer.Argument(metavar="FILE|ID", help="A file, or an article's id.")],
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Articles of a file at most.")] = 5,
    no_color: Annotated[  # noqa: FBT002  (see check)
        bool, typer.Option("--no-color", help="Mark entities by their type in brackets.")
    ] = False,
    inbox: Inbox = None,
    as_json: AsJson = False,  # noqa: FBT002  (see check)
) -> None:
    """Show what enrichment finds in an article: entities in the text, links, topics, quotes, times.

    A file is read and enriched here and now, and published nowhere; an id (or the first
    characters of one) shows the article as it is in the store.
    """
    from services.console import explain as view  # noqa: PLC0415  (only this command needs it)

    settings = settings_of(inbox)
    observability.configure(settings.model_copy(update={"log_level": "WARNING"}), "explain")
    console = plain_console(colours=not no_color)
    try:
        accepted = view.explain(what, Path(what), settings, console, limit=limit, as_json=as_json)
    except view.NothingToExplain as error:
        fail(str(error))
    if not accepted:
        raise typer.Exit(1)


@app.command()
def tail(
    entity: Annotated[
        list[str] | None, typer.Option(help="Name, key or QID of an entity; any of several.")
    ] = None,
    topic: Annotated[
        list[str] | None, typer.Option(help="Code or name of a topic; those below it pass, too.")
    ] = None,
    language: Annotated[list[str] | None, typer.Option(help="ISO 639-1 code.")] = None,
    beginning: Annotated[  # noqa: FBT002  (see check)
        bool, typer.Option("--from-beginning", help="All that is kept, then what comes.")
    ] = False,
    count: Annotated[int | None, typer.Option(min=1, help="End after this many.")] = None,
    inbox: Inbox = None,
    as_json: AsJson = False,  # noqa: FBT002  (see check)
) -> None:
    """Follow enriched articles as they come. Ctrl-C ends."""
    from services.console import status as view  # noqa: PLC0415

    settings = settings_of(inbox)
    wanted = view.filter_of(entity or (), topic or (), language or ())
    start = "0" if beginning else "$"

    async def follow() -> None:
        seen = 0
        async for article in view.tail(server_url(settings), settings, wanted, start):
            print(view.json_line(article) if as_json else view.line_of(article), flush=True)  # noqa: T201  (a console's output)
            seen += 1
            if seen == count:
                return

    with suppress(KeyboardInterrupt):
        asyncio.run(follow())


def main() -> None:
    """Entry point: errors that a user can mend are one line, not a stack trace."""
    try:
        app()
    except ValidationError as error:
        problems = "; ".join(
            f"WIREDESK_{'_'.join(map(str, item['loc'])).upper()}: {item['msg']}"
            for item in error.errors()
        )
        sys.exit(_said(f"settings: {problems}", Exit.CONFIG))
    except (StopWorking, Unavailable) as error:
        sys.exit(_said(str(error), Exit.CONFIG))
    except (RedisError, OSError) as error:
        sys.exit(_said(f"{error.__class__.__name__}: {error}", Exit.UNAVAILABLE))
    except ModuleNotFoundError as error:
        said = missing.advice(error.name)
        if said is None:
            raise
        sys.exit(_said(said, Exit.CONFIG))


def _said(reason: str, code: int) -> int:
    sys.stderr.write(f"wiredesk: {observability.printable(reason)}\n")
    return int(code)
