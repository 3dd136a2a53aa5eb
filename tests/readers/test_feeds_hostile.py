"""Feeds that are large, cut, or made to do harm: articles or a typed error, in bounded time."""

from __future__ import annotations

import io
import socket
import time
import tracemalloc
from pathlib import Path
from typing import BinaryIO, NoReturn

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.ingest.readers import feeds
from services.ingest.readers.base import (
    BadRecord,
    Limits,
    ReadArticle,
    Record,
    Resume,
    Source,
    Unreadable,
)
from services.ingest.readers.feed_entry import MAX_ELEMENTS, read_entry
from services.ingest.readers.feed_frames import CHUNK
from services.ingest.readers.feed_parsing import LOOSE_CHARS
from services.ingest.readers.feeds import FeedReader
from tests.readers.breaking_off import SMALL, assert_resumable, counted, forward_only, refused_at
from tests.readers.contract import assert_contract, attempt
from tests.readers.support import source

SAMPLES = [
    path.read_bytes() for path in sorted((Path(__file__).parent / "samples" / "feeds").iterdir())
]
HEAD = b'<rss version="2.0"><channel><title>Courier</title>\n'
END = b"</channel></rss>"

MIB = 1024 * 1024

SECONDS = 15.0
"""CPU time for one hostile entry of the largest size: 1 to 4 s here, and machines differ."""


def item(number: int, text: str = "The ferry sails.") -> bytes:
    return (
        f"<item><title>Entry {number}</title><link>https://a.example/{number}</link>"
        f"<description>{text}</description></item>\n"
    ).encode()


def feed(*items: bytes) -> bytes:
    return HEAD + b"".join(items) + END


def read(data: bytes, limits: Limits | None = None) -> list[Record]:
    return list(FeedReader(limits or Limits()).read(source(data)))


def titles(records: list[Record]) -> list[str | None]:
    return [record.headline if isinstance(record, ReadArticle) else None for record in records]


# --- Streaming and going on ---------------------------------------------------------------


