"""The topics block: the provider's own IPTC Media Topics, then a linear model's of level one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from schemas.article import Topic
from services.enrichment.annotators.base import Annotator, Block, Maker
from services.enrichment.annotators.languages import english_or_reason
from services.enrichment.annotators.provider_topics import MediaTopics
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
    """The subjects that the provider gave, and up to three that an English text shows.

    The block's maker says who was asked: ``topics.linear`` (the model alone),
    ``topics.provider+linear`` (both; each topic says whose it is), or
    ``topics.provider``, which names no model: its reason says why the model skipped it.

    Raises ``OSError``, ``ValueError`` or ``KeyError`` at construction when the model's
    file or the vocabulary's can't be read.
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
        self._vocabulary = MediaTopics.load()
        knowledge = f"medtop {self._vocabulary.version}"
        self._by_provider = Maker("topics.provider", "1", knowledge_version=knowledge)
        self._by_both = replace(
            self._maker, annotator="topics.provider+linear", knowledge_version=knowledge
        )

    @property
    def maker(self) -> Maker:
        """Name and version of the tagger, its model and the vocabulary's release."""
        return self._maker

    def annotate(self, drafts: Sequence[Draft]) -> Sequence[Block]:
        """The topics of each draft: the provider's in its order, then the model's, best first."""
        return [self._with_provider(draft) for draft in drafts]

    def _with_provider(self, draft: Draft) -> Block:
        found = self._tag(draft)
        given = self._vocabulary.given(draft.article.subjects)
        if not given:
            return found
        if found.status == "skipped":
            reason = f"the provider's topics alone; the model's are left out: {found.reason}"
            return Block(reason=reason, topics=given, maker=self._by_provider)
        topics = self._vocabulary.joined(given, found.topics)
        return Block(topics=topics, maker=self._by_both)

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
