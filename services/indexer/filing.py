"""What the indexer does with a batch: file it, and log a line per article."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from services.observability import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schemas.article import EnrichedArticle
    from schemas.events import Outcome
    from services.indexer.store.base import ArticleStore

_log = get_logger(__name__)


class Filing:
    """The indexer's work as the plain function that its stage calls.

    ``timer`` gives seconds on any scale that only rises.
    """

    def __init__(
        self, store: ArticleStore, *, timer: Callable[[], float] = time.perf_counter
    ) -> None:
        self._store = store
        self._timer = timer

    def file(self, articles: Sequence[EnrichedArticle]) -> Sequence[Outcome]:
        """File a batch in one transaction; one outcome for each, in order.

        Raises what the store raises, and then nothing was filed:
        ``Unavailable`` to be tried again, ``StopWorking``.
        """
        start = self._timer()
        outcomes = self._store.file(articles)
        # One transaction for all: an article's time is its share of the batch's.
        share = (self._timer() - start) / max(1, len(outcomes))
        for outcome in outcomes:
            _log_filed(outcome, share)
        return outcomes


def _log_filed(outcome: Outcome, seconds: float) -> None:
    details = {
        name: value
        for name, value in (("of", outcome.of), ("by_revision", outcome.by_revision))
        if value is not None
    }
    _log.info(
        "filed",
        article_id=str(outcome.article_id),
        file=outcome.drop.file,
        drop_id=str(outcome.drop.drop_id),
        revision=outcome.revision,
        outcome=outcome.outcome,
        duration_ms=round(seconds * 1000, 3),
        **details,
    )
