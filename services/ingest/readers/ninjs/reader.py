"""A file that is one ninjs item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.article import ReaderInfo
from services.ingest.readers import sniff
from services.ingest.readers.base import Reader, Record, Resume, Unreadable
from services.ingest.readers.encoding import decode
from services.ingest.readers.ninjs.editions import MEDIA_TYPE, looks_like
from services.ingest.readers.ninjs.parsing import parse
from services.ingest.readers.ninjs.records import to_records
from services.ingest.readers.notes import Notes
from services.ingest.readers.whole import load_any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.ingest.readers.base import Source

_JSON_SPACE: Final = b" \t\r\n"


class NinjsReader(Reader):
    """Reads one ninjs item of any version, and the articles associated with it.

    Arrays and lines of items are dumps, and read as such; so is a file whose first line turns out
    to be only the first of several, which its head didn't show.
    """

    name = "ninjs"
    version = "1"

    def claims(self, head: bytes, name: str) -> bool:  # noqa: ARG002  (by content alone)
        """Whether ``head`` starts a JSON object with the keys of a ninjs item."""
        return sniff.markup_kind(head) == "a ninjs item"

    def read(self, source: Source) -> Iterator[Record]:
        """Yield the item, then the articles associated with it; see the contract for errors."""
        if self._is_lines(source):
            yield from _dump_reader(self).read(source)
            return
        decoded = decode(load_any(source, self.limits))
        notes = Notes()
        notes.add(*decoded.warnings)
        document = parse(decoded.text, notes)
        if not isinstance(document, dict):
            raise Unreadable(
                "no ninjs item: the JSON is no object", "Drop an item, or lines of some."
            )
        if not looks_like(document):
            notes.add("few of its fields are those of ninjs")
        info = ReaderInfo(
            name=self.name,
            version=self.version,
            format=MEDIA_TYPE,
            encoding=decoded.encoding,
            warnings=notes.warnings(),
        )
        yield from to_records(document, position=1, locator=source.locator, info=info)

    def resume(self, source: Source, resume: Resume) -> Iterator[Record]:
        """Yield what comes after ``resume``; one item is read once more from its start."""
        if self._is_lines(source):
            return _dump_reader(self).resume(source, resume)
        return super().resume(source, resume)

    def _is_lines(self, source: Source) -> bool:
        """Whether the first line is an object, and another one follows it."""
        with source.open() as stream:
            line = stream.readline(self.limits.article_bytes)
            rest = stream.read(sniff.HEAD_BYTES).lstrip(_JSON_SPACE)
        ends = line.endswith(b"\n") and line.rstrip(_JSON_SPACE).endswith(b"}")
        return ends and rest.startswith(b"{")


def _dump_reader(reader: Reader) -> Reader:
    # Only here: the reader of dumps asks this package what the lines are.
    from services.ingest.readers.dumps.reader import JsonReader  # noqa: PLC0415

    return JsonReader(reader.limits)
