"""What feedparser mixes up or leaves out of an entry: pictures with their captions, places, ids.

Everything here takes the entry's element, None where the entry isn't well-formed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from schemas.article import Picture, Place
from services.ingest.readers.fragments import paragraphs, texts_of
from services.ingest.readers.lines import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MAX_PICTURES: Final = 100
"""Kept of one entry: a long gallery has half as many."""

_MEDIA: Final = ("{http://search.yahoo.com/mrss/}", "{http://search.yahoo.com/mrss}")
_DC: Final = "{http://purl.org/dc/elements/1.1/}"
_ATOM: Final = "{http://www.w3.org/2005/Atom}"
_ATOM_03: Final = "{http://purl.org/atom/ns#}"
_HTML_CONTENTS: Final = frozenset(
    {
        "{http://purl.org/rss/1.0/modules/content/}encoded",
        "content:encoded",  # where the prefix was never declared
        "{http://www.w3.org/1999/xhtml}body",
    }
)
_CONTENTS: Final = _HTML_CONTENTS | {f"{_ATOM}content", f"{_ATOM_03}content"}
_KINDS: Final = {
    **dict.fromkeys(("text", "text/plain"), "text"),
    **dict.fromkeys(("html", "text/html", "xhtml", "application/xhtml+xml"), "html"),
}
_BLANK_LINE: Final = re.compile(r"\n[ \t\r]*\n")
_PLACES: Final = (
    "{http://www.georss.org/georss}featurename",
    "{http://www.georss.org/georss}featureName",
    f"{_DC}coverage",
    "{http://purl.org/dc/terms/}spatial",
    "{http://purl.org/dc/terms/}coverage",
)
_IMAGE: Final = re.compile(r"\.(?:jpe?g|png|gif|webp|avif|tiff?)(?:[?#]|$)", re.IGNORECASE)
_ADDRESS: Final = re.compile(r"(?:mailto:)?[^\s@<>()]{1,100}+@[^\s@<>()]{1,255}")
_MEDIA_TAG: Final = re.compile(r"<(/?)media:")


def without_media(markup: str) -> str:
    """``markup`` with the elements of Media RSS under a name that feedparser doesn't know.

    It would take a picture's description for the article's content, and its title and keywords
    for the article's.
    """
    if "<media:" not in markup:
        return markup
    renamed = _MEDIA_TAG.sub(r"<\1unread:", markup)
    start = re.match(r"<[^\s/>]+", renamed)
    at = start.end() if start else 0
    return f'{renamed[:at]} xmlns:unread="urn:unread"{renamed[at:]}'


def text_of(element: etree._Element | None) -> str:
    """The words of an element, whether they are text, HTML in it or escaped HTML."""
    if element is None:
        return ""
    written = "".join(element.itertext())
    return " ".join(paragraphs(written)) if element.get("type") != "plain" else clean(written)


def has_content(entry: etree._Element) -> bool:
    """Whether the entry has an element for the full content (and not only summaries)."""
    return any(child.tag in _CONTENTS for child in entry)


def take_contents(entry: etree._Element) -> list[tuple[str, ...]]:
    """The paragraphs of each full content that is text; these are taken out of ``entry``.

    They are most of a feed, and feedparser goes through each of them half a dozen times.
    """
    found = []
    for child in list(entry):
        kind = _kind(child) if child.tag in _CONTENTS else None
        if kind is not None:
            entry.remove(child)
            found.append(_paragraphs_of(child, kind))
    return found


def _kind(content: etree._Element) -> str | None:
    if content.tag in _HTML_CONTENTS:
        return "html"
    if content.get("src") is not None or content.get("mode") is not None:
        return None  # not here, or in one of the ways of Atom 0.3: left to feedparser
    return _KINDS.get((content.get("type") or "text").strip().casefold())


def _paragraphs_of(content: etree._Element, kind: str) -> tuple[str, ...]:
    if len(content):
        for element in content.iter(etree.Element):
            element.tag = str(element.tag).rpartition("}")[2].rpartition(":")[2]
        return texts_of(content)
    return paragraphs(content.text or "") if kind == "html" else blocks_of(content.text or "")


def blocks_of(text: str) -> tuple[str, ...]:
    """The paragraphs of a plain text: what blank lines part."""
    return tuple(found for block in _BLANK_LINE.split(text) if (found := clean(block)))


def guid(entry: etree._Element | None) -> tuple[str | None, bool]:
    """The id as given, and whether it may be the page's address (RSS: ``isPermaLink``)."""
    if entry is None:
        return None, True
    found = entry.find("guid")
    if found is None:
        return None, True
    permalink = (found.get("isPermaLink") or "true").strip().casefold() != "false"
    return clean(found.text or "") or None, permalink


