"""What the SQLite store counts as articles come and go is what counting anew gives."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.annotations import StoryRef
from schemas.article import Language, Topic
from services.indexer.store.entities import Refused
from services.indexer.store.sqlite import SqliteStore
from services.indexer.store.sqlite_fill import fill_names, fill_totals
from tests.conformance.stores import naming
from tests.factories import NOON, article_id, drop_id, make_drop, sha256

if TYPE_CHECKING:
    from schemas.article import EnrichedArticle

KEYS = ["person:ana", "person:bea", "org:ana works", "wd:Q184", "person:Ana", "date:2024-01-01"]
CODES = ["medtop:20000170", "medtop:04000000", "medtop:15000000", "user:Ports"]
TABLES = ("totals", "forms", "names", "name_words", "told_words", "story_totals")


@st.composite
def filings(draw: st.DrawFn) -> EnrichedArticle:
    """A version of one of few articles, with few contents, so that they hide and replace."""
    number, revision = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    told = draw(st.none() | st.integers(0, 3))
    gone = draw(st.sets(st.integers(0, 3), max_size=1)) - {told}
    merged = tuple(article_id(900 + each) for each in sorted(gone))
    story = None if told is None else StoryRef(id=article_id(900 + told), articles=1, merged=merged)
    fields: dict[str, Any] = {
        "drop": make_drop(drop_id=drop_id(draw(st.integers(1, 10**6)))),
        "content_hash": sha256(draw(st.sampled_from("abc"))),
        "published_at": NOON - timedelta(days=draw(st.integers(0, 2))),
        "provider": draw(st.sampled_from([None, "Wire", "WIRE", "Other", ""])),
        "detected_language": Language(code=draw(st.sampled_from(["en", "de"])), confidence=1),
        "status": draw(st.sampled_from(["usable", "usable", "usable", "withdrawn"])),
        "story": story,
        "topics": tuple(
            Topic(code=code, name=draw(st.sampled_from([code, "x"])), score=1, assigned_by="model")
            for code in draw(st.lists(st.sampled_from(CODES), max_size=3))
        ),
    }
    keys = draw(st.lists(st.sampled_from(KEYS), max_size=4))
    return naming(number, *keys, revision=revision, **fields)


CHANGES = st.tuples(st.sampled_from(["merge", "split", "alias"]), *[st.sampled_from(KEYS)] * 2)


def do(store: SqliteStore, what: str, key: str, into: str) -> None:
    with suppress(Refused):
        if what == "merge":
            store.merge([key], into, force=True, name="Told Name")
        elif what == "alias":
            store.alias("Other Name", ["person:other name"], into, force=True)
        else:
            store.split(key)


def kept(store: SqliteStore) -> dict[str, list[tuple[Any, ...]]]:
    found = {
        table: store._db.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3").fetchall()  # noqa: S608  (ours)
        for table in TABLES
    }
    # Where nothing is left there may be a zero for all.
    found["totals"] = [row for row in found["totals"] if row[2]]
    return found


@settings(max_examples=30, deadline=None)
@given(steps=st.lists(st.lists(filings(), min_size=1, max_size=4) | CHANGES, max_size=8))
def test_counts_are_those_of_counting_anew(steps: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder, SqliteStore(Path(folder) / "store") as store:
        for step in steps:
            if isinstance(step, list):
                store.file(step)
            else:
                do(store, *step)
        counted = kept(store)
        for table in TABLES:
            store._db.execute(f"DELETE FROM {table}")  # noqa: S608  (ours)
        fill_totals(store._db)
        fill_names(store._db)
        assert counted == kept(store)
        check = "INSERT INTO found_by_words (found_by_words, rank) VALUES ('integrity-check', 1)"
        store._db.execute(check)
        assert store._db.execute("PRAGMA foreign_key_check").fetchall() == []
