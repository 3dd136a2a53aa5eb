"""Every reader there is, which one reads a file, and the contract's errors enforced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.ingest.readers import sniff
from services.ingest.readers.archives.tars import TarReader
from services.ingest.readers.archives.zips import ZipReader
from services.ingest.readers.base import (
    FAULT_ADVICE,
    Limits,
    Reader,
    ReaderFault,
    Record,
    Resume,
    Source,
    Unreadable,
)
from services.ingest.readers.compressed import CompressedReader
from services.ingest.readers.dumps.reader import JsonReader
from services.ingest.readers.feeds import FeedReader
from services.ingest.readers.html_reader import HtmlReader
from services.ingest.readers.mail.reader import MailReader
from services.ingest.readers.markdown import MarkdownReader
from services.ingest.readers.mbox import MboxReader
from services.ingest.readers.newsml_1 import NewsMl1Reader
from services.ingest.readers.newsml_g2 import NewsMlG2Reader
from services.ingest.readers.ninjs.reader import NinjsReader
from services.ingest.readers.nitf import NitfReader
from services.ingest.readers.pdf.reader import PdfReader
from services.ingest.readers.plain import PlainTextReader
from services.ingest.readers.unpacking import head_of
from services.ingest.readers.warc import WarcReader

if TYPE_CHECKING:
    from collections.abc import Iterator

READERS: tuple[type[Reader], ...] = (
    CompressedReader,
    ZipReader,
    TarReader,
    WarcReader,
    NewsMlG2Reader,
    NewsMl1Reader,
    NitfReader,
    NinjsReader,
    JsonReader,
    FeedReader,
    HtmlReader,
    MailReader,
    MboxReader,
    PdfReader,
    MarkdownReader,
    PlainTextReader,
)
"""In the order in which they are asked; plain text claims whatever is text."""


def reader_for(head: bytes, name: str, limits: Limits) -> Reader:
    """The reader for a file that starts with ``head`` (up to 8 KiB).

    Raises :class:`Unreadable` when no reader takes it, saying what it looks like.
    """
    for kind in READERS:
        reader = kind(limits)
        if reader.claims(head, name):
            return reader
    sniff.refuse_binary(head)
    sniff.refuse_markup(head)
    raise Unreadable("no reader takes this format", "Save it as plain text or Markdown.")


def read_file(source: Source, limits: Limits, resume: Resume | None = None) -> Iterator[Record]:
    """Yield what the file holds (after ``resume``), read by whichever reader it is for.

    Also for what is found within a file: a reader of archives calls this on
    ``source.inside(…)`` and numbers the records anew.

    Raises :class:`Unreadable` (reject the file) or ``OSError`` (come again), as the contract
    says.  A reader's own fault becomes a :class:`ReaderFault`, with the fault as its
    ``__cause__`` for the log: one file must not stop the others.
    """
    with source.open() as stream:
        head = head_of(stream, sniff.HEAD_BYTES)
    reader = reader_for(head, source.name, limits)
    try:
        yield from reader.read(source) if resume is None else reader.resume(source, resume)
    except (Unreadable, OSError, MemoryError, GeneratorExit):
        raise
    except Exception as error:
        raise ReaderFault(
            f"the {reader.name} reader failed: {type(error).__name__}",
            FAULT_ADVICE,
        ) from error
