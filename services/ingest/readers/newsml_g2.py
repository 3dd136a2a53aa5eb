"""NewsML-G2, the IPTC's item format since 2006 (versions 2.0 to 2.34).

Our own reading of the XML: PyPI's ``newsmlg2`` takes the whole document into memory, knows newer
versions only in part, and can't go on after one bad item.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final
from urllib.parse import urlsplit

from schemas.article import Picture, Place
from services.ingest.readers.g2_values import Names, one_text, texts
from services.ingest.readers.lines import clean
from services.ingest.readers.subjects import subject
from services.ingest.readers.xml_content import content_story, decoded_base64
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

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lxml import etree

    from services.ingest.readers.base import BadRecord, ReadArticle

MAX_NAMED: Final = 5
"""Items of a package that its refusal names."""

_WITHDRAWN: Final = frozenset({"canceled", "cancelled", "withheld"})
_TEXTLESS: Final = {
    "conceptItem": "it describes a concept of a vocabulary",
    "knowledgeItem": "it lists concepts of a vocabulary",
    "planningItem": "it plans coverage that is yet to come",
    "catalogItem": "it lists vocabularies",
    "hopItem": "it tells an item's way through the desks",
}
_RENDITIONS: Final = {"highres": 0, "web": 2, "preview": 3, "thumbnail": 4}
"""Sizes of a picture, the largest first; one that isn't here comes second."""

_VISUAL: Final = ("picture", "graphic", "video", "audio", "animation", "composite")


class NewsMlG2Reader(XmlReader):
    """Reads the items of a newsMessage, or one that stands alone."""

    name = "newsml_g2"
    version = "1"
    items: ClassVar[frozenset[str]] = frozenset({"newsItem", "packageItem", *_TEXTLESS})
    roots: ClassVar[frozenset[str]] = frozenset({"newsMessage", "itemSet", *items})
    namespaces: ClassVar[re.Pattern[str]] = re.compile(r"(?i)iptc\.org/std/(?:nar|newsml-g2)")

    def stories(self, parsed: Parsed) -> Sequence[ReadArticle | BadRecord]:
        """A newsItem's one article; raises :class:`Rejected` for the other kinds of items."""
        kind = parsed.item.name
        if kind in _TEXTLESS:
            raise Rejected(
                f"a {kind} holds no news text: {_TEXTLESS[kind]}",
                "Nothing to do; drop newsItems to have articles.",
            )
        if kind == "packageItem":
            raise _package(parsed.root)
        found = _Item(parsed, self).story()
        if not found.has_text() and not found.withdrawn:
            raise Rejected(
                f"newsItem {found.provider_id or 'without guid'} has neither a headline nor text",
                "Ask the provider for the item with its contentSet.",
            )
        return [found.article(parsed.info(self, _recognised_as(parsed.root)))]


def _recognised_as(root: etree._Element) -> str:
    standard = clean(root.get("standard") or "NewsML-G2")[:40]
    return f"{standard} {clean(root.get('standardversion') or '')[:20]}".rstrip()


def _package(root: etree._Element) -> Rejected:
    references = [
        clean(ref.get("residref") or ref.get("href") or "") for ref in root.iter("itemRef")
    ]
    named = ", ".join(filter(None, references[:MAX_NAMED])) or "nothing"
    more = f" and {len(references) - MAX_NAMED} more" if len(references) > MAX_NAMED else ""
    return Rejected(
        f"a packageItem has no text of its own: it refers to {named}{more}",
        "Drop the items that it names; the package itself isn't needed.",
    )


