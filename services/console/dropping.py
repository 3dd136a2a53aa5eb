"""Putting a file into the inbox so that ingest sees it whole or not at all."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING
from uuid import uuid4

from services.ingest.files import MISSING, Files, Identity
from services.ingest.names import shown, why_ignored

if TYPE_CHECKING:
    from pathlib import Path

    from services.settings import Settings


class NotDropped(Exception):  # noqa: N818  (named for what is the case)
    """A file wasn't dropped; the message says why."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A file that lies in the inbox: ``name`` there, its bytes' size and digest.

    ``left``: why the original is still there, where it should have been moved.
    """

    source: Path
    name: bytes
    size: int
    sha256: str
    left: str | None = None

    @property
    def file(self) -> str:
        """The name as receipts and signs of life write it."""
        return shown(self.name)


def drop(source: Path, settings: Settings, *, move: bool = False) -> Dropped:
    """Copy ``source`` into the inbox: under a hidden name, synced, then renamed.

    What ingest would ignore is refused.  A name that is taken gets a number.  The
    original goes (``move``) only when its copy is on disk.  Raises :class:`NotDropped`.
    """
    ignored = why_ignored(source)
    if ignored is not None:
        raise NotDropped(ignored)
    inbox = settings.inbox.resolve()
    if source.resolve().parent == inbox:
        raise NotDropped("it lies in the inbox already")
    try:
        return _copy(source, inbox, move=move)
    except OSError as error:
        if error.errno in MISSING:
            raise NotDropped("not found") from error
        raise NotDropped(error.strerror or str(error)) from error


def _copy(source: Path, inbox: Path, *, move: bool) -> Dropped:
    files = Files(os.fsencode(inbox))
    # O_NONBLOCK: opening a FIFO must not wait for somebody who writes to it.
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise NotDropped("no regular file")
        hidden = files.root + f"/.wiredesk-{uuid4().hex}.part".encode()
        try:
            digest = files.copy(descriptor, hidden)
            if Identity.of(os.fstat(descriptor)) != Identity.of(found):
                raise NotDropped("it changed while it was copied; try again when it is finished")
            name = _name(files, hidden, os.fsencode(source.name))
        finally:
            if os.path.lexists(hidden):
                os.unlink(hidden)  # noqa: PTH108  (bytes)
    finally:
        os.close(descriptor)
    left = _remove(source, Identity.of(found)) if move else None
    return Dropped(source, name, found.st_size, digest, left)


def _name(files: Files, hidden: bytes, wanted: bytes) -> bytes:
    """Give the copy its name: the wanted one, else with a number before its extension."""
    stem, extension = os.path.splitext(wanted)  # noqa: PTH122  (bytes)
    for number in count(1):
        name = wanted if number == 1 else stem + b"~%d" % number + extension
        try:
            files.settle_name(hidden, files.root + b"/" + name)
        except FileExistsError:
            continue
        return name
    raise AssertionError  # the numbers don't end


def _remove(source: Path, copied: Identity) -> str | None:
    """Remove the original if it still is what was copied; else why it stays."""
    try:
        if Identity.of(source.lstat()) != copied:
            return "it changed after it was copied"
        source.unlink()
    except OSError as error:
        return error.strerror or str(error)
    return None
