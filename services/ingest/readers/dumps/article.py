"""One record of a dump as an article, or the reason why it is none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from schemas.article import ReaderInfo, Rights
from services.ingest.addresses import canonical_url
from services.ingest.identity import MAX_REVISION
from services.ingest.readers.base import BadRecord, Limits, ReadArticle, Unreadable
from services.ingest.readers.dumps import fields, values
from services.ingest.readers.lines import clean, same
from services.ingest.readers.ninjs import records as ninjs
from services.ingest.readers.ninjs.editions import looks_like

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from schemas.article import Extent
    from services.ingest.readers.base import Record
    from services.ingest.readers.notes import Notes

MAX_URGENCY: Final = 9

FIELD_MAP_ADVICE: Final = (
    "If it is an article, say in a field map (WIREDESK_FIELD_MAP_FILE, see docs/formats.md) which"
    " key is its text and which its headline."
)

_DIALECTS: Final[tuple[tuple[str, frozenset[str]], ...]] = (
    # The keys that only records of this kind have together, as fields.normal() writes them.
    ("NewsAPI", frozenset({"source", "publishedat", "urltoimage"})),
    ("GDELT DOC", frozenset({"seendate", "domain", "url"})),
    ("Guardian", frozenset({"webtitle", "weburl"})),
    ("news-please", frozenset({"maintext", "datepublish"})),
    ("fundus", frozenset({"publishingdate", "body"})),
    ("Event Registry", frozenset({"uri", "datetimepub", "body"})),
    ("schema.org", frozenset({"@type", "articlebody"})),
)
_JSON_FEED: Final = ("contenthtml", "contenttext")

_STATES_VERSION: Final = frozenset({"standard", "$standard", "$schema"})
"""Where a ninjs item says what it is, whatever its other keys are."""

_CUT: Final = re.compile(r"\s*(?:…|\.\.\.)?\s*\[\+\d+ chars\]$")
"""How NewsAPI ends a text of which it gives 200 characters."""

_REMOVED: Final = "[Removed]"
"""What NewsAPI puts in place of an article that its publisher took back."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record is: its number in the file, where for people, where to go on after it."""

    position: int
    locator: str
    checkpoint: str | None


@dataclass(frozen=True, slots=True)
class Origin:
    """Which reader reads the records, and of what."""

    name: str
    version: str
    media_type: str
    encoding: str


class NotNews(Exception):  # noqa: N818  (named for what is said in its stead: a BadRecord)
    """The record has neither a text nor a title under any name that is known."""


def to_record(
    record: Any, origin: Origin, place: Place, notes: Notes, limits: Limits
) -> ReadArticle | BadRecord:
    """``record`` (as parsed) as an article, or why it is none.

    Raises :class:`NotNews` for an object without text and title.
    """

    def refused(reason: str, advice: str) -> BadRecord:
        return BadRecord(place.position, reason, advice, place.locator, checkpoint=place.checkpoint)

    if not isinstance(record, dict):
        return refused(f"no record but {_kind(record)}", "Each record must be a JSON object.")
    if is_ninjs(record):
        info = _info(origin, origin.media_type, notes)
        return ninjs.to_record(
            record,
            position=place.position,
            locator=place.locator,
            info=info,
            checkpoint=place.checkpoint,
        )
    try:
        found, dialect = _found(record, limits)
        if clean(str(found.get("headline"))) == _REMOVED:
            return refused("the publisher took the article back: it has no text", "Nothing to do.")
        return _Made(found, dialect, origin, notes).article(place)
    except Unreadable as error:
        return refused(error.reason, error.advice)
    except RecursionError:
        return refused("nested too deeply to be read", "Flatten the record.")


def is_ninjs(record: Mapping[str, Any]) -> bool:
    """Whether ``record`` is a ninjs item, by its keys or its own word."""
    may_be = fields.fits_ninjs(frozenset(record)) or not _STATES_VERSION.isdisjoint(record)
    return may_be and looks_like(record)


def ninjs_records(
    record: Mapping[str, Any], origin: Origin, place: Place, notes: Notes
) -> list[Record]:
    """A ninjs item as records: itself, then the articles associated with it."""
    info = _info(origin, origin.media_type, notes)
    return ninjs.to_records(
        record,
        position=place.position,
        locator=place.locator,
        info=info,
        checkpoint=place.checkpoint,
    )


def _info(origin: Origin, recognised: str, notes: Notes) -> ReaderInfo:
    return ReaderInfo(
        name=origin.name,
        version=origin.version,
        format=recognised,
        encoding=origin.encoding,
        warnings=notes.warnings(),
    )


def keys_found(record: Mapping[str, Any]) -> str:
    """The keys of a record, for a refusal."""
    shown = ", ".join(clean(str(key))[:40] for key in list(record)[: fields.MAX_KEYS])
    return f"{shown}, …" if len(record) > fields.MAX_KEYS else shown or "none"


def _found(record: Mapping[str, Any], limits: Limits) -> tuple[dict[str, Any], str]:
    for field_map in limits.field_maps:
        found = fields.by_map(record, field_map)
        if found is not None:
            return found, f"field map {clean(field_map.name)}"
    return fields.by_alias(record), _dialect(record)


