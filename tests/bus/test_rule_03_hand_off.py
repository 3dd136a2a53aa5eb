"""Rule 3: acknowledge and forward are one step; each message crosses exactly once."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from redis.crc import key_slot

from schemas.events import DEAD, FILED
from services.bus import scripts as scripts_package
from services.bus.connect import client, server_url
from services.bus.errors import Reject
from services.bus.keys import (
    CHANGE_STREAMS,
    DEAD_STREAM,
    ENRICHED_STREAM,
    ENRICHMENT,
    ENTITY_STREAM,
    INDEXER,
    OUTCOME_STREAM,
    RAW_STREAM,
    STREAMS,
    Keys,
)
from services.bus.messages import Item, burial_of, event_of, fault_of_reject
from services.bus.publisher import received_event
from services.bus.scripts import Again, ArticleRef, Burial, Counted, Limits, Scripts
from services.bus.stage import Stage
from tests.bus.desk import (
    RECEIPTS,
    Desk,
    article,
    articles,
    changed,
    enrich,
    publish,
)
from tests.factories import article_id, at
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from services.settings import Settings
    from tests.bus.processes import Worker, Workers
    from tests.bus.worker import Control

RACERS = 12
ITEM = Item("", received_event(article(1)), article(1), None)
EVENT = event_of(ENRICHMENT, ITEM, enrich(article(1)), at(3))
REF = ITEM.ref


def take(desk: Desk, consumer: str) -> str:
    """Read one message as ``consumer``; its entry id."""
    key = desk.keys.stream(RAW_STREAM)
    answer: Any = desk.redis.xreadgroup(ENRICHMENT.group, consumer, {key: ">"}, count=1)
    entry_id: bytes = answer[0][1][0][0]
    return entry_id.decode()


def claim(desk: Desk, consumer: str, entry_id: str) -> None:
    """Take a message away from whoever has it."""
    key = desk.keys.stream(RAW_STREAM)
    desk.redis.xclaim(key, ENRICHMENT.group, consumer, 0, [entry_id])


def burial(entry_id: str) -> Burial:
    """The burial of the first article under an entry id."""
    item = Item(entry_id, ITEM.raw, article(1), None, 1)
    return burial_of(
        ENRICHMENT, "{news}:raw", item, fault_of_reject(Reject("no good", "send another"))
    )


@pytest.mark.anyio
@pytest.mark.parametrize("expired", [False, True], ids=["", "marker expired"])
async def test_a_worker_whose_message_was_taken_over_and_handed_off_adds_nothing(
    desk: Desk, settings: Settings, *, expired: bool
) -> None:
    await publish(settings, article(1))
    entry_id = take(desk, "zombie")
    claim(desk, "heir", entry_id)
    async with client(server_url(settings)) as redis:
        scripts = Scripts(redis, desk.keys, settings.marker_ttl)
        assert await scripts.hand_off(ENRICHMENT, entry_id, REF, EVENT)
        before = desk.ids(ENRICHED_STREAM)
        if expired:
            desk.redis.delete(desk.keys.marker(REF.drop_id, REF.article_id))
        assert not await scripts.hand_off(ENRICHMENT, entry_id, REF, EVENT)
        assert not await scripts.acknowledge(ENRICHMENT, entry_id)
        assert not await scripts.bury(ENRICHMENT, DEAD_STREAM, OUTCOME_STREAM, burial(entry_id))
    assert desk.ids(ENRICHED_STREAM) == before
    assert desk.ids(DEAD_STREAM) == desk.ids(OUTCOME_STREAM) == []


async def raced(
    desk: Desk, settings: Settings, step: Callable[[Scripts], Awaitable[bool]]
) -> list[bool]:
    """What ``step`` answers to each of many that take it at once, each over its own connection."""

    async def race() -> bool:
        async with client(server_url(settings)) as redis:
            return await step(Scripts(redis, desk.keys, settings.marker_ttl))

    return await asyncio.gather(*(race() for _ in range(RACERS)))


@pytest.mark.anyio
async def test_of_many_that_hand_off_one_message_at_once_exactly_one_succeeds(
    desk: Desk, settings: Settings
) -> None:
    await publish(settings, article(1))
    entry_id = take(desk, "worker")

    won = await raced(
        desk, settings, lambda scripts: scripts.hand_off(ENRICHMENT, entry_id, REF, EVENT)
    )
    assert sorted(won) == [False] * (RACERS - 1) + [True]
    assert len(desk.ids(ENRICHED_STREAM)) == 1
    assert desk.pending() == []


@pytest.mark.anyio
async def test_of_many_that_bury_one_message_at_once_exactly_one_succeeds(
    desk: Desk, settings: Settings
) -> None:
    await publish(settings, article(1))
    entry_id = take(desk, "worker")

    won = await raced(
        desk,
        settings,
        lambda scripts: scripts.bury(ENRICHMENT, DEAD_STREAM, OUTCOME_STREAM, burial(entry_id)),
    )
    assert sorted(won) == [False] * (RACERS - 1) + [True]
    assert [e["type"] for e in desk.events(DEAD_STREAM)] == [DEAD.full_name]
    assert [e["type"] for e in desk.events(OUTCOME_STREAM)] == [FILED.full_name]


@pytest.mark.anyio
async def test_handing_off_races_with_burying_and_only_one_of_them_happens(
    desk: Desk, settings: Settings
) -> None:
    await publish(settings, article(1))
    entry_id = take(desk, "worker")
    async with client(server_url(settings)) as one, client(server_url(settings)) as two:
        a = Scripts(one, desk.keys, settings.marker_ttl)
        b = Scripts(two, desk.keys, settings.marker_ttl)
        won = await asyncio.gather(
            a.hand_off(ENRICHMENT, entry_id, REF, EVENT),
            b.bury(ENRICHMENT, DEAD_STREAM, OUTCOME_STREAM, burial(entry_id)),
        )
    assert sorted(won) == [False, True]
    assert len(desk.ids(ENRICHED_STREAM)) + len(desk.ids(DEAD_STREAM)) == 1


@pytest.mark.anyio
async def test_a_group_made_anew_reads_old_entries_and_adds_nothing_twice(
    desk: Desk, settings: Settings
) -> None:
    """The group is lost, the streams are not: the marker knows that the article has gone on."""
    await publish(settings, article(1))
    entry_id = take(desk, "worker")
    async with client(server_url(settings)) as redis:
        scripts = Scripts(redis, desk.keys, settings.marker_ttl)
        assert await scripts.hand_off(ENRICHMENT, entry_id, REF, EVENT)
        key = desk.keys.stream(RAW_STREAM)
        desk.redis.xgroup_destroy(key, ENRICHMENT.group)
        desk.redis.xgroup_create(key, ENRICHMENT.group, id="0")
        assert take(desk, "worker") == entry_id
        assert await scripts.begin(ENRICHMENT, [(entry_id, REF)]) == [0]
        assert not await scripts.hand_off(ENRICHMENT, entry_id, REF, EVENT)
    assert len(desk.ids(ENRICHED_STREAM)) == 1
    assert desk.pending() == []


def test_a_worker_frozen_past_the_claim_time_adds_nothing_when_it_wakes(
    desk: Desk, settings: Settings, control: Control, workers: Workers
) -> None:
    """SIGSTOP in the middle of a batch, another worker takes over, SIGCONT."""
    short = changed(settings, claim_after=0.3)
    desk.publish(*articles("pause 1", "good 2"))
    frozen = workers.start(short)
    wait_until(lambda: control.said("held"), "the first worker is in mid-batch")
    frozen.signal(signal.SIGSTOP)
    heir = workers.start(short)
    wait_until(lambda: len(desk.enriched()) == 2, "the second worker takes both over")
    control.say("go")
    frozen.signal(signal.SIGCONT)
    wait_until(lambda: len(frozen.lines("article.enriched")) == 2, "the frozen one finishes too")
    assert [line["crossed"] for line in frozen.lines("article.enriched")] == [False, False]
    assert frozen.stop() == heir.stop() == 0
    assert desk.enriched() == ["good 2", "pause 1"]
    assert desk.settled()


def test_a_stage_killed_before_any_of_its_effects_loses_and_doubles_nothing(
    desk: Desk, settings: Settings, workers: Workers, tmp_path: Path
) -> None:
    """SIGKILL before the n-th side effect, for every n that a batch has."""
    short = changed(settings, claim_after=0.2, max_attempts=5)
    names = effects_of_a_whole_run(desk, short, workers, tmp_path)
    assert Counter(names) == {
        "bus.begin.enrichment": 1,
        "bus.hand_off.enrichment": 2,
        "bus.bury.enrichment": 2,
    }
    for number in range(1, len(names) + 1):
        desk.forget()
        publish_a_mix(desk)
        assert workers.start(short, WIREDESK_KILL_AT=str(number)).code() == -9, number
        heir = workers.start(short)
        assert_everything_crossed_once(desk, heir, f"killed before effect {number}")


def effects_of_a_whole_run(
    desk: Desk, settings: Settings, workers: Workers, folder: Path
) -> list[str]:
    """The names of the side effects of a run that nobody kills, in order."""
    record = folder / "effects"
    publish_a_mix(desk)
    worker = workers.start(settings, WIREDESK_EFFECT_LOG=str(record))
    assert_everything_crossed_once(desk, worker, "not killed")
    return [line.split()[1] for line in record.read_text(encoding="utf-8").splitlines()]


def publish_a_mix(desk: Desk) -> None:
    desk.publish(*articles("good 1", "reject 2"))
    desk.put(b"rubbish")
    desk.publish(*articles("good 1", "reject 2", "good 3"))


def assert_everything_crossed_once(desk: Desk, worker: Worker, when: str) -> None:
    wait_until(desk.settled, f"everything is dealt with, {when}")
    assert worker.stop() == 0
    assert desk.enriched() == ["good 1", "good 3"], when
    assert sorted(letter["error_type"] for letter in desk.dead()) == ["Reject", "Unreadable"], when
    assert [outcome["headline"] for outcome in desk.outcomes()] == ["reject 2"], when


ANSWERS: dict[str, Any] = {
    "publish": [1],
    "hand_off": [1],
    "acknowledge": [1],
    "begin": [1],
    "trim": [0],
    "subscribe": b"made",
    "count": [0, b""],
    "whereabouts": [b"", b"gone"],
    "retry": b"1-0",
    "drop_inboxes": [],
    "share": [-1],
}
"""What scripts answer that don't give back a number."""


