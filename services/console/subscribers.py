"""What ``wiredesk subscribers`` does and prints."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from services.bus.connect import client, server_url
from services.bus.positions import BadPosition, start_of
from services.bus.subscribers import SUBSCRIBED, NotDone, Subscribers
from services.console.options import fail
from services.console.read import print_json, table_of, text_of, time_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from rich.console import Console

    from services.bus.keys import Stream
    from services.bus.positions import Start
    from services.bus.subscribers import Added, Subscriber
    from services.settings import Settings

Result = TypeVar("Result")


def run(settings: Settings, work: Callable[[Subscribers], Awaitable[Result]]) -> Result:
    """Do something with the subscribers of a desk; what isn't done ends the command."""

    async def connected() -> Result:
        async with client(server_url(settings)) as redis:
            return await work(Subscribers(redis, settings))

    try:
        return asyncio.run(connected())
    except NotDone as error:
        fail(str(error))


def stream_of(name: str) -> Stream:
    """The stream of a name; ends the command where there is none."""
    known = {stream.name: stream for stream in SUBSCRIBED}
    if name not in known:
        fail(f"no stream '{name[:64]}' for subscribers; there are {', '.join(known)}")
    return known[name]


def start_from(text: str) -> Start:
    """Where to begin, as it was typed."""
    try:
        return start_of(text, datetime.now(UTC))
    except BadPosition as error:
        fail(str(error))


async def only_stream(subscribers: Subscribers, name: str, given: str | None) -> Stream:
    """The stream that is meant: the given one, else the only one with a subscriber so called."""
    if given is not None:
        return stream_of(given)
    found = await subscribers.streams_of(name)
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotDone(f"no subscriber is called {name}; see `wiredesk subscribers list`")
    names = ", ".join(stream.name for stream in found)
    raise NotDone(f"{name} subscribes to several streams; say --stream ({names})")


def say_added(added: Added, key: str, console: Console, *, moved: bool = False) -> None:
    """What was done, and where the subscriber begins."""
    done = "moved" if moved else "added, with its group as it stands" if added.adopted else "added"
    lines = [f"{added.name} {done}: group {added.name} of stream {key}"]
    if added.trimmed:
        lines.append("what it asked for began earlier and is gone: it is past its time here")
    if added.first is None:
        lines.append("it begins with the next event that comes")
    else:
        lines.append(f"its first event is from {time_of(added.first)} UTC")
    if added.pending:
        lines.append(f"{added.pending} events that it was given stay pending until acknowledged")
    for line in lines:
        console.print(text_of(line))


def say_removed(name: str, stream: str, console: Console) -> None:
    """What was done."""
    console.print(text_of(f"{name} removed from {stream}"))


def show(states: Sequence[Subscriber], console: Console, *, as_json: bool) -> None:
    """List subscribers, by stream and name."""
    if as_json:
        print_json(console, [as_document(state) for state in states])
    elif not states:
        console.print("no subscribers; `wiredesk subscribers add NAME` makes one", style="dim")
    else:
        table = table_of("stream", "name", "lag", "pending", "oldest", "read up to", "limit", "")
        for state in states:
            table.add_row(*map(text_of, _row(state)))
        console.print(table)


def as_document(state: Subscriber) -> dict[str, Any]:
    """One subscriber as JSON-ready data."""
    known = state.registered
    return {
        "stream": state.stream.name,
        "name": state.name,
        "registered": known is not None,
        "since": None if known is None else known.since,
        "limit": None if known is None else known.limit,
        "lost": known is not None and known.lost is not None,
        "group": state.there,
        "lag": state.lag,
        "pending": state.pending,
        "oldest_seconds": state.oldest_seconds,
        "read_up_to": state.read_up_to,
    }


def _row(state: Subscriber) -> tuple[str, ...]:
    known = state.registered
    return (
        state.stream.name,
        state.name,
        "?" if state.lag is None else str(state.lag),
        str(state.pending),
        "–" if state.oldest_seconds is None else f"{state.oldest_seconds:.1f} s",
        time_of(state.read_up_to),
        "–" if known is None else str(known.limit),
        _remark(state),
    )


def _remark(state: Subscriber) -> str:
    if not state.there:
        return "its group is gone; it is made anew within a minute"
    if state.registered is None:
        return "made by hand, not registered"
    return "has lost events: it was behind by more than its limit" if state.registered.lost else ""
