"""Connections to a PostgreSQL store: many that read, one at a time that writes."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import psycopg
from psycopg import sql
from psycopg.adapt import Loader
from psycopg.types.string import StrDumper
from psycopg_pool import ConnectionPool, PoolTimeout

from services.bus.errors import StopWorking
from services.effects import effect
from services.indexer.store.postgres_errors import named_errors, place_of

if TYPE_CHECKING:
    from collections.abc import Iterator

Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"

SCHEMA = "wiredesk"
"""All of our tables are in this one, so that other programs may use the database too."""

WRITING = 0x57444B53
"""``WDKS``: the advisory lock that whoever writes holds until the commit. Never change it."""

OLDEST = 150_000
"""PostgreSQL 15, as the server tells its version; older ones are out of support soon."""

CONNECTIONS = 8
"""Connections of one process at most: a server allows 100 in all unless told otherwise, and
more readers than processor cores only take turns."""

CONNECT_TIMEOUT = 10
"""Seconds for a connection to be made: a server that is busy starting takes a few."""

FREE_TIMEOUT = 5
"""Seconds for one to come free: searches take milliseconds, and who waits longer should know."""

LOCK_TIMEOUT = 10_000
"""Milliseconds to wait for another writer. The longest of our own transactions is a batch of
100 articles, well under a second; longer means that something else holds the store."""

IDLE_TIMEOUT = 60_000
"""Milliseconds that a transaction may stand still before the server ends it: a writer whose
machine died would hold up all others until TCP gives up on it."""

KEEPALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
"""Seconds until a connection to a server that vanished is known to be dead: about a minute."""

_NUL, _MARK = "\0", "\ufffe"
_MARKED_NUL, _MARKED_MARK = _MARK + "0", _MARK + "1"


def stored(text: str) -> bytes:
    """``text`` as PostgreSQL can keep it, which takes no NUL: U+FFFE, no character, stands for it.

    Lone surrogates, which are in no article, become ``?``.
    """
    if _MARK in text or _NUL in text:
        text = text.replace(_MARK, _MARKED_MARK).replace(_NUL, _MARKED_NUL)
    return text.encode("utf-8", "replace")


def given(data: bytes) -> str:
    """What :func:`stored` was given."""
    text = data.decode()
    if _MARK in text:
        text = text.replace(_MARKED_NUL, _NUL).replace(_MARKED_MARK, _MARK)
    return text


class _TextDumper(StrDumper):
    def dump(self, obj: str) -> bytes:
        return stored(obj)


class _TextLoader(Loader):
    def load(self, data: bytes | bytearray | memoryview) -> str:
        return given(bytes(data))


class Connections:
    """The connections of one process to the store at ``url``.

    Writers hold :data:`WRITING` from their first statement to their commit, whichever process
    they are in.  So ``seq``, ``place`` and the positions of changes, which are given out in
    between, are committed in their order, and whoever reads on from the last one misses none.
    """

    def __init__(self, url: str, *, read_only: bool) -> None:
        self.place = place_of(url)
        self._url = url
        self._read_only = read_only
        self._writing = threading.RLock()
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            url,
            kwargs={"autocommit": True, "connect_timeout": CONNECT_TIMEOUT, **KEEPALIVE},
            min_size=1,
            max_size=CONNECTIONS,
            timeout=FREE_TIMEOUT,
            configure=self._configure,
            # A server that was restarted leaves connections behind that only look alive.
            check=ConnectionPool.check_connection,
            open=False,
        )

    def open(self) -> None:
        """Make the first connection; says why where that fails."""
        with named_errors(self.place):
            self._try()
            self._pool.open()

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection; each statement sees what is committed when it starts."""
        with named_errors(self.place), self._connection() as connection:
            yield connection

    @contextmanager
    def one_view(self) -> Iterator[Connection]:
        """Several reads that see the same moment."""
        with self.reading() as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield connection

    @contextmanager
    def writing(self, name: str) -> Iterator[Connection]:
        """One transaction; the effect ``name`` is announced right before its commit."""
        # In this process they wait here, without holding a connection.
        with (
            named_errors(self.place),
            self._writing,
            self._connection() as connection,
            connection.transaction(),
        ):
            connection.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT}")
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (WRITING,))
            yield connection
            effect(name)

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        try:
            connection = self._pool.getconn()
        except PoolTimeout:
            # The pool doesn't tell why; a connection that is made here and now does.
            self._try()
            raise
        try:
            yield connection
        finally:
            self._pool.putconn(connection)

    def _try(self) -> None:
        with psycopg.connect(self._url, connect_timeout=CONNECT_TIMEOUT) as connection:
            self._check_server(connection)

    def _check_server(self, connection: Connection) -> None:
        version = connection.info.server_version
        if version < OLDEST:
            raise StopWorking(
                f"Store {self.place}: PostgreSQL {version // 10_000} is too old, "
                f"{OLDEST // 10_000} is the oldest that works. Upgrade the server"
            )
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise StopWorking(
                f"Store {self.place}: its encoding is {encoding}. Create the database with "
                "ENCODING 'UTF8'"
            )

    def _configure(self, connection: Connection) -> None:
        connection.adapters.register_dumper(str, _TextDumper)
        connection.adapters.register_loader("text", _TextLoader)
        settings = {
            "search_path": SCHEMA,
            # Plans hang on how frequent a word or key is; and compiling takes longer than running.
            "plan_cache_mode": "force_custom_plan",
            "jit": "off",
            # What a search needs is in memory or on an SSD: a page that is sought costs hardly
            # more than the next one.
            "random_page_cost": "1.1",
            "idle_in_transaction_session_timeout": str(IDLE_TIMEOUT),
        }
        for name, value in settings.items():
            connection.execute(sql.SQL("SET {} = {}").format(sql.Identifier(name), value))
        if self._read_only:
            connection.execute("SET default_transaction_read_only = on")
        # An article is acknowledged to Redis as soon as it is committed: it must be on disk then.
        off = connection.execute("SHOW synchronous_commit").fetchone()
        if off == ("off",):
            connection.execute("SET synchronous_commit = on")
