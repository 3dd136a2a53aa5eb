"""Near-duplicates in the index: one atomic script, the same answer again, bounded memory."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from services.bus.errors import Unavailable
from services.bus.kinship import (
    Alike,
    DuplicateRule,
    Fingerprint,
    KinIndex,
    Unusable,
)
from tests.bus.kin_kit import (
    DAY,
    DUPLICATES,
    KEYS,
    Clock,
    bounded_sizes,
    found,
    ids,
    limited,
    made,
    sketch_of,
    uid,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from redis import Redis

    from services.bus.server import EmbeddedServer
    from services.settings import Settings


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def index(redis: Redis, settings: Settings, clock: Clock) -> Iterator[KinIndex]:
    del redis  # empties the server, and looks for keys without a life span afterwards
    yield from made(settings, clock)


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


def test_what_was_replaced_is_no_reprint_of_a_common_phrase(index: KinIndex, redis: Redis) -> None:
    phrase = list(range(3))
    for number in range(1, DUPLICATES.common + 1):
        found(index, sketch_of(number, [*phrase, *range(100 * number, 100 * number + 9)]))
    before = bounded_sizes(redis, "dup1")["postings"]
    # Without the phrase: it is in one article less than it takes to be common.
    found(index, sketch_of(1, range(900, 912), revision=2))
    (answer,) = found(index, sketch_of(50, [*phrase, *range(7000, 7006)]))
    assert ids(answer) == [2, 3, 4, 5][: DUPLICATES.told]
    after = bounded_sizes(redis, "dup1")["postings"]
    assert after == before + 12 + 6, "three came, and its own three went"


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
