"""Times as the standards write them: ISO 8601, extended or compact, to a moment in UTC.

As in :mod:`services.ingest.readers.dates` nothing is made up: a date without a time of day, or a
time without a zone, is no moment but a warning.
"""

from __future__ import annotations

import re
from typing import Final

from services.ingest.readers.dates import When, parse_when
from services.ingest.readers.lines import clean

_ISO: Final = re.compile(
    r"(?P<year>\d{4})-?(?P<month>\d{2})-?(?P<day>\d{2})"
    r"(?:[Tt ]?(?P<hour>\d{2}):?(?P<minute>\d{2})(?::?(?P<second>\d{2})(?P<fraction>[.,]\d{1,9})?)?"
    r"\s?(?P<zone>[Zz]|[+−-]\d{2}(?::?\d{2})?)?)?"  # noqa: RUF001  (the minus sign, as printed)
)
_COARSE: Final = re.compile(r"\d{4}(?:-\d{2})?")


def parse_stamp(text: str) -> When:
    """The moment that ``text`` names, e.g. ``20261120T101500Z`` or ``2026-11-20T10:15:00+01:00``.

    Other ways of writing a time are read as :func:`~services.ingest.readers.dates.parse_when`
    does; what is none at all gives a warning, too.
    """
    text = clean(text)
    if _COARSE.fullmatch(text):
        return When(None, f"no time taken from '{text}': it is no whole date")
    iso = _ISO.fullmatch(text)
    found = parse_when(_extended(iso) if iso else text)
    if found is None:
        return When(None, f"no time taken from '{text[:80]}': not a known way of writing one")
    if iso and found.warning:
        return When(None, f"no time taken from '{text}': {found.warning.partition(': ')[2]}")
    return found


def _extended(iso: re.Match[str]) -> str:
    date = f"{iso['year']}-{iso['month']}-{iso['day']}"
    if iso["hour"] is None:
        return date
    clock = f"{iso['hour']}:{iso['minute']}:{iso['second'] or '00'}{iso['fraction'] or ''}"
    zone = (iso["zone"] or "").upper()
    if zone not in ("", "Z"):
        zone = f"{zone[:3]}:{zone[-2:] if len(zone) > len('+01') else '00'}"
    return f"{date}T{clock} {zone}".rstrip()
