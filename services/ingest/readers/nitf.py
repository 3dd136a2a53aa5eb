"""NITF 3.x, the IPTC's News Industry Text Format; also where it stands within NewsML.

Read by local names, with or without the namespace that NITF 3.3 and later may have.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final
from urllib.parse import urlsplit

from schemas.article import Place
from services.ingest.readers.lines import clean
from services.ingest.readers.subjects import subject
from services.ingest.readers.xml_reader import LANG, Parsed, Rejected, XmlReader
from services.ingest.readers.xml_story import (
    Story,
    authors_of,
    language,
    moment,
    rights,
    urgency,
    version,
)
from services.ingest.readers.xml_text import Flow, flow, spaced_text, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lxml import etree

    from schemas.article import Rights, Subject
    from services.ingest.readers.base import BadRecord, ReadArticle
    from services.ingest.readers.notes import Notes

_VERSION: Final = re.compile(r"nitf[ _-]{0,2}(\d)[.-](\d)", re.IGNORECASE)
_SCHEMA_LOCATION: Final = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"
_PLACE_PARTS: Final = ("city", "sublocation", "state", "region", "country")
_OLD_CODES: Final = "iptc"
"""The scheme of the IPTC's Subject Codes, eight digits, which came before Media Topics."""

_WITHDRAWN: Final = frozenset({"canceled", "cancelled", "withheld", "killed"})
_KNOWN_STATUS: Final = _WITHDRAWN | {"", "usable", "embargoed"}


class NitfReader(XmlReader):
    """Reads NITF documents: one a file, or several one after the other or in a wrapper."""

    name = "nitf"
    version = "1"
    items: ClassVar[frozenset[str]] = frozenset({"nitf"})
    roots: ClassVar[frozenset[str]] = frozenset({"nitf"})
    namespaces: ClassVar[re.Pattern[str]] = re.compile("nitf", re.IGNORECASE)

    def stories(self, parsed: Parsed) -> Sequence[ReadArticle | BadRecord]:
        """The document's one article."""
        found = story(parsed.root, parsed)
        if not found.has_text() and not found.withdrawn:
            raise Rejected(
                "it has neither a headline nor text (hedline, body.content)",
                "Ask the provider for the whole story.",
            )
        return [found.article(parsed.info(self, recognised_as(parsed)))]


def recognised_as(parsed: Parsed) -> str:
    """The standard and its version, as the document declares it."""
    root = parsed.root
    told = (root.get("version"), parsed.item.doctype, root.get(_SCHEMA_LOCATION))
    found = next((match for text in told if (match := _VERSION.search(text or ""))), None)
    return f"NITF {found[1]}.{found[2]}" if found else "NITF"


def story(root: etree._Element, parsed: Parsed) -> Story:
    """What the ``nitf`` element ``root`` says and tells."""
    found = Story()
    _read_head(root, found, parsed.notes)
    body = root.find("body")
    if body is None:
        parsed.notes.add("it has no body")
        return found
    found.language = found.language or language(body.get(LANG), parsed.notes)
    _read_body_head(body.find("body.head"), found, parsed)
    _read_content(body, found, parsed)
    title = text_of(root.find("head/title"))
    found.headline = found.headline or title
    return found


# --- Head ----------------------------------------------------------------------------


def _read_head(root: etree._Element, found: Story, notes: Notes) -> None:
    found.headline = None
    found.language = language(root.get(LANG) or root.get("baselang"), notes)
    docdata = root.find("head/docdata")
    if docdata is not None:
        _read_docdata(docdata, found, notes)
    _read_times(root, found, notes)
    found.subjects = [*_subjects(root), *found.subjects]
    for publication in root.iterfind("head/pubdata"):
        found.section = found.section or clean(publication.get("position.section") or "")
        found.provider = found.provider or clean(publication.get("name") or "")
        found.url = found.url or _web_address(publication.get("ex-ref"))


def _web_address(text: str | None) -> str | None:
    text = clean(text or "")
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return text if parts.scheme in ("http", "https") and parts.hostname else None


def _read_docdata(docdata: etree._Element, found: Story, notes: Notes) -> None:
    identity = docdata.find("doc-id")
    if identity is not None:
        found.provider_id = clean(identity.get("id-string") or "")
        found.provider = clean(identity.get("regsrc") or "")
    if (key := docdata.find("du-key")) is not None:
        found.version = version(key.get("version"), notes)
    found.urgency = urgency(_attribute(docdata, "urgency", "ed-urg"), notes)
    found.rights = _docdata_rights(docdata)
    found.keywords = [clean(k.get("key") or "") for k in docdata.iterfind("key-list/keyword")]
    status = clean(docdata.get("management-status") or "").lower()
    found.withdrawn = status in _WITHDRAWN
    if status not in _KNOWN_STATUS:
        notes.add(f"management-status '{status[:40]}' is not known: taken as usable")
    for content in docdata.iterfind("identified-content"):
        _read_identified(content, found)
    for place in docdata.iterfind("evloc"):
        found.places.append(_event_place(place))
    for name in ("correction", "ed-msg"):
        for message in docdata.iterfind(name):
            if info := clean(message.get("info") or ""):
                notes.add(f"the provider says ({name}): {info}")


def _attribute(element: etree._Element, path: str, name: str) -> str | None:
    found = element.find(path)
    return None if found is None else found.get(name)


def _docdata_rights(docdata: etree._Element) -> Rights | None:
    holder = _attribute(docdata, "doc.copyright", "holder") or _attribute(
        docdata, "doc.rights", "owner"
    )
    terms = docdata.find("doc.rights")
    said = [] if terms is None else [terms.get("type"), terms.get("limitations")]
    return rights(holder, None, "; ".join(filter(None, said)))


