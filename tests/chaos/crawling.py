"""The enrichment service slowed to a crawl: ``python -m tests.chaos.crawling``.

While the file ``WIREDESK_TEST_CRAWL`` exists, each batch takes as many seconds as it says.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from services.bus.keys import ENRICHMENT
from services.bus.service import exit_with, prepare, run
from services.enrichment.pipeline import Enricher
from services.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.article import RawArticle
    from services.bus.stage import Handler, Result

CRAWL = "WIREDESK_TEST_CRAWL"


def crawling(enrich: Handler, file: Path) -> Handler:
    """``enrich``, held up for as long as ``file`` says."""

    def handler(articles: Sequence[RawArticle]) -> Sequence[Result]:
        with suppress(OSError, ValueError):
            time.sleep(float(file.read_text()))
        return enrich(articles)

    return handler


def main() -> int:
    """Run until stopped; the exit code."""
    settings = Settings()
    prepare("enrichment", settings)
    file = Path(os.environ[CRAWL])
    return run(ENRICHMENT, settings, lambda: crawling(Enricher(settings).enrich, file))


if __name__ == "__main__":
    exit_with(main())