class Recorder(Scripts):
    """Writes down the keys of each script instead of running it."""

    def __init__(self, keys: Keys) -> None:
        super().__init__(None, keys, 60)  # type: ignore[arg-type]  # runs nothing
        self.used: dict[str, list[str]] = {}

    async def _run(self, name: str, keys: Sequence[str], args: Sequence[Any]) -> Any:
        del args
        self.used[name] = list(keys)
        return ANSWERS.get(name, 1)


@pytest.mark.anyio
@pytest.mark.parametrize("partition", range(4))
@pytest.mark.parametrize("namespace", ["news", "a.b_c-D", "0"])
async def test_the_keys_of_each_script_lie_in_one_slot_of_a_cluster(
    namespace: str, partition: int
) -> None:
    home = Recorder(Keys(namespace, 4))
    scripts = home.at(home.keys.at(partition))
    await scripts.begin(ENRICHMENT, [("1-0", REF), ("2-0", ArticleRef(UUID(int=1), UUID(int=2)))])
    await scripts.give_back(ENRICHMENT, ["1-0"])
    await scripts.hand_off(ENRICHMENT, "1-0", REF, EVENT)
    await scripts.acknowledge(INDEXER, "1-0")
    await scripts.bury(ENRICHMENT, DEAD_STREAM, OUTCOME_STREAM, burial("1-0"))
    await scripts.trim(RAW_STREAM, "1-0", 10, ())
    await scripts.drop_consumers(ENRICHMENT, 10)
    await scripts.drop_inboxes(RECEIPTS, 10)
    await scripts.rewind(ENRICHMENT)
    await scripts.subscribe(RAW_STREAM, "mine", b"{}", "0", adopt=False)
    await scripts.unsubscribe(RAW_STREAM, "mine")
    await scripts.resubscribe(RAW_STREAM, "mine")
    await scripts.count_entries(RAW_STREAM, "0-0", "1-0")
    counted = Counted.of(article(1).drop, None)
    await scripts.retry(DEAD_STREAM, Again("1-0", RAW_STREAM, EVENT, REF, counted))
    await scripts.whereabouts([REF], ("a", "b", "c"))
    await scripts.fence(1, "1 4")
    here = dict(home.used)
    await home.publish(RAW_STREAM, ref_in(home.keys, partition), EVENT)
    assert home.used["publish"][0] == scripts.keys.stream(RAW_STREAM)
    await home.note("", "1 4")
    await home.share(ENRICHMENT, "worker", 30.0, [1])
    await home.announce(ENTITY_STREAM, REF.drop_id, EVENT)
    await home.trim(ENTITY_STREAM, "1-0", 10, ())
    await home.spend(RECEIPTS.group, Limits(10, 50.0, 5), 3, b"{}")
    await home.next_probe(ENRICHMENT.group, 30)
    await home.probed(ENRICHMENT.group, "1-0", passed=True, enough=3, pause=1)
    assert set(home.used) == {path.stem for path in lua_files()}
    for name, keys in home.used.items():
        assert len({key_slot(key.encode()) for key in keys}) == 1, name
    own = key_slot(
        f"{{{namespace}/{partition}}}".encode() if partition else f"{{{namespace}}}".encode()
    )
    assert {key_slot(key.encode()) for keys in here.values() for key in keys} == {own}


