"""Dead letters sent again: the same article, once, from where it died, with its attempts anew."""

from __future__ import annotations

import asyncio
import json
import signal
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from schemas.events import DEAD, FILED, event_id
from services import metrics
from services.bus.connect import client, server_url
from services.bus.dead import DeadLetters, Letter, Refused, Wanted, again, message_of
from services.bus.errors import Reject
from services.bus.keys import (
    DEAD_STREAM,
    ENRICHED_STREAM,
    ENRICHMENT,
    OUTCOME_STREAM,
    RAW_STREAM,
)
from services.bus.publisher import received_event
from tests.bus.desk import (
    RECEIPTS,
    Desk,
    article,
    articles,
    changed,
    enrich_all,
    eventually,
    original,
    publish,
    running,
)
from tests.bus.processes import environ_of
from tests.bus.retrying import retry_all
from tests.bus.worker import make_handler
from tests.factories import article_id, drop_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from schemas.article import RawArticle
    from services.settings import Settings
    from tests.bus.worker import Control

pytestmark = pytest.mark.anyio
RACERS = 12


@pytest.fixture
async def letters(desk: Desk, settings: Settings) -> AsyncIterator[DeadLetters]:
    """The dead letters of an emptied server."""
    assert desk.redis.ping()
    async with client(server_url(settings)) as redis:
        yield DeadLetters(redis, settings)


async def die(desk: Desk, settings: Settings, control: Control, *headlines: str) -> None:
    """Publish articles and let a stage work on them until all is dealt with."""
    await publish(settings, *articles(*headlines))
    async with running(changed(settings, claim_after=0.1), make_handler(control)):
        await eventually(desk.settled, "everything is dealt with")


async def found(letters: DeadLetters, wanted: Wanted | None = None) -> list[Letter]:
    async with aclosing(letters.find(wanted or Wanted())) as every:
        return [each async for each in every]


async def recover(desk: Desk, settings: Settings) -> None:
    """Let a mended stage work until all is dealt with."""
    async with running(settings, enrich_all, consumer="mended"):
        await eventually(desk.settled, "everything is dealt with")


async def test_a_retried_article_goes_on_from_where_it_died_under_its_old_identity(
    desk: Desk, settings: Settings, control: Control, letters: DeadLetters
) -> None:
    await die(desk, settings, control, "reject 1")
    (before,) = desk.events(RAW_STREAM)
    (letter,) = await found(letters)
    await letters.retry(letter)
    assert desk.dead() == []
    first, second = desk.events(RAW_STREAM)
    assert first == before
    retry = second["data"]["drop"].pop("retry")
    assert (retry["number"], retry["stage"]) == (1, "enrichment")
    assert first["data"]["drop"].pop("retry") is None
    assert second == first
    counted = metrics.RETRIED.labels("enrichment")
    before_it = counted._value.get()
    await recover(desk, settings)
    assert counted._value.get() == before_it + 1
    (event,) = desk.events(ENRICHED_STREAM)
    assert event["data"]["drop"]["retry"]["number"] == 1
    assert event["subject"] == str(article_id(1))
    assert event["traceparent"][:36] == before["traceparent"][:36]


async def test_its_marker_moves_with_it_and_its_attempts_begin_anew(
    desk: Desk, settings: Settings, control: Control, letters: DeadLetters
) -> None:
    await die(desk, settings, control, "raise 1")
    (letter,) = await found(letters)
    new = await letters.retry(letter)
    marker = desk.redis.get(desk.keys.marker(drop_id(1), article_id(1)))
    assert marker == f"raw:{new}".encode()
    assert desk.attempts() == {}
    async with running(changed(settings, claim_after=0.1), make_handler(control)):
        await eventually(desk.settled, "it is buried again")
    assert control.times("raise 1") == 2 * settings.max_attempts
    (again_dead,) = desk.dead()
    assert again_dead["attempts"] == settings.max_attempts
    assert again_dead["drop"]["retry"]["number"] == 1


