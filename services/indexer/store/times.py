"""Times as whole microseconds since 1970: exact, and in order as integers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(time: datetime) -> int:
    """Microseconds from 1970 to ``time``, which has a zone; negative before."""
    return (time - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The time ``micros`` microseconds after 1970, in UTC."""
    return _EPOCH + micros * _MICROSECOND
