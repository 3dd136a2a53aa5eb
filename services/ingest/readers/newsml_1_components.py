"""The tree of components of a NewsML 1.x item: which hold its text, and which its pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.article import Picture
from services.ingest.readers.lines import clean, same
from services.ingest.readers.newsml_1_metadata import formal_name
from services.ingest.readers.xml_content import content_story, decoded_base64
from services.ingest.readers.xml_text import spaced_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lxml import etree

    from services.ingest.readers.base import Limits
    from services.ingest.readers.xml_reader import Parsed
    from services.ingest.readers.xml_story import Story

_PICTURES: Final = frozenset({"photo", "picture", "graphic", "image"})
_MEDIA: Final = _PICTURES | {"video", "audio", "animation", "music"}


class Components:
    """The components of one NewsItem, each for its text, its pictures or what it says."""

    def __init__(self, root: etree._Element, parsed: Parsed, limits: Limits) -> None:
        self._parsed = parsed
        self._limits = limits
        self._all = list(root.iter("NewsComponent"))
        self._texts = [c for c in root.iter("ContentItem") if self._is_text(c)]
        self._with_text = _ancestors(self._texts)
        self._with_media = _ancestors(c for c in root.iter("ContentItem") if _is_media(c))
        self._groups = self._picture_groups()

    def _is_text(self, item: etree._Element) -> bool:
        has_data = next(item.iter("DataContent"), None) is not None
        return has_data and not _is_media(item) and not _is_caption(item)

    def _picture_groups(self) -> list[etree._Element]:
        """The outermost components that hold pictures and no text."""
        chosen: dict[etree._Element, bool] = {}
        for component in self._all:  # parents before children
            parent = component.getparent()
            inside = parent is not None and parent in chosen
            is_group = component in self._with_media and component not in self._with_text
            if is_group or inside:
                chosen[component] = not inside
        self._in_groups = set(chosen)
        return [component for component, outermost in chosen.items() if outermost]

    def told(self) -> list[etree._Element]:
        """The components whose lines and metadata are the story's own.

        Those of a picture are not, unless there is nothing else.
        """
        return [c for c in self._all if c not in self._in_groups] or self._all

    def read_content(self, found: Story) -> None:
        """Take the text of each set of equivalents once, and the pictures."""
        done: set[etree._Element] = set()
        for item in self._texts:
            alternatives = _equivalents(item)
            if alternatives is not None and alternatives in done:
                self._parsed.notes.add("more renditions of the text left out")
                continue
            told = self._content(item, found.headline)
            if told.body or told.headline:
                if alternatives is not None:
                    done.add(alternatives)
                self._join(found, told, item)
        for group in self._groups:
            found.pictures.extend(self._pictures(group))
        if not found.body and found.pictures and not self._texts:
            found.body = [p.caption for p in found.pictures if p.caption]

    def _join(self, found: Story, told: Story, item: etree._Element) -> None:
        own = spaced_text(_own_headline(item))
        if not found.body:
            found.pictures.extend(told.pictures)
            found.complete(told)
            return
        if own and same(own) != same(found.headline or ""):
            found.body.append(own)  # a second text: its own headline is its crosshead
        found.body.extend(told.body)
        found.pictures.extend(told.pictures)
        found.set_apart.extend(told.set_apart)

    def _content(self, item: etree._Element, headline: str | None) -> Story:
        mime = formal_name(item.find("MimeType")) or formal_name(item.find("Format"))
        holder = next(item.iter("DataContent"))
        encoding = item.find(".//Encoding")
        notation = "" if encoding is None else (encoding.get("Notation") or "")
        if "base64" in notation.lower():
            holder.text = decoded_base64(holder, self._limits)
        elif notation:
            self._parsed.notes.add(f"content in the encoding '{notation[:40]}' left as it is")
        return content_story(holder, mime, self._parsed, headline)

    def _pictures(self, group: etree._Element) -> list[Picture]:
        """One picture for a group, whose media are its sizes; one each where they are equals."""
        inner = [c for c in group.iterchildren("NewsComponent") if c in self._with_media]
        captioned = [c for c in inner if _caption(c)]
        if len(captioned) > 1:
            return [_picture(component) for component in captioned]
        return [_picture(group)]


def _picture(group: etree._Element) -> Picture:
    media = [c for c in group.iter("ContentItem") if _is_media(c)]
    addresses = (clean(m.get("Href") or m.get("Url") or "") for m in media)
    lines = (
        spaced_text(line)
        for name in ("CreditLine", "ByLine", "CopyrightLine")
        for line in group.iterfind(f".//NewsLines/{name}")
    )
    return Picture(
        caption=_caption(group) or None,
        credit=next(filter(None, lines), None),
        url=next(filter(None, addresses), None),
    )


def _caption(group: etree._Element) -> str:
    """The caption: a text with that role, else a text of the picture's own, else its headline."""
    items = [c for c in group.iter("ContentItem") if _is_caption(c)]
    items += [c for c in group.iter("ContentItem") if _is_media(c)]
    written = (spaced_text(data) for item in items for data in item.iter("DataContent"))
    headlines = (spaced_text(line) for line in group.iterfind(".//NewsLines/HeadLine"))
    return next(filter(None, written), "") or next(filter(None, headlines), "")


def _is_media(item: etree._Element) -> bool:
    kind = formal_name(item.find("MediaType")).lower().rpartition(":")[2]
    mime = formal_name(item.find("MimeType")).lower()
    return kind in _MEDIA or mime.startswith(("image/", "video/", "audio/"))


def _is_caption(item: etree._Element) -> bool:
    parent = item.getparent()
    role = "" if parent is None else formal_name(parent.find("Role"))
    return "caption" in role.lower()


def _own_headline(item: etree._Element) -> etree._Element | None:
    parent = item.getparent()
    return None if parent is None else parent.find("NewsLines/HeadLine")


def _equivalents(item: etree._Element) -> etree._Element | None:
    """The component whose children all say the same, of which ``item`` is part."""
    component = next(item.iterancestors("NewsComponent"), None)
    for each in (component, None if component is None else component.getparent()):
        if each is not None and (each.get("EquivalentsList") or "").lower() == "yes":
            return each
    # The content items of one component are renditions of one another.
    return component


def _ancestors(items: Iterable[etree._Element]) -> set[etree._Element]:
    """Every component that one of ``items`` is in."""
    found: set[etree._Element] = set()
    for item in items:
        for component in item.iterancestors("NewsComponent"):
            if component in found:
                break
            found.add(component)
    return found
