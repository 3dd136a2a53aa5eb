"""Web archives: which records are pages, damage passed over, and going on at any record."""

from __future__ import annotations

import gzip
import io
import time
import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.ingest.readers import warc
from services.ingest.readers.base import (
    BadRecord,
    Budget,
    Limits,
    ReadArticle,
    Record,
    Resume,
    Source,
    Unreadable,
)
from services.ingest.readers.html_page import read_page
from services.ingest.readers.registry import READERS
from services.ingest.readers.warc import WarcReader
from services.ingest.readers.warc_frames import HEADER_BYTES
from tests.readers.breaking_off import assert_resumable, counted, forward_only, refused_at
from tests.readers.contract import assert_contract, attempt
from tests.readers.support import source
from tests.readers.warcs import article, http, packed, page, record, warcinfo

FOLDER = Path(__file__).parent / "samples" / "warc"
SAMPLES = sorted(FOLDER.iterdir())
every_sample = pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)

TEXT = (
    "The waterways board of Sund said on Friday that the lock would open again in March, and that"
    " the forty barges waiting above it would be let through in the order in which they had come."
)
MIB = 1024 * 1024


def read(data: bytes, limits: Limits | None = None) -> list[Record]:
    return list(WarcReader(limits or Limits()).read(source(data)))


def titles(records: list[Record]) -> list[str | None]:
    return [found.headline if isinstance(found, ReadArticle) else None for found in records]


def reports(*numbers: int | None) -> list[str | None]:
    return [None if number is None else f"Canal report number {number}" for number in numbers]


def one(*records: bytes) -> ReadArticle:
    """The one article of an archive with these records."""
    (found,) = read(b"".join((warcinfo(), *records)))
    assert isinstance(found, ReadArticle), found
    return found


def reason(*records: bytes, limits: Limits | None = None) -> str:
    """Why the one page of an archive with these records was rejected."""
    (found,) = read(b"".join((warcinfo(), *records)), limits)
    assert isinstance(found, BadRecord), found
    return found.reason


# --- Which records, and what of them ----------------------------------------------------------


@every_sample
def test_exactly_one_reader_claims_a_web_archive(path: Path) -> None:
    head = path.read_bytes()[:8192]
    assert [kind.name for kind in READERS if kind(Limits()).claims(head, "wrong.jpg")] == ["warc"]


@every_sample
def test_reading_can_go_on_after_each_record(path: Path) -> None:
    data = path.read_bytes()
    seekable = assert_resumable(WarcReader(Limits()), source(data))
    if not path.name.startswith("damaged"):
        assert assert_resumable(WarcReader(Limits()), forward_only(data)) == seekable
    # Where damage is met depends on how much is unpacked at once; what is whole doesn't.
    assert titles(list(WarcReader(Limits()).read(forward_only(data)))) == titles(seekable)


def test_only_pages_given_in_full_are_articles() -> None:
    """Requests, redirects, errors, pictures, DNS answers and revisits are passed over."""
    canal, theatre, bees = read((FOLDER / "crawl-1.1.warc").read_bytes())
    assert isinstance(canal, ReadArticle)
    assert canal.headline == "Canal between Sund and Almvik is frozen for the first time since 1987"
    assert canal.url == "https://valley.example/news/canal-frozen", "the page's own address"
    assert canal.published_at is None, "the crawl's date is no time of the article's"
    assert canal.info.format.endswith("in WARC/1.1")
    assert canal.locator == "byte 554 https://valley.example/news/canal-frozen?fbclid=x"
    assert isinstance(theatre, ReadArticle)
    assert theatre.headline == "Le théâtre de Lorne rouvre après l’été", "gzip, and cp1252 by HTTP"
    assert theatre.url == "https://valley.example/fr/theatre", "the record's, for want of its own"
    assert isinstance(bees, ReadArticle)
    assert len(bees.body) == 2, "sent in chunks"


