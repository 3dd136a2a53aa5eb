"""Whoever looks at a desk with several partitions sees all of them as one."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from schemas.article import RawArticle
from schemas.events import Outcome
from services.bus import probing
from services.bus.agreement import agree
from services.bus.board import Added, Board
from services.bus.connect import client, server_url
from services.bus.dead import DeadLetters, Letter, Wanted
from services.bus.envelope import Event, read
from services.bus.errors import Reject
from services.bus.groups import has_group, waiting_for
from services.bus.keys import (
    DATA_FIELD,
    DEAD_STREAM,
    ENRICHED_STREAM,
    ENRICHMENT,
    OUTCOME_STREAM,
    RAW_STREAM,
    Keys,
)
from services.bus.ledger import NOWHERE, Whereabouts
from services.bus.messages import Item, burial_of, fault_of_reject
from services.bus.overview import follow, overview
from services.bus.partitions import by_age, in_each, named, place_of
from services.bus.probing import Gate
from services.bus.publisher import Publisher, received_event
from services.bus.reenrich import Resender, drop_of
from services.bus.retention import Janitor
from services.bus.scripts import ArticleRef, Limits, Scripts
from services.bus.sources import Sources
from services.bus.stage import Stage
from tests.bus.desk import RECEIPTS, article, changed, enrich
from tests.factories import make_drop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from redis.asyncio import Redis

    from schemas.article import EnrichedArticle
    from services.settings import Settings
    from tests.bus.desk import Desk

pytestmark = pytest.mark.anyio
KEYS = Keys("news", 3)
NUMBERS = range(1, 13)
"""Articles that are published; some in each partition."""


@pytest.fixture
def three(settings: Settings) -> Settings:
    return changed(settings, partitions=3)


@pytest.fixture
async def server(desk: Desk, three: Settings) -> AsyncIterator[Redis]:
    """A client on a desk with three partitions, and articles that wait in each."""
    del desk
    async with client(server_url(three)) as redis:
        await agree(redis, KEYS)
        await Publisher(three, redis, RECEIPTS).publish([article(n) for n in NUMBERS])
        yield redis


def ref(number: int) -> ArticleRef:
    raw = article(number)
    return ArticleRef(raw.drop.drop_id, raw.article_id)


def place(number: int) -> Keys:
    return KEYS.holding(article(number).article_id)


async def taken(redis: Redis, keys: Keys) -> list[str]:
    """Everything of a partition's raw stream, given to a worker; the entries' ids."""
    stream: Any = {keys.stream(RAW_STREAM): ">"}
    answer: Any = await redis.xreadgroup(ENRICHMENT.group, "w", stream)
    return [entry.decode() for entry, _ in answer[0][1]]


async def bury_all(redis: Redis) -> None:
    """Let every article die in enrichment, one partition after the other."""
    scripts = Scripts(redis, KEYS, 60)
    for keys in KEYS.each():
        numbers = [n for n in NUMBERS if place(n) == keys]
        for number, entry in zip(numbers, await taken(redis, keys), strict=True):
            item = Item(entry, received_event(article(number)), article(number), None, 1)
            fault = fault_of_reject(Reject("no good", "send another"))
            burial = burial_of(ENRICHMENT, keys.stream(RAW_STREAM), item, fault)
            assert await scripts.at(keys).bury(ENRICHMENT, DEAD_STREAM, OUTCOME_STREAM, burial)


async def letters_of(three: Settings, redis: Redis) -> tuple[DeadLetters, list[Letter]]:
    letters = DeadLetters(redis, three)
    async with aclosing(letters.find(Wanted())) as every:
        return letters, [each async for each in every]


async def test_what_waits_is_counted_over_all(server: Redis, three: Settings) -> None:
    await taken(server, KEYS.at(1))
    assert await waiting_for(server, KEYS, ENRICHMENT) == len(NUMBERS)
    assert not await Publisher(changed(three, raw_backlog=12), server).room()
    assert await Publisher(changed(three, raw_backlog=13), server).room()


async def test_a_stream_is_shown_as_one(server: Redis) -> None:
    taken_there = len(await taken(server, KEYS.at(2)))
    seen = await overview(server, KEYS)
    (raw,) = [each for each in seen.streams if each.stream == RAW_STREAM]
    assert raw.length == len(NUMBERS)
    (group,) = raw.groups
    assert (group.name, group.pending) == (ENRICHMENT.group, taken_there)
    assert group.lag == len(NUMBERS) - taken_there
    assert group.oldest_seconds is not None
    assert group.oldest_seconds < 60


async def test_a_group_that_is_gone_from_one_partition_is_missed(server: Redis) -> None:
    assert await has_group(server, KEYS, ENRICHMENT)
    await server.xgroup_destroy(KEYS.at(1).stream(RAW_STREAM), ENRICHMENT.group)
    assert not await has_group(server, KEYS, ENRICHMENT)


async def test_events_of_all_partitions_are_followed(server: Redis) -> None:
    seen = set()
    async with aclosing(follow(server, KEYS, RAW_STREAM, "0")) as events:  # type: ignore[type-var]  # an async generator
        async for event in events:
            assert isinstance(event.payload, RawArticle)
            seen.add(event.payload.article_id)
            if len(seen) == len(NUMBERS):
                break
    assert seen == {article(n).article_id for n in NUMBERS}


async def test_dead_letters_of_all_partitions_are_found_the_oldest_first(
    server: Redis, three: Settings
) -> None:
    await bury_all(server)
    letters, found = await letters_of(three, server)
    assert len(found) == len(NUMBERS)
    names = [each.entry_id for each in found]
    assert names == sorted(names, key=by_age)
    assert {place_of(KEYS, name)[0].partition for name in names} == {0, 1, 2}
    for each in found:
        again = await letters.get(each.entry_id)
        assert again is not None
        assert again.letter == each.letter
    assert await letters.get("1-0/9") is None
    assert await letters.get("1-0/2") is None


async def test_a_dead_letter_goes_back_to_its_own_partition(server: Redis, three: Settings) -> None:
    await bury_all(server)
    letters, found = await letters_of(three, server)
    letter = next(each for each in found if each.entry_id.endswith("/2"))
    assert letter.letter.article_id is not None
    assert letter.letter.drop is not None
    name = await letters.retry(letter)
    assert isinstance(name, str)
    keys, entry = place_of(KEYS, name)
    assert keys.partition == 2
    marker = keys.marker(letter.letter.drop.drop_id, letter.letter.article_id)
    assert await server.get(marker) == f"raw:{entry}".encode()
    assert await letters.retry(letter) is None
    other = next(each for each in found if "/" not in each.entry_id)
    assert await letters.drop(other)
    assert not await letters.drop(other)
    _, left = await letters_of(three, server)
    assert len(left) == len(NUMBERS) - 2


async def test_the_ledger_finds_articles_and_outcomes_in_every_partition(
    server: Redis, three: Settings
) -> None:
    there = Whereabouts(three, server, make_drop().inbox_id)
    refs = [ref(n) for n in (*NUMBERS, 99)]
    found = await there.places(refs)
    assert list(found) == refs
    assert [found[each].state for each in refs] == ["waiting"] * len(NUMBERS) + ["gone"]
    await bury_all(server)
    found = await there.places(refs)
    assert found.pop(ref(99)) == NOWHERE
    assert all(each.has_outcome for each in found.values())
    outcomes = await there.outcomes([each.entry_id for each in found.values()])
    assert {o.article_id for o in outcomes.values()} == {article(n).article_id for n in NUMBERS}
    day = int(article(1).drop.received_at.timestamp()) // 86400
    assert len(await there.buried([day])) == len(NUMBERS)


async def test_the_ledger_finds_what_goes_on_where_it_died_under_another_number(
    server: Redis, three: Settings
) -> None:
    """A dead letter that is older than the number of partitions."""
    number = next(n for n in NUMBERS if place(n).partition == 1)
    marker = ref(number).drop_id, ref(number).article_id
    entry = await server.get(place(number).marker(*marker))
    await server.delete(place(number).marker(*marker))
    await server.set(KEYS.at(2).marker(*marker), "raw:1-0", ex=60)
    there = Whereabouts(three, server, make_drop().inbox_id)
    (found,) = (await there.places([ref(number)])).values()
    assert entry is not None
    assert (found.stream, found.entry_id) == ("raw", "1-0/2")


async def test_the_janitor_trims_every_partition_to_its_part(
    server: Redis, three: Settings
) -> None:
    few = changed(three, retain_entries=6)
    for keys in KEYS.each():
        ids = await taken(server, keys)
        await server.xack(keys.stream(RAW_STREAM), ENRICHMENT.group, *ids)
    janitor = Janitor(ENRICHMENT, few, server, Scripts(server, KEYS, 60))
    assert await janitor.sweep() > 0
    lengths = [await server.xlen(keys.stream(RAW_STREAM)) for keys in KEYS.each()]
    assert lengths == [2, 2, 2]


async def test_a_group_that_lags_in_all_partitions_together_is_reported(
    server: Redis, three: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    for keys in KEYS.each():
        await server.xgroup_create(keys.stream(RAW_STREAM), "mine", id="0")
    janitor = Janitor(ENRICHMENT, changed(three, subscriber_limit=20), server, _scripts(server))
    await janitor.sweep()
    assert '"entries": 12, "limit": 20' in capsys.readouterr().out


def _scripts(redis: Redis) -> Scripts:
    return Scripts(redis, KEYS, 60)


async def test_a_board_adds_up_what_partitions_were_given(server: Redis, three: Settings) -> None:
    board = Board(three, closer=True)
    await bury_all(server)
    sight = await board.look()
    await board.close()
    assert sight is not None
    assert sight.rates["raw"].added == sight.rates["dead"].added == len(NUMBERS)
    assert len(sight.dead) == len(NUMBERS)
    assert any("/" in each.entry_id for each in sight.dead)
    assert sum(count for _, count in sight.sources) == len(NUMBERS)


def test_a_partition_that_counts_anew_takes_nothing_back() -> None:
    added = Added()
    assert added.total([5, 7]) == 12
    assert added.total([6, 2]) == 15, "one more here, two since the other began anew"
    assert added.total([6, 2]) == 15


async def test_sources_are_counted_over_new_outcomes_of_all_partitions(server: Redis) -> None:
    sources = Sources(KEYS)
    assert await sources.look(server) == ()
    await bury_all(server)
    counted = await sources.look(server)
    assert sum(number for _, number in counted) == len(NUMBERS)
    assert await sources.look(server) == counted, "nothing is counted twice"


async def test_a_run_finds_its_articles_whatever_the_number_was_when_it_began(
    server: Redis, three: Settings
) -> None:
    run, one, two, three_ = (uuid4() for _ in range(4))
    other = KEYS.at((KEYS.partition_of(one) + 1) % 3)
    await server.set(other.marker(drop_of(run, one), one), "raw:1-0", ex=60)
    await server.set(KEYS.holding(two).marker(drop_of(run, two), two), "outcomes:1-0", ex=60)
    found = await Resender(three, server).whereabouts(run, [one, two, three_])
    assert found == ["on its way", "buried", "gone"]


async def test_what_is_published_by_ingest_itself_goes_to_its_partition(
    server: Redis, three: Settings
) -> None:
    await bury_all(server)
    told: Any = await server.xrange(KEYS.at(1).stream(OUTCOME_STREAM), count=1)
    event = read(told[0][1][DATA_FIELD.encode()], OUTCOME_STREAM.event)
    assert isinstance(event, Event)
    assert isinstance(event.payload, Outcome)
    drop = make_drop(drop_id=uuid4())
    await Publisher(three, server).report([event.payload.model_copy(update={"drop": drop})])
    length = len([n for n in NUMBERS if place(n).partition == 1])
    assert await server.xlen(KEYS.at(1).stream(OUTCOME_STREAM)) == length + 1


async def test_all_partitions_are_asked_and_the_first_error_is_raised() -> None:
    async def ask(keys: Keys) -> int:
        if keys.partition == 1:
            raise ConnectionError("away")
        return keys.partition

    assert await in_each(KEYS.each()[::2], ask) == [0, 2]
    with pytest.raises(ConnectionError):
        await in_each(KEYS.each(), ask)


def test_entries_are_named_so_that_no_two_have_one_name() -> None:
    assert [named(keys, "5-1") for keys in KEYS.each()] == ["5-1", "5-1/1", "5-1/2"]
    assert place_of(KEYS, "5-1/2") == (KEYS.at(2), "5-1")
    with pytest.raises(ValueError, match="3 partitions"):
        place_of(KEYS, "5-1/3")


async def test_a_stopped_stage_tries_messages_of_every_partition_and_goes_on_once_they_pass(
    server: Redis, three: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is in partition 0, and what is in 1 doesn't pass."""
    monkeypatch.setattr(probing, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(probing, "NEXT_PAUSE", 0.01)
    scripts, tried = Scripts(server, KEYS, 60), list[str]()
    await server.xtrim(KEYS.stream(RAW_STREAM), maxlen=0)
    assert await scripts.spend(ENRICHMENT.group, Limits(10, 50, 1), 0, b'{"reason":"","about":""}')

    def handle(batch: Sequence[RawArticle]) -> list[EnrichedArticle | Reject]:
        tried.extend(str(raw.headline) for raw in batch)
        bad = {f"good {n}" for n in NUMBERS if place(n).partition == 1}
        return [Reject("no", "no") if raw.headline in bad else enrich(raw) for raw in batch]

    async def begin() -> None:
        tried.append("begun")

    stage = Stage(ENRICHMENT, handle, three, server, "prober")
    gate = Gate(stage, three, server, begin)
    async with asyncio.timeout(20):
        while not gate.open:
            assert await gate.look()
            await asyncio.sleep(0.01)
    assert tried[-1] == "begun"
    places = [place(int(headline.split()[1])).partition for headline in tried[:-1]]
    assert sorted(set(places)) == [1, 2]
    assert places[-3:] == [2, 2, 2]
    lengths = [await server.xlen(keys.stream(ENRICHED_STREAM)) for keys in KEYS.each()]
    assert lengths == [0, 0, 3]
