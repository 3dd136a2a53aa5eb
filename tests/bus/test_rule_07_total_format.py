"""Rule 7: the message format is total: any bytes are carried, read and, if need be, buried."""

from __future__ import annotations

import asyncio
import json
import math
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from faststream._internal._compat import json_loads
from hypothesis import HealthCheck, example, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from schemas.article import RawArticle
from schemas.events import EVENT_TYPES, FILED, RECEIVED
from services.bus import envelope
from services.bus.envelope import MAX_DEPTH, Event, TotalFormat, Unreadable, bytes_of, read
from services.bus.errors import Reject
from services.bus.keys import DATA_FIELD, ENRICHED_STREAM, RAW_STREAM
from services.bus.messages import REASON_CHARS
from services.bus.publisher import received_event
from tests.bus.desk import (
    Desk,
    article,
    articles,
    changed,
    enrich,
    enrich_all,
    eventually,
    original,
    publish,
    running,
)
from tests.factories import article_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.article import EnrichedArticle
    from schemas.events import EventType
    from services.settings import Settings

GOOD = received_event(article(1))


def nested(depth: int, opening: str = "[", closing: str = "]") -> bytes:
    return (opening * depth + closing * depth).encode()


def event_with(**fields: Any) -> bytes:
    """The good event with fields of its envelope replaced."""
    return json.dumps(json.loads(GOOD) | fields).encode()


def data_with(**fields: Any) -> bytes:
    """The good event with fields of its data replaced."""
    document = json.loads(GOOD)
    document["data"] |= fields
    return json.dumps(document).encode()


