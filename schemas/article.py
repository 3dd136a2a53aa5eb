"""Articles as they cross the wire: raw (as read) and enriched.

All character offsets (``start``, ``end``) count Unicode code points, half-open
``[start, end)``.  In JavaScript, whose strings count UTF-16 units, slice
``Array.from(text)``.
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, NonNegativeInt, PositiveInt

from schemas.annotations import (
    DateValue,
    Evidence,
    MoneyValue,
    NearDuplicate,
    Quote,
    ReadingTime,
    Relation,
    Score,
    StoryRef,
    Summary,
)
from schemas.base import Model, Sha256, UtcDatetime

RevisionBasis = Literal["version", "updated", "received"]
"""What orders the versions of an article: the provider's version number, the
time of its last update, or the time of its receipt (both in ms since 1970)."""

IdentityBasis = Literal["provider", "url", "text"]
"""What the article id was made from: the provider's own id, the canonical URL,
or the normalised text."""

SetApartKind = Literal[
    "breadcrumb",
    "duplicate_headline",
    "duplicate_standfirst",
    "published_line",
    "byline",
    "photo_credit",
    "related",
    "promo",
    "copyright",
    "image",
    "front_matter",
    "markup",
]
"""``image``: the alternative text of a picture. ``front_matter``: metadata above a
Markdown text. ``markup``: source lines that show nothing (HTML, link targets, rules)."""

EntityType = Literal[
    "PERSON",
    "ORG",
    "GPE",
    "LOC",
    "FAC",
    "EVENT",
    "NORP",
    "PRODUCT",
    "WORK_OF_ART",
    "LAW",
    "LANGUAGE",
    "DATE",
    "MONEY",
]
"""OntoNotes 5 names, as spaCy's English models use them."""

Extent = Literal["full", "summary", "excerpt"]
"""How much of the article its text is: all of it; the provider's summary (a feed without
full content); or what stands in front of a paywall."""

Revision = Annotated[int, Field(ge=0, le=2**53 - 1)]
"""Orders the versions of one article; at most what a JavaScript number holds exactly."""


class Provenance(Model):
    """Who made one block of the enrichment, with what, and how it went."""

    block: str = Field(description="e.g. 'language', 'entities', 'topics'")
    status: Literal["done", "skipped", "failed"]
    reason: str | None = Field(
        default=None, description="why it, or a part of it, was skipped or failed"
    )
    annotator: str
    version: str
    model: str | None = None
    model_version: str | None = None
    model_sha256: Sha256 | None = None
    knowledge_version: str | None = None
    at: UtcDatetime
    duration_ms: Annotated[float, Field(ge=0)] = Field(
        description="this article's share of the batch's time"
    )


KIN_BLOCKS = frozenset({"duplicates", "story"})
"""Blocks that are made by comparing an article with those of its time."""


class Kept(Model):
    """What an article that is enriched again keeps: what was found among the articles of its time.

    Among those of today others would be found, and what was said of them would change.
    """

    near_duplicate_of: NearDuplicate | None = None
    near_duplicates: tuple[NearDuplicate, ...] = ()
    story: StoryRef | None = None
    provenance: tuple[Provenance, ...] = Field(default=(), description="of these blocks")


class Reenrichment(Model):
    """An article came from the store to be enriched again, and from no file.

    Of its drop only ``drop_id`` and ``inbox_id`` are new; the rest says where it once came from.
    """

    run: UUID = Field(description="the run of re-enrichment; it is the inbox_id too")
    kept: Kept | None = Field(
        default=None, description="on the way to being enriched; absent afterwards"
    )


class Retry(Model):
    """An operator sent a dead letter's article on its way again."""

    number: PositiveInt = Field(description="which retry of this article of this drop, from 1")
    at: UtcDatetime = Field(description="when it was sent again")
    stage: str = Field(description="the stage that it died in and went back to")


