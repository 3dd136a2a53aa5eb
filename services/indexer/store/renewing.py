"""What becomes of an article that was enriched again: its annotations in place of the old ones.

It is no filing of its provider's, so it makes no version and moves nothing: the text, the revision,
the drop, the place in lists, the story and the near-duplicates stay.  What is new is what was made
of the text, with its provenance.  It counts only for the very version that it was made of:

* where that isn't the current one any more, or was taken back, it is *superseded*;
* where the article is hidden behind another one, it is that one's *duplicate*, as it was;
* where a part failed that there is already, nothing is lost for it: the outcome is *rejected*;
* where everything is as it was but for the times, it is *unchanged*, and nothing is written;
* else it is *updated*, and a change (``ArticleStore.changes``).

One that the store doesn't know (another store was put in its place) is filed like any other.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from schemas.article import KIN_BLOCKS, EnrichedArticle, RawArticle
from services.indexer.store.rules import Decision, version_key

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from schemas.article import Provenance
    from services.indexer.store.rules import Standing

_KIN_FIELDS = frozenset({"near_duplicate_of", "near_duplicates", "story"})

_RENEWED = tuple(
    name
    for name in EnrichedArticle.model_fields
    if name not in RawArticle.model_fields and name not in _KIN_FIELDS
)
"""What takes the place of what was: every annotation that isn't about kin."""

_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)

ADVICE = "what is stored stays; see the log of enrichment for the failure, then run it again"


def decide_again(
    article: EnrichedArticle, held: Standing, was: EnrichedArticle, twin: UUID | None
) -> tuple[Decision, EnrichedArticle]:
    """What becomes of ``article``, enriched again, and what is to be kept where it is *updated*.

    ``held``: where its id stands, ``was``: the document there; ``twin``: another id that is
    live with the same content.
    """
    if held.state == "duplicate" and twin is not None:
        return Decision("duplicate", "duplicate", duplicate_of=twin), was
    if held.state != "live" or not _is_of(article, held):
        return Decision("superseded", held.state, by_revision=held.key.revision), was
    failed = _failed(article.provenance) - _failed(was.provenance)
    lost = failed & {each.block for each in was.provenance if each.status == "done"}
    if lost:
        reason = f"enriched again, it would lose what failed now: {', '.join(sorted(lost))}"
        return Decision("rejected", "live", reason=reason, advice=ADVICE), was
    renewed = renew(was, article)
    if _without_times(renewed) == _without_times(was):
        return Decision("unchanged", "live"), was
    return Decision("updated", "live", renewed=True), renewed


def renew(was: EnrichedArticle, article: EnrichedArticle) -> EnrichedArticle:
    """``was`` with the annotations of ``article``, but for those about kin."""
    kin = [each for each in was.provenance if each.block in KIN_BLOCKS]
    own = [each for each in article.provenance if each.block not in KIN_BLOCKS]
    fields = {name: getattr(article, name) for name in _RENEWED}
    return was.model_copy(
        update={**(article.model_extra or {}), **fields, "provenance": (*own, *kin)}
    )


def _is_of(article: EnrichedArticle, held: Standing) -> bool:
    """Whether it was made of the version that is current now."""
    key = replace(version_key(article), drop_id=held.key.drop_id)
    return key == held.key and article.content_hash == held.content_hash


def _failed(provenance: Iterable[Provenance]) -> set[str]:
    return {each.block for each in provenance if each.status == "failed"}


def _without_times(article: EnrichedArticle) -> EnrichedArticle:
    made = [
        each.model_copy(update={"at": _NO_TIME, "duration_ms": 0.0}) for each in article.provenance
    ]
    # In the order of blocks: an article keeps those about kin at the end.
    ordered = tuple(sorted(made, key=lambda each: each.block))
    return article.model_copy(update={"provenance": ordered, "enriched_at": _NO_TIME})
