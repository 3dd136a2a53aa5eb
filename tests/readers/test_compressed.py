"""Compressed files: read as streams, cut off, damaged, nested, and made to deceive."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import resource
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.readers.base import Budget, Limits, ReadArticle, Source, Unreadable
from services.ingest.readers.compressed import CompressedReader, compressed_head
from services.ingest.readers.registry import READERS, read_file
from services.ingest.readers.unpacking import (
    BZIP2,
    GZIP,
    XZ,
    ZSTD,
    head_of,
    packing_of,
    read_some,
    unpacked,
)
from tests.readers.packed_samples import JPEG, dump, named_gzip, story
from tests.readers.streams import all_of, articles, assert_goes_on, headlines, one_way, pieces
from tests.readers.support import source

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.ingest.readers.unpacking import Packing

SAMPLES = sorted((Path(__file__).parent / "samples" / "compressed").iterdir())


def gz(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def zst(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


WAYS: dict[str, tuple[Packing, Callable[[bytes], bytes]]] = {
    "gz": (GZIP, gz),
    "bz2": (BZIP2, bz2.compress),
    "xz": (XZ, lzma.compress),
    "zst": (ZSTD, zst),
}
every_way = pytest.mark.parametrize("way", WAYS)
every_sample = pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)


def unpack(data: bytes, packing: Packing, budget: Budget | None = None) -> bytes:
    with unpacked(io.BytesIO(data), packing, budget or Budget()) as stream:
        return stream.read()


def all_before(data: bytes, packing: Packing) -> tuple[bytes, str]:
    """What comes before the fault, and what is said of it."""
    got = b""
    with unpacked(io.BytesIO(data), packing, Budget()) as stream:
        try:
            while more := read_some(stream, 1000):
                got += more
        except Unreadable as fault:
            with pytest.raises(Unreadable):  # and again each time
                read_some(stream, 1)
            return got, fault.reason
    return got, ""


# --- the streams --------------------------------------------------------------------------------

TEXT = dump(2000)


@every_way
def test_what_is_packed_comes_out(way: str) -> None:
    packing, pack = WAYS[way]
    assert packing_of(pack(TEXT)) is packing
    assert unpack(pack(TEXT), packing) == TEXT
    assert unpack(pack(b""), packing) == b""


@every_way
def test_several_members_are_one_stream(way: str) -> None:
    packing, pack = WAYS[way]
    assert unpack(pack(b"one ") + pack(b"") + pack(b"two"), packing) == b"one two"
    assert unpack(b"".join(pack(b"x" * n) for n in range(300)), packing) == b"x" * (299 * 150)


@every_way
@pytest.mark.parametrize("after", [b"\n", b"\0" * 2000, b"signature", b"\0" * 700 + b"tail"])
def test_a_little_after_the_end_is_passed_over(way: str, after: bytes) -> None:
    packing, pack = WAYS[way]
    assert unpack(pack(TEXT) + after, packing) == TEXT


@every_way
def test_much_after_the_end_is_said_and_what_came_before_it_stands(way: str) -> None:
    packing, pack = WAYS[way]
    got, reason = all_before(pack(TEXT) + b"lost records\n" * 100, packing)
    assert got == TEXT
    assert f"what follows from byte {len(pack(TEXT))} on is none" in reason


@every_way
def test_a_cut_is_said_with_its_place_and_what_came_before_it_stands(way: str) -> None:
    packing, pack = WAYS[way]
    whole = pack(TEXT)
    got, reason = all_before(whole[:-5], packing)
    assert TEXT.startswith(got)
    assert reason == f"the {packing.name} data ends too early, at byte {len(whole) - 5}"
    for end in range(len(packing.magic), 40):
        assert all_before(whole[:end], packing)[1]


@every_way
def test_damage_is_said(way: str) -> None:
    packing, pack = WAYS[way]
    whole = bytearray(pack(TEXT) + pack(TEXT))
    whole[-len(whole) // 4] ^= 0xFF
    got, reason = all_before(bytes(whole), packing)
    assert f"the {packing.name} data is damaged near byte " in reason
    assert got, "what was unpacked before it was found"


@every_way
def test_a_fault_of_the_disk_stays_one(way: str) -> None:
    """The file can't be read now: the caller comes again."""

    class Failing(io.BytesIO):
        def read1(self, _size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    with (
        unpacked(Failing(b""), WAYS[way][0], Budget()) as stream,
        pytest.raises(OSError, match="Input/output"),
    ):
        stream.read(1)


@every_way
def test_closing_closes_what_it_reads_from(way: str) -> None:
    packing, pack = WAYS[way]
    packed = io.BytesIO(pack(TEXT))
    unpacked(packed, packing, Budget()).close()
    assert packed.closed


@every_way
def test_what_comes_out_is_counted(way: str) -> None:
    packing, pack = WAYS[way]
    budget = Budget(len(TEXT) + 10)
    unpack(pack(TEXT), packing, budget)
    assert budget.expanded == 10
    with pytest.raises(Unreadable, match="what is packed in it comes to more than the limit"):
        unpack(pack(TEXT), packing, budget)


def peak() -> int:
    """The most memory that this process ever had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def bomb(way: str, size: int) -> bytes:
    """``size`` MiB of zeros, packed without having them in memory."""
    chunk = b"\0" * 1024 * 1024
    packers: dict[str, Callable[[], Any]] = {
        "gz": lambda: zlib.compressobj(9, zlib.DEFLATED, 31),
        "bz2": bz2.BZ2Compressor,
        "xz": lzma.LZMACompressor,
        "zst": lambda: zstandard.ZstdCompressor(3).compressobj(),
    }
    packer = packers[way]()
    parts: list[bytes] = [packer.compress(chunk) for _ in range(size)]
    return b"".join([*parts, packer.flush()])


@every_way
def test_a_bomb_is_refused_soon_and_in_flat_memory(way: str) -> None:
    packing, _ = WAYS[way]
    data = bomb(way, 200)
    before = peak()
    budget = Budget()
    with unpacked(io.BytesIO(data), packing, budget) as stream:
        chunks = iter(lambda: read_some(stream, 100_000), b"")
        with pytest.raises(Unreadable, match=f"a {packing.name} bomb"):
            any(not chunk for chunk in chunks)
    assert Budget().expanded - budget.expanded <= 65 * 1024 * 1024
    assert peak() - before < 64


def test_memory_that_a_header_asks_for_is_limited() -> None:
    wide = zstandard.ZstdCompressor(
        compression_params=zstandard.ZstdCompressionParameters(window_log=29)
    ).compressobj()
    data = wide.compress(b"x") + wide.flush()
    assert "damaged" in all_before(data, ZSTD)[1]
    dictionary = {"id": lzma.FILTER_LZMA2, "dict_size": 200 * 1024 * 1024}
    big = lzma.LZMACompressor(filters=[dictionary])
    assert "Memory usage limit" in all_before(big.compress(b"x") + big.flush(), XZ)[1]


# --- the head -----------------------------------------------------------------------------


def test_the_head_of_what_is_packed() -> None:
    """By which a reader of packed web archives knows its own."""
    assert compressed_head(gz(b"WARC/1.1\r\nWARC-Type: warcinfo\r\n")).startswith(b"WARC/1.1")
    assert compressed_head(gz(TEXT)[:500]) == TEXT[: len(compressed_head(gz(TEXT)[:500]))]
    assert compressed_head(b"WARC/1.1") == b""
    assert compressed_head(b"\x1f\x8b\x08 damaged") == b""
    assert len(compressed_head(gz(b"a" * 10**6))) <= 2000


@given(data=st.binary(max_size=60), start=st.sampled_from([p.magic for p, _ in WAYS.values()]))
@settings(deadline=None)
def test_the_head_of_anything_raises_nothing(data: bytes, start: bytes) -> None:
    assert isinstance(compressed_head(start + data), bytes)


def test_the_head_of_a_stream_that_breaks_off_is_what_there_is() -> None:
    cut = gz(TEXT)[:-8]
    with unpacked(io.BytesIO(cut), GZIP, Budget()) as stream:
        assert head_of(stream, 100) == TEXT[:100]
    with unpacked(io.BytesIO(cut), GZIP, Budget()) as stream:
        assert head_of(stream, len(TEXT) + 5) == TEXT
    with unpacked(io.BytesIO(cut[:5]), GZIP, Budget()) as stream, pytest.raises(Unreadable):
        head_of(stream, 100)


@pytest.mark.parametrize(
    ("head", "claimed"),
    [
        (gz(b"x"), True),
        (bz2.compress(b"x"), True),
        (bz2.compress(b""), True),
        (b"BZh9 is no word", False),
        (b"BZh", False),
        (lzma.compress(b"x"), True),
        (zst(b"x"), True),
        (b"\x50\x2a\x4d\x18\x04\x00\x00\x00skip" + zst(b"x"), True),
        (gz(b"WARC/1.0\r\n"), False),
        (bz2.compress(b"WARC/1.0\r\n"), True),
        (b"\x1f\x8b", False),
        (b"", False),
    ],
)
def test_compressed_files_are_known_by_how_they_start(head: bytes, claimed: bool) -> None:  # noqa: FBT001  (a table)
    assert CompressedReader(Limits()).claims(head, "story.txt") is claimed


def test_a_packed_web_archive_has_its_own_reader() -> None:
    head = gz(b"WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: 0\r\n\r\n\r\n\r\n")
    claims = [kind.name for kind in READERS if kind(Limits()).claims(head, "x.warc.gz")]
    assert claims == ["warc"]


# --- the reader ---------------------------------------------------------------------------


@every_way
def test_what_is_in_it_is_read_by_its_own_reader(way: str) -> None:
    _, pack = WAYS[way]
    found = assert_goes_on(lambda: source(pack(dump(3)), f"dump.jsonl.{way}"))
    assert headlines(found) == ["Record 1", "Record 2", "Record 3"]
    first = found[0]
    assert isinstance(first, ReadArticle)
    assert first.info.name == "json"
    assert first.locator == f"dump.jsonl.{way}!dump.jsonl line 1"
    for narrow in pieces(pack(dump(3))):
        assert headlines(all_of(narrow)) == headlines(found)


@every_sample
def test_samples_in_any_chunks_and_from_any_record_on(path: Path) -> None:
    data = path.read_bytes()
    whole = assert_goes_on(lambda: source(data, path.name))
    assert headlines(all_of(one_way(data, path.name))) == headlines(whole)


def test_a_name_in_the_header_is_the_hint_where_the_file_s_own_says_nothing() -> None:
    def found(name: str, data: bytes) -> str:
        return articles(source(data, name))[0].locator

    packed = named_gzip(b"Text\n\nof a story.\n", "inner.md")
    assert found("x.bin", packed) == "x.bin!inner.md"
    assert found("x.txt.gz", packed) == "x.txt.gz!x.txt"
    assert found("x.gz", gz(b"Text")) == "x.gz!x"
    assert found("x", gz(b"Text")) == "x!x"
    assert found(".gz", gz(b"Text")) == ".gz!.gz"
    odd = named_gzip(b"Text", "x")
    odd = odd[:10] + b"../..\x1b[31m/\xff\n.md\0" + odd[12:]
    assert "\x1b" not in found("x.bin", odd)
    assert "\n" not in found("x.bin", odd)


def test_one_text_that_is_cut_off_is_no_article() -> None:
    """Half of a story isn't a story."""
    data = gz(story(1) * 5)
    (reason,) = all_of(source(data[:-9], "story.txt.gz"))
    assert reason == f"the gzip data ends too early, at byte {len(data) - 9}"


def test_packed_more_often_than_the_limit_is_refused() -> None:
    data = story(1)
    for _ in range(4):
        data = gz(data)
    assert headlines(all_of(source(data))) == ["Bulletin 1: snow closes the pass"]
    (reason,) = all_of(source(gz(data)))
    assert reason == "packed more than 4 layers deep"


def test_all_layers_spend_from_one_budget() -> None:
    data = gz(gz(dump(1) * 1000))
    one = Source("x", len(data), lambda: io.BytesIO(data), budget=Budget(50_000))
    with pytest.raises(Unreadable, match="more than the limit"):
        list(read_file(one, Limits()))


def test_a_picture_in_gzip_is_refused_as_one() -> None:
    assert all_of(source(gz(JPEG), "x.gz")) == ["not text: looks like a JPEG image"]


def test_the_stream_of_every_layer_is_closed() -> None:
    opened: list[BinaryIO] = []

    def reopen() -> BinaryIO:
        opened.append(io.BytesIO(gz(gz(dump(2)))))
        return opened[-1]

    assert len(list(read_file(Source("x.gz", None, reopen), Limits()))) == 2
    assert opened
    assert all(stream.closed for stream in opened)


def test_a_large_dump_passes_in_flat_memory() -> None:
    data = gz(dump(100)) * 300
    before = 0
    count = 0
    for record in read_file(source(data, "x.jsonl.gz"), Limits()):
        count = record.position
        if count == 3000:
            before = peak()
    assert count == 30_000
    assert peak() - before < 16


@given(
    path=st.sampled_from(SAMPLES),
    cuts=st.lists(st.tuples(st.integers(0, 260), st.binary(max_size=4)), min_size=1, max_size=4),
    end=st.integers(1, 300),
)
@settings(deadline=None, max_examples=300)
def test_damaged_files_give_records_or_reasons(
    path: Path, cuts: list[tuple[int, bytes]], end: int
) -> None:
    data = path.read_bytes()[:end]
    for at, junk in cuts:
        data = data[:at] + junk + data[at + len(junk) :]
    found = all_of(source(data, path.name))
    assert found
    assert not any("reader failed" in str(each) for each in found if isinstance(each, str))