def test_a_gzip_archive_with_all_that_goes_wrong_on_the_web() -> None:
    trains, brotli, canal, bees = read((FOLDER / "crawl-1.0.warc.gz").read_bytes())
    assert isinstance(trains, ReadArticle)
    assert trains.url == "https://valley.example/news/night%20trains"
    assert isinstance(brotli, BadRecord)
    assert brotli.reason == "its content encoding 'br' is not supported"
    assert isinstance(canal, ReadArticle)
    assert isinstance(bees, ReadArticle)
    assert bees.info.warnings[0] == "the crawler cut the page off (WARC-Truncated: length)"


HTML = page(
    "The lock of Sund opens again in March", TEXT, TEXT.replace("Friday", "Monday")
).encode()


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (gzip.compress(HTML), "gzip"),
        (gzip.compress(HTML), "X-GZIP"),
        (zlib.compress(HTML), "deflate"),
        (zlib.compress(HTML)[2:-4], "deflate"),
        (gzip.compress(zlib.compress(HTML)), "deflate, gzip"),
        (HTML, "identity"),
        (HTML, "gzip"),
        (HTML, "br"),
    ],
    ids=["gzip", "x-gzip", "deflate", "raw deflate", "two", "none", "said only", "br said only"],
)
def test_a_page_is_unpacked(body: bytes, coding: str) -> None:
    found = one(record(http(body, content_encoding=coding)))
    assert found.headline == "The lock of Sund opens again in March"
    assert found.info.warnings == ()


def test_a_page_whose_packed_data_breaks_off_is_read_up_to_there() -> None:
    body = gzip.compress(HTML)[:-60]
    found = one(record(http(body, content_encoding="gzip")))
    assert found.info.warnings[0] == "its gzip data breaks off: the page was read up to there"


@pytest.mark.parametrize(
    ("response", "why"),
    [
        (http(b"\x00\x01\x02", content_encoding="zstd"), "content encoding 'zstd'"),
        (http(b"\x1f\x8b\x08" + b"\xff" * 50, content_encoding="gzip"), "gzip data is damaged"),
        (http(b"\x00\x00", content_encoding="compress, gzip"), "gzip data is damaged"),
        (http(gzip.compress(b" " * 9 * MIB), content_encoding="gzip"), "(the limit) when unpacked"),
    ],
)
def test_what_cannot_be_unpacked_is_named(response: bytes, why: str) -> None:
    assert why in reason(record(response))


def test_a_page_without_content_type_is_known_by_its_start() -> None:
    bare = b"HTTP/1.0 200 OK\r\n\r\n"
    assert one(record(bare + HTML)).headline == "The lock of Sund opens again in March"
    with pytest.raises(Unreadable, match="there is no HTML page in it: none of its 2 records"):
        read(warcinfo() + record(bare + b"User-agent: *"))


@pytest.mark.parametrize(
    "passed_over",
    [
        record(http(HTML, status="404 Not Found")),
        record(http(HTML, status="301 Moved")),
        record(http(HTML, status="206 Partial Content")),
        record(http(HTML, content_type="application/pdf")),
        record(http(HTML), kind="revisit"),
        record(HTML, kind="conversion", content_type="text/html"),
        record(b"", kind="response"),
        record(b"no HTTP at all"),
        record(http(HTML), url=None, kind=""),
    ],
    ids=range(9),
)
def test_what_is_no_page_given_in_full_is_passed_over_in_silence(passed_over: bytes) -> None:
    assert titles(read(passed_over + article(1) + passed_over)) == reports(1)
    with pytest.raises(Unreadable, match="there is no HTML page in it"):
        read(warcinfo() + passed_over)


def test_a_page_above_the_limit_is_passed_over_and_named() -> None:
    large = record(http(b"<html>" + b"x" * 200_000))
    limits = Limits(article_bytes=50_000)
    records = read(article(1) + large + article(2), limits)
    assert titles(records) == reports(1, None, 2)
    assert isinstance(records[1], BadRecord)
    assert "the limit is 50000 bytes" in records[1].reason
    nearly = record(http(b"<html>" + b"x" * 50_001))
    assert "50007 bytes" in reason(nearly, limits=limits)


def test_a_page_that_no_article_is_in_is_rejected_with_its_address() -> None:
    (empty,) = read(warcinfo() + record(http(b"<html><body></body></html>"), "https://a.example/x"))
    assert isinstance(empty, BadRecord)
    assert empty.locator.endswith("https://a.example/x")


