"""The sub-commands of ``wiredesk tokens``."""

from __future__ import annotations

from typing import Annotated

import typer

from services.console.options import AsJson, Inbox, plain_console, settings_of

app = typer.Typer(
    no_args_is_help=True,
    help="Who may ask the API: tokens and what each may do. While there is none, all from this "
    "machine may do everything.",
)

Scopes = Annotated[
    list[str] | None,
    typer.Option(
        "--scope",
        help="What it may do, several times for several: read (articles), subscribe (events), "
        "operate (the desk view). Default: read.",
    ),
]


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Who or what it is for, e.g. archive-search.")],
    scope: Scopes = None,
    expires: Annotated[
        str | None, typer.Option(help="After which time it ends, e.g. 90d, 12h. Default: never.")
    ] = None,
    inbox: Inbox = None,
    as_json: AsJson = False,  # noqa: FBT002  (typer's way to say a flag)
) -> None:
    """Make a token. It is shown this one time: only its hash is kept."""
    from services.console import tokens  # noqa: PLC0415  (opens nothing that help needs)

    tokens.add(
        settings_of(inbox), name, scope or ["read"], expires, plain_console(), as_json=as_json
    )


@app.command("list")
def list_tokens(inbox: Inbox = None, as_json: AsJson = False) -> None:  # noqa: FBT002  (see add)
    """List the tokens: what each may do, until when, and when it was last used."""
    from services.console import tokens  # noqa: PLC0415  (see add)

    tokens.show(settings_of(inbox), plain_console(), as_json=as_json)


@app.command()
def remove(name: str, inbox: Inbox = None) -> None:
    """Take a token away: within seconds it opens nothing, and its event streams end."""
    from services.console import tokens  # noqa: PLC0415  (see add)

    tokens.remove(settings_of(inbox), name, plain_console())