class _Generated(io.RawIOBase):
    """A feed that is made while it is read, so that the test itself holds none of it."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count
        self._number = -1
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        while len(self._rest) < size and self._number <= self._count:
            self._rest += self._next()
        data, self._rest = self._rest[:size], self._rest[size:]
        return data

    def _next(self) -> bytes:
        self._number += 1
        if self._number == 0:
            return HEAD
        if self._number > self._count:
            return END
        return item(self._number, "The ferry sails again. " * 400)


def test_memory_does_not_grow_with_the_feed() -> None:
    """Two feeds, one ten times as long, take the same memory."""

    def peak(count: int) -> int:
        tracemalloc.start()
        made = Source("feed", None, lambda: _Generated(count))  # type: ignore[arg-type, return-value]  # all that is used of a stream
        seen = sum(isinstance(record, ReadArticle) for record in FeedReader(Limits()).read(made))
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert seen == count
        return highest

    peak(5)  # what is loaded once
    assert peak(600) < peak(60) + 2 * CHUNK


def test_going_on_late_in_a_feed_reads_only_its_head_and_the_rest() -> None:
    data = feed(*(item(n, "The ferry sails. " * 100) for n in range(1500)))
    reader = FeedReader(Limits())
    whole = list(reader.read(source(data)))
    made, reads = counted(data)
    assert list(reader.resume(made, Resume(1490, whole[1489].checkpoint))) == whole[1490:]
    assert sum(reads) < len(data) // 3


def test_an_entry_that_brought_the_reader_down_is_not_parsed_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = feed(item(1), item(2), item(3))
    first, *_ = read(data)
    parsed: list[str] = []

    def spy(*args: object) -> ReadArticle:
        parsed.append(str(args[1]))
        return read_entry(*args)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(feeds, "read_entry", spy)
    refused, third = refused_at(FeedReader(Limits()), source(data), first)
    assert isinstance(refused, BadRecord)
    assert (refused.position, refused.reason) == (2, "it took too long")
    assert isinstance(third, ReadArticle)
    assert third.headline == "Entry 3"
    assert len(parsed) == 1
    assert isinstance(refused_at(FeedReader(Limits()), source(data), None)[0], BadRecord)


def test_a_feed_that_grows_while_it_is_read_is_read_again_later() -> None:
    data = feed(item(1))
    growing = Source("feed.xml", len(data) - 3, lambda: io.BytesIO(data))
    with pytest.raises(OSError, match="changed while it was read"):
        list(FeedReader(Limits()).read(growing))


@pytest.mark.parametrize("size", [1, 7, 100, 1000])
def test_where_chunks_end_makes_no_difference(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = SAMPLES[2]
    whole = read(data)
    monkeypatch.setattr("services.ingest.readers.feed_frames.CHUNK", size)
    monkeypatch.setattr("services.ingest.readers.feed_frames.LONGEST_TAG", 400)
    assert read(data) == whole


# --- One bad entry among good ones ----------------------------------------------------------


def test_an_entry_above_the_limit_is_passed_over_and_named() -> None:
    large = item(2, "x" * 5_000)
    records = read(feed(item(1), large, item(3)), SMALL)
    assert titles(records) == ["Entry 1", None, "Entry 3"]
    assert isinstance(records[1], BadRecord)
    assert f"{len(large) - 1} bytes" in records[1].reason
    assert "2000 bytes" in records[1].reason


def test_an_entry_of_many_chunks_is_passed_over_in_flat_memory() -> None:
    data = feed(item(1), item(2, "x" * (12 * MIB)), item(3))
    assert titles(read(data, SMALL)) == ["Entry 1", None, "Entry 3"]
    assert_resumable(FeedReader(SMALL), forward_only(data))


def test_a_library_s_fault_costs_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:

    def faulty(*args: object) -> ReadArticle:
        if "Entry 2" in str(args[1]):
            raise RecursionError
        return read_entry(*args)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(feeds, "read_entry", faulty)
    records = read(feed(item(1), item(2), item(3)))
    assert titles(records) == ["Entry 1", None, "Entry 3"]
    assert isinstance(records[1], BadRecord)
    assert records[1].reason == "line 3: the entry can't be parsed (RecursionError)"


def test_a_comment_hides_the_entries_in_it() -> None:
    hidden = b"<!-- " + item(9) + b" -->"
    cdata = b"<![CDATA[" + item(8) + b"]]>"
    assert titles(read(feed(hidden, item(1), hidden, cdata, item(2)))) == ["Entry 1", "Entry 2"]


def test_a_comment_that_nothing_closes_hides_nothing() -> None:
    assert titles(read(feed(item(1), b"<!-- ", item(2), item(3)))) == [
        "Entry 1",
        "Entry 2",
        "Entry 3",
    ]


def test_an_end_tag_in_a_cdata_section_ends_nothing() -> None:
    told = item(1, "<![CDATA[<p>An entry ends with </item> and starts with <item>.</p>]]>")
    records = read(feed(told, item(2)))
    assert titles(records) == ["Entry 1", "Entry 2"]


# --- Made to do harm ------------------------------------------------------------------------

BOMB = b"".join(
    b'<!ENTITY lol%d "%s">' % (n, b"&lol%d;" % (n - 1) * 10 if n else b"lol") for n in range(10)
)


@pytest.mark.parametrize(
    "doctype",
    [
        b"<!DOCTYPE rss [" + BOMB + b"]>",
        b'<!DOCTYPE rss [<!ENTITY lol9 SYSTEM "file:///etc/passwd">]>',
        b'<!DOCTYPE rss SYSTEM "http://127.0.0.1:9/evil.dtd" [<!ENTITY % p SYSTEM "x"> %p;]>',
        b"""<!DOCTYPE rss [<!-- "]> ' --><!ENTITY lol9 ']><item><title>fake</title></item>'>]>""",
    ],
    ids=["bomb", "file", "external", "quotes"],
)
def test_entities_are_never_resolved(doctype: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_args: object, **_kwargs: object) -> NoReturn:
        pytest.fail("a reader reached outside its source")

    monkeypatch.setattr("builtins.open", forbidden)
    monkeypatch.setattr(socket.socket, "connect", forbidden)
    (found,) = read(doctype + feed(item(1, "Before &lol9; after &eacute;.")))
    assert isinstance(found, ReadArticle)
    assert found.body == ("Before after é.",)
    assert any("document type declaration" in warning for warning in found.info.warnings)
    assert any("&lol9;" in warning for warning in found.info.warnings)


def test_a_link_is_never_a_script() -> None:
    (found,) = read(feed(b"<item><title>T</title><link>javascript:alert(1)</link></item>"))
    assert isinstance(found, ReadArticle)
    assert found.url is None


