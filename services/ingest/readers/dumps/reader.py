"""JSON: one article, or a dump of many, as arrays, lines, or pages of an API."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from services.ingest.readers import sniff
from services.ingest.readers.base import BadRecord, Limits, Reader, Record, Resume, Unreadable
from services.ingest.readers.dumps import fields, json_lines
from services.ingest.readers.dumps.article import FIELD_MAP_ADVICE, Origin, keys_found
from services.ingest.readers.dumps.frames import Bytes, Frame, encoding_of
from services.ingest.readers.dumps.json_array import Elements, is_article
from services.ingest.readers.dumps.records import LINES, WHOLE, Mark, Records
from services.ingest.readers.json_head import are_lines_behind_a_fault, json_head
from services.ingest.readers.unpacking import head_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.ingest.readers.base import Source

MAX_STRANGE: Final = 100
"""Records without text and title at the start of a file, after which it is taken for no news."""


@dataclass(slots=True)
class _Gate:
    """Holds back what is no article until the first one comes: a file without any is no dump."""

    open: bool
    held: list[BadRecord] = field(default_factory=list)
    strange: str | None = None
    """The keys of the first record that is no article."""

    def passes(self, record: Record, keys: str | None) -> Iterator[Record]:
        """Yield what is to be given now; raises :class:`Unreadable` once it is clear."""
        if keys is not None and self.strange is None:
            self.strange = keys
        if not self.open and isinstance(record, BadRecord):
            self.held.append(record)
            if len(self.held) >= MAX_STRANGE:
                yield from self.flush()
            return
        yield from self.flush(forced=True)
        yield record

    def flush(self, *, forced: bool = False) -> Iterator[Record]:
        """Yield what was held back; raises :class:`Unreadable` if it is no news."""
        if not self.open and not forced and self.strange is not None:
            raise no_news(self.strange)
        self.open = True
        yield from self.held
        self.held = []


class JsonReader(Reader):
    """Reads JSON records with the names that dumps use, or those of a field map."""

    name = "json"
    version = "1"

    def claims(self, head: bytes, name: str) -> bool:  # noqa: ARG002  (by content alone)
        """Whether ``head`` starts JSON objects, or a list of some; one ninjs item has a reader."""
        if sniff.markup_kind(head) != "JSON":
            return False
        found = json_head(head)
        return found is None or found.kind != "object" or not fields.fits_ninjs(found.keys)

    def read(self, source: Source) -> Iterator[Record]:
        """Yield the records; see the contract for errors."""
        return self._records(source, Mark(), Resume(0))

    def resume(self, source: Source, resume: Resume) -> Iterator[Record]:
        """Yield what comes after ``resume``, without reading what is before it."""
        if resume.checkpoint is None and resume.position:
            return super().resume(source, resume)
        mark = Mark.parse(resume.checkpoint) if resume.checkpoint else Mark()
        return self._records(source, mark, resume)

    def _records(self, source: Source, mark: Mark, resume: Resume) -> Iterator[Record]:
        with source.open() as stream:
            head = head_of(stream, sniff.HEAD_BYTES)
        encoding = encoding_of(head)
        lines = is_lines(head.decode(encoding, "replace"), self.limits)
        media_type = LINES if lines else WHOLE
        origin = Origin(self.name, self.version, media_type, encoding)
        found = Records(origin, self.limits, source)
        with closing(Bytes(source, encoding, mark.at)) as data:
            frames = self._frames(data, mark, lines=lines)
            records = _given(found, frames, resume, mark.skip)
            first = next(records, None)
            if first is None and resume.position == 0:
                raise _without_records(head)
            if first is not None:
                yield first
            yield from records

    def _frames(self, data: Bytes, mark: Mark, *, lines: bool) -> Iterator[Frame]:
        limit, maps = self.limits.article_bytes, self.limits.field_maps
        if lines:
            found = json_lines.frames(data, limit, mark.at, mark.number)
        else:
            found = Elements(data, limit, maps, mark.at, mark.number).frames(mark.state)
        return found if mark.number else _with_alone(found)


def _given(found: Records, frames: Iterator[Frame], resume: Resume, skip: int) -> Iterator[Record]:
    """The records of ``frames`` without the first ``skip``; the one after them may be refused."""
    gate = _Gate(open=resume.position > 0 or resume.refuse is not None)
    position = resume.position
    refuse = resume.refuse
    for frame in frames:
        for record, keys in found.of(frame, position, skip, refuse):
            position = record.position
            yield from gate.passes(record, keys)
        refuse, skip = None, 0
    yield from gate.flush()


def is_lines(head: str, limits: Limits) -> bool:
    """Whether a file that starts so has one record on each line."""
    text = head.lstrip("\ufeff \t\r\n")
    if not text.startswith("{"):
        return are_lines_behind_a_fault(text)
    first, newline, rest = text.partition("\n")
    found = json_head(first.encode())
    if found is None:
        return bool(newline) and rest.lstrip().startswith("{")
    if found.whole:
        return True
    if newline:
        # A broken first line is followed by the next object; a page of print by a key of its own.
        return rest.lstrip("\r\n").startswith("{")
    return is_article(found.keys, limits.field_maps)


def no_news(keys: str) -> Unreadable:
    """The refusal of JSON in which no record has a text or a title."""
    return Unreadable(
        f"no record in it has a text or a title; the keys found: {keys}", FIELD_MAP_ADVICE
    )


def _without_records(head: bytes) -> Unreadable:
    found = json_head(head)
    keys = keys_found(dict.fromkeys(sorted(found.keys))) if found else ""
    if not keys or keys == "none":
        return Unreadable("there is no record in it", "Drop it again with its records.")
    return no_news(keys)


def _with_alone(frames: Iterator[Frame]) -> Iterator[Frame]:
    """``frames``, of which the first says whether it is the only one."""
    first = next(frames, None)
    if first is None:
        return
    try:
        second = next(frames, None)
    except Unreadable:
        yield first
        raise
    yield replace(first, alone=second is None)
    if second is not None:
        yield second
        yield from frames
