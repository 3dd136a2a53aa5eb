# ruff: noqa: D101  (an object of the schema is described there, and named here as there)
"""ninjs 3.0 and 3.1: as 2.x, with names in camel case, and with events and planned coverage."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Final, Literal, NoReturn

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from services.ingest.readers.ninjs.schema import (
    AnyObject,
    Integer,
    NinjsModel,
    Number,
    Percent,
    Since,
    Text,
)


class Camel(NinjsModel):
    """A model whose keys are the attributes' names in camel case."""

    model_config = ConfigDict(alias_generator=to_camel)


_TRUNCATED: Final = re.compile(
    r"^(-?(?:[1-9][0-9]*)?[0-9]{4})"
    r"(-(1[0-2]|0[1-9])"
    r"(-(3[01]|0[1-9]|[12][0-9])"
    r"(T(2[0-3]|[01][0-9]):([0-5][0-9]):([0-5][0-9])(\.[0-9]+)?"
    r"(Z|[+-](?:2[0-3]|[01][0-9]):[0-5][0-9])?)?)?)?$"
)


def _truncated(value: str) -> str:
    if not _TRUNCATED.search(value):
        raise PydanticCustomError("pattern", "must be a date and time, or the start of one")
    return value


def _impossible(_value: object) -> NoReturn:
    raise PydanticCustomError(
        "impossible", "must be an array and a string at once, as the schema has it"
    )


TruncatedDateTime = Annotated[Text, AfterValidator(_truncated)]
Impossible = Annotated[Text, BeforeValidator(_impossible)]
"""The schemas ask for an array that is a string: whatever is there, they refuse it."""

Urgency = Annotated[Integer, Field(ge=1, le=9)]
Status = Literal["usable", "withheld", "canceled"]
Kind = Literal[
    "text",
    "audio",
    "video",
    "picture",
    "graphic",
    "composite",
    "component",
    "event",
    "planning",
]


class Address(Camel):
    lines: list[Text] | None = None
    locality: Text | None = None
    area: Text | None = None
    postal_code: Text | None = None
    country: Text | None = None


class Contact(Camel):
    one_of = ("value", "address")

    type: Text | None = None
    role: Text | None = None
    lang: Text | None = None
    name: Text | None = None
    value: Text | None = None
    address: Address | None = None


class Labelled(Camel):
    """A headline or a description: a text with a role and a media type."""

    required = ("value",)

    role: Text | None = None
    content_type: Text | None = None
    value: Text | None = None


class Body(Labelled):
    char_count: Integer | None = None
    word_count: Integer | None = None


class Genre(Camel):
    name: Text | None = None
    uri: Text | None = None
    literal: Text | None = None


class Concept(Genre):
    """An object: a name, and a code as a URI or in free text."""

    rel: Text | None = None


class Event(Concept):
    id: Text | None = None


class Person(Concept):
    contact_info: list[Contact] | None = None


class Symbol(Camel):
    exchange: Text | None = None
    symbol_type: Text | None = None
    symbol: Text | None = None


class Organisation(Person):
    symbols: list[Symbol] | None = None


class Place(Person):
    geojson: AnyObject | None = Field(default=None, alias="geoJSON")


class Subject(Concept):
    creator: Text | None = None
    relevance: Percent | None = None
    confidence: Percent | None = None


class InfoSource(Genre):
    role: Text | None = None
    contact_info: list[Contact] | None = None


class PointOfInterest(Camel):
    x: Integer | None = None
    y: Integer | None = None


class Rendition(Camel):
    required = ("name",)

    name: Text | None = None
    href: Text | None = None
    content_type: Text | None = None
    title: Text | None = None
    width: Integer | None = None
    height: Integer | None = None
    size_in_bytes: Integer | None = None
    duration: Number | None = None
    format: Text | None = None
    aspect_ratio: Text | None = None
    video_codec: Text | None = None
    frame_rate: Number | None = None
    poi: PointOfInterest | None = None
    transport_protocol: Text | None = None
    scan_type: Literal["progressive", "interlaced"] | None = None
    bitrate: Text | None = None


class AltId(Camel):
    role: Text | None = None
    value: Text | None = None


class TrustIndicator(Camel):
    role: Text | None = None
    title: Text | None = None
    href: Text | None = None


class Standard(Camel):
    name: Text | None = None
    version: Text | None = None
    schema_uri: Text | None = Field(default=None, alias="schema")


