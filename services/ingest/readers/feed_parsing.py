"""feedparser, with nothing switched on that a file from strangers could use, and what it gives."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import feedparser
import feedparser.api

from services.ingest.readers.lines import clean

if TYPE_CHECKING:
    from lxml import etree

# It asks for a parser of this name at each parse, which is a search through the import path, and
# where the operating system has one it would be used: the same bytes must give the same result.
feedparser.api.PREFERRED_XML_PARSERS.clear()

LOOSE_CHARS: Final = 512 * 1024
"""The longest entry that is read although it isn't well-formed: the parser for those takes
seconds for a megabyte of stray markup. An article of 5,000 words has 40,000 characters."""


class NoArticle(Exception):  # noqa: N818  (named for what is said in its stead: a BadRecord)
    """The entry can't become an article: ``reason`` and ``advice`` for the receipt."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.advice = advice


@dataclass(frozen=True, slots=True)
class Feed:
    """What the feed itself says, for all of its entries.

    An entry is parsed between ``opening`` and ``closing``, the tags that it stands within: so
    namespaces, languages and base addresses hold for it.  ``encoding`` is that of the entries'
    bytes; ``transcoded``: what the file is in, where that is another.
    """

    format: str
    encoding: str
    transcoded: str | None
    atom: bool
    opening: str
    closing: str
    provider: str | None = None
    language: str | None = None
    rights: str | None = None
    link: str | None = None
    warnings: tuple[str, ...] = ()


def loosely_parsed(markup: str) -> feedparser.FeedParserDict:
    """What feedparser makes of ``markup``: no network, no sanitising, nothing resolved.

    The texts are reduced to their words afterwards, so what is dangerous in HTML goes there.
    """
    return feedparser.parse(
        io.BytesIO(markup.encode("utf-8", "replace")),
        sanitize_html=False,
        resolve_relative_uris=False,
    )


@dataclass(slots=True)
class Entry:
    """An entry while its fields are taken.

    ``element``: None where it isn't well-formed.  ``contents``: the paragraphs of each full
    content that was taken from it.
    """

    feed: Feed
    values: dict[str, Any]
    element: etree._Element | None
    contents: list[tuple[str, ...]]
    warnings: list[str]

    def text(self, key: str) -> str | None:
        """A plain field; elements of other namespaces may have put a mapping in its place."""
        value = self.values.get(key)
        return (clean(value) or None) if isinstance(value, str) else None

    def mapping(self, key: str) -> dict[str, Any]:
        """A field with parts, such as a text with its type; empty where there is none."""
        value = self.values.get(key)
        return dict(value) if isinstance(value, dict) else {}

    def mappings(self, key: str) -> list[dict[str, Any]]:
        """A field that may be there more than once, such as links."""
        value = self.values.get(key)
        return [dict(v) for v in value if isinstance(v, dict)] if isinstance(value, list) else []
