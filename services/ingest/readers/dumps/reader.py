"""JSON: one article, or a dump of many, as arrays, lines, or pages of an API."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from services.ingest.readers import sniff
from services.ingest.readers.base import BadRecord, Limits, Reader, Record, Resume, Unreadable
from services.ingest.readers.dumps import fields, json_lines
from services.ingest.readers.dumps.article import (
    FIELD_MAP_ADVICE,
    NotNews,
    Origin,
    Place,
    is_ninjs,
    keys_found,
    ninjs_records,
    to_record,
)
from services.ingest.readers.dumps.frames import Bytes, Frame, encoding_of
from services.ingest.readers.dumps.json_array import MAX_PAGE_DEPTH, Elements, is_article
from services.ingest.readers.dumps.parsing import BadJson, parse
from services.ingest.readers.json_head import json_head
from services.ingest.readers.notes import Notes
from services.ingest.readers.unpacking import head_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.ingest.readers.base import Source

LINES: Final = "application/x-ndjson"
WHOLE: Final = "application/json"

MAX_STRANGE: Final = 100
"""Records without text and title at the start of a file, after which it is taken for no news."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """Where reading goes on: after the frame ``number``, which ends at the offset ``at``.

    ``skip``: that many records of the next frame, which is a page of several, were given.
    """

    at: int = 0
    number: int = 0
    skip: int = 0
    state: str = ""

    def __str__(self) -> str:
        return f"{self.at}:{self.number}:{self.skip}:{self.state}"

    @classmethod
    def parse(cls, text: str) -> _Mark:
        at, number, skip, state = text.split(":", 3)
        return cls(int(at), int(number), int(skip), state)


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
        return self._records(source, _Mark(), Resume(0))

    def resume(self, source: Source, resume: Resume) -> Iterator[Record]:
        """Yield what comes after ``resume``, without reading what is before it."""
        if resume.checkpoint is None and resume.position:
            return super().resume(source, resume)
        mark = _Mark.parse(resume.checkpoint) if resume.checkpoint else _Mark()
        return self._records(source, mark, resume)

    def _records(self, source: Source, mark: _Mark, resume: Resume) -> Iterator[Record]:
        with source.open() as stream:
            head = head_of(stream, sniff.HEAD_BYTES)
        encoding = encoding_of(head)
        lines = is_lines(head.decode(encoding, "replace"), self.limits)
        media_type = LINES if lines else WHOLE
        run = _Run(Origin(self.name, self.version, media_type, encoding), self.limits, source)
        with closing(Bytes(source, encoding, mark.at)) as data:
            frames = self._frames(data, mark, lines=lines)
            records = _given(run, frames, resume, mark.skip)
            first = next(records, None)
            if first is None and resume.position == 0:
                raise _without_records(head)
            if first is not None:
                yield first
            yield from records

    def _frames(self, data: Bytes, mark: _Mark, *, lines: bool) -> Iterator[Frame]:
        limit, maps = self.limits.article_bytes, self.limits.field_maps
        if lines:
            found = json_lines.frames(data, limit, mark.at, mark.number)
        else:
            found = Elements(data, limit, maps, mark.at, mark.number).frames(mark.state)
        return found if mark.number else _with_alone(found)


def _given(run: _Run, frames: Iterator[Frame], resume: Resume, skip: int) -> Iterator[Record]:
    """The records of ``frames``, of which the first ``skip`` (and what is refused) are left out."""
    gate = _Gate(open=resume.position > 0 or resume.refuse is not None)
    position = resume.position
    refuse = resume.refuse
    for frame in frames:
        if refuse is not None:
            position += 1
            yield run.refused(frame, position, refuse)
        else:
            for record, keys in run.records(frame, position, skip):
                position = record.position
                yield from gate.passes(record, keys)
        refuse, skip = None, 0
    yield from gate.flush()


class _Run:
    """What makes records of frames."""

    def __init__(self, origin: Origin, limits: Limits, source: Source) -> None:
        self._origin = origin
        self._limits = limits
        self._source = source
        self._unit = "line" if origin.media_type == LINES else "item"

    def refused(self, frame: Frame, position: int, reason: str) -> BadRecord:
        """The frame as a record that isn't parsed."""
        place = self._place(frame, position, None)
        advice = "Take this record out, and drop it by itself if it is needed."
        return BadRecord(position, reason, advice, place.locator, checkpoint=place.checkpoint)

    def records(
        self, frame: Frame, position: int, skip: int
    ) -> Iterator[tuple[Record, str | None]]:
        """The records of a frame (most often one), after ``skip`` of them.

        With each that has neither text nor title its keys, which tell what the file may be.
        """
        notes = Notes()
        try:
            value = self._parse(frame, notes)
        except BadJson as error:
            place = self._place(frame, position + 1, None)
            yield (
                BadRecord(
                    place.position,
                    error.reason,
                    error.advice,
                    place.locator,
                    checkpoint=place.checkpoint,
                ),
                None,
            )
            return
        origin = replace(self._origin, media_type=WHOLE) if frame.alone else self._origin
        if isinstance(value, dict) and is_ninjs(value):
            yield from self._ninjs(value, notes, frame, (position, skip), origin)
            return
        items = self._items(value)
        if items is None:
            yield self._record(value, notes, self._place(frame, position + 1, None), origin)
            return
        for count, item in enumerate(items[skip:], start=skip + 1):
            position += 1
            place = self._place(frame, position, (count, len(items)))
            yield self._record(item, Notes(), place, origin)

    def _ninjs(
        self,
        value: dict[str, Any],
        notes: Notes,
        frame: Frame,
        given: tuple[int, int],
        origin: Origin,
    ) -> Iterator[tuple[Record, None]]:
        """A ninjs item and the articles associated with it; ``given``: position, and skipped."""
        position, skip = given
        first = self._place(frame, position - skip + 1, None)
        found = ninjs_records(value, origin, first, notes)
        for count, record in enumerate(found, start=1):
            if count > skip:
                mark = self._place(frame, record.position, (count, len(found))).checkpoint
                yield replace(record, checkpoint=mark), None

    def _parse(self, frame: Frame, notes: Notes) -> Any:
        if frame.data is None:
            limit = self._limits.article_bytes
            what = f"{self._unit} {frame.number} is longer than the limit"
            raise BadJson(
                f"{what}: {frame.size} bytes, the limit is {limit} bytes",
                "Split it, or raise WIREDESK_MAX_ARTICLE_BYTES.",
            )
        return parse(frame.data, notes)

    def _record(
        self, value: Any, notes: Notes, place: Place, origin: Origin
    ) -> tuple[Record, str | None]:
        try:
            return to_record(value, origin, place, notes, self._limits), None
        except NotNews:
            keys = keys_found(value)
            reason = f"there is no text and no title in it; its keys: {keys}"
            return BadRecord(
                place.position, reason, FIELD_MAP_ADVICE, place.locator, checkpoint=place.checkpoint
            ), keys

    def _items(self, value: Any) -> list[Any] | None:
        """The records of a page within a line or an item; None for what is none."""
        if not isinstance(value, dict) or is_article(frozenset(value), self._limits.field_maps):
            return None
        level: list[Any] = [value]
        for _ in range(MAX_PAGE_DEPTH):
            inner = [each for outer in level for each in outer.values()]
            for each in inner:
                if isinstance(each, list) and each and self._may_be_record(each[0]):
                    return each
            level = [each for each in inner if isinstance(each, dict)]
        return None

    def _may_be_record(self, value: Any) -> bool:
        return isinstance(value, dict) and fields.is_record(value, self._limits.field_maps)

    def _place(self, frame: Frame, position: int, part: tuple[int, int] | None) -> Place:
        """Where a record is: its frame, or a ``part`` (which, of how many) of it."""
        mark = _Mark(frame.end, frame.number, 0, frame.state)
        where = f"{self._unit} {frame.number}"
        if part is not None:
            where = f"item {part[0]}" if frame.alone else f"{where} item {part[0]}"
            if part[0] < part[1]:
                start = frame.end - frame.size
                mark = _Mark(start, frame.number - 1, part[0], frame.state)
        elif frame.alone and not frame.state:
            return Place(position, self._source.locator, str(mark))
        return Place(position, self._source.at(where), str(mark))


def is_lines(head: str, limits: Limits) -> bool:
    """Whether a file that starts so has one record on each line."""
    text = head.lstrip("\ufeff \t\r\n")
    if not text.startswith("{"):
        return False
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
