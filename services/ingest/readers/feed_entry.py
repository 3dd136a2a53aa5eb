"""One entry of a feed as an article: feedparser's reading, in our fields."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin

from lxml import etree

from schemas.article import ReaderInfo, Rights
from services.ingest.addresses import canonical_url
from services.ingest.readers import feed_extras, xml
from services.ingest.readers.base import ReadArticle
from services.ingest.readers.bylines import byline
from services.ingest.readers.feed_parsing import LOOSE_CHARS, Entry, Feed, NoArticle, loosely_parsed
from services.ingest.readers.fragments import paragraphs
from services.ingest.readers.lines import clean, same
from services.ingest.readers.subjects import distinct, subject
from services.ingest.readers.timestamps import parse_stamp

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from schemas.article import Extent, Subject

MAX_ELEMENTS: Final = 50_000
"""Of one entry: feedparser takes some 20 µs for each, so a second. Articles have some hundreds."""

MAX_NAMES: Final = 100
"""Authors, and keywords, kept of one entry."""

TEASER_CHARS: Final = 1_000
"""How far into a text one looks for what its summary repeats: three long paragraphs."""

MAX_WARNINGS: Final = 20
WARNING_CHARS: Final = 300
"""What the receipt takes of one record."""

_HTML: Final = frozenset({"text/html", "application/xhtml+xml"})
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{1,8}){0,4}")
_WEB: Final = re.compile(r"https?://[^\s/]", re.IGNORECASE)
_CUT: Final = re.compile(
    r"(?:\[?(?:…|\.{3}|&hellip;)\]?|read more|continue reading)\W*$", re.IGNORECASE
)
_CODED: Final = re.compile(r"medtop|newscodes|media ?topic|subjectcode", re.IGNORECASE)
_NEWSCODE: Final = re.compile(r"medtop:|(?:https?://)?cv\.iptc\.org/newscodes/", re.IGNORECASE)


def read_entry(feed: Feed, markup: str, info: ReaderInfo, position: int) -> ReadArticle:
    """The article (or tombstone) that ``markup``, one entry's element, holds.

    ``info`` says which reader; its warnings come first.  Raises :class:`NoArticle`.
    """
    closed, end, rest = markup.rpartition("]]>")
    # A section that nothing closes would take all of the entry that follows.
    repaired = xml.repair(f"{closed}{end}{rest.replace('<![CDATA[', '')}")
    warnings = [*info.warnings, *feed.warnings, *repaired.warnings()]
    whole = f"{feed.opening}{repaired.text}{feed.closing}"
    element = _element(whole, warnings)
    if element is not None and etree.QName(element).localname == "deleted-entry":
        return _tombstone(feed, element, (info, warnings), position)
    contents = feed_extras.take_contents(element) if element is not None else []
    if element is not None and contents:
        whole = etree.tostring(element.getroottree(), encoding="unicode")
    parsed = loosely_parsed(feed_extras.without_media(whole))
    if not parsed["entries"]:
        raise NoArticle(
            "the entry has no fields that can be read", "Look at it in the feed's source."
        )
    entry = Entry(feed, dict(parsed["entries"][0].items()), element, contents, warnings)
    return _article(entry, info, position)


def _element(whole: str, warnings: list[str]) -> etree._Element | None:
    """The entry's element; None (and a warning) where it isn't well-formed."""
    try:
        root = xml.parse(whole)
    except (etree.XMLSyntaxError, ValueError) as error:
        problem = clean(str(getattr(error, "msg", error)))
        if len(whole) > LOOSE_CHARS:
            raise NoArticle(
                f"the entry is not well-formed XML ({problem}), and too large to be read all "
                f"the same: {len(whole)} characters, the limit is {LOOSE_CHARS}",
                "Ask the feed's provider to mend it.",
            ) from error
        warnings.append(f"not well-formed XML, read as far as possible: {problem}")
        return None
    count = sum(1 for _ in root.iter())
    if count > MAX_ELEMENTS:
        raise NoArticle(
            f"the entry has {count} elements, the limit is {MAX_ELEMENTS}",
            "It looks like a table or a list; drop it in another format.",
        )
    return next(root.iter("{*}item", "{*}entry", "{*}deleted-entry"), None)


def _tombstone(
    feed: Feed, element: etree._Element, said: tuple[ReaderInfo, list[str]], position: int
) -> ReadArticle:
    """A deleted entry (RFC 6721): the provider's word that the article is withdrawn."""
    info, warnings = said
    reference = clean(element.get("ref") or "")
    if not reference:
        raise NoArticle("the deleted entry doesn't say which one ('ref')", "Ask the provider.")
    updated = _moment("deleted", element.get("when"), warnings)
    comment = feed_extras.text_of(element.find("{*}comment"))
    if comment:
        warnings.append(f"the provider's comment: {comment}")
    return ReadArticle(
        position=position,
        headline=None,
        body=(),
        withdrawn=True,
        provider=feed.provider,
        provider_id=reference,
        updated_at=updated,
        url=reference if canonical_url(reference) else None,
        info=_said(info, warnings),
    )


