"""What the readers of XML news standards share: items read one by one, whatever befalls one.

A subclass names its items and says how one becomes articles.  The elements that it gets have
local names only: providers use any prefix, any version's namespace, or none.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from dataclasses import dataclass, field, replace
from html import unescape
from typing import TYPE_CHECKING, ClassVar, Final
from xml.sax.saxutils import quoteattr

from lxml import etree

from schemas.article import ReaderInfo
from services.ingest.readers import xml
from services.ingest.readers.base import BadRecord, ReadArticle, Reader, Resume, Source, Unreadable
from services.ingest.readers.encoding import declared_encoding, decode
from services.ingest.readers.feed_frames import Text
from services.ingest.readers.notes import Notes
from services.ingest.readers.xml_items import Item, Scanner

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"

_MIB: Final = 1024 * 1024
_AGAIN: Final = "Ask the provider for it again; the other items of the file are not affected."
_LINE_IN_ITEM: Final = re.compile(r",? line \d+(?:, column \d+)?")
_XMLNS: Final = re.compile(r"xmlns(?::[^\s=]{1,300})?")


class Rejected(Exception):  # noqa: N818  (not an error of ours: the item can't be an article)
    """An item that can't become an article; the others can."""

    def __init__(self, reason: str, advice: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.advice = advice
        self.line = line


@dataclass(slots=True)
class Parsed:
    """An item's element, and what reading it found."""

    root: etree._Element
    item: Item
    encoding: str
    notes: Notes = field(default_factory=Notes)

    def line(self, element: etree._Element) -> int:
        """The line of the file at which ``element`` stands, from 1."""
        return self.item.line + (element.sourceline or 1) - 1

    def info(self, reader: Reader, recognised_as: str) -> ReaderInfo:
        """Who read it, and what there is to say about it."""
        return ReaderInfo(
            name=reader.name,
            version=reader.version,
            format=recognised_as,
            encoding=self.encoding,
            warnings=self.notes.warnings(),
        )


class XmlReader(Reader):
    """Reads the items of an XML file, of which one may be the whole file."""

    items: ClassVar[frozenset[str]]
    """Local names of the elements that are an item."""

    nested: ClassVar[bool] = False
    """Whether an item may hold another one of its name."""

    namespaces: ClassVar[re.Pattern[str]]
    """What the root's namespace must be like; files without any are taken, too."""

    roots: ClassVar[frozenset[str]]
    """Local names of the root elements."""

    def claims(self, head: bytes, name: str) -> bool:  # noqa: ARG002  (by content alone)
        """Whether the root element is one of this standard."""
        root = xml.root_of(head)
        return (
            root is not None
            and root[1] in self.roots
            and (not root[0] or self.namespaces.search(root[0]) is not None)
        )

    @abstractmethod
    def stories(self, parsed: Parsed) -> Sequence[ReadArticle | BadRecord]:
        """The articles of an item; positions, locators and checkpoints are not yet theirs.

        A ``locator`` is the line of the file, where that isn't the item's.  May raise
        :class:`Rejected`, ``etree.LxmlError``, ``ValueError`` or :class:`Unreadable`: then
        the item becomes a :class:`BadRecord`.
        """

    def read(self, source: Source) -> Iterator[ReadArticle | BadRecord]:
        """Yield the items; see the contract for errors."""
        yield from self.resume(source, Resume(0))

    def resume(self, source: Source, resume: Resume) -> Iterator[ReadArticle | BadRecord]:
        """Go on at the byte where the item after ``resume`` starts."""
        if resume.position and resume.checkpoint is None:
            yield from super().resume(source, resume)
            return
        with source.open() as stream:
            text = Text(stream)
            scanner = Scanner(text, self.items, self.limits.article_bytes, nested=self.nested)
            place, _, skip = (resume.checkpoint or "").partition("+")
            if place:
                scanner.go_on(place)
            yield from self._records(source, text, scanner, resume, int(skip or 0))

    def _records(
        self, source: Source, text: Text, scanner: Scanner, resume: Resume, skip: int
    ) -> Iterator[ReadArticle | BadRecord]:
        position, refuse = resume.position, resume.refuse
        for item in scanner.items():
            # What brings the reader down may be any story of the item: all are passed over.
            found = [_refused(refuse)] if refuse else self._of(item, text)
            skip, refuse = 0 if refuse else skip, None
            for index, record in enumerate(found[skip:], start=skip + 1):
                position += 1
                last = index >= len(found)
                yield replace(
                    record,
                    position=position,
                    locator=_locator(source, item, record.locator),
                    checkpoint=item.after if last else f"{item.before}+{index}",
                )
            skip = 0
        _refuse_changed(source, text)
        if position == 0 or scanner.unfinished:
            raise self._nothing(scanner, position)

    def _nothing(self, scanner: Scanner, position: int) -> Unreadable:
        if scanner.unfinished and position:
            return Unreadable(
                f"the file ends on line {scanner.line} before its last element does, after "
                f"{position} items",
                "What followed is missing: ask the provider for the whole file.",
            )
        names = " or ".join(f"<{name}>" for name in sorted(self.items))
        return Unreadable(
            f"there is no {names} in it, up to its end on line {scanner.line}",
            "Drop the file as the provider sent it.",
        )

    def _of(self, item: Item, text: Text) -> Sequence[ReadArticle | BadRecord]:
        """The item's records; one bad record where it can't be read."""
        try:
            _refuse_unfit(item, self.limits.article_bytes)
            return self.stories(_parsed(item, text)) or [_bad("there is no story in it", _AGAIN)]
        except Rejected as rejected:
            return [_bad(rejected.reason, rejected.advice, rejected.line)]
        except Unreadable as refusal:
            return [_bad(refusal.reason, refusal.advice)]
        except etree.XMLSyntaxError as error:
            line = item.line + max(1, error.lineno or 1) - 1
            what = _LINE_IN_ITEM.sub("", str(error.msg))
            return [_bad(f"not well-formed XML on line {line}: {what}", _AGAIN)]
        except (etree.LxmlError, ValueError, RecursionError) as error:
            return [_bad(f"can't be read: {type(error).__name__}: {error}"[:300], _AGAIN)]


def _bad(reason: str, advice: str, line: int | None = None) -> BadRecord:
    return BadRecord(position=0, reason=reason, advice=advice, locator=str(line or ""))


def _refused(reason: str) -> BadRecord:
    return _bad(reason, "Ask the provider for this item again, or report it.")


def _locator(source: Source, item: Item, line: str) -> str:
    if item.number == 1 and not item.around and not line:
        return source.locator
    return source.at(f"line {line or item.line}")


def _refuse_changed(source: Source, text: Text) -> None:
    if source.size is not None and text.size != source.size:
        raise OSError(f"changed while it was read: {source.size} bytes expected, {text.size} found")


def _refuse_unfit(item: Item, limit: int) -> None:
    if item.size > limit:
        raise Rejected(
            f"too large for one article: {item.size} bytes ({item.size / _MIB:.1f} MiB), the limit "
            f"is {limit} bytes ({limit / _MIB:.1f} MiB)",
            "Raise WIREDESK_MAX_ARTICLE_BYTES if it really is one.",
        )
    if item.fault:
        raise Rejected(item.fault, _AGAIN)
    if (tags := item.data.count(b"<")) > xml.MAX_TAGS:
        raise Rejected(
            f"{tags} tags in one article, the limit is {xml.MAX_TAGS}",
            "It looks like a table of data; split it.",
        )


def _parsed(item: Item, text: Text) -> Parsed:
    notes = Notes()
    label = "utf-8" if text.transcoded else item.label or "utf-8"
    if declared_encoding(f'<?xml version="1.0" encoding="{label}"?>'.encode()) is None:
        notes.add(f"declares the encoding '{label}', which is not known")
    decoded = decode(item.data, label)
    notes.add(*decoded.warnings)
    repaired = xml.repair(decoded.text)
    notes.add(*repaired.warnings())
    root = xml.parse(f"<around {_namespaces(item)}>{repaired.text}</around>")
    if len(root) != 1:
        raise Rejected("what is in it doesn't close in the order in which it opened", _AGAIN)
    use_local_names(root)
    encoding = text.encoding if text.transcoded else decoded.encoding
    return Parsed(root[0], item, encoding, notes)


def _namespaces(item: Item) -> str:
    """The namespaces declared around the item, as attributes."""
    found = {
        name: unescape(value)
        for tag in item.around
        for name, value in xml.attributes(tag.attributes.decode("utf-8", "replace")).items()
        if _XMLNS.fullmatch(name)
    }
    return " ".join(f"{name}={quoteattr(value)}" for name, value in found.items())


def use_local_names(root: etree._Element) -> None:
    """Take namespaces and prefixes off the elements of ``root``."""
    for element in root.iter(etree.Element):
        tag = str(element.tag)
        if "}" in tag or ":" in tag:
            element.tag = tag.rpartition("}")[2].rpartition(":")[2]
