"""What enrichment says about an article beside the names in it: values, quotes, kin, story.

Offsets are those of :mod:`schemas.article`: Unicode code points into the event's
``text``, half-open.  Every field that a later release added has a default, so that
events of earlier ones can still be read.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, NonNegativeInt, PositiveInt

from schemas.base import Model, UtcDatetime

Score = Annotated[float, Field(ge=0.0, le=1.0)]

DatePrecision = Literal[
    "day", "week", "weekend", "month", "season", "quarter", "year", "decade", "century", "range"
]
"""How much time the words name; ``range``: what is between two dates ("since May", "1914-18")."""


class DateValue(Model):
    """The days that an expression of time means, first and last one included (ISO 8601)."""

    earliest: date
    latest: date
    precision: DatePrecision
    relative_to: UtcDatetime | None = Field(
        default=None,
        description="the time that a relative expression ('Tuesday', 'last February') was "
        "resolved against: the article's published time, else its receipt; absent where the "
        "words alone say which day",
    )


class MoneyValue(Model):
    """An amount of money: ``$3.56 billion`` is 3560000000 USD."""

    amount: float = Field(description="in whole units of the currency, e.g. dollars, not cents")
    upto: float | None = Field(default=None, description="the end of a range ('$3-4 million')")
    currency: str = Field(pattern=r"^[A-Z]{3}$", description="ISO 4217 alphabetic code")
    about: bool = Field(default=False, description="the text says 'about', 'nearly', 'more than'…")


class Relation(Model):
    """What an entity has to do with another one that it must not be taken for."""

    kind: Literal["demonym_of", "capital_of", "part_of"]
    key: str = Field(description="key of the other entity, e.g. 'wd:Q184'")
    name: str


class Evidence(Model):
    """Words of the text that speak for a topic, and how much of its score is theirs."""

    words: str
    weight: float = Field(description="share of the evidence for the topic, 0 to 1")


class Quote(Model):
    """Words that somebody is quoted with: ``text[start:end]`` is what stands between the marks."""

    start: NonNegativeInt
    end: PositiveInt
    text: str
    speaker: str | None = Field(
        default=None, description="key of the entity that speaks; absent where it can't be told"
    )
    speaker_name: str | None = Field(
        default=None, description="canonical, or as written where no entity is ('a witness')"
    )
    verb: str | None = Field(default=None, description="as written, e.g. 'said', 'told'")


class Summary(Model):
    """One line that tells the article: a sentence taken out of it, never written anew."""

    text: str = Field(description="``text[start:end]`` on one line")
    start: NonNegativeInt
    end: PositiveInt
    method: Literal["extractive"] = "extractive"


class NearDuplicate(Model):
    """Another article that shares much of its wording."""

    article_id: UUID
    share: Score = Field(description="part of the shorter one's wording that the longer one has")
    direction: Literal["same", "shortened", "extended", "corrected"] = Field(
        description="what this article is to the other: the same wording, a part of it, it and "
        "more, or a reworded version of equal length"
    )
    provider: str | None = Field(default=None, description="of the other article, where known")


class StoryRef(Model):
    """The story that the article belongs to: articles on one happening, of all sources."""

    id: UUID
    articles: PositiveInt = Field(description="articles in it so far, this one included")
    merged: tuple[UUID, ...] = Field(
        default=(), description="stories that this article showed to be the same one, now gone"
    )


class ReadingTime(Model):
    """How long the text is."""

    words: NonNegativeInt
    seconds: NonNegativeInt = Field(description="for an adult who reads silently")
