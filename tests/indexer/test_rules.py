"""What becomes of an article: the rule alone, without a database."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import pytest

from services.indexer.store.rules import Decision, Standing, decide, highest_number, version_key
from tests.conformance.stores import version
from tests.factories import article_id

if TYPE_CHECKING:
    from schemas.article import EnrichedArticle
    from services.indexer.store.base import State

NEW = version(revision=5)
OTHER = version(revision=4, content="other")
TWIN = article_id(2)


def standing(article: EnrichedArticle, state: State = "live") -> Standing:
    return Standing(state, version_key(article), article.content_hash, article.revision)


def test_new_content_under_a_new_id_is_indexed() -> None:
    assert decide(NEW, None, None) == Decision("indexed", "live")


def test_content_that_another_holds_is_a_duplicate() -> None:
    expected = Decision("duplicate", "duplicate", duplicate_of=TWIN)
    assert decide(NEW, None, TWIN) == expected
    for state in ("live", "duplicate", "withdrawn"):
        assert decide(NEW, standing(OTHER, state), TWIN) == expected


def test_other_content_is_an_update_and_the_same_is_unchanged() -> None:
    assert decide(NEW, standing(OTHER), None) == Decision("updated", "live")
    assert decide(NEW, standing(version(revision=5, received=-1)), None) == Decision(
        "unchanged", "live"
    )


@pytest.mark.parametrize("state", ["duplicate", "withdrawn"])
def test_what_was_not_to_be_found_is_indexed(state: State) -> None:
    assert decide(NEW, standing(OTHER, state), None) == Decision("indexed", "live")


@pytest.mark.parametrize("state", ["live", "duplicate", "withdrawn"])
@pytest.mark.parametrize("withdrawn", [False, True])
def test_an_earlier_version_is_superseded_whatever_it_says(
    state: State, *, withdrawn: bool
) -> None:
    late = version(revision=3, content="late", withdrawn=withdrawn)
    for twin in (None, TWIN):
        assert decide(late, standing(OTHER, state), twin) == Decision(
            "superseded", state, by_revision=4
        )


def test_a_withdrawal_is_withdrawn_even_when_nothing_was_held() -> None:
    gone = version(revision=6, withdrawn=True)
    for held in (None, standing(NEW), standing(gone, "withdrawn")):
        assert decide(gone, held, None) == Decision("withdrawn", "withdrawn")


def test_versions_are_ordered_by_revision_then_withdrawal_then_receipt_then_drop() -> None:
    rising = [
        version(revision=1, received=9, drop=1),
        version(revision=2, received=0, drop=2),
        version(revision=2, received=1, drop=3),
        version(revision=2, received=0, drop=4, withdrawn=True),
    ]
    keys = [version_key(article) for article in rising]
    for earlier, later in combinations(keys, 2):
        assert earlier.precedes(later)
        assert not later.precedes(earlier)
    assert not keys[0].precedes(keys[0])
    assert len({version_key(version(drop=n)) for n in range(5)}) == 5


def test_the_highest_number_is_kept_and_times_leave_it() -> None:
    timed = NEW.model_copy(update={"revision_basis": "updated"})
    assert highest_number(NEW, None) == 5
    assert highest_number(OTHER, standing(NEW)) == 5
    assert highest_number(NEW, standing(OTHER)) == 5
    assert highest_number(timed, standing(OTHER)) == 4
    assert highest_number(timed, None) is None
