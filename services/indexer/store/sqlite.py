"""The embedded store: one SQLite file, full text by FTS5."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from schemas.article import EnrichedArticle
from schemas.events import Outcome, source_name, timings_of
from services.effects import effect
from services.indexer.store import (
    merging,
    sqlite_aliases,
    sqlite_entities,
    sqlite_facets,
    sqlite_names,
    sqlite_registry,
    sqlite_search,
    sqlite_stories,
    sqlite_tallies,
    sqlite_write,
)
from services.indexer.store.aliases import keys_in, rekeyed
from services.indexer.store.base import ArticleStore, Change, Record, Version
from services.indexer.store.entities import CHANGES_AT_ONCE
from services.indexer.store.renewing import decide_again
from services.indexer.store.rules import decide
from services.indexer.store.sqlite_errors import named_errors
from services.indexer.store.sqlite_schema import open_file, roll_back
from services.indexer.store.sqlite_totals import Pending
from services.indexer.store.times import from_micros

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from schemas.events import EntitiesChanged
    from services.indexer.store.base import FacetName, Facets, Page, Position, Query, State, Story
    from services.indexer.store.entities import Alias, CoMentions, KnownEntity
    from services.indexer.store.tallies import Filed, Tally

BUSY_TIMEOUT = 10.0
"""Seconds to wait for another writer. The longest of our own transactions is a
batch of 100 articles, well under a second; longer means that something else
holds the file, and then the stage should say so and wait."""

OUTCOMES_AT_ONCE = 500
"""Outcomes read by one query: under 1 MB, and a reader never holds up a writer's
checkpoint for the length of a whole ledger."""


MAX_NUMBER = 2**53
"""No article has so many versions, and SQLite's numbers end at 2**63."""


def _now() -> datetime:
    return datetime.now(UTC)


