"""JSON-LD in pages: schema.org's article among what publishers put around it.

Tolerated: several scripts, lists, ``@graph``, references by ``@id``, values escaped as HTML,
comments and CDATA around the JSON, raw line breaks in strings, trailing commas, several values
in one script, and damage after the first of them.
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from services.ingest.readers.html_head import MAX_VALUE, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_NODES: Final = 5000
"""Objects looked at in one page: a live blog of a day has hundreds."""

MAX_TEXTS: Final = 200
"""Values of one property: authors, keywords."""

_ARTICLES: Final = frozenset({
    "article", "newsarticle", "reportagenewsarticle", "analysisnewsarticle", "report",
    "backgroundnewsarticle", "opinionnewsarticle", "reviewnewsarticle", "askpublicnewsarticle",
    "advertisercontentarticle", "satiricalarticle", "scholarlyarticle", "techarticle",
    "blogposting", "liveblogposting", "socialmediaposting", "pressrelease",
})  # fmt: skip
_LISTS: Final = frozenset({"collectionpage", "itemlist", "searchresultspage"})
MANY_ARTICLES: Final = 3
"""Articles side by side, none with the page's own address: the page lists them."""

_OPENS: Final = ("@graph", "mainEntity", "mainEntityOfPage", "@list", "@set")
"""Where the page's own article may stand; anywhere else it is another one."""

_WRAPPING: Final = re.compile(
    r"^\s*(?:<!--|//\s*<!\[CDATA\[|/\*\s*<!\[CDATA\[\s*\*/|<!\[CDATA\[)"
    r"|(?://\s*)?(?:-->|\]\]>)\s*;?\s*$|/\*\s*\]\]>\s*\*/\s*$|;\s*$"
)
_TRAILING_COMMA: Final = re.compile(r",(?=\s*[}\]])")
_CHARACTERS: Final = re.compile(r"&(?:quot|#34|#x22);", re.IGNORECASE)

Node = dict[str, Any]


@dataclass(slots=True)
class LinkedData:
    """What the page's scripts hold: the one article, and everything by its ``@id``."""

    article: Node = field(default_factory=dict)
    kinds: frozenset[str] = frozenset()
    """Types of everything at the top, in lower case without their vocabulary."""
    by_id: dict[str, Node] = field(default_factory=dict)
    others: int = 0
    """Articles beside it."""
    warnings: list[str] = field(default_factory=list)

    def values(self, name: str, node: Node | None = None) -> list[Any]:
        """The values of a property of the article (or of ``node``), references resolved."""
        value = (self.article if node is None else node).get(name)
        given = value if isinstance(value, list) else [value]
        return [self._resolved(item) for item in given[:MAX_TEXTS] if item is not None]

    def texts(self, name: str, node: Node | None = None) -> list[str]:
        """The texts (or the names of the things) of a property."""
        return [text for value in self.values(name, node) if (text := self.text(value))]

    def first(self, *names: str) -> str | None:
        """The first text among these properties of the article."""
        return next((text for name in names for text in self.texts(name)), None)

    def text(self, value: object) -> str | None:
        """A value as text: a string, a number, or the name of a thing."""
        if isinstance(value, dict):
            named = value.get("name") or value.get("@value") or value.get("headline")
            value = named[0] if isinstance(named, list) and named else named
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return None
        return plain(str(value)[:MAX_VALUE]) or None

    def address(self, value: object) -> str | None:
        """A value as an address: a string, or a thing's ``url`` or ``@id``."""
        if isinstance(value, dict):
            given = (value.get(key) for key in ("url", "contentUrl", "@id"))
            value = next((text for text in given if isinstance(text, str)), None)
        return value if isinstance(value, str) else None

    @property
    def is_list(self) -> bool:
        """Whether the page is a list of others by its own word."""
        return not self.article and (self.others >= MANY_ARTICLES or bool(self.kinds & _LISTS))

    def _resolved(self, value: object) -> object:
        if isinstance(value, dict) and isinstance(value.get("@id"), str) and "name" not in value:
            return self.by_id.get(value["@id"], value)
        return value


