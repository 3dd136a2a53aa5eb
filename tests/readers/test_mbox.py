"""Mailboxes: where a message starts, going on after any record, and files of any size."""

from __future__ import annotations

import io
import resource
import tracemalloc
from typing import TYPE_CHECKING, Any, BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.readers import mbox
from services.ingest.readers.base import (
    BadRecord,
    Limits,
    ReadArticle,
    Resume,
    Source,
    Unreadable,
)
from services.ingest.readers.mail.reader import read_message
from services.ingest.readers.mbox import MboxReader
from services.ingest.readers.registry import reader_for
from tests.readers.contract import assert_contract, attempt
from tests.readers.mail_support import BODY, HEADER, MAIL, MBOX, attachment, message, mixed, records
from tests.readers.support import source

if TYPE_CHECKING:
    from services.ingest.readers.base import Record

SAMPLE = MBOX / "list_archive_with_one_sealed_message.mbox"
POSTMARK = b"From ines@courier.example Mon Mar  4 09:15:00 2024\n"


def mailbox(*messages: bytes) -> bytes:
    return b"".join(POSTMARK + one + b"\n" for one in messages)


def read(data: bytes) -> list[Record]:
    return list(MboxReader(Limits()).read(source(data, "x.mbox")))


def bodies(data: bytes) -> list[str]:
    return [
        " ".join(record.body) if isinstance(record, ReadArticle) else record.reason
        for record in read(data)
    ]


# --- Where a message starts ---------------------------------------------------------------


def test_the_archive_of_a_list_is_read_message_by_message() -> None:
    found = records(SAMPLE.read_bytes(), "noname")
    assert [record.position for record in found] == [1, 2, 3, 4]
    assert [record.locator for record in found] == [
        *("message 1", "message 2", "message 3", "message 3!vote.txt"),
    ]
    first, sealed, third, vote = found
    assert isinstance(first, ReadArticle)
    assert first.headline == "Ferry sails again"
    assert first.provider == "Harbour news"
    assert first.body[1] == "From the quay at Tessmark the first boat leaves at six."
    assert first.info.format == "application/mbox"
    assert isinstance(sealed, BadRecord)
    assert sealed.reason == "the message is encrypted"
    assert isinstance(third, ReadArticle)
    assert third.body[1].startswith("From Monday 4 March 2024 at 10:30")
    assert vote.headline == "Eleven voices against two"


@pytest.mark.parametrize(
    "postmark",
    [
        "From ines@courier.example Mon Mar  4 09:15:00 2024",
        "From - Mon Mar 04 09:15:00 2024",
        "From 1793@xxx Mon Mar 04 09:15:00 +0000 2024",
        "From MAILER-DAEMON Mon Mar  4 09:15 2024",
        "From ines@courier.example  Mon, 4 Mar 2024 09:15:00 +0000",
        "From ines@courier.example Mon Mar  4 09:15:00 CET 2024",
    ],
)
def test_every_way_of_writing_the_postmark_parts_messages(postmark: str) -> None:
    data = (f"{postmark}\n".encode() + message() + b"\n") * 2
    assert reader_for(data, "noname", Limits()).name == "mbox"
    assert len(read(data)) == 2


@pytest.mark.parametrize(
    "line",
    [
        "From the harbour comes news.",
        "From Mon Mar  4 09:15:00 2024 on it rained",  # no blank line, no field after it
        "From Monday 4 March 2024 at 10:30 the boat is full",
    ],
)
def test_a_line_of_prose_parts_nothing(line: str) -> None:
    assert len(read(mailbox(message(f"{BODY}\n{line}\nAnd more prose.\n")))) == 1


def test_quoted_from_lines_lose_one_bracket() -> None:
    """As mboxrd asks, which also undoes mboxo's."""
    (first,) = bodies(mailbox(message("One.\n\n>From two to three.\n")))
    assert first == "One. From two to three."


def test_the_same_message_is_the_same_article_alone_and_in_a_mailbox() -> None:
    (alone,) = records(message())
    (boxed,) = read(mailbox(message()))
    assert isinstance(alone, ReadArticle)
    assert isinstance(boxed, ReadArticle)
    assert (alone.provider_id, alone.provider, alone.body, alone.headline) == (
        *(boxed.provider_id, boxed.provider, boxed.body, boxed.headline),
    )


