"""``wiredesk status`` and ``wiredesk tail``: the streams as a person reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from schemas.article import EnrichedArticle
from services.bus.connect import client
from services.bus.filters import BadFilter, EventFilter, traits_of_article
from services.bus.keys import DEAD_STREAM, ENRICHED_STREAM, Keys
from services.bus.overview import Overview, StreamState, follow, overview
from services.console.addresses import api_addresses
from services.console.options import fail
from services.console.progress import line_of_file, long_files
from services.console.status_facts import health_addresses, state_of_worker, what_to_do
from services.observability import printable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from rich.console import Console

    from services.settings import Settings


async def look(url: str, settings: Settings) -> Overview:
    """The state of the desk on a server."""
    async with client(url) as redis:
        return await overview(redis, Keys.of(settings))


def as_document(state: Overview, articles: int | None) -> dict[str, Any]:
    """The state as JSON-ready data."""
    return {
        "streams": [
            {
                "stream": stream.stream.name,
                "length": stream.length,
                "groups": [
                    {
                        "group": group.name,
                        "subscriber": not group.ours,
                        "lag": group.lag,
                        "pending": group.pending,
                        "oldest_seconds": group.oldest_seconds,
                    }
                    for group in stream.groups
                ],
            }
            for stream in state.streams
        ],
        "dead": _dead(state),
        "halted": [
            {"stage": halt.stage, "group": halt.group, "at": halt.at, "reason": halt.reason}
            for halt in state.halts
        ],
        "workers": list(state.workers),
        "api": api_addresses(state.workers),
        "articles": articles,
    }


def _dead(state: Overview) -> int:
    return sum(s.length for s in state.streams if s.stream == DEAD_STREAM)


def show(state: Overview, articles: int | None, console: Console) -> None:
    """Print the state as two tables, a line for each long file in work, and where things are."""
    streams = Table("stream", "entries", "group", "lag", "pending", "oldest", box=None)
    for stream in state.streams:
        _add_stream(streams, stream)
    console.print(streams)
    workers = Table("worker", "host", "pid", "done", "failed", "state", box=None)
    for worker in state.workers:
        columns = [str(worker[key]) for key in ("stage", "host", "pid", "done", "failed")]
        workers.add_row(*map(_cell, [*columns, state_of_worker(worker)]))
    console.print(workers if state.workers else "no worker is running")
    for halt in state.halts:
        console.print(Text(printable(f"{halt.stage} has stopped: {halt.reason}")), soft_wrap=True)
        console.print(Text(f"  {what_to_do(halt.stage)}"), soft_wrap=True)
    for long_file in long_files(state.workers):
        console.print(Text(line_of_file(long_file, datetime.now(UTC))), soft_wrap=True)
    filed = "unknown (no store here)" if articles is None else str(articles)
    console.print(f"articles in the store: {filed} · dead letters: {_dead(state)}")
    for address in api_addresses(state.workers):
        console.print(Text(f"API and page: {printable(address)}"), soft_wrap=True)
    for address in health_addresses(state.workers):
        console.print(Text(f"health and metrics: {printable(address)}"), soft_wrap=True)


def _cell(text: str) -> str:
    """A text of others as a cell: no markup, no control characters."""
    return escape(printable(text))


def _add_stream(table: Table, stream: StreamState) -> None:
    if not stream.groups:
        table.add_row(stream.stream.name, str(stream.length), "–", "", "", "")
    for group in stream.groups:
        age = "–" if group.oldest_seconds is None else f"{group.oldest_seconds:.1f} s"
        lag = "?" if group.lag is None else str(group.lag)
        name = group.name if group.ours else f"{group.name} (subscriber)"
        length = str(stream.length)
        row = [stream.stream.name, length, _cell(name), lag, str(group.pending), age]
        table.add_row(*row)


def filter_of(
    entities: Iterable[str], topics: Iterable[str], languages: Iterable[str]
) -> EventFilter:
    """Which articles ``tail`` shows; ends the command where a condition can't be met by any."""
    try:
        return EventFilter.of(entities=entities, topics=topics, languages=languages)
    except BadFilter as error:
        fail(str(error))


async def tail(
    url: str, settings: Settings, wanted: EventFilter, start: str
) -> AsyncIterator[EnrichedArticle]:
    """Enriched articles that pass the filter, as they come, for ever."""
    async with client(url) as redis:
        async for event in follow(redis, Keys.of(settings), ENRICHED_STREAM, start):
            article = event.payload
            if isinstance(article, EnrichedArticle) and wanted.passes(traits_of_article(article)):
                yield article


def line_of(article: EnrichedArticle) -> str:
    """One readable line about an enriched article."""
    names = ", ".join(entity.name for entity in article.entities[:4])
    topics = ", ".join(topic.name for topic in article.topics)
    when = article.enriched_at.strftime("%H:%M:%S")
    parts = [when, str(article.article_id)[:8], article.headline or "(no headline)", topics, names]
    return printable(" · ".join(part for part in parts if part))


def json_line(article: EnrichedArticle) -> str:
    """The article as one line of JSON."""
    return orjson.dumps(article.model_dump(mode="json")).decode()
