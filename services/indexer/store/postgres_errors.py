"""PostgreSQL's errors, named for what the caller must do; no password is in any of them."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import PoolTimeout

from services.bus.errors import StopWorking, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

_PASSES = {
    "08": "the connection broke",
    "25006": "it takes no writes now (a standby?)",
    "40": "two transactions were in each other's way",
    "53": "it is short of disk, memory or connections",
    "55P03": "another process is writing",
    "57": "it is stopping, starting, or cancelled the query",
    "58": "its disk reports an error",
}
"""SQLSTATE codes and classes that somebody can put right while the process waits."""

_STAYS = {
    "28": "it lets us in with neither this user nor this password. Check WIREDESK_STORE_URL",
    "3D000": "there is no such database. Create it, or check WIREDESK_STORE_URL",
    "42501": "its user may not do that. Make the user the owner of the database",
    "42": "it isn't laid out as expected. Restore it from a backup, or name an empty database",
    "3F000": "it isn't laid out as expected. Restore it from a backup, or name an empty database",
    "XX001": "it is damaged. Restore it from a backup",
    "XX002": "it is damaged. Restore it from a backup, or run REINDEX",
}
"""What no waiting mends."""

_REFUSED = (
    ("password authentication failed", "28"),
    ("no password supplied", "28"),
    ("authentication failed", "28"),
    ("no pg_hba.conf entry", "28"),
    (re.compile(r'role ".*" does not exist'), "28"),
    (re.compile(r'database ".*" does not exist'), "3D000"),
    (re.compile(r'permission denied for database ".*"'), "42501"),
)
"""While connecting, libpq tells no code, only the server's words (English unless ``lc_messages``
says otherwise; then it counts as what passes, and the words are shown all the same)."""


def place_of(url: str) -> str:
    """What a store is called in messages: its database and server, never its password.

    Raises ``StopWorking`` for what is no URL of a PostgreSQL server.
    """
    try:
        given = conninfo_to_dict(url)
    except psycopg.Error:
        # libpq's reason may quote the whole URL.
        raise StopWorking(
            "WIREDESK_STORE_URL is no URL of a PostgreSQL server; it looks like "
            "postgresql://user:password@host/database"
        ) from None
    database = given.get("dbname") or given.get("user") or "(default)"
    return f"{database} on PostgreSQL at {given.get('host') or 'this machine'}"


@contextmanager
def named_errors(place: str) -> Iterator[None]:
    """Raise PostgreSQL's errors as ``Unavailable`` or ``StopWorking``; bugs stay as they are."""
    try:
        yield
    except PoolTimeout as error:
        raise Unavailable(f"Store {place}: no connection came free or could be made") from error
    except psycopg.Error as error:
        kind, reason = _named(error)
        if kind is None:
            raise
        raise kind(f"Store {place}: {reason}") from error


def _named(error: psycopg.Error) -> tuple[type[Exception] | None, str]:
    code = error.sqlstate or _code_of_refusal(error)
    if code is None:
        # Without a code it is the connection: refused, timed out, or gone in mid-query.
        lost = isinstance(error, errors.OperationalError | errors.InterfaceError)
        return (Unavailable, f"it doesn't answer ({_first_line(error)})") if lost else (None, "")
    for known, kind in ((_PASSES, Unavailable), (_STAYS, StopWorking)):
        for part in (code, code[:2]):
            if part in known:
                return kind, f"{known[part]} ({_first_line(error)})"
    return None, ""


def _code_of_refusal(error: psycopg.Error) -> str | None:
    said = str(error)
    for words, code in _REFUSED:
        if words in said if isinstance(words, str) else words.search(said):
            return code
    return None


def _first_line(error: psycopg.Error) -> str:
    """What the server said, without its details: they quote values of rows."""
    said = error.diag.message_primary or str(error)
    return said.strip().partition("\n")[0]
