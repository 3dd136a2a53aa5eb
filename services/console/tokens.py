"""``wiredesk tokens``: made, listed and taken away."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from services.bus.errors import StopWorking
from services.console.options import fail, open_store
from services.console.read import print_json, table_of, text_of, time_of
from services.indexer.api.models import SCOPES
from services.indexer.store.opening import open_store as open_for_writing
from services.serving import tokens
from services.serving.hosts import is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from services.indexer.api.models import Scope
    from services.indexer.store.base import ArticleStore
    from services.serving.tokens import Token
    from services.settings import Settings

TIME_SPAN = re.compile(r"([1-9][0-9]{0,4})([mhd])", re.ASCII)
UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def add(
    settings: Settings,
    name: str,
    scopes: Sequence[str],
    expires: str | None,
    console: Console,
    *,
    as_json: bool = False,
) -> None:
    """Make a token, keep what is kept of it, and show it."""
    now = datetime.now(UTC)
    text, token = tokens.make(_known(scopes), now, end_of(expires, now))
    with closing(_store(settings)) as store:
        try:
            tokens.add(store, name, token)
        except tokens.BadToken as error:
            fail(str(error))
    if as_json:
        print_json(console, {"name": name, "token": text, **_document(token)})
        return
    # On a line of its own, whole: to be selected, or taken by a pipe.
    console.print(text, soft_wrap=True, markup=False)
    ends = "" if token.expires_at is None else f" until {time_of(token.expires_at)} UTC"
    console.print(
        f"May {', '.join(token.scopes)}{ends}. This is the only time that it is shown. It counts "
        "within a few seconds.",
        soft_wrap=True,
    )


def _known(scopes: Sequence[str]) -> list[Scope]:
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown:
        fail(f"--scope is one of {', '.join(SCOPES)}; not '{unknown[0]}'")
    return [scope for scope in SCOPES if scope in scopes]


def end_of(expires: str | None, now: datetime) -> datetime | None:
    """When a token ends that is made ``now``; None where it never does."""
    if expires is None:
        return None
    span = TIME_SPAN.fullmatch(expires)
    if span is None:
        fail("--expires is a number and a unit: 30m, 12h or 90d")
    return now + timedelta(**{UNITS[span[2]]: int(span[1])})


def _store(settings: Settings) -> ArticleStore:
    """The store, made where there is none yet: a desk may need its first token before it starts.

    Not where there is no desk at all: a mistyped folder must not become one.
    """
    away = settings.store_url is None and not settings.store.exists()
    if away and settings.store_path is None and not settings.inbox.is_dir():
        raise StopWorking(
            f"no desk at {settings.inbox}; give --inbox FOLDER, or set WIREDESK_STORE_PATH"
        )
    return open_for_writing(settings)


def show(settings: Settings, console: Console, *, as_json: bool = False) -> None:
    """Print the tokens by name."""
    with open_store(settings) as store:
        found = tokens.read(store)
    if as_json:
        print_json(console, [{"name": name, **_document(one)} for name, one in found.items()])
    elif found:
        _print(found, console)
    else:
        console.print("no token: everybody on this machine may do everything", style="dim")


def _print(found: Mapping[str, Token], console: Console) -> None:
    table = table_of("name", "may", "created", "expires", "last used")
    now = datetime.now(UTC)
    for name, token in found.items():
        over = token.expires_at is not None and token.expires_at <= now
        table.add_row(
            text_of(name),
            ", ".join(token.scopes),
            time_of(token.created_at),
            "never" if token.expires_at is None else time_of(token.expires_at) + " (over)" * over,
            "–" if token.last_used_at is None else time_of(token.last_used_at),
        )
    console.print(table)


def _document(token: Token) -> dict[str, object]:
    return token.model_dump(mode="json", exclude={"sha256"})


def remove(settings: Settings, name: str, console: Console) -> None:
    """Take a token away; say so where it was the last."""
    with open_store(settings):
        pass  # a store that isn't there isn't made by taking something away
    with closing(open_for_writing(settings)) as store:
        if not tokens.remove(store, name):
            fail(f"there is no token '{name}'; `wiredesk tokens list` shows all")
        left = store.entries(tokens.KIND)
    console.print(f"'{name}' is removed; within a few seconds it opens nothing", markup=False)
    if not left:
        console.print(_last(settings), soft_wrap=True, markup=False)


def _last(settings: Settings) -> str:
    if is_loopback(settings.api_host):
        return "That was the last token: everybody on this machine may do everything now."
    return (
        "That was the last token: the API refuses everybody now, and doesn't start again until "
        "there is one."
    )
