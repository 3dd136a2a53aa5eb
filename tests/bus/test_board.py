"""What operators see of a desk: counts and rates, groups, dead letters, receipts."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from schemas.events import DEAD, FILED, DeadLetter, Outcome, Timings
from services.bus import board as board_module
from services.bus.board import INTERVAL, INTERVALS, RATE_OVER, Board, Counter
from services.bus.connect import client, server_url
from services.bus.envelope import Outgoing, write
from services.bus.keys import DEAD_STREAM, ENRICHED_STREAM, OUTCOME_STREAM, RAW_STREAM
from services.bus.receipt_notes import KEPT, ReceiptNote, ReceiptNotes, newest_receipts
from services.bus.sources import Sources
from services.settings import Settings
from tests.bus.desk import articles, changed
from tests.factories import NOON, article_id, make_drop, make_raw

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from services.bus.board import Sight
    from services.bus.server import EmbeddedServer
    from tests.bus.desk import Desk

AWAY = SecretStr("redis://127.0.0.1:1/0")


# --- counting -----------------------------------------------------------------------------
def counted(*samples: tuple[float, int]) -> Counter:
    counter = Counter()
    for now, added in samples:
        counter.sample(added, now)
    return counter


def test_a_rate_is_unknown_until_something_was_counted_twice() -> None:
    assert counted((0, 500)).per_minute is None
    assert counted((0, 500), (5, 500)).per_minute == 0
    assert counted((0, 500), (5, 510)).per_minute == 120


def test_a_rate_is_of_the_last_minute() -> None:
    """An hour of much, then a minute of little."""
    counter = Counter()
    for second in range(0, 3600, 5):
        counter.sample(second * 100, second)
    for second in range(3600, 3600 + int(RATE_OVER) + 5, 5):
        counter.sample(360_000 + second - 3600, second)
    assert counter.per_minute == pytest.approx(60)


def test_what_was_there_before_is_in_the_total_and_not_in_the_recent_past() -> None:
    counter = counted((0, 500), (5, 503))
    assert (counter.total, counter.recent) == (503, (3,))


def test_the_recent_past_is_in_bars_of_one_length_the_oldest_first() -> None:
    counter = counted((0, 0), (5, 1), (INTERVAL, 3), (INTERVAL + 5, 4), (2 * INTERVAL, 9))
    assert counter.recent == (1, 3, 5)


def test_a_time_without_samples_is_bars_of_nothing() -> None:
    counter = counted((0, 0), (5, 1), (4 * INTERVAL, 3))
    assert counter.recent == (1, 0, 0, 0, 2)


def test_an_hour_is_kept_and_no_more_also_after_a_day_without_samples() -> None:
    counter = Counter()
    for bar in range(3 * INTERVALS):
        counter.sample(bar, bar * INTERVAL)
    assert counter.recent == (1,) * INTERVALS
    counter.sample(3 * INTERVALS, 86_400 + 3 * INTERVALS * INTERVAL)
    assert counter.recent == (0,) * (INTERVALS - 1) + (1,)


def test_a_server_that_counts_anew_takes_nothing_back() -> None:
    """It lost its data: what it counts now was added since."""
    counter = counted((0, 1000), (5, 1010), (10, 4), (15, 6))
    assert counter.total == 1016
    assert counter.recent == (16,)


# --- looking ------------------------------------------------------------------------------
def looking(settings: Settings, use: Callable[[Board], Awaitable[Any]], **over: Any) -> Any:
    """What ``use`` makes of a board that looks anew each time."""

    async def scenario() -> Any:
        board = Board(settings, **{"fresh_for": 0.0, **over})
        try:
            return await use(board)
        finally:
            await board.close()

    return asyncio.run(scenario())


async def once(board: Board) -> Sight:
    sight = await board.look()
    assert sight is not None
    return sight


def test_an_empty_server_is_a_desk_with_nothing_on_it(redis: object, settings: Settings) -> None:
    del redis
    sight: Sight = looking(settings, once)
    assert [stream.length for stream in sight.state.streams] == [0] * 6
    assert {rates.added for rates in sight.rates.values()} == {0}
    assert sight.dead == ()
    assert sight.receipts == ()


def test_entries_are_counted_and_rates_told(desk: Desk, settings: Settings) -> None:
    clock = deque([100.0])

    async def twice(board: Board) -> Sight:
        await board.look()
        await asyncio.to_thread(desk.put, b"{}", ENRICHED_STREAM)
        await asyncio.to_thread(desk.put, b"{}", ENRICHED_STREAM)
        clock[0] += 30
        return await once(board)

    desk.publish(*articles("one", "two", "three"))
    sight: Sight = looking(settings, twice, clock=lambda: clock[0])
    assert sight.rates[RAW_STREAM.name].added == 3
    assert sight.rates[RAW_STREAM.name].per_minute == 0
    assert sight.rates[ENRICHED_STREAM.name].added == 2
    assert sight.rates[ENRICHED_STREAM.name].per_minute == 4
    groups = {group.name: group for s in sight.state.streams for group in s.groups}
    assert groups["enrichment"].lag == 3
    assert groups["enrichment"].ours


def test_dead_letters_are_told_in_short_the_newest_first(desk: Desk, settings: Settings) -> None:
    for number in range(25):
        desk.put(dead_letter(number), DEAD_STREAM)
    desk.put(b"no event at all", DEAD_STREAM)
    sight: Sight = looking(settings, once)
    assert [note.attempts for note in sight.dead] == list(range(24, 5, -1))
    newest = sight.dead[0]
    assert newest.entry_id == desk.ids(DEAD_STREAM)[-2]
    assert (newest.stage, newest.error_type) == ("enrichment", "ValueError")
    assert "words" not in repr(sight.dead)


def dead_letter(number: int) -> bytes:
    letter = DeadLetter(
        stage="enrichment",
        group="enrichment",
        stream="raw",
        entry_id="1-1",
        error_type="ValueError",
        error_message="the words of an article",
        attempts=number,
        software_version="1",
        original="dGhlIHdvcmRz",
        died_at=NOON,
    )
    head = Outgoing(DEAD, f"id {number}", "/wiredesk/enrichment", None, letter.died_at, None)
    return write(head, letter)


def test_dead_letters_are_read_again_only_when_there_are_others(
    desk: Desk, settings: Settings
) -> None:
    desk.put(dead_letter(1), DEAD_STREAM)

    async def thrice(board: Board) -> list[tuple[Any, ...]]:
        found = [(await once(board)).dead, (await once(board)).dead]
        await asyncio.to_thread(desk.put, dead_letter(2), DEAD_STREAM)
        return [*found, (await once(board)).dead]

    first, second, third = looking(settings, thrice)
    assert first is second
    assert len(third) == 2


def test_many_operators_cost_as_much_as_one(redis: object, settings: Settings) -> None:
    del redis

    async def many(board: Board) -> set[int]:
        return {id(sight) for sight in await asyncio.gather(*(board.look() for _ in range(10)))}

    assert len(looking(settings, many, fresh_for=60.0)) == 1


def test_a_server_that_is_away_is_seen_as_that_and_seen_again(
    own_server: EmbeddedServer, settings: Settings
) -> None:
    """Killed, so that nothing says goodbye; started again, on another port."""
    settings = changed(settings, redis_url=SecretStr(own_server.url))

    async def scenario(board: Board) -> list[bool]:
        seen = [await board.look() is not None]
        await asyncio.to_thread(own_server.stop)
        seen.append(await board.look() is not None)
        await asyncio.to_thread(own_server.start)
        board._settings = changed(settings, redis_url=SecretStr(own_server.url))
        return [*seen, await board.look() is not None]

    assert looking(settings, scenario) == [True, False, True]


def test_a_server_that_hangs_is_not_waited_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board_module, "LOOK_TIMEOUT", 0.05)

    async def scenario() -> Sight | None:
        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        listening = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        board = Board(changed(settings, redis_url=SecretStr(f"redis://127.0.0.1:{port}/0")))
        try:
            return await board.look()
        finally:
            await board.close()
            listening.close()

    assert asyncio.run(scenario()) is None


def test_without_any_server_a_board_still_starts_and_closes(tmp_path: Any) -> None:
    async def scenario(board: Board) -> Sight | None:
        board.start()
        return await board.look()

    assert looking(Settings(inbox=tmp_path), scenario) is None


# --- receipts in short --------------------------------------------------------------------
def receipt(number: int) -> ReceiptNote:
    return ReceiptNote(
        file=f"{number}.txt",
        received_at=NOON,
        settled_at=NOON + timedelta(seconds=number),
        articles=1,
        summary={"indexed": 1},
    )


def noting(settings: Settings, *numbers: int) -> tuple[list[str], int]:
    """Note receipts; the files that are then listed, and how many are left waiting."""

    async def scenario() -> tuple[list[str], int]:
        async with client(server_url(settings)) as redis:
            notes = ReceiptNotes(settings, redis)
            for number in numbers:
                notes.note(receipt(number))
            stop = asyncio.Event()
            stop.set()
            await notes.run(stop)
            waiting = len(notes._waiting)
            if waiting:
                return [], waiting
            listed = await newest_receipts(redis, Board(settings)._keys, 3)
            return [note.file for note in listed], waiting

    return asyncio.run(scenario())


def test_receipts_are_listed_the_newest_first_and_the_oldest_go(
    desk: Desk, settings: Settings
) -> None:
    assert noting(settings, 1, 2) == (["2.txt", "1.txt"], 0)
    assert noting(settings, *range(3, 3 + KEPT))[0] == ["52.txt", "51.txt", "50.txt"]
    key = desk.keys.receipts()
    assert desk.redis.llen(key) == KEPT
    assert 0 < int(desk.redis.ttl(key)) <= 7 * 24 * 3600
    assert looking(settings, once).receipts[0].file == "52.txt"


def test_a_server_that_is_away_holds_nothing_up_and_the_newest_notes_wait(
    settings: Settings,
) -> None:
    away = changed(settings, redis_url=AWAY)
    assert noting(away, *range(KEPT + 5)) == ([], KEPT)


def test_what_isnt_a_receipt_is_left_out(desk: Desk, settings: Settings) -> None:
    noting(settings, 1)
    desk.redis.lpush(desk.keys.receipts(), "spoilt")
    assert [note.file for note in looking(settings, once).receipts] == ["1.txt"]


# --- looking closer -----------------------------------------------------------------------
def outcome(number: int, source: str | None) -> bytes:
    """An outcome of an article of a source, as it is on its stream."""
    filed = Outcome(
        drop=make_drop(),
        article_id=article_id(number),
        revision=make_raw().revision,
        outcome="indexed",
        source=source,
        timings=Timings(received_at=NOON, filed_at=NOON),
    )
    return write(Outgoing(FILED, f"id {number}", "/wiredesk/indexer", None, NOON, None), filed)


def test_sources_of_the_newest_outcomes_are_counted_the_largest_first(
    desk: Desk, settings: Settings
) -> None:
    for number, source in enumerate(["AP", "Reuters", None, "Reuters", "dpa"]):
        desk.put(outcome(number, source), OUTCOME_STREAM)
    desk.put(b"no event at all", OUTCOME_STREAM)

    async def twice(board: Board) -> list[tuple[tuple[str | None, int], ...]]:
        first = (await once(board)).sources
        await asyncio.to_thread(desk.put, outcome(9, "AP"), OUTCOME_STREAM)
        return [first, (await once(board)).sources, (await once(board)).sources]

    first, second, third = looking(settings, twice, closer=True)
    assert first == (("Reuters", 2), (None, 1), ("AP", 1), ("dpa", 1))
    assert second == third == (("AP", 2), ("Reuters", 2), (None, 1), ("dpa", 1))


def test_only_a_window_of_outcomes_is_kept_and_an_emptied_server_is_counted_anew(
    desk: Desk, settings: Settings
) -> None:
    async def scenario() -> list[Any]:
        async with client(server_url(settings)) as redis:
            sources = Sources(desk.keys, window=3)
            for number in range(5):
                desk.put(outcome(number, f"s{number}"), OUTCOME_STREAM)
            seen = [await sources.look(redis)]
            desk.redis.flushall()
            seen.append(await sources.look(redis))
            desk.put(outcome(1, "new"), OUTCOME_STREAM)
            return [*seen, await sources.look(redis)]

    full, emptied, anew = asyncio.run(scenario())
    assert full == (("s2", 1), ("s3", 1), ("s4", 1))
    assert emptied == ()
    assert anew == (("new", 1),)


def test_reasons_are_told_only_to_whoever_looks_closer(desk: Desk, settings: Settings) -> None:
    desk.put(dead_letter(1), DEAD_STREAM)
    assert looking(settings, once).dead[0].reason is None
    assert looking(settings, once).sources == ()
    assert looking(settings, once, closer=True).dead[0].reason == "the words of an article"


def test_a_bar_is_as_long_as_one_wants() -> None:
    counter = Counter(interval=5)
    for second, added in ((0, 0), (4, 1), (5, 3), (11, 4)):
        counter.sample(added, second)
    assert counter.recent == (1, 2, 1)


def test_why_a_server_is_away_is_told(settings: Settings) -> None:
    async def scenario(board: Board) -> str | None:
        assert await board.look() is None
        return board.away

    assert "127.0.0.1:1" in looking(changed(settings, redis_url=AWAY), scenario)