def rss_authors(entry: etree._Element | None) -> list[str] | None:
    """The names where RSS's own ``author`` is used, ``address (name)``; None where it isn't.

    feedparser takes the last letters of a long top-level domain for a part of the name.
    """
    plain = [] if entry is None else [found for found in entry.findall("author") if not len(found)]
    if entry is None or not plain:
        return None
    names = [_ADDRESS.sub("", found.text or "").strip(" \n\t()<>") for found in plain]
    return [*filter(None, names), *map(text_of, entry.findall(f"{_DC}creator"))]


def original_link(entry: etree._Element | None) -> str | None:
    """The article's own address, where the feed's links go through FeedBurner."""
    if entry is None:
        return None
    found = entry.find("{http://rssnamespace.org/feedburner/ext/1.0}origLink")
    return clean(found.text or "") or None if found is not None else None


def places(entry: etree._Element | None) -> tuple[Place, ...]:
    """Places that are named; mere coordinates say no name."""
    if entry is None:
        return ()
    names = (text_of(found) for name in _PLACES for found in entry.findall(name))
    return tuple(Place(name=name) for name in dict.fromkeys(names) if name)


# --- Pictures -----------------------------------------------------------------------------


def pictures(entry: etree._Element | None, links: Iterable[dict[str, Any]]) -> tuple[Picture, ...]:
    """Media RSS pictures with caption and credit, then enclosed ones; each address once.

    A thumbnail counts only where it is all there is.
    """
    found = [*_media(entry, "content"), *_enclosed(links)] or _media(entry, "thumbnail")
    by_address: dict[str, Picture] = {}
    for picture in found[:MAX_PICTURES]:
        by_address.setdefault(picture.url or "", picture)
    return tuple(by_address.values())


def _media(entry: etree._Element | None, name: str) -> list[Picture]:
    if entry is None:
        return []
    wanted = [f"{namespace}{name}" for namespace in _MEDIA]
    return [
        Picture(
            caption=_near(element, entry, ("description", "title")),
            credit=_near(element, entry, ("credit", "copyright")),
            url=address,
        )
        for element in entry.iter(*wanted)
        if (address := clean(element.get("url") or ""))
        and (name == "thumbnail" or _is_image(element.attrib, address))
    ]


def _is_image(attributes: Any, address: str) -> bool:
    kind = attributes.get("medium") or attributes.get("type") or ""
    return kind.startswith("image") if kind else bool(_IMAGE.search(address))


def _near(element: etree._Element, entry: etree._Element, names: Sequence[str]) -> str | None:
    """What is said of the picture itself, else of the group that it is in, else of the entry's."""
    for holder in _holders(element, entry):
        for name in names:
            for namespace in _MEDIA:
                if text := text_of(holder.find(f"{namespace}{name}")):
                    return text
    return None


def _holders(element: etree._Element, entry: etree._Element) -> Iterator[etree._Element]:
    holder: etree._Element | None = element
    while holder is not None:
        yield holder
        if holder is entry:
            return
        holder = holder.getparent()


def _enclosed(links: Iterable[dict[str, Any]]) -> list[Picture]:
    return [
        Picture(url=address)
        for link in links
        if link.get("rel") == "enclosure"
        and (address := clean(str(link.get("href") or "")))
        and _is_image({"type": str(link.get("type") or "")}, address)
    ]
