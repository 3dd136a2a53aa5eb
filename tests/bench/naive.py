"""What somebody writes in an afternoon: FastStream as its tutorial has it, spaCy as it comes.

``python -m tests.bench.naive FOLDER REDIS_URL STORE`` publishes each new text file of the folder,
runs the whole default pipeline on it, one message at a time, publishes what it found, and a second
subscriber puts that into SQLite with a full-text index.  It promises nothing: a file that is half
written is read half, a message whose handler dies is lost, one that comes twice is stored twice.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import spacy
from faststream.redis import RedisBroker, StreamSub
from pydantic import BaseModel
from redis.asyncio import Redis

from services.enrichment.models import find_model
from services.enrichment.threads import limit_threads

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

RAW, ENRICHED = "naive:raw", "naive:enriched"
LOOK_EVERY = 0.2


class Article(BaseModel):
    """A file as it was read."""

    name: str
    text: str


class Found(Article):
    """With the names that spaCy found."""

    entities: list[tuple[str, str, int, int]]


def opened(store: Path) -> sqlite3.Connection:
    """A table with a full-text index."""
    db = sqlite3.connect(store)
    db.execute("CREATE VIRTUAL TABLE article USING fts5 (name, text, entities)")
    return db


def subscribed(broker: RedisBroker, nlp: Any, db: sqlite3.Connection) -> None:
    """The two subscribers."""

    @broker.subscriber(stream=StreamSub(RAW, group="enrich", consumer="one"))
    @broker.publisher(stream=ENRICHED)
    async def _enrich(article: Article) -> Found:
        doc = nlp(article.text)
        names = [(each.text, each.label_, each.start_char, each.end_char) for each in doc.ents]
        return Found(name=article.name, text=article.text, entities=names)

    @broker.subscriber(stream=StreamSub(ENRICHED, group="index", consumer="one"))
    async def _index(found: Found) -> None:
        with db:
            row = (found.name, found.text, " ".join(text for text, *_ in found.entities))
            db.execute("INSERT INTO article VALUES (?, ?, ?)", row)


async def serve(
    folder: Path, url: str, store: Path, until: Callable[[], Awaitable[bool]] | None = None
) -> None:
    """Take files until told to stop."""
    nlp = spacy.load(find_model(None))
    broker = RedisBroker(url)
    subscribed(broker, nlp, opened(store))
    seen: set[str] = set()
    async with broker, Redis.from_url(url):
        await broker.start()
        while until is None or not await until():
            for path in sorted(folder.glob("*.txt")):  # noqa: ASYNC240  (naive, as it says)
                if path.name not in seen:
                    seen.add(path.name)
                    article = Article(name=path.name, text=path.read_text(encoding="utf-8"))
                    await broker.publish(article, stream=RAW)
            await asyncio.sleep(LOOK_EVERY)


if __name__ == "__main__":
    limit_threads()
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
