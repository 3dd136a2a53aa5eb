"""The ``ArticleStore`` contract: where enriched articles are filed and read.

What holds for every store (and what ``tests/conformance/test_stores.py`` checks
on each):

* ``file`` is one transaction: after it returned, everything is on disk; if it
  raised, nothing is.
* The outcome of a (drop, article) is kept in the same transaction as the
  document.  Filing the same again, at any time, returns the outcome that was
  returned first, and changes nothing.
* Versions are ordered by revision, or by when they were made where one has a
  version number and the other a time (:mod:`services.indexer.store.rules`), then
  withdrawals after others, then by receipt, and by drop id where all is equal.
  Later with other content: ``updated``; with the same content: ``unchanged``;
  earlier than what is held: ``superseded``.  Withdrawn articles are no longer
  found by ``search``; a version that arrives after a later withdrawal is
  ``superseded``, one later than the withdrawal is ``indexed``.
* An article whose content another id already holds is a ``duplicate`` of that
  one and not found by ``search``; :mod:`services.indexer.store.rules` says why,
  and what happens when the first changes or goes.
* The order within a batch is the order of filing; how filings are split into
  batches makes no difference.
* ``effect("indexer.store.commit")`` is announced right before the commit.
* ``Unavailable`` is raised for what passes (disk full, locked), ``StopWorking``
  for what doesn't (a store of a newer version, not a database).  No other
  error comes of a search, whatever its words are.
* Stories that an article says are one (``story.merged``) are one for every article, filed
  before or after, whatever becomes of the one that said it and whatever order they come
  in: ``get`` and ``search`` go by the id that is left.  Where articles contradict each
  other it is the smallest of those that nobody called gone, else the smallest of all.
* Who is who is an operator's to say: :mod:`services.indexer.store.entities`.
* Readers may work while a writer writes, and see whole transactions only.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from services.indexer.store.entities import EntityStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from uuid import UUID

    from schemas.article import EnrichedArticle
    from schemas.events import Outcome

State = Literal["live", "duplicate", "withdrawn"]
"""Where an article stands: found by ``search``; hidden behind the article that
already holds its content; cancelled by its provider."""

MAX_HITS = 10_000
"""A search gives no more, whatever its limit: about 10 MB, and nobody reads on."""


@dataclass(frozen=True, slots=True)
class Hit:
    """An article found: what a list shows of it; ``snippet`` marks matches with ``[ ]``."""

    article_id: UUID
    revision: int
    headline: str | None
    published_at: datetime | None
    filed_at: datetime
    snippet: str


@dataclass(frozen=True, slots=True)
class Query:
    """What to search for; every given condition must hold.

    ``words`` are all required; ``"a phrase"`` in double quotes and ``prefix*``
    work; anything else in it is taken as plain words, never as syntax.  ``entity`` is
    a name, a key or a QID, also one that was merged into another.  ``story`` may be an
    id that is gone.  ``copy_of``: articles that are near-duplicates of this one.
    """

    words: str | None = None
    entity: str | None = None
    topic: str | None = None
    language: str | None = None
    limit: int = 20
    story: UUID | None = None
    copy_of: UUID | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """One accepted version of an article.

    ``filed_at`` is when its content was first filed; ``revision`` and
    ``received_at`` are those of the latest version that had this content.
    """

    revision: int
    received_at: datetime
    filed_at: datetime
    withdrawn: bool
    headline: str | None


@dataclass(frozen=True, slots=True)
class Record:
    """What the store knows of one article id; ``versions`` oldest first, the last is current."""

    article_id: UUID
    state: State
    duplicate_of: UUID | None
    versions: tuple[Version, ...]


class ArticleStore(EntityStore):
    """See the module's docstring for what must hold."""

    @abstractmethod
    def file(self, articles: Sequence[EnrichedArticle]) -> Sequence[Outcome]:
        """File a batch in one transaction; one outcome for each, in order."""

    @abstractmethod
    def get(self, article_id: UUID) -> EnrichedArticle | None:
        """The current version of an article, whole; None when unknown or withdrawn.

        As it was filed, but for the keys of entities and the story's id: those that hold now.
        """

    @abstractmethod
    def record(self, article_id: UUID) -> Record | None:
        """Where an article stands and its versions, withdrawn ones too; None when unknown."""

    @abstractmethod
    def resolve(self, prefix: str, limit: int = 2) -> Sequence[UUID]:
        """Ids (at most ``limit``) that start with ``prefix``, e.g. ``8f14e45f``, in id order."""

    @abstractmethod
    def search(self, query: Query) -> Sequence[Hit]:
        """Articles that match, best first (newest first where no words are given)."""

    @abstractmethod
    def outcome(self, drop_id: UUID, article_id: UUID) -> Outcome | None:
        """What was reported for this article of this drop."""

    @abstractmethod
    def outcomes(self) -> Iterator[Outcome]:
        """Every outcome, in the order of filing."""

    @abstractmethod
    def count(self) -> int:
        """Articles that a search can find: withdrawn ones and duplicates left out."""

    @abstractmethod
    def close(self) -> None:
        """Release everything. The store can't be used after it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()