class Drop(Model):
    """One taking of one file from the inbox.

    The same file dropped again is a new drop; the same file read again after a
    crash, or after Redis lost everything, is the same drop.
    """

    drop_id: UUID
    inbox_id: UUID = Field(description="which watched folder took it, so its receipts find it")
    file: str = Field(description="path below the inbox, '/' between parts, printable")
    content_sha256: Sha256 = Field(description="digest of the original file's bytes")
    size: NonNegativeInt = Field(description="bytes of the original file")
    position: PositiveInt = Field(description="which record of the file, from 1")
    received_at: UtcDatetime = Field(description="when the file (or this part of it) was taken")
    locator: str | None = Field(
        default=None,
        description="where in the file the record is, e.g. 'line 7' or 'stories.zip!a/b.eml'; "
        "absent where the file is the record",
    )
    part_of: UUID | None = Field(
        default=None,
        description="a long file crosses in parts, each a drop of its own: the first part's id",
    )
    reenrichment: Reenrichment | None = Field(
        default=None, description="set where a stored article is enriched again"
    )
    retry: Retry | None = Field(
        default=None,
        description="of an article that was a dead letter and was sent again: what is said of it "
        "with a higher number replaces what was said with a lower one, or none",
    )


class SourceLine(Model):
    """A line of the source that is not part of the article's body.

    Kept apart from the text, never lost.
    """

    kind: SetApartKind
    text: str
    line: PositiveInt = Field(description="line of the decoded source, from 1")


class Section(Model):
    """A part of the text: ``text[start:end]`` is the headline, the standfirst or the body."""

    role: Literal["headline", "standfirst", "body"]
    start: NonNegativeInt
    end: NonNegativeInt


class ReaderInfo(Model):
    """Which reader read the file, and how."""

    name: str
    version: str
    format: str = Field(description="what the content was recognised as, e.g. 'text/plain'")
    encoding: str | None = None
    warnings: tuple[str, ...] = ()


class Subject(Model):
    """What the article is about, as the provider coded it. Codes are kept as given."""

    code: str | None = Field(default=None, description="e.g. 'medtop:11000000' or '04000000'")
    name: str | None = None
    scheme: str | None = Field(
        default=None, description="the vocabulary, as given: an alias, a name or a URI"
    )


class Place(Model):
    """A place that the provider gives for the article."""

    name: str | None = None
    code: str | None = Field(default=None, description="as given, e.g. 'BLR' or 'geo:625144'")
    scheme: str | None = Field(default=None, description="the vocabulary of the code, as given")


class Picture(Model):
    """A picture that goes with the article: what is written about it, not the picture."""

    caption: str | None = None
    credit: str | None = None
    url: str | None = None


class Rights(Model):
    """Who owns the article and what may be done with it, as the provider says."""

    holder: str | None = Field(default=None, description="copyright holder")
    notice: str | None = Field(default=None, description="copyright notice")
    usage_terms: str | None = None


class RawArticle(Model):
    """An article as read from a file: cleaned, identified, not yet enriched."""

    drop: Drop
    article_id: UUID
    revision: Revision
    revision_basis: RevisionBasis
    identity_basis: IdentityBasis
    status: Literal["usable", "withdrawn"] = "usable"
    content_hash: Sha256 = Field(
        description="digest of headline, text and status: equal means that nothing changed"
    )
    headline: str | None
    standfirst: str | None = None
    authors: tuple[str, ...] = ()
    byline: str | None = Field(default=None, description="as written, where the source has one")
    dateline: str | None = Field(default=None, description="as written, e.g. 'MINSK, Belarus (AP)'")
    published_at: UtcDatetime | None = None
    updated_at: UtcDatetime | None = None
    embargoed_until: UtcDatetime | None = Field(
        default=None,
        description="the provider asks not to publish it before; Wiredesk only says so",
    )
    language: str | None = Field(default=None, description="as the source declares it, BCP 47")
    text: str = Field(description="headline, standfirst and body, a blank line between paragraphs")
    sections: tuple[Section, ...]
    set_apart: tuple[SourceLine, ...] = Field(
        default=(), description="lines recognised as boilerplate or metadata"
    )
    credits: tuple[str, ...] = Field(default=(), description="photo and image credits")
    url: str | None = None
    provider: str | None = None
    provider_id: str | None = None
    extent: Extent = "full"
    urgency: Annotated[int, Field(ge=0, le=9)] | None = Field(
        default=None, description="the provider's: 1 is the most urgent, 8 the least (IPTC)"
    )
    rights: Rights | None = None
    subjects: tuple[Subject, ...] = ()
    keywords: tuple[str, ...] = ()
    section: str | None = Field(default=None, description="of the publication, e.g. 'World'")
    places: tuple[Place, ...] = ()
    pictures: tuple[Picture, ...] = ()
    reader: ReaderInfo
    ingested_at: UtcDatetime = Field(description="when the article was handed to the bus")


