"""HTML fragments (the body of a feed entry, of a ninjs item, of a mail) as paragraphs of text."""

from __future__ import annotations

import re
from typing import Final

from lxml import etree, html

from services.ingest.readers.lines import clean

_BLOCKS: Final = frozenset({
    "address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "figcaption",
    "figure", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav",
    "ol", "p", "pre", "section", "table", "td", "th", "tr", "ul",
})  # fmt: skip
"""Elements at whose start and end a paragraph ends."""

_REFUSED: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")

_UNSEEN: Final = frozenset({"script", "style", "template", "noscript", "head", "iframe", "svg"})


def paragraphs(fragment: str) -> tuple[str, ...]:
    """The visible text of an HTML fragment, one paragraph per element; never raises.

    What is no HTML at all is one paragraph per blank-line-separated block.
    """
    text = clean_nul(fragment)
    if "<" not in text and "&" not in text:
        return tuple(found for block in text.split("\n\n") if (found := clean(block)))
    try:
        root = html.fragment_fromstring(text, create_parent="div")
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        found = clean(text)
        return (found,) if found else ()
    pieces: list[list[str]] = [[]]
    _collect(root, pieces)
    return tuple(found for piece in pieces if (found := clean("".join(piece))))


def clean_nul(text: str) -> str:
    """``text`` without what lxml refuses: NUL, other controls, lone surrogates."""
    return _REFUSED.sub("", text)


def _collect(root: html.HtmlElement, pieces: list[list[str]]) -> None:
    # Without recursion: hostile markup nests thousands deep.
    for event, element in etree.iterwalk(root, events=("start", "end")):
        tag = element.tag if isinstance(element.tag, str) else ""
        hidden = tag in _UNSEEN or any(a.tag in _UNSEEN for a in element.iterancestors())
        if tag in _BLOCKS:
            pieces.append([])
        if event == "start":
            if element.text and tag and not hidden:
                pieces[-1].append(element.text)
        elif element.tail and element is not root:
            pieces[-1].append(element.tail)