class RightsInfo(Camel):
    one_of = ("linkedRights", "encodedRights")

    lang_id: Text | None = None
    linked_rights: Text | None = None
    encoded_rights: Text | None = None


class DigitalSourceType(Camel):
    name: Text | None = None
    uri: Text | None = None
    literal: Text | None = None


class RecurrenceRule(Camel):
    frequency: (
        Literal["secondly", "minutely", "hourly", "daily", "weekly", "monthly", "yearly"] | None
    ) = None
    interval: Integer | None = None
    until: Text | None = None
    count: Integer | None = None


class Recurrence(Camel):
    recurrence_dates: Impossible | None = None
    recurrence_rules: list[RecurrenceRule] | None = None


class Dates(Camel):
    start_date: Text | None = None
    end_date: Text | None = None
    expected_start_date: TruncatedDateTime | None = None
    expected_end_date: TruncatedDateTime | None = None
    expected_duration: Text | None = None
    recurrence: Recurrence | None = None

    @classmethod
    def breaches(cls, value: Mapping[str, Any]) -> Iterable[str]:
        """What is wrong with the keys of ``value`` together."""
        starts = ("startDate" in value) != ("expectedStartDate" in value)
        ends = ("endDate" in value) != ("expectedEndDate" in value)
        if not (starts or ends):
            yield "must have either a start or an expected one, or the same of its end"


class EventDetails(Camel):
    event_status: Text | None = None
    planned_coverage_status: Text | None = None
    dates: Dates | None = None
    organiser: Organisation | None = None


class Reference(Camel):
    name: Text | None = None
    value: Text | None = None


class Commissioned(Camel):
    by: Text | None = None
    on: Text | None = None
    references: list[Reference] | None = None


class Audience(Camel):
    audience: Text | None = None
    significance: Integer | None = None


class ItemCount(Camel):
    range_from: Integer | None = None
    range_to: Integer | None = None


class PlannedCoverage(Camel):
    uri: Text | None = None
    title: Text | None = None
    pub_status: Status | None = None
    type: Kind | None = None
    commissioned: Commissioned | None = None
    dates: Dates | None = None
    audiences: list[Audience] | None = None
    excl_audience: list[Text] | None = None
    ed_note: Text | None = None
    urgency: Urgency | None = None
    language: Text | None = None
    item_count: ItemCount | None = None
    word_count: Integer | None = None
    renditions: list[Rendition] | None = None


class Ninjs3(Camel):
    """A news item, an event or a plan of ninjs 3.x."""

    required: ClassVar[tuple[str, ...]] = ("uri",)
    newest: ClassVar[int] = 1

    uri: Text | None = None
    type: Kind | None = None
    representation_type: Literal["full", "partial"] | None = None
    profile: Text | None = None
    version: Text | None = None
    first_created: Text | None = None
    version_created: Text | None = None
    content_created: Text | None = None
    embargoed_until: Text | None = None
    pub_status: Status | None = None
    urgency: Urgency | None = None
    copyright_holder: Text | None = None
    copyright_notice: Text | None = None
    usage_terms: Text | None = None
    ed_note: Text | None = None
    language: Text | None = None
    descriptions: list[Labelled] | None = None
    bodies: list[Body] | None = None
    headlines: list[Labelled] | None = None
    people: list[Person] | None = None
    organisations: list[Organisation] | None = None
    places: list[Place] | None = None
    subjects: list[Subject] | None = None
    events: list[Event] | None = None
    event_details: EventDetails | None = None
    planned_coverage: list[PlannedCoverage] | None = None
    objects: list[Concept] | None = None
    info_sources: list[InfoSource] | None = None
    title: Text | None = None
    by: Text | None = None
    slugline: Text | None = None
    located: Text | None = None
    renditions: list[Rendition] | None = None
    associations: "list[Association] | None" = None
    alt_ids: list[AltId] | None = None
    trust_indicators: list[TrustIndicator] | None = None
    standard: Standard | None = None
    genres: list[Genre] | None = None
    expires: Text | None = None
    rights_info: RightsInfo | None = None
    digital_source_type: Annotated[DigitalSourceType | None, Since(1)] = None


class Association(Ninjs3):
    """An associated item: one with a name."""

    required = ("name", "uri")

    name: Text | None = None
    rel: Text | None = None


Ninjs3.model_rebuild()