def read_scripts(scripts: Sequence[str], addresses: Sequence[str]) -> LinkedData:
    """The linked data of a page; ``addresses``: its own, which tell its article from others."""
    data = LinkedData()
    roots: list[Any] = []
    for number, script in enumerate(scripts, start=1):
        values, problem = _load(script)
        roots.extend(values)
        if problem:
            data.warnings.append(f"JSON-LD script {number}: {problem}")
    for node in _everything(roots):
        if isinstance(node.get("@id"), str) and len(node) > 1:
            data.by_id.setdefault(node["@id"], node)
    tops = list(_tops(roots))
    data.kinds = frozenset(kind for node in tops for kind in kinds_of(node))
    articles = [node for node in tops if kinds_of(node) & _ARTICLES]
    data.article = _chosen(articles, set(addresses)) or {}
    data.others = len(articles) - bool(data.article)
    return data


def kinds_of(node: Node) -> frozenset[str]:
    """The types of ``node``, lower case, without the vocabulary before them."""
    given = node.get("@type")
    kinds = given if isinstance(given, list) else [given]
    return frozenset(
        re.split(r"[/:#]", kind)[-1].lower() for kind in kinds if isinstance(kind, str)
    )


def _load(script: str) -> tuple[list[Any], str | None]:
    """The values of one script, and what is wrong with it."""
    text = _WRAPPING.sub("", _WRAPPING.sub("", script)).strip()
    if not text:
        return [], None
    attempts = [text, _TRAILING_COMMA.sub("", text)]
    if _CHARACTERS.search(text) and '"' not in text[:20]:
        attempts.insert(0, html.unescape(text))
    values: list[Any] = []
    problem: str | None = None
    for attempt in attempts:
        values, problem = _decoded(attempt)
        if problem is None:
            return values, None
    return values, problem


def _decoded(text: str) -> tuple[list[Any], str | None]:
    decoder = json.JSONDecoder(strict=False)
    values: list[Any] = []
    at = 0
    while at < len(text):
        try:
            value, end = decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            return values, f"not valid JSON at character {error.pos + 1} ({error.msg})"
        except (ValueError, RecursionError) as error:
            return values, f"not read: {type(error).__name__}"
        values.append(value)
        at = end
        while at < len(text) and text[at] in " \t\r\n,;":
            at += 1
    return values, None


def _everything(roots: Sequence[Any]) -> Iterator[Node]:
    """Every object at any depth, at most :data:`MAX_NODES`."""
    waiting: list[Any] = list(reversed(roots))
    seen = 0
    while waiting and seen < MAX_NODES:
        value = waiting.pop()
        if isinstance(value, dict):
            seen += 1
            yield value
            waiting.extend(v for v in value.values() if isinstance(v, dict | list))
        elif isinstance(value, list):
            waiting.extend(reversed(value[:MAX_NODES]))


def _tops(roots: Sequence[Any]) -> Iterator[Node]:
    """The objects that speak of the page itself, in order."""
    waiting: list[Any] = list(reversed(roots))
    seen = 0
    while waiting and seen < MAX_NODES:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(reversed(value[:MAX_NODES]))
        elif isinstance(value, dict):
            seen += 1
            yield value
            waiting.extend(value[key] for key in reversed(_OPENS) if key in value)


def _chosen(articles: Sequence[Node], addresses: set[str]) -> Node | None:
    """The page's own article: the one with its address, else the first that has a headline."""
    own = (node for node in articles if addresses & set(_addresses(node)))
    if (found := next(own, None)) is not None:
        return found
    titled = [node for node in articles if node.get("headline") or node.get("name")]
    return titled[0] if titled and len(titled) < MANY_ARTICLES else None


def _addresses(node: Node) -> Iterator[str]:
    for name in ("url", "@id", "mainEntityOfPage"):
        value = node.get(name)
        value = value.get("@id") if isinstance(value, dict) else value
        if isinstance(value, str):
            yield value.partition("#")[0]