class Mention(Model):
    """One place where the text names an entity: ``text[start:end]``."""

    start: NonNegativeInt
    end: PositiveInt
    text: str


class Entity(Model):
    """Who or what the article names, with every mention."""

    key: str = Field(
        description="stable within and across documents: 'wd:Q184' (Wikidata) or 'gn:625144' "
        "(GeoNames) where it is known who is meant, else 'person:ned price', made of type and name"
    )
    name: str = Field(description="canonical: the usual name where known, else the fullest given")
    type: EntityType
    mentions: tuple[Mention, ...] = Field(min_length=1)
    count: PositiveInt | None = Field(
        default=None, description="times it is named; more than the mentions where those are capped"
    )
    salience: Score | None = Field(
        default=None, description="how much the article is about it; title and lead weigh more"
    )
    confidence: Score | None = Field(
        default=None, description="how sure it is that this is a name of this type"
    )
    wikidata: str | None = Field(default=None, pattern=r"^Q\d+$", description="where sure")
    geonames: str | None = Field(default=None, pattern=r"^\d+$", description="where sure")
    iso_country: str | None = Field(
        default=None, pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2, of a country only"
    )
    link_confidence: Score | None = Field(
        default=None, description="how sure it is that this one is meant; absent without a link"
    )
    relations: tuple[Relation, ...] = ()
    date: DateValue | None = Field(default=None, description="of a DATE that could be resolved")
    money: MoneyValue | None = Field(default=None, description="of a MONEY")


class Topic(Model):
    """A subject of the article from a controlled vocabulary."""

    code: str = Field(description="e.g. 'medtop:11000000', or 'user:NAME' for a desk's own")
    name: str
    score: Score
    assigned_by: Literal["model", "provider", "section", "user"] = Field(
        description="our model, the provider's own codes, the section or address that the "
        "publisher filed it under, or a topic of this desk's own file"
    )
    level: PositiveInt | None = Field(default=None, description="1 is the most general")
    evidence: tuple[Evidence, ...] = Field(default=(), description="strongest first")


class Language(Model):
    """The language that the text is in, as found."""

    code: str = Field(description="ISO 639-1, or 'und' where it can't be told")
    confidence: Score


class EnrichedArticle(RawArticle):
    """A raw article with what enrichment added.

    A block that could not be made is empty here and named in ``provenance``
    with its reason: an article is never held up for it.
    """

    detected_language: Language
    entities: tuple[Entity, ...] = ()
    topics: tuple[Topic, ...] = ()
    quotes: tuple[Quote, ...] = ()
    summary: Summary | None = None
    reading_time: ReadingTime | None = None
    near_duplicate_of: NearDuplicate | None = Field(
        default=None, description="the earliest known article that has this wording"
    )
    near_duplicates: tuple[NearDuplicate, ...] = Field(
        default=(), description="all known ones, the most alike first"
    )
    story: StoryRef | None = None
    provenance: tuple[Provenance, ...]
    enriched_at: UtcDatetime