async def test_what_comes_of_it_is_a_new_event_with_a_higher_number(
    desk: Desk, settings: Settings, control: Control, letters: DeadLetters
) -> None:
    """A subscriber that keeps the ids it has seen would pass over the same id."""
    await die(desk, settings, control, "reject 1")
    for _ in range(2):
        await letters.retry((await found(letters))[0])
        async with running(settings, make_handler(control)):
            await eventually(desk.settled, "it dies again")
    told = [event["data"]["drop"]["retry"] for event in desk.events(OUTCOME_STREAM)]
    assert [each and each["number"] for each in told] == [None, 1, 2]
    revision = article(1).revision
    ids = [event_id(FILED, drop_id(1), article_id(1), revision, number) for number in range(3)]
    assert [event["id"] for event in desk.events(OUTCOME_STREAM)] == ids
    assert len(set(ids)) == 3
    assert len({event["id"] for event in desk.events(DEAD_STREAM)}) == 1


async def test_a_letter_is_sent_again_once_however_many_try_at_the_same_time(
    desk: Desk, settings: Settings, control: Control, letters: DeadLetters
) -> None:
    await die(desk, settings, control, "reject 1")
    (letter,) = await found(letters)

    async def race() -> str | Refused | None:
        async with client(server_url(settings)) as redis:
            return await DeadLetters(redis, settings).retry(letter)

    answers = await asyncio.gather(*(race() for _ in range(RACERS)))
    assert sum(answer is not None for answer in answers) == 1
    assert len(desk.ids(RAW_STREAM)) == 2
    assert await letters.retry(letter) is None


async def test_a_retry_that_is_killed_before_any_of_its_steps_loses_and_doubles_nothing(
    desk: Desk, settings: Settings, control: Control
) -> None:
    """SIGKILL before the n-th letter goes: it is there still, those before it have gone."""
    names = [f"reject {number}" for number in range(1, 4)]
    environ = environ_of(settings)
    for number in range(1, len(names) + 1):
        desk.forget()
        await die(desk, settings, control, *names)
        assert await asyncio.to_thread(retry_all, environ, number) == -signal.SIGKILL
        assert len(desk.dead()) == len(names) - number + 1
        assert await asyncio.to_thread(retry_all, environ) == 0
        await recover(desk, settings)
        assert desk.enriched() == names, number
        assert desk.dead() == []


async def test_an_ingest_that_sends_its_file_again_adds_nothing_to_a_retry(
    desk: Desk, settings: Settings, control: Control, letters: DeadLetters
) -> None:
    """Before it hears of the rejection, a redrive must find the article on its way."""
    await die(desk, settings, control, "reject 1")
    await letters.retry((await found(letters))[0])
    await publish(settings, article(1, "reject 1"))
    assert len(desk.ids(RAW_STREAM)) == 2


async def test_bytes_that_nobody_can_read_go_back_as_they_were(
    desk: Desk, settings: Settings, control: Control, letters: DeadLetters
) -> None:
    """A newer release may understand them."""
    await publish(settings)
    desk.put(b"\xff rubbish")
    async with running(settings, make_handler(control)):
        await eventually(desk.dead, "it is buried")
    (letter,) = await found(letters)
    assert (letter.source, letter.document, letter.trace_id) == (None, None, None)
    await letters.retry(letter)
    assert desk.bodies(RAW_STREAM)[-1] == b"\xff rubbish"
    async with running(settings, make_handler(control)):
        await eventually(desk.dead, "it is buried again")
    assert original(desk.dead()[0]) == b"\xff rubbish"


async def test_an_event_of_a_newer_release_is_counted_though_this_one_can_t_read_it(
    desk: Desk, settings: Settings, control: Control, letters: DeadLetters
) -> None:
    event = json.loads(received_event(article(1)))
    await publish(settings)
    desk.put(json.dumps(event | {"type": "wiredesk.article.received.v2"}).encode())
    for number in (1, 2):
        async with running(settings, make_handler(control)):
            await eventually(desk.dead, "it is buried")
        (letter,) = await found(letters)
        assert letter.retries == number - 1
        await letters.retry(letter)
        sent = json.loads(desk.bodies(RAW_STREAM)[-1])
        assert sent["type"].endswith(".v2")
        assert sent["data"]["drop"]["retry"]["number"] == number


