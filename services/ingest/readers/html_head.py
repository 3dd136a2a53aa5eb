"""What a page says of itself in elements: ``<meta>``, ``<link>``, ``<title>``, ``<time>``."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from services.ingest.readers.lines import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml.html import HtmlElement

MAX_ELEMENTS: Final = 3000
"""Elements of these kinds that are looked at: pages have tens, a page of thousands is a list."""

MAX_VALUE: Final = 10_000
"""Characters of one value; a longer one is no name, title or description."""

MAX_URL: Final = 2048
"""Characters of an address; what is longer no browser of old and no cache would have taken."""

_ENTITY: Final = re.compile(r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[a-zA-Z]{2,31});")
_TAG: Final = re.compile(r"</?[a-zA-Z][^<>]{0,500}>")
_LD_JSON: Final = re.compile(r"\s*application/ld\+json\b", re.IGNORECASE)


@dataclass(slots=True)
class Head:
    """The values that were found, in the page's order, by their name in lower case."""

    meta: dict[str, list[str]] = field(default_factory=dict)
    links: dict[str, list[str]] = field(default_factory=dict)
    items: dict[str, list[str]] = field(default_factory=dict)
    """Microdata: what elements with an ``itemprop`` say outside their text."""
    scripts: list[str] = field(default_factory=list)
    times: list[HtmlElement] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)
    title: str = ""
    base: str = ""
    language: str = ""
    is_amp: bool = False

    def all(self, *names: str) -> Iterator[str]:
        """The values of ``<meta>`` of these names (``property``, ``name``), name by name."""
        for name in names:
            yield from self.meta.get(name, ())

    def first(self, *names: str) -> str | None:
        """The first value of these names, None where there is none."""
        return next(self.all(*names), None)


def read_head(root: HtmlElement) -> Head:
    """Everything of the kind in ``root``, also where it stands in the body."""
    head = Head()
    head.language = clean(root.get("lang") or root.get("xml:lang") or "")
    head.is_amp = root.get("amp") is not None or root.get("\u26a1") is not None
    found = root.iter("meta", "link", "title", "base", "script", "time", "h1")
    for _, element in zip(range(MAX_ELEMENTS), found, strict=False):
        _TAKERS[str(element.tag)](head, element)
    return head


def _take_meta(head: Head, element: HtmlElement) -> None:
    content = element.get("content")
    if not content or len(content) > MAX_VALUE:
        return
    value = plain(content)
    for attribute in ("property", "name", "http-equiv"):
        name = element.get(attribute)
        if name and value:
            head.meta.setdefault(name.strip().lower(), []).append(value)
    if value and (item := element.get("itemprop")):
        head.items.setdefault(item.strip().lower(), []).append(value)


def _take_link(head: Head, element: HtmlElement) -> None:
    target = element.get("href")
    if target:
        for relation in (element.get("rel") or "").lower().split():
            head.links.setdefault(relation, []).append(target)


def _take_title(head: Head, element: HtmlElement) -> None:
    # A drawing has a title too.
    parent = element.getparent()
    if not head.title and (parent is None or parent.tag != "svg"):
        head.title = plain(element.text_content()[:MAX_VALUE])


def _take_base(head: Head, element: HtmlElement) -> None:
    head.base = head.base or (element.get("href") or "")


def _take_script(head: Head, element: HtmlElement) -> None:
    if element.text and _LD_JSON.match(element.get("type") or ""):
        head.scripts.append(element.text)


def _take_time(head: Head, element: HtmlElement) -> None:
    head.times.append(element)
    value = clean(element.get("datetime") or element.get("content") or "")
    if value and (item := element.get("itemprop")):
        head.items.setdefault(item.strip().lower(), []).append(value)


def _take_heading(head: Head, element: HtmlElement) -> None:
    if text := clean(" ".join(element.itertext())[:MAX_VALUE]):
        head.headings.append(text)


_TAKERS: Final = {
    "meta": _take_meta,
    "link": _take_link,
    "title": _take_title,
    "base": _take_base,
    "script": _take_script,
    "time": _take_time,
    "h1": _take_heading,
}


def plain(text: str) -> str:
    """A value of metadata as people read it.

    Publishers escape twice (``&amp;#8217;``) and leave tags in: neither is ever meant.
    """
    if "&" in text and _ENTITY.search(text):
        text = html.unescape(text)
    if "<" in text:
        text = _TAG.sub("", text)
    return clean(text)


def web_address(target: str | None, base: str | None) -> str | None:
    """``target`` as an absolute address of the web, None where it is none."""
    target = clean(target or "")
    if not target or len(target) > MAX_URL:
        return None
    try:
        absolute = urljoin(base, target) if base else target
        parts = urlsplit(absolute)
        has_host = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return None
    return absolute.replace(" ", "%20") if has_host else None