def _article(entry: Entry, info: ReaderInfo, position: int) -> ReadArticle:
    headline = " ".join(_words(entry.mapping("title_detail"))) or entry.text("title")
    body, standfirst, extent = _texts(entry)
    if not body and not headline:
        raise NoArticle(
            "the entry has neither a title nor a text"
            + (", only a link" if entry.text("link") else ""),
            "Drop the page that it links to.",
        )
    provider_id, url = _identity(entry)
    published, updated = _times(entry)
    authors, written = _authors(entry)
    subjects, keywords = _categories(entry)
    return ReadArticle(
        position=position,
        headline=headline,
        standfirst=standfirst,
        body=body,
        extent=extent,
        authors=authors,
        byline=written,
        published_at=published,
        updated_at=updated,
        language=_language(entry),
        url=url,
        provider=_name(entry.mapping("source").get("title")) or entry.feed.provider,
        provider_id=provider_id,
        rights=_rights(entry),
        subjects=subjects,
        keywords=keywords,
        places=feed_extras.places(entry.element),
        pictures=feed_extras.pictures(entry.element, entry.mappings("links")),
        info=_said(info, entry.warnings),
    )


def _said(info: ReaderInfo, warnings: Iterable[str]) -> ReaderInfo:
    kept = [clean(w)[:WARNING_CHARS] for w in dict.fromkeys(warnings)]
    return info.model_copy(update={"warnings": tuple(kept[:MAX_WARNINGS])})


# --- Texts --------------------------------------------------------------------------------


def _words(detail: dict[str, Any]) -> tuple[str, ...]:
    """The paragraphs of a text construct, by its type; empty for what is no text."""
    value, kind = detail.get("value"), detail.get("type")
    if not isinstance(value, str):
        return ()
    if kind in _HTML:
        return paragraphs(value)
    if isinstance(kind, str) and not kind.startswith("text/"):
        return ()
    return feed_extras.blocks_of(value)


def _name(value: object) -> str | None:
    return (" ".join(paragraphs(value)) or None) if isinstance(value, str) else None


def _texts(entry: Entry) -> tuple[tuple[str, ...], str | None, Extent]:
    """Body, standfirst and how much of the article the body is."""
    summary = _words(entry.mapping("summary_detail"))
    body = _content(entry)
    if body:
        return body, _standfirst(summary, body), "full"
    if summary:
        entry.warnings.append("the feed has no full content: the text is the entry's summary")
    else:
        entry.warnings.append("the feed has no text for this entry: only its title was taken")
    return summary, None, "summary"


def _content(entry: Entry) -> tuple[str, ...]:
    """The longest of the entry's contents that are text."""
    contents = entry.mappings("content")
    if entry.element is not None and not feed_extras.has_content(entry.element):
        contents = []  # feedparser takes a second description for the content
    found = max((*entry.contents, *map(_words, contents)), key=_length, default=())
    if contents and not found:
        kinds = ", ".join(sorted({str(c.get("src") or c.get("type"))[:60] for c in contents}))
        entry.warnings.append(f"content without text here passed over: {kinds}")
    return found


def _length(texts: tuple[str, ...]) -> int:
    return sum(map(len, texts))


def _standfirst(summary: tuple[str, ...], body: tuple[str, ...]) -> str | None:
    """The summary beside a full content, unless it only repeats how that begins."""
    text = " ".join(summary)
    start = same(_CUT.sub("", text))
    # A teaser leaves off in mid-word at most, and may have lost the last one's end. It may
    # begin with the second or third sentence.
    if not start or start[:-3] in same(" ".join(body)[: 2 * len(text) + TEASER_CHARS]):
        return None
    return text


# --- Who and where ------------------------------------------------------------------------


