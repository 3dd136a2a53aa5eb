"""An article that is enriched again is compared with nobody, and keeps what was found before."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from uuid import uuid5

import pytest

from schemas.annotations import NearDuplicate, StoryRef
from schemas.events import ENRICHED, event_id
from services.bus.envelope import Event, read
from services.bus.keys import ENRICHED_STREAM, ENRICHMENT, STORY_STREAM, Keys
from services.bus.kinship import KinIndex
from services.bus.messages import Item, event_of
from services.bus.publisher import received_event
from services.bus.reenrich import drop_of, raw_again
from services.enrichment.annotators.duplicates import NearDuplicateFinder
from services.enrichment.annotators.stories import StoryFinder
from services.enrichment.pipeline import Enricher
from tests.factories import NAMESPACE, NOON, article_id, at, drop_id, make_drop, make_raw

if TYPE_CHECKING:
    from collections.abc import Iterator

    from redis import Redis

    from schemas.article import EnrichedArticle, RawArticle
    from services.settings import Settings

RUN = uuid5(NAMESPACE, "a run")
MONTHS = 90 * 24 * 3600


@pytest.fixture
def index(redis: Redis, settings: Settings) -> Iterator[KinIndex]:
    del redis  # empties the server
    assert settings.redis_url is not None
    index = KinIndex(settings.redis_url.get_secret_value(), settings, now=NOON.timestamp)
    yield index
    index.close()


@pytest.fixture
def enricher(settings: Settings, index: KinIndex) -> Enricher:
    """The two annotators that compare, and nothing that takes long."""
    return Enricher(settings, annotators=(NearDuplicateFinder(index), StoryFinder(index)))


def report(number: int, place: str = "Riverton", *, seconds: float = 0) -> RawArticle:
    """A report long enough to be compared; the same place gives the same wording."""
    body = tuple(
        f"{place} council member {who} said on Monday that the harbour works of {place} would go "
        f"on until the winter storms end, and that {cost} crowns had been set aside for repairs."
        for who, cost in (("Ana Petrova", 410), ("Ivo Marin", 95), ("Mira Kova", 1200))
    )
    return make_raw(
        article_id=article_id(number),
        drop=make_drop(drop_id=drop_id(number), received_at=at(seconds)),
        headline=f"{place} harbour works go on",
        published_at=at(seconds),
        provider=f"House {number}",
        body=body,
    )


def enriched(enricher: Enricher, *articles: RawArticle) -> list[EnrichedArticle]:
    return list(enricher.enrich(articles))  # type: ignore[arg-type]  # nothing is rejected here


def test_it_is_not_its_own_near_duplicate(enricher: Enricher) -> None:
    (was,) = enriched(enricher, report(1))
    (now,) = enriched(enricher, raw_again(was, RUN))
    assert now.near_duplicates == ()
    assert now.near_duplicate_of is None


def test_it_is_not_named_by_what_comes_after_it_a_second_time(enricher: Enricher) -> None:
    """Its copy was found when it came; a run changes nothing for those that come later."""
    first, copy = enriched(enricher, report(1), report(2, seconds=60))
    assert [each.article_id for each in copy.near_duplicates] == [article_id(1)]
    enriched(enricher, raw_again(first, RUN), raw_again(copy, RUN))
    (third,) = enriched(enricher, report(3, seconds=120))
    assert {each.article_id for each in third.near_duplicates} == {article_id(1), article_id(2)}
    assert third.near_duplicate_of is not None
    assert third.near_duplicate_of.article_id == article_id(1)


def test_its_story_and_near_duplicates_are_what_they_were(enricher: Enricher) -> None:
    first, copy = enriched(enricher, report(1), report(2, seconds=60))
    again = enriched(enricher, raw_again(first, RUN), raw_again(copy, RUN))
    for was, now in zip((first, copy), again, strict=True):
        assert was.story is not None
        assert now.story == was.story
        assert now.near_duplicates == was.near_duplicates
        assert now.near_duplicate_of == was.near_duplicate_of
        assert now.provenance == was.provenance


def test_the_index_is_as_it_was(enricher: Enricher, redis: Redis) -> None:
    """Neither a story of others changes, nor is a fresh article pushed out."""
    keys = Keys("news")
    first, other = enriched(enricher, report(1), report(2, "Norwick"))
    before = {key: redis.dump(key) for key in redis.keys("*kin*")}
    old = first.model_copy(
        update={"article_id": article_id(9), "story": StoryRef(id=RUN, articles=1)}
    )
    enriched(enricher, raw_again(first, RUN), raw_again(other, RUN), raw_again(old, RUN))
    assert {key: redis.dump(key) for key in redis.keys("*kin*")} == before
    assert redis.xlen(keys.stream(STORY_STREAM)) == 0


def test_fresh_articles_of_the_same_batch_are_compared_as_ever(enricher: Enricher) -> None:
    (was,) = enriched(enricher, report(1))
    again, fresh, other = enriched(
        enricher, raw_again(was, RUN), report(2, seconds=60), report(3, "Norwick", seconds=90)
    )
    assert [each.article_id for each in fresh.near_duplicates] == [article_id(1)]
    assert article_id(2) in {each.article_id for each in other.near_duplicates}
    assert again.near_duplicates == ()


def test_what_a_run_takes_back_is_the_article_without_its_annotations(enricher: Enricher) -> None:
    (was,) = enriched(enricher, report(1))
    raw = raw_again(was, RUN)
    drop = {"drop"}
    assert raw.model_dump(exclude=drop) == report(1).model_dump(exclude=drop)
    assert raw.drop.inbox_id == RUN
    assert raw.drop.drop_id == drop_of(RUN, was.article_id)
    assert raw.drop.received_at == was.drop.received_at
    assert raw.drop.file == was.drop.file


def test_fields_of_a_newer_release_go_along(enricher: Enricher) -> None:
    raw = report(1).model_copy(update={"note_of_a_newer_release": {"a": [1]}})
    (was,) = enriched(enricher, raw)
    (now,) = enriched(enricher, raw_again(was, RUN))
    assert now.model_extra == {"note_of_a_newer_release": {"a": [1]}}


def test_it_crosses_the_wire_whole(enricher: Enricher) -> None:
    """From the raw stream's bytes to the enriched stream's; what it kept isn't told twice."""
    copy = NearDuplicate(article_id=article_id(7), share=0.5, direction="same")
    (made,) = enriched(enricher, report(1))
    was = made.model_copy(update={"near_duplicates": (copy,), "near_duplicate_of": copy})
    sent = read(received_event(raw_again(was, RUN)), ENRICHMENT.reads.event)
    assert isinstance(sent, Event)
    (now,) = enriched(enricher, sent.payload)  # type: ignore[arg-type]  # it is an article
    item = Item("1-1", b"", sent.payload, sent.traceparent)  # type: ignore[arg-type]  # see above
    written = event_of(ENRICHMENT, item, now, NOON)
    told = read(written, ENRICHED_STREAM.event)
    assert isinstance(told, Event)
    assert told.payload == now
    assert now.near_duplicates == (copy,)
    assert now.drop.reenrichment is not None
    assert now.drop.reenrichment.run == RUN
    first = event_id(ENRICHED, was.drop.drop_id, was.article_id, was.revision)
    again = event_id(ENRICHED, now.drop.drop_id, was.article_id, was.revision)
    assert json.loads(written)["id"] == again != first
    assert now.drop.reenrichment.kept is None
