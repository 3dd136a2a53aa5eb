"""The AsyncAPI 3.0 document of all streams, as data.

``schemas`` imports nothing of Wiredesk's own, so the streams and groups are
described here once more for readers outside; a test holds this table and the
bus's own to each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schemas.events import (
    DEAD,
    ENRICHED,
    ENTITIES_CHANGED,
    FILED,
    RECEIVED,
    STORY_MERGED,
    EventType,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]

DATA_FIELD = "__data__"
DEFAULT_HASH_TAG = "{news}"
SCHEMA_FORMAT = "application/schema+json;version=draft-2020-12"


@dataclass(frozen=True, slots=True)
class Flow:
    """One stream: what it carries, who writes it, who reads it as which consumer group."""

    stream: str
    event: EventType
    summary: str
    retention: str
    writers: tuple[str, ...]
    readers: tuple[tuple[str, str], ...]


FLOWS: tuple[Flow, ...] = (
    Flow(
        stream="raw",
        event=RECEIVED,
        summary="Articles as read from dropped files: cleaned and identified, not yet enriched.",
        retention="An hour after enrichment has acknowledged them (WIREDESK_RETAIN_RAW).",
        writers=("ingest",),
        readers=(("enrichment", "enrichment"),),
    ),
    Flow(
        stream="enriched",
        event=ENRICHED,
        summary="Articles with entities, topics, quotes and story. The stream to subscribe to.",
        retention="Seven days (WIREDESK_RETAIN_ENRICHED), and what a group has yet to read.",
        writers=("enrichment",),
        readers=(("indexer", "indexer"),),
    ),
    Flow(
        stream="outcomes",
        event=FILED,
        summary="What finally became of each article of each drop: one outcome, exactly.",
        retention="Seven days (WIREDESK_RETAIN_OUTCOMES), and what a group has yet to read.",
        writers=("ingest", "enrichment", "indexer"),
        readers=(("ingest", "ingest:{inboxId}"),),
    ),
    Flow(
        stream="dead",
        event=DEAD,
        summary="Messages that could not be processed, whole, with what is known of why.",
        retention="Ninety days (WIREDESK_RETAIN_DEAD).",
        writers=("ingest", "enrichment", "indexer"),
        readers=(),
    ),
    Flow(
        stream="stories",
        event=STORY_MERGED,
        summary="Stories that turned out to be one: the id that stays and the one that is gone.",
        retention="Seven days (WIREDESK_RETAIN_CHANGES), and what a group has yet to read.",
        writers=("enrichment",),
        readers=(),
    ),
    Flow(
        stream="entities",
        event=ENTITIES_CHANGED,
        summary="Entities that an operator merged, split or gave another name.",
        retention="Seven days (WIREDESK_RETAIN_CHANGES), and what a group has yet to read.",
        writers=("indexer",),
        readers=(),
    ),
)

DESCRIPTION = f"""\
Wiredesk moves articles over Redis Streams. Each stream entry has one field, `{DATA_FIELD}`,
which holds one CloudEvents 1.0 event in structured JSON: any JSON parser reads it.

To subscribe, make a consumer group of your own from the start of the stream
(`XGROUP CREATE key group 0`), read with `XREADGROUP`, acknowledge with `XACK`, and take over what
a dead worker left with `XAUTOCLAIM`. Ignore fields that you don't know. `id` is the same for an
event that had to be sent again; of two events with the same `subject`, the one with the higher
`data.revision` is the later version of the article."""


def schema_file(event: EventType) -> str:
    """Name of the event's schema file in ``schemas/generated/``."""
    return f"{event.full_name}.json"


def document(version: str) -> Json:
    """The whole document for version ``version`` of the software."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Wiredesk",
            "version": version,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "servers": {"redis": _server()},
        "channels": {flow.stream: _channel(flow) for flow in FLOWS},
        "operations": dict(_operations()),
        "components": {"messages": {flow.event.name: _message(flow) for flow in FLOWS}},
    }


def _server() -> Json:
    return {
        "host": "{address}",
        "protocol": "redis",
        "description": "Redis 7.0 or newer, or Valkey 7.2 or newer.",
        "variables": {
            "address": {
                "default": "localhost:6379",
                "description": "Host and port of the server named in WIREDESK_REDIS_URL.",
            }
        },
        "bindings": {"redis": {}},
    }


def _channel(flow: Flow) -> Json:
    name = flow.event.name
    return {
        # Braces in an address are AsyncAPI's own, so the key's literal ones are in the parameter.
        "address": f"{{hashTag}}:{flow.stream}",
        "title": f"{DEFAULT_HASH_TAG}:{flow.stream}",
        "summary": flow.summary,
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        "parameters": {
            "hashTag": {
                "default": DEFAULT_HASH_TAG,
                "description": "WIREDESK_NAMESPACE in literal braces, as Redis Cluster hashes it.",
            }
        },
        "servers": [{"$ref": "#/servers/redis"}],
        "bindings": {"redis": {}},
        "x-redis-type": "stream",
        "x-data-field": DATA_FIELD,
        "x-retention": flow.retention,
        "x-consumer-groups": [group for _, group in flow.readers],
    }


def _message(flow: Flow) -> Json:
    event = flow.event
    return {
        "name": event.full_name,
        "title": f"{event.payload.__name__} event",
        "summary": flow.summary,
        "contentType": "application/cloudevents+json",
        "correlationId": {
            "description": "The article id: the same on all streams.",
            "location": "$message.payload#/subject",
        },
        "payload": {
            "schemaFormat": SCHEMA_FORMAT,
            "schema": {"$ref": f"./{schema_file(event)}"},
        },
        "x-dataschema": event.dataschema,
    }


def _operations() -> Iterator[tuple[str, Json]]:
    for flow in FLOWS:
        for service in flow.writers:
            yield f"{service}.send.{flow.stream}", _operation(flow, "send", service)
        for service, group in flow.readers:
            operation = _operation(flow, "receive", service) | {"x-consumer-group": group}
            yield f"{service}.receive.{flow.stream}", operation


def _operation(flow: Flow, action: str, service: str) -> Json:
    verb = "writes" if action == "send" else "reads"
    channel = f"#/channels/{flow.stream}"
    return {
        "action": action,
        "channel": {"$ref": channel},
        "summary": f"{service} {verb} {flow.event.full_name}",
        "messages": [{"$ref": f"{channel}/messages/{flow.event.name}"}],
        "x-service": service,
    }
