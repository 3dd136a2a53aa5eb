"""Articles that were enriched again, on every store: annotations are replaced, nothing else."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import pytest
from hypothesis import strategies as st

from schemas.annotations import NearDuplicate, StoryRef
from schemas.article import EnrichedArticle, Topic
from services.bus.reenrich import raw_again
from services.indexer.store.base import Query
from tests.conformance.stores import desk, filed, found, naming, on_every_store
from tests.factories import (
    NAMESPACE,
    article_id,
    at,
    drop_id,
    make_drop,
    make_entity,
    make_provenance,
)

if TYPE_CHECKING:
    from services.indexer.store.base import ArticleStore
    from tests.conformance.stores import Desk

RUN = uuid5(NAMESPACE, "a run")
KIN = tuple(make_provenance(block) for block in ("duplicates", "story"))


def first(article: int = 1, *keys: str, revision: int = 1, **over: Any) -> EnrichedArticle:
    """An article as it was enriched at first."""
    made = (*(make_provenance(block) for block in ("entities", "topics")), *KIN)
    return naming(article, *(keys or ("person:ana",)), revision=revision, provenance=made, **over)


def again(was: EnrichedArticle, *, run: UUID = RUN, release: str = "2", **over: Any) -> Any:
    """The same article, as a run of re-enrichment brings it: by default with nothing but times."""
    raw = raw_again(was, run)
    drop = raw.drop.model_copy(
        update={"reenrichment": raw.drop.reenrichment.model_copy(update={"kept": None})}  # type: ignore[union-attr]  # raw_again set it
    )
    made = [
        make_provenance(block, version=release, at=at(99_999), duration_ms=7)
        for block in ("entities", "topics")
    ]
    fields = {name: getattr(was, name) for name in EnrichedArticle.model_fields}
    fields |= {"drop": drop, "provenance": (*made, *KIN), "enriched_at": at(99_999)}
    return EnrichedArticle(**(fields | over))


def current(store: ArticleStore, number: int = 1) -> EnrichedArticle:
    held = store.get(article_id(number))
    assert held is not None
    return held


def renamed(was: EnrichedArticle, name: str = "Nobody") -> dict[str, Any]:
    """Annotations with another entity and another topic."""
    text = was.text.split("\n")[0]
    return {
        "entities": (make_entity(text, text, "ORG"),),
        "topics": (Topic(code=f"user:{name}", name=name, score=0.5, assigned_by="user"),),
    }


def test_annotations_are_replaced_and_the_rest_stays(store: ArticleStore) -> None:
    was = first(note_of_a_newer_release="kept")
    store.file([was])
    outcomes = store.file([again(was, **renamed(was))])

    assert [each.outcome for each in outcomes] == ["updated"]
    held = current(store)
    assert [entity.type for entity in held.entities] == ["ORG"]
    assert [topic.code for topic in held.topics] == ["user:Nobody"]
    assert {each.block: each.version for each in held.provenance} == {
        "entities": "2",
        "topics": "2",
        "duplicates": "1",
        "story": "1",
    }
    kept = {"entities", "topics", "provenance", "enriched_at"}
    assert held.model_dump(exclude=kept) == was.model_dump(exclude=kept)


def test_the_outcome_is_the_runs_and_the_first_one_stays(store: ArticleStore) -> None:
    was = first()
    (before,) = store.file([was])
    (after,) = store.file([again(was, **renamed(was))])

    assert after.drop.inbox_id == RUN
    assert after.drop.reenrichment is not None
    assert store.outcome(after.drop.drop_id, was.article_id) == after
    assert store.outcome(was.drop.drop_id, was.article_id) == before
    assert store.totals()[str(RUN)] == {"updated": 1}


def test_searches_find_it_by_what_is_new_and_no_more_by_what_was(store: ArticleStore) -> None:
    was = first(1, "person:ana lee")
    store.file([was, first(2, "person:bo")])
    store.file([again(was, **renamed(was))])

    assert found(store, entity="org:ana lee") == [article_id(1)]
    assert found(store, entity="person:ana lee") == []
    assert found(store, topic="user:Nobody") == [article_id(1)]
    assert found(store, '"Quay 1"') == [article_id(1)]
    assert store.count() == 2
    assert store.topic_counts()["user:Nobody"] == 1


def test_it_is_no_version_and_keeps_its_place_in_lists(store: ArticleStore) -> None:
    articles = [
        first(n, drop=make_drop(drop_id=drop_id(n), received_at=at(n)), published_at=at(n))
        for n in (1, 2, 3)
    ]
    store.file(articles)
    before, places = store.record(article_id(2)), store.search(Query(order="newest"))
    store.file([again(articles[1], **renamed(articles[1]))])

    assert store.record(article_id(2)) == before
    after = store.search(Query(order="newest"))
    assert [hit.article_id for hit in after] == [hit.article_id for hit in places]
    assert [(hit.listed_at, hit.filed_at) for hit in after] == [
        (hit.listed_at, hit.filed_at) for hit in places
    ]


def test_it_is_a_change_that_whoever_follows_sees(store: ArticleStore) -> None:
    was = first()
    store.file([was, first(2, "person:bo")])
    seen = store.changes()[-1].position
    store.file([again(was, **renamed(was))])
    (change,) = store.changes(seen)
    assert (change.article_id, change.state, change.revision) == (article_id(1), "live", 1)


def test_what_is_the_same_but_for_its_times_is_unchanged_and_no_change(
    store: ArticleStore,
) -> None:
    was = first()
    store.file([was])
    seen = store.changes()[-1].position
    assert filed(store, again(was, release="1")) == ["unchanged"]
    assert store.changes(seen) == []
    assert current(store) == was


def test_new_versions_of_annotators_alone_are_written(store: ArticleStore) -> None:
    """Else the article would be chosen by its age again at each run."""
    was = first()
    store.file([was])
    assert filed(store, again(was, release="2")) == ["updated"]
    assert current(store).provenance[0].version == "2"


def test_filing_it_again_gives_the_outcome_that_was_given_first(store: ArticleStore) -> None:
    was = first()
    store.file([was])
    one = again(was, **renamed(was))
    (before,) = store.file([one])
    seen = store.changes()[-1].position
    assert store.file([one, one]) == [before, before]
    assert store.changes(seen) == []


def test_a_version_that_came_meanwhile_stays(store: ArticleStore) -> None:
    was, newer = first(), first(1, "person:bo", revision=2)
    store.file([was])
    late = again(was, **renamed(was))
    store.file([newer])
    (outcome,) = store.file([late])
    assert (outcome.outcome, outcome.by_revision) == ("superseded", 2)
    assert current(store) == newer


def test_within_one_batch_a_newer_version_supersedes_it_too(store: ArticleStore) -> None:
    was, newer = first(), first(1, "person:bo", revision=2)
    store.file([was])
    assert filed(store, newer, again(was, **renamed(was))) == ["updated", "superseded"]
    assert current(store) == newer


def test_a_newer_version_replaces_what_was_enriched_again(store: ArticleStore) -> None:
    was, newer = first(), first(1, "person:bo", revision=2)
    store.file([was])
    assert filed(store, again(was, **renamed(was)), newer) == ["updated", "updated"]
    assert current(store) == newer
    assert [version.revision for version in store.record(article_id()).versions] == [1, 2]  # type: ignore[union-attr]  # it is there


def test_the_same_content_that_came_again_meanwhile_stays(store: ArticleStore) -> None:
    """It was enriched later than what the run had taken from the store."""
    was = first()
    dropped_again = first(drop=make_drop(drop_id=drop_id(77), received_at=at(500)))
    store.file([was])
    late = again(was, **renamed(was))
    store.file([dropped_again])
    assert filed(store, late) == ["superseded"]
    assert current(store) == dropped_again


def test_a_withdrawn_article_does_not_come_back(store: ArticleStore) -> None:
    was = first()
    store.file([was])
    late = again(was, **renamed(was))
    store.file([first(revision=2, status="withdrawn")])
    (outcome,) = store.file([late])
    assert (outcome.outcome, outcome.by_revision) == ("superseded", 2)
    assert store.get(article_id()) is None
    assert store.count() == 0


def test_one_hidden_behind_another_stays_its_duplicate(store: ArticleStore) -> None:
    was, twin = first(1), first(2, content_hash=first(1).content_hash)
    store.file([was, twin])
    seen = store.changes()[-1].position
    (outcome,) = store.file([again(twin, **renamed(twin))])
    assert (outcome.outcome, outcome.of) == ("duplicate", article_id(1))
    assert store.changes(seen) == []
    assert current(store, 2) == twin


def test_what_failed_now_does_not_cost_what_is_there(store: ArticleStore) -> None:
    was = first()
    store.file([was])
    failed = make_provenance("entities", status="failed", reason="MemoryError: ")
    made = (failed, make_provenance("topics", version="2"), *KIN)
    (outcome,) = store.file([again(was, entities=(), provenance=made)])
    assert outcome.outcome == "rejected"
    assert outcome.stage == "indexer"
    assert "entities" in (outcome.reason or "")
    assert outcome.advice
    assert current(store) == was


def test_stories_and_near_duplicates_stay_whatever_the_event_says(store: ArticleStore) -> None:
    """A worker of an earlier release compares the article with today's: that isn't taken in."""
    old, new = uuid5(NAMESPACE, "old story"), uuid5(NAMESPACE, "new story")
    copy = NearDuplicate(article_id=article_id(9), share=0.9, direction="same")
    was = first(story=StoryRef(id=old, articles=1), near_duplicate_of=copy, near_duplicates=(copy,))
    other = first(2, "person:bo", story=StoryRef(id=new, articles=1))
    store.file([was, other])
    ref = StoryRef(id=new, articles=2, merged=(old,))
    assert filed(store, again(was, story=ref, near_duplicate_of=None, near_duplicates=())) == [
        "updated"
    ]
    assert current(store).story == was.story
    assert current(store).near_duplicate_of == copy
    assert found(store, copy_of=article_id(9)) == [article_id(1)]  # type: ignore[arg-type]  # an id is no text
    for story, number in ((old, 1), (new, 2)):
        held = store.story(story)
        assert held is not None
        assert (held.articles, held.story_id) == (1, story)
        assert found(store, story=story) == [article_id(number)]  # type: ignore[arg-type]  # see above


def test_the_story_that_others_merged_meanwhile_holds(store: ArticleStore) -> None:
    old, new = uuid5(NAMESPACE, "old story"), uuid5(NAMESPACE, "new story")
    was = first(story=StoryRef(id=old, articles=1))
    store.file([was])
    store.file([first(2, "person:bo", story=StoryRef(id=new, articles=2, merged=(old,)))])
    assert filed(store, again(was)) == ["updated"]
    assert current(store).story.id == new  # type: ignore[union-attr]  # it has one
    assert store.story(new).articles == 2  # type: ignore[union-attr]  # it is there


def test_merged_entities_stay_merged(store: ArticleStore) -> None:
    was = first(1, "person:ana")
    store.file([was, first(2, "person:ana lee")])
    store.merge(["person:ana"], "person:ana lee")
    assert filed(store, again(was)) == ["updated"]
    assert set(found(store, entity="person:ana lee")) == {article_id(1), article_id(2)}


def test_one_that_the_store_does_not_know_is_filed(store: ArticleStore) -> None:
    assert filed(store, again(first())) == ["indexed"]
    assert store.count() == 1


def test_a_store_opened_again_knows_what_was_replaced(place: Desk) -> None:
    was = first()
    one = place.open()
    one.file([was])
    one.file([again(was, **renamed(was))])
    other = place.open()
    assert current(other) == current(one)
    assert found(other, entity="org:ana") == [article_id()]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["file", "newer", "again", "withdraw"]), st.integers(1, 3), st.booleans()
    ),
    min_size=1,
    max_size=12,
)


@on_every_store(examples=40, steps=STEPS, split=st.integers(1, 12))
def test_lists_and_counts_are_those_of_the_articles_whatever_the_order(
    name: str, steps: list[tuple[str, int, bool]], split: int
) -> None:
    """A search by entity finds what the articles show, and nothing by what was replaced."""
    with tempfile.TemporaryDirectory() as folder, desk(name, Path(folder)) as place:
        store, batch = place.open(), []
        latest: dict[int, EnrichedArticle] = {}
        for number, (step, which, changes) in enumerate(steps, 1):
            was = latest.get(which)
            if step == "again" and was is not None:
                run = uuid5(RUN, str(number))
                batch.append(again(was, run=run, **(renamed(was) if changes else {})))
            elif step != "again":
                revision = 1 if was is None else was.revision + (step != "file")
                status = "withdrawn" if step == "withdraw" else "usable"
                latest[which] = first(
                    which, f"person:name {which}", revision=revision, status=status
                )
                batch.append(latest[which])
            if len(batch) >= split:
                store.file(batch)
                batch = []
        store.file(batch)
        live = [hit.article_id for hit in store.search(Query(limit=50))]
        assert len(live) == store.count()
        for which in latest:
            held = store.get(article_id(which))
            shown = {entity.key for entity in held.entities} if held else set()
            for key in (f"person:name {which}", f"org:name {which}"):
                expected = [article_id(which)] if key in shown and held else []
                assert found(store, entity=key) == [each for each in expected if each in live]


@pytest.mark.parametrize("field", ["text", "headline", "revision", "keywords", "subjects"])
def test_what_the_provider_said_goes_through_a_run_unchanged(field: str) -> None:
    was = first()
    assert getattr(raw_again(was, RUN), field) == getattr(was, field)
