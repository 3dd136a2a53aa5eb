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

from services.indexer.store.postgres_tallies import TABLES as _V2

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import LiteralString

    from services.indexer.store.postgres_pool import Connection

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
    """
    CREATE TABLE story_merges (
        gone text COLLATE "C" NOT NULL,
        kept text COLLATE "C" NOT NULL,
        PRIMARY KEY (gone, kept)
    )
    """,
    "CREATE INDEX story_merges_kept ON story_merges (kept, gone)",
    """
    CREATE TABLE stories (
        story text COLLATE "C" PRIMARY KEY,
        root text COLLATE "C" NOT NULL
    )
    """,
    # Stories as lists show them: counted anew whenever one of their articles changes.
    """
    CREATE TABLE story_totals (
        story text COLLATE "C" PRIMARY KEY,
        articles bigint NOT NULL,
        first_place bigint NOT NULL,
        last_place bigint NOT NULL
    )
    """,
    "CREATE INDEX story_totals_newest ON story_totals (last_place DESC, articles)",
    # Entities and topics of live articles only. Columns `..._folded` are what is searched for.
    """
    CREATE TABLE entities (
        article bigint NOT NULL,
        position integer NOT NULL,
        place bigint NOT NULL,
        key text COLLATE "C" NOT NULL,
        name text COLLATE "C" NOT NULL,
        type text COLLATE "C" NOT NULL,
        mentions integer NOT NULL,
        key_folded text COLLATE "C" NOT NULL,
        name_folded text COLLATE "C" NOT NULL,
        PRIMARY KEY (article, position)
    )
    """,
    "CREATE INDEX entities_key ON entities (key_folded, place)",
    "CREATE INDEX entities_name ON entities (name_folded, place)",
    """
    CREATE TABLE topics (
        article bigint NOT NULL,
        position integer NOT NULL,
        code text COLLATE "C" NOT NULL,
        name text COLLATE "C" NOT NULL,
        score double precision NOT NULL,
        PRIMARY KEY (article, position)
    )
    """,
    # Each topic of an article and those above it.
    """
    CREATE TABLE lineage (
        article bigint NOT NULL,
        position integer NOT NULL,
        place bigint NOT NULL,
        code text COLLATE "C" NOT NULL,
        name text COLLATE "C" NOT NULL,
        code_folded text COLLATE "C" NOT NULL,
        name_folded text COLLATE "C" NOT NULL,
        PRIMARY KEY (article, position)
    )
    """,
    "CREATE INDEX lineage_code ON lineage (code_folded, place)",
    "CREATE INDEX lineage_name ON lineage (name_folded, place)",
    # Live articles by topic (those above it too), entity, source, language, day, and all. Room is
    # left in their pages, so that a count is written beside the old one.
    """
    CREATE TABLE totals (
        facet text COLLATE "C" NOT NULL,
        key text COLLATE "C" NOT NULL,
        articles bigint NOT NULL,
        mentions bigint NOT NULL,
        PRIMARY KEY (facet, key)
    ) WITH (fillfactor = 70)
    """,
    "CREATE INDEX totals_most ON totals (facet, articles DESC, key)",
    # What these are called, and which type an entity has, by how many articles.
    """
    CREATE TABLE forms (
        facet text COLLATE "C" NOT NULL,
        key text COLLATE "C" NOT NULL,
        form text COLLATE "C" NOT NULL,
        articles bigint NOT NULL,
        PRIMARY KEY (facet, key, form)
    ) WITH (fillfactor = 70)
    """,
    # The words of entities' names: of those that articles have, and that an operator told.
    """
    CREATE TABLE name_words (
        word text COLLATE "C" NOT NULL,
        key text COLLATE "C" NOT NULL,
        name text COLLATE "C" NOT NULL,
        PRIMARY KEY (word, key, name)
    )
    """,
    "CREATE INDEX name_words_key ON name_words (key, word)",
    """
    CREATE TABLE told_words (
        word text COLLATE "C" NOT NULL,
        key text COLLATE "C" NOT NULL,
        name text COLLATE "C" NOT NULL,
        PRIMARY KEY (word, key, name)
    )
    """,
    # `entities.key` is the key that the document has; `entities.key_folded` follows `aliases.root`.
    """
    CREATE TABLE aliases (
        key text COLLATE "C" PRIMARY KEY,
        target text COLLATE "C" NOT NULL,
        root text COLLATE "C" NOT NULL,
        name text COLLATE "C",
        by_name smallint NOT NULL,
        at bigint NOT NULL,
        key_folded text COLLATE "C" NOT NULL,
        name_folded text COLLATE "C",
        root_folded text COLLATE "C" NOT NULL
    )
    """,
    "CREATE INDEX aliases_target ON aliases (target)",
    "CREATE INDEX aliases_root ON aliases (root)",
    "CREATE INDEX aliases_key_folded ON aliases (key_folded)",
    "CREATE INDEX aliases_name_folded ON aliases (name_folded)",
    # How the entities that others were merged into are shown.
    """
    CREATE TABLE targets (
        key text COLLATE "C" PRIMARY KEY,
        name text COLLATE "C",
        type text COLLATE "C",
        wikidata text COLLATE "C",
        geonames text COLLATE "C",
        iso_country text COLLATE "C",
        key_folded text COLLATE "C" NOT NULL,
        name_folded text COLLATE "C"
    )
    """,
    "CREATE INDEX targets_key_folded ON targets (key_folded)",
    "CREATE INDEX targets_name_folded ON targets (name_folded)",
    """
    CREATE TABLE changes (
        seq bigint PRIMARY KEY,
        change_id text COLLATE "C" NOT NULL UNIQUE,
        document text COLLATE "C" NOT NULL,
        published smallint NOT NULL DEFAULT 0
    )
    """,
    "CREATE INDEX changes_pending ON changes (seq) WHERE published = 0",
    """
    CREATE TABLE registry (
        kind text COLLATE "C" NOT NULL,
        name text COLLATE "C" NOT NULL,
        document text COLLATE "C" NOT NULL,
        PRIMARY KEY (kind, name)
    )
    """,
)

MIGRATIONS: tuple[tuple[LiteralString | Callable[[Connection], None], ...], ...] = (_V1, _V2)
"""What leads from version n (its index) to n + 1: statements, and functions that take the
connection. Only ever append."""
