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
* An article that was enriched again (``drop.reenrichment``) replaces the annotations of the very
  version that it was made of, and nothing else: :mod:`services.indexer.store.renewing`.
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
* What was filed is counted (:mod:`services.indexer.store.tallies`).
* Who is who is an operator's to say: :mod:`services.indexer.store.entities`.
* Readers may work while a writer writes, and see whole transactions only.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from services.indexer.store.entities import EntityStore
from services.indexer.store.registry import Registry
from services.indexer.store.tallies import Tallies

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from schemas.article import EnrichedArticle
    from schemas.events import Outcome

State = Literal["live", "duplicate", "withdrawn"]
"""Where an article stands: found by ``search``; hidden behind the article that
already holds its content; cancelled by its provider."""

Order = Literal["relevance", "newest"]
"""Best match first, or by ``Hit.listed_at``, newest first."""

FacetName = Literal["topic", "entity", "source", "language", "day"]

MAX_HITS = 10_000
"""A search gives no more, whatever its limit: about 10 MB, and nobody reads on."""


class BadQuery(ValueError):  # noqa: N818  (named for what is wrong, not for where)
    """A search that can't be made; the message says why, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: ``place`` of its last article, and ``as_of``, which articles count.

    ``place`` never changes while an article is in the store, is unique, and sorts by the time
    under which the article is listed: its first publication, at most its first receipt.
    Articles that were filed for the first time after the first page was read aren't on the
    later ones.  So pages miss nothing and repeat nothing, whatever is written meanwhile.
    """

    place: int
    as_of: int


@dataclass(frozen=True, slots=True)
class Hit:
    """An article found: what a list shows of it.

    ``matches`` are offsets of characters, half-open, into ``excerpt``, which is plain text on
    one line; ``snippet`` is the same with matches marked by ``[ ]``.  ``topics``: code and
    name, the surest first.  ``source`` is the provider as the article has it.
    """

    article_id: UUID
    revision: int
    headline: str | None
    published_at: datetime | None
    filed_at: datetime
    listed_at: datetime
    excerpt: str
    matches: tuple[tuple[int, int], ...] = ()
    source: str | None = None
    language: str | None = None
    topics: tuple[tuple[str, str], ...] = ()
    story: UUID | None = None
    copy_of: UUID | None = None

    @property
    def snippet(self) -> str:
        """The excerpt with its matches in square brackets, for a terminal."""
        parts, at = [], 0
        for start, end in self.matches:
            parts += [self.excerpt[at:start], "[", self.excerpt[start:end], "]"]
            at = end
        return "".join([*parts, self.excerpt[at:]])


@dataclass(frozen=True, slots=True)
class Page:
    """Some of what was found; ``next``: where to go on, None at the end.

    Pages by relevance have no next: ranks move while articles are written, so that paging
    by them would miss and repeat.  Ask for more at once, or for the newest first.
    """

    hits: tuple[Hit, ...]
    next: Position | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """What to search for; every given condition must hold.

    ``words``: all are required; ``"a phrase"`` in double quotes and ``prefix*`` work, ``OR``,
    ``AND``, ``NOT`` (in capitals, also ``-word``) and parentheses too
    (:mod:`services.indexer.store.words`); anything else in it is taken as plain words, never
    as syntax.  ``entity`` is a name, a key or a QID, also one that was merged into another.
    ``topic`` is a code or a name; articles on topics below it are found as well.  ``source``
    is a provider's name; case doesn't count.  ``since`` and ``until`` are about
    ``Hit.listed_at``: from the first on, before the second.  ``story`` may be an id that is
    gone.  ``copy_of``: articles that are near-duplicates of this one.  ``order``: by relevance
    where words are given, else newest first, unless it is said.
    """

    words: str | None = None
    entity: str | None = None
    topic: str | None = None
    language: str | None = None
    limit: int = 20
    story: UUID | None = None
    copy_of: UUID | None = None
    source: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    order: Order | None = None


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One value of a facet: ``key`` to search by, ``name`` to show, articles that have it.

    Keys: a topic's code, an entity's key, a provider's name, a language's code, a day
    (``2026-03-02``, of ``Hit.listed_at`` in UTC).
    """

    key: str
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Facets:
    """How the articles that a query finds are spread; dates and amounts are no facet.

    ``counted``: articles looked at; ``complete``: whether that is all that match, else the
    newest of them (a store says how many it looks at).  ``values``: the most frequent first,
    days in order of time.
    """

    counted: int
    complete: bool
    values: Mapping[FacetName, tuple[FacetValue, ...]]


@dataclass(frozen=True, slots=True)
class Change:
    """An article whose standing or content changed; the latest change of each article is kept.

    ``position`` grows with every change in the store, in the order of commits: whoever reads
    on from the last one seen misses none.  ``revision`` is that of the current version.
    """

    position: int
    article_id: UUID
    state: State
    revision: int
    filed_at: datetime


@dataclass(frozen=True, slots=True)
class Story:
    """A story: the articles that a search can find on one happening.

    ``headline`` is that of its first article by ``Hit.listed_at``; ``first_at`` and
    ``last_at`` are the outermost of these times.  ``sources``: how many providers.
    """

    story_id: UUID
    articles: int
    first_at: datetime
    last_at: datetime
    headline: str | None
    sources: int


@dataclass(frozen=True, slots=True)
class Version:
    """One accepted version of an article; ``number``: the how-manieth that is kept, from 1.

    ``filed_at`` is when its content was first filed; ``revision`` and
    ``received_at`` are those of the latest version that had this content.
    """

    revision: int
    received_at: datetime
    filed_at: datetime
    withdrawn: bool
    headline: str | None
    number: int = 1


@dataclass(frozen=True, slots=True)
class Record:
    """What the store knows of one article id; ``versions`` oldest first, the last is current."""

    article_id: UUID
    state: State
    duplicate_of: UUID | None
    versions: tuple[Version, ...]


class ArticleStore(EntityStore, Registry, Tallies):
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
    def version(self, article_id: UUID, number: int) -> EnrichedArticle | None:
        """An earlier (or the current) version as it was filed; None where there is none.

        Of withdrawn articles no version is given: their provider has taken them back.
        """

    @abstractmethod
    def resolve(self, prefix: str, limit: int = 2) -> Sequence[UUID]:
        """Ids (at most ``limit``) that start with ``prefix``, e.g. ``8f14e45f``, in id order."""

    def search(self, query: Query) -> Sequence[Hit]:
        """Articles that match, best first (newest first where no words are given)."""
        return self.page(query).hits

    @abstractmethod
    def page(self, query: Query, after: Position | None = None) -> Page:
        """Articles that match, those after a position; ``BadQuery`` for one that can't be made."""

    @abstractmethod
    def facets(self, query: Query, names: Sequence[FacetName], limit: int = 20) -> Facets:
        """How what a query finds is spread; at most ``limit`` values each (days: all)."""

    @abstractmethod
    def changes(self, after: int = 0, limit: int = 1000) -> Sequence[Change]:
        """Changes behind a position, oldest first: withdrawn articles and duplicates too."""

    @abstractmethod
    def story(self, story_id: UUID) -> Story | None:
        """A story by its id, also by one that is gone; None where no article is in it."""

    @abstractmethod
    def stories(self, limit: int = 20, *, articles: int = 2) -> Sequence[Story]:
        """Stories of at least so many articles, those with the newest article first."""

    @abstractmethod
    def topic_counts(self) -> Mapping[str, int]:
        """Articles that a search can find per topic code, those of the topics below it included."""

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