# --- Damage ---------------------------------------------------------------------------------------


def test_a_damaged_archive_gives_all_records_that_are_whole() -> None:
    records = read((FOLDER / "damaged.warc").read_bytes())
    assert titles(records) == reports(1, None, 2, None, 3, None)
    assert [found.reason for found in records if isinstance(found, BadRecord)] == [
        "the WARC record at byte 1320: its Content-Length is wrong: no record follows it",
        "the WARC record at byte 3037: its Content-Length is no length: 'many'",
        "the WARC record at byte 4368: its Content-Length of 822 goes beyond the end of the file",
    ]


def test_a_damaged_member_costs_only_itself() -> None:
    records = read((FOLDER / "damaged.warc.gz").read_bytes())
    assert titles(records) == reports(11, None, 13, None)
    _, damaged, _, cut = records
    assert isinstance(damaged, BadRecord)
    assert "byte 698: its gzip data is damaged" in damaged.reason
    assert isinstance(cut, BadRecord)
    assert "its gzip data ends too early" in cut.reason


@pytest.mark.parametrize("seekable", [True, False])
def test_garbage_between_records_costs_nothing_but_itself(seekable: bool) -> None:  # noqa: FBT001  (pytest's)
    garbage = b"\x00\x1f\x8b\x08garbage\r\n" * 50
    for data in (
        article(1) + garbage + article(2),
        packed(article(1)) + garbage + packed(article(2)),
    ):
        made = source(data) if seekable else forward_only(data)
        assert titles(list(WarcReader(Limits()).read(made))) == reports(1, None, 2)


def test_a_length_that_is_too_short_is_found_out() -> None:
    short = record(http(HTML), length=300)
    assert titles(read(article(1) + short + article(2))) == reports(1, None, 2)


def test_one_gzip_member_for_all_records_is_read_too() -> None:
    data = gzip.compress(warcinfo() + article(1) + article(2) + article(3))
    records = assert_resumable(WarcReader(Limits()), source(data))
    assert titles(records) == reports(1, 2, 3)
    assert records[1].locator.startswith("byte 0 (unpacked: ")


def test_zeros_behind_the_last_member_are_padding() -> None:
    assert titles(read(packed(article(1), article(2)) + bytes(1000))) == reports(1, 2)


