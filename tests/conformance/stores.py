"""Every store that the conformance suite runs on, and what its tests share."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from hypothesis import given, settings

from services.indexer.store.base import Query
from services.indexer.store.postgres import PostgresStore
from services.indexer.store.sqlite import SqliteStore
from tests import postgres
from tests.factories import (
    article_id,
    at,
    drop_id,
    make_drop,
    make_enriched,
    make_entity,
    sha256,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path
    from uuid import UUID

    from hypothesis import strategies as st

    from schemas.article import EnrichedArticle, Entity
    from schemas.events import EntitiesChanged
    from services.indexer.store.base import ArticleStore


class Opener(Protocol):
    """Opens the store that lives in a folder; more than once is more than one connection."""

    def __call__(self, place: Path, clock: Callable[[], datetime]) -> ArticleStore: ...


def _sqlite(place: Path, clock: Callable[[], datetime]) -> ArticleStore:
    return SqliteStore(place / "store.sqlite3", clock=clock)


def _postgres(place: Path, clock: Callable[[], datetime]) -> ArticleStore:
    return PostgresStore(postgres_url(place), clock=clock)


def postgres_url(place: Path) -> str:
    """The URL of the store that lives in a folder: of a new database where there is none yet."""
    file = place / "postgres.url"
    if not file.exists():
        file.write_text(postgres.new_database())
    return file.read_text()


STORES: dict[str, Opener] = {"sqlite": _sqlite, "postgres": _postgres}


FEWER = 4
"""How many times fewer examples Hypothesis draws for a store on a server."""


class Desk:
    """One place for a store, and every connection that a test opens to it."""

    def __init__(self, name: str, place: Path) -> None:
        self.name = name
        self.place = place
        self._opened: list[ArticleStore] = []
        self._clock = ticking()
        if name == "postgres":
            # Here, and not in a child that a test starts: the server is this process's.
            postgres_url(place)

    def open(self, clock: Callable[[], datetime] | None = None) -> ArticleStore:
        """One more connection to the same store."""
        store = STORES[self.name](self.place, clock or self._clock)
        self._opened.append(store)
        return store

    def close(self) -> None:
        """Close every connection."""
        for store in self._opened:
            store.close()
        file = self.place / "postgres.url"
        if file.exists():
            postgres.recycle(file.read_text())
            file.unlink()


@contextmanager
def desk(name: str, place: Path) -> Iterator[Desk]:
    """A desk whose connections are closed at the end."""
    opened = Desk(name, place)
    try:
        yield opened
    finally:
        opened.close()


def on_every_store(
    examples: int = 60, **drawn: st.SearchStrategy[Any]
) -> Callable[[Callable[..., None]], Callable[[str], None]]:
    """A test of what Hypothesis draws, with the store's name; ``examples`` on SQLite.

    Each example makes a store, which takes some 20 ms on SQLite and three times that on a
    server: there are fewer of them there.
    """

    def decorate(test: Callable[..., None]) -> Callable[[str], None]:
        @pytest.mark.parametrize("name", sorted(STORES))
        def run(name: str) -> None:
            def once(**values: Any) -> None:
                test(name, **values)

            count = examples if name == "sqlite" else examples // FEWER
            settings(max_examples=count, deadline=None)(given(**drawn)(once))()

        run.__name__, run.__doc__ = test.__name__, test.__doc__
        return run

    return decorate


def ticking() -> Callable[[], datetime]:
    """A clock that is a second later each time it is read."""
    seconds = count(1000)
    return lambda: at(next(seconds))


def version(
    article: int = 1,
    revision: int = 1,
    content: str = "first",
    *,
    drop: int | None = None,
    received: float = 0,
    withdrawn: bool = False,
) -> EnrichedArticle:
    """A version of an article; drops are told apart by article and revision where not given."""
    number = article * 1000 + revision if drop is None else drop
    return make_enriched(
        drop=make_drop(drop_id=drop_id(number), received_at=at(received), file=f"{number}.txt"),
        article_id=article_id(article),
        revision=revision,
        revision_basis="version",
        headline=f"Quay {content}",
        body=(f"The {content} report from Riverton.",),
        status="withdrawn" if withdrawn else "usable",
    )


def naming(article: int, *keys: str, revision: int = 1, **over: Any) -> EnrichedArticle:
    """A version of an article whose entities have these keys, each named once, in this order.

    An entity is called what its key is made of: ``person:ned price`` is "Ned Price".
    """
    names = [key.partition(":")[2].title() for key in keys]
    text = "\n".join(names) or "Nobody"
    entities = tuple(_named(text, *pair) for pair in zip(keys, names, strict=True))
    drop = make_drop(drop_id=drop_id(article * 1000 + revision), file=f"{article}-{revision}.txt")
    fields: dict[str, Any] = {
        "drop": drop,
        "article_id": article_id(article),
        "revision": revision,
        "revision_basis": "version",
        "headline": f"Quay {article}",
        "text": text,
        "content_hash": sha256(f"{article} {text}"),
        "entities": entities,
    }
    return make_enriched(**(fields | over))


def _named(text: str, key: str, name: str) -> Entity:
    scheme, _, rest = key.partition(":")
    linked = scheme == "wd"
    kind: Any = "GPE" if linked else scheme.upper()
    links = {"wikidata": rest, "iso_country": "BY"} if linked else {}
    return make_entity(text, name, kind).model_copy(update={"key": key} | links)


def shown(store: ArticleStore, article: int = 1) -> list[str]:
    """The entity keys that an article shows, in its order."""
    held = store.get(article_id(article))
    assert held is not None
    return [entity.key for entity in held.entities]


def done(change: EntitiesChanged | None) -> EntitiesChanged:
    """A change that was made."""
    assert change is not None
    return change


def filed(store: ArticleStore, *articles: EnrichedArticle) -> list[str]:
    """The outcomes of filing ``articles`` as one batch."""
    return [outcome.outcome for outcome in store.file(articles)]


def found(store: ArticleStore, words: str | None = None, **filters: str) -> list[UUID]:
    """The ids that a search gives, in its order."""
    return [hit.article_id for hit in store.search(Query(words=words, **filters))]  # type: ignore[arg-type]  # the filters are strings
