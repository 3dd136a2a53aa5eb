"""The time that an article's relative dates are counted from, and what its country writes.

The published time is kept in UTC.  Evening in New York is the next day in UTC already, so the
day that the publisher printed (dateline, published line) is taken where it is at most a day off;
without a published time (a line that gives no time of day or zone is none) it is the reference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from services.enrichment.values.currencies import HOME_DOLLARS
from services.enrichment.values.dates import find_dates
from services.enrichment.values.reading import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.article import RawArticle
    from services.enrichment.values.reading import Order

_DAY_FIRST: Final = frozenset(
    ("GB", "IE", "AU", "NZ", "IN", "ZA", "PK", "NG", "KE", "SG", "HK", "MY", "JM", "TT", "GH", "UG")
)
"""Countries whose English writes 3/12/2023 for the third of December."""

_ONE_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Reference:
    """``at``: the moment in UTC; ``day``: the calendar day where the article was published.

    ``guessed`` where the receipt had to stand in for the time of publication.
    """

    at: datetime
    day: date
    guessed: bool = False


def reference_of(article: RawArticle) -> Reference:
    """The published time, else the day that the article prints, else the receipt."""
    published = article.published_at
    if published is not None:
        own = published.astimezone(UTC)
        near = [day for day in _printed(article, own.date()) if abs(day - own.date()) <= _ONE_DAY]
        return Reference(own, near[0] if near else own.date())
    received = article.drop.received_at.astimezone(UTC)
    for day in _printed(article, received.date()):
        return Reference(datetime.combine(day, time.min, UTC), day)
    return Reference(received, received.date(), guessed=True)


def _printed(article: RawArticle, today: date) -> Iterator[date]:
    """The days that dateline, published lines and the text's first lines give, in that order."""
    if article.dateline:
        yield from _days(article.dateline, today)
    for line in article.set_apart:
        if line.kind == "published_line":
            yield from _days(line.text, today)
    for written in article.text[:_HEAD].splitlines()[:_FIRST_LINES]:
        yield from _of_dateline(written, today)


_HEAD: Final = 800
_FIRST_LINES: Final = 9
"""Headline, standfirst, byline and the first paragraphs, with blank lines between them."""

_MAX_PLACE: Final = 60
"""Characters of place and agency before a dateline's day; "GENEVA, Switzerland (AFP), " has 27."""

_PLACE = re.compile(r"[^\W\d_a-z][\w .,'\u2019/()-]*[,)] ?")
_DATELINE_ENDS = re.compile(r"\s*(?:\([^()\n]{2,40}\)\s*)?(?:[-\u2013\u2014]{1,2}\s|/|:|$)")


def _of_dateline(line: str, today: date) -> Iterator[date]:
    """The day in "MINSK, Feb. 28 (Reuters) - President …" or in a line "TAIPEI, April 3, 2024"."""
    head = line[: _MAX_PLACE + _MAX_LINE]
    for found in find_dates(head, Clock(today)):
        if found.days.precision != "day" or found.start > _MAX_PLACE:
            return
        if _PLACE.fullmatch(head, 0, found.start) and _DATELINE_ENDS.match(head, found.end):
            yield found.days.earliest
        return


_MAX_LINE: Final = 200
"""Characters of a dateline or published line that are read; real ones have under 100."""


def _days(line: str, today: date) -> Iterator[date]:
    for found in find_dates(line[:_MAX_LINE], Clock(today)):
        if found.days.precision == "day":
            yield found.days.earliest


def region(article: RawArticle) -> str | None:
    """The country of the language tag that the source declares: ``GB`` of ``en-GB``."""
    parts = (article.language or "").replace("_", "-").split("-")
    if parts[0].lower() != "en":
        return None
    return next((part.upper() for part in parts[1:] if len(part) == 2), None)  # noqa: PLR2004 (ISO 3166-1)


def numeric_order(country: str | None) -> Order | None:
    """How numeric dates are written in an English-speaking country; None where it isn't known."""
    if country == "US":
        return "mdy"
    return "dmy" if country in _DAY_FIRST else None


def home_dollar(country: str | None) -> str:
    """What "$" alone means in that country's English; the US dollar where it isn't known."""
    return HOME_DOLLARS.get(country or "US", "USD")
