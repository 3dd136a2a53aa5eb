"""The annotators by name, each imported only when the settings ask for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.bus.errors import StopWorking
from services.enrichment.threads import limit_threads

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.bus.kinship import KinIndex
    from services.enrichment.annotators.base import Annotator
    from services.settings import Settings


def _language(_settings: Settings) -> Annotator:
    from services.enrichment.annotators.language import LanguageIdentifier  # noqa: PLC0415

    return LanguageIdentifier()


def _entities(settings: Settings) -> Annotator:
    # Two seconds of spaCy, which a desk (and a test) without entities doesn't pay.
    from services.enrichment.annotators.entities import EntityFinder  # noqa: PLC0415
    from services.enrichment.linking import Knowledge  # noqa: PLC0415
    from services.enrichment.models import load_models  # noqa: PLC0415

    return EntityFinder(load_models(settings), Knowledge.load(settings.entity_aliases_file))


def _topics(settings: Settings) -> Annotator:
    from services.enrichment.annotators.topics import TopicTagger  # noqa: PLC0415

    return TopicTagger(settings.user_topics_file)


def _values(_settings: Settings) -> Annotator:
    from services.enrichment.annotators.values import ValueFinder  # noqa: PLC0415

    return ValueFinder()


def _quotes(_settings: Settings) -> Annotator:
    from services.enrichment.annotators.quotes import QuoteFinder  # noqa: PLC0415

    return QuoteFinder()


def _summary(_settings: Settings) -> Annotator:
    from services.enrichment.annotators.summary import Summariser  # noqa: PLC0415

    return Summariser()


def _duplicates(index: KinIndex | None) -> Annotator:
    from services.enrichment.annotators.duplicates import NearDuplicateFinder  # noqa: PLC0415

    return NearDuplicateFinder(index)


def _stories(index: KinIndex | None) -> Annotator:
    from services.enrichment.annotators.stories import StoryFinder  # noqa: PLC0415

    return StoryFinder(index)


ANNOTATORS: dict[str, Callable[[Settings], Annotator]] = {
    "language": _language,
    "entities": _entities,
    "values": _values,
    "topics": _topics,
    "quotes": _quotes,
    "summary": _summary,
}
"""Name in ``WIREDESK_ANNOTATORS`` to what builds it."""

WITH_INDEX: dict[str, Callable[[KinIndex | None], Annotator]] = {
    "duplicates": _duplicates,
    "story": _stories,
}
"""Those that compare an article with earlier ones. Without an index they skip every article."""


def build_annotators(settings: Settings, index: KinIndex | None = None) -> tuple[Annotator, ...]:
    """The annotators that the settings name, loaded, in their order; some look into ``index``.

    Raises :class:`StopWorking` for a name that isn't known or comes twice, and when
    a model is missing.
    """
    names = settings.annotators
    for name in names:
        if name not in ANNOTATORS and name not in WITH_INDEX:
            known = ", ".join((*ANNOTATORS, *WITH_INDEX))
            raise StopWorking(f"WIREDESK_ANNOTATORS: no annotator '{name}'. Known: {known}.")
    if len(set(names)) != len(names):
        raise StopWorking(f"WIREDESK_ANNOTATORS names one twice: {', '.join(names)}.")
    limit_threads()
    return tuple(
        ANNOTATORS[name](settings) if name in ANNOTATORS else WITH_INDEX[name](index)
        for name in names
    )
