"""Articles that come from the store to be enriched again: what isn't done anew for them.

Near-duplicates and stories are found among the articles of the last days.  An old article would be
compared with those of today: it would be its copies' copy, join or merge stories that others are
in, and push fresh articles out of the index.  So it is neither noted nor compared; what was found
when it was new comes along with it (``drop.reenrichment.kept``) and is put back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from schemas.article import KIN_BLOCKS, Kept
from services.enrichment.annotators.base import Block

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schemas.article import EnrichedArticle
    from services.enrichment.annotators.base import Draft

ResultT = TypeVar("ResultT")

_SPARED = Block(status="skipped", reason="enriched again: kept as it was")


def sparing(
    block: str, drafts: Sequence[Draft], make: Callable[[Sequence[Draft]], Sequence[ResultT]]
) -> list[ResultT | Block]:
    """What ``make`` makes of the drafts, in order; a block about kin only of those that are new."""
    if block not in KIN_BLOCKS:
        return list(make(drafts))
    fresh = [draft for draft in drafts if draft.article.drop.reenrichment is None]
    made = iter(make(fresh) if fresh else ())
    return [next(made) if draft.article.drop.reenrichment is None else _SPARED for draft in drafts]


def restored(article: EnrichedArticle) -> EnrichedArticle:
    """``article`` with what it kept; one that is new as it is."""
    again = article.drop.reenrichment
    if again is None:
        return article
    kept = again.kept or Kept()
    own = [each for each in article.provenance if each.block not in KIN_BLOCKS]
    done = again.model_copy(update={"kept": None})
    return article.model_copy(
        update={
            "drop": article.drop.model_copy(update={"reenrichment": done}),
            "near_duplicate_of": kept.near_duplicate_of,
            "near_duplicates": kept.near_duplicates,
            "story": kept.story,
            "provenance": (*own, *kept.provenance),
        }
    )