def test_invisible_and_foreign_characters_are_not_in_the_article() -> None:
    text = "A\x00B\x1b[31mC\u202e &#0; &#xD800; &#x1F; \ufeffD"
    (found,) = read(feed(item(1, text)))
    assert isinstance(found, ReadArticle)
    assert_contract([found])
    assert "\x1b" not in found.body[0]


@pytest.mark.parametrize(
    "hostile",
    [
        b"<item>" + b"<a>" * 100_000,
        b"<item>" + b"<![CDATA[" * 500_000,
        b"<item>" + b"<!--" * 1_000_000,
        b"<item>" * 5_000,
        b"<item><description>" + b"<" * 400_000,
        b"<item><description>&lt;" + b"&lt;b&gt;" * 300_000 + b"</description></item>",
        b"<item><description><![CDATA[" + b"<div>" * 500_000 + b"]]></description></item>",
        b"<item><media:title>" + b"<media:title>" * 20_000,
        b"<item><title>" + b"&x;" * 1_000_000 + b"</title></item>",
        b"<item " + b'a="' * 100_000 + b"></item>",
        b"<item " + b"<" * 4_000_000,
        b"\n" * 5_000_000,
        b"x" * 8_000_000,
        b'<item><category domain="' + b"x" * 2_000_000 + b'">a</category></item>',
        b"<item>" + b"<category>a</category>" * 40_000 + b"</item>",
        b"<item>" + b"<author>(((</author>" * 40_000 + b"<title>T</title></item>",
    ],
    ids=range(16),
)
def test_no_shape_takes_long(hostile: bytes) -> None:
    started = time.process_time()
    assert_contract(attempt(FeedReader(Limits()), source(HEAD + hostile + item(1) + END)))
    assert time.process_time() - started < SECONDS


def test_a_head_without_end_is_refused_with_the_numbers() -> None:
    data = HEAD + b"<x>" * 100_000
    with pytest.raises(Unreadable, match=r"the first 2000 bytes of the feed; \d+ bytes were read"):
        read(data, SMALL)


def test_a_table_of_too_many_elements_is_refused_with_the_numbers() -> None:
    large = b"<item><description>" + b"<i/>" * MAX_ELEMENTS + b"</description></item>"
    refused, good = read(feed(large, item(1)))
    assert isinstance(refused, BadRecord)
    assert f"the limit is {MAX_ELEMENTS}" in refused.reason
    assert isinstance(good, ReadArticle)


def test_a_large_entry_that_is_not_well_formed_is_refused_with_the_numbers() -> None:
    large = b"<item><description>" + b"<i>x " * (LOOSE_CHARS // 4) + b"</description></item>"
    refused, good = read(feed(large, item(1)))
    assert isinstance(refused, BadRecord)
    assert f"the limit is {LOOSE_CHARS}" in refused.reason
    assert isinstance(good, ReadArticle)


@given(
    base=st.sampled_from(SAMPLES),
    cuts=st.lists(
        st.tuples(
            st.integers(0, 5000),
            st.binary(max_size=6)
            | st.sampled_from([b"<item>", b"</item>", b"<![CDATA[", b"]]>", b"<!--", b"&a;", b"<"]),
        ),
        max_size=8,
    ),
    end=st.integers(0, 6000),
)
@settings(deadline=None, max_examples=250, suppress_health_check=[HealthCheck.too_slow])
def test_damaged_feeds_give_articles_or_a_refusal(
    base: bytes, cuts: list[tuple[int, bytes]], end: int
) -> None:
    for at, junk in cuts:
        base = base[:at] + junk + base[at + len(junk) // 2 :]
    base = base[: max(end, 100)]
    result = attempt(FeedReader(Limits()), source(base))
    assert_contract(result)
    if not isinstance(result, str):
        assert assert_resumable(FeedReader(Limits()), forward_only(base)) == result


def test_a_stream_that_fails_is_an_os_error() -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            got = super().read(size)
            if not got:
                raise OSError(5, "Input/output error")
            return got

    def open_stream() -> BinaryIO:
        return Failing(HEAD + item(1))

    with pytest.raises(OSError, match="Input/output error"):
        list(FeedReader(Limits()).read(Source("feed.xml", 10**6, open_stream)))
