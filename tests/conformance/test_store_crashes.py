"""SIGKILL at any moment: a batch is in the store whole, or not at all."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from services.indexer.store.base import Query
from tests.conformance import alias_child, store_child
from tests.conformance.store_child import BATCH, LARGE_BATCH, large_batch, small_batch
from tests.conformance.stores import naming, shown
from tests.forks import FORKS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conformance.stores import Desk


def ending(main: Callable[[str, str, str], None], place: Desk, what: str) -> int | None:
    """The exit code of a process that does this to the store."""
    child = FORKS.Process(target=main, args=(place.name, str(place.place), what), daemon=True)
    child.start()
    child.join(120)
    return child.exitcode


@pytest.mark.parametrize(("what", "kept"), [("during", 0), ("commit", 0), ("after", LARGE_BATCH)])
def test_a_killed_batch_is_there_whole_or_not_at_all(place: Desk, what: str, kept: int) -> None:
    place.open().close()
    assert ending(store_child.main, place, what) == -signal.SIGKILL

    store = place.open()
    assert store.count() == kept
    assert len(list(store.outcomes())) == kept
    assert len(store.search(Query(words="storm", limit=1000))) == kept


@pytest.mark.parametrize("what", ["during", "commit", "after"])
def test_after_a_kill_the_batch_is_filed_as_if_nothing_had_been(place: Desk, what: str) -> None:
    place.open().close()
    ending(store_child.main, place, what)

    store = place.open()
    outcomes = store.file(large_batch(place.name))
    assert {outcome.outcome for outcome in outcomes} == {"indexed"}
    assert list(store.outcomes()) == list(outcomes)
    assert store.count() == LARGE_BATCH


@pytest.mark.parametrize("batches", [1, 4, 13])
def test_what_was_reported_filed_outlives_a_kill_from_outside(place: Desk, batches: int) -> None:
    command = [sys.executable, "-m", store_child.__name__, place.name, str(place.place), "on"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    with child, child.stdout:
        for _ in range(batches):
            child.stdout.readline()
        child.kill()

    store = place.open()
    outcomes = list(store.outcomes())
    assert len(outcomes) >= batches * BATCH
    assert len(outcomes) % BATCH == 0
    assert store.count() == len(outcomes)
    for number in range(batches):
        for article in small_batch(number):
            assert store.get(article.article_id) == article


@pytest.mark.parametrize(("kill_at", "made"), [("1", False), ("0", True)])
def test_a_killed_merge_is_made_whole_or_not_at_all(
    place: Desk,
    kill_at: str,
    made: bool,  # noqa: FBT001  (the case)
) -> None:
    """Keys, alias table and the change to be told: all of them, or none."""
    store = place.open()
    store.file([naming(number, "person:ana", "person:bea") for number in range(1, LARGE_BATCH)])
    assert ending(alias_child.main, place, kill_at) == -signal.SIGKILL

    after = place.open()
    assert len(after.aliases()) == len(after.pending_changes()) == int(made)
    expected = ["person:bea"] if made else ["person:ana", "person:bea"]
    assert all(shown(after, number) == expected for number in range(1, LARGE_BATCH, 50))
    assert (after.merge(["person:ana"], "person:bea") is None) == made
    assert len(after.pending_changes()) == 1
