"""The topics block: whose subjects they are, how sure, and what in the text speaks for them.

Four sources are kept apart by ``assigned_by``: the provider's own IPTC Media Topics; our
linear model (first level) with rules (second level); the section that the publisher filed the
article under; the desk's own topics.  Each code stands once: what the provider says is its own,
then what a section says for sure, then the model's.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from schemas.annotations import Evidence
from schemas.article import Topic
from services.bus.errors import StopWorking
from services.enrichment.annotators import provider_topics
from services.enrichment.annotators.base import Annotator, Block, Maker
from services.enrichment.annotators.languages import english_or_reason
from services.enrichment.annotators.model_topics import SCORE_DIGITS, ModelTopics, unreadable
from services.enrichment.annotators.section_topics import filed_under
from services.enrichment.annotators.user_topics_file import UserTopicsError, UserTopicsFile
from services.enrichment.knowledge import topic_model
from services.enrichment.knowledge.features import Words
from services.media_topics import MediaTopics

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from services.enrichment.annotators.base import Draft

_OWN_VERSION_DIGITS = 12
"""Of the digest of the desk's own file: enough to tell two states of it apart."""

_SOURCES = {
    "provider": "provider's topics",
    "section": "publisher's section",
    "user": "desk's own topics",
}


@dataclass(slots=True)
class _Said:
    """What is said about one article so far."""

    topics: list[Topic] = field(default_factory=list)
    makers: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


class TopicTagger(Annotator):
    """The subjects of an article, from all four sources.

    The block's maker says who was asked: ``topics.linear`` is the model alone,
    ``topics.provider+section+linear+user`` all four; without ``linear`` it names no model and
    the reason says why the model skipped the article.

    Raises ``OSError``, ``ValueError`` or ``KeyError`` at construction when the model's
    file or the vocabulary's can't be read, ``StopWorking`` when the desk's own file can't.
    """

    block: ClassVar[str] = "topics"

    def __init__(self, user_file: Path | None = None) -> None:
        self._model, digest = topic_model.load()
        self._vocabulary = MediaTopics.load()
        self._both = ModelTopics(self._model, self._vocabulary)
        self._maker = Maker(
            annotator="topics.linear",
            version="2",
            model="wiredesk-topics",
            model_version=str(self._model.facts["trained"]),
            model_sha256=digest,
            knowledge_version=f"medtop {self._vocabulary.version}",
        )
        self._user = None if user_file is None else self._own_topics(user_file)

    def _own_topics(self, path: Path) -> UserTopicsFile:
        try:
            return UserTopicsFile(path, self._vector, self._vocabulary.knows)
        except UserTopicsError as error:
            raise StopWorking(f"WIREDESK_USER_TOPICS_FILE: {error}") from error

    @property
    def maker(self) -> Maker:
        """Name and version of the tagger, its model and the vocabulary's release."""
        return replace(self._maker, knowledge_version=self._knowledge())

    def annotate(self, drafts: Sequence[Draft]) -> Sequence[Block]:
        """The topics of each draft, surest first."""
        if self._user:
            self._user.refresh()
        return [self._annotated(draft) for draft in drafts]

    def _annotated(self, draft: Draft) -> Block:
        said = _Said()
        given = provider_topics.given(self._vocabulary, draft.article.subjects)
        if given:
            said.topics += given
            said.makers.append("provider")
        words = Words.of(draft.article.text)
        self._ask_both(draft, words, said)
        if self._user:
            self._ask_user(draft, words, self._user, said)
        return self._block(said)

    def _ask_both(self, draft: Draft, words: Words, said: _Said) -> None:
        """Section and model together; the section alone where the model can't read the text."""
        filed = filed_under(draft.article)
        reason = english_or_reason(draft) or unreadable(words, draft.article.text)
        found = None if reason else self._both.read(words, filed)
        topics = self._both.filed(filed) if found is None else found
        if any(topic.assigned_by == "section" for topic in topics):
            said.makers.append("section")
        if found is None:
            said.reasons.append(reason or "too few words that the model knows")
        else:
            said.makers.append("linear")
        known = self._known(said)
        said.topics += [topic for topic in topics if topic.code not in known]

    def _known(self, said: _Said) -> set[str]:
        """Codes that are said, and those above them: said already, more exactly."""
        return {above for topic in said.topics for above in self._vocabulary.lineage(topic.code)}

    def _ask_user(self, draft: Draft, words: Words, user: UserTopicsFile, said: _Said) -> None:
        said.makers.append("user")
        if user.fault:
            said.reasons.append(user.fault)
        vector = self._vector_of(words) if user.topics.by_example else {}
        known = self._known(said)
        for found in user.topics.find(draft.article.text, vector):
            score = round(found.score, SCORE_DIGITS)
            topic = Topic(
                code=found.topic.code,
                name=found.topic.name,
                score=score,
                assigned_by="user",
                evidence=found.evidence,
            )
            said.topics.append(topic)
            broader = found.topic.broader
            if broader is not None and broader not in known:
                known.add(broader)
                said.topics.append(self._broader(broader, topic))

    def _broader(self, code: str, topic: Topic) -> Topic:
        return Topic(
            code=code,
            name=self._vocabulary.name(code) or code,
            score=topic.score,
            assigned_by="user",
            level=self._vocabulary.level(code),
            evidence=(Evidence(words=f"broader than {topic.code}", weight=1.0),),
        )

    def _vector(self, text: str) -> dict[int, float]:
        return self._vector_of(Words.of(text))

    def _vector_of(self, words: Words) -> dict[int, float]:
        buckets, values = self._model.vector(words)
        return dict(zip(buckets.tolist(), values.tolist(), strict=True))

    def _knowledge(self) -> str:
        known = f"medtop {self._vocabulary.version}"
        return (
            f"{known}; own {self._user.topics.sha256[:_OWN_VERSION_DIGITS]}"
            if self._user
            else known
        )

    def _block(self, said: _Said) -> Block:
        maker = replace(self.maker, annotator=f"topics.{'+'.join(said.makers)}")
        reason = "; ".join(said.reasons) or None
        if "linear" not in said.makers:
            if not said.topics:
                return Block(status="skipped", reason=reason)
            sources = " and ".join(_SOURCES[source] for source in said.makers)
            reason = f"the {sources} alone; the model's topics are left out: {reason}"
            maker = Maker(maker.annotator, maker.version, knowledge_version=maker.knowledge_version)
        # Stable: equal scores stay in the order provider, section and model, own.
        topics = tuple(sorted(said.topics, key=lambda topic: -topic.score))
        return Block(reason=reason, topics=topics, maker=maker)
