"""The visible text of XHTML and NITF elements: paragraphs, and the pictures among them.

The elements' names are without namespaces (see ``xml_reader``).  Nothing here recurses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from lxml import etree

from schemas.article import Picture, SourceLine
from services.ingest.readers.lines import clean, paragraphs, same, split, wrap_width

if TYPE_CHECKING:
    from schemas.article import SetApartKind

_BLOCKS: Final = frozenset({
    # XHTML
    "address", "article", "aside", "blockquote", "body", "br", "caption", "center", "dd", "div",
    "dl", "dt", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6",
    "header", "hr", "html", "li", "main", "nav", "ol", "p", "pre", "section", "table", "tbody",
    "td", "tfoot", "th", "thead", "tr", "ul",
    # NITF
    "abstract", "block", "body.content", "body.end", "body.head", "bq", "credit", "custom-table",
    "datasource", "dateline", "fn", "hedline", "hl1", "hl2", "media", "nitf-table", "note",
    "table-reference",
})  # fmt: skip
"""Elements at whose start and end a paragraph ends."""

_UNSEEN: Final = frozenset({
    "audio", "canvas", "embed", "head", "iframe", "math", "noscript", "object", "script", "style",
    "svg", "template", "video", "alt-code", "classifier", "key-list", "media-metadata",
    "media-object", "nitf-colgroup", "nitf-table-metadata", "tobject",
})  # fmt: skip
_APART: Final[dict[str, SetApartKind]] = {
    "byline": "byline",
    "copyrite": "copyright",
    "note": "front_matter",
    "tagline": "byline",
    "bibliography": "related",
}
"""Parts of NITF that are written for the desk or the foot of the page and not for the text."""

_BEFORE_SIGN: Final = re.compile(r" (?=[.,)](?:\s|$))")

_CELLS: Final = frozenset({"td", "th"})
_IMAGES: Final = ("img", "image", "picture")
_PICTURE_TYPES: Final = frozenset({"", "image", "photo", "picture", "graphic", "illustration"})


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph, the name of the element that it stands in, and its line of the file."""

    text: str
    tag: str
    line: int


@dataclass(slots=True)
class Flow:
    """What an element shows, in order."""

    paragraphs: list[Paragraph] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    apart: list[SourceLine] = field(default_factory=list)

    def set_apart(self, kind: SetApartKind, text: str, line: int) -> None:
        """Keep a text that isn't part of the article's."""
        if text := clean(text):
            self.apart.append(SourceLine(kind=kind, text=text, line=max(1, line)))

    def take_headline(self, headline: str | None) -> None:
        """Set a heading apart that only repeats ``headline`` above the text."""
        first = self.paragraphs[0] if self.paragraphs else None
        if first and headline and same(first.text) == same(headline):
            del self.paragraphs[0]
            self.set_apart("duplicate_headline", first.text, first.line)

    def texts(self) -> list[str]:
        """The paragraphs' texts."""
        return [paragraph.text for paragraph in self.paragraphs]


def text_of(element: etree._Element | None) -> str:
    """All text of ``element``, cleaned; empty where there is none."""
    if element is None:
        return ""
    return clean(" ".join("".join(element.itertext()).split("\n")))


def spaced_text(element: etree._Element | None) -> str:
    """All text of ``element`` with a space between its children's, as lines of a head need."""
    if element is None:
        return ""
    return _BEFORE_SIGN.sub("", clean(" ".join(element.itertext())))


def plain_paragraphs(text: str) -> list[str]:
    """The paragraphs of a plain text; lines that a wrap had parted are joined."""
    lines = split(text)
    return [line.text for line in paragraphs(lines, wrap_width(lines))]


def flow(root: etree._Element, above: int = 0) -> Flow:
    """What ``root`` shows; ``above``: lines of the file before the text that it was parsed from."""
    gathering = _Gathering(above)
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        tag = str(element.tag).lower()
        if event == "start":
            if gathering.aside(element, tag):
                walk.skip_subtree()
            else:
                gathering.start(element, tag)
        else:
            gathering.end(element, tag)
            if element.tail and element is not root:
                gathering.add(element.tail)
    gathering.finish()
    return gathering.flow


