"""The ``Annotator`` contract: one block of the enrichment.

What holds for every annotator (and what ``tests/conformance/test_annotators.py``
checks on each):

* ``annotate`` gets a batch of drafts and returns one :class:`Block` for each, in
  order; it changes nothing that it was given.
* It is deterministic: the same articles give the same blocks, whatever the
  batch they come in.
* What it can't do for an article (a language it has no model for, no text) it
  *skips*, with a reason; it doesn't raise for that.  What it raises is caught by
  the pipeline and recorded as ``failed`` in that block's provenance: the article
  goes on without the block.  ``Unavailable`` and ``StopWorking`` aren't caught.
* It blocks (NLP is CPU work): the stage runs it in a worker thread, one batch
  at a time.  Nothing in it needs to be thread safe.
* It holds no more memory after a million articles than after a thousand.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.annotations import NearDuplicate, Quote, ReadingTime, StoryRef, Summary
    from schemas.article import Entity, Language, RawArticle, Topic


@dataclass(frozen=True, slots=True)
class Draft:
    """An article with the blocks made so far, as later annotators see it."""

    article: RawArticle
    language: Language | None = None
    entities: tuple[Entity, ...] = ()
    topics: tuple[Topic, ...] = ()
    near_duplicates: tuple[NearDuplicate, ...] = ()


@dataclass(frozen=True, slots=True)
class Maker:
    """Who makes the block, for provenance. Known once the annotator is loaded."""

    annotator: str
    version: str
    model: str | None = None
    model_version: str | None = None
    model_sha256: str | None = None
    knowledge_version: str | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """What one annotator found in one article, or why it found nothing.

    ``maker`` is set where it isn't the annotator's own: a part of it, or somebody else,
    made this block.  Entities and topics of several blocks add up; of the rest each
    belongs to one annotator.
    """

    status: Literal["done", "skipped"] = "done"
    reason: str | None = None
    language: Language | None = None
    entities: tuple[Entity, ...] = ()
    topics: tuple[Topic, ...] = ()
    quotes: tuple[Quote, ...] = ()
    summary: Summary | None = None
    reading_time: ReadingTime | None = None
    near_duplicates: tuple[NearDuplicate, ...] = ()
    near_duplicate_of: NearDuplicate | None = None
    story: StoryRef | None = None
    maker: Maker | None = None


class Annotator(ABC):
    """Makes one block; see the module's docstring for what must hold."""

    block: ClassVar[str]

    @property
    @abstractmethod
    def maker(self) -> Maker:
        """Name, version and model of this annotator."""

    @abstractmethod
    def annotate(self, drafts: Sequence[Draft]) -> Sequence[Block]:
        """One block for each draft, in order."""
