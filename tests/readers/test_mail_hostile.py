"""Mail from people who mean harm, or whose programs are broken: bounds, refusals, no crash."""

from __future__ import annotations

import io
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.ingest.readers.base import BadRecord, Limits, ReadArticle, Source, Unreadable
from services.ingest.readers.mail import mime
from services.ingest.readers.mail.reader import MESSAGE_BYTES, MailReader
from tests.readers.contract import assert_contract, attempt
from tests.readers.mail_support import BODY, HEADER, MAIL, article, message, mixed, records
from tests.readers.support import source

if TYPE_CHECKING:
    from typing import BinaryIO

SAMPLES = tuple(path.read_bytes() for path in sorted(MAIL.iterdir()))
SECONDS = 10.0
"""Of processor time: each of these takes well under two on a busy machine."""


def timed(data: bytes) -> list[ReadArticle | BadRecord] | str:
    started = time.process_time()
    found = attempt(MailReader(Limits()), source(data, "x.eml"))
    assert time.process_time() - started < SECONDS
    assert_contract(found)
    return found


# --- Bombs --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        "".join(f"X-{n}: y\n" for n in range(10_000)),
        "X-Long: " + "a" * 1_000_000 + "\n",
        "Subject: " + "=?utf-8?Q?a?= " * 70_000 + "\n",
        "From: " + "(" * 500_000 + "\n",
        "From: " + "a@b, " * 200_000 + "\n",
        "Content-Type: multipart/mixed" + '; a="b"' * 100_000 + "; boundary=b\n",
        "Content-Type: text/plain; " + "name*0*=a; " * 50_000 + "\n",
        "Content-Type: text/plain; charset*=" + "'" * 100_000 + "\n",
        "Date: " + "1 " * 400_000 + "\n",
        "Received: " + "\n by x;" * 100_000 + "\n",
        "Message-ID: <" + "a" * 900_000 + ">\n",
        "Keywords: " + ",k" * 300_000 + "\n",
    ],
    ids=lambda fields: fields[:24],
)
def test_a_megabyte_of_header_is_read_in_seconds(fields: str) -> None:
    header = HEADER.replace("From", "X-From") if fields.startswith("From") else HEADER
    found = timed(message(fields=fields, header=header))
    assert not isinstance(found, str)


def test_multiparts_nested_by_the_thousand_end_at_a_depth() -> None:
    levels = 5000
    head = "".join(
        f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(levels)
    )
    found = timed((HEADER + "Subject: Ferry\n" + head + f"\n{BODY}").encode())
    assert not isinstance(found, str)
    first = found[0]
    assert isinstance(first, ReadArticle)
    assert any(f"more than {mime.MAX_DEPTH} deep" in note for note in first.info.warnings)


def test_a_million_parts_end_at_a_number() -> None:
    fields = "Subject: Ferry\nContent-Type: multipart/mixed; boundary=b\n"
    found = timed(message("--b\n\nx\n" * 1_000_000, fields))
    assert not isinstance(found, str)
    first = found[0]
    assert isinstance(first, ReadArticle)
    assert any(f"more than {mime.MAX_PARTS} parts" in note for note in first.info.warnings)


def test_alternatives_by_the_hundred_are_one_text() -> None:
    part = "Content-Type: text/html\n\n<p>The ferry sails again.</p>\n"
    found = timed(mixed(*[part] * 900, kind="alternative"))
    assert not isinstance(found, str)
    assert isinstance(found[0], ReadArticle)
    assert found[0].body == ("The ferry sails again.",)


def test_html_nested_by_the_hundred_thousand_is_read() -> None:
    fields = "Subject: Ferry\nContent-Type: text/html\n"
    found = timed(message("<div>" * 100_000 + "The ferry sails.", fields))
    assert not isinstance(found, str)
    assert isinstance(found[0], ReadArticle)
    assert found[0].body == ("The ferry sails.",)


@pytest.mark.parametrize(
    "body",
    ["-" * 5_000_000, "> " * 2_000_000, "--b" * 1_000_000, "-- \n" * 900_000, " \n" * 3_000_000,
     "On wrote:\n" * 300_000, "--" + " " * 250 + "x\n", ">From \n" * 500_000],
    ids=lambda body: repr(body[:10]),
)  # fmt: skip
def test_megabytes_of_one_sign_take_seconds(body: str) -> None:
    timed(message(body, "Subject: Ferry\n"))
    timed(message(body, "Subject: Ferry\nContent-Type: multipart/mixed; boundary=b\n"))


def test_a_message_above_the_limit_is_refused_with_both_sizes() -> None:
    data = bytes(MESSAGE_BYTES + 1)

    def endless() -> BinaryIO:
        return io.BytesIO(data)

    with pytest.raises(Unreadable, match="too large") as refusal:
        list(MailReader(Limits()).read(Source("x.eml", 99_000_000, endless)))
    assert "99000000 bytes" in refusal.value.reason
    assert str(MESSAGE_BYTES) in refusal.value.reason


# --- Broken mail ----------------------------------------------------------------------------


def test_a_multipart_without_its_boundary_is_read_by_the_first_line_like_one() -> None:
    body = "--zzz\nContent-Type: text/plain\n\nThe ferry sails.\n--zzz--\n"
    found = article(message(body, "Subject: Ferry\nContent-Type: multipart/mixed\n"))
    assert found.body == ("The ferry sails.",)
    assert any("without a boundary" in note for note in found.info.warnings)


