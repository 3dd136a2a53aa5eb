"""CloudEvents in and out, and a message format that is total.

FastStream parses each message before a handler sees it; a parser that raises
leaves the message pending for ever, or fails a whole batch.  So
:class:`TotalFormat` gives it nothing to parse, :func:`bytes_of` takes the bytes
as they are, whatever they are, and :func:`read` turns them into an event or an
:class:`Unreadable`, never into an exception.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson
from faststream.redis.parser import MessageFormat
from pydantic import ValidationError

from schemas.events import EVENT_TYPES, CloudEvent, EventType, Payload
from services.bus.keys import DATA_FIELD

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_DATA_FIELD = DATA_FIELD.encode()

MAX_DEPTH = 64
"""Levels of nesting read: ours has 6, and pydantic writes no more than 255. What can be read
but not written would end every worker that tries to forward it."""

MANY_BRACKETS = 20_000
"""Brackets above which an event isn't looked at this way: one with 2,000 entities has so many, and
as many levels as brackets, made to be slow, would take some milliseconds."""

_NO_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))

MAX_TYPE_CHARS = 100
"""Characters of a foreign event type quoted in a reason; ours have about 30."""

MAX_ERRORS_NAMED = 3
"""Validation errors named in a reason: enough to find the fault, short enough for a log line."""


@dataclass(slots=True)  # not frozen: there is one per message, and it would double what it costs
class Event:
    """An event as read: its payload, and what the next hop needs of its envelope."""

    payload: Payload
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why the bytes of a message are not an event that this stage knows."""

    reason: str


class TotalFormat(MessageFormat):
    """Gives FastStream's parser nothing to parse, so that nothing can fail in it.

    A stage takes the bytes from the entries themselves, see :func:`bytes_of`: each pass
    through the library's own parsing would take longer than reading the event does.
    """

    @classmethod
    async def encode(cls, *, message: Any, **_kwargs: Any) -> bytes:
        """Bytes as they are. Wiredesk publishes by scripts; this serves ``broker.publish``."""
        return message if isinstance(message, bytes) else orjson.dumps(message)

    @classmethod
    def parse(cls, data: bytes | Mapping[bytes, bytes]) -> tuple[bytes, dict[str, Any]]:
        """``null`` and no headers, whatever it is. Never raises."""
        del data
        return b"null", {}


def bytes_of(fields: Mapping[bytes, bytes]) -> bytes:
    """The bytes of a stream entry's event. Never raises.

    Of an entry without the data field they are JSON of its fields, so that a dead letter can
    show it.
    """
    raw = fields.get(_DATA_FIELD)
    return _fields_as_json(fields) if raw is None else raw


def _fields_as_json(fields: Mapping[bytes, bytes]) -> bytes:
    return orjson.dumps(
        {key.decode("latin-1"): value.decode("latin-1") for key, value in fields.items()}
    )


@cache
def _model(payload: type[Payload]) -> type[CloudEvent[Any]]:
    return CloudEvent[payload]  # type: ignore[valid-type]  # built per payload at run time


def read(raw: bytes, expected: EventType) -> Event | Unreadable:
    """The event in ``raw``, if it is of the ``expected`` type and major version. Never raises."""
    return _read_at_once(raw, expected) or _read_closely(raw, expected)


def _read_at_once(raw: bytes, expected: EventType) -> Event | None:
    """The event of bytes that are plainly one, in one pass; None where they need a closer look.

    NaN and the infinities are no JSON, which this parser doesn't mind.  In a field that nobody
    knows it also reads numbers that the close look rounds, or refuses as too large: those are
    written as null.
    """
    if not _plainly_shallow(raw) or b"NaN" in raw or b"Infinity" in raw:
        return None
    try:
        event = _model(expected.payload).model_validate_json(raw)
    except ValidationError:
        return None
    if event.type != expected.full_name:
        return None
    return Event(payload=event.data, traceparent=event.traceparent)


