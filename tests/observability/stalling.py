"""Services as real processes in which a loop stands still, once the test says so.

What counts as a stall is shortened; what ends a stalled process isn't, so that a test has the
time to ask it how it is.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.bus import sampler, service, vitals
from services.bus.feed import Feed
from services.bus.keys import ENRICHMENT
from services.enrichment import __main__ as enrichment
from services.enrichment.pipeline import Enricher
from services.indexer import __main__ as indexer
from services.indexer.api import server as api_server
from services.ingest import __main__ as ingest
from services.settings import Settings
from tests.bus.worker import Control, make_handler

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.asyncio import Redis

    from schemas.article import EnrichedArticle, RawArticle
    from services.bus.errors import Reject

LIMIT = 0.5
"""Seconds without a turn of a loop after which it counts as stalled."""

STALL = 20.0
"""Seconds that a loop stands still: less than what ends the process, more than a test takes."""

PAUSE = 0.02


def _begin(environ: dict[str, str], log: str) -> Settings:
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.environ.update(environ)
    vitals.LOOP_LIMIT = LIMIT  # read where a pulse is made
    api_server.LOOP_LIMIT = LIMIT  # type: ignore[attr-defined]  # imported there
    sampler.SAMPLE_EVERY = LIMIT
    return Settings()


async def _stall_when_told(control: Control, word: str, stop: asyncio.Event) -> None:
    while not stop.is_set():
        if control.said(word):
            control.take_back(word)
            control.say("stalled")
            _stand_still(control)
        await asyncio.sleep(PAUSE)


def _stand_still(control: Control) -> None:
    until = time.monotonic() + STALL
    while time.monotonic() < until and not control.said("go on"):
        time.sleep(PAUSE)


def stage_main(environ: dict[str, str], log: str, folder: str) -> None:
    """Enrichment, whose event loop stands still when the test says "block the loop"."""
    settings = _begin(environ, log)
    control = Control(Path(folder))
    service.prepare(ENRICHMENT.name, settings)

    async def companion(_redis: Redis, stop: asyncio.Event) -> None:
        await _stall_when_told(control, "block the loop", stop)

    code = service.run(ENRICHMENT, settings, lambda: make_handler(control), companion=companion)
    sys.exit(int(code))


def indexer_main(environ: dict[str, str], log: str, folder: str) -> None:
    """The indexer, whose API's own loop stands still when the test says "block the API"."""
    _begin(environ, log)
    control = Control(Path(folder))
    real = Feed.start

    def start(feed: Feed) -> None:
        real(feed)
        stalling: Any = _stall_when_told(control, "block the API", asyncio.Event())
        feed.stalling = asyncio.create_task(stalling)  # type: ignore[attr-defined]  # held for as long as the feed

    Feed.start = start  # type: ignore[assignment, method-assign]  # the API starts it in its own loop
    sys.exit(int(indexer.main()))


def ingest_main(environ: dict[str, str], log: str, _folder: str) -> None:
    """Ingest as it is."""
    _begin(environ, log)
    sys.exit(int(ingest.main()))


def enrichment_main(environ: dict[str, str], log: str, _folder: str) -> None:
    """Enrichment as it is, but for articles whose headline begins with "raise"."""
    _begin(environ, log)
    real = Enricher.enrich

    def enrich(
        enricher: Enricher, articles: Sequence[RawArticle]
    ) -> Sequence[EnrichedArticle | Reject]:
        if any((article.headline or "").startswith("raise") for article in articles):
            raise ValueError("told to")
        return real(enricher, articles)

    Enricher.enrich = enrich  # type: ignore[assignment, method-assign]  # it is made by main()
    sys.exit(int(enrichment.main()))
