"""The store on a server: PostgreSQL 15 or newer, full text by ``tsvector`` and GIN.

Many may read at once, each on a connection of its own.  Writers, in this process and in all
others, take turns: each holds an advisory lock from its first statement to its commit
(postgres_pool.py).  So the numbers that it gives out (rows, places, positions of changes) are
committed in their order, and ``changes`` has no gap that is filled later.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from schemas.events import Outcome
from services.indexer.store import (
    merging,
    postgres_aliases,
    postgres_entities,
    postgres_facets,
    postgres_flush,
    postgres_migrate,
    postgres_names,
    postgres_read,
    postgres_search,
    postgres_tallies,
)
from services.indexer.store.base import ArticleStore
from services.indexer.store.entities import CHANGES_AT_ONCE
from services.indexer.store.postgres_batch import Batch
from services.indexer.store.postgres_pool import Connections

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date
    from uuid import UUID

    from schemas.article import EnrichedArticle
    from schemas.events import EntitiesChanged
    from services.indexer.store.base import (
        Change,
        FacetName,
        Facets,
        Hit,
        Page,
        Position,
        Query,
        Record,
        Story,
    )
    from services.indexer.store.entities import Alias, CoMentions, KnownEntity
    from services.indexer.store.tallies import Filed, Tally

OUTCOMES_AT_ONCE = 500
"""Outcomes read by one query: under 1 MB, and no transaction is open for a whole ledger."""

_ENTRIES = "SELECT name, document FROM registry WHERE kind = %s ORDER BY name"

_PUT_NEW = """
    INSERT INTO registry (kind, name, document) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING
