"""What became of an upload: found on disk, never in memory, so that a restart changes nothing.

Its receipt, if there is one; else the file in the inbox, and how far the journal is with it.  An
upload that the book doesn't know (it was lost, or another receiver's) is found by its name.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from services.ingest.files import MISSING
from services.ingest.names import RECEIPT_SUFFIX
from services.ingest.receiver.naming import id_in
from services.ingest.receiver.progress import Progress, progress_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.ingest.receiver.book import Book, Upload
    from services.settings import Settings

State = Literal["received", "in_work", "settled", "gone"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How an upload stands. ``receipt``: where it lies, once it is settled.

    ``upload`` is None where only its file was found.
    """

    id: str
    file: str
    state: State
    upload: Upload | None = None
    receipt: Path | None = None
    progress: Progress | None = None


class Finder:
    """Looks for uploads below the settings' folders. Blocks; may raise ``OSError``."""

    def __init__(self, settings: Settings, book: Book) -> None:
        self._book = book
        self._inbox = settings.inbox
        self._archives = (settings.done, settings.rejected)
        self._journal = settings.state / "journal.sqlite3"
        self._searching = threading.Lock()

    def find(self, upload_id: str, sender: str) -> Standing | None:
        """How an upload of ``sender`` stands; None where there is none of this id."""
        upload = self._book.find(upload_id)
        if upload is not None:
            return self.standing(upload) if upload.sender == sender else None
        file = self._search(upload_id)
        if file is None:
            return None
        return self._look(upload_id, file, None)

    def standing(self, upload: Upload) -> Standing:
        """How an upload in the book stands."""
        return self._look(upload.id, upload.file, upload)

    def _look(self, upload_id: str, file: str, upload: Upload | None) -> Standing:
        # In the order in which a file goes: what moves on while we look is found where it went.
        progress, known = self._progress(file)
        waits = _is_file(self._inbox / file)
        archived = any(_is_file(folder / file) for folder in self._archives)
        for folder in self._archives:
            receipt = folder / f"{file}{RECEIPT_SUFFIX.decode()}"
            if _is_file(receipt):
                return Standing(upload_id, file, "settled", upload, receipt)
        if progress is not None or archived:
            return Standing(upload_id, file, "in_work", upload, progress=progress)
        # Where the journal can't be asked, a file that was removed may still be in work.
        state: State = "received" if waits or not known else "gone"
        return Standing(upload_id, file, state, upload)

    def _progress(self, file: str) -> tuple[Progress | None, bool]:
        """How far the journal is with a file, and whether it could be asked."""
        try:
            return progress_of(self._journal, file.encode()), True
        except sqlite3.Error:
            return None, False

    def _search(self, upload_id: str) -> str | None:
        """The name of the file with this id, where ever it is; one search at a time."""
        with self._searching:
            return next((name for name in self._names() if id_in(name) == upload_id), None)

    def _names(self) -> Iterator[str]:
        suffix = RECEIPT_SUFFIX.decode()
        for folder in (self._inbox, *self._archives):
            with suppress(FileNotFoundError), os.scandir(folder) as entries:
                for entry in entries:
                    if not entry.name.startswith("."):
                        yield entry.name.removesuffix(suffix)


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError as error:
        if error.errno in MISSING:
            return False
        raise
