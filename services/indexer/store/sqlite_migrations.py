"""The SQLite store's tables, version by version.

Times are integers: microseconds since 1970, so that they are exact and sort.
Ids are UUIDs as text, so that the file can be read with any SQLite tool.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeAlias

from services.indexer.store.sqlite_fill import fill_lists, fill_names, fill_totals
from services.indexer.store.sqlite_tallies import TABLES as _V5

Step: TypeAlias = str | Callable[[sqlite3.Connection], None]
"""A statement, or what does something that SQL alone can't."""

_V1 = (
    # One row per article id, whatever its state; `current` is its latest version.
    """
    CREATE TABLE articles (
        seq INTEGER PRIMARY KEY,
        article_id TEXT NOT NULL UNIQUE,
        state TEXT NOT NULL CHECK (state IN ('live', 'duplicate', 'withdrawn')),
        current INTEGER NOT NULL REFERENCES versions (seq) DEFERRABLE INITIALLY DEFERRED,
        revision INTEGER NOT NULL,
        received_at INTEGER NOT NULL,
        drop_id TEXT NOT NULL,
        content_hash TEXT NOT NULL,
        language TEXT NOT NULL,
        published_at INTEGER,
        newest_at INTEGER NOT NULL,
        filed_at INTEGER NOT NULL
    )
    """,
    # Content is found once (rules.py); the database holds it, not only the code.
    "CREATE UNIQUE INDEX live_content ON articles (content_hash) WHERE state = 'live'",
    "CREATE INDEX hidden_content ON articles (content_hash, current) WHERE state = 'duplicate'",
    "CREATE INDEX live_newest ON articles (newest_at DESC, seq DESC) WHERE state = 'live'",
    """
    CREATE INDEX live_language ON articles (language, newest_at DESC, seq DESC)
    WHERE state = 'live'
    """,
    """
    CREATE TABLE versions (
        seq INTEGER PRIMARY KEY,
        article INTEGER NOT NULL REFERENCES articles (seq),
        revision INTEGER NOT NULL,
        received_at INTEGER NOT NULL,
        filed_at INTEGER NOT NULL,
        withdrawn INTEGER NOT NULL,
        headline TEXT,
        body_start INTEGER NOT NULL,
        document TEXT NOT NULL
    )
    """,
    "CREATE INDEX versions_of ON versions (article, seq)",
    """
    CREATE TABLE outcomes (
        seq INTEGER PRIMARY KEY,
        drop_id TEXT NOT NULL,
        article_id TEXT NOT NULL,
        outcome TEXT NOT NULL,
        document TEXT NOT NULL,
        UNIQUE (drop_id, article_id)
    )
    """,
    # Entities and topics of live articles only. `key_folded`, `name_folded` and
    # `code_folded` are what is searched for.
    """
    CREATE TABLE entities (
        article INTEGER NOT NULL REFERENCES articles (seq),
        position INTEGER NOT NULL,
        key TEXT NOT NULL,
        name TEXT NOT NULL,
        type TEXT NOT NULL,
        mentions INTEGER NOT NULL,
        key_folded TEXT NOT NULL,
        name_folded TEXT NOT NULL,
        PRIMARY KEY (article, position)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX entities_key ON entities (key_folded, article)",
    "CREATE INDEX entities_name ON entities (name_folded, article)",
    """
    CREATE TABLE topics (
        article INTEGER NOT NULL REFERENCES articles (seq),
        position INTEGER NOT NULL,
        code TEXT NOT NULL,
        name TEXT NOT NULL,
        score REAL NOT NULL,
        code_folded TEXT NOT NULL,
        name_folded TEXT NOT NULL,
        PRIMARY KEY (article, position)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX topics_code ON topics (code_folded, article)",
    "CREATE INDEX topics_name ON topics (name_folded, article)",
    # What the full text index is made of. It reads the text out of the document, so
    # that no article's text is kept twice. SQLite's substr counts code points, from 1.
    """
    CREATE VIEW searchable AS
    SELECT a.seq AS seq, v.headline AS headline,
        substr(json_extract(v.document, '$.text'), v.body_start + 1) AS body
    FROM articles AS a JOIN versions AS v ON v.seq = a.current
    WHERE a.state = 'live'
    """,
    """
    CREATE VIRTUAL TABLE found_by_words USING fts5 (
        headline, body, content = 'searchable', content_rowid = 'seq',
        tokenize = "unicode61 remove_diacritics 2"
    )
    """,
)

# Version numbers and times are ordered by different rules (rules.py). `moment` is in ms. An older
# store has both in its documents; a document that can't be asked counts as made when received.
_V2 = (
    "ALTER TABLE articles ADD COLUMN numbered INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE articles ADD COLUMN moment INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE articles ADD COLUMN number INTEGER",
    """
    UPDATE articles SET numbered = (
        SELECT json_extract(v.document, '$.revision_basis') = 'version'
        FROM versions AS v WHERE v.seq = articles.current
    )
    """,
    """
    UPDATE articles SET number = revision, moment = min(received_at / 1000, coalesce((
        SELECT strftime('%s', made) * 1000 + substr(strftime('%f', made), 4)
        FROM (
            SELECT json_extract(v.document, '$.updated_at') AS made
            FROM versions AS v WHERE v.seq = articles.current
        )
    ), received_at / 1000)) WHERE numbered
    """,
    "UPDATE articles SET moment = revision WHERE NOT numbered",
)

# Stories that turned out to be one (sqlite_stories.py), entities that an operator merged
# (sqlite_aliases.py), and changes that subscribers must be told of. A newer enrichment may have
# written stories into an older store: its documents have them.
_V3 = (
    "ALTER TABLE articles ADD COLUMN story TEXT",
    "ALTER TABLE articles ADD COLUMN copy_of TEXT",
    """
    UPDATE articles SET (story, copy_of) = (
        SELECT json_extract(v.document, '$.story.id'),
            json_extract(v.document, '$.near_duplicate_of.article_id')
        FROM versions AS v WHERE v.seq = articles.current
    )
    """,
    "CREATE INDEX articles_story ON articles (story) WHERE story IS NOT NULL",
    "CREATE INDEX articles_copy_of ON articles (copy_of) WHERE copy_of IS NOT NULL",
    # What articles said: `gone` is the same story as `kept`.
    """
    CREATE TABLE story_merges (
        gone TEXT NOT NULL,
        kept TEXT NOT NULL,
        PRIMARY KEY (gone, kept)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX story_merges_kept ON story_merges (kept, gone)",
    """
    INSERT OR IGNORE INTO story_merges
    SELECT DISTINCT merged.value, json_extract(v.document, '$.story.id')
    FROM versions AS v, json_each(v.document, '$.story.merged') AS merged
    WHERE merged.value <> json_extract(v.document, '$.story.id')
    """,
    # What follows: each story that takes part in merges, and the one that it is now.
    """
    CREATE TABLE stories (story TEXT PRIMARY KEY, root TEXT NOT NULL) WITHOUT ROWID
    """,
    """
    INSERT INTO stories
    WITH RECURSIVE
        named (story) AS (SELECT gone FROM story_merges UNION SELECT kept FROM story_merges),
        same (story, other) AS (
            SELECT story, story FROM named
            UNION SELECT same.story, m.kept FROM same JOIN story_merges AS m ON m.gone = same.other
            UNION SELECT same.story, m.gone FROM same JOIN story_merges AS m ON m.kept = same.other
        )
    SELECT story, coalesce(
        min(CASE WHEN other NOT IN (SELECT gone FROM story_merges) THEN other END), min(other)
    )
    FROM same GROUP BY story
    """,
    """
    UPDATE articles SET story = (SELECT s.root FROM stories AS s WHERE s.story = articles.story)
    WHERE story IN (SELECT s.story FROM stories AS s)
    """,
    # `entities.key` is the key that the document has; `entities.key_folded` follows `aliases.root`.
    """
    CREATE TABLE aliases (
        key TEXT PRIMARY KEY,
        target TEXT NOT NULL,
        root TEXT NOT NULL,
        name TEXT,
        by_name INTEGER NOT NULL,
        at INTEGER NOT NULL,
        key_folded TEXT NOT NULL,
        name_folded TEXT,
        root_folded TEXT NOT NULL
    ) WITHOUT ROWID
    """,
    "CREATE INDEX aliases_target ON aliases (target)",
    "CREATE INDEX aliases_root ON aliases (root)",
    "CREATE INDEX aliases_key_folded ON aliases (key_folded)",
    "CREATE INDEX aliases_name_folded ON aliases (name_folded)",
    # How the entities that others were merged into are shown.
    """
    CREATE TABLE targets (
        key TEXT PRIMARY KEY,
        name TEXT,
        type TEXT,
        wikidata TEXT,
        geonames TEXT,
        iso_country TEXT,
        key_folded TEXT NOT NULL,
        name_folded TEXT
    ) WITHOUT ROWID
    """,
    "CREATE INDEX targets_key_folded ON targets (key_folded)",
    "CREATE INDEX targets_name_folded ON targets (name_folded)",
    """
    CREATE TABLE changes (
        seq INTEGER PRIMARY KEY,
        change_id TEXT NOT NULL UNIQUE,
        document TEXT NOT NULL,
        published INTEGER NOT NULL DEFAULT 0
    )
    """,
    "CREATE INDEX changes_pending ON changes (seq) WHERE NOT published",
)

# Lists are in the order of places (places.py), and every filter is one range of an index in that
# order. What is counted for everybody (totals) is kept as articles come and go.
_V4: tuple[Step, ...] = (
    "ALTER TABLE articles ADD COLUMN place INTEGER",
    "ALTER TABLE articles ADD COLUMN change INTEGER",
    "ALTER TABLE articles ADD COLUMN source TEXT",
    "ALTER TABLE articles ADD COLUMN source_folded TEXT",
    "ALTER TABLE entities ADD COLUMN place INTEGER NOT NULL DEFAULT 0",
    """
    CREATE TABLE lineage (
        article INTEGER NOT NULL REFERENCES articles (seq),
        position INTEGER NOT NULL,
        place INTEGER NOT NULL,
        code TEXT NOT NULL,
        name TEXT NOT NULL,
        code_folded TEXT NOT NULL,
        name_folded TEXT NOT NULL,
        PRIMARY KEY (article, position)
    ) WITHOUT ROWID
    """,
    fill_lists,
    "DROP INDEX live_newest",
    "DROP INDEX live_language",
    "DROP INDEX articles_story",
    "DROP INDEX articles_copy_of",
    "DROP INDEX entities_key",
    "DROP INDEX entities_name",
    "DROP INDEX topics_code",
    "DROP INDEX topics_name",
    "DROP TABLE found_by_words",
    "DROP VIEW searchable",
    "ALTER TABLE articles DROP COLUMN newest_at",
    "ALTER TABLE topics DROP COLUMN code_folded",
    "ALTER TABLE topics DROP COLUMN name_folded",
    "CREATE UNIQUE INDEX articles_place ON articles (place)",
    "CREATE UNIQUE INDEX articles_change ON articles (change)",
    "CREATE INDEX live_place ON articles (place) WHERE state = 'live'",
    "CREATE INDEX live_language ON articles (language, place) WHERE state = 'live'",
    "CREATE INDEX live_source ON articles (source_folded, place) WHERE state = 'live'",
    """
    CREATE INDEX live_story ON articles (story, place, source_folded)
    WHERE state = 'live' AND story IS NOT NULL
    """,
    """
    CREATE INDEX live_copy_of ON articles (copy_of, place)
    WHERE state = 'live' AND copy_of IS NOT NULL
    """,
    # Hidden articles follow when stories turn out to be one, too.
    "CREATE INDEX articles_story ON articles (story) WHERE story IS NOT NULL",
    "CREATE INDEX entities_key ON entities (key_folded, place)",
    "CREATE INDEX entities_name ON entities (name_folded, place)",
    "CREATE INDEX lineage_code ON lineage (code_folded, place)",
    "CREATE INDEX lineage_name ON lineage (name_folded, place)",
    # An article's row in the full text index is its place, so that matches come in that order.
    """
    CREATE VIEW searchable AS
    SELECT a.place AS place, v.headline AS headline,
        substr(json_extract(v.document, '$.text'), v.body_start + 1) AS body
    FROM articles AS a JOIN versions AS v ON v.seq = a.current
    WHERE a.state = 'live'
    """,
    # Beginnings of up to three letters have lists of their own: otherwise `a*` reads those of a
    # tenth of all words. It costs a quarter of the file, and a tenth of the time of writing.
    """
    CREATE VIRTUAL TABLE found_by_words USING fts5 (
        headline, body, content = 'searchable', content_rowid = 'place', prefix = '1 2 3',
        tokenize = "unicode61 remove_diacritics 2"
    )
    """,
    "INSERT INTO found_by_words (found_by_words) VALUES ('rebuild')",
    # Live articles by topic (those above it too), entity, source, language, day, and all.
    """
    CREATE TABLE totals (
        facet TEXT NOT NULL,
        key TEXT NOT NULL,
        articles INTEGER NOT NULL,
        mentions INTEGER NOT NULL,
        PRIMARY KEY (facet, key)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX totals_most ON totals (facet, articles DESC, key)",
    # What these are called, and which type an entity has, by how many articles.
    """
    CREATE TABLE forms (
        facet TEXT NOT NULL,
        key TEXT NOT NULL,
        form TEXT NOT NULL,
        articles INTEGER NOT NULL,
        PRIMARY KEY (facet, key, form)
    ) WITHOUT ROWID
    """,
    # The words of entities' names: of those that articles have, and that an operator told.
    """
    CREATE TABLE name_words (
        word TEXT NOT NULL,
        key TEXT NOT NULL,
        name TEXT NOT NULL,
        PRIMARY KEY (word, key, name)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX name_words_key ON name_words (key, word)",
    """
    CREATE TABLE told_words (
        word TEXT NOT NULL,
        key TEXT NOT NULL,
        name TEXT NOT NULL,
        PRIMARY KEY (word, key, name)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE story_totals (
        story TEXT PRIMARY KEY,
        articles INTEGER NOT NULL,
        first_place INTEGER NOT NULL,
        last_place INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
    "CREATE INDEX story_totals_newest ON story_totals (last_place DESC, story, articles)",
    # Most stories have one article only, and nobody lists those.
    """
    CREATE INDEX story_totals_several ON story_totals (last_place DESC, story, articles)
    WHERE articles >= 2
    """,
    fill_totals,
    """
    CREATE TABLE registry (
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        document TEXT NOT NULL,
        PRIMARY KEY (kind, name)
    ) WITHOUT ROWID
    """,
)

# Names lead to keys, of which there are few, and keys to articles: an index of all articles by
# name grew by as much as that by key, each name of an article at another end of it. Dates and
# amounts keep theirs: `Monday` is the name of hundreds of them.
_V6: tuple[Step, ...] = (
    """
    CREATE TABLE names (
        facet TEXT NOT NULL,
        folded TEXT NOT NULL,
        key TEXT NOT NULL,
        PRIMARY KEY (facet, folded, key)
    ) WITHOUT ROWID
    """,
    fill_names,
    "DROP INDEX entities_name",
    "DROP INDEX lineage_name",
    """
    CREATE INDEX entities_value ON entities (name_folded, place)
    WHERE key_folded GLOB 'date:*' OR key_folded GLOB 'money:*'
    """,
    # Of its own accord FTS5 merges four segments into one: each word is written once more for
    # four times as many transactions. Eight take a tenth off what filing costs, and a search
    # looks into some segments more.
    "INSERT INTO found_by_words (found_by_words, rank) VALUES ('automerge', 8)",
)

MIGRATIONS: tuple[tuple[Step, ...], ...] = (_V1, _V2, _V3, _V4, _V5, _V6)
"""What leads from version n (its index) to n + 1: statements, and functions that take the
connection. Only ever append."""
