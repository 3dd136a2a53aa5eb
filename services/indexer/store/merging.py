"""How entities are joined and parted: the same steps for every store.

A store gives a :class:`Book`, its alias table within an open transaction; what is done with it,
and in which order, stands here once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import uuid4

from schemas.events import EntitiesChanged
from services.indexer.store.aliases import check_key, check_merge, check_types, full_key, unknown
from services.indexer.store.entities import Alias

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from schemas.events import EntityChange
    from services.indexer.store.aliases import Target


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an operator says: ``keys`` (called ``called``, where a name was given) are ``into``."""

    keys: tuple[str, ...]
    into: str
    change: EntityChange
    called: str | None = None
    name: str | None = None
    force: bool = False

    @property
    def named(self) -> bool:
        """Whether it is said of a name: then no article need have its keys."""
        return self.change == "aliased"


class Book(ABC):
    """A store's alias table, in an open transaction."""

    @abstractmethod
    def root_of(self, key: str) -> str:
        """The key that articles with ``key`` show."""

    @abstractmethod
    def facts(self, key: str) -> Target:
        """How ``key`` itself is shown."""

    @abstractmethod
    def find_key(self, given: str) -> str | None:
        """The key as the store writes it; None where no article or alias has it."""

    @abstractmethod
    def alike(self, key: str) -> list[str]:
        """Keys that may be meant by one that nobody has."""

    @abstractmethod
    def check(self, key: str) -> None:
        """``Refused`` for a key that this store can't merge."""

    @abstractmethod
    def held(self, key: str) -> tuple[str, str] | None:
        """What a key was merged into, and where that ends; None when it is part of no other."""

    @abstractmethod
    def parts_of(self, key: str) -> list[str]:
        """``key`` and all that was merged into it, directly or not."""

    @abstractmethod
    def add(self, alias: Alias) -> None:
        """Write an alias."""

    @abstractmethod
    def remove(self, key: str) -> None:
        """Take the alias of ``key`` away."""

    @abstractmethod
    def remember(self, shown: Target) -> None:
        """Keep how an entity is shown that others are merged into."""

    @abstractmethod
    def forget(self, key: str) -> None:
        """Keep it no more where nothing leads to ``key``."""

    @abstractmethod
    def rekey(self, keys: Sequence[str], held: str, root: str) -> set[int]:
        """Let ``keys``, which were shown as ``held``, lead to ``root``; the articles concerned."""

    @abstractmethod
    def recount(self, keys: Sequence[str]) -> None:
        """Count the entities of these keys anew."""

    @abstractmethod
    def keep(self, change_id: str, document: str) -> None:
        """Keep a change until subscribers were told."""


def merge(book: Book, wanted: Wanted, at: datetime) -> EntitiesChanged | None:
    """Do what is wanted; None when it holds already.  Raises ``Refused``, with nothing done."""
    into = _meant(book, wanted.into, force=wanted.force)
    todo = _to_do(book, wanted, into)
    if not todo:
        return None
    end = book.root_of(into)
    for key in dict.fromkeys((end, into)):
        _remember(book, key, wanted.name if key == into else None)
    target = book.facts(end)
    affected: list[str] = []
    articles: set[int] = set()
    for key in todo:
        own = book.facts(key)
        if not wanted.force:
            check_types(key, own.type, end, target.type)
        parts = book.parts_of(key)
        book.add(Alias(key, into, end, wanted.called or own.name, wanted.named, at))
        articles |= book.rekey(parts, key, end)
        affected += parts
    book.recount((*affected, end))
    return _note(book, _Made(wanted.change, tuple(affected), target, len(articles), at))


def split(book: Book, given: str, at: datetime) -> EntitiesChanged | None:
    """Make a merged key itself again; None when it is part of no other."""
    key = _meant(book, given, force=False)
    row = book.held(key)
    if row is None:
        return None
    target, held = row
    parts = book.parts_of(key)
    shown = book.facts(key)
    book.remove(key)
    articles = book.rekey(parts, held, key)
    for each in dict.fromkeys((target, held)):
        book.forget(each)
    book.recount((*parts, held))
    return _note(book, _Made("split", tuple(parts), shown, len(articles), at))


def _to_do(book: Book, wanted: Wanted, into: str) -> list[str]:
    """The wanted keys that aren't ``into`` yet; what is part of another of them goes with it."""
    known = wanted.force or wanted.named
    keys = dict.fromkeys(_meant(book, key, force=known) for key in wanted.keys)
    return [
        key
        for key in keys
        if (book.root_of(key) == key or book.root_of(key) not in keys)
        and check_merge(key, into, book.root_of)
    ]


def _remember(book: Book, key: str, name: str | None) -> None:
    """Keep how ``key`` is shown; ``name`` counts where nobody has told one."""
    shown = book.facts(key)
    book.remember(replace(shown, key=key, name=shown.name or name))


def _meant(book: Book, given: str, *, force: bool) -> str:
    """The key as the store has it; one that nobody has is refused, or taken with ``force``."""
    full = full_key(given)
    check_key(full)
    book.check(full)
    key = book.find_key(full)
    if key is not None:
        return key
    if not force:
        raise unknown(full, book.alike(full))
    return full


@dataclass(frozen=True, slots=True)
class _Made:
    """A change that was made: how many ``articles`` of ``keys`` are shown as ``into`` now."""

    change: EntityChange
    keys: tuple[str, ...]
    into: Target
    articles: int
    at: datetime


def _note(book: Book, made: _Made) -> EntitiesChanged:
    """Keep the change; gives it back as it will be read again."""
    document = EntitiesChanged(
        change_id=uuid4(),
        change=made.change,
        keys=made.keys,
        into=made.into.key,
        name=made.into.name,
        articles=made.articles,
        at=made.at,
    ).model_dump_json()
    change = EntitiesChanged.model_validate_json(document)
    book.keep(str(change.change_id), document)
    return change
