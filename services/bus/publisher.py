"""How ingest puts articles and its own outcomes on the streams."""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from schemas.events import FILED, RECEIVED, event_id
from services.bus import measured, tracing
from services.bus.agreement import confirm, refused
from services.bus.envelope import Outgoing, write
from services.bus.errors import Unavailable
from services.bus.groups import ensure_groups, waiting_for
from services.bus.keys import ENRICHMENT, OUTCOME_STREAM, RAW_STREAM, Keys, StageSpec
from services.bus.messages import outcome_event
from services.bus.scripts import ArticleRef, Scripts
from services.bus.spans import NO_SPANS, Spans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.asyncio import Redis

    from schemas.article import RawArticle
    from schemas.events import Outcome
    from services.settings import Settings

SOURCE = "/wiredesk/ingest"


class Publisher:
    """Publishes each article of a drop once, however often it is asked to.

    Every method raises :class:`Unavailable` when the server can't take it now;
    calling again is always safe.  :class:`StopWorking`: the desk has another number of
    partitions than the settings say.

    Each article goes to its own partition.  ``receipts`` is the stage that brings the
    outcomes back: its group, too, must be there before the first publish.  ``spans`` is told
    of what is published.
    """

    def __init__(self, settings: Settings, redis: Redis, receipts: StageSpec | None = None) -> None:
        self.receipts = receipts
        self.spans: Spans = NO_SPANS
        self._redis = redis
        self._keys = Keys.of(settings)
        self._backlog = settings.raw_backlog
        self._bulk_backlog = settings.bulk_backlog
        self._scripts = Scripts(redis, self._keys, settings.marker_ttl)

    async def publish(self, articles: Sequence[RawArticle]) -> None:
        """Put the articles on the raw stream, in order."""
        added: list[bool] = []
        try:
            await self._ensure_groups(articles)
            events = [_referred(article) for article in articles]
            await self._scripts.publish_all(RAW_STREAM, events, added)
        except RedisError as error:
            raise await self._why(error) from error
        finally:
            for article in compress(articles, added):
                measured.published(article, self.spans)

    async def report(self, outcomes: Sequence[Outcome]) -> None:
        """Put outcomes that ingest decided itself on the outcome stream."""
        added: list[bool] = []
        try:
            await self._ensure_groups(outcomes)
            events = [(_ref(outcome), _reported_event(outcome)) for outcome in outcomes]
            await self._scripts.publish_all(OUTCOME_STREAM, events, added)
        except RedisError as error:
            raise await self._why(error) from error
        finally:
            for outcome in compress(outcomes, added):
                measured.reported(outcome, self.spans)

    async def _why(self, error: RedisError) -> Unavailable:
        """What the caller hears of an error; :class:`StopWorking` where waiting won't help."""
        if refused(error):
            try:
                await confirm(self._redis, self._keys)
            except RedisError as another:
                error = another
        return Unavailable(f"server: {error}")

    async def _ensure_groups(self, sent: Sequence[RawArticle | Outcome]) -> None:
        """Before each publish: an emptied server has lost its groups too."""
        more = [self.receipts] if self.receipts is not None else []
        numbers = {self._keys.partition_of(each.article_id) for each in sent} or {0}
        places = [self._keys.at(number) for number in sorted(numbers)]
        await ensure_groups(self._redis, self._keys, *more, places=places)

    async def room(self, *, bulk: bool = False) -> bool:
        """Whether fewer articles wait for enrichment than ``raw_backlog`` (``bulk_backlog``)."""
        return await self.waiting() < (self._bulk_backlog if bulk else self._backlog)

    async def waiting(self) -> int:
        """Articles that wait for enrichment, or are being enriched."""
        try:
            return await waiting_for(self._redis, self._keys, ENRICHMENT)
        except RedisError as error:
            raise Unavailable(f"server: {error}") from error


def _ref(about: RawArticle | Outcome) -> ArticleRef:
    return ArticleRef(about.drop.drop_id, about.article_id)


def _reported_event(outcome: Outcome) -> bytes:
    trace = tracing.start_trace(outcome.drop.drop_id, outcome.article_id)
    return outcome_event(SOURCE, outcome, tracing.child(trace, FILED))


def received_event(article: RawArticle) -> bytes:
    """The ``received`` event of an article."""
    return _referred(article)[1]


def _referred(article: RawArticle) -> tuple[ArticleRef, bytes]:
    ref = _ref(article)
    ids = ref.spelt
    head = Outgoing(
        event=RECEIVED,
        id=event_id(RECEIVED, *ids, article.revision),
        source=SOURCE,
        subject=ids[1],
        time=article.ingested_at,
        traceparent=tracing.start_trace(*ids),
    )
    return ref, write(head, article)
