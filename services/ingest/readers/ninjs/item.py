"""A news item as the versions of ninjs have it in common."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final

from services.ingest.readers.ninjs.v1 import Ninjs1

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from services.ingest.readers.ninjs import v1, v2, v3

_FORMATS: Final = {
    "xhtml": "application/xhtml+xml",
    "html": "text/html",
    "html5": "text/html",
    "nitf": "application/nitf+xml",
    "xml": "application/xml",
    "text": "text/plain",
    "plain": "text/plain",
    "txt": "text/plain",
    "markdown": "text/markdown",
    "md": "text/markdown",
}
"""How the names of 1.x texts end (``body_xhtml``) where they name a format and no role."""


@dataclass(frozen=True, slots=True)
class Text:
    """A headline, body or description; its role and media type as given, where they are."""

    value: str
    role: str | None = None
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """A subject, place, genre, source or person."""

    name: str | None
    code: str | None = None
    scheme: str | None = None
    rel: str | None = None


@dataclass(frozen=True, slots=True)
class Rendition:
    """A file of the item's content."""

    name: str
    href: str | None
    content_type: str | None
    width: float


@dataclass(frozen=True, slots=True)
class Associated:
    """An associated item, the name by which it is associated, and its path in the document."""

    name: str
    step: str | int
    item: Item


@dataclass(frozen=True, slots=True)
class Item:
    """What a reader needs of a news item; strings are as given."""

    uri: str | None = None
    alt_ids: tuple[str, ...] = ()
    kind: str | None = None
    partial: bool = False
    status: str | None = None
    version: str | None = None
    first_created: str | None = None
    version_created: str | None = None
    content_created: str | None = None
    embargoed: str | None = None
    urgency: float | None = None
    language: str | None = None
    holder: str | None = None
    notice: str | None = None
    terms: str | None = None
    linked_rights: str | None = None
    title: str | None = None
    by: str | None = None
    slugline: str | None = None
    located: str | None = None
    headlines: tuple[Text, ...] = ()
    bodies: tuple[Text, ...] = ()
    descriptions: tuple[Text, ...] = ()
    people: tuple[Named, ...] = ()
    subjects: tuple[Named, ...] = ()
    others: tuple[Named, ...] = ()
    """Organisations, events and objects: what the item is about, under names of their own."""
    genres: tuple[Named, ...] = ()
    places: tuple[Named, ...] = ()
    sources: tuple[Named, ...] = ()
    renditions: tuple[Rendition, ...] = ()
    associations: tuple[Associated, ...] = field(default=(), repr=False)
    unused: tuple[str, ...] = ()
    """Names of fields that hold something for which an article has no place."""

    def filled(self, other: Item) -> Item:
        """This item, with what it lacks taken from ``other``."""
        lacking = {
            each.name: getattr(other, each.name)
            for each in fields(self)
            if not getattr(self, each.name)
        }
        return replace(self, **lacking)


def item_of(model: Ninjs1 | v2.Ninjs2 | v3.Ninjs3) -> Item:
    """The item in a document of any version."""
    return _flat_item(model) if isinstance(model, Ninjs1) else _listed_item(model)


# --- 1.x -------------------------------------------------------------------------------------


def _flat_item(model: Ninjs1) -> Item:
    extra: Mapping[str, str] = model.model_extra or {}
    rights = model.rightsinfo
    main = (Text(model.headline, "main"),) if model.headline else ()
    return Item(
        uri=model.uri,
        alt_ids=tuple(_alternative_ids(model.altids or {})),
        kind=model.type,
        partial=model.representationtype == "incomplete",
        status=model.pubstatus,
        version=model.version,
        first_created=model.firstcreated,
        version_created=model.versioncreated,
        content_created=model.contentcreated,
        embargoed=model.embargoed,
        urgency=model.urgency,
        language=model.language,
        holder=model.copyrightholder,
        notice=model.copyrightnotice,
        terms=model.usageterms,
        linked_rights=rights.linkedrights if rights else None,
        title=model.title,
        by=model.byline,
        slugline=model.slugline,
        located=model.located,
        headlines=(*main, *_texts(extra, "headline_")),
        bodies=tuple(_texts(extra, "body_")),
        descriptions=tuple(_texts(extra, "description_")),
        people=_coded(model.person, "person"),
        subjects=_coded(model.subject, None),
        others=(
            *_coded(model.organisation, "organisation"),
            *_coded(model.event, "event"),
            *_coded(model.object, "object"),
        ),
        genres=_coded(model.genre, "genre"),
        places=_coded(model.place, None),
        sources=_coded(model.infosource, None),
        renditions=_flat_renditions(model.renditions),
        associations=_flat_associations(model.associations),
        unused=_unused(model.ednote, model.expires, rights and rights.encodedrights),
    )


