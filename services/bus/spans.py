"""OpenTelemetry: one trace per article, from its file to the store, also through batches.

The ids of trace and spans are those that the events carry (:mod:`services.bus.tracing`): the
span that an event's ``traceparent`` names is the work that the event came from, so that a
subscriber's own spans join the trace.  A batch is a span in a trace of its own, linked with
the span of each article in it, both ways.

No SDK is loaded unless ``WIREDESK_OTLP_ENDPOINT`` is set.  Spans are sent by a thread of their
own from a queue that is bounded; nothing here waits, and nothing fails a stage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.bus.errors import StopWorking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.article import RawArticle
    from schemas.events import Outcome, Payload
    from services.bus.messages import Fault, Item
    from services.settings import Settings


class Spans:
    """Takes note of what becomes of articles; this one keeps nothing."""

    def published(self, article: RawArticle) -> None:
        """An article was put on the raw stream."""

    def reported(self, outcome: Outcome) -> None:
        """Ingest decided an outcome itself."""

    def forget_batch(self) -> None:
        """What comes now belongs to no batch until :meth:`batch` is told of one."""

    def batch(
        self, stage: str, items: Sequence[Item], seconds: float, error: Exception | None
    ) -> None:
        """A stage worked on these for ``seconds``, to this moment."""

    def crossed(self, stage: str, item: Item, payload: Payload) -> None:
        """A message went on."""

    def acknowledged(self, stage: str, item: Item) -> None:
        """A stage is done with a message that nothing follows from."""

    def buried(self, stage: str, item: Item, fault: Fault) -> None:
        """A message became a dead letter."""

    def close(self) -> None:
        """Send what is left, for two seconds at most."""


NO_SPANS = Spans()


def spans_of(settings: Settings, service: str) -> Spans:
    """Where the spans of a service go; :class:`StopWorking` where the SDK isn't installed."""
    if settings.otlp_endpoint is None:
        return NO_SPANS
    try:
        from services.bus.spans_sent import sent_spans  # noqa: PLC0415  (loads OpenTelemetry)
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("opentelemetry"):
            raise
        raise StopWorking(
            "WIREDESK_OTLP_ENDPOINT is set and OpenTelemetry isn't installed; install the extra "
            "wiredesk[tracing], or unset it"
        ) from error
    return sent_spans(settings, service)