def test_a_multipart_that_has_no_parts_at_all_is_read_as_text() -> None:
    found = article(message(BODY, "Subject: Ferry\nContent-Type: multipart/mixed\n"))
    assert len(found.body) == 2


def test_a_message_cut_off_within_a_part_is_read_as_far_as_it_goes() -> None:
    whole = (MAIL / "newsletter_html_with_plain_alternative.eml").read_bytes()
    found = article(whole[: whole.index(b"Also this morning")])
    assert found.body[0].startswith("Engineers opened")
    assert any("cut off" in note for note in found.info.warnings)


@pytest.mark.parametrize(
    ("encoded", "text"),
    [
        ("VGhlIGZlcnJ5IHNhaWxzLg==", "The ferry sails."),
        ("VGhl IGZl\x00cnJ5*IHNhaWxzLg", "The ferry sails."),
        ("VGhlIGZlcnJ5IHNhaWxzLgA", "The ferry sails."),
        ("VGhlIGZlcnJ5IHNhaWxzL", "The ferry sails"),
    ],
)
def test_broken_base64_gives_what_can_be_decoded(encoded: str, text: str) -> None:
    fields = "Subject: x\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n"
    assert article(message(encoded, fields)).body == (text,)


def test_an_unknown_transfer_encoding_is_said() -> None:
    found = article(message(BODY, "Subject: x\nContent-Transfer-Encoding: rot13\n"))
    assert "transfer encoding 'rot13' isn't known: taken as it stands" in found.info.warnings


def test_a_line_wrapped_without_indent_does_not_end_the_header() -> None:
    found = article(message(fields="X-Long: starts here\nand goes on here\nSubject: Ferry\n"))
    assert found.headline == "Ferry"


def test_signs_that_nobody_sees_are_gone() -> None:
    body = "The \x00ferry \x1b[31msails\u202e again"
    found = timed(message(body, "Subject: Fer\x00ry \x07sails\n"))
    assert not isinstance(found, str)
    assert found[0].headline == "Ferry sails"


def test_a_lone_surrogate_makes_an_encoding_that_is_said_to_be_guessed() -> None:
    found = article(message("The ferry \ud800".encode("utf-8", "surrogatepass")))
    assert any("encoding not declared" in note for note in found.info.warnings)


def test_a_text_in_no_encoding_is_refused_saying_where() -> None:
    body = "Déjà vu, voilà l’été à la mer, où êtes-vous\n".encode() * 5 + b"\xff\xfe\xfd"
    with pytest.raises(Unreadable, match="not valid UTF-8 at byte"):
        records(message(body))


def test_windows_line_ends_and_old_ones_read_alike() -> None:
    data = (MAIL / "forward_with_attachments_of_many_kinds.eml").read_bytes()
    unix, windows = records(data), records(data.replace(b"\n", b"\r\n"))
    assert [r.headline for r in unix] == [r.headline for r in windows]
    first, second = unix[0], windows[0]
    assert isinstance(first, ReadArticle)
    assert isinstance(second, ReadArticle)
    assert asdict(first) == asdict(second)


def test_a_stream_that_cannot_seek_and_has_no_size_is_read() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    data = SAMPLES[1]
    found = list(MailReader(Limits()).read(Source("x.eml", None, lambda: Pipe(data))))
    assert found == list(MailReader(Limits()).read(source(data, "x.eml")))


# --- Fuzz -------------------------------------------------------------------------------


@given(
    base=st.sampled_from(SAMPLES),
    cuts=st.lists(st.tuples(st.integers(0, 6000), st.binary(max_size=12)), max_size=8),
)
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_damaged_messages_give_articles_or_a_refusal(
    base: bytes, cuts: list[tuple[int, bytes]]
) -> None:
    for at, junk in cuts:
        base = base[:at] + junk + base[at + len(junk) // 2 :]
    assert_contract(attempt(MailReader(Limits()), source(base, "x.eml")))


_NAMES = ("From", "Subject", "Date", "Content-Type", "Content-Disposition", "Message-ID", "List-Id",
          "Content-Transfer-Encoding", "Content-Language", "Keywords", "Archived-At")  # fmt: skip
_WORDS = ("=?utf-8?Q?", "?=", "=?x?B?", '"', "\\", "(", ")", "<", ">", "@", ";", "*0*=",
          "boundary=", "b", "multipart/mixed", "charset=", "utf-7", "''", "%",
          "name*=", "-0000", "\x00",
          "\n ", "é", "base64", "message/rfc822", "99999999999999999999", ":", ",")  # fmt: skip


@given(
    st.lists(st.tuples(st.sampled_from(_NAMES), st.lists(st.sampled_from(_WORDS), max_size=9))),
    st.lists(st.sampled_from(("--b\n", "--b--\n", "\n", "text\n", "Content-Type: text/html\n"))),
)
@settings(deadline=None, max_examples=300)
def test_headers_of_odd_words_give_articles_or_a_refusal(
    fields: list[tuple[str, list[str]]], body: list[str]
) -> None:
    head = "".join(f"{name}: {''.join(words)}\n" for name, words in fields)
    data = (head + "\n" + "".join(body)).encode()
    assert_contract(attempt(MailReader(Limits()), source(data, "x.eml")))
