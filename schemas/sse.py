"""Server-Sent Events, read as the HTML standard says, and where the last one was kept."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_FRAME = 128 * 1024 * 1024
"""Bytes of one frame at most: ten times the largest event there can be. A server that sends more
without an end is none of ours."""

_LINES = re.compile(rb"\r\n|\n|\r")


class BrokenStream(ValueError):  # noqa: N818  (named for the state)
    """What comes is no event stream."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. ``id`` is None where it has none; without ``data`` it is no event."""

    id: str | None
    event: str
    data: bytes | None
    retry: float | None = None


class Frames:
    """Puts frames together from the pieces in which they come."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._lines: list[bytes] = []

    def feed(self, piece: bytes) -> Iterator[Frame]:
        """The frames that are whole with this piece."""
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size > MAX_FRAME:
            raise BrokenStream(f"one event of more than {MAX_FRAME} bytes")
        if b"\n" not in piece and b"\r" not in piece:
            return
        whole = b"".join(self._pieces)
        # A carriage return at the end may be the first half of a line's end.
        half = whole[-1:] if whole.endswith(b"\r") else b""
        *lines, rest = _LINES.split(whole.removesuffix(b"\r"))
        rest += half
        self._pieces = [rest]
        for line in lines:
            if line:
                self._lines.append(line)
            elif self._lines:
                given, self._lines = self._lines, []
                yield _frame(given)
        self._size = len(rest) + sum(map(len, self._lines))


def _frame(lines: list[bytes]) -> Frame:
    found: dict[str, list[bytes]] = {}
    for line in lines:
        name, _, value = line.partition(b":")
        found.setdefault(name.decode("utf-8", "replace"), []).append(value.removeprefix(b" "))
    retry = found.get("retry", [b""])[-1]
    return Frame(
        id=found["id"][-1].decode("utf-8", "replace") if "id" in found else None,
        event=found.get("event", [b"message"])[-1].decode("utf-8", "replace"),
        data=b"\n".join(found["data"]) if "data" in found else None,
        retry=int(retry) / 1000 if retry.isdigit() else None,
    )


class StateFile:
    """A position in a file: there whole or not at all, whatever ends the process."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> str | None:
        """The position that was kept; None where there is no file."""
        try:
            text = self._path.read_text("ascii").strip()
        except FileNotFoundError:
            return None
        except ValueError:
            text = ""
        if not text or " " in text:
            raise ValueError(f"{self._path} holds no position; delete it to begin anew")
        return text

    def write(self, position: str) -> None:
        """Keep a position: written aside, on disk, then put in place of the old one."""
        aside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        with aside.open("w", encoding="ascii") as file:
            file.write(f"{position}\n")
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self._path)
