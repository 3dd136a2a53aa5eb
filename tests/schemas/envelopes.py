"""Puts payloads into their envelopes, for the tests of the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from schemas.events import EVENT_TYPES, CloudEvent, EventType
from tests.factories import NOON

if TYPE_CHECKING:
    from schemas.events import Payload


def event_type(payload: Payload) -> EventType:
    """The type of the event that carries ``payload``."""
    return next(event for event in EVENT_TYPES if event.payload is type(payload))


def enveloped(payload: Payload, **over: Any) -> CloudEvent[Any]:
    """``payload`` in a valid envelope."""
    event = event_type(payload)
    fields: dict[str, Any] = {
        "id": "0b7c0d0e-0000-5000-8000-000000000001",
        "source": "/wiredesk/test",
        "type": event.full_name,
        "subject": "0b7c0d0e-0000-5000-8000-000000000002",
        "time": NOON,
        "dataschema": event.dataschema,
        "data": payload,
    }
    model = cast("type[CloudEvent[Any]]", CloudEvent.__class_getitem__(event.payload))
    return model(**(fields | over))
