"""Versions that are ordered by numbers and versions that are ordered by time, of one article.

A format that gives a version number and one that gives a time bring the same
article under the same id; every store must order both alike.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from services.indexer.store.times import to_micros
from tests.conformance.stores import desk, filed, found, on_every_store, version
from tests.factories import article_id, at

if TYPE_CHECKING:
    from schemas.article import EnrichedArticle
    from services.indexer.store.base import ArticleStore
    from tests.conformance.stores import Desk


def numbered(
    number: int, *, received: float, made: float | None = None, withdrawn: bool = False
) -> EnrichedArticle:
    """Version ``number``, received at a second, and made at one if its format says so."""
    drop = 10_000 + number * 100 + int(received)
    return version(
        revision=number,
        content=f"number{number}",
        drop=drop,
        received=received,
        withdrawn=withdrawn,
    ).model_copy(update={"updated_at": None if made is None else at(made)})


def timed(
    made: float | None, *, received: float, withdrawn: bool = False, content: str | None = None
) -> EnrichedArticle:
    """A version without a number, made at a second (if its format says so)."""
    moment = received if made is None else made
    return version(
        revision=to_micros(at(moment)) // 1000,
        content=content or f"time{moment:g}",
        drop=int(moment * 10 + received * 1000),
        received=received,
        withdrawn=withdrawn,
    ).model_copy(
        update={
            "revision_basis": "received" if made is None else "updated",
            "updated_at": None if made is None else at(made),
        }
    )


def current(store: ArticleStore) -> str | None:
    held = store.get(article_id())
    return None if held is None else held.headline


# --- A number and a time ----------------------------------------------------------------------


def test_a_number_is_not_taken_for_a_time(store: ArticleStore) -> None:
    """3 is less than any time in milliseconds, and says nothing about it."""
    first, later = timed(10, received=11), numbered(3, made=20, received=21)
    assert filed(store, first, later) == ["indexed", "updated"]
    assert current(store) == "Quay number3"


def test_a_version_that_was_made_earlier_is_superseded_whichever_has_the_number(
    store: ArticleStore,
) -> None:
    assert filed(store, timed(20, received=21), numbered(3, made=10, received=22)) == [
        "indexed",
        "superseded",
    ]
    assert current(store) == "Quay time20"


def test_a_time_after_a_number_is_compared_by_when_both_were_made(store: ArticleStore) -> None:
    filed(store, numbered(3, made=20, received=30))
    assert filed(store, timed(10, received=31)) == ["superseded"]
    assert filed(store, timed(25, received=32)) == ["updated"]


def test_a_number_without_a_time_counts_as_made_when_it_was_received(store: ArticleStore) -> None:
    filed(store, timed(20, received=21))
    assert filed(store, numbered(3, received=30)) == ["updated"]
    assert filed(store, timed(25, received=31)) == ["superseded"]


def test_a_version_made_in_the_future_counts_as_made_when_it_was_received(
    store: ArticleStore,
) -> None:
    filed(store, numbered(3, made=99_999, received=30))
    assert filed(store, timed(31, received=32)) == ["updated"]


def test_of_two_made_at_the_same_time_the_later_received_is_the_later(store: ArticleStore) -> None:
    filed(store, numbered(3, made=20, received=30))
    assert filed(store, timed(20, received=31)) == ["updated"]
    assert filed(store, timed(20, received=29)) == ["superseded"]


def test_an_older_number_never_comes_back_whatever_stood_between(store: ArticleStore) -> None:
    filed(store, numbered(3, received=10), timed(20, received=21))
    (outcome,) = store.file([numbered(2, received=30)])
    assert outcome.outcome == "superseded"
    assert current(store) == "Quay time20"
    assert filed(store, numbered(4, received=31)) == ["updated"]


def test_the_highest_number_is_known_after_reopening(place: Desk) -> None:
    with place.open() as store:
        filed(store, numbered(3, received=10), timed(20, received=21))
    assert filed(place.open(), numbered(2, received=30)) == ["superseded"]


def test_unchanged_content_under_the_other_order_moves_the_article_along(
    store: ArticleStore,
) -> None:
    filed(store, timed(10, received=11, content="number3"))
    assert filed(store, numbered(3, made=20, received=21)) == ["unchanged"]
    assert filed(store, timed(15, received=22)) == ["superseded"]


# --- Withdrawals ------------------------------------------------------------------------------


def test_a_withdrawal_without_a_number_withdraws_what_has_one(store: ArticleStore) -> None:
    gone = timed(None, received=20, withdrawn=True)
    assert filed(store, numbered(3, made=10, received=11), gone) == ["indexed", "withdrawn"]
    assert found(store) == []


def test_of_one_number_the_withdrawal_is_the_later_in_whichever_order_they_come(
    store: ArticleStore,
) -> None:
    """A notice that cancels version 2 means the version 2 that is still on its way, too."""
    assert filed(store, numbered(2, received=10, withdrawn=True)) == ["withdrawn"]
    assert filed(store, numbered(2, received=11)) == ["superseded"]
    assert filed(store, numbered(3, received=12)) == ["indexed"]


def test_of_one_time_the_withdrawal_is_the_later(store: ArticleStore) -> None:
    assert filed(store, timed(10, received=20, withdrawn=True)) == ["withdrawn"]
    assert filed(store, timed(10, received=21)) == ["superseded"]
    assert filed(store, numbered(3, made=10, received=22)) == ["superseded"]


def test_a_withdrawal_of_an_older_number_is_superseded(store: ArticleStore) -> None:
    filed(store, numbered(3, received=10))
    assert filed(store, numbered(2, received=11, withdrawn=True)) == ["superseded"]


# --- Any order of arrival ---------------------------------------------------------------------


@st.composite
def histories(draw: st.DrawFn) -> list[EnrichedArticle]:
    """Versions in the order in which they were made: numbers rise with the times."""
    made: list[EnrichedArticle] = []
    for step in range(draw(st.integers(1, 6))):
        received = float(draw(st.integers(100, 105)))
        withdrawn = draw(st.sampled_from([False, False, False, True]))
        if draw(st.booleans()):
            made.append(numbered(step, made=step, received=received, withdrawn=withdrawn))
        else:
            made.append(timed(step, received=received, withdrawn=withdrawn))
    return made


@on_every_store(data=st.data(), history=histories())
def test_the_last_made_is_current_whatever_order_they_arrive_in(
    name: str, data: st.DataObject, history: list[EnrichedArticle]
) -> None:
    arrivals = data.draw(st.permutations(history))
    with tempfile.TemporaryDirectory() as folder, desk(name, Path(folder)) as place:
        store = place.open()
        for article in arrivals:
            store.file([article])
        last = history[-1]
        assert store.get(article_id()) == (None if last.status == "withdrawn" else last)
        assert store.count() == (last.status != "withdrawn")
