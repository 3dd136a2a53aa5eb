"""The PostgreSQL store's tables: those of the SQLite store, column for column, where they can be.

Times are integers: microseconds since 1970, so that they are exact.  Ids are UUIDs as text.
Texts compare by their characters' numbers (collation "C"), as they do in SQLite, whatever
language the database was made for.

What differs:

* ``versions`` and ``found_by_words`` are parted by month (postgres_partitions.py).
* ``versions.lead`` is the beginning of the text behind the headline: documents may hold NULs,
  out of which PostgreSQL's JSON functions take no text.
* ``found_by_words`` holds the words of an article as a ``tsvector``; those of a long one are in
  ``found_in_parts`` (postgres_words.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import LiteralString

# Where the server can compress with LZ4, documents are written in half the time.
_COMPRESSED = """
    DO $$ BEGIN
        ALTER TABLE versions ALTER COLUMN document SET COMPRESSION lz4;
        ALTER TABLE versions ALTER COLUMN lead SET COMPRESSION lz4;
    EXCEPTION WHEN feature_not_supported THEN NULL;
    END $$
"""

_V1: tuple[LiteralString, ...] = (
    """
    CREATE TABLE articles (
        seq bigint PRIMARY KEY,
        article_id text COLLATE "C" NOT NULL UNIQUE,
        place bigint NOT NULL UNIQUE,
        state text COLLATE "C" NOT NULL CHECK (state IN ('live', 'duplicate', 'withdrawn')),
        current bigint NOT NULL,
        change bigint NOT NULL UNIQUE,
        revision bigint NOT NULL,
        numbered smallint NOT NULL,
        moment bigint NOT NULL,
        number bigint,
        received_at bigint NOT NULL,
        drop_id text COLLATE "C" NOT NULL,
        content_hash text COLLATE "C" NOT NULL,
        language text COLLATE "C" NOT NULL,
        published_at bigint,
        filed_at bigint NOT NULL,
        source text COLLATE "C",
        source_folded text COLLATE "C",
        story text COLLATE "C",
        copy_of text COLLATE "C"
    )
    """,
    "CREATE UNIQUE INDEX live_content ON articles (content_hash) WHERE state = 'live'",
    "CREATE INDEX hidden_content ON articles (content_hash, current) WHERE state = 'duplicate'",
    "CREATE INDEX live_place ON articles (place) WHERE state = 'live'",
    "CREATE INDEX live_language ON articles (language, place) WHERE state = 'live'",
    "CREATE INDEX live_source ON articles (source_folded, place) WHERE state = 'live'",
    "CREATE INDEX articles_story ON articles (story, place) WHERE story IS NOT NULL",
    "CREATE INDEX articles_copy_of ON articles (copy_of, place) WHERE copy_of IS NOT NULL",
    "CREATE SEQUENCE versions_seq",
    """
    CREATE TABLE versions (
        seq bigint NOT NULL,
        place bigint NOT NULL,
        article bigint NOT NULL,
        revision bigint NOT NULL,
        received_at bigint NOT NULL,
        filed_at bigint NOT NULL,
        withdrawn smallint NOT NULL,
        headline text COLLATE "C",
        body_start integer NOT NULL,
        lead text COLLATE "C" NOT NULL,
        document text COLLATE "C" NOT NULL,
        PRIMARY KEY (place, seq)
    ) PARTITION BY RANGE (place)
    """,
    _COMPRESSED,
    """
    CREATE TABLE outcomes (
        seq bigint PRIMARY KEY,
        drop_id text COLLATE "C" NOT NULL,
        article_id text COLLATE "C" NOT NULL,
        outcome text COLLATE "C" NOT NULL,
        document text COLLATE "C" NOT NULL,
        UNIQUE (drop_id, article_id)
    )
    """,
    """
    CREATE TABLE found_by_words (
        place bigint NOT NULL,
        article bigint NOT NULL,
        words tsvector NOT NULL,
        PRIMARY KEY (place)
    ) PARTITION BY RANGE (place)
    """,
    # fastupdate: pending entries would be searched one by one, by every search.
    "CREATE INDEX found_by_words_gin ON found_by_words USING gin (words) WITH (fastupdate = off)",
    """
    CREATE TABLE found_in_parts (
        place bigint NOT NULL,
        part integer NOT NULL,
        article bigint NOT NULL,
        words tsvector NOT NULL,
        PRIMARY KEY (place, part)
    )
    """,
    "CREATE INDEX found_in_parts_gin ON found_in_parts USING gin (words) WITH (fastupdate = off)",
    'CREATE TABLE story_merges (gone text COLLATE "C", kept text COLLATE "C", PRIMARY KEY (gone, kept))',
    "CREATE INDEX story_merges_kept ON story_merges (kept, gone)",
    'CREATE TABLE stories (story text COLLATE "C" PRIMARY KEY, root text COLLATE "C" NOT NULL)',
    """
    CREATE TABLE registry (
        kind text COLLATE "C" NOT NULL,
        name text COLLATE "C" NOT NULL,
        document text COLLATE "C" NOT NULL,
        PRIMARY KEY (kind, name)
    )
    """,
)

MIGRATIONS: tuple[tuple[LiteralString, ...], ...] = (_V1,)
"""Statements that lead from version n (its index) to n + 1. Only ever append."""
