"""Where an article stands in every list: its ``place``, given once and never changed.

A place is the time under which the article is listed, in ms since 1970, times 2^20, plus what
tells articles of one millisecond apart: the low 20 bits of the number of its row.  So places
sort as the times do, and the articles of a span of time are those of a span of places.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from services.indexer.store.times import from_micros, to_micros

if TYPE_CHECKING:
    from collections.abc import Container

    from schemas.article import EnrichedArticle

BITS = 20
"""A million articles of one millisecond; more take the next free places."""

EARLIEST = datetime(1700, 1, 1, tzinfo=UTC)
"""Times before count as this one: the oldest newspapers, and 64 bits hold their places."""

LATEST = datetime(2248, 1, 1, tzinfo=UTC)
"""Times behind count as this one, for the same reason."""


def listed_at(article: EnrichedArticle) -> datetime:
    """The time under which an article is listed that is filed for the first time.

    A date in the future, as a mistake or to stay on top of the list, counts as its receipt.
    """
    published, received = article.published_at, article.drop.received_at
    return received if published is None else min(published, received)


def first_place(time: datetime) -> int:
    """The lowest place that an article listed at ``time`` or later can have."""
    if time > LATEST:
        return (to_micros(LATEST) // 1000 + 1) << BITS
    return -(-to_micros(_held(time)) // 1000) << BITS


def place_at(time: datetime, row: int) -> int:
    """The place of the article with this number of its row, where nobody has it yet."""
    milliseconds = to_micros(_held(time)) // 1000
    return (milliseconds << BITS) | (row & ((1 << BITS) - 1))


def free_place(place: int, taken: Container[int]) -> int:
    """``place``, or the next that isn't taken."""
    while place in taken:
        place += 1
    return place


def time_of(place: int) -> datetime:
    """The time under which the article at ``place`` is listed, whole milliseconds, in UTC."""
    return from_micros((place >> BITS) * 1000)


def _held(time: datetime) -> datetime:
    return min(max(time, EARLIEST), LATEST)
