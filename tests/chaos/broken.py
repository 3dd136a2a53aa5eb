"""The enrichment service as a bad release: it can do nothing until it is mended.

``python -m tests.chaos.broken``: while the file named by ``WIREDESK_TEST_BROKEN`` is there, every
article raises. Probes come in tenths of a second.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from services.bus import probing
from services.bus.keys import ENRICHMENT
from services.bus.service import exit_with, prepare, run
from services.enrichment.pipeline import Enricher
from services.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.article import RawArticle
    from services.bus.stage import Handler, Result


def broken(enrich: Handler) -> Handler:
    """``enrich``, once it is mended."""
    sign = Path(os.environ["WIREDESK_TEST_BROKEN"])

    def handler(articles: Sequence[RawArticle]) -> Sequence[Result]:
        if sign.exists():
            raise MemoryError("the model does not fit")
        return enrich(articles)

    return handler


def main() -> int:
    """Run until stopped; the exit code."""
    probing.FIRST_PAUSE = probing.NEXT_PAUSE = 0.2
    settings = Settings()
    prepare("enrichment", settings)
    return run(ENRICHMENT, settings, lambda: broken(Enricher(settings).enrich))


if __name__ == "__main__":
    exit_with(main())
