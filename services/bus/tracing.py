"""W3C Trace Context: one trace per article and drop, without a tracer.

Ids are made from what they name, so that a message sent again is the same
message, byte for byte, and a log line before publishing already has the id.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID

    from schemas.events import EventType

_SAMPLED = "01"


def _hex(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:digits]


def start_trace(drop_id: UUID | str, article_id: UUID | str) -> str:
    """The ``traceparent`` with which an article of a drop sets out."""
    about = f"{drop_id}|{article_id}"
    return f"00-{_hex(about, 32)}-{_hex('start|' + about, 16)}-{_SAMPLED}"


def child(traceparent: str | None, event: EventType) -> str | None:
    """The ``traceparent`` of the event that follows from one with ``traceparent``."""
    if traceparent is None:
        return None
    version, trace_id, span_id, flags = traceparent.split("-")
    return f"{version}-{trace_id}-{_hex(span_id + event.full_name, 16)}-{flags}"


def trace_id(traceparent: str | None) -> str | None:
    """The trace id of a ``traceparent``: 32 hexadecimal digits."""
    return traceparent.split("-")[1] if traceparent else None


def span_of(traceparent: str, role: str) -> str:
    """The ``traceparent`` of a span that no event names, below the one of ``traceparent``."""
    version, trace_id, span_id, flags = traceparent.split("-")
    return f"{version}-{trace_id}-{_hex(f'{span_id}|{role}', 16)}-{flags}"
