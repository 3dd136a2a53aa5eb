r"""Mailboxes (mbox): many messages in one file, streamed.

A message starts at a line ``From sender date`` at the start of the file or after a blank line.
Of ``>From `` lines within a message one ``>`` is taken off (mboxrd; in mboxo's files, too, that
is what was put on).  ``Content-Length`` isn't believed: it is wrong wherever a mailbox was
edited.  Memory holds one message at a time.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO, ClassVar

from services.ingest.readers.base import BadRecord, ReadArticle, Reader, Unreadable
from services.ingest.readers.mail.envelope import FIELD, is_mailbox, is_postmark
from services.ingest.readers.mail.reader import (
    MESSAGE_BYTES,
    MailReader,
    empty,
    read_message,
    too_large,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.ingest.readers.base import Record, Resume, Source

LINE_BYTES = 64 * 1024
"""How much of a line is read at once; a longer one comes in pieces."""

_BLANK = (b"\n", b"\r\n")
_QUOTED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where reading goes on: at byte ``offset``, where the ``number``-th message starts.

    ``done``: how many of the message's records were given.
    """

    offset: int = 0
    number: int = 1
    done: int = 0

    def __str__(self) -> str:
        return f"{self.offset}:{self.number}:{self.done}"

    @classmethod
    def parse(cls, checkpoint: str | None) -> _Place:
        """Of a checkpoint; raises :class:`Unreadable` if it is none of ours."""
        if checkpoint is None:
            return cls()
        parts = checkpoint.split(":")
        if len(parts) != 3 or not all(part.isdecimal() for part in parts):  # noqa: PLR2004  (the three fields)
            raise Unreadable(f"'{checkpoint}' is no place in a mailbox", "Drop the file again.")
        return cls(*(int(part) for part in parts))


@dataclass(slots=True)
class _Message:
    """One message as it stands in the file; ``data`` is empty where it is too large."""

    start: int
    end: int
    data: bytes


class MboxReader(Reader):
    """Reads each message of a mailbox as :class:`MailReader` reads a file."""

    name: ClassVar[str] = "mbox"
    version: ClassVar[str] = "1"

    def claims(self, head: bytes, name: str) -> bool:  # noqa: ARG002  (by content alone)
        """Whether ``head`` starts with a "From " line and a header."""
        return is_mailbox(head)

    def read(self, source: Source) -> Iterator[Record]:
        """Yield the records of all messages; a message that can't be read is a bad record."""
        with source.open() as stream:
            first = stream.readline(LINE_BYTES)
        if not first.startswith(b"From "):
            yield from MailReader(self.limits).read(source)
            return
        yield from self._from(source, _Place(), 0, None)

    def resume(self, source: Source, resume: Resume) -> Iterator[Record]:
        """Go on at the message of ``resume``; to refuse means all the rest of one message."""
        place = _Place.parse(resume.checkpoint)
        yield from self._from(source, place, resume.position, resume.refuse)

    def _from(
        self, source: Source, place: _Place, position: int, refuse: str | None
    ) -> Iterator[Record]:
        with source.open() as stream:
            _skip(stream, place.offset)
            for number, message in enumerate(_messages(stream, place.offset), start=place.number):
                done = place.done if number == place.number else 0
                records = self._records(source, number, message, done)
                if refuse is not None:
                    records = iter([_refused(source.at(f"message {number}"), refuse)])
                    refuse = None
                for record, checkpoint in _with_places(records, message, number, done):
                    position += 1
                    yield replace(record, position=position, checkpoint=checkpoint)

    def _records(
        self, source: Source, number: int, message: _Message, done: int
    ) -> Iterator[Record]:
        locator = source.at(f"message {number}")
        try:
            records = self._all_records(source, message, locator)
            yield from (_as_ours(record) for record in islice(records, done, None))
        except Unreadable as refusal:
            yield BadRecord(1, refusal.reason, refusal.advice, locator)
        except (OSError, MemoryError):
            raise
        except Exception as fault:  # noqa: BLE001  (one message must not cost the others)
            reason = f"the mail reader failed: {type(fault).__name__}"
            yield BadRecord(1, reason, "Save the message as a file of its own.", locator)

    def _all_records(self, source: Source, message: _Message, locator: str) -> Iterator[Record]:
        if not message.data:
            raise too_large(message.end - message.start)
        within = _one(source, message.data, locator)
        records = read_message(message.data, within, self.limits)
        first = next(records, None)
        if first is None:
            raise empty()
        yield first
        yield from records


def _as_ours(record: Record) -> Record:
    if not isinstance(record, ReadArticle) or record.info.name != MailReader.name:
        return record
    ours = {"name": MboxReader.name, "version": MboxReader.version, "format": "application/mbox"}
    return replace(record, info=record.info.model_copy(update=ours))


def _one(source: Source, data: bytes, locator: str) -> Source:
    # A message lies beside the others, not in a layer of its own.
    return replace(
        source, size=len(data), open=lambda: io.BytesIO(data), locator=locator, descriptor=None
    )


def _refused(locator: str, reason: str) -> BadRecord:
    return BadRecord(1, reason, "Save the message as a file of its own, and look at it.", locator)


def _with_places(
    records: Iterator[Record], message: _Message, number: int, done: int
) -> Iterator[tuple[Record, str]]:
    """Each record with where to go on after it: within the message, or at the next one.

    One is held back, since only the next tells whether it is the message's last.
    """
    held: Record | None = None
    for record in records:
        if held is not None:
            done += 1
            yield held, str(_Place(message.start, number, done))
        held = record
    if held is not None:
        yield held, str(_Place(message.end, number + 1))


# --- Framing ---------------------------------------------------------------------------


def _skip(stream: BinaryIO, offset: int) -> None:
    if stream.seekable():
        stream.seek(offset)
        return
    while offset > 0 and (piece := stream.read(min(offset, LINE_BYTES))):
        offset -= len(piece)


def _messages(stream: BinaryIO, start: int) -> Iterator[_Message]:
    """The messages from byte ``start`` on, where one starts, without their "From " lines."""
    body = bytearray()
    at = start
    line = stream.readline(LINE_BYTES)
    at += len(line)
    blank, whole = False, line.endswith(b"\n")
    held = b""
    while line := stream.readline(LINE_BYTES):
        if held:
            if FIELD.match(line) or line.startswith(b">From "):
                yield _message(body, start, at - len(held))
                body, start = bytearray(), at - len(held)
            else:
                _add(body, held)
            held = b""
        at += len(line)
        if blank and whole and is_postmark(line):
            held = line
        else:
            _add(body, line)
        blank = whole and line in _BLANK
        whole = line.endswith(b"\n")
    _add(body, held)
    if at > start:
        yield _message(body, start, at)


def _add(body: bytearray, line: bytes) -> None:
    # One byte above the limit is enough to know that it is too large.
    if len(body) <= MESSAGE_BYTES:
        body += line


def _message(body: bytearray, start: int, end: int) -> _Message:
    if len(body) > MESSAGE_BYTES:
        return _Message(start, end, b"")
    data = bytes(body)
    body.clear()  # a message may be large, and the next one is collected only after its records
    return _Message(start, end, _QUOTED_FROM.sub(rb"\1", data) or b"\n")
