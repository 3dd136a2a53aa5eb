"""Web archives for tests, made record by record: well-made ones and ones that lie."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

CRLF = b"\r\n"


def page(title: str, *paragraphs: str, url: str | None = None) -> str:
    """A small article page."""
    canonical = f'<link rel="canonical" href="{url}">' if url else ""
    text = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'{canonical}<meta property="og:type" content="article"></head>'
        f"<body><article><h1>{title}</h1>{text}</article></body></html>"
    )


def http(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    """An HTTP response; ``content_type`` is HTML in UTF-8 where it isn't given."""
    headers = {"content_type": "text/html; charset=utf-8"} | headers
    lines = [f"{name.replace('_', '-').title()}: {value}" for name, value in headers.items()]
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode() + body


def record(
    content: bytes,
    url: str | None = "https://valley.example/",
    kind: str = "response",
    *,
    content_type: str = "application/http; msgtype=response",
    length: int | str | None = None,
    version: str = "1.0",
    more: Sequence[str] = (),
) -> bytes:
    """One WARC record; ``length``: a lie about the content's."""
    lines = [
        f"WARC/{version}",
        f"WARC-Type: {kind}",
        "WARC-Record-ID: <urn:uuid:6d1a2c9e-5a0f-4f0c-8a3f-1f2f3a4b5c6d>",
        "WARC-Date: 2026-11-21T04:00:00Z",
        *([f"WARC-Target-URI: {url}"] if url else []),
        f"Content-Type: {content_type}",
        f"Content-Length: {len(content) if length is None else length}",
        *more,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + content + CRLF + CRLF


def warcinfo(version: str = "1.0") -> bytes:
    """What a crawl starts with."""
    return record(
        b"software: lantern/0.9\r\nformat: WARC File Format\r\n",
        None,
        "warcinfo",
        content_type="application/warc-fields",
        version=version,
    )


def article(number: int, size: int = 3) -> bytes:
    """The record of the ``number``-th page, with ``size`` paragraphs."""
    texts = [
        f"The lock keeper of Sund counted {number} boats on the canal on Tuesday morning, "
        f"she told the council in paragraph {n} of her report, and most of them carried timber."
        for n in range(size)
    ]
    url = f"https://valley.example/canal/{number}"
    return record(http(page(f"Canal report number {number}", *texts, url=url).encode()), url)


def packed(*records: bytes) -> bytes:
    """A WARC.gz: each record in a member of its own."""
    return b"".join(gzip.compress(item, mtime=0) for item in records)
