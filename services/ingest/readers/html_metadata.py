"""What a page says about its article: title, times, authors, and where that was found.

JSON-LD goes before OpenGraph and other ``<meta>``, these before what the page shows, since
publishers keep what search engines read in the best order.  The language is the exception:
``<html lang>`` is what the browser goes by.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from schemas.article import Place, Rights
from services.ingest.readers.html_head import Head, plain, web_address
from services.ingest.readers.html_people import authors_of
from services.ingest.readers.html_titles import choose_title
from services.ingest.readers.lines import clean
from services.ingest.readers.subjects import distinct, subject
from services.ingest.readers.timestamps import parse_stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schemas.article import Subject
    from services.ingest.readers.html_ld import LinkedData

MAX_KEYWORDS: Final = 100
"""Keywords of one article; longer lists are stuffed for search engines."""

MAX_KEYWORD: Final = 120
"""Characters of a keyword; what is longer is a sentence."""

_PUBLISHED: Final = (
    "article:published_time", "og:article:published_time", "article:published", "og:published_time",
    "parsely-pub-date", "sailthru.date", "dc.date.issued", "dcterms.issued", "dcterms.created",
    "dc.date.created", "dc.date", "dcterms.date", "dc.created", "cxenseparse:recs:publishtime",
    "datepublished", "date_published", "publication_date", "publish-date", "publish_date",
    "publishdate", "pubdate", "pub_date", "article.published", "originalpublicationdate", "date",
)  # fmt: skip
_UPDATED: Final = (
    "article:modified_time", "og:article:modified_time", "og:updated_time", "article:updated",
    "article:modified", "dcterms.modified", "dc.date.modified", "dc.modified", "datemodified",
    "article.updated", "last-modified", "lastmod", "revised",
)  # fmt: skip
_AUTHORS: Final = (
    "article:author", "author", "byl", "parsely-author", "sailthru.author", "dc.creator",
    "dcterms.creator", "dc.contributor", "article:author_name", "cxenseparse:author",
)  # fmt: skip
_KEYWORDS: Final = ("news_keywords", "article:tag", "parsely-tags", "sailthru.tags", "keywords")
_SECTIONS: Final = ("article:section", "parsely-section", "section", "og:section", "category")
_PROVIDERS: Final = ("og:site_name", "publisher", "dc.publisher", "application-name", "source")
_MODIFIED_CLASS: Final = re.compile(r"updat|modif|edit|revis", re.IGNORECASE)
_PUBLISHED_CLASS: Final = re.compile(r"publi|posted|entry-date|dateline|pubdate", re.IGNORECASE)

_TAG: Final = re.compile(r"([a-z]{2,3})((?:-[a-z0-9]{2,8})*)", re.IGNORECASE)
_STAMP: Final = re.compile(r"1[0-9]{9}(?:[0-9]{3})?")
_LANGUAGE_ONLY: Final = 2
_SCRIPT: Final = 4


@dataclass(slots=True)
class Metadata:
    """The fields of :class:`~services.ingest.readers.base.ReadArticle` that a page declares."""

    headline: str | None = None
    standfirst: str | None = None
    authors: tuple[str, ...] = ()
    byline: str | None = None
    dateline: str | None = None
    published_at: datetime | None = None
    updated_at: datetime | None = None
    language: str | None = None
    url: str | None = None
    provider: str | None = None
    rights: Rights | None = None
    subjects: tuple[Subject, ...] = ()
    keywords: tuple[str, ...] = ()
    section: str | None = None
    places: tuple[Place, ...] = ()
    warnings: list[str] = field(default_factory=list)


def read_metadata(head: Head, data: LinkedData, url: str | None) -> Metadata:
    """What the page declares; ``url``: its address as :func:`addresses_of` found it."""
    meta = Metadata(url=url)
    meta.provider = _provider(head, data)
    meta.headline = choose_title(head, data, meta.provider)
    meta.standfirst = data.first("description", "alternativeHeadline") or head.first(
        "og:description", "twitter:description", "description", "dc.description"
    )
    _read_authors(meta, head, data)
    meta.dateline = data.first("dateline")
    meta.published_at = _moment(meta, "published", _published(head, data))
    meta.updated_at = _moment(meta, "updated", _updated(head, data))
    if meta.published_at and meta.updated_at and meta.updated_at < meta.published_at:
        meta.warnings.append("updated before it was published, by its own word")
    meta.language = _language(head, data)
    meta.rights = _rights(head, data)
    meta.subjects = _subjects(data)
    meta.keywords = _keywords(head, data)
    sections = chain(data.texts("articleSection"), head.all(*_SECTIONS))
    meta.section = next((text for text in sections if len(text) <= MAX_KEYWORD), None)
    meta.places = _places(data)
    return meta


# --- Address ---------------------------------------------------------------------------


def addresses_of(head: Head, fetched: str | None) -> tuple[str, ...]:
    """The page's own addresses, the best first, without what is plainly wrong.

    A canonical link to the site's front page is a template's mistake: it would make one
    article of them all.
    """
    base = web_address(head.base, fetched) or fetched
    given = [*head.links.get("canonical", ()), *head.all("og:url", "twitter:url")]
    found = [address for target in given if (address := web_address(target, base))]
    if (own := web_address(fetched, None)) is not None:
        found.append(own)
    deep = [address for address in found if _is_deep(address)]
    return tuple(dict.fromkeys(deep or found))


def _is_deep(address: str) -> bool:
    parts = urlsplit(address)
    return bool(parts.path.strip("/") or parts.query)


def address_in(data: LinkedData, base: str | None) -> str | None:
    """The address that JSON-LD gives, where the page has no other."""
    for name in ("mainEntityOfPage", "url", "@id"):
        for value in data.values(name):
            if address := web_address(data.address(value), base):
                return address
    return None


# --- Times -------------------------------------------------------------------------------


def _published(head: Head, data: LinkedData) -> Iterator[str]:
    yield from data.texts("datePublished")
    yield from head.all(*_PUBLISHED)
    yield from head.items.get("datepublished", ())
    yield from data.texts("dateCreated")
    yield from data.texts("uploadDate")
    yield from _times(head, _PUBLISHED_CLASS)
    stamped = [text for element in head.times if (text := element.get("datetime"))]
    if len(set(stamped)) == 1:
        yield stamped[0]


def _updated(head: Head, data: LinkedData) -> Iterator[str]:
    yield from data.texts("dateModified")
    yield from head.all(*_UPDATED)
    yield from head.items.get("datemodified", ())
    yield from _times(head, _MODIFIED_CLASS)


def _times(head: Head, wanted: re.Pattern[str]) -> Iterator[str]:
    for element in head.times:
        told = f"{element.get('class')} {element.get('itemprop')} {element.get('data-testid')}"
        marked = wanted.search(told) or (
            wanted is _PUBLISHED_CLASS and element.get("pubdate") is not None
        )
        if marked and (text := element.get("datetime") or element.text):
            yield text


def _moment(meta: Metadata, what: str, values: Iterable[str]) -> datetime | None:
    """The first of ``values`` that is a moment; else a warning of why the first is none."""
    problem: str | None = None
    for value in values:
        text = clean(value)
        if _STAMP.fullmatch(text):
            return datetime.fromtimestamp(int(text[:10]), UTC)
        when = parse_stamp(text[:MAX_KEYWORD])
        if when.moment is not None:
            return when.moment
        problem = problem or f"{what}: {when.warning}"
    if problem:
        meta.warnings.append(problem)
    return None


# --- The rest --------------------------------------------------------------------------


def _provider(head: Head, data: LinkedData) -> str | None:
    publishers = (data.text(value) for value in data.values("publisher"))
    given = chain(publishers, data.texts("provider"), head.all(*_PROVIDERS))
    return next((text for text in given if text and not text.startswith(("http", "@"))), None)


def _read_authors(meta: Metadata, head: Head, data: LinkedData) -> None:
    for values in (
        [*data.texts("author"), *data.texts("contributor")],
        data.texts("creator"),
        head.all(*_AUTHORS),
        head.items.get("author", ()),
    ):
        given = list(values)
        if names := authors_of(given):
            meta.authors = names
            written = (text for text in given if re.match(r"by\s", text, re.IGNORECASE))
            meta.byline = head.first("byl") or next(written, None)
            return


def _language(head: Head, data: LinkedData) -> str | None:
    locale = (value.replace("_", "-") for value in head.all("og:locale"))
    declared = head.all("content-language", "dc.language", "dcterms.language", "language")
    coded = (
        str(value.get("alternateName")) if isinstance(value, dict) else data.text(value)
        for value in data.values("inLanguage")
    )
    for value in chain((head.language,), locale, coded, declared):
        if value and (tag := language_tag(value)):
            return tag
    return None


def language_tag(text: str) -> str | None:
    """``text`` as a language tag in its usual case (BCP 47: ``en-GB``), None if it is none."""
    match = _TAG.fullmatch(text.strip().replace("_", "-"))
    if match is None or match[1].lower() in ("und", "mul", "zxx"):
        return None
    parts = [part for part in match[2].split("-") if part]
    cased = (
        part.upper()
        if len(part) == _LANGUAGE_ONLY
        else part.title()
        if len(part) == _SCRIPT and part.isalpha()
        else part.lower()
        for part in parts
    )
    return "-".join((match[1].lower(), *cased))


def _rights(head: Head, data: LinkedData) -> Rights | None:
    holder = data.first("copyrightHolder")
    notice = data.first("copyrightNotice") or head.first("copyright", "dc.rights", "rights")
    licences = (data.address(value) or data.text(value) for value in data.values("license"))
    named = chain(licences, data.texts("usageInfo"), head.links.get("license", ()))
    terms = next((plain(text) for text in named if text), None)
    if not (holder or notice or terms):
        return None
    return Rights(holder=holder, notice=notice, usage_terms=terms or None)


def _keywords(head: Head, data: LinkedData) -> tuple[str, ...]:
    for values in (data.texts("keywords"), *(list(head.all(name)) for name in _KEYWORDS)):
        listed = values if len(values) > 1 else re.split(r"[,;|]", "".join(values))
        words = (clean(text) for text in listed)
        unique = {word.casefold(): word for word in words if 0 < len(word) <= MAX_KEYWORD}
        if unique:
            return tuple(unique.values())[:MAX_KEYWORDS]
    return ()


def _subjects(data: LinkedData) -> tuple[Subject, ...]:
    return distinct(
        subject(code, data.text(value), scheme)
        for value in data.values("about")
        for code, scheme in [_code(value) if isinstance(value, dict) else (None, None)]
    )


def _code(value: dict[str, object]) -> tuple[str | None, str | None]:
    for name in ("termCode", "identifier", "@id", "sameAs", "url"):
        given = value.get(name)
        given = given[0] if isinstance(given, list) and given else given
        if not isinstance(given, str) or not (text := plain(given)):
            continue
        scheme = value.get("inDefinedTermSet")
        vocabulary = plain(scheme) or None if isinstance(scheme, str) else None
        return text, vocabulary
    return None, None


def _places(data: LinkedData) -> tuple[Place, ...]:
    given = (*data.texts("contentLocation"), *data.texts("locationCreated"))
    return tuple(Place(name=name) for name in dict.fromkeys(given))
