"""What the ``ArticleStore`` contract promises, on every store."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from services.indexer.store.base import Query
from tests.conformance.stores import Desk, filed, found, version
from tests.factories import article_id, at, drop_id, make_enriched

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schemas.article import EnrichedArticle
    from services.indexer.store.base import ArticleStore


# --- Outcomes ---------------------------------------------------------------------------------


def test_a_new_article_is_indexed_and_can_be_read_back_whole(store: ArticleStore) -> None:
    article = make_enriched(credits=("Photo: ©",), later_field={"kept": [1, "zwei"]})
    (outcome,) = store.file([article])
    assert outcome.outcome == "indexed"
    assert store.get(article.article_id) == article


def test_an_outcome_says_whose_it_is_and_when_it_passed_each_station(store: ArticleStore) -> None:
    article = version(revision=7, received=5)
    (outcome,) = store.file([article])
    assert outcome.drop == article.drop
    assert (outcome.article_id, outcome.revision) == (article.article_id, 7)
    assert outcome.headline == article.headline
    assert outcome.timings.received_at == at(5)
    assert outcome.timings.ingested_at == article.ingested_at
    assert outcome.timings.enriched_at == article.enriched_at
    assert outcome.timings.filed_at == at(1000)


def test_a_later_revision_with_other_content_is_an_update(store: ArticleStore) -> None:
    assert filed(store, version(revision=1), version(revision=2, content="second")) == [
        "indexed",
        "updated",
    ]
    held = store.get(article_id())
    assert held is not None
    assert held.revision == 2
    assert store.count() == 1


def test_of_equal_revisions_the_later_received_is_the_later(store: ArticleStore) -> None:
    filed(store, version(received=10, drop=1))
    assert filed(store, version(content="newer", received=11, drop=2)) == ["updated"]
    assert filed(store, version(content="older", received=9, drop=3)) == ["superseded"]


def test_versions_that_nothing_else_tells_apart_end_the_same_in_either_order(place: Desk) -> None:
    one, two = version(content="one", drop=1), version(content="two", drop=2)
    store = place.open()
    store.file([one, two])
    first = store.get(article_id())
    other = version(2, content="one", drop=1), version(2, content="two", drop=2)
    store.file(other[::-1])
    second = store.get(article_id(2))
    assert first is not None
    assert second is not None
    assert first.headline == second.headline


def test_the_same_content_again_is_unchanged(store: ArticleStore) -> None:
    assert filed(store, version(revision=1), version(revision=2)) == ["indexed", "unchanged"]
    assert store.count() == 1


def test_unchanged_moves_the_held_revision_along(store: ArticleStore) -> None:
    """Else a revision between the two that comes late would replace the newer one."""
    filed(store, version(revision=1), version(revision=3))
    (late,) = store.file([version(revision=2, content="between")])
    assert (late.outcome, late.by_revision) == ("superseded", 3)
    held = store.get(article_id())
    assert held is not None
    assert held == version(revision=3)


def test_unchanged_is_no_new_version_and_no_new_filing(store: ArticleStore) -> None:
    filed(store, version(revision=1))
    filed(store, version(revision=3))
    record = store.record(article_id())
    assert record is not None
    (only,) = record.versions
    assert (only.revision, only.filed_at) == (3, at(1000))
    assert store.search(Query())[0].filed_at == at(1000)


def test_an_earlier_revision_that_comes_late_is_superseded(store: ArticleStore) -> None:
    filed(store, version(revision=5))
    (outcome,) = store.file([version(revision=4, content="old")])
    assert (outcome.outcome, outcome.by_revision) == ("superseded", 5)
    held = store.get(article_id())
    assert held is not None
    assert held.revision == 5
    assert found(store, "old") == []


def test_a_withdrawn_article_is_gone_from_everything_but_the_record(store: ArticleStore) -> None:
    filed(store, version(revision=1))
    assert filed(store, version(revision=2, withdrawn=True)) == ["withdrawn"]
    assert store.get(article_id()) is None
    assert found(store) == found(store, "quay") == found(store, entity="Riverton") == []
    assert store.count() == 0
    record = store.record(article_id())
    assert record is not None
    assert record.state == "withdrawn"
    assert [(v.revision, v.withdrawn) for v in record.versions] == [(1, False), (2, True)]


def test_an_article_that_comes_after_its_withdrawal_is_superseded(store: ArticleStore) -> None:
    assert filed(store, version(revision=2, withdrawn=True)) == ["withdrawn"]
    (outcome,) = store.file([version(revision=1)])
    assert (outcome.outcome, outcome.by_revision) == ("superseded", 2)
    assert store.count() == 0


def test_a_version_later_than_the_withdrawal_is_indexed_again(store: ArticleStore) -> None:
    filed(store, version(revision=1), version(revision=2, withdrawn=True))
    assert filed(store, version(revision=3)) == ["indexed"]
    assert found(store, "quay") == [article_id()]


def test_a_second_withdrawal_is_withdrawn_and_moves_the_tombstone(store: ArticleStore) -> None:
    filed(store, version(revision=2, withdrawn=True))
    assert filed(store, version(revision=4, withdrawn=True)) == ["withdrawn"]
    assert filed(store, version(revision=3)) == ["superseded"]
    assert filed(store, version(revision=1, withdrawn=True)) == ["superseded"]


# --- Duplicates -------------------------------------------------------------------------------


def test_the_same_content_under_another_id_is_a_duplicate_of_the_first(store: ArticleStore) -> None:
    store.file([version(1)])
    (outcome,) = store.file([version(2)])
    assert (outcome.outcome, outcome.of) == ("duplicate", article_id(1))
    assert found(store, "quay") == [article_id(1)]
    assert store.count() == 1


def test_a_duplicate_can_be_read_by_its_id_and_says_what_it_duplicates(store: ArticleStore) -> None:
    filed(store, version(1), version(2))
    assert store.get(article_id(2)) == version(2)
    record = store.record(article_id(2))
    assert record is not None
    assert (record.state, record.duplicate_of) == ("duplicate", article_id(1))


def test_a_third_is_a_duplicate_of_the_first_too(store: ArticleStore) -> None:
    outcomes = store.file([version(1), version(2), version(3)])
    assert [outcome.of for outcome in outcomes] == [None, article_id(1), article_id(1)]


def test_a_duplicate_again_is_a_duplicate_again(store: ArticleStore) -> None:
    filed(store, version(1), version(2, revision=1))
    assert filed(store, version(2, revision=2)) == ["duplicate"]
    assert filed(store, version(2, revision=1, drop=77)) == ["superseded"]


def test_when_the_first_is_updated_its_earliest_duplicate_takes_its_place(
    store: ArticleStore,
) -> None:
    filed(store, version(1), version(2), version(3))
    assert filed(store, version(1, revision=2, content="corrected")) == ["updated"]
    assert found(store, "first") == [article_id(2)]
    assert found(store, "first", entity="Riverton") == [article_id(2)]
    record = store.record(article_id(3))
    assert record is not None
    assert record.duplicate_of == article_id(2)
    assert store.count() == 2


def test_the_earliest_duplicate_is_the_one_that_had_the_content_first(
    store: ArticleStore,
) -> None:
    filed(store, version(1), version(2, content="own"), version(3), version(2, revision=2))
    filed(store, version(1, revision=2, withdrawn=True))
    assert found(store) == [article_id(3)]


def test_when_the_first_is_withdrawn_its_duplicate_takes_its_place(store: ArticleStore) -> None:
    filed(store, version(1), version(2))
    filed(store, version(1, revision=2, withdrawn=True))
    assert found(store, "first") == [article_id(2)]
    reported = store.outcome(drop_id(2001), article_id(2))
    assert reported is not None
    assert reported.outcome == "duplicate"


def test_an_article_that_took_the_place_is_updated_like_any_other(store: ArticleStore) -> None:
    filed(store, version(1), version(2), version(1, revision=2, withdrawn=True))
    assert filed(store, version(2, revision=2)) == ["unchanged"]
    assert filed(store, version(2, revision=3, content="second")) == ["updated"]


def test_a_withdrawn_duplicate_never_takes_the_place(store: ArticleStore) -> None:
    filed(store, version(1), version(2), version(2, revision=2, withdrawn=True))
    filed(store, version(1, revision=2, content="corrected"))
    assert found(store, "first") == []


def test_a_duplicate_that_gets_its_own_content_is_indexed(store: ArticleStore) -> None:
    filed(store, version(1), version(2))
    assert filed(store, version(2, revision=2, content="own")) == ["indexed"]
    assert store.count() == 2


def test_an_update_to_what_another_holds_is_a_duplicate_of_that_one(store: ArticleStore) -> None:
    filed(store, version(1), version(2, content="second"))
    (outcome,) = store.file([version(1, revision=2, content="second")])
    assert (outcome.outcome, outcome.of) == ("duplicate", article_id(2))
    assert found(store) == [article_id(2)]


def test_two_withdrawals_are_no_duplicates_of_each_other(store: ArticleStore) -> None:
    assert filed(store, version(1, withdrawn=True), version(2, withdrawn=True)) == [
        "withdrawn",
        "withdrawn",
    ]


# --- Idempotence ------------------------------------------------------------------------------


def test_the_same_again_reports_the_same_bytes_and_changes_nothing(store: ArticleStore) -> None:
    first = [outcome.model_dump_json() for outcome in store.file([version(1), version(2)])]
    store.file([version(1, revision=2, content="second")])
    again = [outcome.model_dump_json() for outcome in store.file([version(1), version(2)])]
    assert again == first
    held = store.get(article_id(1))
    assert held is not None
    assert held.revision == 2
    assert len(list(store.outcomes())) == 3


def test_the_first_outcome_stands_whatever_comes_under_the_same_drop_and_id(
    store: ArticleStore,
) -> None:
    filed(store, version(drop=1))
    assert filed(store, version(drop=1, revision=9, content="other")) == ["indexed"]
    assert found(store, "other") == []


def test_the_same_twice_in_one_batch_is_filed_once(store: ArticleStore) -> None:
    first, second = store.file([version(1), version(1)])
    assert first == second
    assert len(list(store.outcomes())) == 1


def test_a_batch_is_filed_in_its_order(store: ArticleStore) -> None:
    batch = [
        version(revision=2, content="second"),
        version(revision=1),
        version(revision=3, withdrawn=True),
        version(revision=4, content="fourth"),
        version(revision=5, content="fourth"),
    ]
    assert filed(store, *batch) == ["indexed", "superseded", "withdrawn", "indexed", "unchanged"]


def test_what_was_filed_is_there_after_reopening(place: Desk) -> None:
    first = place.open()
    (outcome,) = first.file([version()])
    first.close()
    second = place.open()
    assert second.file([version()]) == [outcome]
    assert second.get(article_id()) == version()
    assert found(second, "quay") == [article_id()]


def test_an_empty_batch_is_fine(store: ArticleStore) -> None:
    assert list(store.file([])) == []


def test_if_filing_raises_nothing_of_the_batch_is_kept(store: ArticleStore) -> None:
    class Broken(tuple[object, ...]):
        __slots__ = ()

        def __iter__(self) -> Iterator[object]:
            yield version(1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.file(Broken((1, 2)))  # type: ignore[arg-type]  # a batch that breaks half-way
    assert store.outcome(drop_id(1001), article_id(1)) is None
    assert store.get(article_id(1)) is None
    assert filed(store, version(1)) == ["indexed"]


# --- Reading ----------------------------------------------------------------------------------


def test_unknown_things_are_none(store: ArticleStore) -> None:
    assert store.get(article_id()) is None
    assert store.record(article_id()) is None
    assert store.outcome(drop_id(), article_id()) is None
    assert list(store.outcomes()) == []


def test_outcomes_come_in_the_order_of_filing(store: ArticleStore) -> None:
    # More than any store reads at once, so that paging is seen to lose and repeat nothing.
    reported: list[str] = []
    for start in range(0, 1100, 100):
        batch = [version(n, content=f"number {n}") for n in range(start, start + 100)]
        reported += [outcome.model_dump_json() for outcome in store.file(batch)]
    assert [outcome.model_dump_json() for outcome in store.outcomes()] == reported


def test_an_id_is_resolved_from_its_beginning(store: ArticleStore) -> None:
    store.file([version(n, content=str(n)) for n in range(1, 30)])
    everything = sorted((article_id(n) for n in range(1, 30)), key=str)
    assert list(store.resolve("", limit=100)) == everything
    assert list(store.resolve(str(article_id(3)))) == [article_id(3)]
    assert list(store.resolve(str(article_id(3)).upper()[:9])) == [article_id(3)]
    assert len(store.resolve("", limit=2)) == 2


@pytest.mark.parametrize("junk", ["zz", "%", "_", "'", "\0", "\ud800", "💥", "0" * 10_000])
def test_what_is_no_id_resolves_to_nothing(store: ArticleStore, junk: str) -> None:
    store.file([version()])
    assert list(store.resolve(junk)) == []


def test_readers_see_whole_batches_only_while_a_writer_writes(place: Desk) -> None:
    writer, reader = place.open(), place.open()
    batches = [[version(b * 5 + n, content=f"no {b * 5 + n}") for n in range(5)] for b in range(30)]

    def write() -> None:
        for batch in batches:
            writer.file(batch)

    thread = threading.Thread(target=write)
    thread.start()
    seen: list[tuple[int, int]] = []
    while thread.is_alive():
        seen.append((reader.count(), len(list(reader.outcomes()))))
    thread.join()
    assert all(count % 5 == 0 and outcomes % 5 == 0 for count, outcomes in seen)
    assert reader.count() == 150


def batches_of(articles: Sequence[EnrichedArticle], size: int) -> list[Sequence[EnrichedArticle]]:
    return [articles[start : start + size] for start in range(0, len(articles), size)]


@pytest.mark.parametrize("size", [1, 3, 7])
def test_how_filings_are_split_makes_no_difference(place: Desk, size: int) -> None:
    filings = [
        version(1),
        version(2),
        version(1, revision=2, content="second"),
        version(1),
        version(3, content="second"),
        version(1, revision=3, withdrawn=True),
        version(2, revision=2, content="second"),
    ]
    store = place.open(clock=lambda: at(0))
    outcomes = [o.outcome for batch in batches_of(filings, size) for o in store.file(batch)]
    assert outcomes == [
        "indexed",
        "duplicate",
        "updated",
        "indexed",
        "duplicate",
        "withdrawn",
        "duplicate",
    ]
    assert found(store) == [article_id(3)]
