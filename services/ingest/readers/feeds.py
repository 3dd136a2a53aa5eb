"""RSS (0.9x, 1.0, 2.0) and Atom: each entry an article, one parsed at a time.

feedparser reads all of a feed at once.  Here the entries are cut out first (``feed_frames``)
and parsed one by one within the feed's own tags, so that a feed may be larger than memory, a
broken entry costs only itself, and reading can go on in its middle.
"""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from schemas.article import ReaderInfo
from services.ingest.addresses import canonical_url
from services.ingest.readers import xml
from services.ingest.readers.base import BadRecord, Reader, Record, Resume, Source, Unreadable
from services.ingest.readers.encoding import decode
from services.ingest.readers.feed_entry import language_tag, read_entry
from services.ingest.readers.feed_frames import Frame, Frames, Head, Text
from services.ingest.readers.feed_parsing import LOOSE_CHARS, Feed, NoArticle, loosely_parsed
from services.ingest.readers.fragments import paragraphs
from services.ingest.readers.lines import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from services.ingest.readers.base import ReadArticle

_RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_ATOM: Final = {"http://www.w3.org/2005/Atom": "1.0", "http://purl.org/atom/ns#": "0.3"}
_RSS_IN_RDF: Final = {
    "http://purl.org/rss/1.0/": "1.0",
    "http://my.netscape.com/rdf/simple/0.9/": "0.90",
}
_VERSION: Final = re.compile(r"[0-9]\.[0-9]{1,3}(?:\.[0-9])?")
_CHANNEL: Final = re.compile(r"""<channel\b(?:[^<>"']|"[^"]*"|'[^']*')*>""")
_ITEM_LIST: Final = re.compile(r"<items\b.*?</items\s*>", re.DOTALL)
_TAG_NAME: Final = re.compile(r"<[^\s/>]+")