def _read_times(root: etree._Element, found: Story, notes: Notes) -> None:
    docdata = "head/docdata/"
    issued = moment(_attribute(root, f"{docdata}date.issue", "norm"), "date.issue", notes)
    release = moment(_attribute(root, f"{docdata}date.release", "norm"), "date.release", notes)
    found.published_at = (
        issued
        or release
        or moment(_attribute(root, "head/pubdata", "date.publication"), "date.publication", notes)
        or moment(
            _attribute(root, "body/body.head/dateline/story.date", "norm"), "story.date", notes
        )
    )
    if release and issued and release > issued:
        found.embargoed_until = release
    if expiry := _attribute(root, f"{docdata}date.expire", "norm"):
        notes.add(f"the provider's text expires at {expiry}")
    revisions = [
        moment(entry.get("norm"), "revision-history", notes)
        for entry in root.iterfind("head/revision-history")
    ]
    found.updated_at = max((when for when in revisions if when), default=None)


def _subjects(root: etree._Element) -> Iterator[Subject]:
    for entry in root.iterfind("head/tobject/tobject.subject"):
        names = ("detail", "matter", "type")
        name = next(filter(None, (entry.get(f"tobject.subject.{n}") for n in names)), None)
        scheme = clean(entry.get("tobject.subject.ipr") or _OLD_CODES)
        if scheme.lower() == _OLD_CODES:
            scheme = _OLD_CODES
        yield subject(entry.get("tobject.subject.refnum"), name, scheme)


def _read_identified(content: etree._Element, found: Story) -> None:
    for element in content:
        kind = str(element.tag)
        if kind == "location":
            found.places.append(_place(element))
        else:
            code, scheme = _code(element)
            found.subjects.append(
                subject(code, text_of(element) or None, scheme or element.get("type") or kind)
            )


def _code(element: etree._Element) -> tuple[str | None, str | None]:
    """An element's code and where it is from, its own or its ``alt-code``'s."""
    inner = element.find("alt-code")
    for each in (element, inner):
        if each is not None and (value := each.get("value")):
            return value, each.get("idsrc")
    return None, element.get("idsrc")


def _place(element: etree._Element) -> Place:
    parts = [text for name in _PLACE_PARTS if (text := text_of(element.find(name)))]
    code, scheme = _code(element)
    code = code or element.get("location-code")
    scheme = scheme or element.get("code-source")
    for name in _PLACE_PARTS:
        inner = element.find(name)
        if inner is not None and not code:
            code = inner.get(f"{name}-code") or inner.get("iso-cc")
            scheme = inner.get("code-source") or ("iso-cc" if inner.get("iso-cc") else None)
    return Place(
        name=clean(", ".join(parts)) or spaced_text(element) or None,
        code=clean(code or "") or None,
        scheme=clean(scheme or "") or None if code else None,
    )


def _event_place(element: etree._Element) -> Place:
    parts = (clean(element.get(name) or "") for name in ("city", "county-dist", "state-prov"))
    code = clean(element.get("iso-cc") or "")
    name = ", ".join(filter(None, parts))
    return Place(name=name or None, code=code or None, scheme="iso-cc" if code else None)


# --- Body ----------------------------------------------------------------------------


def _read_body_head(head: etree._Element | None, found: Story, parsed: Parsed) -> None:
    if head is None:
        return
    found.headline = text_of(head.find("hedline/hl1"))
    found.standfirst = [text_of(line) for line in head.iterfind("hedline/hl2")]
    found.dateline = spaced_text(head.find("dateline"))
    found.provider = found.provider or text_of(head.find("distributor"))
    _read_bylines(head, found)
    above = parsed.item.line - 1
    for abstract in head.iterfind("abstract"):
        found.standfirst.extend(flow(abstract, above).texts())
    aside = Flow()
    for note in head.iterfind("note"):
        aside.set_apart("front_matter", spaced_text(note), parsed.line(note))
    found.set_apart.extend(aside.apart)
    _read_rights(head.find("rights"), found)


def _read_bylines(head: etree._Element, found: Story) -> None:
    lines = head.findall("byline")
    written = (_byline_text(line) for line in lines)
    found.byline = "; ".join(filter(None, written))
    for line in lines:
        people = [text_of(person) for person in line.iter("person")]
        found.authors.extend(people or authors_of(_byline_text(line).partition(", ")[0]))


def _byline_text(line: etree._Element) -> str:
    """A byline as one reads it, the job set off by a comma."""
    job = line.find("byttl")
    title = spaced_text(job)
    whole = spaced_text(line)
    name = whole.removesuffix(title).rstrip(" ,") if title else whole
    return f"{name}, {title}" if name and title and name != whole else whole


def _read_rights(element: etree._Element | None, found: Story) -> None:
    if element is None:
        return
    given = found.rights
    terms = "; ".join(
        filter(None, (text_of(element.find(f"rights.{n}")) for n in ("type", "limitations")))
    )
    found.rights = rights(
        text_of(element.find("rights.owner")) or (given.holder if given else None),
        spaced_text(element),
        terms or (given.usage_terms if given else None),
    )


def _read_content(body: etree._Element, found: Story, parsed: Parsed) -> None:
    above = parsed.item.line - 1
    for content in body.iterfind("body.content"):
        told = flow(content, above)
        told.take_headline(found.headline)
        found.body.extend(told.texts())
        found.pictures.extend(told.pictures)
        found.set_apart.extend(told.apart)
    end = body.find("body.end")
    if end is not None:
        foot = flow(end, above)
        found.set_apart.extend(foot.apart)
        found.body.extend(foot.texts())