def lua_files() -> list[Path]:
    return sorted(Path(scripts_package.__file__).parent.glob("*.lua"))


def ref_in(keys: Keys, partition: int) -> ArticleRef:
    """An article of this partition."""
    found = next(n for n in range(1000) if keys.partition_of(article_id(n)) == partition)
    return ArticleRef(UUID(int=1), article_id(found))


OF_A_PARTITION: dict[str, Callable[[Keys], Sequence[str]]] = {
    "stream": lambda keys: [keys.stream(stream) for stream in STREAMS],
    "attempts": lambda keys: [keys.attempts(spec) for spec in (ENRICHMENT, INDEXER, RECEIPTS)],
    "marker": lambda keys: [keys.marker(REF.drop_id, REF.article_id)],
    "buried": lambda keys: [keys.buried(UUID(int=1), 20_000)],
    "begun": lambda keys: [keys.begun("0123456789abcdef")],
    "subscribers": lambda keys: [keys.subscribers()],
    "trimmed": lambda keys: [keys.trimmed()],
    "noted": lambda keys: [keys.noted()],
}

AT_HOME: dict[str, Callable[[Keys], Sequence[str]]] = {
    "stream": lambda keys: [keys.stream(stream) for stream in CHANGE_STREAMS],
    "shares": lambda keys: [keys.shares(ENRICHMENT), keys.shares(RECEIPTS)],
    "alive": lambda keys: [keys.alive(ENRICHMENT, "host-1-ab")],
    "alive_pattern": lambda keys: [keys.alive_pattern()],
    "announced": lambda keys: [keys.announced(REF.drop_id)],
    "receipts": lambda keys: [keys.receipts()],
    "recent": lambda keys: [keys.recent(ENRICHMENT.group), keys.recent(RECEIPTS.group)],
    "halted": lambda keys: [keys.halted(ENRICHMENT.group), keys.halted(RECEIPTS.group)],
    "halted_pattern": lambda keys: [keys.halted_pattern()],
    "webhook": lambda keys: [keys.webhook("mine", "dead"), keys.webhook("mine", "lease")],
    "trial": lambda keys: [keys.trial("0123456789abcdef", "stream")],
    "kin": lambda keys: [keys.kin("dup1", "entries"), keys.kin("story1", "03fa")],
}

