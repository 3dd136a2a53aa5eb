"""The topics block: IPTC Media Topics of the first level, by a linear model."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from schemas.article import Topic
from services.enrichment.annotators.base import Annotator, Block, Maker
from services.enrichment.annotators.languages import english_or_reason
from services.enrichment.knowledge import topic_model
from services.enrichment.knowledge.choice import chosen
from services.enrichment.knowledge.features import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.enrichment.annotators.base import Draft
    from services.enrichment.knowledge.topic_model import TopicModel

FEWEST_WORDS = 4
"""Words below which nothing is said: shorter than any headline that tells its subject."""

SCORE_DIGITS = 4
"""Decimals of a score. More would differ between processors, and mean nothing."""


class TopicTagger(Annotator):
    """Names up to three subjects of an English text, or none.

    Raises ``OSError`` or ``ValueError`` at construction when the model's file can't
    be read.
    """

    block: ClassVar[str] = "topics"

    def __init__(self) -> None:
        self._model, digest = topic_model.load()
        self._maker = Maker(
            annotator="topics.linear",
            version="1",
            model="wiredesk-topics",
            model_version=str(self._model.facts["trained"]),
            model_sha256=digest,
            knowledge_version=f"medtop {self._model.facts['vocabulary_release']}",
        )

    @property
    def maker(self) -> Maker:
        """Name and version of the tagger, its model and the vocabulary's release."""
        return self._maker

    def annotate(self, drafts: Sequence[Draft]) -> Sequence[Block]:
        """The topics of each draft, best first."""
        return [self._tag(draft) for draft in drafts]

    def _tag(self, draft: Draft) -> Block:
        reason = english_or_reason(draft)
        if reason is not None:
            return Block(status="skipped", reason=reason)
        text = draft.article.text
        if len(words(text)) < FEWEST_WORDS:
            return Block(status="skipped", reason="too little text to tell a subject")
        return Block(topics=_topics(self._model, text))


def _topics(model: TopicModel, text: str) -> tuple[Topic, ...]:
    scores = model.scores(text)
    named = list(model.facts["names"].items())
    return tuple(
        Topic(
            code=named[index][0],
            name=named[index][1],
            score=round(float(scores[index]), SCORE_DIGITS),
            assigned_by="model",
        )
        for index in chosen(scores)
    )
