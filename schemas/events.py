"""The events: CloudEvents 1.0 envelope, types with their versions, outcomes, dead letters.

An event's ``id`` is made from what it is about (type, drop, article, revision),
so an event that had to be sent again has the id that it had before.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import Field, NonNegativeInt

from schemas.article import Drop, EnrichedArticle, RawArticle, Revision
from schemas.base import Model, UtcDatetime

if TYPE_CHECKING:
    from datetime import datetime

EVENT_NAMESPACE = UUID("7f0d5f0e-6d0c-5d0a-9a5e-3c1f5a2b9d11")
"""Namespace of the event ids (UUIDv5). Never change it: ids would change with it."""

_EVENT_NAMESPACE_BYTES = EVENT_NAMESPACE.bytes

OutcomeKind = Literal[
    "indexed", "updated", "unchanged", "duplicate", "superseded", "withdrawn", "rejected"
]


class Timings(Model):
    """When the article passed each station."""

    received_at: UtcDatetime
    ingested_at: UtcDatetime | None = None
    enriched_at: UtcDatetime | None = None
    filed_at: UtcDatetime


SOURCE_CHARS = 200
"""Characters of a provider's name that are counted by: a longer one is no name, and would be a key
of thousands of bytes in every count."""


def source_name(provider: str | None) -> str | None:
    """The name of a provider as outcomes and the ledger have it; None where there is none."""
    return provider[:SOURCE_CHARS] if provider else None


def timings_of(article: RawArticle, filed_at: datetime) -> Timings:
    """The stations that ``article`` has passed, ending with ``filed_at``."""
    return Timings(
        received_at=article.drop.received_at,
        ingested_at=article.ingested_at,
        enriched_at=article.enriched_at if isinstance(article, EnrichedArticle) else None,
        filed_at=filed_at,
    )


class Outcome(Model):
    """What finally became of one article of one drop. Exactly one for each.

    Only where an operator sends a rejected article again another follows, with a higher
    ``drop.retry.number``: it replaces the earlier one.
    """

    drop: Drop
    article_id: UUID
    revision: Revision
    outcome: OutcomeKind
    headline: str | None = None
    source: str | None = Field(
        default=None, description="the provider's name, at most 200 characters of it"
    )
    of: UUID | None = Field(default=None, description="duplicate: of which article")
    by_revision: Revision | None = Field(default=None, description="superseded: by which revision")
    stage: str | None = Field(default=None, description="rejected: where")
    reason: str | None = Field(default=None, description="rejected: why")
    advice: str | None = Field(default=None, description="rejected: what to do")
    timings: Timings


class DeadLetter(Model):
    """A message that could not be processed, whole, with what is known of why."""

    stage: str
    group: str
    stream: str
    entry_id: str
    error_type: str
    error_message: str
    stack: str | None = None
    attempts: NonNegativeInt
    software_version: str
    original: str = Field(description="the entry's bytes, base64")
    drop: Drop | None = None
    article_id: UUID | None = None
    died_at: UtcDatetime


class StoryMerged(Model):
    """Two stories turned out to be one: whoever kept the one's id puts the other in its place."""

    story_id: UUID = Field(description="the story that stays")
    merged: UUID = Field(description="the story that is gone; its articles belong to the other")
    article_id: UUID = Field(description="the article that showed it")
    at: UtcDatetime


EntityChange = Literal["merged", "split", "aliased"]


class EntitiesChanged(Model):
    """An operator changed who is who: documents that were filed before are keyed anew.

    ``merged``: what was known as one of ``keys`` is now ``into``.  ``split``: it is
    itself again.  ``aliased``: the name that ``keys`` were made from means ``into``.
    """

    change_id: UUID
    change: EntityChange
    keys: tuple[str, ...] = Field(min_length=1, description="entity keys that are affected")
    into: str | None = Field(default=None, description="the key that they have now")
    name: str | None = Field(default=None, description="canonical name of ``into``")
    articles: NonNegativeInt = Field(description="articles in the store that were keyed anew")
    at: UtcDatetime


Payload = RawArticle | EnrichedArticle | Outcome | DeadLetter | StoryMerged | EntitiesChanged
DataT = TypeVar("DataT", bound=Payload)


@dataclass(frozen=True, slots=True)
class EventType:
    """One type of event: its name, its major version, its payload.

    ``full_name``: the CloudEvents ``type``, e.g. ``wiredesk.article.received.v1``.
    ``dataschema``: that of CloudEvents, a URN that names the schema file.
    """

    name: str
    major: int
    payload: type[Payload]
    about: str = "article"
    full_name: str = field(init=False, repr=False, compare=False)
    dataschema: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Spell out once what every event says."""
        name = f"wiredesk.{self.about}.{self.name}.v{self.major}"
        object.__setattr__(self, "full_name", name)
        object.__setattr__(self, "dataschema", f"urn:wiredesk:schema:{name}")


RECEIVED = EventType(name="received", major=1, payload=RawArticle)
ENRICHED = EventType(name="enriched", major=1, payload=EnrichedArticle)
FILED = EventType(name="filed", major=1, payload=Outcome)
DEAD = EventType(name="dead", major=1, payload=DeadLetter)
STORY_MERGED = EventType(name="merged", major=1, payload=StoryMerged, about="story")
ENTITIES_CHANGED = EventType(name="changed", major=1, payload=EntitiesChanged, about="entities")
EVENT_TYPES: tuple[EventType, ...] = (
    RECEIVED,
    ENRICHED,
    FILED,
    DEAD,
    STORY_MERGED,
    ENTITIES_CHANGED,
)


class CloudEvent(Model, Generic[DataT]):
    """CloudEvents 1.0 in structured JSON, with W3C Trace Context's extension."""

    specversion: Literal["1.0"] = "1.0"
    id: Annotated[str, Field(min_length=1)]
    source: Annotated[str, Field(min_length=1)]
    type: Annotated[str, Field(min_length=1)]
    subject: str | None = Field(default=None, description="the article id")
    time: UtcDatetime
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: str | None = None
    traceparent: str | None = Field(
        default=None, pattern=r"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"
    )
    data: DataT


def event_id(
    event: EventType, drop_id: UUID | str, article_id: UUID | str, revision: int, retry: int = 0
) -> str:
    """The id of the one event of this type about this article of this drop.

    ``retry``: of an outcome that came of a dead letter sent again, the number of that retry.
    """
    again = f"|{retry}" if retry else ""
    about = f"{event.full_name}|{drop_id}|{article_id}|{revision}{again}"
    return _uuid5(_EVENT_NAMESPACE_BYTES, about)


def _uuid5(namespace: bytes, name: str) -> str:
    """A UUIDv5 as text: Python's own makes a number of it first, which takes twice as long."""
    digits = hashlib.sha1(namespace + name.encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"