def test_a_mailbox_without_a_postmark_is_read_as_the_one_message_it_is() -> None:
    (found,) = read(message())
    assert found.headline == "Ferry sails"


def test_text_that_says_from_is_no_mailbox() -> None:
    assert reader_for(b"From Monday the ferry sails.\n", "x.mbox", Limits()).name == "plain"


# --- Bad messages among good ones --------------------------------------------------------


def test_a_message_above_the_limit_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mbox, "MESSAGE_BYTES", 5000)
    data = mailbox(message(), message("long text " * 2000 + "\n"), message())
    first, second, third = read(data)
    assert isinstance(first, ReadArticle)
    assert isinstance(second, BadRecord)
    assert "too large for one message" in second.reason
    assert second.locator == "message 2"
    assert isinstance(third, ReadArticle)


def test_a_fault_of_ours_in_one_message_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    real = read_message

    def faulty(data: bytes, within: Source, limits: Limits) -> object:
        if b"BOOM" in data:
            raise IndexError("tuple index out of range")
        return real(data, within, limits)

    monkeypatch.setattr(mbox, "read_message", faulty)
    first, second, third = read(mailbox(message(), message("BOOM\n"), message()))
    assert isinstance(first, ReadArticle)
    assert isinstance(second, BadRecord)
    assert second.reason == "the mail reader failed: IndexError"
    assert isinstance(third, ReadArticle)


def test_an_empty_message_is_a_bad_record() -> None:
    data = mailbox(message(), b"X-Only: a field\n\n", message())
    assert [type(record) for record in read(data)] == [ReadArticle, BadRecord, ReadArticle]


def test_a_mailbox_cut_off_in_mid_message_gives_what_there_is() -> None:
    data = SAMPLE.read_bytes()
    found = read(data[: data.index(b"The vote was taken")])
    assert len(found) == 4
    assert found[3].headline == "Eleven voices against two"


# --- Going on ---------------------------------------------------------------------------


class _Pipe(io.BytesIO):
    def seekable(self) -> bool:
        return False


BIG = mailbox(
    message(),
    (MAIL / "forward_with_attachments_of_many_kinds.eml").read_bytes(),
    b"X-Only: a field\n\n",
    mixed(f"Content-Type: text/plain\n\n{BODY}", attachment(BODY.encode(), "a.txt", "text/plain")),
    message(),
)


@pytest.mark.parametrize("data", [SAMPLE.read_bytes(), BIG], ids=["sample", "big"])
@pytest.mark.parametrize("stream", [io.BytesIO, _Pipe])
def test_after_any_record_the_same_records_follow(data: bytes, stream: type[io.BytesIO]) -> None:
    def opened() -> BinaryIO:
        return stream(data)

    box = Source("x.mbox", None, opened)
    reader = MboxReader(Limits())
    whole = list(reader.read(box))
    assert_contract(whole)
    for cut in range(len(whole) + 1):
        place = Resume(cut, whole[cut - 1].checkpoint if cut else None)
        assert list(reader.resume(box, place)) == whole[cut:]


def test_what_was_read_before_is_not_parsed_again() -> None:
    """The messages before the checkpoint may be anything, as long as the bytes are there."""
    data = mailbox(message(), message(), message("The last one.\n"))
    found = read(data)
    start = data.rindex(POSTMARK)
    blanked = b"\xff" * start + data[start:]
    rest = MboxReader(Limits()).resume(source(blanked, "x"), Resume(2, found[1].checkpoint))
    assert list(rest) == found[2:]


def test_the_message_that_brings_the_reader_down_is_refused_and_the_next_is_read() -> None:
    data = mailbox(message(), message("killer\n"), message())
    found = read(data)
    resume = Resume(1, found[0].checkpoint, refuse="the reader died here")
    refused, third = MboxReader(Limits()).resume(source(data, "x"), resume)
    assert isinstance(refused, BadRecord)
    assert (refused.position, refused.reason) == (2, "the reader died here")
    assert refused.locator == "message 2"
    assert third == found[2]
    again = MboxReader(Limits()).resume(source(data, "x"), Resume(2, refused.checkpoint))
    assert list(again) == [third]


