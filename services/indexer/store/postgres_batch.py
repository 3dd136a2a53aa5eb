"""A batch on its way into a PostgreSQL store.

What is there is read once, decided on here, and written at once (postgres_flush.py), so that a
hundred articles cost some twenty round trips and not a thousand.
Within a batch each article sees what those before it did, as if they had been filed alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from schemas.article import EnrichedArticle
from schemas.events import Outcome, source_name, timings_of
from services.bus.errors import StopWorking
from services.indexer.store import postgres_stories
from services.indexer.store.places import free_place, listed_at, place_at
from services.indexer.store.postgres_copy import rows
from services.indexer.store.postgres_derived import folded
from services.indexer.store.renewing import decide_again
from services.indexer.store.rows import article_row, standing_of, version_row
from services.indexer.store.rules import decide, highest_number
from services.indexer.store.snippets import SCANNED_CHARS
from services.indexer.store.times import to_micros

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from services.indexer.store.postgres_pool import Connection
    from services.indexer.store.rules import Decision

_REPORTED = """
    SELECT drop_id, article_id, document FROM outcomes
    WHERE (drop_id, article_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
"""

_HELD = "SELECT * FROM articles WHERE article_id = ANY(%s)"

_LIVE = """
    SELECT content_hash, article_id FROM articles WHERE content_hash = ANY(%s) AND state = 'live'
"""

_HIDDEN = """
    SELECT DISTINCT content_hash FROM articles
    WHERE content_hash = ANY(%s) AND state = 'duplicate'
"""

# Versions are numbered as they come, so the lowest is the first to have had this content.
_FIRST_HIDDEN = """
    SELECT * FROM articles
    WHERE content_hash = %s AND state = 'duplicate' AND NOT article_id = ANY(%s)
    ORDER BY current LIMIT 1
"""

_DOCUMENT = "SELECT document FROM versions WHERE place = %s AND seq = %s"

_NUMBERS = """
    SELECT (SELECT coalesce(max(seq), 0) FROM articles),
        (SELECT coalesce(max(change), 0) FROM articles),
        (SELECT coalesce(max(seq), 0) FROM outcomes)
"""

_VERSION_NUMBERS = "SELECT nextval('versions_seq') FROM generate_series(1, %s)"

_TAKEN = "SELECT place FROM articles WHERE place = ANY(%s)"


@dataclass
class Held:
    """An article as it will be once the batch is written.

    ``was``: its row as the database has it, None for a new one.  ``content``: its current
    content, where the batch has brought or needed it.
    """

    row: dict[str, Any]
    was: dict[str, Any] | None = None
    content: EnrichedArticle | None = None

    @property
    def touched(self) -> bool:
        """Whether anything is to be written."""
        return self.row != self.was

    @property
    def shown(self) -> bool:
        """Whether searches found it before the batch."""
        return self.was is not None and self.was["state"] == "live"


@dataclass
class Work:
    """What a batch makes of the store; ``versions``, new and ``kept`` ones, by their numbers."""

    held: dict[str, Held] = field(default_factory=dict)
    versions: dict[int, dict[str, Any]] = field(default_factory=dict)
    kept: dict[int, dict[str, Any]] = field(default_factory=dict)
    outcomes: list[tuple[int, Outcome, str]] = field(default_factory=list)


class Batch:
    """One batch within the open transaction ``db``, which nobody else writes meanwhile."""

    def __init__(
        self, db: Connection, articles: Sequence[EnrichedArticle], filed_at: datetime
    ) -> None:
        self._db = db
        self._articles = articles
        self._filed_at = filed_at
        self.work = Work()

    def file(self) -> list[Outcome]:
        """Decide on every article, in order; ``work`` then has what is to be written."""
        self._read()
        return [self._file_one(article) for article in self._articles]

    # --- what is there ---------------------------------------------------------------

    def _read(self) -> None:
        """Everything that the batch may need, a query for each kind of it."""
        db, articles = self._db, self._articles
        pairs = [str(a.drop.drop_id) for a in articles], [str(a.article_id) for a in articles]
        self._reported = {
            (drop, name): Outcome.model_validate_json(document)
            for drop, name, document in db.execute(_REPORTED, pairs)
        }
        new = [article for article in articles if _pair(article) not in self._reported]
        # What articles say of stories counts in any order, so it may come first. One that is
        # enriched again says nothing new of its own.
        saying = [a.story for a in new if a.drop.reenrichment is None]
        postgres_stories.join(db, saying)
        self._roots = postgres_stories.roots(db, [a.story for a in new])
        for row in rows(db, _HELD, [str(a.article_id) for a in new]):
            self.work.held[row["article_id"]] = Held(dict(row), row)
        hashes = {a.content_hash for a in new}
        hashes |= {held.row["content_hash"] for held in self.work.held.values()}
        self._live: dict[str, str] = dict(db.execute(_LIVE, (list(hashes),)).fetchall())
        self._hidden = {row[0] for row in db.execute(_HIDDEN, (list(hashes),))}
        self._number(new)

    def _number(self, new: Sequence[EnrichedArticle]) -> None:
        """Numbers and places that are free: nobody else takes any until the commit."""
        row = self._db.execute(_NUMBERS).fetchone()
        last_article, self._last_change, self._last_outcome = row or (0, 0, 0)
        numbers = self._db.execute(_VERSION_NUMBERS, (len(new),))
        self._version_numbers = iter([int(row[0]) for row in numbers])
        first: dict[str, EnrichedArticle] = {}
        for article in new:
            if str(article.article_id) not in self.work.held:
                first.setdefault(str(article.article_id), article)
        wanted = {
            name: (last_article + n, place_at(listed_at(article), last_article + n))
            for n, (name, article) in enumerate(first.items(), start=1)
        }
        self._fresh = self._placed(wanted)

    def _placed(self, wanted: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
        """The numbers of new articles' rows, each with a place that nobody has."""
        taken: set[int] = set()
        found: dict[str, tuple[int, int]] = {}
        asked = [place for _, place in wanted.values()]
        held = {int(row[0]) for row in self._db.execute(_TAKEN, (asked,))}
        for name, (seq, place) in wanted.items():
            free = free_place(place, taken)
            while free in held or (free != place and self._is_taken(free)):
                free = free_place(free + 1, taken)
            taken.add(free)
            found[name] = (seq, free)
        return found

    def _is_taken(self, place: int) -> bool:
        return self._db.execute(_TAKEN, ([place],)).fetchone() is not None

    # --- one article -----------------------------------------------------------------

    def _file_one(self, article: EnrichedArticle) -> Outcome:
        before = self._reported.get(_pair(article))
        if before is not None:
            return before
        held = self.work.held.get(str(article.article_id))
        twin = self._live.get(article.content_hash)
        other = None if twin is None or twin == str(article.article_id) else UUID(twin)
        if article.drop.reenrichment is not None and held is not None:
            return self._renew(article, held, other)
        decision = decide(article, None if held is None else standing_of(held.row), other)
        if decision.outcome != "superseded":
            self._place(article, held, decision)
        return self._report(article, decision)

    def _renew(self, article: EnrichedArticle, held: Held, twin: UUID | None) -> Outcome:
        was = held.content or self._content(held.row)
        decision, kept = decide_again(article, standing_of(held.row), was, twin)
        if decision.renewed:
            self._place(kept, held, decision)
        return self._report(article, decision)

    def _report(self, article: EnrichedArticle, decision: Decision) -> Outcome:
        made = Outcome(
            drop=article.drop,
            article_id=article.article_id,
            revision=article.revision,
            outcome=decision.outcome,
            headline=article.headline,
            source=source_name(article.provider),
            of=decision.duplicate_of,
            by_revision=decision.by_revision,
            **decision.told,
            timings=timings_of(article, self._filed_at),
        )
        document = made.model_dump_json()
        outcome = Outcome.model_validate_json(document)
        self._last_outcome += 1
        self.work.outcomes.append((self._last_outcome, outcome, document))
        self._reported[_pair(article)] = outcome
        return outcome

    def _place(self, article: EnrichedArticle, held: Held | None, decision: Decision) -> None:
        """Make ``article`` the current version of its id, in the state that was decided."""
        left = None
        if held is not None and held.row["state"] == "live":
            left = str(held.row["content_hash"])
            del self._live[left]
        held = self._keep(article, held, decision)
        if decision.state == "live":
            self._live[article.content_hash] = str(article.article_id)
        if left is not None:
            self._let_next_in(left)

    def _keep(self, article: EnrichedArticle, held: Held | None, decision: Decision) -> Held:
        """The article's row and that of its version as they will be."""
        filed_at = to_micros(self._filed_at)
        row = article_row(article, decision, filed_at)
        # Short enough for their indexes.
        for name in ("language", "source_folded"):
            row[name] = None if row[name] is None else folded(row[name])
        row["number"] = highest_number(article, None if held is None else standing_of(held.row))
        row["story"] = None if article.story is None else self._root(str(article.story.id))
        if held is None:
            held = self._new(article)
        elif decision.renewed:
            row["story"] = held.row["story"]
        same = held.row.get("content_hash") == article.content_hash
        version = version_row(article, held.row["seq"], filed_at)
        # One character more than is scanned, so that a longer text is known to go on.
        start = version["body_start"]
        lead = article.text[start : start + SCANNED_CHARS + 1]
        version |= {"place": held.row["place"], "lead": lead}
        if same:
            self._keep_version(held.row["current"], version)
        else:
            held.row["current"] = next(self._version_numbers)
            self.work.versions[held.row["current"]] = version
        if not same or held.row["state"] != decision.state or decision.renewed:
            self._changed(held)
        if decision.outcome == "unchanged" or decision.renewed:
            del row["filed_at"]
        held.row |= row
        held.content = article
        return held

    def _keep_version(self, current: int, version: dict[str, Any]) -> None:
        """The version is the content; what came with it may be newer, its first filing isn't."""
        del version["filed_at"]
        if current in self.work.versions:
            self.work.versions[current] |= version
        else:
            self.work.kept[current] = version

    def _new(self, article: EnrichedArticle) -> Held:
        name = str(article.article_id)
        seq, place = self._fresh[name]
        self.work.held[name] = Held({"seq": seq, "place": place})
        return self.work.held[name]

    def _root(self, story: str) -> str:
        return self._roots.get(story, story)

    def _changed(self, held: Held) -> None:
        self._last_change += 1
        held.row["change"] = self._last_change

    def _let_next_in(self, content_hash: str) -> None:
        """Where nobody is live with this content any more, make its first duplicate live."""
        if content_hash in self._live:
            return
        first = self._first_hidden(content_hash)
        if first is None:
            return
        first.row |= {"state": "live", "filed_at": to_micros(self._filed_at)}
        self._live[content_hash] = first.row["article_id"]
        self._changed(first)

    def _first_hidden(self, content_hash: str) -> Held | None:
        """The first that came to this content, in this batch or before it."""
        here = [
            held
            for held in self.work.held.values()
            if (held.row["state"], held.row["content_hash"]) == ("duplicate", content_hash)
        ]
        if content_hash in self._hidden:
            known = list(self.work.held)
            here += [
                Held(dict(row), row) for row in rows(self._db, _FIRST_HIDDEN, content_hash, known)
            ]
        if not here:
            return None
        first = min(here, key=lambda held: int(held.row["current"]))
        self.work.held[first.row["article_id"]] = first
        if first.content is None:
            first.content = self._content(first.row)
        return first

    def _content(self, row: dict[str, Any]) -> EnrichedArticle:
        found = self._db.execute(_DOCUMENT, (row["place"], row["current"])).fetchone()
        if found is None:
            raise StopWorking(f"Store: article {row['article_id']} has lost its current version")
        return EnrichedArticle.model_validate_json(found[0])


def _pair(article: EnrichedArticle) -> tuple[str, str]:
    """What an outcome is reported of."""
    return str(article.drop.drop_id), str(article.article_id)
