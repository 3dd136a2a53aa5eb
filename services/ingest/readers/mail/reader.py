"""The reader of single mail messages (.eml)."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from schemas.article import ReaderInfo
from services.ingest.readers import sniff
from services.ingest.readers.base import BadRecord, ReadArticle, Reader, Source, Unreadable
from services.ingest.readers.html_page import read_page
from services.ingest.readers.lines import clean
from services.ingest.readers.mail import mime
from services.ingest.readers.mail.content import MESSAGES, Content, Text, sort_parts, text_of
from services.ingest.readers.mail.envelope import is_message
from services.ingest.readers.mail.headers import Envelope, read_envelope, text
from services.ingest.readers.page import analyse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.ingest.readers.base import Limits, Record
    from services.ingest.readers.mail.mime import Parsed, Part

MESSAGE_BYTES = 48 * 1024 * 1024
"""The largest message: mail servers take 25 to 50 MB, of which attachments (in base64, a third
longer) are nearly all, and taking them apart needs seven times as much memory.  The text within
is held to ``Limits.article_bytes``."""

MAX_WARNINGS = 20
WARNING_CHARS = 300
"""A receipt is read by people."""


class MailReader(Reader):
    """Reads a message as one article, and each attachment as items of its own.

    A newsletter of several stories is one article: nothing in mail tells where one ends.  A
    message without any text whose attachments can be read is only their cover: no article.
    """

    name: ClassVar[str] = "mail"
    version: ClassVar[str] = "1"

    def claims(self, head: bytes, name: str) -> bool:  # noqa: ARG002  (by content alone)
        """Whether ``head`` starts with the header of a mail message."""
        return is_message(head)

    def read(self, source: Source) -> Iterator[Record]:
        """Yield the article of the text, then what the attachments hold."""
        found = False
        for record in read_message(load(source), source, self.limits):
            found = True
            yield record
        if not found:
            raise empty()


def load(source: Source) -> bytes:
    """The whole message; raises :class:`Unreadable` if it is empty or too large."""
    with source.open() as stream:
        data = stream.read(MESSAGE_BYTES + 1)
    if len(data) > MESSAGE_BYTES:
        raise too_large(source.size if source.size is not None else len(data))
    if not data:
        raise Unreadable("the file is empty", "Drop it again with its text.")
    if source.size is not None and source.size != len(data):
        raise OSError(f"changed while it was read: {source.size} bytes expected, {len(data)} found")
    return data


def too_large(size: int) -> Unreadable:
    """The refusal of a message of ``size`` bytes."""
    return Unreadable(
        f"too large for one message: {size} bytes, the limit is {MESSAGE_BYTES} bytes",
        "Save its text and its attachments as files of their own, and drop those.",
    )


def empty() -> Unreadable:
    """The refusal of a message without anything to read."""
    return Unreadable(
        "the message has neither subject nor text nor attachments that can be read",
        "Save it again with its content.",
    )


def read_message(data: bytes, source: Source, limits: Limits) -> Iterator[Record]:
    """The records of one message, positions from 1; may yield none.

    Raises :class:`Unreadable` where the message has only a text and that can't be read.
    """
    parsed = mime.parse(data)
    content = sort_parts(parsed.root)
    position = 0
    own = _own_record(parsed, content, source, limits)
    if own is not None:
        position = 1
        yield own
    for item in _attachments(parsed, content, source, limits):
        position += 1
        yield replace(item, position=position, checkpoint=None)


def _own_record(
    parsed: Parsed, content: Content, source: Source, limits: Limits
) -> ReadArticle | BadRecord | None:
    envelope = read_envelope(parsed.root)
    try:
        _refuse_encrypted(content)
        if page := _saved_page(parsed, content, source, limits):
            return page
        return _article(parsed, content, envelope, text_of(parsed, content, limits), source)
    except Unreadable as fault:
        if not content.attachments:
            raise
        return BadRecord(
            position=1,
            reason=f"the message's text can't be read: {fault.reason}",
            advice=fault.advice,
            headline=envelope.subject,
            locator=source.locator,
        )


def _saved_page(
    parsed: Parsed, content: Content, source: Source, limits: Limits
) -> ReadArticle | BadRecord | None:
    """The page of a web archive (MHTML), which browsers save in the form of a mail."""
    url = text(parsed.root, "snapshot-content-location")
    part = next((way[0] for ways in content.texts for way in ways if way), None)
    if not url.startswith("http") or part is None or part.kind != "text/html":
        return None
    record = read_page(
        mime.content(parsed, part),
        url=url,
        charset=part.charset,
        position=1,
        locator=source.locator,
        limits=limits,
    )
    if isinstance(record, BadRecord):
        raise Unreadable(record.reason, record.advice)
    ours = {"name": MailReader.name, "version": MailReader.version, "format": "multipart/related"}
    return replace(record, info=record.info.model_copy(update=ours))


def _refuse_encrypted(content: Content) -> None:
    if content.encrypted:
        raise Unreadable("the message is encrypted", "Decrypt it, and drop it again.")


def _article(
    parsed: Parsed, content: Content, envelope: Envelope, own: Text, source: Source
) -> ReadArticle | None:
    if not own.lines and (content.attachments or envelope.subject is None):
        return None
    page = analyse(own.lines, headline=envelope.subject, wrapped=own.wrapped)
    authors = page.authors or ((envelope.author,) if envelope.author else ())
    apart = sorted((*own.apart, *page.set_apart), key=lambda line: line.line)
    notes = [*parsed.warnings, *envelope.warnings, *own.warnings, *_left_out(content)]
    return ReadArticle(
        position=1,
        headline=page.headline,
        standfirst=page.standfirst,
        dateline=page.dateline,
        body=page.body,
        authors=authors,
        byline=next((e.text for e in page.set_apart if e.kind == "byline"), envelope.author),
        published_at=envelope.sent_at or page.published_at,
        updated_at=page.updated_at,
        language=envelope.language or own.language,
        set_apart=tuple(apart),
        credits=page.credits,
        url=envelope.url,
        provider=envelope.provider,
        provider_id=envelope.message_id,
        keywords=envelope.keywords,
        info=_info(own, [*notes, *page.warnings]),
        locator=source.locator,
    )


def _info(own: Text, notes: list[str]) -> ReaderInfo:
    unique = [clean(note)[:WARNING_CHARS] for note in dict.fromkeys(notes)]
    if len(unique) > MAX_WARNINGS:
        left = len(unique) - MAX_WARNINGS + 1
        unique = [*unique[: MAX_WARNINGS - 1], f"and {left} more"]
    return ReaderInfo(
        name=MailReader.name,
        version=MailReader.version,
        format="message/rfc822",
        encoding=own.encoding,
        warnings=tuple(unique),
    )


def _left_out(content: Content) -> list[str]:
    notes: list[str] = []
    if content.pictures:
        notes.append(f"{len(content.pictures)} pictures left out: {_names(content.pictures)}")
    if content.ignored:
        notes.append(f"{len(content.ignored)} parts left out: {_names(content.ignored)}")
    return notes


def _names(parts: list[Part]) -> str:
    return ", ".join(clean(part.filename or part.kind) for part in parts[:5])


# --- Attachments --------------------------------------------------------------------------


def _attachments(
    parsed: Parsed, content: Content, source: Source, limits: Limits
) -> Iterator[Record]:
    taken: set[str] = set()
    for part in content.attachments:
        name = part.filename or f"part {part.number}"
        # Two attachments of one name are told apart by the number of the part.
        label = name if name not in taken else f"{name} (part {part.number})"
        taken.add(name)
        yield from _attachment(parsed, part, label, source, limits)


def _attachment(
    parsed: Parsed, part: Part, name: str, source: Source, limits: Limits
) -> Iterator[Record]:
    locator = f"{source.locator or clean(source.name)}!{name}"
    if source.depth >= limits.nesting:
        yield _bad(locator, f"attached {source.depth} layers deep, more than are opened", _DROP_IT)
        return
    data = mime.content(parsed, part)
    if not data.strip():
        return  # some mail servers attach an empty text after each picture
    try:
        source.budget.spend(len(data))
        inner = source.inside(name, len(data), lambda: io.BytesIO(data), locator)
        for record in _read_inner(part, data, inner, limits):
            yield record if record.locator else replace(record, locator=locator)
    except Unreadable as refusal:
        yield _bad(locator, refusal.reason, refusal.advice)


_DROP_IT = "Save the attachment as a file, and drop that."


def _bad(locator: str, reason: str, advice: str) -> BadRecord:
    return BadRecord(position=1, reason=f"attachment: {reason}", advice=advice, locator=locator)


def _read_inner(part: Part, data: bytes, inner: Source, limits: Limits) -> Iterator[Record]:
    # Here, since the registry imports this reader.
    from services.ingest.readers.registry import read_file  # noqa: PLC0415

    if part.kind in MESSAGES and sniff.binary_kind(data[: sniff.HEAD_BYTES]) is None:
        return MailReader(limits).read(inner)
    return read_file(inner, limits)