def _dialect(record: Mapping[str, Any]) -> str:
    keys = {fields.normal(key) for key in record}
    for name, needed in _DIALECTS:
        if needed <= keys:
            return name
    if "id" in keys and not keys.isdisjoint(_JSON_FEED):
        return "JSON Feed"
    return "by field names"


class _Made:
    """An article in the making."""

    def __init__(self, found: dict[str, Any], dialect: str, origin: Origin, notes: Notes) -> None:
        self._found = found
        self._dialect = dialect
        self._mapped = dialect.startswith("field map")
        self._origin = origin
        self._notes = notes

    def article(self, place: Place) -> ReadArticle:
        """The article; raises :class:`NotNews` where it would have no words."""
        found, notes = self._found, self._notes
        body, standfirst, extent = self._texts()
        headline = self._headline()
        if not body and not headline:
            raise NotNews
        authors, byline = self._people()
        url = self._url()
        provider = values.line(found.get("provider"))
        return ReadArticle(
            position=place.position,
            headline=headline,
            body=body,
            standfirst=standfirst,
            extent=extent,
            authors=authors,
            byline=byline,
            dateline=values.line(found.get("dateline")),
            published_at=self._published(),
            updated_at=values.moment("updated", found.get("updated_at"), notes),
            embargoed_until=values.moment("embargoed", found.get("embargoed_until"), notes),
            language=values.language(found.get("language"), notes),
            url=url,
            provider=provider,
            provider_id=self._provider_id(url, provider),
            version=values.number(found.get("version"), MAX_REVISION),
            withdrawn="withdrawn" in found and values.is_cancelled(found["withdrawn"]),
            urgency=values.number(found.get("urgency"), MAX_URGENCY),
            rights=self._rights(),
            subjects=values.coded(found.get("subjects")),
            keywords=values.strings(found.get("keywords")),
            section=values.line(found.get("section")),
            places=values.places(found.get("places")),
            pictures=values.pictures(
                found.get("picture"), found.get("caption"), found.get("picture_credit")
            ),
            info=_info(self._origin, f"{self._origin.media_type} {self._dialect}", notes),
            locator=place.locator,
            checkpoint=place.checkpoint,
        )

    def _headline(self) -> str | None:
        text = values.line(self._found.get("headline"))
        if text is None or len(text) <= values.MAX_HEADLINE:
            return text
        self._notes.add(f"a headline of {len(text)} characters was cut")
        return text[: values.MAX_HEADLINE - 1].rstrip() + "…"

    def _texts(self) -> tuple[tuple[str, ...], str | None, Extent]:
        """Body, standfirst, and how much of the article the body is."""
        given = self._found.get("body")
        lead = self._found.get("standfirst")
        if isinstance(given, dict) and lead is None:
            lead = given.get("summary")  # fundus
        standfirst = values.paragraphs(lead)
        body = values.paragraphs(given)
        if not body:
            what = "a summary" if standfirst else "a title"
            self._notes.add(f"no text in the record, only {what}")
            return standfirst, None, "summary"
        cut = _CUT.search(body[-1]) if body[-1].endswith("chars]") else None
        if cut is None:
            return body, _unless_repeated(standfirst, body), "full"
        self._notes.add("NewsAPI gives only the start of the text: its mark was removed")
        body = tuple(filter(None, (*body[:-1], body[-1][: cut.start()])))
        return body, _unless_repeated(standfirst, body), "excerpt"

    def _people(self) -> tuple[tuple[str, ...], str | None]:
        written = values.line(self._found.get("byline"))
        authors, byline = values.people(self._found.get("authors"))
        if not authors and written:
            authors = values.people(written)[0]
        return authors, written or byline

    def _published(self) -> Any:
        if self._dialect == "GDELT DOC":
            self._notes.add("published: when GDELT first saw it")
        return values.moment("published", self._found.get("published_at"), self._notes)

    def _url(self) -> str | None:
        url = values.address(self._found.get("url"), self._notes)
        given = values.line(self._found.get("provider_id"))
        # An id that is an address is the page's, where there is no other.
        return given if url is None and given and canonical_url(given) else url

    def _provider_id(self, url: str | None, provider: str | None) -> str | None:
        """The record's id, where it is the article's and no row number of the dump.

        Another dump counts its rows from 1 as well: by such an id, different stories would be
        versions of one another.
        """
        given = values.line(self._found.get("provider_id"))
        if given is None or (url and canonical_url(given) == canonical_url(url)):
            return None
        if self._mapped or ":" in given or _is_uuid(given):
            return given
        if url is None and provider is not None:
            return given
        if url is None:
            self._notes.add(f"id '{given[:40]}' not taken: unique only at a provider, not named")
        return None

    def _rights(self) -> Rights | None:
        holder, notice, terms = (
            values.line(self._found.get(key))
            for key in ("copyright_holder", "copyright", "usage_terms")
        )
        if not (holder or notice or terms):
            return None
        return Rights(holder=holder, notice=notice, usage_terms=terms)


def _unless_repeated(standfirst: Iterable[str], body: tuple[str, ...]) -> str | None:
    """The standfirst, unless it only says how the body begins."""
    text = " ".join(standfirst)
    start = same(_CUT.sub("", text).rstrip("…. "))
    if not start or same(" ".join(body)[: 2 * len(text)]).startswith(start):
        return None
    return text


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _kind(value: object) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
