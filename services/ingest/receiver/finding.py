"""What became of an upload: found on disk, never in memory, so that a restart changes nothing.

Its receipt, if there is one; else the file in the inbox, and how far the journal is with it.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from services.ingest.files import MISSING
from services.ingest.names import RECEIPT_SUFFIX
from services.ingest.receiver.book import Upload
from services.ingest.receiver.naming import id_in
from services.ingest.receiver.progress import Progress, progress_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.ingest.receiver.book import Book
    from services.settings import Settings

State = Literal["received", "in_work", "settled", "gone"]

SUFFIX = RECEIPT_SUFFIX.decode()


@dataclass(frozen=True, slots=True)
class Standing:
    """How an upload stands. ``receipt``: where it lies, once it is settled."""

    upload: Upload
    state: State
    receipt: Path | None = None
    progress: Progress | None = None


class Finder:
    """Looks for uploads below the settings' folders. Blocks; may raise ``OSError``."""

    def __init__(self, settings: Settings, book: Book) -> None:
        self._book = book
        self._inbox = settings.inbox
        self._archives = (settings.done, settings.rejected)
        self._journal = settings.state / "journal.sqlite3"

    def find(self, upload_id: str, sender: str) -> Standing | None:
        """How an upload of ``sender`` stands; None where there is none of this id.

        Where nobody knows any more whose it was, who knows its id may ask.
        """
        upload = self._book.find(upload_id)
        if upload is None or upload.sender not in {None, sender}:
            return None
        return self.standing(upload)

    def standing(self, upload: Upload) -> Standing:
        """How an upload stands."""
        # In the order in which a file goes: what moves on while we look is found where it went.
        progress, known = self._progress(upload.file)
        waits = _is_file(self._inbox / upload.file)
        archived = any(_is_file(folder / upload.file) for folder in self._archives)
        for folder in self._archives:
            receipt = folder / f"{upload.file}{SUFFIX}"
            if _is_file(receipt):
                return Standing(upload, "settled", receipt)
        if progress is not None or archived:
            return Standing(upload, "in_work", progress=progress)
        # Where the journal can't be asked, a file that was removed may still be in work.
        return Standing(upload, "received" if waits or not known else "gone")

    def _progress(self, file: str) -> tuple[Progress | None, bool]:
        """How far the journal is with a file, and whether it could be asked."""
        try:
            return progress_of(self._journal, file.encode()), True
        except sqlite3.Error:
            return None, False


def named_uploads(settings: Settings) -> Iterator[Upload]:
    """The uploads that names in the folders tell of, each once: for a book that was lost."""
    seen: set[str] = set()
    for folder in (settings.inbox, settings.done, settings.rejected):
        with suppress(FileNotFoundError), os.scandir(folder) as entries:
            for entry in entries:
                upload = _named(entry)
                if upload is not None and upload.id not in seen:
                    seen.add(upload.id)
                    yield upload


def _named(entry: os.DirEntry[str]) -> Upload | None:
    file = entry.name.removesuffix(SUFFIX)
    upload_id = id_in(file)
    if upload_id is None or file.startswith("."):
        return None
    found = entry.stat(follow_symlinks=False)
    at = found.st_mtime_ns // 1_000_000
    return (
        Upload(upload_id, file, None, found.st_size, "", at)
        if stat.S_ISREG(found.st_mode)
        else None
    )


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError as error:
        if error.errno in MISSING:
            return False
        raise
