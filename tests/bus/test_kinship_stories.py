"""Stories in the index: joined and merged atomically, told once, forgotten when empty."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid5

import pytest
from redis.crc import key_slot

from schemas.events import EVENT_NAMESPACE, STORY_MERGED
from services.bus import kinship
from services.bus import scripts as scripts_package
from services.bus.keys import DATA_FIELD, STORY_STREAM
from services.bus.kinship import (
    Joined,
    KinIndex,
    Unusable,
)
from tests.bus.kin_kit import (
    KEYS,
    STORIES,
    Clock,
    about,
    bounded_sizes,
    found,
    joined,
    limited,
    made,
    merges,
    sketch_of,
    uid,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from redis import Redis

    from services.settings import Settings


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def index(redis: Redis, settings: Settings, clock: Clock) -> Iterator[KinIndex]:
    del redis  # empties the server, and looks for keys without a life span afterwards
    yield from made(settings, clock)


def test_an_article_begins_a_story_and_one_alike_joins_it(index: KinIndex) -> None:
    first, second, third = joined(
        index,
        about(1, [1, 2, 3], [1, 2, 3]),
        about(2, [1, 2, 4], [1, 2, 5]),
        about(3, [7, 8, 9], [1, 2, 3]),
    )
    assert first == Joined(uid(1_000_001), 1, ())
    assert second == Joined(uid(1_000_001), 2, ())
    assert third == Joined(uid(1_000_003), 1, ()), "the same words about others"


def test_names_alone_or_words_alone_make_no_story(index: KinIndex) -> None:
    answers = joined(
        index,
        about(1, [1, 2], [1, 2, 3]),
        about(2, [1, 2], [7, 8, 9]),
        about(3, [5, 6], [1, 2, 3]),
    )
    assert len({answer.story_id for answer in answers}) == 3


def test_articles_without_names_are_compared_by_their_words(index: KinIndex) -> None:
    answers = joined(
        index, about(1, [], [1, 2, 3]), about(2, [], [1, 2, 4]), about(3, [1], [1, 2, 3])
    )
    assert [answer.articles for answer in answers] == [1, 2, 1]


def test_those_further_apart_than_the_window_are_of_two_stories(
    index: KinIndex, settings: Settings
) -> None:
    late = 1000.0 + settings.story_window
    answers = joined(
        index,
        about(1, [1, 2], [1, 2]),
        about(2, [1, 2], [1, 2], at=late + 1),
        about(3, [1, 2], [1, 2], at=late),
    )
    assert answers[1].articles == 1
    assert answers[2].articles == 3, "it is near to both, and joins them"
    assert answers[2].merged == (uid(1_000_002),)


def bridge(index: KinIndex) -> list[Joined]:
    """Two stories, and an article that shows them to be one."""
    return joined(
        index,
        about(1, [1, 2], [1, 2]),
        about(2, [3, 4], [3, 4]),
        about(3, [1, 2, 3, 4], [1, 2, 3, 4]),
    )


def test_the_older_story_stays_and_the_merge_is_told_once(index: KinIndex, redis: Redis) -> None:
    once = bridge(index)
    assert once[2] == Joined(uid(1_000_001), 3, (uid(1_000_002),))
    assert bridge(index) == once, "asked again"
    (told,) = merges(redis)
    assert (told.story_id, told.merged) == (uid(1_000_001), uid(1_000_002))
    assert told.article_id == uid(3)


def test_who_is_like_an_article_of_a_merged_story_joins_the_one_that_stayed(
    index: KinIndex,
) -> None:
    bridge(index)
    (late,) = joined(index, about(4, [3, 4], [3, 4]))
    assert late == Joined(uid(1_000_001), 4, ())


def test_the_id_of_a_merges_event_follows_from_the_two_stories(index: KinIndex, redis: Any) -> None:
    bridge(index)
    (before,) = redis.xrange(KEYS.stream(STORY_STREAM))
    redis.flushall()
    bridge(index)
    (after,) = redis.xrange(KEYS.stream(STORY_STREAM))
    name = f"{STORY_MERGED.full_name}|{uid(1_000_001)}|{uid(1_000_002)}"
    expected = str(uuid5(EVENT_NAMESPACE, name)).encode()
    for _, fields in (before, after):
        assert b'"id":"' + expected + b'"' in fields[DATA_FIELD.encode()]


def test_near_duplicates_are_of_one_story_in_whatever_order_they_are_noted(
    index: KinIndex,
) -> None:
    """Of two workers, the one that found the pair may come to the stories first."""
    here = about(1, [1, 2], [1, 2])
    named_before = about(2, [5, 6], [5, 6], duplicates=(uid(1), uid(3)))
    comes_after = about(3, [7, 8], [7, 8])
    answers = joined(index, here, named_before, comes_after)
    assert [answer.articles for answer in answers] == [1, 2, 3]
    assert {answer.story_id for answer in answers} == {uid(1_000_001)}


def test_a_new_revision_stays_in_its_story_and_counts_once(index: KinIndex) -> None:
    joined(index, about(1, [1, 2], [1, 2]), about(2, [1, 2], [1, 2, 3]))
    (again,) = joined(index, about(2, [8, 9], [8, 9], revision=2))
    assert again == Joined(uid(1_000_001), 2, ())
    (older,) = joined(index, about(2, [5], [5], revision=1))
    assert older == Joined(uid(1_000_001), 2, ())


def test_stories_are_forgotten_with_their_last_article(
    redis: Redis, settings: Settings, clock: Clock
) -> None:
    for index in made(limited(settings, index_entries=10), clock):
        bridge(index)
        everything = [about(n, [50 * n, 50 * n + 1], [50 * n]) for n in range(10, 60)]
        joined(index, *everything)
        assert redis.hlen(KEYS.kin("story1", "stories")) == 10
        assert bounded_sizes(redis, "story1")["entries"] == 10


def test_a_stream_of_merges_of_another_type_is_said_before_anything_is_written(
    index: KinIndex, redis: Redis
) -> None:
    redis.set(KEYS.stream(STORY_STREAM), "no stream", ex=60)
    (answer,) = index.stories([about(1, [1], [1])], STORIES)
    assert isinstance(answer, Unusable)
    assert "WRONGTYPE" in answer.reason
    assert redis.keys(f"{KEYS.kin('story1', '')}*") == []


def test_damaged_stories_are_begun_anew(index: KinIndex, redis: Redis) -> None:
    joined(index, about(1, [1, 2], [1, 2]))
    redis.hset(KEYS.kin("story1", "stories"), uid(1_000_001).bytes, "rubbish")
    (answer,) = joined(index, about(2, [1, 2], [1, 2]))
    assert answer == Joined(uid(1_000_002), 1, ())
    # A circle can only be somebody's doing; it must not hang the server.
    circle = b"M" + uid(1_000_002).bytes + b"\0\0\0\1"
    redis.hset(KEYS.kin("story1", "stories"), uid(1_000_002).bytes, circle)
    (answer,) = joined(index, about(3, [1, 2], [1, 2]))
    assert answer.articles == 1


@pytest.mark.parametrize("namespace", ["news", "a.b_c-D"])
def test_all_keys_of_a_script_lie_in_one_slot_and_have_a_life_span(
    redis: Any, settings: Settings, clock: Clock, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[str] = []
    for index in made(limited(settings, namespace=namespace), clock):
        whole = index._sent

        def noted(name: str, calls: Sequence[Any], send: Any = whole) -> list[Any]:
            used.extend(key for keys, _ in calls for key in keys)
            return list(send(name, calls))

        monkeypatch.setattr(index, "_sent", noted)
        found(index, sketch_of(1, range(10)))
        joined(index, about(1, [1], [1], duplicates=(uid(9),)))
    assert len({key_slot(key.encode()) for key in used}) == 1
    written = [key for key in redis.keys("*") if not key.endswith(b":stories") or b":kin:" in key]
    assert written
    assert all(redis.ttl(key) > 0 for key in written)
    assert {key.decode() for key in written} <= set(used), "no key that wasn't declared"


def test_the_scripts_are_refused_or_run_as_a_whole() -> None:
    folder = Path(scripts_package.__file__).parent / "kin"
    names = {path.stem for path in folder.glob("*.lua")}
    assert names == {"index", "duplicates", "stories"}
    for name in names - {"index"}:
        assert kinship._script(name)[0].startswith("#!lua\n")
