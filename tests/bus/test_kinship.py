"""The index of kin: one atomic script each, the same answer again, bounded memory, no surprise."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import pytest
from redis.crc import key_slot

from schemas.events import EVENT_NAMESPACE, STORY_MERGED, StoryMerged
from services.bus import kinship
from services.bus import scripts as scripts_package
from services.bus.envelope import Event, read
from services.bus.errors import Unavailable
from services.bus.keys import DATA_FIELD, STORY_STREAM, Keys
from services.bus.kinship import (
    Alike,
    DuplicateRule,
    Fingerprint,
    Joined,
    KinIndex,
    StoryRule,
    Traits,
    Unusable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from redis import Redis

    from services.bus.server import EmbeddedServer
    from services.settings import Settings

DUPLICATES = DuplicateRule(least=3, share=0.3, full=8, common=6, told=4)
STORIES = StoryRule(names=0.2, words=0.1, both=0.9, alone=0.5, full=8)
KEYS = Keys("news")
DAY = 24 * 3600.0


class Clock:
    """Seconds since 1970, as the test says."""

    def __init__(self) -> None:
        self.now = 1_770_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def index(redis: Redis, settings: Settings, clock: Clock) -> Iterator[KinIndex]:
    del redis  # empties the server, and looks for keys without a life span afterwards
    yield from made(settings, clock)


def made(settings: Settings, clock: Clock) -> Iterator[KinIndex]:
    assert settings.redis_url is not None
    index = KinIndex(settings.redis_url.get_secret_value(), settings, now=clock)
    yield index
    index.close()


def limited(settings: Settings, **over: object) -> Settings:
    return settings.model_copy(update=over)


def uid(number: int) -> UUID:
    return UUID(int=number)


def hashed(number: int) -> int:
    """A 64-bit hash whose bucket and tag both follow from ``number``."""
    return number * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF


def sketch_of(number: int, grams: Sequence[int], **over: Any) -> Fingerprint:
    """The fingerprint of article ``number`` with these grams, all kept at its only level."""
    fields: dict[str, Any] = {
        "article_id": uid(number),
        "revision": 1,
        "at": float(number),
        "digest": hash(tuple(grams)).to_bytes(8, "big", signed=True),
        "info": f"info {number}".encode(),
        "level": 0,
        "sizes": [len(grams)] * 8,
        "hashes": [(hashed(gram), 7) for gram in grams],
    }
    return Fingerprint(**(fields | over))


def found(index: KinIndex, *prints: Fingerprint) -> list[tuple[Alike, ...]]:
    answers = index.duplicates(prints, DUPLICATES)
    for answer in answers:
        assert not isinstance(answer, Unusable), answer
    return answers  # type: ignore[return-value]  # just looked


def ids(alike: tuple[Alike, ...]) -> list[int]:
    return [one.article_id.int for one in alike]


def about(number: int, names: Sequence[int], words: Sequence[int], **over: Any) -> Traits:
    """Traits of article ``number`` with equal weights."""
    fields: dict[str, Any] = {
        "article_id": uid(number),
        "revision": 1,
        "at": 1000.0,
        "digest": hash((tuple(names), tuple(words))).to_bytes(8, "big", signed=True),
        "names": [(hashed(name), int(255 / len(names) ** 0.5)) for name in names],
        "words": [(hashed(10_000 + word), int(255 / len(words) ** 0.5)) for word in words],
        "duplicates": (),
        "story_id": uid(1_000_000 + number),
    }
    return Traits(**(fields | over))


def joined(index: KinIndex, *traits: Traits) -> list[Joined]:
    answers = index.stories(traits, STORIES)
    for answer in answers:
        assert isinstance(answer, Joined), answer
    return answers  # type: ignore[return-value]  # just looked


def merges(redis: Any) -> list[StoryMerged]:
    events = []
    for _, fields in redis.xrange(KEYS.stream(STORY_STREAM)):
        event = read(fields[DATA_FIELD.encode()], STORY_MERGED)
        assert isinstance(event, Event), event
        assert isinstance(event.payload, StoryMerged)
        events.append(event.payload)
    return events


# --- near-duplicates ---------------------------------------------------------------


def test_the_second_of_two_alike_finds_the_first_with_what_is_told_of_it(index: KinIndex) -> None:
    first, second = found(index, sketch_of(1, range(10)), sketch_of(2, range(4, 14)))
    assert first == ()
    assert second == (Alike(uid(1), common=6, of=10, info=b"info 1"),)


def test_those_below_the_share_or_the_least_in_common_are_not_found(index: KinIndex) -> None:
    found(index, sketch_of(1, range(10)))
    too_little_share, too_few, enough = found(
        index,
        sketch_of(2, range(8, 30), sizes=[22] * 8),
        sketch_of(3, range(8, 11)),
        sketch_of(4, range(7, 20)),
    )
    assert 1 not in ids(too_little_share)
    assert 1 not in ids(too_few)
    assert 1 in ids(enough)


def test_sketches_of_different_levels_are_compared_at_the_coarser_one(index: KinIndex) -> None:
    """A cut copy keeps every gram, the long original each fourth: share 1 of the cut copy."""
    found(index, sketch_of(1, range(0, 400, 4), level=2, sizes=[100] * 8))
    (cut,) = found(index, sketch_of(2, range(40), level=0, sizes=[40, 20, 10, 5, 2, 1, 0, 0]))
    assert cut == (Alike(uid(1), common=10, of=10, info=b"info 1"),)


def test_asked_again_it_says_the_same_though_more_came_meanwhile(index: KinIndex) -> None:
    found(index, sketch_of(1, range(10)))
    once = found(index, sketch_of(2, range(10)))
    found(index, sketch_of(3, range(10)))
    assert found(index, sketch_of(2, range(10))) == once
    assert found(index, sketch_of(1, range(10))) == [()]


def test_an_article_is_not_its_own_duplicate_and_a_new_revision_replaces_the_old(
    index: KinIndex,
) -> None:
    found(index, sketch_of(1, range(10)))
    assert found(index, sketch_of(1, range(2, 12), revision=2)) == [()]
    old_wording, new_wording = found(
        index, sketch_of(2, [0, 1, 90, 91]), sketch_of(3, [2, 3, 10, 11])
    )
    assert old_wording == ()
    assert ids(new_wording) == [1]


def test_an_older_revision_asks_and_changes_nothing(index: KinIndex) -> None:
    found(index, sketch_of(1, range(10), revision=5))
    assert found(index, sketch_of(1, range(50, 60), revision=4)) == [()]
    current, outdated = found(index, sketch_of(2, range(10)), sketch_of(3, range(50, 60)))
    assert ids(current) == [1]
    assert outdated == ()


def test_what_very_many_share_links_nothing_unless_all_of_it_is_shared(index: KinIndex) -> None:
    notice = list(range(6))
    many = [sketch_of(n, [*notice, *range(100 * n, 100 * n + 9)]) for n in range(1, 30)]
    answers = found(index, *many)
    assert all(answer == () for answer in answers[DUPLICATES.common :])
    reprints = found(index, *[sketch_of(n, range(9000, 9012)) for n in range(100, 130)])
    assert all(100 in ids(answer) for answer in reprints[1 : DUPLICATES.told])
    assert all(answer for answer in reprints[1:]), "a text in wide use is found for ever"


def test_no_more_are_told_than_asked_for_and_the_earliest_is_among_them(index: KinIndex) -> None:
    for number in range(2, 8):
        found(index, sketch_of(number, [*range(9), 50 + number]))
    found(index, sketch_of(1, [*range(5), 70, 71, 72]))
    (answer,) = found(index, sketch_of(9, range(10)))
    assert len(answer) == DUPLICATES.told
    assert 1 in ids(answer)


def test_a_thousand_articles_leave_as_many_as_are_remembered(
    redis: Redis, settings: Settings, clock: Clock
) -> None:
    for index in made(limited(settings, index_entries=100), clock):
        prints = [sketch_of(n, range(20 * n, 20 * n + 20)) for n in range(1, 501)]
        found(index, *prints)
        sizes = bounded_sizes(redis, "dup1")
        assert sizes["entries"] == sizes["ids"] == 100
        oldest, newest = found(
            index, sketch_of(1001, range(20, 40)), sketch_of(1002, range(20 * 500, 20 * 500 + 20))
        )
        assert oldest == ()
        assert ids(newest) == [500]
        # Buckets lose what is forgotten when they are written again: never more than twice as much.
        found(index, *[sketch_of(2000 + n, range(20 * n, 20 * n + 20)) for n in range(1, 501)])
        assert bounded_sizes(redis, "dup1")["postings"] <= 500 * 20 + 2000


def bounded_sizes(redis: Any, index: str) -> dict[str, int]:
    """Entries, ids, and postings in all buckets."""
    names = [key.decode() for key in redis.keys(f"{KEYS.kin(index, '')}*")]
    parts = {"state", "ids", "entries", "stories", "awaited"}
    buckets = [name for name in names if name.rpartition(":")[2] not in parts]
    return {
        "entries": int(redis.hlen(KEYS.kin(index, "entries"))),
        "ids": int(redis.hlen(KEYS.kin(index, "ids"))),
        "postings": sum(int(redis.strlen(name)) for name in buckets) // 8,
    }


def test_what_is_older_than_the_window_is_forgotten(
    redis: Redis, settings: Settings, clock: Clock
) -> None:
    for index in made(limited(settings, near_duplicate_window=DAY), clock):
        found(index, sketch_of(1, range(10)), sketch_of(2, range(100, 110)))
        clock.now += DAY + 1
        found(index, sketch_of(3, range(200, 210)))
        assert found(index, sketch_of(4, range(10))) == [()]
        assert bounded_sizes(redis, "dup1")["entries"] == 2


def test_after_flushall_it_begins_empty(index: KinIndex, redis: Redis) -> None:
    found(index, sketch_of(1, range(10)))
    redis.flushall()
    redis.script_flush()
    again, other = found(index, sketch_of(1, range(10)), sketch_of(2, range(10)))
    assert again == ()
    assert ids(other) == [1]


@pytest.mark.parametrize("part", ["state", "ids", "entries"])
def test_a_key_of_another_type_is_said_and_harms_only_the_answer(
    index: KinIndex, redis: Redis, part: str
) -> None:
    redis.set(KEYS.kin("dup1", part), "not a hash", ex=60)
    (answer,) = index.duplicates([sketch_of(1, range(10))], DUPLICATES)
    assert isinstance(answer, Unusable)
    assert "WRONGTYPE" in answer.reason


@pytest.mark.parametrize("rubbish", [b"", b"x", b"\xff" * 7, b"\x00" * 44, b"\xff" * 200])
def test_rubbish_in_the_index_is_no_article(index: KinIndex, redis: Redis, rubbish: bytes) -> None:
    found(index, sketch_of(1, range(10)))
    for key in redis.keys(f"{KEYS.kin('dup1', '')}*"):
        if redis.type(key) == b"string":
            redis.set(key, rubbish, ex=60)
    redis.hset(KEYS.kin("dup1", "entries"), b"\x00\x00\x00\x01", rubbish)
    assert found(index, sketch_of(2, range(10))) == [()]
    assert ids(found(index, sketch_of(3, range(10)))[0]) == [2]


def test_a_bucket_of_another_type_is_begun_anew(index: KinIndex, redis: Redis) -> None:
    found(index, sketch_of(1, range(3)))
    for key in redis.keys(f"{KEYS.kin('dup1', '')}*"):
        if redis.type(key) == b"string":
            redis.delete(key)
            redis.lpush(key, "x")
            redis.expire(key, 60)
    assert found(index, sketch_of(2, range(3))) == [()]
    assert ids(found(index, sketch_of(3, range(3)))[0]) == [2]


def test_while_the_server_is_away_it_is_unavailable(
    own_server: EmbeddedServer, settings: Settings
) -> None:
    index = KinIndex(own_server.url, settings)
    found(index, sketch_of(1, range(10)))
    own_server.stop()
    with pytest.raises(Unavailable, match="server: "):
        index.duplicates([sketch_of(2, range(10))], DUPLICATES)
    index.close()


def test_while_the_server_is_full_it_is_unavailable_and_nothing_is_half_done(
    own_server: EmbeddedServer, settings: Settings
) -> None:
    from redis import Redis as SyncRedis  # noqa: PLC0415  (the type above is for annotations)

    index = KinIndex(own_server.url, settings)
    found(index, sketch_of(1, range(10)))
    with SyncRedis.from_url(own_server.url) as redis:
        redis.config_set("maxmemory", "1")
        with pytest.raises(Unavailable, match=r"OOM|memory"):
            index.duplicates([sketch_of(2, range(10))], DUPLICATES)
        redis.config_set("maxmemory", "0")
        assert bounded_sizes(redis, "dup1") == {"entries": 1, "ids": 1, "postings": 10}
    index.close()


def test_a_batch_is_one_round_trip(index: KinIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    found(index, sketch_of(1, range(10)))
    sent: list[int] = []
    whole = index._sent

    def counted(name: str, calls: Sequence[Any]) -> list[Any]:
        sent.append(len(calls))
        return whole(name, calls)

    monkeypatch.setattr(index, "_sent", counted)
    found(index, *[sketch_of(n, range(n, n + 9)) for n in range(2, 10)])
    assert sent == [8]
    assert index.duplicates([], DUPLICATES) == []
    assert sent == [8]


def test_of_workers_at_once_each_pair_is_found_by_exactly_one(
    redis: Redis, settings: Settings, clock: Clock
) -> None:
    del redis
    prints = [sketch_of(n, [*range(10), 100 + n]) for n in range(1, 7)]
    pairs: list[frozenset[int]] = []

    def work(share: Sequence[Fingerprint]) -> None:
        for index in made(settings, clock):
            rule = DuplicateRule(least=3, share=0.3, full=64, common=64, told=64)
            for one, answer in zip(share, index.duplicates(share, rule), strict=True):
                assert not isinstance(answer, Unusable)
                pairs.extend(frozenset((one.article_id.int, other)) for other in ids(answer))

    threads = [threading.Thread(target=work, args=(prints[n::3],)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(sorted, pairs)) == [[a, b] for a in range(1, 7) for b in range(a + 1, 7)]


# --- stories -----------------------------------------------------------------------


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


# --- all ---------------------------------------------------------------------------


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
