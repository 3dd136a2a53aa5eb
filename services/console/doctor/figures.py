"""Figures with their units, as people read them."""

from __future__ import annotations

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def bytes_of(count: float) -> str:
    """``1.5 GiB``: bytes in the largest unit that leaves at least one of it."""
    for unit, size in (("GiB", GIB), ("MiB", MIB), ("KiB", KIB)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count:.0f} bytes"


def time_of(seconds: float) -> str:
    """``12.3 s``, ``4.2 min``, ``1.5 h``, ``2.0 days``."""
    if seconds < 2 * _MINUTE:
        return f"{seconds:.1f} s"
    if seconds < 2 * _HOUR:
        return f"{seconds / _MINUTE:.1f} min"
    if seconds < 2 * _DAY:
        return f"{seconds / _HOUR:.1f} h"
    return f"{seconds / _DAY:.1f} days"


def share(part: float, whole: float) -> str:
    """``75 %``; of nothing nothing is taken."""
    return f"{100 * part / whole:.0f} %" if whole else "0 %"
