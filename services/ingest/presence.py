"""Whether the inbox is there: an unmounted folder must not look like one that was emptied."""
# ruff: noqa: PTH103, PTH116, PTH123
# pathlib holds no bytes, and names here need not be text.

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from services.effects import effect

if TYPE_CHECKING:
    from services.ingest.files import Files

MARKER = b".wiredesk/inbox-id"


def inbox_id_of(root: bytes) -> UUID | None:
    """The id that the inbox at ``root`` was marked with; None before any ingest has owned it."""
    try:
        with open(posixpath.join(root, MARKER), "rb") as marker:
            return UUID(marker.read(64).decode("ascii").strip())
    except (OSError, ValueError):
        return None


@dataclass(frozen=True, slots=True)
class Presence:
    """Knows the inbox again by a marker file in it that holds the inbox id.

    The device and inode of the folder are remembered in ``files`` while it is
    there: everything that opens a file in it checks them.
    """

    files: Files
    inbox_id: UUID

    def claim(self) -> None:
        """Mark the folder as this journal's. Raises ``OSError``."""
        marker = self._marker
        os.makedirs(posixpath.dirname(marker), exist_ok=True)
        effect("ingest.presence.mark")
        self.files.put(marker, [f"{self.inbox_id}\n".encode()])

    def there(self) -> bool:
        """Whether the folder at the inbox's path is the one that was claimed."""
        try:
            found = os.stat(self.files.root)
        except OSError:
            return False
        now = (found.st_dev, found.st_ino)
        if now != self.files.expected:
            if not self.is_claimed():
                return False
            self.files.expected = now
        return True

    def is_claimed(self) -> bool:
        """Whether the marker is there and ours."""
        try:
            with open(self._marker, "rb") as marker:
                return marker.read(64).strip() == str(self.inbox_id).encode()
        except OSError:
            return False

    @property
    def _marker(self) -> bytes:
        return posixpath.join(self.files.root, MARKER)
