"""Who is who: the part of the store's contract with which an operator joins and parts entities.

What holds for every store (and what ``tests/conformance/test_store_aliases.py``
checks on each):

* ``merge``, ``split`` and ``alias`` are one transaction each: the alias table, the
  articles' keys in the index and the change to be told to subscribers are on disk
  together, or none of them is.
* Documents are kept as they were filed; what ``get`` gives shows the keys that hold
  now: entities, speakers of quotes and relations.  Two entities of one article that
  are one now are shown as one (:mod:`services.indexer.store.aliases` says how).  So
  ``split`` brings back exactly what was there before ``merge``.
* Searches find an article by the key that holds, by every key and name that was
  merged into it, and by the names that the article itself has.
* Chains lead to their end: with a in b, and b in c, articles on a are on c.  When b is
  split off again, a stays with b, as the operator said.
* An article that is filed later with a key that was merged is filed under the key that
  holds, in the transaction of its filing.
* ``Refused``, with the reason and what to do: a key merged into itself or into one that
  is part of it; one that is part of another already; a key that no searchable article
  has, and keys of different types, unless forced.
* What holds already changes nothing and is told to nobody: None is given back.
* Keys may be given in any case, and a bare QID (``Q184``) means ``wd:Q184``.
* Every change has an id that it keeps.  It stays among ``pending_changes``, oldest
  first, until it is marked as published, whatever dies in between.
* ``effect("indexer.store.change")`` is announced right before the commit of a change,
  ``effect("indexer.store.published")`` before the commit that marks some as published.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from uuid import UUID

    from schemas.events import EntitiesChanged

MAX_NAMES = 20
"""Names of one entity that are listed: a person has some spellings, a noisy key has thousands."""

VALUES = ("date:", "money:")
"""How the keys of dates and amounts begin. They can be searched for, but are no names: facets,
co-mentions and suggestions leave them out, unless their type is asked for."""

CHANGES_AT_ONCE = 100
"""Changes read for publishing together: about 20 kB; the rest follow in the next round."""


class Refused(ValueError):  # noqa: N818  (named for what happened; nothing is broken)
    """A change that the store doesn't make; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Alias:
    """What an operator said: ``key`` is ``target``.

    ``root`` is where the chain ends, the key that articles show.  ``name`` is what
    the key is called; ``by_name``: it was said of a name, not of a key.
    """

    key: str
    target: str
    root: str
    name: str | None
    by_name: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class KnownEntity:
    """What the store knows of one entity.

    ``articles`` that a search can find name it, ``mentions`` times.  ``names`` are
    those that they call it by, each with its number of articles, the usual first, at
    most ``MAX_NAMES``.  ``merged``: the keys that are part of it.
    """

    key: str
    name: str | None
    type: str | None
    articles: int
    mentions: int
    names: tuple[tuple[str, int], ...] = ()
    merged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CoMention:
    """An entity that articles name beside another one, and how many of them do."""

    key: str
    name: str
    type: str
    articles: int


@dataclass(frozen=True, slots=True)
class CoMentions:
    """Who is named beside an entity, most often first.

    ``counted``: articles looked at, the newest; ``complete``: whether these are all of it.
    """

    counted: int
    complete: bool
    entities: tuple[CoMention, ...]


class EntityStore(ABC):
    """See the module's docstring for what must hold."""

    @abstractmethod
    def merge(
        self, keys: Sequence[str], into: str, *, name: str | None = None, force: bool = False
    ) -> EntitiesChanged | None:
        """Say that ``keys`` mean the same as ``into``; None when they did already.

        ``name`` is the canonical name of ``into`` where no article tells it.
        """

    @abstractmethod
    def alias(
        self, name: str, keys: Sequence[str], into: str, *, force: bool = False
    ) -> EntitiesChanged | None:
        """Say that ``name`` means ``into``; ``keys`` are those that enrichment makes of the name.

        No article need have them yet.
        """

    @abstractmethod
    def split(self, key: str) -> EntitiesChanged | None:
        """Make a merged key itself again; None when it is part of no other."""

    @abstractmethod
    def aliases(self) -> Sequence[Alias]:
        """Everything that was merged or aliased and holds, by root, then by key."""

    @abstractmethod
    def entity(self, key: str) -> KnownEntity | None:
        """The entity that ``key`` means now; None where no article and no alias has the key."""

    @abstractmethod
    def find_entities(self, words: str, limit: int = 20) -> Sequence[KnownEntity]:
        """Entities with all of ``words`` at the beginnings of words of one name, or in their key.

        Those of most articles come first.
        """

    @abstractmethod
    def suggest_entities(
        self, prefix: str, limit: int = 10, *, kind: str | None = None
    ) -> Sequence[KnownEntity]:
        """Entities of which a word of a name begins with ``prefix``, for a box that is typed in.

        Several words: the last may go on.  ``kind`` is an entity type, e.g. ``PERSON``; dates and
        amounts are left out where none is given.  Those of most articles first; ``names`` and
        ``merged`` are left empty.
        """

    @abstractmethod
    def co_mentions(self, key: str, limit: int = 20) -> CoMentions:
        """Who is named in the same articles as the entity that ``key`` means now.

        Dates and amounts are left out.
        """

    @abstractmethod
    def timeline(self, key: str, since: datetime | None = None) -> Sequence[tuple[date, int]]:
        """Articles per day (of ``Hit.listed_at``, UTC) on the entity that ``key`` means now.

        In order of time; days without an article are left out.
        """

    @abstractmethod
    def pending_changes(self, limit: int = CHANGES_AT_ONCE) -> Sequence[EntitiesChanged]:
        """Changes that nobody has marked as published, oldest first."""

    @abstractmethod
    def mark_published(self, change_ids: Sequence[UUID]) -> None:
        """Say that subscribers were told of these changes; again is harmless."""
