# ruff: noqa: D101  (an object of the schema is described there, and named here as there)
"""ninjs 2.0 to 2.2: arrays of texts with roles, codes as URIs, names in lower case.

The attributes have the names of :mod:`.v3`, so that both are mapped by the same code; the keys of
the JSON are their aliases.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AliasGenerator, ConfigDict, Field, ValidationInfo, model_validator
from pydantic.functional_validators import ModelWrapValidatorHandler

from services.ingest.readers.ninjs.schema import (
    AnyObject,
    NinjsModel,
    Number,
    Percent,
    Since,
    Text,
    check_of,
)


def _flat(name: str) -> str:
    return name.replace("_", "")


class Flat(NinjsModel):
    """A model whose keys are the attributes' names without underscores."""

    model_config = ConfigDict(alias_generator=AliasGenerator(alias=_flat))


class Address(Flat):
    lines: list[Text] | None = None
    locality: Text | None = None
    area: Text | None = None
    postal_code: Text | None = None
    country: Text | None = None


class Contact(Flat):
    one_of = ("value", "address")

    type: Text | None = None
    role: Text | None = None
    lang: Text | None = None
    name: Text | None = None
    value: Text | None = None
    address: Address | None = None


class Labelled(Flat):
    """A headline or a description: a text with a role and a media type."""

    required = ("value",)

    role: Text | None = None
    content_type: Text | None = None
    value: Text | None = None


class Body(Labelled):
    char_count: Number | None = None
    word_count: Number | None = None


class Genre(NinjsModel):
    name: Text | None = None
    uri: Text | None = None
    literal: Text | None = None


class Concept(Genre):
    """An event, an object: a name, and a code as a URI or in free text."""

    rel: Text | None = None


class Person(Concept):
    contact_info: Annotated[list[Contact] | None, Since(1), Field(alias="contactinfo")] = None


class Symbol(Flat):
    ticker: Text | None = None
    exchange: Text | None = None
    symbol_type: Annotated[Text | None, Since(1)] = None
    symbol: Annotated[Text | None, Since(1)] = None


class Organisation(Person):
    symbols: list[Symbol] | None = None


class Place(Person):
    geojson: AnyObject | None = None


class Subject(Concept):
    creator: Annotated[Text | None, Since(1)] = None
    relevance: Annotated[Percent | None, Since(1)] = None
    confidence: Annotated[Percent | None, Since(1)] = None


class InfoSource(Genre):
    role: Text | None = None
    contact_info: Annotated[list[Contact] | None, Since(1), Field(alias="contactinfo")] = None


class Rendition(Flat):
    required = ("name",)

    name: Text | None = None
    href: Text | None = None
    content_type: Text | None = None
    title: Text | None = None
    height: Number | None = None
    width: Number | None = None
    size_in_bytes: Number | None = None
    duration: Number | None = None
    format: Text | None = None


class AltId(NinjsModel):
    role: Text | None = None
    value: Text | None = None


class TrustIndicator(NinjsModel):
    role: Text | None = None
    title: Text | None = None
    href: Text | None = None


class Standard(NinjsModel):
    name: Text | None = None
    version: Text | None = None
    schema_uri: Text | None = Field(default=None, alias="schema")


class RightsInfo(Flat):
    open_to_others = True
    one_of = ("linkedrights", "encodedrights")

    lang_id: Text | None = None
    linked_rights: Text | None = None
    encoded_rights: Text | None = None


class DigitalSourceType(NinjsModel):
    name: Text | None = None
    uri: Text | None = None
    literal: Text | None = None


Kind = Literal["text", "audio", "video", "picture", "graphic", "composite", "component"]


class Ninjs2(Flat):
    """A news item of ninjs 2.x."""

    required = ("uri",)
    newest: ClassVar[int] = 2

    uri: Text | None = None
    type: Kind | None = None
    representation_type: Literal["full", "partial"] | None = None
    profile: Text | None = None
    version: Text | None = None
    first_created: Text | None = None
    version_created: Text | None = None
    content_created: Text | None = None
    embargoed_until: Text | None = Field(default=None, alias="embargoed")
    pub_status: Literal["usable", "withheld", "canceled"] | None = None
    urgency: Number | None = None
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
    events: list[Concept] | None = None
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
    expires: Annotated[Text | None, Since(1)] = None
    rights_info: RightsInfo | None = None
    digital_source_type: Annotated[DigitalSourceType | None, Since(2)] = None


class Association(Ninjs2):
    """An associated item.  In 2.0 it is an item, or anything at all that has a ``name``."""

    name: Text | None = None

    @classmethod
    def demands(cls, minor: int) -> tuple[str, ...]:
        """The keys that must be there."""
        return ("name", "uri") if minor >= 1 else ("uri",)

    @model_validator(mode="wrap")
    @classmethod
    def _anything_with_a_name(
        cls, value: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Self:
        check = check_of(info)
        if check.minor == 0 and not check.lenient and _is_named(value):
            # Whatever else is in it; that is looked at when the item is read, by itself.
            return handler({"uri": "", "name": value["name"]})
        return handler(value)


def _is_named(value: object) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("name"), str)


Ninjs2.model_rebuild()
