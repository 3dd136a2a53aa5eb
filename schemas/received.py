"""What a subscriber is given, and how it knows what it has had already."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from schemas.article import RawArticle
from schemas.events import EVENT_TYPES, CloudEvent, EventType

if TYPE_CHECKING:
    from datetime import datetime

REMEMBERED = 10_000
"""Events whose ids are remembered, about 150 bytes each: more than come again after any restart."""

_TYPES = {event.full_name: event for event in EVENT_TYPES}


@dataclass(frozen=True, slots=True)
class Received:
    """One event.

    ``raw``: its bytes as they are stored, a CloudEvent in JSON.  ``position``: where the
    subscription is with it; opaque, to be given back as ``start``.
    """

    event: CloudEvent[Any]
    raw: bytes
    position: str

    @property
    def type(self) -> str:
        """The CloudEvents type, e.g. ``wiredesk.article.enriched.v1``."""
        return self.event.type

    @property
    def data(self) -> Any:
        """The payload, e.g. a :class:`schemas.article.EnrichedArticle`."""
        return self.event.data


@dataclass(frozen=True, slots=True)
class Gap:
    """Events of a type that are gone: those added after ``since``, up to ``until``."""

    type: str
    since: datetime
    until: datetime


class Unreadable(ValueError):  # noqa: N818  (named for the state, like the bus's own)
    """Bytes that are no event of this release; the message says why, without quoting them."""


@cache
def _model(event: EventType) -> type[CloudEvent[Any]]:
    return CloudEvent[event.payload]  # type: ignore[name-defined]  # built per payload at run time


def parsed(raw: bytes, kind: str | None = None) -> CloudEvent[Any]:
    """The event in ``raw``; of the type ``kind``, or of the one that it says it has."""
    try:
        name = kind or CloudEvent[Any].model_validate_json(raw).type
        if name not in _TYPES:
            raise Unreadable(f"unknown type of event: {name[:100]!r}")
        return _model(_TYPES[name]).model_validate_json(raw)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, wrong["loc"]))
        raise Unreadable(f"not valid: {place}: {wrong['msg']}") from None


def identity(event: CloudEvent[Any]) -> tuple[str, ...]:
    """What makes two events the same to a subscriber.

    An article by id and revision: dropped again, it is sent again.  Everything else by the
    event's id, which is the same when the same is told twice.
    """
    if isinstance(event.data, RawArticle):
        return (event.type, str(event.data.article_id), str(event.data.revision))
    return (event.type, event.id)


class Memory:
    """The last events that were given; the oldest are forgotten first."""

    def __init__(self, size: int = REMEMBERED) -> None:
        self._size = size
        self._seen: OrderedDict[tuple[str, ...], None] = OrderedDict()

    def add(self, event: CloudEvent[Any]) -> bool:
        """Remember an event; False if it was remembered already."""
        key = identity(event)
        new = key not in self._seen
        self._seen[key] = None
        self._seen.move_to_end(key)
        if len(self._seen) > self._size:
            self._seen.popitem(last=False)
        return new

    def forget(self, event: CloudEvent[Any]) -> None:
        """Take back what was added: the event was given, and not dealt with."""
        self._seen.pop(identity(event), None)
