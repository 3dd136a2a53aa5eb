"""The sub-commands of ``wiredesk entities``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, get_args

import typer

from schemas.article import EntityType
from services.bus.errors import Unavailable
from services.bus.watchdog import Exit
from services.console.options import AsJson, Inbox, fail, open_store, plain_console, settings_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from schemas.events import EntitiesChanged
    from services.indexer.store.base import ArticleStore

app = typer.Typer(
    no_args_is_help=True,
    help="Who is who: find entities, merge those that are one, take them apart again.",
)

Force = Annotated[
    bool,
    typer.Option("--force", help="Also keys that no article has, and keys of different types."),
]


@app.command()
def find(
    words: Annotated[str, typer.Argument(help="Beginnings of words of a name, or a key.")],
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Entities shown at most.")] = 20,
    inbox: Inbox = None,
    as_json: AsJson = False,  # noqa: FBT002  (typer's way to say a flag)
) -> None:
    """Find entities by name, those of most articles first."""
    from services.console import entities  # noqa: PLC0415  (opens nothing that help needs)

    with open_store(settings_of(inbox)) as store:
        entities.find(store, words, limit, plain_console(), as_json=as_json)


@app.command()
def show(key: str, inbox: Inbox = None, as_json: AsJson = False) -> None:  # noqa: FBT002  (see find)
    """Show one entity: its names, what is merged into it, its newest articles."""
    from services.console import entities  # noqa: PLC0415  (see find)
    from services.console.read import NotFound  # noqa: PLC0415

    with open_store(settings_of(inbox)) as store:
        try:
            entities.show(store, key, plain_console(), as_json=as_json)
        except NotFound as error:
            fail(str(error))


@app.command()
def merge(
    keys: Annotated[list[str], typer.Argument(help="Keys that mean the same as --into.")],
    into: Annotated[str, typer.Option("--into", help="The key that stays, e.g. wd:Q184.")],
    name: Annotated[
        str | None, typer.Option(help="What the key that stays is called, where no article says.")
    ] = None,
    force: Force = False,  # noqa: FBT002  (see find)
    inbox: Inbox = None,
    as_json: AsJson = False,  # noqa: FBT002  (see find)
) -> None:
    """Make entities one: articles that were and will be filed have the key that stays."""
    _change(inbox, lambda store: store.merge(keys, into, name=name, force=force), as_json=as_json)


@app.command()
def split(key: str, inbox: Inbox = None, as_json: AsJson = False) -> None:  # noqa: FBT002  (see find)
    """Make a merged entity itself again, exactly as its articles had it."""
    _change(inbox, lambda store: store.split(key), as_json=as_json)


@app.command()
def alias(
    name: Annotated[str, typer.Argument(help="A name as articles write it.")],
    means: Annotated[str, typer.Option("--means", help="The key that it means.")],
    kind: Annotated[
        str | None, typer.Option("--type", help="What the name is taken for (default: KEY's).")
    ] = None,
    force: Force = False,  # noqa: FBT002  (see find)
    inbox: Inbox = None,
    as_json: AsJson = False,  # noqa: FBT002  (see find)
) -> None:
    """Say who or what a name means, also in articles that are still to come."""
    from services.console import entities  # noqa: PLC0415  (see find)

    types = get_args(EntityType)
    if kind is not None and kind.upper() not in types:
        fail(f"--type is one of {', '.join(types)}")

    def make(store: ArticleStore) -> EntitiesChanged | None:
        known = kind or entities.kind_of(store, means)
        if known is None:
            fail(f"no article tells what type '{means}' is; give --type, e.g. --type PERSON")
        return store.alias(name, entities.keys_of(name, known), means, force=force)

    _change(inbox, make, as_json=as_json)


@app.command("aliases")
def list_aliases(inbox: Inbox = None, as_json: AsJson = False) -> None:  # noqa: FBT002  (see find)
    """List everything that was merged or aliased and holds."""
    from services.console import entities  # noqa: PLC0415  (see find)

    with open_store(settings_of(inbox)) as store:
        entities.aliases(store, plain_console(), as_json=as_json)


def _change(
    inbox: Path | None,
    make: Callable[[ArticleStore], EntitiesChanged | None],
    *,
    as_json: bool,
) -> None:
    from services.console import entities  # noqa: PLC0415  (see find)
    from services.indexer.store.entities import Refused  # noqa: PLC0415

    try:
        told = entities.change(settings_of(inbox), make)
    except Refused as error:
        fail(str(error))
    except Unavailable as error:
        fail(f"{error}; nothing was changed, try again", Exit.UNAVAILABLE)
    entities.report(told, plain_console(), as_json=as_json)