"""

_PUT = "UPDATE registry SET document = %s WHERE kind = %s AND name = %s AND document = %s"


def _now() -> datetime:
    return datetime.now(UTC)


class PostgresStore(ArticleStore):
    """Articles in the database at ``url``; see :class:`ArticleStore` for what holds.

    ``clock`` says when an article is filed.  ``read_only`` neither makes nor changes anything.
    May be used from any thread.  After the server was away it goes on by itself.
    """

    def __init__(
        self, url: str, *, clock: Callable[[], datetime] = _now, read_only: bool = False
    ) -> None:
        self._clock = clock
        self._connections = Connections(url, read_only=read_only)
        try:
            self._connections.open()
            postgres_migrate.prepare(self._connections, read_only=read_only)
        except BaseException:
            self._connections.close()
            raise

    def file(self, articles: Sequence[EnrichedArticle]) -> Sequence[Outcome]:
        """File a batch in one transaction; one outcome for each, in order."""
        with self._connections.writing("indexer.store.commit") as db:
            batch = Batch(db, articles, self._clock())
            outcomes = batch.file()
            postgres_flush.write(db, batch.work)
        return outcomes

    def get(self, article_id: UUID) -> EnrichedArticle | None:
        """The current version of an article, whole; None when unknown or withdrawn."""
        with self._connections.one_view() as db:
            return postgres_read.article(db, article_id)

    def record(self, article_id: UUID) -> Record | None:
        """Where an article stands and its versions, withdrawn ones too; None when unknown."""
        with self._connections.one_view() as db:
            return postgres_read.record(db, article_id)

    def version(self, article_id: UUID, number: int) -> EnrichedArticle | None:
        """An earlier (or the current) version as it was filed; None where there is none."""
        with self._connections.one_view() as db:
            return postgres_read.version(db, article_id, number)

    def resolve(self, prefix: str, limit: int = 2) -> Sequence[UUID]:
        """Ids (at most ``limit``) that start with ``prefix``, in id order."""
        with self._connections.reading() as db:
            return postgres_read.resolve(db, prefix, limit)

    def search(self, query: Query) -> Sequence[Hit]:
        """Articles that match, best first (newest first where no words are given)."""
        return list(self.page(query).hits)

    def page(self, query: Query, after: Position | None = None) -> Page:
        """Articles that match, those after a position; ``BadQuery`` for one that can't be made."""
        with self._connections.one_view() as db:
            return postgres_search.page(db, query, after)

    def facets(self, query: Query, names: Sequence[FacetName], limit: int = 20) -> Facets:
        """How what a query finds is spread; at most ``limit`` values each (days: all)."""
        with self._connections.one_view() as db:
            return postgres_facets.facets(db, query, names, limit)

    def changes(self, after: int = 0, limit: int = 1000) -> Sequence[Change]:
        """Changes behind a position, oldest first: withdrawn articles and duplicates too."""
        with self._connections.reading() as db:
            return postgres_read.changes(db, after, limit)

    def story(self, story_id: UUID) -> Story | None:
        """A story by its id, also by one that is gone; None where no article is in it."""
        with self._connections.one_view() as db:
            return postgres_read.story(db, story_id)

    def stories(self, limit: int = 20, *, articles: int = 2) -> Sequence[Story]:
        """Stories of at least so many articles, those with the newest article first."""
        with self._connections.one_view() as db:
            return postgres_read.stories(db, limit, articles)

    def topic_counts(self) -> Mapping[str, int]:
        """Articles that a search can find per topic code, those of the topics below it included."""
        with self._connections.one_view() as db:
            return postgres_facets.topic_counts(db)

    def outcome(self, drop_id: UUID, article_id: UUID) -> Outcome | None:
        """What was reported for this article of this drop."""
        with self._connections.reading() as db:
            return postgres_read.reported(db, drop_id, article_id)

    def outcomes(self) -> Iterator[Outcome]:
        """Every outcome, in the order of filing; those filed meanwhile come last."""
        after = 0
        while True:
            with self._connections.reading() as db:
                rows = postgres_read.outcomes(db, after, OUTCOMES_AT_ONCE)
            if not rows:
                return
            for after, document in rows:  # noqa: B007  (the next query starts after the last one)
                yield Outcome.model_validate_json(document)

    def tally(self) -> Tally:
        """What was counted, and up to which outcome, as of one moment."""
        with self._connections.one_view() as db:
            return postgres_tallies.tally(db)

    def totals(self, since: int = 0) -> Mapping[str, Mapping[str, int]]:
        """Outcomes of what was received from an hour on, by inbox and kind: the tally in short."""
        with self._connections.reading() as db:
            return postgres_tallies.totals(db, since)

    def filed_after(self, number: int) -> Iterator[Filed]:
        """Outcomes behind a number, in their order."""
        while True:
            with self._connections.reading() as db:
                found = postgres_tallies.filed_after(db, number)
            yield from found
            if not found:
                return
            number = found[-1].number

    def filed_for(self, drops: Sequence[str]) -> Iterator[Filed]:
        """Outcomes of these drops, in no order."""
        at_once = postgres_tallies.AT_ONCE
        for start in range(0, len(drops), at_once):
            with self._connections.reading() as db:
                found = postgres_tallies.filed_for(db, drops[start : start + at_once])
            yield from found

    def filed_in(self, inbox_id: str, hour: int) -> Sequence[Filed]:
        """Outcomes of what an inbox received in an hour."""
        with self._connections.reading() as db:
            return postgres_tallies.filed_in(db, inbox_id, hour)

    def count(self) -> int:
        """Articles that a search can find: withdrawn ones and duplicates left out."""
        with self._connections.reading() as db:
            return postgres_facets.count(db)

    def merge(
        self, keys: Sequence[str], into: str, *, name: str | None = None, force: bool = False
    ) -> EntitiesChanged | None:
        """Say that ``keys`` mean the same as ``into``; None when they did already."""
        wanted = merging.Wanted(tuple(keys), into, "merged", name=name, force=force)
        with self._connections.writing("indexer.store.change") as db:
            return merging.merge(postgres_aliases.PostgresBook(db), wanted, self._clock())

    def alias(
        self, name: str, keys: Sequence[str], into: str, *, force: bool = False
    ) -> EntitiesChanged | None:
        """Say that ``name``, of which enrichment makes ``keys``, means ``into``."""
        wanted = merging.Wanted(tuple(keys), into, "aliased", called=name, force=force)
        with self._connections.writing("indexer.store.change") as db:
            return merging.merge(postgres_aliases.PostgresBook(db), wanted, self._clock())

    def split(self, key: str) -> EntitiesChanged | None:
        """Make a merged key itself again; None when it is part of no other."""
        with self._connections.writing("indexer.store.change") as db:
            return merging.split(postgres_aliases.PostgresBook(db), key, self._clock())

    def aliases(self) -> Sequence[Alias]:
        """Everything that was merged or aliased and holds, by root, then by key."""
        with self._connections.reading() as db:
            return postgres_aliases.aliases(db)

    def entity(self, key: str) -> KnownEntity | None:
        """The entity that ``key`` means now; None where no article and no alias has the key."""
        with self._connections.one_view() as db:
            return postgres_entities.entity(db, key)

    def find_entities(self, words: str, limit: int = 20) -> Sequence[KnownEntity]:
        """Entities that ``words`` name, those of most articles first."""
        with self._connections.one_view() as db:
            return postgres_names.find(db, words, limit)

    def suggest_entities(
        self, prefix: str, limit: int = 10, *, kind: str | None = None
    ) -> Sequence[KnownEntity]:
        """Entities with a word in a name that begins with ``prefix``, the most frequent first."""
        with self._connections.one_view() as db:
            return postgres_names.suggest(db, prefix, limit, kind)

    def co_mentions(self, key: str, limit: int = 20) -> CoMentions:
        """Who is named in the same articles as the entity that ``key`` means now."""
        with self._connections.one_view() as db:
            return postgres_names.co_mentions(db, key, limit)

    def timeline(self, key: str, since: datetime | None = None) -> Sequence[tuple[date, int]]:
        """Articles per day (of ``Hit.listed_at``, UTC) on the entity that ``key`` means now."""
        with self._connections.one_view() as db:
            return postgres_names.timeline(db, key, since)

    def pending_changes(self, limit: int = CHANGES_AT_ONCE) -> Sequence[EntitiesChanged]:
        """Changes that nobody has marked as published, oldest first."""
        with self._connections.reading() as db:
            return postgres_aliases.pending(db, limit)

    def mark_published(self, change_ids: Sequence[UUID]) -> None:
        """Say that subscribers were told of these changes; again is harmless."""
        with self._connections.writing("indexer.store.published") as db:
            postgres_aliases.mark_published(db, change_ids)

    def entries(self, kind: str) -> Mapping[str, str]:
        """Every document of a kind, as JSON text, by name."""
        with self._connections.reading() as db:
            return dict(db.execute(_ENTRIES, (kind,)).fetchall())

    def put(self, kind: str, name: str, document: str, *, expected: str | None = None) -> bool:
        """Keep a document; False, and nothing changed, where what is there isn't as expected."""
        with self._connections.writing("indexer.store.registry") as db:
            if expected is None:
                return db.execute(_PUT_NEW, (kind, name, document)).rowcount == 1
            return db.execute(_PUT, (document, kind, name, expected)).rowcount == 1

    def remove(self, kind: str, name: str) -> bool:
        """Forget a document; False where there was none."""
        with self._connections.writing("indexer.store.registry") as db:
            statement = "DELETE FROM registry WHERE kind = %s AND name = %s"
            return db.execute(statement, (kind, name)).rowcount == 1

    def close(self) -> None:
        """Release everything. The store can't be used after it."""
        self._connections.close()