def _unused(note: object, expires: object, rights: object) -> tuple[str, ...]:
    named = {"editorial note": note, "expiry": expires, "encoded rights": rights}
    return tuple(name for name, value in named.items() if value)


def _alternative_ids(given: Mapping[str, Any]) -> Iterable[str]:
    """The schema lets an alternative id be anything; only texts and whole numbers are ids."""
    for value in given.values():
        if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
            yield str(value)


def _texts(extra: Mapping[str, str], prefix: str) -> Iterable[Text]:
    for key, value in extra.items():
        if not key.startswith(prefix):
            continue
        parts = key.removeprefix(prefix).split("_")
        content_type = next((_FORMATS[p.lower()] for p in parts if p.lower() in _FORMATS), None)
        role = "_".join(part for part in parts if part.lower() not in _FORMATS)
        yield Text(value, role or None, content_type)


def _coded(
    given: Iterable[v1.Coded | v1.Genre] | None, default_scheme: str | None
) -> tuple[Named, ...]:
    return tuple(
        Named(each.name, each.code, each.scheme or default_scheme, getattr(each, "rel", None))
        for each in given or ()
    )


def _flat_renditions(given: v1.Renditions | None) -> tuple[Rendition, ...]:
    found: Mapping[str, v1.Rendition] = (given.model_extra or {}) if given else {}
    return tuple(
        Rendition(name, each.href, each.mimetype, each.width or 0) for name, each in found.items()
    )


def _flat_associations(given: v1.Associations | None) -> tuple[Associated, ...]:
    found: Mapping[str, Ninjs1] = (given.model_extra or {}) if given else {}
    return tuple(Associated(name, name, _flat_item(each)) for name, each in found.items())


# --- 2.x and 3.x -------------------------------------------------------------------------------


def _listed_item(model: v2.Ninjs2 | v3.Ninjs3) -> Item:
    rights = model.rights_info
    return Item(
        uri=model.uri,
        alt_ids=tuple(each.value for each in model.alt_ids or () if each.value),
        kind=model.type,
        partial=model.representation_type == "partial",
        status=model.pub_status,
        version=model.version,
        first_created=model.first_created,
        version_created=model.version_created,
        content_created=model.content_created,
        embargoed=model.embargoed_until,
        urgency=model.urgency,
        language=model.language,
        holder=model.copyright_holder,
        notice=model.copyright_notice,
        terms=model.usage_terms,
        linked_rights=rights.linked_rights if rights else None,
        title=model.title,
        by=model.by,
        slugline=model.slugline,
        located=model.located,
        headlines=_labelled(model.headlines),
        bodies=_labelled(model.bodies),
        descriptions=_labelled(model.descriptions),
        people=_concepts(model.people, "people"),
        subjects=_concepts(model.subjects, None),
        others=(
            *_concepts(model.organisations, "organisations"),
            *_concepts(model.events, "events"),
            *_concepts(model.objects, "objects"),
        ),
        genres=_concepts(model.genres, "genres"),
        places=_concepts(model.places, None),
        sources=_concepts(model.info_sources, None),
        renditions=tuple(
            Rendition(each.name or "", each.href, each.content_type, each.width or 0)
            for each in model.renditions or ()
        ),
        associations=_listed_associations(model.associations or ()),
        unused=_unused(model.ed_note, model.expires, rights and rights.encoded_rights),
    )


def _listed_associations(
    given: Sequence[v2.Association | v3.Association],
) -> tuple[Associated, ...]:
    return tuple(
        Associated(each.name or str(number), number - 1, _listed_item(each))
        for number, each in enumerate(given, start=1)
    )


def _labelled(given: Iterable[v2.Labelled | v3.Labelled] | None) -> tuple[Text, ...]:
    return tuple(Text(t.value, t.role, t.content_type) for t in given or () if t.value)


def _concepts(given: Iterable[v2.Genre | v3.Genre] | None, scheme: str | None) -> tuple[Named, ...]:
    return tuple(
        Named(
            each.name,
            each.uri or each.literal,
            scheme,
            getattr(each, "rel", None) or getattr(each, "role", None),
        )
        for each in given or ()
    )