async def test_an_outcome_that_died_goes_back_as_it_was_and_its_marker_with_it(
    desk: Desk, settings: Settings, control: Control, letters: DeadLetters
) -> None:
    """The article's outcome was decided: there is nothing to replace, only somebody to tell."""
    await die(desk, settings, control, "reject 1")
    desk.redis.delete(desk.keys.stream(DEAD_STREAM))
    (body,) = desk.bodies(OUTCOME_STREAM)
    stubborn = changed(settings, claim_after=0.1)

    def refuse(batch: Sequence[Any]) -> list[Reject]:
        return [Reject("no", "never") for _ in batch]

    async with running(stubborn, refuse, RECEIPTS):
        await eventually(desk.dead, "it is buried")
    (letter,) = await found(letters)
    await letters.retry(letter)
    assert desk.bodies(OUTCOME_STREAM) == [body, body]
    heard: list[Any] = []

    def hear(batch: Sequence[Any]) -> list[None]:
        heard.extend(batch)
        return [None] * len(batch)

    async with running(stubborn, hear, RECEIPTS):
        await eventually(lambda: heard, "the outcome is heard")
    assert [outcome.article_id for outcome in heard] == [article_id(1)]


async def test_a_letter_of_an_inbox_that_is_gone_is_refused_and_stays(
    desk: Desk, settings: Settings, control: Control, letters: DeadLetters
) -> None:
    await die(desk, settings, control, "reject 1")
    (letter,) = await found(letters)
    lost = letter.letter.model_copy(
        update={"group": "ingest:gone", "stream": desk.keys.stream(OUTCOME_STREAM)}
    )
    answer = await letters.retry(Letter(letter.entry_id, lost, None))
    assert isinstance(answer, Refused)
    assert "its inbox is gone" in answer.reason
    foreign = letter.letter.model_copy(update={"stream": "{other}:raw"})
    answer = await letters.retry(Letter(letter.entry_id, foreign, None))
    assert isinstance(answer, Refused)
    assert len(desk.dead()) == 1