class FeedReader(Reader):
    """Reads RSS and Atom feeds as streams; a checkpoint is ``byte:line`` behind the entry."""

    name = "feed"
    version = "1"

    def claims(self, head: bytes, name: str) -> bool:  # noqa: ARG002  (by content alone)
        """Whether the root element is that of RSS, of RSS within RDF, or of Atom."""
        root = xml.root_of(head)
        if root is None:
            return False
        namespace, local = root
        if local == "RDF":
            text = xml.head_text(head)
            return namespace == _RDF and any(rss in text for rss in _RSS_IN_RDF)
        return local == "rss" or (local in ("feed", "entry") and namespace in _ATOM)

    def read(self, source: Source) -> Iterator[Record]:
        """Yield an article for each entry; see the contract for errors."""
        return self.resume(source, Resume(position=0))

    def resume(self, source: Source, resume: Resume) -> Iterator[Record]:
        """Yield the entries after ``resume``: the feed's head is read again, then that place."""
        if resume.checkpoint == _END:
            return
        with closing(source.open()) as stream:
            text = Text(stream)
            frames = Frames(text, self.limits.article_bytes)
            head = frames.head()
            feed = describe(head, text)
            if resume.checkpoint:
                offset, line, was_closed = map(int, resume.checkpoint.split(":"))
                frames.go_to(offset, line)
                frames.closed = bool(was_closed)
            position, cut = resume.position, False
            for position, frame in enumerate(frames, start=resume.position + 1):
                refused = resume.refuse if position == resume.position + 1 else None
                place = _Place(source.at(f"entry {position}"), position, _after(frame, frames))
                yield self._record(feed, frame, place, refused)
                cut = frame.fault == "cut"
            if source.size is not None and text.size != source.size:
                raise OSError(f"changed while it was read: {source.size} bytes expected")
        if position == 0:
            raise _empty(frames, head)
        if not frames.closed and not cut:
            yield _cut(source, frames, head, position + 1)

    def _record(self, feed: Feed, frame: Frame, place: _Place, refused: str | None) -> Record:
        if refused is not None:
            return place.bad(refused, "Drop the other entries, or this one in another format.")
        if frame.fault == "cut":
            return place.bad(
                f"the feed ends at line {frame.end_line}, in the middle of the entry that starts "
                f"at line {frame.line}",
                "Drop the whole feed again; the entries before were read.",
            )
        if frame.fault == "too large":
            return place.bad(
                f"the entry at line {frame.line} is too large for one article: {frame.size} "
                f"bytes, the limit is {self.limits.article_bytes} bytes",
                "Drop it in another format, or raise WIREDESK_MAX_ARTICLE_BYTES.",
            )
        try:
            return self._article(feed, frame, place)
        except NoArticle as refusal:
            return place.bad(f"line {frame.line}: {refusal.reason}", refusal.advice)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001  (feedparser's own; one entry costs no other)
            return place.bad(
                f"line {frame.line}: the entry can't be parsed ({type(error).__name__})",
                "Ask the feed's provider to mend it, or drop the page that it links to.",
            )

    def _article(self, feed: Feed, frame: Frame, place: _Place) -> ReadArticle:
        try:
            decoded = decode(frame.data, feed.encoding)
        except Unreadable as refusal:
            raise NoArticle(
                f"its text is not {feed.encoding.upper()}, nor another encoding for certain",
                refusal.advice,
            ) from refusal
        unclosed = ("an element or CDATA section of the entry is not closed",)
        info = ReaderInfo(
            name=self.name,
            version=self.version,
            format=feed.format,
            encoding=feed.transcoded or decoded.encoding,
            warnings=(*decoded.warnings, *(unclosed if frame.fault else ())),
        )
        article = read_entry(feed, decoded.text, info, place.position)
        return replace(article, locator=place.locator, checkpoint=place.checkpoint)


_END: Final = "end"
"""The checkpoint behind what a cut feed ends with: there is nothing after it."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a record is, for people and for going on after it."""

    locator: str
    position: int
    checkpoint: str

    def bad(self, reason: str, advice: str) -> BadRecord:
        return BadRecord(
            position=self.position,
            reason=reason,
            advice=advice,
            locator=self.locator,
            checkpoint=self.checkpoint,
        )


def _after(frame: Frame, frames: Frames) -> str:
    return _END if frame.fault == "cut" else f"{frame.end}:{frame.end_line}:{int(frames.closed)}"


def _cut(source: Source, frames: Frames, head: Head, position: int) -> BadRecord:
    root = head.root_name.decode("ascii", "replace")
    return _Place(source.at(f"line {frames.line}"), position, _END).bad(
        f"the feed ends at line {frames.line} without its end tag </{root}>: it was cut off, and "
        "later entries are missing",
        "Drop the whole feed again; the entries before were read.",
    )


def _empty(frames: Frames, head: Head) -> Unreadable:
    if frames.closed:
        return Unreadable("the feed has no entries", "There is nothing to do until it has some.")
    root = head.root_name.decode("ascii", "replace")
    return Unreadable(
        f"the feed ends at line {frames.line}, before its first entry and its end tag </{root}>",
        "Drop the whole feed again.",
    )


# --- The feed itself ----------------------------------------------------------------------


def describe(head: Head, text: Text) -> Feed:
    """What the feed says of itself before its first entry."""
    encoding = "utf-8" if text.transcoded else text.encoding
    warnings: list[str] = []
    if head.has_doctype:
        warnings.append("the document type declaration was passed over: nothing is taken from it")
    root_tag, metadata = (
        _markup(part, encoding, warnings) for part in (head.root_tag, head.metadata)
    )
    root = head.root_name.decode("ascii", "replace")
    local = root.rpartition(":")[2]
    channel = _CHANNEL.search(metadata) if local == "rss" else None
    opening, closing_tags = root_tag, f"</{root}>" if root_tag else ""
    if channel:
        opening, closing_tags = f"{root_tag}{channel[0]}", f"</channel></{root}>"
    fields = _metadata(f"{root_tag}{_ITEM_LIST.sub('', metadata, count=1)}{closing_tags}", warnings)
    link = _text(fields, "link")
    return Feed(
        format=_format(root_tag, root),
        encoding=encoding,
        transcoded=text.encoding if text.transcoded else None,
        atom=local not in {"rss", "RDF"},
        opening=opening,
        closing=closing_tags,
        provider=" ".join(paragraphs(_text(fields, "title") or "")) or None,
        language=language_tag(_text(fields, "language"), warnings),
        rights=" ".join(paragraphs(_text(fields, "rights") or "")) or None,
        link=link if link and canonical_url(link) else None,
        warnings=tuple(warnings),
    )


def _markup(part: bytes, encoding: str, warnings: list[str]) -> str:
    """A part of the head, in which what can't be decoded is lost (and said to be)."""
    try:
        text = decode(part, encoding).text
    except Unreadable as refusal:
        warnings.append(f"the feed's own description: {refusal.reason}")
        text = part.decode("ascii", "replace")
    return xml.repair(text).text


def _metadata(markup: str, warnings: list[str]) -> Mapping[str, object]:
    if len(markup) > LOOSE_CHARS:
        warnings.append("the feed's own description is too long: title and rights not taken")
        return {}
    try:
        parsed = loosely_parsed(markup)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  (feedparser's own; the entries may be well)
        warnings.append(f"the feed's own description can't be parsed ({type(error).__name__})")
        return {}
    return dict(parsed["feed"].items())


def _text(fields: Mapping[str, object], key: str) -> str | None:
    value = fields.get(key)
    return (clean(value) or None) if isinstance(value, str) else None


def _format(root_tag: str, root: str) -> str:
    prefix, _, local = root.rpartition(":")
    name = _TAG_NAME.match(root_tag)
    given = xml.attributes(root_tag[name.end() :]) if name else {}
    if local == "rss":
        version = given.get("version", "")
        return f"application/rss+xml {version if _VERSION.fullmatch(version) else '(no version)'}"
    if local == "RDF":
        found = (v for uri, v in _RSS_IN_RDF.items() if uri in given.values())
        return f"application/rss+xml {next(found, '1.0')}"
    namespace = given.get(f"xmlns:{prefix}" if prefix else "xmlns", "")
    return f"application/atom+xml {_ATOM.get(namespace, '1.0')}"
