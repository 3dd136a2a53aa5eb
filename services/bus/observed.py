"""What operators get of a process: its health over HTTP, its metrics, its spans."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services import metrics
from services.bus.health import health_served
from services.bus.messages import software_version
from services.bus.spans import NO_SPANS, Spans, spans_of
from services.bus.vitals import Vitals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.settings import Settings


@dataclass(frozen=True, slots=True)
class Observed:
    """What a service tells of itself while it runs."""

    vitals: Vitals
    spans: Spans = NO_SPANS


@contextmanager
def observed(settings: Settings, service: str) -> Iterator[Observed]:
    """Serve health and metrics, and take spans, while the context lasts.

    Raises :class:`StopWorking` where the settings can't be followed.
    """
    metrics.BUILD.labels(service, software_version()).set(1)
    spans = spans_of(settings, service)
    vitals = Vitals(service)
    try:
        with health_served(settings, vitals):
            yield Observed(vitals, spans)
    finally:
        spans.close()
