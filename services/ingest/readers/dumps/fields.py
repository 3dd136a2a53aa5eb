"""Which key of a record is which field: by the names that dumps use, or by a field map."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from services.ingest.readers.ninjs.editions import names_fit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from services.ingest.readers.base import FieldMap

ALIASES: Final[dict[str, tuple[str, ...]]] = {
    # Written without case, "_" and "-"; the earlier goes before the later.
    "headline": ("headline", "title", "webtitle", "articletitle"),
    "body": (
        *("body", "bodyhtml", "articlebody", "contenthtml", "bodytext", "maintext", "fulltext"),
        *("plaintext", "cleanedtext", "contenttext", "articletext", "text", "content", "story"),
    ),
    "standfirst": (
        *("standfirst", "description", "lead", "summary", "abstract", "excerpt", "teaser"),
        *("trailtext", "subtitle", "subheadline", "dek", "deck", "snippet"),
    ),
    "authors": ("authors", "author", "creator", "writers", "writer"),
    "byline": ("byline",),
    "dateline": ("dateline",),
    "published_at": (
        *("publishedat", "published", "datepublished", "datepublish", "publishdate", "pubdate"),
        *("publicationdate", "publishingdate", "publisheddate", "publishedon", "publishedtime"),
        *("webpublicationdate", "firstpublished", "firstpublicationdate", "datetimepub"),
        *("seendate", "datetime", "date", "created", "createdat", "timestamp"),
    ),
    "updated_at": (
        *("updatedat", "updated", "datemodified", "datemodify", "modified", "modifiedat"),
        *("lastmodified", "lastupdated", "dateupdated", "updateddate", "modifiedtime"),
    ),
    "embargoed_until": ("embargoeduntil", "embargo", "embargoed"),
    "language": ("language", "lang", "inlanguage", "locale"),
    "url": ("canonicalurl", "url", "link", "weburl", "articleurl", "permalink", "mainentityofpage"),
    "provider": (
        *("provider", "publisher", "source", "sourcename", "outlet", "publication", "sitename"),
        *("sourcedomain", "domain", "site"),
    ),
    "provider_id": ("guid", "uuid", "id", "articleid", "uri"),
    "version": ("version", "revision"),
    "urgency": ("urgency",),
    "section": ("section", "sectionname", "articlesection", "category", "desk"),
    "keywords": ("keywords", "tags", "topics", "categories"),
    "subjects": ("subjects", "subject"),
    "places": ("places", "place", "contentlocation", "locationcreated"),
    "picture": (
        "image",
        "urltoimage",
        "imageurl",
        "topimage",
        "leadimage",
        "socialimage",
        "images",
    ),
    "caption": ("imagecaption", "caption"),
    "picture_credit": ("imagecredit", "photocredit"),
    "copyright": ("copyright", "copyrightnotice", "rights"),
    "copyright_holder": ("copyrightholder",),
    "usage_terms": ("usageterms", "license", "licence"),
}
"""Field by field, the keys of NewsAPI, GDELT, the Guardian, Event Registry, JSON Feed, schema.org,
and of the crawlers' dumps (Common Crawl news, news-please, fundus)."""

FIELDS: Final = frozenset({*ALIASES, "withdrawn"})
"""What a field map may name."""

WRAPPERS: Final = ("fields", "_source")
"""Keys below which the fields are: the Guardian's, Elasticsearch's."""

CONTAINERS: Final = frozenset({
    *("articles", "results", "items", "data", "docs", "documents", "records", "stories", "news"),
    *("entries", "hits", "response", "value", "posts"),
})  # fmt: skip
"""Keys of a page of records, as an API gives it."""

MAX_KEYS: Final = 12
"""Keys shown in a refusal; enough to see what the records are."""

_KEYS_OF: Final = {
    key: (field, rank) for field, keys in ALIASES.items() for rank, key in enumerate(keys)
}
_TEXTS: Final = frozenset(ALIASES["body"])
_TITLES: Final = frozenset((*ALIASES["headline"], *ALIASES["standfirst"]))
_WRAPPED: Final = frozenset(WRAPPERS)


@lru_cache(maxsize=1024)  # the records of a dump share their keys
def normal(key: str) -> str:
    """``key`` without case, underscores and hyphens: ``published_at`` is ``publishedAt``."""
    return key.replace("_", "").replace("-", "").casefold()


def by_alias(record: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of ``record`` by the names of its keys; empty values don't count."""
    found: dict[str, Any] = {}
    ranks: dict[str, int] = {}
    for key, value in _flat(record):
        field, rank = _KEYS_OF.get(normal(key), ("", 0))
        if field and value not in (None, "", [], {}) and rank < ranks.get(field, len(_KEYS_OF)):
            found[field], ranks[field] = value, rank
    return found


def _flat(record: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    for wrapper in WRAPPERS:
        inner = record.get(wrapper)
        if isinstance(inner, dict):
            yield from inner.items()
    yield from record.items()


def by_map(record: Mapping[str, Any], field_map: FieldMap) -> dict[str, Any] | None:
    """The fields of ``record`` by ``field_map``; None where it has neither text nor headline."""
    found = {
        field: value
        for field, path in field_map.fields
        if (value := at_path(record, path)) not in (None, "", [], {})
    }
    return found if "body" in found or "headline" in found else None


def at_path(record: Any, path: str) -> Any:
    """The value at a dotted path (``story.texts.0``; numbers count from 0); None if there is none.

    A key that has dots itself goes before the path through it.
    """
    if isinstance(record, dict) and path in record:
        return record[path]
    value = record
    for part in path.split("."):
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


@lru_cache(maxsize=1024)  # the records of a dump share their keys
def fits_ninjs(keys: frozenset[str]) -> bool:
    """Whether these are the keys of a ninjs item."""
    return names_fit(keys)


def has_text(keys: Iterable[str], maps: Iterable[FieldMap] = ()) -> bool:
    """Whether a record with these keys has a text, by their names."""
    return (
        any(normal(key) in _TEXTS for key in keys)
        or _mapped(keys, maps)
        or fits_ninjs(frozenset(keys))
    )


def is_record(keys: Iterable[str], maps: Iterable[FieldMap] = ()) -> bool:
    """Whether a record with these keys may be an article: it has a title or a text."""
    names = {normal(key) for key in keys}
    known = names & (_TEXTS | _TITLES) or not _WRAPPED.isdisjoint(keys)
    return bool(known) or _mapped(keys, maps) or fits_ninjs(frozenset(keys))


def is_page(keys: Iterable[str]) -> bool:
    """Whether an object with these keys is a page of records."""
    return any(normal(key) in CONTAINERS for key in keys)


def _mapped(keys: Iterable[str], maps: Iterable[FieldMap]) -> bool:
    starts = {
        start
        for field_map in maps
        for field, path in field_map.fields
        if field in ("body", "headline")
        for start in (path, path.split(".", 1)[0])
    }
    return not starts.isdisjoint(keys)
