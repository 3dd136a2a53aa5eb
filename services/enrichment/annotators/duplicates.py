"""The duplicates block: articles that share much of this one's wording, whichever house's."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from services.bus.kinship import Unusable
from services.enrichment.annotators.base import Annotator, Block, Maker
from services.enrichment.kin.sketch import SKETCH_VERSION, body_start, sketch
from services.enrichment.kin.wording import (
    FEWEST_WORDS,
    MOST_NAMED,
    RULE,
    earliest,
    fingerprint,
    near_duplicate,
    wording_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.bus.kinship import Alike, Fingerprint, KinIndex
    from services.enrichment.annotators.base import Draft
    from services.enrichment.kin.wording import Wording

NO_INDEX = "no index: not looked up"


class NearDuplicateFinder(Annotator):
    """Notes each article's sketch in the index, and names those noted before that are alike.

    A pair is named in the article that comes second.  Without an index (``wiredesk
    explain``, tests) the block is skipped.  Raises ``Unavailable`` while the index is away.
    """

    block: ClassVar[str] = "duplicates"

    def __init__(self, index: KinIndex | None = None) -> None:
        self._index = index

    @property
    def maker(self) -> Maker:
        """Name and version; there is no model."""
        return Maker("duplicates.sketch", str(SKETCH_VERSION))

    def annotate(self, drafts: Sequence[Draft]) -> Sequence[Block]:
        """The near-duplicates of each draft, the most alike first."""
        if self._index is None:
            return [Block(status="skipped", reason=NO_INDEX) for _ in drafts]
        noted = [_noted(draft) for draft in drafts]
        found = self._index.duplicates([print_ for _, print_ in noted], RULE)
        return [
            _block(draft, wording, each)
            for draft, (wording, _), each in zip(drafts, noted, found, strict=True)
        ]


def _noted(draft: Draft) -> tuple[Wording, Fingerprint]:
    """What to note. A withdrawn article's wording is forgotten: its empty one takes the place."""
    article = draft.article
    text = article.text if article.status == "usable" else ""
    found = sketch(text, body_start(article))
    wording = wording_of(article, found)
    return wording, fingerprint(article, found, wording)


def _block(draft: Draft, wording: Wording, found: tuple[Alike, ...] | Unusable) -> Block:
    if isinstance(found, Unusable):
        return Block(status="skipped", reason=found.reason)
    if draft.article.status != "usable":
        return Block(status="skipped", reason="withdrawn: not compared")
    if wording.words < FEWEST_WORDS and not found:
        return Block(status="skipped", reason="too little text to compare")
    try:
        named = tuple(near_duplicate(wording, one) for one in found[:MOST_NAMED])
        first = earliest(wording, draft.article.article_id, found)
    except ValueError as error:
        return Block(status="skipped", reason=f"the index in Redis can't be used: {error}")
    return Block(
        near_duplicates=named,
        near_duplicate_of=near_duplicate(wording, first) if first else None,
    )
