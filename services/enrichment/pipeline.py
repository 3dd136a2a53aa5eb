"""Raw articles in, enriched articles out: the annotators, one after the other.

An annotator that raises on a batch is run again on each of its articles alone,
so that only the one that it can't stand loses the block; the article itself
always goes on, with what failed named in its provenance.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from schemas.article import EnrichedArticle, Language, Provenance
from services.bus.errors import StopWorking, Unavailable
from services.enrichment.again import restored, sparing
from services.enrichment.annotators.base import Block, Draft
from services.enrichment.registry import build_annotators
from services.observability import get_logger, printable, seldom

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from schemas.article import RawArticle
    from services.bus.errors import Reject
    from services.bus.kinship import KinIndex
    from services.enrichment.annotators.base import Annotator
    from services.settings import Settings

_LOG = get_logger(__name__)
MadeT = TypeVar("MadeT")

_UNKNOWN = Language(code="und", confidence=0.0)
"""The language of an article whose language block is missing."""

MAX_REASON_CHARS = 300
"""An exception may quote the whole article; its reason travels with every event."""

_DURATION_DIGITS = 3


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a block could not be made."""

    reason: str


class Enricher:
    """Runs the annotators that the settings name over batches of articles.

    Construction loads the models (seconds) and raises ``StopWorking`` when an
    annotator is unknown or a model is missing.  ``now`` tells the time of day in
    UTC, ``clock`` seconds that never go back.  Not thread safe: one batch at a time.
    """

    def __init__(
        self,
        settings: Settings,
        index: KinIndex | None = None,
        *,
        annotators: Sequence[Annotator] | None = None,
        now: Callable[[], datetime] = _now,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        made = build_annotators(settings, index) if annotators is None else tuple(annotators)
        self._annotators = made
        self._now = now
        self._clock = clock

    def models(self) -> list[tuple[str, str]]:
        """Name and version of each model that is loaded."""
        makers = [annotator.maker for annotator in self._annotators]
        known = {(maker.model, maker.model_version or "") for maker in makers if maker.model}
        return sorted(known)

    def enrich(self, articles: Sequence[RawArticle]) -> Sequence[EnrichedArticle | Reject]:
        """One enriched article for each, in order. Blocks; nothing is rejected here so far.

        Raises ``Unavailable`` while the index of kin is away: the batch is to be tried again.
        """
        drafts = [Draft(article) for article in articles]
        blocks: list[list[Block]] = [[] for _ in articles]
        provenance: list[list[Provenance]] = [[] for _ in articles]
        for annotator in self._annotators:
            results, milliseconds = self._timed(annotator, drafts)
            for index, result in enumerate(results):
                provenance[index].append(self._provenance(annotator, result, milliseconds))
                if isinstance(result, Block):
                    blocks[index].append(result)
                    drafts[index] = _extended(drafts[index], result)
        return [
            self._finished(draft, made, origin)
            for draft, made, origin in zip(drafts, blocks, provenance, strict=True)
        ]

    def _timed(
        self, annotator: Annotator, drafts: Sequence[Draft]
    ) -> tuple[list[Block | _Failure], float]:
        """The annotator's results and each article's share of the time in ms."""
        started = self._clock()
        results = sparing(annotator.block, drafts, lambda some: _run(annotator, some))
        elapsed = max(self._clock() - started, 0.0)
        return results, round(elapsed * 1000 / max(len(drafts), 1), _DURATION_DIGITS)

    def _provenance(
        self, annotator: Annotator, result: Block | _Failure, milliseconds: float
    ) -> Provenance:
        own = result.maker if isinstance(result, Block) else None
        maker = own or annotator.maker
        return Provenance(
            block=annotator.block,
            status="failed" if isinstance(result, _Failure) else result.status,
            reason=result.reason,
            annotator=maker.annotator,
            version=maker.version,
            model=maker.model,
            model_version=maker.model_version,
            model_sha256=maker.model_sha256,
            knowledge_version=maker.knowledge_version,
            at=self._now(),
            duration_ms=milliseconds,
        )

    def _finished(
        self, draft: Draft, blocks: Sequence[Block], provenance: Sequence[Provenance]
    ) -> EnrichedArticle:
        article = draft.article
        # Not model_dump: the parts are frozen models already, and unknown fields ride along.
        fields = {name: getattr(article, name) for name in type(article).model_fields}
        made = EnrichedArticle(
            **fields,
            **(article.model_extra or {}),
            detected_language=draft.language or _UNKNOWN,
            entities=draft.entities,
            topics=draft.topics,
            quotes=tuple(quote for block in blocks for quote in block.quotes),
            summary=_first(block.summary for block in blocks),
            reading_time=_first(block.reading_time for block in blocks),
            near_duplicate_of=_first(block.near_duplicate_of for block in blocks),
            near_duplicates=tuple(other for block in blocks for other in block.near_duplicates),
            story=_first(block.story for block in blocks),
            provenance=tuple(provenance),
            enriched_at=self._now(),
        )
        return restored(made)


def _first(made: Iterable[MadeT | None]) -> MadeT | None:
    """What the one annotator made whose part this is."""
    return next((value for value in made if value is not None), None)


def _extended(draft: Draft, block: Block) -> Draft:
    entities = draft.entities
    if block.entities:
        every = (*entities, *block.entities)
        entities = tuple(sorted(every, key=lambda entity: entity.mentions[0].start))
    return replace(
        draft,
        language=block.language or draft.language,
        entities=entities,
        topics=(*draft.topics, *block.topics),
        near_duplicates=(*draft.near_duplicates, *block.near_duplicates),
    )


def _run(annotator: Annotator, drafts: Sequence[Draft]) -> list[Block | _Failure]:
    """The blocks of the batch; when it raises, of each article alone."""
    try:
        return list(_whole(annotator, drafts))
    except (Unavailable, StopWorking):
        raise  # not about these articles: the stage waits, or the process ends
    except Exception:  # noqa: BLE001 (an annotator may raise anything; only its own block is lost)
        if len(drafts) > 1 and seldom("annotator.batch_failed", annotator.block):
            _LOG.warning("annotator.batch_failed", block=annotator.block)
        return [_alone(annotator, draft) for draft in drafts]


def _whole(annotator: Annotator, drafts: Sequence[Draft]) -> Sequence[Block]:
    blocks = annotator.annotate(drafts)
    if len(blocks) != len(drafts):
        raise RuntimeError(f"{len(blocks)} blocks for {len(drafts)} articles")
    return blocks


def _alone(annotator: Annotator, draft: Draft) -> Block | _Failure:
    try:
        return _whole(annotator, [draft])[0]
    except (Unavailable, StopWorking):
        raise
    except Exception as error:  # noqa: BLE001 (the article goes on without this block)
        # Where each article meets the same fault, one line a minute says it.
        if seldom("annotator.failed", (annotator.block, type(error))):
            article_id = str(draft.article.article_id)
            _LOG.exception("annotator.failed", block=annotator.block, article_id=article_id)
        text = f"{type(error).__name__}: {error}"[:MAX_REASON_CHARS]
        return _Failure(reason=printable(text))
