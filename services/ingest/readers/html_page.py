"""One web page as an article, or the reason why it is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trafilatura
from lxml import etree

from schemas.article import ReaderInfo
from services.ingest.readers import sniff
from services.ingest.readers.base import BadRecord, Limits, ReadArticle, Unreadable
from services.ingest.readers.fragments import texts_of
from services.ingest.readers.html_tree import decode_page, parse
from services.ingest.readers.lines import clean

if TYPE_CHECKING:
    from lxml.html import HtmlElement


def read_page(
    data: bytes,
    *,
    url: str | None,
    charset: str | None,
    position: int,
    locator: str,
    limits: Limits,
    checkpoint: str | None = None,
) -> ReadArticle | BadRecord:
    """The article that the HTML in ``data`` holds, or why it is none; never raises.

    ``url``: where the page was fetched, if that is known; what the page says of its own
    address goes before it.  ``charset``: the encoding by HTTP or MIME.  ``position``,
    ``locator`` and ``checkpoint`` are the record's, handed through.
    """

    def refused(reason: str, advice: str) -> BadRecord:
        return BadRecord(position, reason, advice, locator, checkpoint=checkpoint)

    if len(data) > limits.article_bytes:
        return refused(
            f"too large for one article: {len(data)} bytes, the limit is {limits.article_bytes}",
            "Raise WIREDESK_MAX_ARTICLE_BYTES if it is one.",
        )
    try:
        sniff.refuse_binary(data[: sniff.HEAD_BYTES])
        decoded = decode_page(data, charset)
    except Unreadable as error:
        return refused(error.reason, error.advice)
    tree = parse(decoded.text)
    if tree is None:
        return refused("there is nothing in the page", "Drop the page with its text.")
    headline = clean(tree.root.findtext(".//title") or "") or None
    body = _body(tree.root)
    if not body:
        return refused("there is no text in the page", "Save the page as a browser shows it.")
    return ReadArticle(
        position=position,
        headline=headline,
        body=body,
        info=ReaderInfo(
            name="html",
            version="1",
            format="text/html",
            encoding=decoded.encoding,
            warnings=decoded.warnings,
        ),
        url=url,
        locator=locator,
        checkpoint=checkpoint,
    )


def _body(root: HtmlElement) -> tuple[str, ...]:
    document = trafilatura.bare_extraction(root, fast=True, include_comments=False)
    found = getattr(document, "body", None)
    return texts_of(found) if isinstance(found, etree._Element) else texts_of(root)  # noqa: SLF001