async def test_what_the_ledger_counted_as_rejected_by_a_stage_is_taken_back(
    desk: Desk, settings: Settings, control: Control, letters: DeadLetters
) -> None:
    await die(desk, settings, control, "reject 1", "reject 2")
    drop = article(1).drop
    key = desk.keys.buried(drop.inbox_id, int(drop.received_at.timestamp() // 86400))
    assert desk.redis.hlen(key) == 2
    await letters.retry((await found(letters))[0])
    assert desk.redis.hlen(key) == 1


async def test_letters_are_found_by_every_condition_alone_and_together(
    desk: Desk, settings: Settings, control: Control, letters: DeadLetters
) -> None:
    await die(desk, settings, control, "reject 1", "raise 2", "good 3", "raise 4")
    everything = await found(letters)
    assert [each.letter.drop.file for each in everything if each.letter.drop] == [
        f"{each.letter.drop.position}.txt" for each in everything if each.letter.drop
    ]
    now = datetime.now(UTC)

    async def files(**conditions: Any) -> list[str]:
        chosen = await found(letters, Wanted(**conditions))
        return sorted(each.letter.drop.file for each in chosen if each.letter.drop)

    every = ["1.txt", "2.txt", "4.txt"]
    assert await files() == every
    assert await files(stage="enrichment") == every
    assert await files(stage="indexer") == []
    assert await files(reason="reject") == ["1.txt"]
    assert await files(reason="valueerror") == ["2.txt", "4.txt"]
    assert await files(reason="CAN'T DO RAISE 4") == ["4.txt"]
    assert await files(source="example") == every
    assert await files(source="another wire") == []
    assert await files(file="2.t") == ["2.txt"]
    assert await files(since=now - timedelta(minutes=5)) == every
    assert await files(since=now + timedelta(minutes=5)) == []
    assert await files(until=now + timedelta(minutes=5)) == every
    assert await files(until=now - timedelta(minutes=5)) == []
    assert await files(ids=(everything[0].entry_id,)) == [every[0]]
    assert await files(ids=(str(article_id(4)).upper()[:13], "9-9")) == ["4.txt"]
    assert await files(reason="valueerror", file="2") == ["2.txt"]


async def test_what_is_no_dead_letter_on_their_stream_is_counted_and_passed_over(
    desk: Desk, settings: Settings, control: Control, letters: DeadLetters
) -> None:
    await die(desk, settings, control, "reject 1")
    desk.put(b"not one", DEAD_STREAM)
    assert len(await found(letters)) == 1
    assert letters.unreadable == 1
    assert await letters.get("not an id") is None
    assert await letters.get(desk.ids(DEAD_STREAM)[-1]) is None


async def test_many_letters_are_read_page_by_page_and_each_once(
    desk: Desk, letters: DeadLetters, settings: Settings, control: Control
) -> None:
    await die(desk, settings, control, "reject 1")
    (body,) = desk.bodies(DEAD_STREAM)
    for _ in range(119):
        desk.put(body, DEAD_STREAM)
    names = [each.entry_id for each in await found(letters)]
    assert names == desk.ids(DEAD_STREAM)
    assert len(names) == 120


async def test_a_dropped_letter_is_gone_for_good(
    desk: Desk, settings: Settings, control: Control, letters: DeadLetters
) -> None:
    await die(desk, settings, control, "reject 1")
    (letter,) = await found(letters)
    assert await letters.drop(letter)
    assert not await letters.drop(letter)
    assert await letters.retry(letter) is None
    assert len(desk.outcomes()) == 1


async def test_an_outcome_that_a_store_had_decided_before_carries_the_retry(
    desk: Desk, settings: Settings, control: Control, letters: DeadLetters
) -> None:
    """The indexer filed it and died of something else: its store answers what it had said first."""
    from services.bus.keys import INDEXER  # noqa: PLC0415
    from tests.ingest.desk_kit import outcome_for  # noqa: PLC0415

    await die(desk, settings, control, "good 1")
    refuses = True

    def file(batch: Sequence[RawArticle]) -> list[Any]:
        return [Reject("no", "never") if refuses else outcome_for(article(1)) for _ in batch]

    async with running(settings, file, INDEXER):
        await eventually(desk.dead, "it is buried")
    refuses = False
    await letters.retry((await found(letters))[0])
    async with running(settings, file, INDEXER):
        await eventually(lambda: len(desk.outcomes()) == 2, "it is filed")
    first, last = desk.outcomes()
    assert (first["outcome"], last["outcome"]) == ("rejected", "indexed")
    assert last["drop"]["retry"] | {"at": ""} == {"number": 1, "at": "", "stage": "indexer"}


async def test_nothing_but_the_retry_changes_in_an_event_with_unknown_fields() -> None:
    event = json.loads(received_event(article(1)))
    event["later"] = {"ü": [1.5, None, "\u2028"]}
    event["data"]["drop"]["more"] = 2**53
    at = datetime(2026, 3, 2, tzinfo=UTC)
    letter = letter_of(json.dumps(event).encode())
    sent = json.loads(again(letter, at) or b"")
    assert sent["data"]["drop"].pop("retry") == {
        "number": 1,
        "at": "2026-03-02T00:00:00Z",
        "stage": "enrichment",
    }
    event["data"]["drop"].pop("retry")
    assert sent == event
    plain = message_of(letter_of(b'{"data": 7}'), RAW_STREAM, at)
    assert plain.event == b'{"data": 7}'


def letter_of(raw: bytes) -> Letter:
    """A letter about the first article, with these bytes."""
    from services.bus.envelope import Event, read  # noqa: PLC0415
    from services.bus.messages import Item, burial_of, fault_of_reject  # noqa: PLC0415

    item = Item("1-0", raw, article(1), None, 1)
    burial = burial_of(ENRICHMENT, "{news}:raw", item, fault_of_reject(Reject("no", "never")))
    event = read(burial.dead_letter, DEAD)
    assert isinstance(event, Event)
    return Letter("1-0", event.payload, event.traceparent)  # type: ignore[arg-type]  # a dead letter
