"""What the SQLite store keeps beside its articles so that nothing is counted while somebody waits.

``totals``: live articles by facet and key.  ``forms``: by how many of them each key is called
what; an entity's types too.  ``names`` and ``name_words``: which keys are called so, and the words
of entities' names.  ``story_totals``: stories as lists show them.  A :class:`Pending` gathers what
a transaction changes of it, and the words of its articles, and writes that once, before the commit.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from services.indexer.store.entities import VALUES
from services.indexer.store.places import time_of
from services.indexer.store.rows import body_start
from services.indexer.store.words import fold, name_words

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from schemas.article import EnrichedArticle

ALL = ("all", "")
"""Facet and key of everything that a search can find."""

_ROW = """
    SELECT place, language, source, source_folded, story FROM articles WHERE seq = ?
"""

_ENTITIES = "SELECT key_folded, name, type, mentions FROM entities WHERE article = ?"

_LINEAGE = "SELECT code_folded, name FROM lineage WHERE article = ?"

_TEXT = "SELECT headline, body FROM searchable WHERE place = ?"

_COUNT = """
    INSERT INTO totals VALUES (?, ?, ?, ?) ON CONFLICT (facet, key) DO UPDATE
    SET articles = articles + excluded.articles, mentions = mentions + excluded.mentions
"""

_FORGET = "DELETE FROM totals WHERE facet = ? AND key = ? AND articles <= 0"

_CALL = """
    INSERT INTO forms VALUES (?, ?, ?, ?) ON CONFLICT (facet, key, form) DO UPDATE
    SET articles = articles + excluded.articles
"""

_CALL_COUNTED = f"{_CALL} RETURNING articles"

_CALLED_NO_MORE = """
    DELETE FROM forms WHERE facet = ? AND key = ? AND form = ? AND articles <= 0
    RETURNING facet, key, form
"""

_NAME = "INSERT OR IGNORE INTO names VALUES (?, ?, ?)"

_UNNAME = "DELETE FROM names WHERE facet = ? AND folded = ? AND key = ?"

_FORMS = "SELECT form FROM forms WHERE facet = ? AND key = ?"

_SPELL = "INSERT OR IGNORE INTO name_words VALUES (?, ?, ?)"

_UNSPELL = "DELETE FROM name_words WHERE word = ? AND key = ? AND name = ?"

_FORGET_TEXT = """
    INSERT INTO found_by_words (found_by_words, rowid, headline, body) VALUES ('delete', ?, ?, ?)
"""

_FIND_TEXT = "INSERT INTO found_by_words (rowid, headline, body) VALUES (?, ?, ?)"

_FORGET_STORY = "DELETE FROM story_totals WHERE story = ?"

# The outermost places are the ends of one range of an index; so is what is counted, and stories
# of more than some hundred articles are rare.
COUNT_STORY = """
    INSERT INTO story_totals
    SELECT a.story, count(*), min(a.place), max(a.place) FROM articles AS a
    WHERE a.state = 'live' AND a.story = ? GROUP BY a.story
"""

NAMED = frozenset({"entity", "topic"})
"""Facets of which articles are found by name."""

ADD_STORY = """
    INSERT INTO story_totals VALUES (?, ?, ?, ?) ON CONFLICT (story) DO UPDATE
    SET articles = articles + excluded.articles,
        first_place = min(first_place, excluded.first_place),
        last_place = max(last_place, excluded.last_place)
