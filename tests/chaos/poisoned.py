"""The enrichment service with handlers that misbehave on marked articles.

``python -m tests.chaos.poisoned``: a text with RAISE-HERE raises, one with
CRASH-HERE kills the process, one with SLOW-HERE takes a while.  All others are
enriched as always.
"""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from services.bus.keys import ENRICHMENT
from services.bus.service import exit_with, prepare, run
from services.enrichment.pipeline import Enricher
from services.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.article import RawArticle
    from services.bus.stage import Handler, Result

RAISE, CRASH, SLOW = "RAISE-HERE", "CRASH-HERE", "SLOW-HERE"
SLOW_SECONDS = 0.2


def poisoned(enrich: Handler) -> Handler:
    """``enrich``, but for the marked articles."""

    def handler(articles: Sequence[RawArticle]) -> Sequence[Result]:
        texts = " ".join(article.text for article in articles)
        if CRASH in texts:
            os.kill(os.getpid(), signal.SIGKILL)
        if RAISE in texts:
            raise RuntimeError("poisoned on purpose")
        if SLOW in texts:
            time.sleep(SLOW_SECONDS)
        return enrich(articles)

    return handler


def main() -> int:
    """Run until stopped; the exit code."""
    settings = Settings()
    prepare("enrichment", settings)
    return run(ENRICHMENT, settings, lambda: poisoned(Enricher(settings).enrich))


if __name__ == "__main__":
    exit_with(main())
