"""What the tests of XML news standards share: small documents of each, and ways to read them."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from services.ingest.readers.base import (
    BadRecord,
    Limits,
    ReadArticle,
    Reader,
    Record,
    Resume,
    Source,
    Unreadable,
)
from services.ingest.readers.newsml_1 import NewsMl1Reader
from services.ingest.readers.newsml_g2 import NewsMlG2Reader
from services.ingest.readers.nitf import NitfReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SAMPLES = Path(__file__).parent / "samples"


@dataclass(frozen=True)
class Standard:
    """A standard as the shared tests need it: how an item is written, and how a file of them."""

    name: str
    reader: type[Reader]
    item: Callable[[str, str], str]
    """Of a headline and the markup of the text's paragraphs."""

    wrap: Callable[[Sequence[str]], str]
    doctype: str
    """The root's name, as a document type declaration gives it."""

    def file(self, *items: str, declaration: str = '<?xml version="1.0"?>\n') -> bytes:
        return (declaration + self.wrap(items)).encode()

    def samples(self) -> list[Path]:
        return sorted((SAMPLES / self.name).glob("*.xml"))


def _nitf(headline: str, text: str) -> str:
    return (
        f'<nitf><head><docdata><doc-id regsrc="valley" id-string="{len(headline)}"/></docdata>'
        f"</head><body><body.head><hedline><hl1>{headline}</hl1></hedline></body.head>"
        f"<body.content>{text}</body.content></body></nitf>\n"
    )


def _g2(headline: str, text: str) -> str:
    return (
        f'<newsItem guid="tag:valley.example,2026:{len(headline)}" standardversion="2.30">'
        f"<contentMeta><headline>{headline}</headline></contentMeta><contentSet>"
        f'<inlineXML contenttype="application/xhtml+xml"><html><body>{text}</body></html>'
        "</inlineXML></contentSet></newsItem>\n"
    )


def _newsml(headline: str, text: str) -> str:
    return (
        "<NewsItem><Identification><NewsIdentifier><ProviderId>valley.example</ProviderId>"
        "<DateId>20261120</DateId><NewsItemId>n1</NewsItemId><RevisionId>1</RevisionId>"
        "</NewsIdentifier></Identification>"
        '<NewsManagement><Status FormalName="Usable"/></NewsManagement>'
        f"<NewsComponent><NewsLines><HeadLine>{headline}</HeadLine></NewsLines>"
        '<ContentItem><MediaType FormalName="Text"/>'
        f"<DataContent><body>{text}</body></DataContent></ContentItem></NewsComponent></NewsItem>\n"
    )


NITF = Standard("nitf", NitfReader, _nitf, "".join, "nitf")
G2 = Standard(
    "newsml_g2",
    NewsMlG2Reader,
    _g2,
    lambda items: (
        '<newsMessage xmlns="http://iptc.org/std/nar/2006-10-01/"><itemSet>\n'
        f"{''.join(items)}</itemSet></newsMessage>\n"
    ),
    "newsMessage",
)
NEWSML_1 = Standard(
    "newsml_1",
    NewsMl1Reader,
    _newsml,
    lambda items: f'<NewsML Version="1.2"><NewsEnvelope/>\n{"".join(items)}</NewsML>\n',
    "NewsML",
)
STANDARDS = (NITF, G2, NEWSML_1)


class Trickle(io.RawIOBase):
    """A stream that can't be sought, gives few bytes at once, and counts what was read."""

    def __init__(self, data: bytes, step: int = 1000) -> None:
        super().__init__()
        self._inner = io.BytesIO(data)
        self._step = step
        self.taken = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def read(self, size: int = -1) -> bytes:
        chunk = self._inner.read(self._step if size < 0 else min(size, self._step))
        self.taken += len(chunk)
        return chunk


def stream_source(data: bytes, step: int = 1000) -> Source:
    """A source of unknown size that can only be read forward, as a compressed file is."""
    return Source("story", None, lambda: Trickle(data, step))  # type: ignore[arg-type,return-value]  # (all that a BinaryIO must do here)


def plain_source(data: bytes) -> Source:
    return Source("story", len(data), lambda: io.BytesIO(data))


def read_all(standard: Standard, data: bytes, limits: Limits | None = None) -> list[Record]:
    return list(standard.reader(limits or Limits()).read(plain_source(data)))


def read_until_refused(
    standard: Standard, data: bytes, limits: Limits | None = None
) -> tuple[list[Record], str | None]:
    """The records, and why no more could be had."""
    return gathered(standard.reader(limits or Limits()).read(plain_source(data)))


def gathered(records: Iterator[Record]) -> tuple[list[Record], str | None]:
    found: list[Record] = []
    try:
        found.extend(records)
    except Unreadable as refusal:
        return found, refusal.reason
    return found, None


def resumed(
    standard: Standard, source: Source, after: Record | None, refuse: str | None = None
) -> tuple[list[Record], str | None]:
    position, checkpoint = (after.position, after.checkpoint) if after else (0, None)
    resume = Resume(position, checkpoint, refuse)
    return gathered(standard.reader(Limits()).resume(source, resume))


def articles(records: Sequence[Record]) -> list[ReadArticle]:
    return [record for record in records if isinstance(record, ReadArticle)]


def bad(records: Sequence[Record]) -> list[BadRecord]:
    return [record for record in records if isinstance(record, BadRecord)]


def one(standard: Standard, data: bytes | str) -> ReadArticle:
    """The one article of a file."""
    (record,) = read_all(standard, data.encode() if isinstance(data, str) else data)
    assert isinstance(record, ReadArticle), record
    return record


def refusal(standard: Standard, data: bytes | str) -> BadRecord:
    """The one bad record of a file."""
    (record,) = read_all(standard, data.encode() if isinstance(data, str) else data)
    assert isinstance(record, BadRecord), record
    return record


def sample(standard: Standard, name: str) -> list[Record]:
    return read_all(standard, (SAMPLES / standard.name / name).read_bytes())