class _Item:
    """One newsItem on its way to a story."""

    def __init__(self, parsed: Parsed, reader: NewsMlG2Reader) -> None:
        self._parsed = parsed
        self._notes = parsed.notes
        self._reader = reader
        self._root = parsed.root
        self._meta = parsed.root.find("itemMeta")
        self._content = parsed.root.find("contentMeta")
        tag = self._first("contentMeta/language", "tag") or parsed.root.get(LANG)
        self._language = language(tag, parsed.notes)
        self._names = Names(parsed.root, self._language)

    def _first(self, path: str, attribute: str) -> str | None:
        found = self._root.find(path)
        return None if found is None else found.get(attribute)

    def story(self) -> Story:
        found = Story(language=self._language)
        self._identity(found)
        self._management(found)
        self._description(found)
        self._people(found)
        self._codes(found)
        self._rights(found)
        self._texts(found)
        self._remote(found)
        return found

    # --- Item ---

    def _identity(self, found: Story) -> None:
        found.provider_id = clean(self._root.get("guid") or "")
        if not found.provider_id:
            self._notes.add("it has no guid: identified by its text")
        found.version = version(self._root.get("version"), self._notes)
        found.provider = self._names.party(self._root.find("itemMeta/provider"))
        found.provider = found.provider or self._names.party(
            self._root.find("contentMeta/infoSource")
        )

    def _management(self, found: Story) -> None:
        created = moment(self._plain("itemMeta/versionCreated"), "versionCreated", self._notes)
        first = moment(self._plain("itemMeta/firstCreated"), "firstCreated", self._notes)
        content = moment(self._plain("contentMeta/contentCreated"), "contentCreated", self._notes)
        changed = self._plain("contentMeta/contentModified")
        found.published_at = first or content or created
        found.updated_at = created or moment(changed, "contentModified", self._notes)
        embargo = self._root.find("itemMeta/embargoed")
        if embargo is not None:
            found.embargoed_until = moment(embargo.text, "embargoed", self._notes)
            if not clean(embargo.text or ""):
                self._notes.add("embargoed until the provider says otherwise: no time is given")
        status = self._names.code(self._root.find("itemMeta/pubStatus"))
        found.withdrawn = status in _WITHDRAWN
        if status not in _WITHDRAWN and status not in ("", "usable"):
            self._notes.add(f"pubStatus '{status[:40]}' is not known: taken as usable")
        for note in self._root.iterfind("itemMeta/edNote"):
            if said := one_text(note):
                self._notes.add(f"the provider says (edNote): {said}")

    def _plain(self, path: str) -> str | None:
        found = self._root.find(path)
        return None if found is None else found.text

    # --- Content's metadata ---

    def _description(self, found: Story) -> None:
        found.urgency = urgency(self._plain("contentMeta/urgency"), self._notes)
        headlines = self._root.findall("contentMeta/headline") or self._root.findall(
            "itemMeta/title"
        )
        sub = [h for h in headlines if "sub" in self._role(h)]
        main = [h for h in headlines if h not in sub]
        chosen = self._names.chosen(main or sub)
        found.headline = one_text(chosen) if chosen is not None else None
        found.standfirst = [one_text(h) for h in sub if h is not chosen]
        summaries = [d for d in self._descriptions() if "caption" not in self._role(d)]
        found.standfirst.extend(text for d in summaries[:1] for text in texts(d))
        found.dateline = one_text(self._root.find("contentMeta/dateline"))
        found.credits = [one_text(c) for c in self._root.iterfind("contentMeta/creditline")]
        slugs = (one_text(slug) for slug in self._root.iterfind("contentMeta/slugline"))
        keywords = (one_text(word) for word in self._root.iterfind("contentMeta/keyword"))
        found.keywords = [*slugs, *keywords]

    def _role(self, element: etree._Element) -> str:
        return (element.get("role") or element.get("roleuri") or "").lower()

    def _descriptions(self) -> list[etree._Element]:
        return self._root.findall("contentMeta/description")

    def _people(self, found: Story) -> None:
        by = [one_text(line) for line in self._root.iterfind("contentMeta/by")]
        found.byline = "; ".join(filter(None, by))
        for path in ("contentMeta/creator", "contentMeta/contributor"):
            for element in self._root.iterfind(path):
                if not self._names.is_organisation(element):
                    found.authors.append(self._names.party(element))
        if not any(found.authors):
            found.authors = [name for line in by for name in authors_of(line)]

    def _codes(self, found: Story) -> None:
        for element in self._root.iterfind("contentMeta/subject"):
            code, scheme = self._names.identifier(element)
            name = self._names.name(element)
            found.subjects.append(subject(code, name, scheme))
            if "geoarea" in (element.get("type") or element.get("typeuri") or "").lower():
                found.places.append(_place(code, name, scheme))
        for element in self._root.iterfind("contentMeta/genre"):
            code, scheme = self._names.identifier(element)
            found.subjects.append(subject(code, self._names.name(element), scheme or "genre"))
        located = []
        for element in self._root.iterfind("contentMeta/located"):
            code, scheme = self._names.identifier(element)
            located.append(_place(code, self._names.name(element), scheme))
        found.places[:0] = located

    def _rights(self, found: Story) -> None:
        blocks = self._root.findall("rightsInfo")
        holders = (self._names.party(b.find("copyrightHolder")) for b in blocks)
        found.rights = rights(
            next(filter(None, holders), None),
            next(
                (t for b in blocks for n in b.iterfind("copyrightNotice") if (t := _said(n))), None
            ),
            "; ".join(t for b in blocks for n in b.iterfind("usageTerms") if (t := _said(n))),
        )

    # --- Content ---

    def _texts(self, found: Story) -> None:
        """The text, from the first rendition that has one."""
        inner: list[Story] = []
        for holder in self._root.iterfind("contentSet/*"):
            if holder.tag == "inlineXML":
                mime = holder.get("contenttype") or ""
                inner.append(content_story(holder, mime, self._parsed, found.headline))
            elif holder.tag == "inlineData":
                inner.append(self._inline_data(holder, found.headline))
        told = [story for story in inner if story.body]
        if len(told) > 1:
            self._notes.add(f"{len(told) - 1} more renditions of the text left out")
        for story in told[:1] or inner[:1]:
            found.complete(story)
        if not found.body:
            self._without_text(found)

    def _inline_data(self, holder: etree._Element, headline: str | None) -> Story:
        mime = holder.get("contenttype") or ""
        if mime and not mime.lower().startswith(("text/", "application/x")):
            return Story()
        if "base64" in (holder.get("encoding") or holder.get("encodinguri") or "").lower():
            holder.text = decoded_base64(holder, self._reader.limits)
        return content_story(holder, mime, self._parsed, headline)

    def _without_text(self, found: Story) -> None:
        """A picture's text is its caption; that of a story whose text is elsewhere, its summary."""
        captions = [text for d in self._captions() for text in texts(d)]
        found.body = captions
        if not self._is_visual() and (captions or found.standfirst):
            found.extent = "summary"
            self._notes.add("its text isn't in the item: only what describes it")

    def _captions(self) -> list[etree._Element]:
        given = [d for d in self._descriptions() if "caption" in self._role(d)]
        return given or (self._descriptions()[:1] if self._is_visual() else [])

    def _is_visual(self) -> bool:
        item_class = self._names.code(self._root.find("itemMeta/itemClass"))
        return item_class.startswith(_VISUAL)

    def _remote(self, found: Story) -> None:
        remote = self._root.findall("contentSet/remoteContent")
        pictures = [r for r in remote if (r.get("contenttype") or "").startswith("image/")]
        visual = pictures or (remote if self._is_visual() else [])
        if visual:
            captions = [text for d in self._captions() for text in texts(d)]
            addresses = (
                clean(r.get("href") or r.get("residref") or "") for r in sorted(visual, key=_size)
            )
            found.pictures.append(
                Picture(
                    caption=" ".join(captions) or None,
                    credit=next(filter(None, found.credits), None) if self._is_visual() else None,
                    url=next(filter(None, addresses), None),
                )
            )
        pages = (r.get("href") or "" for r in remote if "html" in (r.get("contenttype") or ""))
        found.url = next((page for page in map(clean, pages) if _is_web(page)), None)


def _size(remote: etree._Element) -> int:
    """Renditions in order: the largest first, thumbnails last."""
    rendition = (remote.get("rendition") or remote.get("renditionuri") or "").lower()
    return next((rank for name, rank in _RENDITIONS.items() if name in rendition), 1)


def _is_web(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _said(element: etree._Element) -> str:
    return one_text(element) or clean(element.get("href") or "")


def _place(code: str | None, name: str | None, scheme: str | None) -> Place:
    return Place(name=name or None, code=code or None, scheme=scheme or None)
