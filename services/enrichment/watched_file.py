"""A file that people edit while the service runs: was it changed, and what is in it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path  # noqa: TC003  (a dataclass' field, which tools resolve at run time)

Stamp = tuple[int, int, int]
"""mtime in ns, size in bytes, inode: an editor that renames a new file into place changes the
inode, one that writes in place the time. Two writes of one size within one tick of the file
system's clock (1 to 10 ms) look the same: the second is seen with the next change."""

MAX_BYTES = 4 * 1024 * 1024
"""Of a file that people write: some hundred bytes for each of ten thousand entries."""


class TooLargeError(OSError):
    """The file is larger than anything that people write."""


@dataclass(slots=True)
class WatchedFile:
    """``path``, and the state in which it was read last."""

    path: Path
    _seen: Stamp | None = field(default=None, init=False)
    _read: bool = field(default=False, init=False)

    def changed(self) -> bool:
        """Whether the file is another one than was read last (or asked for in vain).

        Costs one ``stat``, some microseconds.  A file that is gone has changed once.
        """
        return not self._read or self._stamp() != self._seen

    def read(self) -> bytes:
        """The file's bytes; from now on this is the state that ``changed`` compares with.

        Raises ``OSError`` where it can't be read, :class:`TooLargeError` above
        ``MAX_BYTES``; that counts as read too, so a fault is told once and not with every look.
        """
        self._read, self._seen = True, self._stamp()
        with self.path.open("rb") as file:
            # Of the open file and before reading: what is written meanwhile is a later change.
            self._seen = _stamp(os.fstat(file.fileno()))
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise TooLargeError(f"larger than {MAX_BYTES} bytes")
        return data

    def _stamp(self) -> Stamp | None:
        try:
            return _stamp(self.path.stat())
        except OSError:
            return None


def _stamp(status: os.stat_result) -> Stamp:
    return (status.st_mtime_ns, status.st_size, status.st_ino)
