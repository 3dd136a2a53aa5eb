"""Every store counts what it files: by inbox, hour of receipt, source and outcome."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from services.indexer.store.tallies import HOUR, TallyRow
from tests.conformance.stores import STORES, desk
from tests.factories import NOON, article_id, at, drop_id, make_drop, make_enriched

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from schemas.article import EnrichedArticle
    from services.indexer.store.base import ArticleStore
    from tests.conformance.stores import Desk

INBOX = str(make_drop().inbox_id)
OTHER = UUID(int=7)
FIRST_HOUR = int(NOON.timestamp()) // HOUR


@pytest.fixture(params=sorted(STORES))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    with desk(request.param, tmp_path) as opened:
        yield opened


@pytest.fixture
def store(place: Desk) -> ArticleStore:
    return place.open()


def article(number: int, seconds: float = 0.0, **over: Any) -> EnrichedArticle:
    """One of a drop of its own, received so many seconds after noon."""
    inbox = over.pop("inbox_id", make_drop().inbox_id)
    drop = make_drop(drop_id=drop_id(number), received_at=at(seconds), inbox_id=inbox)
    fields: dict[str, Any] = {"article_id": article_id(number), "text": f"text {number}"}
    return make_enriched(drop=drop, **(fields | over))


def counted(store: ArticleStore) -> dict[tuple[int, str, str], int]:
    """Of our inbox: by hours after noon, source and outcome."""
    rows = [row for row in store.tally().rows if row.inbox_id == INBOX]
    return {(row.hour - FIRST_HOUR, row.source, row.outcome): row.articles for row in rows}


def test_an_empty_store_has_counted_nothing(store: ArticleStore) -> None:
    assert store.tally().last == 0
    assert store.tally().rows == ()
    assert store.totals() == {}
    assert list(store.filed_after(0)) == []


def test_outcomes_are_counted_by_hour_of_receipt_and_source(store: ArticleStore) -> None:
    store.file([article(1), article(2, 3599.999, provider=None), article(3, 3600)])
    store.file([article(4, 3601, text="text 3"), article(5, 3602, provider="Quay\x00Press")])
    assert counted(store) == {
        (0, "Example Wire", "indexed"): 1,
        (0, "", "indexed"): 1,
        (1, "Example Wire", "indexed"): 1,
        (1, "Example Wire", "duplicate"): 1,
        (1, "Quay\x00Press", "indexed"): 1,
    }


def test_a_message_that_comes_again_is_counted_once(store: ArticleStore) -> None:
    store.file([article(1), article(1)])
    store.file([article(1)])
    assert counted(store) == {(0, "Example Wire", "indexed"): 1}


def test_a_name_that_is_no_name_is_cut(store: ArticleStore) -> None:
    """Two that begin alike are one source: 200 characters are no mistake of a provider's."""
    store.file([article(1, provider="x" * 10_000), article(2, provider="x" * 5_000)])
    assert counted(store) == {(0, "x" * 200, "indexed"): 2}


def test_inboxes_are_counted_apart(store: ArticleStore) -> None:
    store.file([article(1), article(2, inbox_id=OTHER), article(3, 7200, inbox_id=OTHER)])
    assert store.totals() == {INBOX: {"indexed": 1}, str(OTHER): {"indexed": 2}}
    assert store.totals(FIRST_HOUR + 1) == {str(OTHER): {"indexed": 1}}
    other = [row for row in store.tally().rows if row.inbox_id != INBOX]
    assert TallyRow(str(OTHER), FIRST_HOUR + 2, "Example Wire", "indexed", 1) in other


def test_a_batch_that_fails_is_not_counted(
    store: ArticleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.file([article(1)])
    before = store.tally()

    def fail(name: str) -> None:
        raise OSError(name)

    for module in ("sqlite", "postgres_pool"):
        monkeypatch.setattr(f"services.indexer.store.{module}.effect", fail)
    with pytest.raises(OSError, match="commit"):
        store.file([article(2)])
    assert store.tally() == before


def test_who_reads_on_from_a_tally_sees_what_it_has_not_counted(store: ArticleStore) -> None:
    store.file([article(number) for number in range(1, 4)])
    tally = store.tally()
    assert [each.number for each in store.filed_after(0)][-1] == tally.last
    store.file([article(4), article(1), article(5, provider=None)])
    later = list(store.filed_after(tally.last))
    assert [each.article_id for each in later] == [str(article_id(4)), str(article_id(5))]
    assert [(each.source, each.outcome) for each in later] == [
        ("Example Wire", "indexed"),
        ("", "indexed"),
    ]
    assert sum(row.articles for row in tally.rows) + len(later) == len(list(store.outcomes()))


def test_the_tally_is_the_sum_of_the_outcomes_however_many_batches(store: ArticleStore) -> None:
    """More than are read at once."""
    many = [article(n, 60 * n, provider=f"P{n % 3}") for n in range(1, 1203)]
    for start in range(0, len(many), 400):
        store.file(many[start : start + 400])
    filed = list(store.filed_after(0))
    assert len(filed) == len(many)
    summed = Counter((each.hour, each.source, each.outcome) for each in filed)
    assert {(r.hour, r.source, r.outcome): r.articles for r in store.tally().rows} == summed
    drops = [str(drop_id(number)) for number in range(1, 1203)]
    assert {each.drop_id for each in store.filed_for(drops)} == set(drops)
    (first, *_) = store.filed_in(INBOX, FIRST_HOUR)
    assert first.drop_id == drops[0]
    assert len(store.filed_in(INBOX, FIRST_HOUR)) == 59
    assert store.filed_in(str(OTHER), FIRST_HOUR) == []


def test_hours_before_a_full_one_are_not_mixed_up(store: ArticleStore) -> None:
    """A receipt one millisecond before the hour belongs to the hour before."""
    store.file([article(1, -0.001), article(2, timedelta(hours=1).total_seconds() - 0.001)])
    assert {hour for hour, _, _ in counted(store)} == {-1, 0}