"""

Key: TypeAlias = tuple[str, str]
Form: TypeAlias = tuple[str, str, str]
"""Facet, key, and what it is called."""

Text: TypeAlias = tuple[str | None, str | None]
CountedT = TypeVar("CountedT")


class Pending:
    """What an open transaction has changed and not written yet."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._articles: Counter[Key] = Counter()
        self._mentions: Counter[Key] = Counter()
        self._forms: Counter[Form] = Counter()
        self._texts: dict[int, tuple[Text | None, Text | None]] = {}
        self._joined: dict[str, list[int]] = {}
        """Stories that have new articles, and the places of these."""

        self.stories: set[str] = set()
        """Stories of which articles may have gone: they are counted anew."""

    def show(self, seq: int, article: EnrichedArticle) -> None:
        """The article of row ``seq`` is live now, and its rows are written."""
        place = self._count(seq, 1)
        before, _ = self._texts.get(place, (None, None))
        # As the index will read it when it has to forget it; SQLite's JSON ends at a NUL.
        told = self._text(place) if "\0" in article.text else _told(article)
        self._texts[place] = (before, told)

    def hide(self, seq: int) -> None:
        """Article ``seq`` won't be live any more; its rows are still there."""
        place = self._count(seq, -1)
        before, _ = self._texts.get(place, (self._text(place), None))
        self._texts[place] = (before, None)

    def write(self) -> None:
        """Everything, within the transaction."""
        self._write_texts()
        self._write_totals()
        self._write_forms()
        self._write_stories()

    def _text(self, place: int) -> Text:
        headline, body = self._db.execute(_TEXT, (place,)).fetchone()
        return headline, body

    def _count(self, seq: int, by: int) -> int:
        """Count an article in or out; gives back its place."""
        place, language, source, source_folded, story = self._db.execute(_ROW, (seq,)).fetchone()
        keys = {ALL, ("language", language), ("day", f"{time_of(place):%Y-%m-%d}")}
        forms = set()
        if source_folded:
            keys.add(("source", source_folded))
            forms.add(("source", source_folded, source))
        for key, name, kind, mentions in self._db.execute(_ENTITIES, (seq,)):
            keys.add(facet := ("entity", key))
            forms.add(("entity", key, name))
            forms.add(("type", key, kind))
            self._mentions[facet] = self._mentions.get(facet, 0) + by * mentions
        for code, name in self._db.execute(_LINEAGE, (seq,)):
            keys.add(("topic", code))
            forms.add(("topic", code, name))
        _count_each(self._articles, keys, by)
        _count_each(self._forms, forms, by)
        if story is not None and by > 0:
            self._joined.setdefault(story, []).append(place)
        elif story is not None:
            self.stories.add(story)
        return int(place)

    def _write_texts(self) -> None:
        """In the order of places: otherwise FTS5 writes an index of its own for each article."""
        for place, (before, after) in sorted(self._texts.items()):
            if before == after:
                continue
            if before is not None:
                self._db.execute(_FORGET_TEXT, (place, *before))
            if after is not None:
                self._db.execute(_FIND_TEXT, (place, *after))

    def _write_stories(self) -> None:
        for story in sorted(self.stories):
            self._db.execute(_FORGET_STORY, (story,))
            self._db.execute(COUNT_STORY, (story,))
        rows = [
            (story, len(places), min(places), max(places))
            for story, places in sorted(self._joined.items())
            if story not in self.stories
        ]
        self._db.executemany(ADD_STORY, rows)

    def _write_totals(self) -> None:
        mentions = self._mentions.get
        counted = [(*key, by, mentions(key, 0)) for key, by in sorted(self._articles.items())]
        rows = [row for row in counted if row[2] or row[3]]
        self._db.executemany(_COUNT, rows)
        self._db.executemany(_FORGET, [row[:2] for row in rows if row[2] < 0])

    def _write_forms(self) -> None:
        rows = [(*form, by) for form, by in sorted(self._forms.items()) if by]
        self._db.executemany(_CALL, [row for row in rows if row[0] not in NAMED or row[3] < 0])
        new = [row[:3] for row in rows if row[0] in NAMED and row[3] > 0 and self._is_new(row)]
        name(self._db, new)
        for facet, key, form, by in rows:
            if by < 0:
                gone = self._db.execute(_CALLED_NO_MORE, (facet, key, form)).fetchall()
                _unname(self._db, gone)

    def _is_new(self, row: tuple[str, str, str, int]) -> bool:
        """Count a form in; whether nobody was called so before."""
        return bool(self._db.execute(_CALL_COUNTED, row).fetchone()[0] == row[3])


