"""Files that mean harm: what a folder that anybody may drop into must withstand.

Made anew for each run, the same each time, by code of our own; nothing here was taken from
elsewhere.  See ``hostile_xml``, ``hostile_packed`` and ``hostile_texts`` for what each does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

MIB: Final = 1024 * 1024
ANY: Final = frozenset({"indexed", "updated", "unchanged", "duplicate", "superseded", "rejected"})
"""Read or refused: both do no harm. (What is left of two of them may be the same text.)"""
REFUSED: Final = frozenset({"rejected"})
READ: Final = frozenset({"indexed"})
PIECE: Final = 4 * MIB
"""Bytes of a long file written at once."""


@dataclass(frozen=True, slots=True)
class Bait:
    """What a hostile file tries to reach: a secret file, a listener's address, a folder."""

    canary: Path
    url: str
    outside: Path


@dataclass(frozen=True, slots=True)
class Hostile:
    """One file: its name, its content in pieces, the outcomes that its records may have.

    ``reason``: what stands in at least one rejection of it, where it must be rejected for that.
    ``slow``: reading it takes seconds, or ends at the time limit.
    """

    name: bytes
    pieces: Callable[[], Iterable[bytes]]
    may_become: frozenset[str] = ANY
    reason: str = ""
    slow: bool = False

    def write(self, path: Path) -> None:
        """Write it to ``path``."""
        with path.open("wb") as out:
            out.writelines(self.pieces())


def made(
    name: str | bytes,
    data: bytes,
    may_become: frozenset[str] = ANY,
    reason: str = "",
    *,
    slow: bool = False,
) -> Hostile:
    """A hostile file that is short enough to be held."""
    encoded = name.encode() if isinstance(name, str) else name
    return Hostile(encoded, lambda: [data], may_become, reason, slow)


def repeated(head: bytes, middle: bytes, tail: bytes, size: int) -> Callable[[], Iterable[bytes]]:
    """The pieces of a file of about ``size`` bytes: ``middle`` again and again between two ends."""
    piece = middle * max(1, PIECE // len(middle))
    return lambda: (head, *(piece for _ in range(size // len(piece))), tail)