class SqliteStore(ArticleStore):
    """Articles in the SQLite file ``path``; see :class:`ArticleStore` for what holds.

    ``clock`` says when an article is filed.  ``read_only`` neither makes nor
    changes the file.  May be used from any thread; calls take turns.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], datetime] = _now,
        read_only: bool = False,
        busy_timeout: float = BUSY_TIMEOUT,
    ) -> None:
        self.path = path
        self._clock = clock
        self._lock = threading.RLock()
        self._db = open_file(path, busy_timeout, read_only=read_only)

    def file(self, articles: Sequence[EnrichedArticle]) -> Sequence[Outcome]:
        """File a batch in one transaction; one outcome for each, in order."""
        with self._change("indexer.store.commit") as db:
            filed_at, pending = self._clock(), Pending(db)
            outcomes = [_file_one(db, pending, article, filed_at) for article in articles]
            pending.write()
            return outcomes

    def get(self, article_id: UUID) -> EnrichedArticle | None:
        """The current version of an article, whole; None when unknown or withdrawn."""
        with self._use() as db, _one_view(db):
            row = db.execute(sqlite_search.DOCUMENT, (str(article_id),)).fetchone()
            if row is None:
                return None
            article = EnrichedArticle.model_validate_json(row[0])
            holds = sqlite_entities.holding(db, keys_in(article))
        return _in_story(rekeyed(article, holds), row[1])

    def record(self, article_id: UUID) -> Record | None:
        """Where an article stands and its versions, withdrawn ones too; None when unknown."""
        with self._use() as db, _one_view(db):
            row = db.execute(sqlite_search.STANDING, (str(article_id),)).fetchone()
            if row is None:
                return None
            seq, state, twin = row
            versions = db.execute(sqlite_search.VERSIONS, (seq,)).fetchall()
        return Record(
            article_id=article_id,
            state=state,
            duplicate_of=None if twin is None else UUID(twin),
            versions=tuple(_version(n, *row) for n, row in enumerate(versions, start=1)),
        )

    def resolve(self, prefix: str, limit: int = 2) -> Sequence[UUID]:
        """Ids (at most ``limit``) that start with ``prefix``, in id order."""
        with self._use() as db:
            return sqlite_search.resolve(db, prefix, limit)

    def version(self, article_id: UUID, number: int) -> EnrichedArticle | None:
        """An earlier (or the current) version as it was filed; None where there is none."""
        with self._use() as db, _one_view(db):
            row = db.execute(sqlite_search.STANDING, (str(article_id),)).fetchone()
            if row is None or row[1] == "withdrawn" or not 0 < number <= MAX_NUMBER:
                return None
            found = db.execute(sqlite_search.VERSION, (row[0], number - 1)).fetchone()
        return None if found is None else EnrichedArticle.model_validate_json(found[0])

    def page(self, query: Query, after: Position | None = None) -> Page:
        """Articles that match, those after a position; ``BadQuery`` for one that can't be made."""
        with self._use() as db, _one_view(db):
            return sqlite_search.page(db, query, after)

    def facets(self, query: Query, names: Sequence[FacetName], limit: int = 20) -> Facets:
        """How what a query finds is spread; at most ``limit`` values each (days: all)."""
        with self._use() as db, _one_view(db):
            return sqlite_facets.facets(db, query, names, limit)

    def changes(self, after: int = 0, limit: int = 1000) -> Sequence[Change]:
        """Changes behind a position, oldest first: withdrawn articles and duplicates too."""
        with self._use() as db:
            rows = db.execute(sqlite_search.CHANGES, (after, max(0, limit))).fetchall()
        return [_changed(*row) for row in rows]

    def story(self, story_id: UUID) -> Story | None:
        """A story by its id, also by one that is gone; None where no article is in it."""
        with self._use() as db, _one_view(db):
            return sqlite_stories.find(db, str(story_id))

    def stories(self, limit: int = 20, *, articles: int = 2) -> Sequence[Story]:
        """Stories of at least so many articles, those with the newest article first."""
        with self._use() as db, _one_view(db):
            return sqlite_stories.newest(db, limit, articles)

    def topic_counts(self) -> Mapping[str, int]:
        """Articles that a search can find per topic code, those of the topics below it included."""
        with self._use() as db, _one_view(db):
            return sqlite_facets.topic_counts(db)

    def entries(self, kind: str) -> Mapping[str, str]:
        """Every document of a kind, as JSON text, by name."""
        with self._use() as db:
            return sqlite_registry.entries(db, kind)

    def put(self, kind: str, name: str, document: str, *, expected: str | None = None) -> bool:
        """Keep a document; False, and nothing changed, where what is there isn't as expected."""
        with self._change("indexer.store.registry") as db:
            return sqlite_registry.put(db, kind, name, document, expected)

    def remove(self, kind: str, name: str) -> bool:
        """Forget a document; False where there was none."""
        with self._change("indexer.store.registry") as db:
            return sqlite_registry.remove(db, kind, name)

    def suggest_entities(
        self, prefix: str, limit: int = 10, *, kind: str | None = None
    ) -> Sequence[KnownEntity]:
        """Entities of which a word of a name begins with ``prefix``, most articles first."""
        with self._use() as db, _one_view(db):
            return sqlite_names.suggest(db, prefix, limit, kind)

    def co_mentions(self, key: str, limit: int = 20) -> CoMentions:
        """Who is named in the same articles as the entity that ``key`` means now."""
        with self._use() as db, _one_view(db):
            return sqlite_facets.co_mentions(db, key, limit)

    def timeline(self, key: str, since: datetime | None = None) -> Sequence[tuple[date, int]]:
        """Articles per day (of ``Hit.listed_at``, UTC) on the entity that ``key`` means now."""
        with self._use() as db, _one_view(db):
            return sqlite_facets.timeline(db, key, since)

    def outcome(self, drop_id: UUID, article_id: UUID) -> Outcome | None:
        """What was reported for this article of this drop."""
        with self._use() as db:
            return sqlite_write.reported(db, drop_id, article_id)

    def outcomes(self) -> Iterator[Outcome]:
        """Every outcome, in the order of filing; those filed meanwhile come last."""
        after = 0
        while True:
            with self._use() as db:
                rows = db.execute(sqlite_search.OUTCOMES, (after, OUTCOMES_AT_ONCE)).fetchall()
            if not rows:
                return
            for after, document in rows:  # noqa: B007  (the next query starts after the last one)
                yield Outcome.model_validate_json(document)

    def tally(self) -> Tally:
        """What was counted, and up to which outcome, as of one moment."""
        with self._use() as db, _one_view(db):
            return sqlite_tallies.tally(db)

    def totals(self, since: int = 0) -> Mapping[str, Mapping[str, int]]:
        """Outcomes of what was received from an hour on, by inbox and kind: the tally in short."""
        with self._use() as db:
            return sqlite_tallies.totals(db, since)

    def filed_after(self, number: int) -> Iterator[Filed]:
        """Outcomes behind a number, in their order."""
        while True:
            with self._use() as db:
                found = sqlite_tallies.filed_after(db, number)
            yield from found
            if not found:
                return
            number = found[-1].number

    def filed_for(self, drops: Sequence[str]) -> Iterator[Filed]:
        """Outcomes of these drops, in no order."""
        at_once = sqlite_tallies.AT_ONCE
        for start in range(0, len(drops), at_once):
            with self._use() as db:
                found = sqlite_tallies.filed_for(db, drops[start : start + at_once])
            yield from found

    def filed_in(self, inbox_id: str, hour: int) -> Sequence[Filed]:
        """Outcomes of what an inbox received in an hour."""
        with self._use() as db:
            return sqlite_tallies.filed_in(db, inbox_id, hour)

    def count(self) -> int:
        """Articles that a search can find: withdrawn ones and duplicates left out."""
        with self._use() as db:
            return sqlite_facets.count(db)

    def merge(
        self, keys: Sequence[str], into: str, *, name: str | None = None, force: bool = False
    ) -> EntitiesChanged | None:
        """Say that ``keys`` mean the same as ``into``; None when they did already."""
        wanted = merging.Wanted(tuple(keys), into, "merged", name=name, force=force)
        with self._change("indexer.store.change") as db:
            return merging.merge(sqlite_aliases.SqliteBook(db), wanted, self._clock())

    def alias(
        self, name: str, keys: Sequence[str], into: str, *, force: bool = False
    ) -> EntitiesChanged | None:
        """Say that ``name``, of which enrichment makes ``keys``, means ``into``."""
        wanted = merging.Wanted(tuple(keys), into, "aliased", called=name, force=force)
        with self._change("indexer.store.change") as db:
            return merging.merge(sqlite_aliases.SqliteBook(db), wanted, self._clock())

    def split(self, key: str) -> EntitiesChanged | None:
        """Make a merged key itself again; None when it is part of no other."""
        with self._change("indexer.store.change") as db:
            return merging.split(sqlite_aliases.SqliteBook(db), key, self._clock())

    def aliases(self) -> Sequence[Alias]:
        """Everything that was merged or aliased and holds, by root, then by key."""
        with self._use() as db:
            return sqlite_aliases.aliases(db)

    def entity(self, key: str) -> KnownEntity | None:
        """The entity that ``key`` means now; None where no article and no alias has the key."""
        with self._use() as db, _one_view(db):
            return sqlite_entities.entity(db, key)

    def find_entities(self, words: str, limit: int = 20) -> Sequence[KnownEntity]:
        """Entities that ``words`` name, those of most articles first."""
        with self._use() as db, _one_view(db):
            return sqlite_names.find(db, words, limit)

    def pending_changes(self, limit: int = CHANGES_AT_ONCE) -> Sequence[EntitiesChanged]:
        """Changes that nobody has marked as published, oldest first."""
        with self._use() as db:
            return sqlite_aliases.pending(db, limit)

    def mark_published(self, change_ids: Sequence[UUID]) -> None:
        """Say that subscribers were told of these changes; again is harmless."""
        with self._change("indexer.store.published") as db:
            sqlite_aliases.mark_published(db, change_ids)

    def close(self) -> None:
        """Release everything. The store can't be used after it."""
        with self._lock, named_errors(self.path):
            self._db.close()

    @contextmanager
    def _change(self, name: str) -> Iterator[sqlite3.Connection]:
        """One transaction; the effect ``name`` is announced right before its commit."""
        with self._use() as db:
            # IMMEDIATE: take the write lock before reading, or two writers deadlock.
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                effect(name)
                db.execute("COMMIT")
            except BaseException:
                roll_back(db)
                raise

    @contextmanager
    def _use(self) -> Iterator[sqlite3.Connection]:
        with self._lock, named_errors(self.path):
            yield self._db


