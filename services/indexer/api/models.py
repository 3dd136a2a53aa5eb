"""What the API answers with: the shapes of its JSON, as its OpenAPI document shows them.

Times are RFC 3339 in UTC.  Offsets count Unicode code points, half-open.  Absent values are
``null``.  Fields may be added within ``/v1``; none changes its meaning or goes away.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal, get_args
from uuid import UUID

from pydantic import Field, NonNegativeInt, PositiveInt

from schemas.article import EnrichedArticle, EntityType
from schemas.base import Model, UtcDatetime
from schemas.events import OutcomeKind

Scope = Literal["read", "subscribe", "operate"]
SCOPES: tuple[Scope, ...] = get_args(Scope)


class Range(Model):
    """Characters from ``start`` on, before ``end``."""

    start: NonNegativeInt
    end: PositiveInt


class TopicRef(Model):
    """A topic as a list shows it."""

    code: str
    name: str


class ArticleSummary(Model):
    """An article as a list shows it."""

    id: UUID
    revision: int
    headline: str | None
    published_at: UtcDatetime | None
    listed_at: UtcDatetime = Field(
        description="the time that lists are ordered by: of publication, at most of receipt; an "
        "article keeps it, also when it is updated"
    )
    filed_at: UtcDatetime = Field(description="when its content was filed")
    source: str | None = Field(description="the provider")
    language: str | None = Field(description="ISO 639-1, or 'und'")
    excerpt: str = Field(description="its beginning, or what is around the first match")
    matches: tuple[Range, ...] = Field(default=(), description="of the words, in the excerpt")
    topics: tuple[TopicRef, ...] = ()
    story: UUID | None = None
    copy_of: UUID | None = Field(default=None, description="the article that this is a copy of")


class ArticleList(Model):
    """A page of articles."""

    items: tuple[ArticleSummary, ...]
    next: str | None = Field(description="the cursor of the next page; null at the end")


class ArticleView(Model):
    """An article whole: as it was enriched, and where it stands."""

    id: UUID
    state: Literal["live", "duplicate"]
    duplicate_of: UUID | None = Field(
        default=None, description="the article that holds the same content"
    )
    versions: PositiveInt = Field(description="how many are kept")
    article: EnrichedArticle
    highlights: tuple[Range, ...] = Field(
        default=(), description="where the words of 'q' are in the text"
    )


class VersionInfo(Model):
    """One version of an article that was accepted."""

    number: PositiveInt
    revision: int
    received_at: UtcDatetime
    filed_at: UtcDatetime
    withdrawn: bool
    headline: str | None


class VersionList(Model):
    """All versions, oldest first; the last is current."""

    items: tuple[VersionInfo, ...]


class FacetValue(Model):
    """One value of a facet."""

    key: str = Field(description="what to search by")
    name: str
    count: NonNegativeInt


class FacetList(Model):
    """How the articles that match are spread."""

    counted: NonNegativeInt = Field(description="articles looked at")
    complete: bool = Field(description="whether these are all; else the newest ones")
    facets: dict[str, tuple[FacetValue, ...]]


class EntitySummary(Model):
    """An entity as a list shows it."""

    key: str
    name: str | None
    type: EntityType | None
    articles: NonNegativeInt
    mentions: NonNegativeInt


class EntityList(Model):
    """Entities, those of most articles first."""

    items: tuple[EntitySummary, ...]


class NameCount(Model):
    """A name and the number of articles that use it."""

    name: str
    articles: NonNegativeInt


class EntityView(EntitySummary):
    """An entity whole."""

    names: tuple[NameCount, ...] = Field(description="the usual one first")
    merged: tuple[str, ...] = Field(description="keys that an operator made part of it")
    url: str | None = Field(default=None, description="its page in Wikidata or GeoNames")


class CoMention(Model):
    """An entity named beside another one."""

    key: str
    name: str
    type: EntityType
    articles: PositiveInt


class CoMentionList(Model):
    """Entities named beside one, most often first."""

    counted: NonNegativeInt = Field(description="articles looked at")
    complete: bool = Field(description="whether these are all; else the newest ones")
    items: tuple[CoMention, ...]


class DayCount(Model):
    """A day (UTC) and its articles."""

    day: date
    articles: PositiveInt


class Timeline(Model):
    """Articles per day, in order; days without any are left out."""

    items: tuple[DayCount, ...]


class TopicNode(Model):
    """A topic, and those below it."""

    code: str
    name: str
    level: PositiveInt | None = Field(description="1 is the most general; null: a desk's own")
    articles: NonNegativeInt = Field(description="those of the topics below it included")
    children: tuple[TopicNode, ...] = ()


class TopicTree(Model):
    """The vocabulary as a tree."""

    version: str = Field(description="days of the IPTC Media Topics' releases")
    items: tuple[TopicNode, ...]


class StoryView(Model):
    """A story: articles of all sources on one happening."""

    id: UUID
    headline: str | None = Field(description="of its first article")
    articles: PositiveInt
    sources: NonNegativeInt
    first_at: UtcDatetime
    last_at: UtcDatetime


class StoryList(Model):
    """Stories, those with the newest article first."""

    items: tuple[StoryView, ...]


class ChangeView(Model):
    """An article that changed, and how it stands now."""

    id: UUID
    state: Literal["live", "duplicate", "withdrawn"]
    revision: int
    filed_at: UtcDatetime


class ChangeList(Model):
    """Changes, oldest first; ``next`` is always there: come back with it later."""

    items: tuple[ChangeView, ...]
    next: str


class GroupView(Model):
    """A consumer group of a stream."""

    name: str
    kind: Literal["stage", "subscriber", "webhook"]
    lag: NonNegativeInt | None = Field(description="entries not delivered; null: can't be told")
    pending: NonNegativeInt = Field(description="delivered, not yet done")
    oldest_seconds: float | None = Field(description="age of the oldest that it isn't done with")


class StreamView(Model):
    """A stream of the bus."""

    name: str
    length: NonNegativeInt
    added: NonNegativeInt = Field(description="entries ever added")
    per_minute: float | None = Field(
        description="entries added a minute, over the last minute; null until it is known"
    )
    recent: tuple[NonNegativeInt, ...] = Field(
        description="entries added in each of the last intervals of 'interval_seconds', the "
        "oldest first"
    )
    groups: tuple[GroupView, ...]


class WorkerView(Model):
    """A running worker of a stage."""

    stage: str
    host: str
    pid: int
    version: str
    done: NonNegativeInt
    failed: NonNegativeInt
    waiting_for: str | None = None
    busy_seconds: float | None = None


class ReceiptView(Model):
    """What became of a dropped file, in short."""

    file: str
    received_at: UtcDatetime
    settled_at: UtcDatetime
    articles: NonNegativeInt
    summary: dict[OutcomeKind, NonNegativeInt]
    note: str | None = None


class DeadView(Model):
    """A dead letter, in short: nothing of the article's content."""

    entry_id: str
    stage: str
    error_type: str
    attempts: int
    died_at: UtcDatetime
    file: str | None
    article_id: UUID | None


class DeskView(Model):
    """The desk as operators see it."""

    at: UtcDatetime
    server: Literal["up", "down"]
    interval_seconds: float
    streams: tuple[StreamView, ...]
    workers: tuple[WorkerView, ...]
    dead_letters: NonNegativeInt
    dead: tuple[DeadView, ...] = Field(description="the newest first")
    receipts: tuple[ReceiptView, ...] = Field(description="the newest first")
    articles: NonNegativeInt | None = Field(description="that a search can find")


class Welcome(Model):
    """What this is, and what the caller may do."""

    name: Literal["wiredesk"] = "wiredesk"
    version: str
    scopes: tuple[Scope, ...] = Field(description="what this request may do")
    links: dict[str, str]


Json = dict[str, Any]
