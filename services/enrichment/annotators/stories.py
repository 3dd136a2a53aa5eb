"""The story block: which articles of the last days, of all houses, tell of the same happening."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from schemas.annotations import StoryRef
from services.bus.kinship import Unusable
from services.enrichment.annotators.base import Annotator, Block, Maker
from services.enrichment.annotators.duplicates import NO_INDEX
from services.enrichment.kin.rarity import Rarity
from services.enrichment.kin.traits import RULE, TRAITS_VERSION, traits_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.bus.kinship import Joined, KinIndex
    from services.enrichment.annotators.base import Draft


class StoryFinder(Annotator):
    """Joins each article to the story of those that it is like; a new one begins its own.

    Comes after entities and near-duplicates, whose finds it uses.  Without an index
    the block is skipped.  Raises ``Unavailable`` while the index is away, and ``OSError``,
    ``ValueError`` or ``KeyError`` at construction when the table of rarities can't be read.
    """

    block: ClassVar[str] = "story"

    def __init__(self, index: KinIndex | None = None) -> None:
        self._index = index
        self._rarity = Rarity.load()

    @property
    def maker(self) -> Maker:
        """Name, version, and the table of rarities as the model."""
        return Maker(
            "story.tfidf+entities",
            str(TRAITS_VERSION),
            model="wiredesk-rarity",
            model_version=str(self._rarity.facts["texts"]),
            model_sha256=self._rarity.sha256,
        )

    def annotate(self, drafts: Sequence[Draft]) -> Sequence[Block]:
        """The story of each draft."""
        if self._index is None:
            return [Block(status="skipped", reason=NO_INDEX) for _ in drafts]
        usable = [draft for draft in drafts if draft.article.status == "usable"]
        joined = self._index.stories([traits_of(draft, self._rarity) for draft in usable], RULE)
        blocks = {id(draft): _block(each) for draft, each in zip(usable, joined, strict=True)}
        withdrawn = Block(status="skipped", reason="withdrawn: in no story")
        return [blocks.get(id(draft), withdrawn) for draft in drafts]


def _block(joined: Joined | Unusable) -> Block:
    if isinstance(joined, Unusable):
        return Block(status="skipped", reason=joined.reason)
    return Block(story=StoryRef(id=joined.story_id, articles=joined.articles, merged=joined.merged))