HOSTILE = {
    "empty": b"",
    "bytes": b"\xff\xfe\x00 not text",
    "half an event": GOOD[: len(GOOD) // 2],
    "NaN": b'{"type": NaN}',
    "infinity": data_with(revision=math.inf),
    "lone surrogate as escape": b'{"type": "\\ud800"}',
    "lone surrogate in UTF-8": b'{"type": "\xed\xa0\x80"}',
    "a number": b"12",
    "a list": b"[]",
    "null": b"null",
    "no type": b"{}",
    "type is a list": event_with(type=[]),
    "type is an object": event_with(type={"a": 1}),
    "type is long": event_with(type="x" * 1_000_000),
    "unknown type": event_with(type="com.example.thing.v1"),
    "another stream's type": event_with(type="wiredesk.article.filed.v1"),
    "data is missing": json.dumps({"type": RECEIVED.full_name}).encode(),
    "data is a list": event_with(data=[]),
    "nested 500 deep": nested(500),
    "nested 100000 deep": nested(100_000),
    "objects nested 500 deep": b'{"a":' * 500 + b"1" + b"}" * 500,
    "unknown field nested 900 deep": GOOD[:-1] + b',"x":' + nested(900) + b"}",
    "field nested as deep as can't be written": GOOD.replace(
        b'"data":{', b'"data":{"x":' + nested(300) + b","
    ),
    "drop nested as deep as can't be written": GOOD.replace(
        b'"drop":{', b'"drop":{"x":' + nested(300) + b","
    ),
    "huge number": GOOD.replace(b'"revision":', b'"revision":' + b"9" * 400),
    "NUL": b"\x00" * 100,
    "bom": b"\xef\xbb\xbf" + GOOD,
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_bytes_are_read_as_unreadable_with_a_reason(raw: bytes) -> None:
    reading = read(raw, RECEIVED)
    assert isinstance(reading, Unreadable)
    assert reading.reason


@given(st.binary())
def test_any_bytes_are_carried_unchanged(raw: bytes) -> None:
    assert bytes_of({DATA_FIELD.encode(): raw}) == raw


@given(st.one_of(st.binary(), st.dictionaries(st.binary(), st.binary(), max_size=3)))
def test_the_library_s_parser_gets_nothing_that_it_could_fail_on(data: Any) -> None:
    body, headers = TotalFormat.parse(data)
    assert (json_loads(body), headers) == (None, {})


@given(st.dictionaries(st.binary(), st.binary(), max_size=5))
def test_an_entry_without_the_data_field_is_carried_as_json_of_its_fields(
    fields: dict[bytes, bytes],
) -> None:
    fields.pop(DATA_FIELD.encode(), None)
    shown = orjson.loads(bytes_of(fields))
    assert shown == {
        key.decode("latin-1"): value.decode("latin-1") for key, value in fields.items()
    }


@given(st.binary(), st.sampled_from(EVENT_TYPES))
@example(b"\xed\xa0\x80", RECEIVED)
@example(nested(500), RECEIVED)
@example(nested(100_000), RECEIVED)
def test_reading_never_raises_on_bytes(raw: bytes, expected: EventType) -> None:
    assert isinstance(read(raw, expected), Unreadable)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(JSON_VALUES, st.sampled_from(EVENT_TYPES))
def test_reading_never_raises_on_json(document: object, expected: EventType) -> None:
    """With NaN and with lone surrogates, as ``json.dumps`` writes them."""
    assert isinstance(read(json.dumps(document).encode(), expected), Unreadable)


@given(field=st.sampled_from(sorted(json.loads(GOOD))), value=JSON_VALUES)
@effort(max_examples=200)
def test_an_event_with_one_wild_field_is_read_or_not_but_raises_nothing(
    field: str, value: object
) -> None:
    assert isinstance(read(event_with(**{field: value}), RECEIVED), Event | Unreadable)


@given(field=st.sampled_from(sorted(json.loads(GOOD)["data"])), value=JSON_VALUES)
@effort(max_examples=200)
def test_an_article_with_one_wild_field_is_read_or_not_but_raises_nothing(
    field: str, value: object
) -> None:
    reading = read(data_with(**{field: value}), RECEIVED)
    assert isinstance(reading, Event | Unreadable)


@given(field=st.sampled_from(sorted([*json.loads(GOOD)["data"], "new"])), value=JSON_VALUES)
@example("new", math.nan)
@example("new", math.inf)
@example("new", "\ud800")
@example("new", json.loads(nested(MAX_DEPTH - 2)))
@example("new", json.loads(nested(MAX_DEPTH - 1)))
@effort(max_examples=200)
def test_what_is_read_at_once_is_what_a_closer_look_reads(field: str, value: object) -> None:
    """The quick way exists for speed alone: it accepts nothing else, and nothing differently."""
    raw = data_with(**{field: value})
    quick, close = envelope._read_at_once(raw, RECEIVED), envelope._read_closely(raw, RECEIVED)
    assert quick is None or quick == close


def test_a_number_that_is_too_large_costs_its_unknown_field_and_not_the_article() -> None:
    reading = read(GOOD.replace(b'"data":{', b'"data":{"new":1e999,'), RECEIVED)
    assert isinstance(reading, Event)
    assert isinstance(reading.payload, RawArticle)
    again = json.loads(received_event(reading.payload), parse_constant=pytest.fail)
    assert again["data"]["new"] is None


@pytest.mark.parametrize("hidden", [1, MAX_DEPTH, 190, 250])
def test_levels_that_texts_hide_are_read_only_if_they_can_be_written(hidden: int) -> None:
    """``["]",["]",… 1 ,"["],"["]``: to whoever counts brackets alone, one level after the other."""
    deep = '["]",' * hidden + "1" + ',"["]' * hidden
    reading = read(GOOD.replace(b'"data":{', f'"data":{{"new":{deep},'.encode()), RECEIVED)
    if isinstance(reading, Event):
        assert isinstance(reading.payload, RawArticle)
        assert isinstance(read(received_event(reading.payload), RECEIVED), Event)
    else:
        assert hidden > MAX_DEPTH - 2


def test_unbalanced_brackets_in_a_text_are_no_obstacle() -> None:
    assert isinstance(read(data_with(headline="a ] b { c"), RECEIVED), Event)


def test_an_event_with_many_brackets_is_read_at_once_too() -> None:
    raw = data_with(new=[[number] for number in range(1000)])
    assert isinstance(envelope._read_at_once(raw, RECEIVED), Event)


def test_a_plain_event_is_read_at_once() -> None:
    assert isinstance(envelope._read_at_once(GOOD, RECEIVED), Event)
    assert envelope._read_at_once(GOOD, FILED) is None


def test_a_deep_event_that_can_be_read_can_be_written_too() -> None:
    def read_at(depth: int) -> Event | Unreadable:
        return read(GOOD.replace(b'"data":{', b'"data":{"x":' + nested(depth) + b","), RECEIVED)

    deepest = read_at(MAX_DEPTH - 2)  # the event and its data are the first two levels
    assert isinstance(deepest, Event)
    assert deepest.payload.model_dump_json()
    assert isinstance(read_at(MAX_DEPTH - 1), Unreadable)


def test_a_reason_quotes_little_of_what_is_wrong() -> None:
    reading = read(HOSTILE["type is long"], RECEIVED)
    assert isinstance(reading, Unreadable)
    assert len(reading.reason) < 300


@pytest.mark.anyio
async def test_garbage_among_good_articles_is_buried_whole_and_the_others_cross(
    desk: Desk, settings: Settings
) -> None:
    wild = list(HOSTILE.values())
    for number, raw in enumerate(wild, start=1):
        desk.put(raw)
        await publish(settings, article(number))
    async with running(settings, enrich_all):
        await eventually(desk.settled, "everything is dealt with")
    assert len(desk.enriched()) == len(wild)
    letters = desk.dead()
    assert [original(letter) for letter in letters] == wild
    assert {letter["error_type"] for letter in letters} == {"Unreadable"}
    assert all(letter["error_message"] for letter in letters)


@pytest.mark.anyio
async def test_an_entry_with_other_fields_is_buried_with_what_it_held(
    desk: Desk, settings: Settings
) -> None:
    await publish(settings, article(1))
    desk.redis.xadd(desk.keys.stream(RAW_STREAM), {"colour": "gr\u00fcn", b"\xff": b"\x00\xfe"})
    await publish(settings, article(2))
    async with running(settings, enrich_all):
        await eventually(desk.settled, "everything is dealt with")
    assert desk.enriched() == ["good 1", "good 2"]
    (letter,) = desk.dead()
    shown = json.loads(original(letter))
    assert shown["colour"].encode("latin-1").decode() == "gr\u00fcn"
    assert shown["\xff"] == "\x00\xfe"


@pytest.mark.anyio
async def test_a_newer_major_version_is_parked_and_its_article_told_rejected(
    desk: Desk, settings: Settings
) -> None:
    """Never dropped: whoever dropped the file gets a receipt, and the bytes are kept."""
    newer = json.loads(event_with(type="wiredesk.article.received.v2"))
    newer["data"]["shape"] = {"of": "things to come"}
    raw = json.dumps(newer).encode()
    desk.put(raw)
    async with running(settings, enrich_all):
        await eventually(desk.settled, "it is dealt with")
    (letter,) = desk.dead()
    assert original(letter) == raw
    assert "unknown major version: wiredesk.article.received.v2" in letter["error_message"]
    assert letter["drop"]["file"] == "1.txt"
    (outcome,) = desk.outcomes()
    assert outcome["outcome"] == "rejected"
    assert outcome["article_id"] == str(article_id(1))
    assert outcome["reason"] == letter["error_message"]


@pytest.mark.anyio
@pytest.mark.parametrize("revision", [-1, 2**53, 2**64 - 1, 1e300, "x", None, [], {"a": 1}])
async def test_a_message_with_an_impossible_revision_is_buried_and_told(
    desk: Desk, settings: Settings, revision: object
) -> None:
    """What is wrong with the message must not make its burial impossible too."""
    desk.put(data_with(revision=revision))
    async with running(settings, enrich_all) as stage:
        await eventually(desk.dead, "it is buried")
        assert stage.facts.fatal is None
    (outcome,) = desk.outcomes()
    assert (outcome["outcome"], outcome["revision"]) == ("rejected", 0)


@pytest.mark.anyio
async def test_fields_that_this_release_does_not_know_are_kept_when_forwarded(
    desk: Desk, settings: Settings
) -> None:
    document = json.loads(GOOD)
    document["data"]["mood"] = "calm"
    document["data"]["drop"]["desk"] = {"floor": 3}
    desk.put(json.dumps(document).encode())
    async with running(settings, enrich_all):
        await eventually(desk.enriched, "it goes on")
    (event,) = desk.events(ENRICHED_STREAM)
    assert event["data"]["mood"] == "calm"
    assert event["data"]["drop"]["desk"] == {"floor": 3}


@pytest.mark.anyio
async def test_a_result_that_cannot_be_written_counts_as_a_failed_attempt(
    desk: Desk, settings: Settings
) -> None:
    """An annotator that makes a lone surrogate must not end the process for ever."""

    def wild(batch: Sequence[RawArticle]) -> list[EnrichedArticle]:
        return [
            enrich(raw).model_copy(update={"dateline": "\ud800"} if raw.headline == "wild" else {})
            for raw in batch
        ]

    await publish(settings, *articles("good 1", "wild", "good 3"))
    async with running(changed(settings, claim_after=0.1, max_attempts=2), wild) as stage:
        await eventually(desk.settled, "everything is dealt with")
        assert stage.facts.fatal is None
    assert desk.enriched() == ["good 1", "good 3"]
    assert [letter["drop"]["file"] for letter in desk.dead()] == ["2.txt"]


@pytest.mark.anyio
async def test_a_reason_that_cannot_be_written_is_written_with_escapes_and_cut(
    desk: Desk, settings: Settings
) -> None:
    """Undecodable file names in an error's text hold lone surrogates."""

    def angry(batch: Sequence[RawArticle]) -> list[Reject]:
        if batch[0].headline == "raise":
            raise ValueError("caf\udce9 " + "x" * 100_000)
        return [Reject("caf\udce9 " + "x" * 100_000, "rename \udce9") for _ in batch]

    await publish(settings, *articles("raise", "reject"))
    quick = changed(settings, claim_after=0.1, max_attempts=2, batch_size=1)
    async with running(quick, angry) as stage:
        await eventually(desk.settled, "both are buried")
        assert stage.facts.fatal is None
    assert len(desk.dead()) == len(desk.outcomes()) == 2
    for outcome in desk.outcomes():
        assert r"caf\udce9 xxx" in outcome["reason"]
        assert len(outcome["reason"]) == REASON_CHARS


@given(raw=st.binary(max_size=40))
@effort(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_is_on_the_stream_ends_as_a_dead_letter(
    desk: Desk, settings: Settings, raw: bytes
) -> None:
    async def run() -> None:
        desk.put(raw)
        async with running(changed(settings, poll_interval=10), enrich_all):
            await eventually(desk.settled, "it is buried")

    desk.forget()
    asyncio.run(run())
    assert [original(letter) for letter in desk.dead()] == [raw]


@pytest.mark.anyio
async def test_the_format_encodes_bytes_as_they_are_and_the_rest_as_json() -> None:
    assert await TotalFormat.encode(message=b"\xff") == b"\xff"
    assert await TotalFormat.encode(message={"a": "\u00fc"}) == '{"a":"\u00fc"}'.encode()


@pytest.mark.anyio
async def test_a_foreign_message_about_an_article_on_its_way_is_kept_and_tells_no_outcome(
    desk: Desk, settings: Settings
) -> None:
    """The article gets its one outcome from its own message; the bytes are parked all the same."""
    foreign = event_with(type="wiredesk.article.received.v9")
    await publish(settings, article(1))
    desk.put(foreign)
    async with running(settings, enrich_all):
        await eventually(desk.settled, "both are dealt with")
    assert desk.enriched() == ["good 1"]
    assert [original(letter) for letter in desk.dead()] == [foreign]
    assert desk.outcomes() == []
