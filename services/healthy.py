"""Whether the services beside this check live: ``python3 -m services.healthy [--ready] [SERVICE]``.

For the healthcheck of a container, so it loads nothing of what the services load.  It needs no
port either: where several processes share one address each takes another port, so each notes
where it answers (:func:`noted`) in a folder of its user's.  In a container the temporary folder
is its own, and so are the notes, also where all containers share one network.

A note is locked while its process lives.  The kernel drops the lock whatever a process dies of,
so what a dead one left is never asked.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import secrets
import stat
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TIMEOUT = 4.0
"""Seconds that all answers together may take: below the 5 s after which healthchecks give up."""

MAX_ANSWER_BYTES = 64 * 1024
"""Bytes read of an answer; one with every check failing takes about 3 kB."""

OFF = frozenset({"0", "off", "f", "false", "n", "no"})
"""What pydantic takes for false: the check reads ``WIREDESK_HEALTH`` without it."""


class Note(NamedTuple):
    """Where a process that lives answers."""

    service: str
    url: str


class Said(NamedTuple):
    """What became of asking one process; ``trouble`` is None where all is well."""

    note: Note
    trouble: str | None


def folder() -> Path:
    """Where this user's processes note themselves; in a container nobody else's do."""
    return Path(tempfile.gettempdir()) / f"wiredesk-{os.geteuid()}"


@contextmanager
def noted(note: Note, where: Path) -> Iterator[None]:
    """Keep a note in ``where`` while the context lasts; raises ``OSError`` where that can't be."""
    _make_ours(where)
    _sweep(where)
    name = f"{note.service}-{os.getpid()}-{secrets.token_hex(4)}"
    path, part = where / f"{name}.json", where / f".{name}.part"
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        # Locked before it has its name: a note that isn't locked is a dead one's.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.write(descriptor, json.dumps(note._asdict()).encode())
        part.rename(path)
        yield
    finally:
        for left in (path, part):
            left.unlink(missing_ok=True)
        os.close(descriptor)


def _make_ours(where: Path) -> None:
    """Make the folder; one that another user made, or a link, is refused."""
    where.mkdir(mode=0o700, exist_ok=True)
    found = where.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise PermissionError(f"{where} is not a folder of this user's")


def _sweep(where: Path) -> None:
    """Remove what dead processes left."""
    for path in where.glob("*.json"):
        with suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def notes(where: Path) -> list[Note]:
    """The notes of the processes that live, in the order of their names."""
    found = (_living(path) for path in sorted(where.glob("*.json")))
    return [note for note in found if note is not None]


def _living(path: Path) -> Note | None:
    # One that ended meanwhile has taken its note with it.
    with suppress(FileNotFoundError), path.open("rb") as file:
        try:
            # Shared: two checks at a time don't take each other for a living process.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return Note(**json.load(file))
    return None


def asked(note: Note, path: str, deadline: float) -> Said:
    """Ask one process; ``deadline`` by the monotonic clock, in seconds."""
    address = urlsplit(note.url)
    left = max(0.1, deadline - time.monotonic())
    connection = HTTPConnection(address.hostname or "", address.port, timeout=left)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        told = json.loads(answer.read(MAX_ANSWER_BYTES))
        return Said(note, _trouble(told, answer.status))
    except (OSError, HTTPException, ValueError) as error:
        return Said(note, f"no answer: {type(error).__name__}: {error}")
    finally:
        connection.close()


def _trouble(told: dict[str, dict[str, dict[str, object]]], status: int) -> str | None:
    if status == 200:  # noqa: PLR2004  (OK)
        return None
    failed = [
        f"{name}: {check['reason']}" for name, check in told["checks"].items() if not check["ok"]
    ]
    return "; ".join(failed) or f"status {status}"


def look(where: Path, service: str | None, path: str) -> list[Said]:
    """Ask every process that lives, or those of ``service``."""
    deadline = time.monotonic() + TIMEOUT
    chosen = [note for note in notes(where) if service in {None, note.service}]
    return [asked(note, path, deadline) for note in chosen]


def main(arguments: Sequence[str] | None = None) -> int:
    """Say how each process is; 0 where there is one and all are well, else 1."""
    parser = argparse.ArgumentParser(
        prog="python3 -m services.healthy",
        description="Ask the services that this user runs here whether they live. Ends with 1 "
        "where one doesn't, or where none runs.",
    )
    parser.add_argument("service", nargs="?", help="ingest, enrichment or indexer (default: all)")
    parser.add_argument(
        "--ready",
        action="store_true",
        help="whether work gets done (/readyz) and not only whether a restart would help (/livez)",
    )
    given = parser.parse_args(arguments)
    if os.environ.get("WIREDESK_HEALTH", "").lower() in OFF:
        sys.stdout.write("WIREDESK_HEALTH is off: nothing tells\n")
        return 0
    said = look(folder(), given.service, "/readyz" if given.ready else "/livez")
    for note, trouble in said:
        sys.stdout.write(f"{note.service} at {note.url}: {trouble or 'well'}\n")
    if not said:
        sys.stdout.write(f"no {given.service or 'service'} that runs is noted in {folder()}\n")
    return int(not said or any(each.trouble for each in said))


if __name__ == "__main__":
    sys.exit(main())
