"""The annotators by name, each imported only when the settings ask for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.bus.errors import StopWorking
from services.enrichment.threads import limit_threads

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.enrichment.annotators.base import Annotator
    from services.settings import Settings


def _language(_settings: Settings) -> Annotator:
    from services.enrichment.annotators.language import LanguageIdentifier  # noqa: PLC0415

    return LanguageIdentifier()


def _entities(settings: Settings) -> Annotator:
    # Two seconds of spaCy, which a desk (and a test) without entities doesn't pay.
    from services.enrichment.annotators.entities import EntityFinder  # noqa: PLC0415
    from services.enrichment.models import load_model  # noqa: PLC0415

    return EntityFinder(load_model(settings.spacy_model))


def _topics(_settings: Settings) -> Annotator:
    from services.enrichment.annotators.topics import TopicTagger  # noqa: PLC0415

    return TopicTagger()


ANNOTATORS: dict[str, Callable[[Settings], Annotator]] = {
    "language": _language,
    "entities": _entities,
    "topics": _topics,
}
"""Name in ``WIREDESK_ANNOTATORS`` to what builds it."""


def build_annotators(settings: Settings) -> tuple[Annotator, ...]:
    """The annotators that the settings name, loaded, in their order.

    Raises :class:`StopWorking` for a name that isn't known or comes twice, and when
    a model is missing.
    """
    names = settings.annotators
    for name in names:
        if name not in ANNOTATORS:
            raise StopWorking(
                f"WIREDESK_ANNOTATORS: no annotator '{name}'. Known: {', '.join(ANNOTATORS)}."
            )
    if len(set(names)) != len(names):
        raise StopWorking(f"WIREDESK_ANNOTATORS names one twice: {', '.join(names)}.")
    limit_threads()
    return tuple(ANNOTATORS[name](settings) for name in names)
