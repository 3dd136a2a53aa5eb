"""What a request says of an event: its id, its headers; the event itself goes as it is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4, uuid5

import orjson

from schemas.events import EVENT_NAMESPACE
from services.bus.keys import INDEXER
from services.bus.messages import software_version
from services.indexer.webhooks.signing import signature_header

if TYPE_CHECKING:
    from services.indexer.webhooks.document import Webhook

MAX_ID_CHARS = 200
"""Characters of an event's id that may stand in a header; ours have 36."""

PING = "wiredesk.webhook.ping.v1"
"""Type of the event that tests a webhook. It is on no stream."""


def parsed(event: bytes) -> dict[str, Any] | None:
    """The event as JSON; None where it is no object. Never raises."""
    try:
        document = orjson.loads(event)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def message_id(event: bytes) -> str:
    """The event's own id; where that can't stand in a header, one that is made of it.

    Never one with a dot: dots part what is signed.
    """
    given = (parsed(event) or {}).get("id")
    if not isinstance(given, str) or not given:
        return str(uuid5(EVENT_NAMESPACE, event.hex()))
    plain = given.isascii() and given.isprintable() and not set(given) & {" ", "."}
    if plain and len(given) <= MAX_ID_CHARS:
        return given
    return str(uuid5(EVENT_NAMESPACE, given))


def headers_of(webhook: Webhook, event: bytes, sent: int, now: float) -> dict[str, str]:
    """The headers of one request; ``sent``: how many times, this one included."""
    named = message_id(event)
    held = webhook.secrets(datetime.fromtimestamp(now, UTC))
    return {
        "content-type": "application/cloudevents+json",
        "user-agent": f"wiredesk/{software_version()}",
        "webhook-id": named,
        "webhook-timestamp": str(int(now)),
        "webhook-signature": signature_header(held, named, int(now), event),
        "wiredesk-webhook": webhook.name,
        "wiredesk-attempt": str(sent),
    }


def ping(webhook: Webhook, now: datetime) -> bytes:
    """An event that only tells that it is one."""
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": str(uuid4()),
            "source": INDEXER.source,
            "type": PING,
            "time": now.isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": {"webhook": webhook.name},
        }
    )
