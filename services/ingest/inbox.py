"""The scan: what lies in the inbox, and which files have stood still long enough.

The scan is the truth.  File events only bring it forward.  Never read:
hidden and temporary names, links (wherever they lead), FIFOs, sockets, devices.
A *hard* link to a file outside can't be told from the file itself.
"""

from __future__ import annotations

import os
import posixpath
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.ingest.files import Identity
from services.ingest.names import is_hidden, is_temporary, shown
from services.observability import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable

log = get_logger("ingest.inbox")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may be taken: its path below the inbox and its condition when seen."""

    path: bytes
    identity: Identity


@dataclass(frozen=True, slots=True)
class _Standing:
    identity: Identity
    since: float
    finished: bool


class Inbox:
    """What the last scan saw, and since when each file stands still.

    ``skip`` holds the absolute paths of folders that aren't scanned (done,
    rejected, state); ``settle_time`` is in seconds of the monotonic clock.
    """

    def __init__(self, root: bytes, skip: frozenset[bytes], settle_time: float) -> None:
        self.root = root
        self.folders: frozenset[bytes] = frozenset()
        """Absolute paths of the folders that the last scan listed."""
        self._skip = skip
        self._settle_time = settle_time
        self._standing: dict[bytes, _Standing] = {}
        self._temporary: set[tuple[int, int]] = set()
        self._told: set[bytes] = set()

    def scan(self, now: float) -> list[Candidate]:
        """Look through the whole folder; returns the files that stand still, oldest first.

        ``now`` is monotonic, in seconds.  Raises ``OSError`` if the inbox itself
        can't be listed; a sub-folder that can't be is logged once and left out.
        """
        standing: dict[bytes, _Standing] = {}
        temporary: set[tuple[int, int]] = set()
        seen_told: set[bytes] = set()
        for path, entry in self._walk(seen_told):
            identity = self._identity(path, entry, seen_told)
            if identity is None:
                continue
            if is_temporary(entry.name):
                temporary.add((identity.dev, identity.inode))
            else:
                standing[path] = self._stands(path, identity, now)
        # A file that still has its temporary name as well isn't finished.
        self._standing = {
            path: self._without_haste(found, temporary) for path, found in standing.items()
        }
        self._temporary = temporary
        self._told = seen_told
        return self._ready(now)

    def unsettle(self, path: bytes, now: float) -> None:
        """Let ``path`` wait its settle time again: it changed while it was read."""
        found = self._standing.get(path)
        if found is not None:
            self._standing[path] = _Standing(found.identity, now, finished=False)

    def next_ready(self, now: float) -> float | None:
        """Monotonic time at which the next file will have stood still; None if none is waiting."""
        waiting = (found.since + self._settle_time for found in self._standing.values())
        return min((at for at in waiting if at > now), default=None)

    def waiting(self, is_taken: Callable[[bytes], bool], now: float) -> tuple[int, float]:
        """How many files of the last scan aren't taken, and for how many seconds the first stands.

        From any thread; ``now`` is monotonic, in seconds.
        """
        since = [found.since for path, found in self._standing.items() if not is_taken(path)]
        return len(since), max(0.0, now - min(since)) if since else 0.0

    def holds(self, path: bytes) -> bool:
        """Whether the last scan saw ``path``."""
        return path in self._standing

    def _stands(self, path: bytes, identity: Identity, now: float) -> _Standing:
        before = self._standing.get(path)
        if before is not None and before.identity == identity:
            return before
        renamed = before is None or before.identity.inode != identity.inode
        finished = renamed and (identity.dev, identity.inode) in self._temporary
        return _Standing(identity, now, finished)

    @staticmethod
    def _without_haste(found: _Standing, temporary: set[tuple[int, int]]) -> _Standing:
        if found.finished and (found.identity.dev, found.identity.inode) in temporary:
            return _Standing(found.identity, found.since, finished=False)
        return found

    def _ready(self, now: float) -> list[Candidate]:
        ready = [
            Candidate(path, found.identity)
            for path, found in self._standing.items()
            if found.finished or now - found.since >= self._settle_time
        ]
        # Oldest first: where nothing else orders the versions of a story, receipt does.
        return sorted(ready, key=lambda each: (each.identity.mtime_ns, each.path))

    def _walk(self, told: set[bytes]) -> list[tuple[bytes, os.DirEntry[bytes]]]:
        found: list[tuple[bytes, os.DirEntry[bytes]]] = []
        folders = [b""]
        listed: list[bytes] = []
        while folders:
            folder = folders.pop()
            entries = self._list(folder, told)
            if entries is None:
                continue
            listed.append(self._absolute(folder))
            for entry in entries:
                path = posixpath.join(folder, entry.name)
                if is_hidden(entry.name):
                    continue
                if not entry.is_dir(follow_symlinks=False):
                    found.append((path, entry))
                elif not is_temporary(entry.name) and self._absolute(path) not in self._skip:
                    folders.append(path)
        self.folders = frozenset(listed)
        return found

    def _list(self, folder: bytes, told: set[bytes]) -> list[os.DirEntry[bytes]] | None:
        try:
            with os.scandir(self._absolute(folder)) as entries:
                return list(entries)
        except OSError as error:
            if not folder:
                raise
            if not isinstance(error, FileNotFoundError):
                self._tell(folder, told, f"can't be listed: {error.strerror}")
            return None

    def _identity(
        self, path: bytes, entry: os.DirEntry[bytes], told: set[bytes]
    ) -> Identity | None:
        try:
            found = entry.stat(follow_symlinks=False)
        except OSError:
            return None  # gone since it was listed; the next scan knows more
        if stat.S_ISREG(found.st_mode):
            return Identity.of(found)
        kind = "a link" if stat.S_ISLNK(found.st_mode) else "no regular file"
        self._tell(path, told, f"{kind}: never read")
        return None

    def _tell(self, path: bytes, told: set[bytes], reason: str) -> None:
        told.add(path)
        if path not in self._told:
            log.warning("file.ignored", file=shown(path), reason=reason)

    def _absolute(self, path: bytes) -> bytes:
        return posixpath.join(self.root, path) if path else self.root
