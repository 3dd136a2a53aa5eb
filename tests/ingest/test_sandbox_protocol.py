"""Frames: whole in any pieces, nothing taken that isn't a message, whatever comes."""

from __future__ import annotations

import json
import struct
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.article import Picture, Place, ReaderInfo, Rights, SourceLine, Subject
from services.ingest.readers.base import BadRecord, FieldMap, Limits, ReadArticle, Resume
from services.ingest.sandbox.protocol import (
    FRAME_BYTES,
    Advance,
    BrokenFrame,
    Failure,
    Finished,
    Frames,
    Leave,
    OutOfMemory,
    Ready,
    Refusal,
    Request,
    TooLarge,
    orders,
    pack,
)

MOMENT = datetime(2024, 2, 4, 9, 30, tzinfo=UTC)
ARTICLE = ReadArticle(
    position=7,
    headline="Ferry sails again 🚢",
    body=("One.", 'Two "quoted" \\u0000 and \x1b.'),
    info=ReaderInfo(
        name="plain", version="2", format="text/plain", encoding="utf-8", warnings=("w",)
    ),
    standfirst="After eleven days.",
    authors=("Ines Varga", "Tom van der Berg"),
    byline="By Ines Varga",
    dateline="TROMSØ, Norway (AP)",
    published_at=MOMENT,
    updated_at=MOMENT + timedelta(microseconds=1),
    embargoed_until=MOMENT + timedelta(days=1),
    language="nb-NO",
    set_apart=(SourceLine(kind="promo", text="Sign up", line=3),),
    credits=("Ines Varga/AP",),
    url="https://courier.example/ferry",
    provider="Valley Courier",
    provider_id="urn:x:1",
    version=3,
    withdrawn=True,
    extent="excerpt",
    urgency=4,
    rights=Rights(holder="Courier", notice="© 2024", usage_terms="none"),
    subjects=(Subject(code="medtop:11000000", name="politics", scheme="medtop"),),
    keywords=("ferry",),
    section="World",
    places=(Place(name="Tromsø", code="geo:1", scheme="geo"),),
    pictures=(Picture(caption="The ferry", credit="Varga", url="https://courier.example/1.jpg"),),
    locator="line 7",
    checkpoint="1234",
)
MESSAGES = (
    Ready(7),
    ARTICLE,
    BadRecord(8, "no text", "Add it.", "line 8", "A headline", "1300"),
    Advance(10, 2**40),
    Finished(),
    OutOfMemory(),
    Refusal("no", "Drop it again.", "Traceback …"),
    Refusal("no", "Drop it again."),
    Failure(5, "Input/output error"),
    Failure(None, "changed"),
)
REQUEST = Request(
    "story.txt",
    None,
    123,
    Limits(field_maps=(FieldMap("mine", (("body", "a.b"),)),)),
    Resume(3, "c", "it hung"),
)


def taken(data: bytes, frames: Frames | None = None) -> list[Any]:
    frames = frames or Frames()
    frames.feed(data)
    found = []
    while (message := frames.take()) is not None:
        found.append(message[0])
    return found


def frame(kind: int, payload: bytes) -> bytes:
    return struct.pack("!IB", len(payload), kind) + payload


def article_json(**changes: Any) -> bytes:
    document = json.loads(pack(ARTICLE)[5:])
    return json.dumps({**document, **changes}).encode()


def test_the_example_fills_every_field() -> None:
    """So that a field added to the contract is seen to cross."""
    empty = ReadArticle(1, None, (), ARTICLE.info)
    for field in fields(ReadArticle):
        if field.name != "info":
            assert getattr(ARTICLE, field.name) != getattr(empty, field.name), field.name


@given(st.lists(st.integers(1, 400), max_size=30))
def test_messages_are_put_together_from_pieces_of_any_size(sizes: list[int]) -> None:
    data = b"".join(pack(message) for message in MESSAGES)
    frames, found, at = Frames(), [], 0
    for size in [*sizes, len(data)]:
        frames.feed(data[at : at + size])
        at += size
        while (message := frames.take()) is not None:
            found.append(message[0])
    assert tuple(found) == MESSAGES
    assert frames.is_empty()


def test_an_order_crosses_whole() -> None:
    assert taken(pack(REQUEST) + pack(Leave()), orders()) == [REQUEST, Leave()]


def test_times_of_any_zone_are_the_same_moment() -> None:
    zone = timezone(timedelta(hours=5, minutes=30))
    (article,) = taken(pack(replace(ARTICLE, published_at=MOMENT.astimezone(zone))))
    assert article == ARTICLE


@pytest.mark.parametrize(
    "changes",
    [
        {"published_at": "2024-02-04T09:30:00"},
        {"published_at": "yesterday"},
        {"position": "first"},
        {"body": "not a list"},
        {"body": [1]},
        {"extent": "half"},
        {"info": None},
        {"set_apart": [{"kind": "joke", "text": "x", "line": 1}]},
        {"headline": "a \x00"},
        {"subjects": [{"name": "a \x00"}]},
        {"subjects": [{"extra \x00": "x"}]},
    ],
)
def test_an_article_that_is_none_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BrokenFrame):
        taken(frame(1, article_json(**changes)))


@pytest.mark.parametrize("text", ["\\u0000", "\\\\u0000", "u0000"])
def test_what_only_looks_like_a_nul_is_text(text: str) -> None:
    assert taken(pack(replace(ARTICLE, headline=text)))[0].headline == text


def test_a_lone_surrogate_neither_leaves_nor_arrives() -> None:
    with pytest.raises(ValueError, match="surrogate"):
        pack(replace(ARTICLE, headline="a \udcff"))
    with pytest.raises(BrokenFrame):
        taken(frame(1, article_json(headline="a \udcff")))


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("!IB", FRAME_BYTES + 1, 1),
        frame(200, b"{}"),
        frame(8, pack(REQUEST)[5:]),
        frame(9, b"{}"),
        frame(3, b'{"offset": -1, "total": 0}'),
        frame(3, b'{"offset": 99999999999999999999, "total": 0}'),
        frame(0, b""),
        frame(0, b"[]"),
        frame(1, b"[" * 100_000),
        frame(8, b"\xff"),
    ],
)
def test_what_is_no_message_of_a_reading_process_is_refused(data: bytes) -> None:
    with pytest.raises(BrokenFrame):
        taken(data)


@given(st.binary(max_size=200))
def test_any_bytes_give_messages_or_a_broken_frame(data: bytes) -> None:
    try:
        found = taken(data)
    except BrokenFrame:
        return
    assert {type(message) for message in found} <= {type(message) for message in MESSAGES}


@given(st.integers(0, 7), st.binary(max_size=60))
def test_any_payload_gives_a_message_or_a_broken_frame(kind: int, payload: bytes) -> None:
    try:
        (message,) = taken(frame(kind, payload))
    except BrokenFrame:
        return
    assert taken(pack(message)) == [message]


def test_an_announced_length_is_not_reserved() -> None:
    """A long frame that never comes costs nothing."""
    frames = Frames()
    frames.feed(struct.pack("!IB", FRAME_BYTES, 1))
    assert frames.take() is None
    assert len(frames._data) == 5


def test_a_message_beyond_the_limit_is_not_sent() -> None:
    with pytest.raises(TooLarge, match=f"the limit is {FRAME_BYTES}"):
        pack(replace(ARTICLE, body=("x" * FRAME_BYTES,)))