def _told(article: EnrichedArticle) -> Text:
    return article.headline, article.text[body_start(article) :]


def _count_each(counter: Counter[CountedT], found: set[CountedT], by: int) -> None:
    """Count each in (``by`` 1), which Python does in C, or out (-1)."""
    if by > 0:
        counter.update(found)
    else:
        counter.subtract(found)


def name(db: sqlite3.Connection, forms: Sequence[Form]) -> None:
    """Let keys be found by what they are called, entities by the words of it, too."""
    db.executemany(_NAME, [named for form in forms if (named := _named(*form)) is not None])
    db.executemany(_SPELL, _words(forms))


def called(db: sqlite3.Connection, facet: str, key: str) -> set[str]:
    """What articles call a key, folded."""
    return {fold(form) for (form,) in db.execute(_FORMS, (facet, key))}


def _unname(db: sqlite3.Connection, gone: Sequence[Form]) -> None:
    """Forms that were counted out by all are no names any more."""
    for form in gone:
        named = _named(*form)
        if named is not None and named[1] not in called(db, *form[:2]):
            db.execute(_UNNAME, named)
    db.executemany(_UNSPELL, _words(gone))


def _named(facet: str, key: str, form: str) -> Form | None:
    """The row of ``names`` for a form. Dates and amounts have none: see ``entities_value``."""
    if facet not in NAMED or (facet == "entity" and key.startswith(VALUES)):
        return None
    return facet, fold(form), key


def _words(forms: Iterable[Form]) -> list[Form]:
    """The rows of ``name_words`` for forms."""
    return [
        (word, key, form)
        for facet, key, form in forms
        if facet == "entity"
        for word in name_words(form)
    ]


# --- Entities that were merged or split: their rows have other keys now ------------------------

_CALLED = "SELECT facet, key, form FROM forms WHERE facet = 'entity' AND key = :key"

_DROP = (
    "DELETE FROM totals WHERE facet = 'entity' AND key = :key",
    "DELETE FROM forms WHERE facet = 'entity' AND key = :key",
    "DELETE FROM forms WHERE facet = 'type' AND key = :key",
)

_RECOUNT = (
    """
    INSERT INTO totals SELECT 'entity', key_folded, count(DISTINCT article), sum(mentions)
    FROM entities WHERE key_folded = :key GROUP BY key_folded
    """,
    """
    INSERT INTO forms SELECT 'entity', key_folded, name, count(DISTINCT article)
    FROM entities WHERE key_folded = :key GROUP BY key_folded, name
    """,
    """
    INSERT INTO forms SELECT 'type', key_folded, type, count(DISTINCT article)
    FROM entities WHERE key_folded = :key GROUP BY key_folded, type
    """,
)

_TOLD = """
    SELECT root_folded, name FROM aliases WHERE name IS NOT NULL
    UNION SELECT coalesce(a.root_folded, t.key_folded), t.name
    FROM targets AS t LEFT JOIN aliases AS a ON a.key = t.key WHERE t.name IS NOT NULL
"""

_TELL = "INSERT OR IGNORE INTO told_words VALUES (?, ?, ?)"


def recount_entities(db: sqlite3.Connection, keys: Iterable[str]) -> None:
    """Count entities, given by folded keys, anew; what an operator told of any is read again."""
    for key in set(keys):
        value = {"key": key}
        gone = db.execute(_CALLED, value).fetchall()
        for statement in _DROP:
            db.execute(statement, value)
        _unname(db, gone)
        for statement in _RECOUNT:
            db.execute(statement, value)
        name(db, db.execute(_CALLED, value).fetchall())
    # An operator tells some hundreds at most.
    db.execute("DELETE FROM told_words")
    told = db.execute(_TOLD).fetchall()
    db.executemany(_TELL, [(word, key, name) for key, name in told for word in name_words(name)])
