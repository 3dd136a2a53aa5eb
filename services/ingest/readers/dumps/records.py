"""The records that the frames of a dump hold: most often one each, in a page several."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from services.ingest.readers.base import BadRecord, Limits, Record
from services.ingest.readers.dumps import fields
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
from services.ingest.readers.dumps.json_array import MAX_PAGE_DEPTH, is_article
from services.ingest.readers.dumps.parsing import BadJson, parse
from services.ingest.readers.notes import Notes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.ingest.readers.base import Source
    from services.ingest.readers.dumps.frames import Frame

    Made = tuple[Record, str | None]
    """A record, and the keys of one that has neither text nor title."""

LINES: Final = "application/x-ndjson"
WHOLE: Final = "application/json"

_REFUSED: Final = "Take this record out, and drop it by itself if it is needed."


@dataclass(frozen=True, slots=True)
class Mark:
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
    def parse(cls, text: str) -> Mark:
        """The mark that ``str`` wrote."""
        at, number, skip, state = text.split(":", 3)
        return cls(int(at), int(number), int(skip), state)


class Records:
    """Makes records of frames."""

    def __init__(self, origin: Origin, limits: Limits, source: Source) -> None:
        self._origin = origin
        self._limits = limits
        self._source = source
        self._unit = "line" if origin.media_type == LINES else "item"

    def of(self, frame: Frame, position: int, skip: int, refuse: str | None) -> Iterator[Made]:
        """Yield the records of ``frame`` after ``skip`` of them, ``position`` being the last one's.

        ``refuse``: the first of these isn't read but rejected with this reason; without a
        ``skip``, that is the frame as a whole, which isn't parsed.
        """
        if refuse is not None and skip == 0:
            yield _bad(self._place(frame, position + 1, (1, 1)), refuse, _REFUSED), None
            return
        try:
            parts = self._parts(frame)
        except BadJson as error:
            place = self._place(frame, position + 1, (1, 1))
            yield _bad(place, error.reason, error.advice), None
            return
        for count, make in enumerate(parts[skip:], start=skip + 1):
            position += 1
            place = self._place(frame, position, (count, len(parts)))
            refused = refuse is not None and count == skip + 1
            yield (_bad(place, refuse or "", _REFUSED), None) if refused else make(place)

    def _parts(self, frame: Frame) -> list[Callable[[Place], Made]]:
        """What makes each record of ``frame``, once its place is known."""
        notes = Notes()
        value = self._parse(frame, notes)
        origin = replace(self._origin, media_type=WHOLE) if frame.alone else self._origin
        if isinstance(value, dict) and is_ninjs(value):
            found = ninjs_records(value, origin, self._place(frame, 1, (1, 1)), notes)
            return [_in_place(record) for record in found]
        items = self._items(value)
        if items is None:
            return [lambda place: self._record(value, notes, place, origin)]
        return [self._maker(item, origin) for item in items]

    def _maker(self, item: Any, origin: Origin) -> Callable[[Place], Made]:
        return lambda place: self._record(item, Notes(), place, origin)

    def _parse(self, frame: Frame, notes: Notes) -> Any:
        if frame.data is None:
            limit = self._limits.article_bytes
            what = f"{self._unit} {frame.number} is longer than the limit"
            raise BadJson(
                f"{what}: {frame.size} bytes, the limit is {limit} bytes",
                "Split it, or raise WIREDESK_MAX_ARTICLE_BYTES.",
            )
        return parse(frame.data, notes)

    def _record(self, value: Any, notes: Notes, place: Place, origin: Origin) -> Made:
        try:
            return to_record(value, origin, place, notes, self._limits), None
        except NotNews:
            keys = keys_found(value)
            reason = f"there is no text and no title in it; its keys: {keys}"
            return _bad(place, reason, FIELD_MAP_ADVICE), keys

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

    def _place(self, frame: Frame, position: int, part: tuple[int, int]) -> Place:
        """Where a record is: ``part`` of its frame, which of how many."""
        which, of = part
        mark = Mark(frame.end, frame.number, 0, frame.state)
        if which < of:
            mark = Mark(frame.end - frame.size, frame.number - 1, which, frame.state)
        where = "" if frame.alone and not frame.state else f"{self._unit} {frame.number}"
        if of > 1:
            where = f"{where} item {which}".lstrip()
        locator = self._source.at(where) if where else self._source.locator
        return Place(position, locator, str(mark))


def _in_place(record: Record) -> Callable[[Place], Made]:
    return lambda place: (
        replace(record, position=place.position, checkpoint=place.checkpoint),
        None,
    )


def _bad(place: Place, reason: str, advice: str) -> BadRecord:
    return BadRecord(place.position, reason, advice, place.locator, checkpoint=place.checkpoint)
