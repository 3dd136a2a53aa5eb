"""Room on a file system: bytes and inodes, and from when on it is too little."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from services.console.doctor.figures import GIB, MIB, bytes_of
from services.console.doctor.findings import Finding, graded, judged, unknown, worst

Space: TypeAlias = Callable[[Path], os.statvfs_result]

BYTES_WARN = 2 * GIB
"""About a day of a busy desk: 100,000 articles of 5 kB, kept as file, event and row, with the
store's index. Not a share: a tenth of a large disk is plenty."""

BYTES_FAIL = 256 * MIB
"""What a moment may take: SQLite's write-ahead log, a rewritten file, a batch of long articles."""

INODES_WARN, INODES_FAIL = 20_000, 1_000
"""Each file that is archived takes two: itself and its receipt."""

SPACE_LIMITS = (
    f"warns below {bytes_of(BYTES_WARN)} or {INODES_WARN:,} inodes, "
    f"fails below {bytes_of(BYTES_FAIL)} or {INODES_FAIL:,}"
)

ADVICE = (
    "make room on that disk; archived files and their receipts in the done folder may be moved "
    "elsewhere at any time"
)


def space_of(name: str, folder: Path, space: Space, needs: int = 0) -> Finding:
    """How much room there is for ``folder``, beside ``needs`` bytes that are spoken for."""
    there = existing(folder)
    try:
        found = space(there)
    except OSError as error:
        return unknown(f"{name} {folder}: {error.strerror}", "see that its disk is there")
    free = found.f_bavail * found.f_frsize
    left = free - needs
    states = [graded(-left, -BYTES_WARN, -BYTES_FAIL)]
    said = f"{name}: {bytes_of(free)} free"
    # File systems that make inodes as they need them (btrfs, some shares) say that they have 0.
    if found.f_files:
        states.append(graded(-found.f_favail, -INODES_WARN, -INODES_FAIL))
        said += f", {found.f_favail:,} inodes"
    said += f" ({there})"
    if needs:
        said += f"; a rewrite needs {bytes_of(needs)} of it"
    return judged(worst(states), said, ADVICE)


def existing(folder: Path) -> Path:
    """``folder``, or the nearest above it that is there: where it would be made."""
    place = folder.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    return place