def test_a_library_s_fault_costs_one_page(monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(data: bytes, **rest: object) -> ReadArticle | BadRecord:
        if b"number 2" in data:
            raise RecursionError
        return read_page(data, **rest)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(warc, "read_page", faulty)
    records = read(article(1) + article(2) + article(3))
    assert titles(records) == reports(1, None, 3)
    assert isinstance(records[1], BadRecord)
    assert records[1].reason == "the page can't be parsed (RecursionError)"


def test_what_is_no_archive_is_refused() -> None:
    for data in (b"", b"The ferry sails", gzip.compress(b"The ferry sails"), b"\x1f\x8b\x08"):
        with pytest.raises(Unreadable, match="doesn't start with a WARC record"):
            read(data)


def test_an_archive_that_grows_while_it_is_read_is_read_again_later() -> None:
    for data in (article(1), packed(article(1))):
        growing = Source("a.warc", len(data) + 7, lambda data=data: io.BytesIO(data))  # type: ignore[misc]  # mypy: no lambda defaults
        with pytest.raises(OSError, match="changed while it was read"):
            list(WarcReader(Limits()).read(growing))


# --- Streaming and going on --------------------------------------------------------------------


@pytest.mark.parametrize("pack", [packed, lambda *records: b"".join(records)], ids=["gz", "plain"])
def test_going_on_seeks_straight_to_the_record(pack: object) -> None:
    assert callable(pack)
    data: bytes = pack(*(article(number, 200) for number in range(100)))
    reader = WarcReader(Limits())
    whole = list(reader.read(source(data)))
    made, reads = counted(data)
    assert list(reader.resume(made, Resume(98, whole[97].checkpoint))) == whole[98:]
    assert sum(reads) < len(data) // 5 + 200_000
    assert len(whole) == 100


def test_a_page_that_brought_the_reader_down_is_not_parsed_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = packed(article(1), article(2), article(3))
    first, *_ = read(data)
    parsed: list[bytes] = []

    def spy(content: bytes, **rest: object) -> ReadArticle | BadRecord:
        parsed.append(content)
        return read_page(content, **rest)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(warc, "read_page", spy)
    records = refused_at(WarcReader(Limits()), source(data), first)
    assert titles(records) == reports(None, 3)
    assert isinstance(records[0], BadRecord)
    assert records[0].reason == "it took too long"
    assert len(parsed) == 1


def test_memory_does_not_grow_with_the_archive(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the pages' parser takes is left out: it doesn't know how many there are."""
    small = read(article(1))[0]
    monkeypatch.setattr(warc, "read_page", lambda *_args, **_rest: small)
    picture = record(http(bytes(300_000), content_type="image/png"))

    def peak(count: int) -> int:
        data = packed(picture, article(1, 50)) * count
        tracemalloc.start()
        seen = sum(1 for _ in WarcReader(Limits()).read(forward_only(data)))
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert seen == count
        return highest - len(data)  # the stream holds it once

    peak(2)
    assert peak(200) < peak(20) + MIB


def test_what_is_unpacked_counts_against_the_budget() -> None:
    bomb = packed(article(1), record(http(bytes(5 * MIB), content_type="image/png")), article(2))
    small = Source("a", len(bomb), lambda: io.BytesIO(bomb), budget=Budget(2 * MIB))
    with pytest.raises(Unreadable, match="more than the limit"):
        list(WarcReader(Limits()).read(small))


# --- Made to do harm ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"WARC/1.0\r\n" + b"x" * (10 * MIB),
        b"WARC/1.0\r\n" + b"a: b\r\n" * MIB,
        b"WARC/1.0\r\nContent-Length: 500000\r\n\r\n" * 20_000,
        b"WARC/1.0\r\nContent-Length: 1\r\n\r\n" * 20_000,
        b"WARC/1.0\r\nContent-Length: 99999999999999999999999\r\n\r\n" * 20_000,
        record(http(b"1\r\nx\r\n" * 200_000, transfer_encoding="chunked")),
        record(http(b"ffffffff\r\nx", transfer_encoding="chunked")),
        record(http(b"<div>" * 500_000)),
        packed(warcinfo()) + b"\x1f\x8b\x08" * 300_000,
        packed(warcinfo()) + (packed(warcinfo())[:40]) * 20_000,
        gzip.compress(b"WARC/1.0\r\n" + bytes(60 * MIB)),
        b"WARC/1.0\r\n" + b"\r\n" * (5 * MIB),
    ],
    ids=range(12),
)
def test_no_shape_takes_long(data: bytes) -> None:
    """1 to 6 s at worst here; the bound leaves room for a slower machine."""
    started = time.process_time()
    assert_contract(attempt(WarcReader(Limits()), source(data)))
    assert time.process_time() - started < 25


def test_a_header_without_end_is_named_with_the_limit() -> None:
    endless = b"WARC/1.0\r\nX: " + b"x" * (2 * HEADER_BYTES) + b"\r\n\r\n"
    bad, good = read(endless + article(1))
    assert isinstance(bad, BadRecord)
    assert f"its header has no end within {HEADER_BYTES} bytes" in bad.reason
    assert isinstance(good, ReadArticle)


BASES = [*(path.read_bytes() for path in SAMPLES), warcinfo() + article(1) + article(2)]


@given(
    base=st.sampled_from(BASES),
    cuts=st.lists(st.tuples(st.integers(0, 5000), st.binary(max_size=6)), max_size=6),
    end=st.integers(300, 6000),
)
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_damaged_archives_give_articles_or_a_refusal(
    base: bytes, cuts: list[tuple[int, bytes]], end: int
) -> None:
    for at, junk in cuts:
        base = base[:at] + junk + base[at + len(junk) :]
    result = attempt(WarcReader(Limits()), source(base[:end]))
    assert_contract(result)
    if not isinstance(result, str):
        assert assert_resumable(WarcReader(Limits()), source(base[:end])) == result
    assert_contract(attempt(WarcReader(Limits()), forward_only(base[:end])))
