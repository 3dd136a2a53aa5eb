"""HTML fragments (the body of a feed entry, of a ninjs item, of a mail) as paragraphs of text.

What becomes a paragraph of its own: each block element (``p``, ``div``, headings, ``li``,
``blockquote``, ``figcaption``, ``caption``, ``dt``, ``dd``, …), and text between blocks.

* **Line breaks.**  ``<br>`` ends a line, as a newline in ``<pre>`` does.  Lines that were
  hard-wrapped (mail at 72 columns) or broken in mid-sentence are joined again; otherwise each
  is a paragraph.  In a heading a ``<br>`` is a space.
* **Tables.**  A row of data is one paragraph, its cells joined by " | "; a row whose cells
  hold blocks is layout, and each block of it a paragraph.
* **Not text:** scripts, styles, templates, frames, drawings, the fallback of media players,
  and what ``hidden`` or ``display:none`` hides (a newsletter's preview line).  Text that an
  image only has as its ``alt`` isn't taken either.
* **Entities** are resolved once: ``&amp;lt;`` is the four letters ``&lt;``.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from lxml import etree

from services.ingest.readers.html_tree import parse
from services.ingest.readers.lines import Line, clean, ends_sentence, wrap_width
from services.ingest.readers.lines import paragraphs as joined

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_CELLS: Final = frozenset({"td", "th", "cell"})
_HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_BLOCKS: Final = frozenset({
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details",
    "dialog", "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form",
    "header", "hr", "html", "legend", "li", "main", "menu", "nav", "ol", "option", "p", "pre",
    "section", "summary", "table", "tbody", "tfoot", "thead", "title", "ul",
    # What trafilatura makes of them
    "item", "list", "quote", "code",
}) | _HEADINGS  # fmt: skip
"""Elements at whose start and end a paragraph ends."""

_UNSEEN: Final = frozenset({
    "audio", "canvas", "datalist", "head", "iframe", "noframes", "noscript", "object", "script",
    "style", "svg", "template", "textarea", "title", "video",
})  # fmt: skip
_BREAKS: Final = frozenset({"br", "lb"})
_ROWS: Final = frozenset({"tr", "row"})
_LAYOUT: Final = tuple(_BLOCKS | _ROWS)

_HIDES: Final = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_BLANK_LINE: Final = re.compile(r"\n[^\S\n]*\n")
_TAG: Final = re.compile(r"<[a-zA-Z/!?]")

# Neither can be in what lxml gives.
_LINE_END: Final = "\x1e"
_CELL_END: Final = "\x1f"


def paragraphs(fragment: str) -> tuple[str, ...]:
    """The visible text of an HTML fragment, one paragraph per element; never raises.

    What is no HTML at all is one paragraph per blank-line-separated block.
    """
    if not _TAG.search(fragment):
        text = html.unescape(fragment)
        return tuple(found for block in _BLANK_LINE.split(text) if (found := clean(block)))
    tree = parse(f"<html><body>{fragment}</body></html>")
    return () if tree is None else texts_of(tree.root)


def texts_of(root: etree._Element, without: Collection[str] = ()) -> tuple[str, ...]:
    """The paragraphs of a parsed tree, or of a part of it (without the text after it).

    ``without``: elements that are left out with all that is in them.
    """
    collected = _Collected()
    skipped: etree._Element | None = None
    # Without recursion: hostile markup nests deep.
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        if event == "start" and (element.tag in without or _is_unseen(element, root)):
            skipped = element
            walk.skip_subtree()
        elif event == "start":
            collected.start(element)
        elif element is skipped:
            collected.skip(element)
            collected.after(element)
        else:
            collected.end(element)
            if element is not root:
                collected.after(element)
    return tuple(text for piece in collected.pieces() for text in _lines_of(piece))


def _is_unseen(element: etree._Element, root: etree._Element) -> bool:
    if element.tag in _UNSEEN:
        # trafilatura calls a heading "head"
        return element.tag != "head" or element.getparent() is None or element.get("rend") is None
    if element is root or not element.attrib:
        return False
    style = element.get("style")
    return element.get("hidden") is not None or (style is not None and bool(_HIDES.search(style)))


@dataclass
class _Collected:
    """Pieces of text between the edges of blocks."""

    done: list[str] = field(default_factory=list)
    current: list[str] = field(default_factory=list)
    pre: int = 0
    heading: int = 0
    row: etree._Element | None = None

    def pieces(self) -> list[str]:
        self.flush()
        return self.done

    def flush(self) -> None:
        if self.current:
            self.done.append("".join(self.current))
            self.current = []

    def start(self, element: etree._Element) -> None:
        tag = element.tag
        if tag in _ROWS:
            self.flush()
            if next(element.iterdescendants(*_LAYOUT), None) is None:
                self.row = element
        elif tag in _BLOCKS or tag in _CELLS or tag == "head":
            self._edge(tag)
        self.pre += tag == "pre"
        self.heading += tag in _HEADINGS
        if element.text and isinstance(tag, str):
            self._add(element.text)

    def end(self, element: etree._Element) -> None:
        tag = element.tag
        if tag in _BREAKS:
            self.current.append(" " if self.heading or self.row is not None else _LINE_END)
        elif tag in _ROWS:
            self.flush()
            self.row = None
        elif tag in _BLOCKS or tag in _CELLS or tag == "head":
            self._edge(tag)
        self.pre -= tag == "pre"
        self.heading -= tag in _HEADINGS

    def skip(self, element: etree._Element) -> None:
        """A hidden block parts the text around it all the same."""
        if element.tag in _BLOCKS or element.tag in _CELLS:
            self._edge(element.tag)

    def after(self, element: etree._Element) -> None:
        """The text that follows ``element``, which may have been skipped."""
        if element.tail:
            self._add(element.tail)

    def _edge(self, tag: object) -> None:
        if self.row is None:
            self.flush()
        elif tag in _CELLS:
            self.current.append(_CELL_END)

    def _add(self, text: str) -> None:
        self.current.append(text.replace("\n", _LINE_END) if self.pre else text)


def _lines_of(piece: str) -> Iterator[str]:
    if _CELL_END in piece:
        cells = [found for cell in piece.split(_CELL_END) if (found := clean(cell))]
        yield from filter(None, [" | ".join(cells)])
    elif _LINE_END not in piece:
        yield from filter(None, [clean(piece)])
    else:
        lines = [
            Line(number, found)
            for number, line in enumerate(piece.split(_LINE_END), start=1)
            if (found := clean(line))
        ]
        yield from _in_sentences(joined(lines, wrap_width(lines)))


def _in_sentences(lines: list[Line]) -> Iterator[str]:
    """The texts of ``lines``, those joined that were broken within a sentence."""
    parts: list[Line] = []
    for line in lines:
        if parts and not _goes_on(parts[-1], line):
            yield " ".join(part.text for part in parts)
            parts = []
        parts.append(line)
    if parts:
        yield " ".join(part.text for part in parts)


def _goes_on(line: Line, following: Line) -> bool:
    adjacent = max(line.number, line.last) + 1 == following.number
    return adjacent and following.text[0].islower() and not ends_sentence(line.text)
