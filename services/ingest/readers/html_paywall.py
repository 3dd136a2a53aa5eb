"""Whether a page shows all of its article, or what stands before a paywall."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lxml import etree

from services.ingest.readers.fragments import texts_of
from services.ingest.readers.html_phrases import SUBSCRIBE, SUBSCRIBE_STEMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lxml.html import HtmlElement

    from schemas.article import Extent
    from services.ingest.readers.html_head import Head
    from services.ingest.readers.html_ld import LinkedData

MAX_CALL: Final = 240
"""Characters of a call to subscribe; a longer paragraph that mentions one is prose."""

SHORT_BODY: Final = 1500
"""Characters: about 250 words. Teasers before a paywall are shorter, articles hardly ever."""

WHOLE_BODY: Final = 2000
"""Characters that speak for the whole text, where the page only says that it isn't free."""

MAX_GATES: Final = 50
"""Elements behind one paywall; a page that marks each paragraph has as many."""

GATED: Final = 400
"""Characters inside the gated part: then it was served with the page."""

SHARE: Final = 0.7
"""Of the declared number of words: below it, part of the text is missing."""

LAST: Final = 3
"""Paragraphs at the end among which a call to subscribe closes the text off."""

_MARKERS: Final = etree.XPath(
    "//*[re:test(concat(@class, ' ', @id), "
    "'(^|[ _-])(paywall|pay-wall|regwall|subscribe-?wall|subscription-?wall|article-?locked"
    "|premium-?wall|tp-modal|piano-offer|offer-?wall|locked-?content|content-?gate)', 'i')]",
    namespaces={"re": "http://exslt.org/regular-expressions"},
)
_BY_CLASS: Final = etree.XPath("//*[contains(concat(' ', normalize-space(@class), ' '), $name)]")
_BY_ID: Final = etree.XPath("//*[@id=$name]")
_SELECTOR: Final = re.compile(r"\s*[\w-]*([.#])([\w-]{1,80})\s*")


@dataclass(frozen=True, slots=True)
class Access:
    """How much of the article is there, and which of the body's paragraphs are the wall's."""

    extent: Extent = "full"
    warnings: tuple[str, ...] = ()
    calls: frozenset[int] = frozenset()


def open_gates(root: HtmlElement, data: LinkedData) -> str | None:
    """Which part behind the paywall came with the page; None where none did.

    Its elements lose their names, which would make extraction take them for an advertisement.
    """
    for part in data.values("hasPart"):
        selector = part.get("cssSelector") if isinstance(part, dict) else None
        match = _SELECTOR.fullmatch(selector) if isinstance(selector, str) else None
        if match is None:
            continue
        elements = _selected(root, match[1], match[2])
        texts = [text for e in elements for text in texts_of(e) if not is_call(text)]
        if sum(map(len, texts)) >= GATED:
            for element in elements:
                element.attrib.clear()
            return f"the part behind the paywall ({match[0].strip()}) is in the page"
    return None


def _selected(root: HtmlElement, kind: str, name: str) -> list[etree._Element]:
    found = _BY_ID(root, name=name) if kind == "#" else _BY_CLASS(root, name=f" {name} ")
    elements = found if isinstance(found, list) else []
    return [e for e in elements[:MAX_GATES] if isinstance(e, etree._Element)]  # noqa: SLF001  (the type's name)


def access_to(
    root: HtmlElement, head: Head, data: LinkedData, body: Sequence[str], served: str | None
) -> Access:
    """Whether ``body`` is the whole article, with the evidence in a warning where it isn't.

    ``served``: what :func:`open_gates` found.
    """
    size = sum(map(len, body))
    closing = {n for n in range(len(body))[-LAST:] if is_call(body[n])}
    declared = _not_free(head, data)
    short = size < SHORT_BODY and data.article.get("isAccessibleForFree") is not True
    if declared is None and not closing and not short:
        return Access()
    if declared and served:
        return Access(warnings=(f"{declared}, but {served}: taken as the full text",))
    evidence = _evidence(root, data, body, closing, size)
    if declared and not evidence and size >= WHOLE_BODY:
        return Access(warnings=(f"{declared}, but nothing says that it is cut: taken as full",))
    found = "; ".join(filter(None, (declared, evidence)))
    if not found:
        return Access()
    return Access(
        "excerpt", (f"only an excerpt, the rest is behind a paywall: {found}",), frozenset(closing)
    )


def is_call(text: str) -> bool:
    """Whether ``text`` asks to subscribe or to log in for the rest."""
    if len(text) > MAX_CALL:
        return False
    lower = text.lower()
    return any(stem in lower for stem in SUBSCRIBE_STEMS) and bool(SUBSCRIBE.search(text))


def _not_free(head: Head, data: LinkedData) -> str | None:
    free = data.article.get("isAccessibleForFree")
    if free is False or (isinstance(free, str) and free.strip().lower() in ("false", "no")):
        return "isAccessibleForFree is false"
    tier = (head.first("article:content_tier") or "").lower()
    return "article:content_tier is locked" if tier == "locked" else None


def _evidence(
    root: HtmlElement, data: LinkedData, body: Sequence[str], closing: set[int], size: int
) -> str | None:
    if closing:
        return f"it ends with '{body[min(closing)][:100]}'"
    words = data.first("wordCount")
    there = sum(len(text.split()) for text in body)
    if words and words.isdecimal() and there < SHARE * int(words[:9]):
        return f"{there} of {words} words"
    if size >= SHORT_BODY:
        return None
    markers = _MARKERS(root)
    for marker in markers if isinstance(markers, list) else ():
        if isinstance(marker, etree._Element):  # noqa: SLF001  (the type's name)
            name = marker.get("id") or marker.get("class") or ""
            return f"a short text, and an element '{name[:60]}'"
    call = next((text for text in texts_of(root) if is_call(text)), None)
    return f"a short text, and '{call[:100]}'" if call else None
