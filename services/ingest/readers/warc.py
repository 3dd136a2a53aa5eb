"""Web archives (WARC 0.17 to 1.1, plain or gzip-compressed): each HTML page an article.

Only pages that a server gave in full count: ``response`` records with a status of 2xx and HTML,
and ``resource`` records of HTML.  Requests, redirects, errors, revisits, pictures and the like
are passed over.  What a page says of its own address and times goes before the record's;
``WARC-Date`` is when the crawler came, and no time of the article's.
"""

from __future__ import annotations

import io
import re
import zlib
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from warcio.bufferedreaders import ChunkedDataReader

from services.ingest.readers import sniff
from services.ingest.readers.base import BadRecord, Reader, Resume, Source, Unreadable
from services.ingest.readers.html_page import read_page
from services.ingest.readers.lines import clean
from services.ingest.readers.unpacking import compressed_head
from services.ingest.readers.warc_frames import Frame, Frames, parse_headers
from services.ingest.readers.warc_stream import (
    CHUNK,
    GZIP_MAGIC,
    RECORD_MAGIC,
    Gzip,
    Place,
    Plain,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.ingest.readers.base import Budget, Record

LOCATOR_CHARS: Final = 200
"""Of a page's address in the locator: enough to tell pages apart."""

_HTML: Final = re.compile(r"\s*(?:text/html|application/xhtml\+xml)\s*(?:;|$)", re.IGNORECASE)
_CHARSET: Final = re.compile(r"""charset\s*=\s*["']?([\w.:-]{1,40})""", re.IGNORECASE)
_OK: Final = re.compile(r"2[0-9][0-9](?:\s|$)")
_NO_CONTENT: Final = re.compile(r"20[456]")
"""Statuses that say that this isn't the page: no content, reset, a part of it."""

_HTTP_END: Final = re.compile(rb"\r?\n\r?\n")
_END: Final = "end"
"""The checkpoint behind what nothing can be read after."""

_PACKED: Final = {
    "gzip": (zlib.MAX_WBITS | 16,),
    "x-gzip": (zlib.MAX_WBITS | 16,),
    # zlib's format; but some servers send what is within that.
    "deflate": (zlib.MAX_WBITS, -zlib.MAX_WBITS),
}
_ADVICE: Final = "Save that page from the archive and drop it by itself."
_COPY_AGAIN: Final = "Copy the file again, whole, or ask who made it."


class WarcReader(Reader):
    """Reads web archives as streams; a checkpoint is the place behind the record."""

    name = "warc"
    version = "1"

    def claims(self, head: bytes, name: str) -> bool:  # noqa: ARG002  (by content alone)
        """Whether ``head``, or what it unpacks to, starts with a WARC record."""
        return (compressed_head(head) or head).startswith(RECORD_MAGIC) and (
            head.startswith((RECORD_MAGIC, GZIP_MAGIC))
        )

    def read(self, source: Source) -> Iterator[Record]:
        """Yield an article for each page; see the contract for errors."""
        return self.resume(source, Resume(position=0))

    def resume(self, source: Source, resume: Resume) -> Iterator[Record]:
        """Yield the pages after ``resume``: of a seekable file nothing before is read."""
        if resume.checkpoint == _END:
            return
        with closing(source.open()) as stream:
            head = stream.read(sniff.HEAD_BYTES)
        if not self.claims(head, source.name):
            raise Unreadable("it doesn't start with a WARC record", _COPY_AGAIN)
        packed = head.startswith(GZIP_MAGIC)
        with closing(source.open()) as stream:
            place = _place_of(resume.checkpoint)
            opened = _at(stream, place.offset, source.budget, packed=packed)
            size = None if packed else source.size
            frames = Frames(opened, size, self.limits.article_bytes, _page_of)
            frames.go_on_after(place.skip)
            position, passed = resume.position, 0
            for frame in frames:
                if frame.fault is None and frame.kept is None:
                    passed += 1
                    continue
                position += 1
                refused = resume.refuse if position == resume.position + 1 else None
                yield self._record(source, frame, position, refused)
            if source.size is not None and opened.offset != source.size:
                raise OSError(f"changed while it was read: {source.size} bytes expected")
        if position == 0:
            raise Unreadable(
                f"there is no HTML page in it: none of its {passed} records holds one",
                "Check that the crawl fetched pages, and not only redirects or pictures.",
            )

    def _record(self, source: Source, frame: Frame, position: int, refused: str | None) -> Record:
        page: _Page | None = frame.kept
        found_at = f"{frame.start} {page.url or ''}".strip() if page else str(frame.start)
        locator = source.at(found_at[:LOCATOR_CHARS])
        checkpoint = f"{frame.end.offset}:{frame.end.skip}" if frame.end else _END

        def bad(reason: str, advice: str) -> BadRecord:
            return BadRecord(position, reason, advice, locator, checkpoint=checkpoint)

        if refused is not None:
            return bad(refused, _ADVICE)
        if page is None or frame.fault is not None:
            return bad(f"the WARC record at {frame.start}: {frame.fault}", _COPY_AGAIN)
        try:
            data, warnings = _payload(page, frame, self.limits.article_bytes, source.budget)
            record = read_page(
                data,
                url=page.url,
                charset=page.charset,
                position=position,
                locator=locator,
                limits=self.limits,
                checkpoint=checkpoint,
            )
        except _NoPage as refusal:
            return bad(refusal.reason, refusal.advice)
        except (MemoryError, Unreadable):
            raise
        except Exception as error:  # noqa: BLE001  (a library's own; one page costs no other)
            return bad(f"the page can't be parsed ({type(error).__name__})", _ADVICE)
        if isinstance(record, BadRecord):
            return record
        info = record.info
        said = {
            "format": f"{info.format} in {frame.headers.protocol}",
            "warnings": (*warnings, *info.warnings),
        }
        return replace(record, info=info.model_copy(update=said))


class _NoPage(Exception):  # noqa: N818  (named for what is said in its stead: a BadRecord)
    """The record's page can't be had: ``reason`` and ``advice`` for the receipt."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.advice = advice


def _too_large(size: int, limit: int) -> _NoPage:
    return _NoPage(
        f"too large for one article: {size} bytes, the limit is {limit} bytes",
        "Raise WIREDESK_MAX_ARTICLE_BYTES if it is one.",
    )


def _place_of(checkpoint: str | None) -> Place:
    offset, _, skip = (checkpoint or "0:0").partition(":")
    return Place(int(offset), int(skip))


def _at(stream: BinaryIO, offset: int, budget: Budget, *, packed: bool) -> Plain | Gzip:
    """``stream`` from ``offset`` on, by seeking where that is possible."""
    if stream.seekable():
        stream.seek(offset)
    else:
        left = offset
        while left > 0 and (data := stream.read(min(left, CHUNK))):
            left -= len(data)
    return Gzip(stream, offset, budget) if packed else Plain(stream, offset)


# --- Which records hold a page, and the page ---------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Page:
    """A page by its headers: where its content starts, and how that is packed."""

    url: str | None
    charset: str | None
    start: int = 0
    codings: tuple[str, ...] = ()
    chunked: bool = False
    truncated: str | None = None


def _page_of(headers: Any, start: bytes) -> _Page | None:
    """The page that a record holds, by its headers and the ``start`` of its content."""
    if headers is None:
        return None
    kind = (headers.get_header("WARC-Type") or "").strip().casefold()
    declared = headers.get_header("Content-Type") or ""
    if kind == "resource" and _HTML.match(declared):
        return _Page(_url(headers), _charset(declared), truncated=_truncated(headers))
    return _response(headers, start) if kind == "response" else None


def _response(headers: Any, start: bytes) -> _Page | None:
    http = parse_headers(start) if start.startswith(b"HTTP/") else None
    end = _HTTP_END.search(start)
    if http is None or end is None or not _OK.match(http.statusline):
        return None
    if _NO_CONTENT.match(http.statusline):
        return None
    declared = http.get_header("Content-Type") or ""
    if not _HTML.match(declared) and (declared or not _is_html(start[end.end() :])):
        return None
    return _Page(
        url=_url(headers),
        charset=_charset(declared),
        start=end.end(),
        codings=_codings(http.get_header("Content-Encoding")),
        chunked="chunked" in _codings(http.get_header("Transfer-Encoding")),
        truncated=_truncated(headers),
    )


def _url(headers: Any) -> str | None:
    # Wget 1.19 writes it in angle brackets; others leave blanks in it.
    given = clean(headers.get_header("WARC-Target-URI") or "").removeprefix("<").removesuffix(">")
    return given.replace(" ", "%20") or None


def _charset(declared: str) -> str | None:
    found = _CHARSET.search(declared)
    return found[1] if found else None


def _truncated(headers: Any) -> str | None:
    return clean(headers.get_header("WARC-Truncated") or "")[:40] or None


def _codings(header: str | None) -> tuple[str, ...]:
    codings = (coding.strip().casefold() for coding in (header or "").split(","))
    return tuple(coding for coding in codings if coding and coding != "identity")


def _is_html(data: bytes) -> bool:
    return sniff.markup_kind(data[: sniff.HEAD_BYTES]) == "an HTML page"


def _payload(
    page: _Page, frame: Frame, limit: int, budget: Budget
) -> tuple[bytes, tuple[str, ...]]:
    """The page's bytes as a browser would get them, and what is to be said of them."""
    if frame.content is None:
        raise _too_large(frame.length, limit)
    data = frame.content[page.start :]
    warnings: list[str] = []
    if page.truncated:
        warnings.append(f"the crawler cut the page off (WARC-Truncated: {page.truncated})")
    if page.chunked:
        data = ChunkedDataReader(io.BytesIO(data)).read()
    for coding in reversed(page.codings):
        if _is_html(data):
            break  # the crawler unpacked it, and kept the header
        if coding not in _PACKED:
            raise _NoPage(f"its content encoding '{coding[:40]}' is not supported", _ADVICE)
        data, whole = _unpacked(data, coding, limit)
        budget.spend(len(data))
        if not whole:
            warnings.append(f"its {coding} data breaks off: the page was read up to there")
    if len(data) > limit:
        raise _too_large(len(data), limit)
    return data, tuple(warnings)


def _unpacked(data: bytes, coding: str, limit: int) -> tuple[bytes, bool]:
    """``data`` unpacked, up to one byte above ``limit``; whether that is all of it."""
    problem = ""
    for bits in _PACKED[coding]:
        inflater = zlib.decompressobj(bits)
        try:
            unpacked = inflater.decompress(data, limit + 1)
        except zlib.error as error:
            problem = str(error)
            continue
        if len(unpacked) > limit:
            raise _NoPage(
                f"too large for one article: more than {limit} bytes (the limit) when unpacked",
                "Raise WIREDESK_MAX_ARTICLE_BYTES if it is one.",
            )
        return unpacked, inflater.eof
    raise _NoPage(f"its {coding} data is damaged ({problem})", _ADVICE)
