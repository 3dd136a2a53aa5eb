"""``/v1/events``: what happens, as Server-Sent Events, with a way back to where one was."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query
from pydantic import Field
from starlette.responses import StreamingResponse

from services.bus.feed import Delivery, Feed, Gap, Item
from services.bus.filters import MAX_CHARS, MAX_VALUES, OFFERED, BadFilter, EventFilter
from services.bus.positions import BadPosition, Position, Start, start_of
from services.indexer.api.context import ApiContext, Context
from services.indexer.api.problems import RETRY_AFTER, ProblemError
from services.serving.problem import FieldProblem

router = APIRouter(prefix="/v1", tags=["events"])

RETRY_MS = 2000
"""Milliseconds after which a browser comes back: a restart takes about as long."""

GAP = "wiredesk.gap"
"""The ``event`` of a gap: no type of an event that is stored."""

MAX_START = 64
"""Characters of a start: a time with everything has 35."""

MAX_POSITION = 60_000
"""Characters of a position: one over all streams has 130, and 50 more for each further partition,
of which there may be 1,024. Below the 64 KiB that a server takes of a request's head."""

HEADERS = {
    # A proxy that stores or changes the answer would hold events back.
    "cache-control": "no-store, no-transform",
    "x-accel-buffering": "no",
}

EVENT_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events for as long as the line is open. `id` is a position, opaque: give "
        "it back as it came. `event` is the type, `data` the event as it is stored, a CloudEvent "
        "in JSON. `event: wiredesk.gap` says that events are gone: `type`, `from`, `to`.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    400: {"description": "A parameter is wrong, or the position isn't one of this feed."},
    503: {"description": "As many clients as are allowed are here already, or no events."},
}

Values = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=MAX_CHARS)]], Query(max_length=MAX_VALUES)
]


def wanted(
    types: Annotated[
        Values,
        Query(
            alias="type",
            description="types of events: " + ", ".join(event.full_name for event in OFFERED),
        ),
    ] = [OFFERED[0].full_name],  # noqa: B006  (FastAPI copies it)
    entities: Annotated[
        Values, Query(alias="entity", description="keys (wd:Q184), QIDs or names; any of them")
    ] = [],  # noqa: B006
    topics: Annotated[
        Values,
        Query(alias="topic", description="codes or names of topics, with those below; any of them"),
    ] = [],  # noqa: B006
    sources: Annotated[Values, Query(alias="source", description="providers; any of them")] = [],  # noqa: B006
    languages: Annotated[
        Values, Query(alias="language", description="codes of ISO 639; any of them")
    ] = [],  # noqa: B006
) -> EventFilter:
    """The filter that the request asks for."""
    given = {
        "types": types,
        "entities": entities,
        "topics": topics,
        "sources": sources,
        "languages": languages,
    }
    try:
        return EventFilter.of(**given)
    except BadFilter as error:
        raise _wrong("query", str(error)) from None


def start(
    context: Context,
    begin: Annotated[
        str,
        Query(
            alias="from",
            max_length=MAX_START,
            description="beginning, now, or a time (2026-11-20T10:00Z); without a position",
        ),
    ] = "now",
    in_query: Annotated[
        str | None,
        Query(
            alias="last_event_id",
            max_length=MAX_POSITION,
            description="the same as the header, for clients that can't set it",
        ),
    ] = None,
    in_header: Annotated[
        str | None,
        Header(
            alias="Last-Event-ID",
            max_length=MAX_POSITION,
            description="the id that came last: goes on behind it",
        ),
    ] = None,
) -> Start | Position:
    """Where the request wants to begin. A position goes before ``from``: a browser keeps both."""
    position = in_header or in_query
    try:
        return Position.parse(position) if position else start_of(begin, context.clock())
    except BadPosition as error:
        where = "query: from"
        if position:
            where = "header: Last-Event-ID" if in_header else "query: last_event_id"
        raise _wrong(where, str(error)) from None


@router.get(
    "/events",
    operation_id="events",
    summary="Events as they come",
    response_class=StreamingResponse,
    responses=EVENT_STREAM,
)
async def events(
    context: Context,
    event_filter: Annotated[EventFilter, Depends(wanted)],
    begin: Annotated[Start | Position, Depends(start)],
) -> StreamingResponse:
    """Server-Sent Events that pass every condition given, from now on or from where you were.

    Reconnect with the last id in `Last-Event-ID` (browsers do so by themselves): nothing is
    missed, nothing comes twice. A position also comes while nothing passes the filter.
    """
    feed = _seat(context)
    return StreamingResponse(
        frames(feed.follow(event_filter, begin)),
        media_type="text/event-stream",
        headers=HEADERS,
    )


def _seat(context: ApiContext) -> Feed:
    """The feed, if it has room for one more client."""
    feed = context.feed
    if feed is None or feed.ending:
        raise _unavailable("No events are served here.")
    if feed.clients >= context.settings.sse_clients:
        raise _unavailable("As many event streams are open as are allowed. Try again later.")
    assert isinstance(feed, Feed)  # noqa: S101  (who made the context put it there)
    return feed


async def frames(items: AsyncGenerator[Item, None]) -> AsyncIterator[bytes]:
    """The bytes of an event stream, one frame for each item."""
    yield f"retry: {RETRY_MS}\n".encode()
    # The client's seat is free as soon as it is gone, not when somebody collects garbage.
    async with aclosing(items):
        async for item in items:
            yield frame(item)


def frame(item: Item) -> bytes:
    """One frame. ``data`` is the event's bytes as they are stored, each line on its own."""
    head = b"" if item.position is None else f"id: {item.position}\n".encode()
    if isinstance(item, Delivery):
        return b"%sevent: %s\n%s\n" % (head, item.type.encode(), _data(item.raw))
    if isinstance(item, Gap):
        gap = {"type": item.type, "from": _written(item.since), "to": _written(item.until)}
        return b"%sevent: %s\n%s\n" % (head, GAP.encode(), _data(json.dumps(gap).encode()))
    # Without data it is no event to any client, but the id counts.
    return b":\n%s\n" % head


def _data(raw: bytes) -> bytes:
    lines = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    return b"".join(b"data: %s\n" % line for line in lines)


def _written(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")


def _wrong(at: str, detail: str) -> ProblemError:
    errors = [FieldProblem(at=at, detail=detail)]
    return ProblemError(400, "bad-parameter", "See 'errors' for each.", errors=errors)


def _unavailable(detail: str) -> ProblemError:
    headers: Mapping[str, str] = {"retry-after": str(RETRY_AFTER)}
    return ProblemError(503, "unavailable", detail, headers=headers)