@contextmanager
def _one_view(db: sqlite3.Connection) -> Iterator[None]:
    """Several reads that see the same moment."""
    if db.in_transaction:
        yield
        return
    db.execute("BEGIN")
    try:
        yield
    finally:
        roll_back(db)


def _in_story(article: EnrichedArticle, story: str | None) -> EnrichedArticle:
    """``article`` with the id that its story has now."""
    if article.story is None or story is None or str(article.story.id) == story:
        return article
    moved = article.story.model_copy(update={"id": UUID(story)})
    return article.model_copy(update={"story": moved})


def _version(
    number: int,
    revision: int,
    received_at: int,
    filed_at: int,
    withdrawn: int,
    headline: str | None,
) -> Version:
    return Version(
        number=number,
        revision=revision,
        received_at=from_micros(received_at),
        filed_at=from_micros(filed_at),
        withdrawn=bool(withdrawn),
        headline=headline,
    )


def _changed(position: int, article_id: str, state: State, revision: int, filed_at: int) -> Change:
    return Change(position, UUID(article_id), state, revision, from_micros(filed_at))


def _file_one(
    db: sqlite3.Connection, pending: Pending, article: EnrichedArticle, filed_at: datetime
) -> Outcome:
    """File ``article`` within the open transaction."""
    drop = article.drop
    before = sqlite_write.reported(db, drop.drop_id, article.article_id)
    if before is not None:
        return before
    row = sqlite_write.held_row(db, article.article_id)
    twin = sqlite_write.twin(db, article)
    if drop.reenrichment is not None and row is not None:
        was = sqlite_write.content(db, row)
        decision, kept = decide_again(article, row.standing, was, twin)
        writes = decision.renewed
    else:
        pending.stories.update(sqlite_stories.join(db, article.story))
        decision, kept = decide(article, None if row is None else row.standing, twin), article
        writes = decision.outcome != "superseded"
    if writes:
        sqlite_write.keep(db, pending, kept, row, decision, filed_at)
    outcome = Outcome(
        drop=drop,
        article_id=article.article_id,
        revision=article.revision,
        outcome=decision.outcome,
        headline=article.headline,
        source=source_name(article.provider),
        of=decision.duplicate_of,
        by_revision=decision.by_revision,
        **decision.told,
        timings=timings_of(article, filed_at),
    )
    return sqlite_write.report(db, outcome)
