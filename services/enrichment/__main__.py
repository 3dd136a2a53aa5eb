"""The enrichment service: ``python -m services.enrichment``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services import metrics
from services.bus.connect import server_url
from services.bus.keys import ENRICHMENT
from services.bus.kinship import KinIndex
from services.bus.service import exit_with, prepare, run
from services.settings import Settings

if TYPE_CHECKING:
    from services.bus.stage import Handler


def main() -> int:
    """Run until stopped; the exit code."""
    settings = Settings()
    prepare("enrichment", settings)

    def handler() -> Handler:
        from services.enrichment.pipeline import Enricher  # noqa: PLC0415  (loads NLP libraries)

        with metrics.MODEL_LOAD_SECONDS.time():
            enricher = Enricher(settings, KinIndex(server_url(settings), settings))
        for model, version in enricher.models():
            metrics.MODEL.labels(model, version).set(1)
        return enricher.enrich

    return run(ENRICHMENT, settings, handler)


if __name__ == "__main__":
    exit_with(main())
