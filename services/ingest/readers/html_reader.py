"""Web pages as files: one page, one article."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from services.ingest.readers import sniff
from services.ingest.readers.base import BadRecord, ReadArticle, Reader, Source
from services.ingest.readers.html_page import NAME, VERSION, read_page
from services.ingest.readers.whole import load_any

if TYPE_CHECKING:
    from collections.abc import Iterator

_SUFFIXES = (".html", ".htm", ".xhtml", ".xht")
_ELEMENT = re.compile(
    rb"<(?:p|div|h[1-6]|article|section|table|meta|title|br|span|a)\b[^<>]*>", re.IGNORECASE
)


class HtmlReader(Reader):
    """Reads a saved web page: the article on it, or the reason why there is none."""

    name = NAME
    version = VERSION

    def claims(self, head: bytes, name: str) -> bool:
        """Whether ``head`` starts an HTML page; or has its elements and is named ``.html``."""
        if sniff.is_html(head):
            return True
        if not name.casefold().endswith(_SUFFIXES) or sniff.binary_kind(head) is not None:
            return False
        return sniff.markup_kind(head) is None and bool(_ELEMENT.search(head))

    def read(self, source: Source) -> Iterator[ReadArticle | BadRecord]:
        """Yield the one article, or why the page is none; see the contract for errors."""
        data = load_any(source, self.limits)
        sniff.refuse_binary(data)
        yield read_page(
            data,
            url=None,
            charset=None,
            position=1,
            locator=source.locator,
            limits=self.limits,
        )
