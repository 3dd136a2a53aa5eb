# ruff: noqa: D101  (an object of the schema is described there, and named here as there)
"""ninjs 1.0 to 1.6: flat, with the texts in keys that end in their format (``body_xhtml``)."""

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, ConfigDict, Field

from services.ingest.readers.ninjs.schema import (
    AnyObject,
    NinjsModel,
    Number,
    Percent,
    Since,
    Text,
    allowed_since,
)

_NAME = (re.compile("^[a-zA-Z0-9]+"), 0)
_NAME_OR_LINE = (re.compile("^[a-zA-Z0-9_]+"), 3)
"""Not anchored at the end, as in the schema: only how a name starts matters."""


class Address(NinjsModel):
    lines: list[Text] | None = None
    locality: Text | None = None
    area: Text | None = None
    postalcode: Text | None = None
    country: Text | None = None


class Contact(NinjsModel):
    one_of = ("value", "address")

    type: Text | None = None
    role: Text | None = None
    lang: Text | None = None
    name: Text | None = None
    value: Text | None = None
    address: Address | None = None


class Symbol(NinjsModel):
    ticker: Text | None = None
    exchange: Text | None = None
    symboltype: Annotated[Text | None, Since(5)] = None
    symbol: Annotated[Text | None, Since(5)] = None


class Coded(NinjsModel):
    """An event, an object: a name, and a code in a scheme."""

    name: Text | None = None
    rel: Text | None = None
    scheme: Text | None = None
    code: Text | None = None


class Person(Coded):
    contactinfo: Annotated[list[Contact] | None, Since(5)] = None


class Organisation(Person):
    symbols: list[Symbol] | None = None


class Place(Person):
    model_config = ConfigDict(extra="allow")
    patterns = ((re.compile("^geometry_[a-zA-Z0-9_]+"), 1),)

    __pydantic_extra__: dict[str, AnyObject]


class Subject(Coded):
    creator: Annotated[Text | None, Since(5)] = None
    relevance: Annotated[Percent | None, Since(5)] = None
    confidence: Annotated[Percent | None, Since(5)] = None


class Genre(NinjsModel):
    name: Text | None = None
    scheme: Text | None = None
    code: Text | None = None


class Rendition(NinjsModel):
    href: Text | None = None
    mimetype: Text | None = None
    title: Text | None = None
    height: Number | None = None
    width: Number | None = None
    sizeinbytes: Number | None = None
    duration: Annotated[Number | None, Since(2)] = None
    format: Annotated[Text | None, Since(2)] = None


class Renditions(NinjsModel):
    model_config = ConfigDict(extra="allow")
    patterns = (_NAME, _NAME_OR_LINE)

    __pydantic_extra__: dict[str, Rendition]


class TrustIndicator(NinjsModel):
    scheme: Text | None = None
    code: Text | None = None
    title: Text | None = None
    href: Text | None = None


class Standard(NinjsModel):
    name: Text | None = None
    version: Text | None = None
    schema_uri: Text | None = Field(default=None, alias="schema")


class RightsInfo(NinjsModel):
    open_to_others = True
    one_of = ("linkedrights", "encodedrights")

    langid: Text | None = None
    linkedrights: Text | None = None
    encodedrights: Text | None = None


class DigitalSourceType(NinjsModel):
    name: Text | None = None
    uri: Text | None = None
    literal: Text | None = None


Kind = Annotated[
    Literal["text", "audio", "video", "picture", "graphic", "composite", "component"],
    AfterValidator(allowed_since({"component": 2})),
]


class Ninjs1(NinjsModel):
    """A news item of ninjs 1.x; its bodies, descriptions and further headlines are extras."""

    model_config = ConfigDict(extra="allow")
    required = ("uri",)
    newest: ClassVar[int] = 6
    patterns = (
        (re.compile("^description_[a-zA-Z0-9_]+"), 0),
        (re.compile("^body_[a-zA-Z0-9_]+"), 0),
        (re.compile("^headline_[a-zA-Z0-9_]+"), 3),
    )

    __pydantic_extra__: dict[str, Text]

    uri: Text | None = None
    type: Kind | None = None
    mimetype: Text | None = None
    representationtype: Literal["complete", "incomplete"] | None = None
    profile: Text | None = None
    version: Text | None = None
    firstcreated: Annotated[Text | None, Since(2)] = None
    versioncreated: Text | None = None
    contentcreated: Annotated[Text | None, Since(4)] = None
    embargoed: Text | None = None
    pubstatus: Literal["usable", "withheld", "canceled"] | None = None
    urgency: Annotated[Number | None, Since(1)] = None
    copyrightholder: Text | None = None
    copyrightnotice: Text | None = None
    usageterms: Annotated[Text | None, Since(1)] = None
    ednote: Annotated[Text | None, Since(2)] = None
    language: Text | None = None
    person: list[Person] | None = None
    organisation: list[Organisation] | None = None
    place: list[Place] | None = None
    subject: list[Subject] | None = None
    event: list[Coded] | None = None
    object: list[Coded] | None = None
    infosource: Annotated[list[Person] | None, Since(2)] = None
    title: Annotated[Text | None, Since(2)] = None
    byline: Text | None = None
    headline: Text | None = None
    slugline: Annotated[Text | None, Since(2)] = None
    located: Text | None = None
    charcount: Annotated[Number | None, Since(2)] = None
    wordcount: Annotated[Number | None, Since(2)] = None
    renditions: Renditions | None = None
    associations: "Associations | None" = None
    altids: Annotated[dict[str, Any] | None, Since(3)] = None
    trustindicator: Annotated[list[TrustIndicator] | None, Since(3)] = None
    standard: Annotated[Standard | None, Since(3)] = Field(default=None, alias="$standard")
    genre: Annotated[list[Genre] | None, Since(3)] = None
    expires: Annotated[Text | None, Since(4)] = None
    rightsinfo: Annotated[RightsInfo | None, Since(4)] = None
    digitalsourcetype: Annotated[DigitalSourceType | None, Since(6)] = None


class Associations(NinjsModel):
    model_config = ConfigDict(extra="allow")
    patterns = (_NAME, _NAME_OR_LINE)

    __pydantic_extra__: dict[str, Ninjs1]


Ninjs1.model_rebuild()