NO_KEYS = {"partition_of", "at", "holding", "each", "permanent"}
"""Methods that build no key, or gather what others build."""


def slots(built: dict[str, Callable[[Keys], Sequence[str]]], keys: Keys) -> set[int]:
    return {key_slot(key.encode()) for example in built.values() for key in example(keys)}


def test_every_key_that_can_be_built_lies_in_its_partition_s_slot_or_at_home() -> None:
    builders = {name for name, value in vars(Keys).items() if callable(value) and name[0] != "_"}
    assert builders - NO_KEYS == {*OF_A_PARTITION, *AT_HOME}, "a new key builder needs an example"
    home = key_slot(b"{news}")
    assert slots(OF_A_PARTITION, Keys("news")) == slots(AT_HOME, Keys("news")) == {home}
    for keys in Keys("news", 5).each()[1:]:
        assert slots(OF_A_PARTITION, keys) == {key_slot(f"{{news/{keys.partition}}}".encode())}
        assert slots(AT_HOME, keys) == {home}


def test_every_script_is_refused_as_a_whole_or_run_as_a_whole() -> None:
    """Without the shebang a server that runs full refuses a script's second write only."""
    # Flags may follow: what changes nothing is run also while memory is full.
    first = {path.name: path.read_text().splitlines()[0] for path in lua_files()}
    assert {line.split()[0] for line in first.values()} == {"#!lua"}
    assert [n for n, line in first.items() if line != "#!lua"] == ["whereabouts.lua"]


@pytest.mark.anyio
async def test_a_stage_that_writes_no_stream_cannot_hand_off(
    desk: Desk, settings: Settings
) -> None:
    async with client(server_url(settings)) as redis:
        scripts = Scripts(redis, desk.keys, settings.marker_ttl)
        with pytest.raises(ValueError, match="writes no stream"):
            await scripts.hand_off(RECEIPTS, "1-0", REF, EVENT)
        stage = Stage(RECEIPTS, list, settings, redis, "worker")
    assert stage.spec.writes is None