def _plainly_shallow(raw: bytes) -> bool:
    """Whether the brackets in ``raw`` close each other, no more than ``MAX_DEPTH`` levels deep.

    Level by level from the inside; those in texts count too.  Texts made for it could hide
    levels: the parser stops at 200 of its own, and so many can still be written.
    """
    if raw.count(b"{") + raw.count(b"[") <= MAX_DEPTH:
        return True
    left = raw.translate(None, _NO_BRACKETS)
    if len(left) > MANY_BRACKETS:
        return False
    for _ in range(MAX_DEPTH):
        if not left:
            return True
        before, left = left, left.replace(b"{}", b"").replace(b"[]", b"")
        if left == before:
            return False
    return not left


def _read_closely(raw: bytes, expected: EventType) -> Event | Unreadable:
    """The event, or what is wrong with it."""
    try:
        document = orjson.loads(raw)
    except (orjson.JSONDecodeError, RecursionError) as error:
        return Unreadable(f"not JSON: {error}")
    if not isinstance(document, dict):
        return Unreadable("not a CloudEvent: the JSON is not an object")
    if _deeper_than(document, MAX_DEPTH):
        return Unreadable(f"nested more than {MAX_DEPTH} levels deep")
    wrong = _wrong_type(document.get("type"), expected)
    if wrong:
        return Unreadable(wrong)
    return _validated(document, expected)


def _deeper_than(document: dict[str, Any], limit: int) -> bool:
    """Whether lists and objects are nested deeper; level by level, so depth costs no stack."""
    level: list[Any] = [document]
    for _ in range(limit):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def _validated(document: dict[str, Any], expected: EventType) -> Event | Unreadable:
    try:
        event = _model(expected.payload).model_validate(document)
    except ValidationError as error:
        return Unreadable(_named(error))
    return Event(payload=event.data, traceparent=event.traceparent)


def _wrong_type(found: object, expected: EventType) -> str | None:
    if found == expected.full_name:
        return None
    stem = expected.full_name.rpartition(".v")[0]
    if not isinstance(found, str):
        return f"the event type is no text; expected {expected.full_name}"
    shown = found[:MAX_TYPE_CHARS]
    if found.rpartition(".v")[0] == stem:
        return f"unknown major version: {shown} (this release reads {expected.full_name})"
    known = {event.full_name for event in EVENT_TYPES}
    what = "belongs on another stream" if found in known else "is unknown"
    return f"event type {shown!r} {what}; expected {expected.full_name}"


def _named(error: ValidationError) -> str:
    errors = error.errors(include_url=False, include_input=False, include_context=False)
    named = "; ".join(
        f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in errors[:MAX_ERRORS_NAMED]
    )
    more = len(errors) - MAX_ERRORS_NAMED
    return f"not valid: {named}" + (f"; and {more} more" if more > 0 else "")


@dataclass(slots=True)  # see Event
class Outgoing:
    """What the envelope of a new event says beside its payload."""

    event: EventType
    id: str
    source: str
    subject: str | None
    time: datetime
    traceparent: str | None


def write(head: Outgoing, payload: Payload) -> bytes:
    """A CloudEvent in structured JSON, UTF-8: what dumping a :class:`CloudEvent` would give.

    Only the payload goes through its model.  All else is ours, and to validate it here would
    take as long as to write it.  Raises :class:`ValueError` where the payload isn't the
    event's, or can't be written.
    """
    event = head.event
    if not isinstance(payload, event.payload):
        raise ValueError(f"{type(payload).__name__} is no payload of {event.full_name}")  # noqa: TRY004  (a message that can't be written, as a lone surrogate is)
    envelope = {
        "specversion": "1.0",
        "id": head.id,
        "source": head.source,
        "type": event.full_name,
        "subject": head.subject,
        "time": head.time.astimezone(UTC),
        "datacontenttype": "application/json",
        "dataschema": event.dataschema,
        "traceparent": head.traceparent,
    }
    opening = orjson.dumps(envelope, option=orjson.OPT_UTC_Z)
    data = event.payload.__pydantic_serializer__.to_json(payload)
    return b'%b,"data":%b}' % (opening[:-1], data)
