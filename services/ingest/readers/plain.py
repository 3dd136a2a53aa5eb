"""Plain text: one file, one article, usually scraped from a web page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.article import ReaderInfo
from services.ingest.readers import sniff
from services.ingest.readers.base import BadRecord, ReadArticle, Reader, Source
from services.ingest.readers.encoding import decode
from services.ingest.readers.lines import split
from services.ingest.readers.page import analyse
from services.ingest.readers.whole import load, refuse_blank

if TYPE_CHECKING:
    from collections.abc import Iterator


class PlainTextReader(Reader):
    """Reads any text as one article; the reader of last resort."""

    name = "plain"
    version = "1"

    def claims(self, head: bytes, name: str) -> bool:  # noqa: ARG002  (by content alone)
        """Whether ``head`` is text and none of the formats that would only show their tags."""
        return sniff.binary_kind(head) is None and sniff.markup_kind(head) is None

    def read(self, source: Source) -> Iterator[ReadArticle | BadRecord]:
        """Yield the one article; see the contract for errors."""
        decoded = decode(load(source, self.limits))
        lines = split(decoded.text)
        refuse_blank(lines)
        page = analyse(lines)
        yield ReadArticle(
            position=1,
            headline=page.headline,
            standfirst=page.standfirst,
            dateline=page.dateline,
            body=page.body,
            authors=page.authors,
            published_at=page.published_at,
            updated_at=page.updated_at,
            set_apart=page.set_apart,
            credits=page.credits,
            info=ReaderInfo(
                name=self.name,
                version=self.version,
                format="text/plain",
                encoding=decoded.encoding,
                warnings=(*decoded.warnings, *page.warnings),
            ),
        )