class _Gathering:
    """The paragraph that is being put together, or the row of a table."""

    def __init__(self, above: int) -> None:
        self.flow = Flow()
        self.pieces: list[str] = []
        self._above = above
        self._tag, self._line = "", above + 1
        self._row: list[str] | None = None
        self._rows = 0

    def aside(self, element: etree._Element, tag: str) -> bool:
        """Whether ``element`` is no running text; pictures and notes are kept elsewhere."""
        line = self._above + (element.sourceline or 1)
        if tag in _UNSEEN:
            return True
        if kind := _APART.get(tag):
            self.flow.set_apart(kind, spaced_text(element), line)
        elif tag == "media":
            self._media(element, line)
        elif tag in _IMAGES or (tag == "figure" and next(element.iter(*_IMAGES), None) is not None):
            self.flow.pictures.append(_figure(element))
        elif tag == "pre":
            self._break(element, tag)
            for text in plain_paragraphs("".join(element.itertext())):
                self.flow.paragraphs.append(Paragraph(text, tag, line))
        else:
            return False
        return True

    def _media(self, element: etree._Element, line: int) -> None:
        kind = (element.get("media-type") or "").lower()
        if kind in _PICTURE_TYPES:
            self.flow.pictures.append(_nitf_picture(element))
        else:
            self.flow.set_apart("image", spaced_text(element), line)

    def add(self, text: str) -> None:
        if self.pieces or not text.isspace():  # most of it is white space between two blocks
            self.pieces.append(text)

    def start(self, element: etree._Element, tag: str) -> None:
        if tag == "tr":
            self._rows += 1
            if self._rows == 1:
                self._break(element, tag)
                self._row = []
        elif tag in _BLOCKS:
            self._break(element, tag)
        if element.text:
            self.add(element.text)

    def end(self, element: etree._Element, tag: str) -> None:
        if tag == "tr" and self._rows:
            self._rows -= 1
            if self._rows == 0:
                self._end_row()
        if tag in _BLOCKS:
            self._break(element, "")

    def finish(self) -> None:
        if self._row is not None:
            self._end_row()
        self._emit()

    def _end_row(self) -> None:
        self._end_cell()
        text = " | ".join(self._row or ())
        self._row, self.pieces = None, [text]
        self._emit()

    def _break(self, element: etree._Element, tag: str) -> None:
        if self._row is None:
            self._emit()
            self._tag, self._line = tag, self._above + (element.sourceline or 1)
        elif tag in _CELLS and self._rows == 1:
            self._end_cell()
        else:
            self.pieces.append(" ")

    def _end_cell(self) -> None:
        if (cell := clean("".join(self.pieces))) and self._row is not None:
            self._row.append(cell)
        self.pieces = []

    def _emit(self) -> None:
        if self.pieces and (text := clean("".join(self.pieces))):
            self.flow.paragraphs.append(Paragraph(text, self._tag, self._line))
        self.pieces = []


def _figure(element: etree._Element) -> Picture:
    image = element if element.tag in _IMAGES else next(element.iter(*_IMAGES))
    image = next(element.iter("img"), image)
    caption = next(element.iter("figcaption", "caption"), None)
    return Picture(
        caption=text_of(caption) or clean(image.get("alt") or "") or None,
        url=clean(image.get("src") or image.get("href") or "") or None,
    )


def _nitf_picture(element: etree._Element) -> Picture:
    references = element.findall("media-reference")
    sources = (clean(r.get("source") or "") for r in references)
    texts = (clean(r.get("alternate-text") or "") for r in references)
    captions = (spaced_text(caption) for caption in element.findall("media-caption"))
    return Picture(
        caption=" ".join(filter(None, captions)) or next(filter(None, texts), None),
        credit=spaced_text(element.find("media-producer")) or None,
        url=next(filter(None, sources), None),
    )
