"""The function that the indexer's stage calls."""

from __future__ import annotations

import io
import json
import logging
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from services.bus.errors import Unavailable
from services.indexer.filing import Filing
from services.indexer.store.sqlite import SqliteStore
from services.observability import configure
from services.settings import Settings
from tests.conformance.stores import version
from tests.factories import article_id, drop_id, make_drop, make_enriched

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(tmp_path / "store.sqlite3", busy_timeout=0.01) as opened:
        yield opened


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the service writes, as JSON lines."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    out = io.StringIO()
    configure(Settings(log_format="json"), "indexer", out)
    yield out
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_it_returns_what_the_store_reports(store: SqliteStore) -> None:
    batch = [version(1), version(2), version(1)]
    outcomes = Filing(store).file(batch)
    assert [outcome.outcome for outcome in outcomes] == ["indexed", "duplicate", "indexed"]
    assert outcomes == store.file(batch)


def test_each_article_gets_a_line_that_says_what_became_of_it(
    store: SqliteStore, log: io.StringIO
) -> None:
    seconds = count(step=0.5)
    Filing(store, timer=lambda: next(seconds)).file([version(1), version(2)])
    first, second = lines(log)
    assert first["event"] == "filed"
    assert first["article_id"] == str(article_id(1))
    assert first["drop_id"] == str(drop_id(1001))
    assert (first["file"], first["revision"], first["outcome"]) == ("1001.txt", 1, "indexed")
    # Half a second for the batch of two.
    assert first["duration_ms"] == second["duration_ms"] == 250
    assert (second["outcome"], second["of"]) == ("duplicate", str(article_id(1)))
    assert "of" not in first


def test_a_superseded_article_says_by_which_revision(store: SqliteStore, log: io.StringIO) -> None:
    Filing(store).file([version(revision=3), version(revision=2)])
    assert lines(log)[1]["by_revision"] == 3


def test_the_stages_context_is_in_every_line(store: SqliteStore, log: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(trace_id="4bf92f35"):
        Filing(store).file([version(1), version(2)])
    assert [line["trace_id"] for line in lines(log)] == ["4bf92f35"] * 2


def test_a_hostile_file_name_cant_forge_a_line(store: SqliteStore, log: io.StringIO) -> None:
    name = 'a.txt\n{"event": "filed", "outcome": "indexed"}\x1b[2J'
    Filing(store).file([make_enriched(drop=make_drop(file=name))])
    (line,) = lines(log)
    assert line["file"] == 'a.txt\\n{"event": "filed", "outcome": "indexed"}\\x1b[2J'


def test_what_the_store_raises_is_raised_and_nothing_is_logged_as_filed(
    store: SqliteStore, tmp_path: Path, log: io.StringIO
) -> None:
    with SqliteStore(tmp_path / "store.sqlite3") as other:
        other._db.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            Filing(store).file([version()])
    assert lines(log) == []


def test_an_empty_batch_is_fine(store: SqliteStore, log: io.StringIO) -> None:
    assert list(Filing(store).file([])) == []
    assert log.getvalue() == ""