def _identity(entry: Entry) -> tuple[str | None, str | None]:
    """The provider's id and the page's address.

    A guid that is the page's address is no id of its own: as an address it is the same as that
    of the page saved from there.  One that is another address than the link's is an id.
    """
    given, is_address = feed_extras.guid(entry.element)
    given = given or entry.text("id")
    link = feed_extras.original_link(entry.element) or entry.text("link")
    # feedparser takes an id for the link where there is no other.
    link = None if link == given and not _WEB.match(link or "") else _address(entry, link)
    if given is None:
        return None, link
    may_be = is_address and not entry.feed.atom and _WEB.match(given)
    address = canonical_url(given) if may_be else None
    if address is None:
        return given, link
    if link is None:
        return None, given
    return (None if canonical_url(link) == address else given), link


def _address(entry: Entry, link: str | None) -> str | None:
    if link is None:
        return None
    absolute = link
    if not _WEB.match(link):
        with suppress(ValueError):
            absolute = urljoin(entry.feed.link or "", link)
    if not _WEB.match(absolute):
        entry.warnings.append(f"'{link[:100]}' is no web address: taken as no link")
        return None
    if absolute != link:
        entry.warnings.append(f"relative link resolved against {entry.feed.link}")
    return absolute


def _authors(entry: Entry) -> tuple[tuple[str, ...], str | None]:
    """The authors' names one by one, and the byline as it is written."""
    given: list[Any] | None = feed_extras.rss_authors(entry.element)
    if given is None:
        given = [author.get("name") for author in entry.mappings("authors")]
    written = [name for name in dict.fromkeys(map(_name, given[:MAX_NAMES])) if name]
    people: list[str] = []
    for name in written:
        bare = re.sub(r"^by\s+", "", name, flags=re.IGNORECASE)
        found = byline(f"By {bare}")
        people.extend(found.authors if found and found.authors else (bare,))
    return tuple(dict.fromkeys(people)), ", ".join(written) or None


def _language(entry: Entry) -> str | None:
    texts = (*entry.mappings("content")[:1], entry.mapping("summary_detail"))
    found = (
        entry.text("language"),
        *(text.get("language") for text in texts),
        entry.mapping("title_detail").get("language"),
        entry.feed.language,
    )
    return language_tag(next((str(tag) for tag in found if tag), None), entry.warnings)


def language_tag(given: str | None, warnings: list[str]) -> str | None:
    """``given`` as a BCP 47 tag; None, and a warning, where it is none."""
    if not given or not (tag := clean(given)):
        return None
    if _LANGUAGE.fullmatch(tag):
        return tag.replace("_", "-")
    warnings.append(f"'{tag[:40]}' is not a language tag")
    return None


def _rights(entry: Entry) -> Rights | None:
    notice = _name(entry.text("rights")) or entry.feed.rights
    terms = next((x.get("href") for x in entry.mappings("links") if x.get("rel") == "license"), "")
    terms = clean(str(terms or ""))
    return Rights(notice=notice, usage_terms=terms or None) if notice or terms else None


def _categories(entry: Entry) -> tuple[tuple[Subject, ...], tuple[str, ...]]:
    """Categories of IPTC's vocabularies as subjects, all others as keywords."""
    subjects: list[Subject] = []
    keywords: list[str] = []
    for tag in entry.mappings("tags"):
        term, scheme, label = (_name(tag.get(key)) for key in ("term", "scheme", "label"))
        if (term and _NEWSCODE.match(term)) or (scheme and _CODED.search(scheme)):
            subjects.append(subject(term, label, scheme))
        elif word := label or term:
            keywords.append(word)
    return distinct(subjects), tuple(dict.fromkeys(keywords))[:MAX_NAMES]


# --- Times --------------------------------------------------------------------------------


def _times(entry: Entry) -> tuple[datetime | None, datetime | None]:
    """When published and when updated.

    RSS has only the one time of ``pubDate`` or ``dc:date``, which feedparser calls the update.
    """
    published = entry.text("published")
    updated = entry.text("updated")
    if published is None and not entry.feed.atom:
        published, updated = updated or entry.text("created"), None
    first = _moment("published", published, entry.warnings)
    last = _moment("updated", updated, entry.warnings) if updated != published else first
    if not entry.feed.atom and last == first:
        last = None
    return first, last


def _moment(which: str, text: str | None, warnings: list[str]) -> datetime | None:
    if not text or not clean(text):
        return None
    # "UT" is RFC 822's own name for it.
    when = parse_stamp(re.sub(r"\bUT$", "UTC", clean(text)))
    if when.warning:
        warnings.append(f"{which}: {when.warning}")
    return when.moment