def test_the_first_message_can_be_refused() -> None:
    data = mailbox(message("killer\n"), message())
    resume = Resume(0, None, refuse="the reader died here")
    refused, second = MboxReader(Limits()).resume(source(data, "x"), resume)
    assert (refused.position, refused.locator) == (1, "message 1")
    assert second == read(data)[1]


def test_within_a_message_its_rest_is_refused() -> None:
    found = read(BIG)
    inside = next(r for r in found if r.locator == "message 2!council.eml")
    resume = Resume(inside.position, inside.checkpoint, refuse="the reader died here")
    rest = list(MboxReader(Limits()).resume(source(BIG, "x"), resume))
    assert (rest[0].locator, rest[0].position) == ("message 2", inside.position + 1)
    assert [r.locator for r in rest[1:]] == [r.locator for r in found if r.locator >= "message 3"]


@pytest.mark.parametrize("checkpoint", ["", "x", "1:2", "1:2:x", "-1:2:3", "line 7"])
def test_a_checkpoint_of_another_reader_is_refused(checkpoint: str) -> None:
    with pytest.raises(Unreadable, match="no place in a mailbox"):
        list(MboxReader(Limits()).resume(source(BIG, "x"), Resume(1, checkpoint)))


# --- Size -------------------------------------------------------------------------------


class _Repeated(io.RawIOBase):
    """A mailbox of ``count`` times the same message, made as it is read."""

    def __init__(self, unit: bytes, count: int) -> None:
        self._unit, self._left, self._rest = unit, count, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest and self._left:
            self._rest, self._left = self._unit, self._left - 1
        piece = self._rest[: len(buffer)]
        self._rest = self._rest[len(piece) :]
        buffer[: len(piece)] = piece
        return len(piece)


def repeated(unit: bytes, count: int) -> Source:
    def opened() -> BinaryIO:
        return io.BufferedReader(_Repeated(unit, count))

    return Source("x.mbox", None, opened)


def test_memory_stays_flat_while_a_large_mailbox_passes() -> None:
    unit = mailbox(message(f"{BODY}\n" * 20)) * 10
    tracemalloc.start()
    try:
        reader = MboxReader(Limits())
        count = sum(1 for _ in reader.read(repeated(unit, 60)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 600
    assert peak < len(unit) * 60 / 2


def test_one_line_of_half_a_gigabyte_is_a_bad_record_in_flat_memory() -> None:
    line = b"a" * (1024 * 1024)
    head = POSTMARK + HEADER.encode() + b"\n"

    class Long(_Repeated):
        def __init__(self) -> None:
            super().__init__(line, 500)
            self._rest = head

    def opened() -> BinaryIO:
        return io.BufferedReader(Long())

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (found,) = MboxReader(Limits()).read(Source("x.mbox", None, opened))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert isinstance(found, BadRecord)
    assert str(len(head) + 500 * len(line)) in found.reason
    assert grown < 200 * 1024  # kilobytes


# --- Fuzz -------------------------------------------------------------------------------


@given(
    base=st.sampled_from((SAMPLE.read_bytes(), BIG)),
    cuts=st.lists(st.tuples(st.integers(0, 9000), st.binary(max_size=12)), max_size=8),
)
@settings(deadline=None, max_examples=100)
def test_damaged_mailboxes_give_articles_or_a_refusal(
    base: bytes, cuts: list[tuple[int, bytes]]
) -> None:
    for at, junk in cuts:
        base = base[:at] + junk + base[at + len(junk) // 2 :]
    assert_contract(attempt(MboxReader(Limits()), source(base, "x.mbox")))


@given(st.lists(st.sampled_from((POSTMARK, b"\n", b"\r\n", b"A: b\n", b"text\n", b">From x\n",
                                 b"From \n", b"Subject: x\n", b"\n" + POSTMARK + b"B: c\n"))),
       st.integers(0, 20))  # fmt: skip
@settings(deadline=None, max_examples=200)
def test_going_on_is_sound_for_any_mailbox(lines: list[bytes], cut: int) -> None:
    data = POSTMARK + b"A: b\n" + b"".join(lines)
    whole = read(data)
    cut = min(cut, len(whole))
    place = Resume(cut, whole[cut - 1].checkpoint if cut else None)
    assert list(MboxReader(Limits()).resume(source(data, "x.mbox"), place)) == whole[cut:]
