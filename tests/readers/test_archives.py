"""Zip and tar bundles: every member by its own reader, nothing outside, nothing without end."""

from __future__ import annotations

import gzip
import io
import os
import random
import resource
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.readers.archives.members import Mark
from services.ingest.readers.archives.streams import Forward, Passing
from services.ingest.readers.archives.zips import MAX_SPOOLED
from services.ingest.readers.base import (
    BadRecord,
    Budget,
    Limits,
    ReadArticle,
    Resume,
    Source,
    Unreadable,
)
from services.ingest.readers.registry import read_file, reader_for
from tests.readers.packed_samples import (
    JPEG,
    MARKDOWN,
    SAMPLES,
    bundle,
    dump,
    encrypted,
    files,
    link,
    office,
    story,
    tar_of,
    tarball,
    zip_link,
    zip_of,
)
from tests.readers.streams import all_of, assert_goes_on, headlines, one_way
from tests.readers.support import source

if TYPE_CHECKING:
    from collections.abc import Callable

PATHS = sorted((SAMPLES / "archives").iterdir())
every_sample = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)

MAKERS: dict[str, Callable[[list[tuple[str, bytes]]], bytes]] = {
    "zip": lambda given: zip_of(list(given)),
    "stored.zip": lambda given: zip_of(list(given), zipfile.ZIP_STORED),
    "tar": lambda given: tar_of(list(given)),
    "gnu.tar": lambda given: tar_of(list(given), tarfile.GNU_FORMAT),
    "old.tar": lambda given: tar_of(list(given), tarfile.USTAR_FORMAT),
}
every_kind = pytest.mark.parametrize("kind", MAKERS)

FIRST, SECOND, THIRD = (f"Bulletin {number}: snow closes the pass" for number in (1, 2, 3))


def made(kind: str, *given: tuple[str, bytes]) -> bytes:
    return MAKERS[kind](list(given))


def read(data: bytes, name: str = "b.zip", limits: Limits | None = None) -> list[str | None]:
    return headlines(all_of(source(data, name), limits))


def bad(data: bytes, name: str = "b.zip") -> list[tuple[str, str]]:
    """Where each rejected record is, and why."""
    found = all_of(source(data, name))
    return [(each.locator, each.reason) for each in found if isinstance(each, BadRecord)]


# --- what holds for both ----------------------------------------------------------------------


@every_kind
def test_each_member_is_read_by_the_reader_for_it(kind: str) -> None:
    data = made(kind, ("a/1.txt", story(1)), ("b.md", MARKDOWN), ("c/dump.jsonl", dump(2)))
    found = [each for each in all_of(source(data, "b")) if isinstance(each, ReadArticle)]
    assert [(each.locator, each.info.name) for each in found] == [
        ("b!a/1.txt", "plain"),
        ("b!b.md", "markdown"),
        ("b!c/dump.jsonl line 1", "json"),
        ("b!c/dump.jsonl line 2", "json"),
    ]
    assert [each.position for each in found] == [1, 2, 3, 4]


@every_kind
def test_reading_goes_on_after_any_record(kind: str) -> None:
    data = made(
        kind,
        ("1.txt", story(1)),
        ("one.jpg", JPEG),
        ("dump.jsonl", dump(3)),
        ("empty.txt", b""),
        ("inner.zip", zip_of([("2.txt", story(2)), ("dump.jsonl", dump(2))])),
        ("inner.tar.gz", gzip.compress(tar_of([("3.txt", story(3)), ("d.jsonl", dump(2))]))),
        ("b.md", MARKDOWN),
    )
    whole = assert_goes_on(lambda: source(data, "b"))
    assert len(whole) == 12
    assert assert_goes_on(lambda: one_way(data, "b")) == whole


@every_sample
def test_samples_from_any_record_on_and_as_a_stream(path: Path) -> None:
    data = path.read_bytes()
    whole = assert_goes_on(lambda: source(data, path.name))
    assert headlines(all_of(one_way(data, path.name))) == headlines(whole)


def test_the_samples_are_what_the_script_makes() -> None:
    """Packed anew they may differ in bytes, by the library's version, and in nothing else."""
    for name, data in files().items():
        kept = source((SAMPLES / name).read_bytes(), Path(name).name)
        assert headlines(all_of(kept)) == headlines(all_of(source(data, Path(name).name)))


@every_kind
def test_a_member_that_cannot_be_read_costs_no_other(kind: str) -> None:
    data = made(kind, ("1.txt", story(1)), ("x.bin", bytes(range(256)) * 4), ("2.txt", story(2)))
    assert read(data) == [FIRST, "not text: looks like binary data", SECOND]
    assert bad(data) == [("b.zip!x.bin", "not text: looks like binary data")]


@every_kind
def test_what_programs_leave_behind_is_passed_over(kind: str) -> None:
    names = (
        *("__MACOSX/._1.txt", "a/.hidden.txt", ".DS_Store", "Thumbs.db", "a/desktop.ini"),
        *("~$letter.txt", "1.txt.part", ".git/config", "folder/"),
    )
    data = made(
        kind, *((name, b"x" * 20 * (name[-1] != "/")) for name in names), ("1.txt", story(1))
    )
    (only,) = all_of(source(data))
    assert isinstance(only, ReadArticle)
    assert only.headline == FIRST
    assert only.info.warnings == ()


@every_kind
def test_pictures_and_page_furniture_are_passed_over_and_said_once(kind: str) -> None:
    data = made(
        kind,
        ("a/one.jpg", JPEG),
        ("a/two.JPG", JPEG),
        ("style.css", b"p { color: black }"),
        ("1.txt", story(1)),
        ("three.jpg", JPEG),
        ("2.txt", story(2)),
        ("four.jpg", JPEG),
    )
    first, second = all_of(source(data))
    assert isinstance(first, ReadArticle)
    assert isinstance(second, ReadArticle)
    assert first.info.warnings == ("3 files without text in front of it passed over: one.jpg",)
    assert second.info.warnings == ("1 file without text in front of it passed over: three.jpg",)


def test_what_is_named_as_a_picture_and_is_text_is_read() -> None:
    """The content decides."""
    assert read(zip_of([("1.jpg", story(1)), ("2.png", story(2))])) == [FIRST, SECOND]


def test_a_picture_that_is_named_as_a_text_is_rejected() -> None:
    """Whoever made the bundle meant it to be an article."""
    assert bad(zip_of([("1.xml", JPEG)])) == [("b.zip!1.xml", "not text: looks like a JPEG image")]


@every_kind
def test_names_are_only_shown(kind: str) -> None:
    names = (
        "../../etc/passwd.txt",
        "/absolute.txt",
        "a/../b.txt",
        "C:\\windows\\x.txt",
        "with\nnew line.txt",
        "with\x1b[31mcolour.txt",
        "bidi\u202e.txt",
        "ø.txt",
    )
    before = set(os.listdir())  # noqa: PTH208  (names alone)
    data = made(kind, *((name, story(number)) for number, name in enumerate(names)))
    found = all_of(source(data))
    assert len(found) == len(names)
    for each in found:
        assert isinstance(each, ReadArticle)
        assert each.locator.isprintable()
        assert each.locator.startswith("story.txt!")
    assert set(os.listdir()) == before  # noqa: PTH208


def test_a_long_name_is_cut_where_it_is_shown() -> None:
    (only,) = all_of(source(tar_of([("n" * 5000 + ".txt", story(1))])))
    assert isinstance(only, ReadArticle)
    assert len(only.locator) < 400


@every_kind
def test_the_same_name_twice_is_two_members(kind: str) -> None:
    if kind.endswith("zip"):
        with pytest.warns(UserWarning, match="Duplicate name"):
            data = made(kind, ("a.txt", story(1)), ("a.txt", story(2)))
    else:
        data = made(kind, ("a.txt", story(1)), ("a.txt", story(2)))
    assert read(data) == [FIRST, SECOND]


@every_kind
def test_more_members_than_the_limit(kind: str) -> None:
    data = made(kind, *((f"{n}.txt", story(n)) for n in range(1, 6)))
    found = read(data, limits=Limits(members=3))
    assert len(found) == 4
    assert found[-1] == "more than 3 files in one archive"


@every_kind
def test_archives_in_archives_up_to_the_limit(kind: str) -> None:
    data = story(1)
    for _ in range(4):
        data = made(kind, ("x", data))
    assert read(data) == [FIRST]
    assert read(made(kind, ("x", data), ("2.txt", story(2)))) == [
        "packed more than 4 layers deep",
        SECOND,
    ]


def test_an_archive_that_holds_itself_ends() -> None:
    """As far as the nesting goes, and no farther."""
    inner = zip_of([("1.txt", story(1))])
    data = zip_of([(f"{n}.zip", inner) for n in range(10)])
    for _ in range(2):
        data = zip_of([(f"{n}.zip", data) for n in range(3)])
    assert read(data).count(FIRST) == 90


@every_kind
def test_what_all_members_come_to_is_limited(kind: str) -> None:
    data = gzip.compress(made(kind, *((f"{n}.txt", story(n) * 100) for n in range(1, 30))))
    given = Source("b.gz", len(data), lambda: io.BytesIO(data), budget=Budget(200_000))
    found = all_of(given)
    assert found[-1] == "what is packed in it comes to more than the limit"
    assert sum(each == found[-1] for each in found) == 1, "not once more for each member"


def test_what_is_within_a_stopped_member_is_refused_and_the_rest_is_read() -> None:
    """It brought the reader down: nobody knows more than in which member."""
    data = zip_of([("1.txt", story(1)), ("2.txt", story(2)), ("3.txt", story(3))])
    first, *_ = all_of(source(data))
    assert isinstance(first, ReadArticle)
    found = all_of(source(data), resume=Resume(1, first.checkpoint, "it took too long"))
    assert headlines(found) == ["it took too long", THIRD]
    assert isinstance(found[0], BadRecord)
    assert found[0].locator == "story.txt!2.txt"
    found = all_of(source(data), resume=Resume(0, None, "it took too long"))
    assert headlines(found) == ["it took too long", SECOND, THIRD]


def test_a_member_that_cannot_be_read_now_is_tried_again() -> None:
    """An error of the disk is none of the archive's."""
    data = zip_of([("1.txt", story(1))])
    opened = 0

    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() < 30 and opened > 1:
                raise OSError(5, "Input/output error")
            return super().read(size)

    def reopen() -> BinaryIO:
        nonlocal opened
        opened += 1
        return Failing(data)

    with pytest.raises(OSError, match="Input/output"):
        list(read_file(Source("b.zip", len(data), reopen), Limits()))


@every_kind
def test_every_stream_is_closed(kind: str) -> None:
    opened: list[BinaryIO] = []
    data = made(kind, ("1.txt", story(1)), ("d.jsonl", dump(2)), ("x.gz", gzip.compress(story(2))))

    def reopen() -> BinaryIO:
        opened.append(io.BytesIO(data))
        return opened[-1]

    records = read_file(Source("b", len(data), reopen), Limits())
    next(records)
    cast("object", records.close())  # type: ignore[attr-defined]  # it is a generator
    assert len(all_of(Source("b", len(data), reopen))) == 4
    assert all(stream.closed for stream in opened)


def test_marks_are_what_they_were() -> None:
    for mark in (Mark(), Mark(5, 2, 3, None), Mark(5, 2, 3, "a:b:c"), Mark(5, 2, 3, "")):
        assert Mark.parse(str(mark)) == mark


def peak() -> int:
    """The most memory that this process ever had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_a_large_member_passes_in_flat_memory(kind: str) -> None:
    big = dump(20_000)
    data = made("zip" if kind == "zip" else "tar", ("big.jsonl", big), ("1.txt", story(1)))
    data = gzip.compress(data, 1) if kind == "tar.gz" else data
    del big
    before = 0
    last = None
    for record in read_file(source(data, "b"), Limits()):
        last = record
        if record.position == 3000:
            before = peak()
    assert last is not None
    assert last.position == 20_001
    assert peak() - before < 8


def test_many_members_pass_in_flat_memory_and_each_can_be_gone_on_from() -> None:
    data = zip_of([(f"{n}.txt", b"Snow closes the pass again.") for n in range(20_000)])
    before = 0
    checkpoint = None
    for record in read_file(source(data, "b.zip"), Limits()):
        if record.position == 2000:
            before = peak()
        if record.position == 19_998:
            checkpoint = record.checkpoint
    assert peak() - before < 16
    rest = list(read_file(source(data, "b.zip"), Limits(), Resume(19_998, checkpoint)))
    assert [record.position for record in rest] == [19_999, 20_000]


# --- zip ----------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_ways_of_compression(how: int) -> None:
    assert read(zip_of([("1.txt", story(1)), ("d.jsonl", dump(1))], how)) == [FIRST, "Record 1"]


def method(archive: bytes, number: int, packed: bytes) -> bytes:
    """``archive`` with its only entry's data replaced by ``packed``, of another method."""
    at = archive.index(b"PK\x01\x02")
    local = bytearray(archive[: 30 + struct.unpack_from("<H", archive, 26)[0]])
    entry = bytearray(archive[at : archive.index(b"PK\x05\x06")])
    struct.pack_into("<H", local, 8, number)
    struct.pack_into("<H", entry, 10, number)
    struct.pack_into("<L", entry, 20, len(packed))
    end = bytearray(archive[archive.index(b"PK\x05\x06") :])
    struct.pack_into("<L", end, 16, len(local) + len(packed))
    return bytes(local) + packed + bytes(entry) + bytes(end)


def test_zstandard_within_a_zip() -> None:
    archive = zip_of([("1.txt", story(1))], zipfile.ZIP_STORED)
    assert read(method(archive, 93, zstandard.ZstdCompressor().compress(story(1)))) == [FIRST]


@pytest.mark.parametrize(
    ("number", "name"), [(9, "Deflate64"), (14, "LZMA"), (98, "PPMd"), (77, "method 77")]
)
def test_other_ways_are_named(number: int, name: str) -> None:
    archive = method(zip_of([("1.txt", story(1))]), number, b"\x00" * 50)
    assert bad(archive) == [("b.zip!1.txt", f"compressed in a way that isn't read ({name})")]


def test_links_and_sealed_members_are_rejected_and_nothing_else() -> None:
    archive = zip_of(
        [(zip_link("l.txt"), b"/etc/passwd"), ("s.txt", story(1)), ("2.txt", story(2))]
    )
    found = all_of(source(encrypted(archive, "s.txt"), "b.zip"))
    assert headlines(found) == [
        "links inside archives are not followed",
        "it is encrypted",
        SECOND,
    ]


@pytest.mark.parametrize(
    ("name", "utf8", "locator"),
    [
        ("Grüße.txt".encode(), True, "Grüße.txt"),
        ("Grüße.txt".encode(), False, "Grüße.txt"),
        ("Grüße.txt".encode("cp437"), False, "Grüße.txt"),
        (b"\xff\xfe.txt", True, "\\xff\\xfe.txt"),
        (b"a\\b\\c.txt", False, "a/b/c.txt"),
    ],
)
def test_names_in_any_encoding(name: bytes, utf8: bool, locator: str) -> None:  # noqa: FBT001  (a table)
    archive = bytearray(zip_of([("x" * len(name), story(1))]))
    for at in (0, archive.index(b"PK\x01\x02")):
        flags, start = (6, 30) if at == 0 else (8, 46)
        archive[at + start : at + start + len(name)] = name
        struct.pack_into("<H", archive, at + flags, 0x0800 if utf8 else 0)
    (only,) = all_of(source(bytes(archive), "b.zip"))
    assert isinstance(only, ReadArticle)
    assert only.locator == f"b.zip!{locator}"


def test_zip64_and_data_descriptors() -> None:
    class OneWayOut(io.RawIOBase):
        """Makes ``zipfile`` write sizes behind the data, and in 64 bits."""

        def __init__(self) -> None:
            super().__init__()
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.data += bytes(data)
            return len(data)

    out = OneWayOut()
    with zipfile.ZipFile(cast("BinaryIO", out), "w") as archive:
        for number in (1, 2):
            with archive.open(f"{number}.txt", "w", force_zip64=True) as member:
                member.write(story(number))
    assert read(out.data) == [FIRST, SECOND]


def test_a_directory_in_64_bits() -> None:
    archive = zip_of([("1.txt", story(1)), ("2.txt", story(2))])
    end = archive.index(b"PK\x05\x06")
    size, offset = struct.unpack_from("<2L", archive, end + 12)
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 2, 2, size, offset)
    pointer = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    full = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    wide = archive[:end] + record + pointer + full
    assert read(wide) == [FIRST, SECOND]
    assert read(wide.replace(b"PK\x06\x06", b"PK\x06\x09")) == [
        "the zip64 archive's directory is damaged"
    ]


def test_something_in_front_of_the_archive_shifts_it() -> None:
    """As a program that unpacks itself does; it must start as a zip all the same, to be known."""
    data = zip_of([("0.txt", story(3))])[:40] + zip_of([("1.txt", story(1)), ("2.txt", story(2))])
    assert read(data) == [FIRST, SECOND]


def test_a_comment_behind_the_archive() -> None:
    archive = bytearray(zip_of([("1.txt", story(1))]))
    struct.pack_into("<H", archive, len(archive) - 2, 5)
    assert read(bytes(archive) + b"hello") == [FIRST]


def test_an_empty_archive_is_refused() -> None:
    assert read(zip_of([])) == ["the archive is empty"]
    assert read(zip_of([("a/", b"")])) == ["the archive is empty"]
    assert read(zip_of([("a.jpg", JPEG)])) == [
        "no article in the archive, only files without text (1)"
    ]


@pytest.mark.parametrize(
    ("entries", "what"),
    [
        ([("[Content_Types].xml", b"x"), ("word/document.xml", b"x")], "a Word document (.docx)"),
        (
            [("_rels/.rels", b"x"), ("xl/a.xml", b"x"), ("[Content_Types].xml", b"x")],
            "an Excel workbook",
        ),
        ([("[Content_Types].xml", b"x"), ("ppt/a.xml", b"x")], "a PowerPoint presentation"),
        ([("[Content_Types].xml", b"x")], "an Office document"),
        ([("mimetype", b"application/epub+zip"), ("a.xhtml", b"x")], "an EPUB book"),
        ([("mimetype", b"application/vnd.oasis.opendocument.text")], "an OpenDocument text (.odt)"),
        ([("mimetype", b"application/vnd.oasis.opendocument.graphics")], "an OpenDocument file"),
    ],
)
def test_documents_that_are_zip_archives_are_named(
    entries: list[tuple[str, bytes]], what: str
) -> None:
    (reason,) = read(zip_of(list(entries), zipfile.ZIP_STORED), "letter.zip")
    assert f"looks like {what}" in str(reason)


def test_a_document_in_a_bundle_is_rejected_alone() -> None:
    assert read(zip_of([("letter.docx", office()), ("1.txt", story(1))])) == [
        "looks like a Word document (.docx), which no reader takes",
        FIRST,
    ]


def test_a_mimetype_of_something_else_is_a_member() -> None:
    assert read(zip_of([("mimetype", b"Snow closes the pass."), ("1.txt", story(1))]))[1] == FIRST


@pytest.mark.parametrize("size", [0, 10, 10**6])
def test_a_size_that_lies_is_rejected_and_not_waited_for(size: int) -> None:
    """A file that isn't as long as it says would else be taken for one that is being written."""
    archive = bytearray(zip_of([("1.txt", story(1)), ("2.txt", story(2))]))
    struct.pack_into("<L", archive, archive.index(b"PK\x01\x02") + 24, size)
    found = read(bytes(archive))
    assert "it unpacks to" in str(found[0]) or "it is empty" in str(found[0])
    assert found[1] == SECOND


def test_a_wrong_checksum_is_rejected() -> None:
    archive = bytearray(zip_of([("1.txt", story(1)), ("2.txt", story(2))]))
    archive[archive.index(b"PK\x01\x02") + 16] ^= 1
    assert read(bytes(archive)) == [
        "its checksum is not the one in the archive's directory",
        SECOND,
    ]


def test_an_entry_that_points_elsewhere_is_rejected() -> None:
    for offset in (7, 10**6, 0xFFFFFFFE):
        archive = bytearray(zip_of([("1.txt", story(1)), ("2.txt", story(2))]))
        struct.pack_into("<L", archive, archive.index(b"PK\x01\x02") + 42, offset)
        first, second = read(bytes(archive))
        assert "directory says" in str(first) or "ends too early" in str(first)
        assert second == SECOND


def test_files_that_overlap_are_a_bomb() -> None:
    """Many entries of the directory that all point to the same data."""
    archive = zip_of([("1.txt", random.Random(1).randbytes(3000).hex().encode())])  # noqa: S311
    at, end = archive.index(b"PK\x01\x02"), archive.index(b"PK\x05\x06")
    entry = archive[at:end]
    full = bytearray(archive[end:])
    struct.pack_into("<2H2L", full, 8, 1000, 1000, 1000 * len(entry), at)
    found = read(archive[:at] + entry * 1000 + bytes(full))
    assert found[-1] == "the files in the archive overlap: a bomb"
    assert len(found) < 50


def test_a_member_that_is_a_bomb_is_rejected_and_the_others_are_read() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    size = 100 * 1024 * 1024
    packed = b"".join(packer.compress(b'{"a": 1}\n' * 116509) for _ in range(size // 2**20))
    packed += packer.flush()
    lines = zip_of([("x.jsonl", b'{"a": 1}\n')])
    archive = bytearray(method(lines, 8, packed))
    struct.pack_into("<L", archive, archive.index(b"PK\x01\x02") + 24, size)
    before = peak()
    found = read(bytes(archive), limits=Limits(article_bytes=2**30))
    assert "no record in it" in str(found[0]) or "bomb" in str(found[0])
    assert peak() - before < 64


@pytest.mark.parametrize("end", [1, 3, 30, 200, -1, -5, -23, -60])
def test_a_zip_that_is_cut_off_is_refused(end: int) -> None:
    data = zip_of([("1.txt", story(1)), ("2.txt", story(2))])[:end]
    if len(data) >= 4:
        (reason,) = read(data)
        assert "it ends too early" in str(reason)
    else:
        assert reader_for(data, "b.zip", Limits()).name == "plain"


def test_a_damaged_directory_is_told_and_what_came_before_it_stands() -> None:
    archive = bytearray(zip_of([("1.txt", story(1)), ("2.txt", story(2))]))
    second = archive.index(b"PK\x01\x02", archive.index(b"PK\x01\x02") + 4)
    archive[second] = 0
    first, reason = read(bytes(archive))
    assert first == FIRST
    assert reason == f"the zip archive's directory is damaged at byte {second}"


def test_one_of_several_volumes_is_refused() -> None:
    archive = bytearray(zip_of([("1.txt", story(1))]))
    struct.pack_into("<H", archive, archive.index(b"PK\x05\x06") + 4, 2)
    assert read(bytes(archive)) == ["one part of an archive in several"]


def test_a_zip_within_a_stream_is_held_in_memory_up_to_a_limit() -> None:
    archive = zip_of([("1.txt", story(1)), ("2.txt", story(2))])
    assert read(gzip.compress(archive), "b.zip.gz") == [FIRST, SECOND]
    assert read(tar_of([("b.zip", archive), ("3.txt", story(3))]), "b.tar") == [
        FIRST,
        SECOND,
        THIRD,
    ]
    noise = random.Random(1).randbytes(2**20)  # noqa: S311  (test data)
    large = b"PK\x03\x04" + noise * (MAX_SPOOLED // len(noise) + 1)
    (reason,) = read(gzip.compress(large, 0), "b.zip.gz")
    assert reason == "a zip archive of more than 64 MiB within another file"


# --- tar ----------------------------------------------------------------------------------


def test_links_devices_and_sparse_files_are_rejected_and_nothing_else() -> None:
    def of_type(kind: bytes, name: str) -> tarfile.TarInfo:
        info = tarfile.TarInfo(name)
        info.type = kind
        return info

    data = tar_of(
        [
            (link("soft", "/etc/passwd"), b""),
            (of_type(tarfile.LNKTYPE, "hard"), b""),
            (of_type(tarfile.FIFOTYPE, "pipe"), b""),
            (of_type(tarfile.CHRTYPE, "device"), b""),
            (of_type(b"V", "volume"), b""),
            ("1.txt", story(1)),
        ]
    )
    assert read(data) == [
        "links inside archives are not followed",
        "links inside archives are not followed",
        "a device or pipe is no file",
        "a device or pipe is no file",
        "an entry of an unknown kind (b'V')",
        FIRST,
    ]
    info = tarfile.TarInfo("sparse.txt")
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
    assert read(tar_of([(info, story(1)), ("2.txt", story(2))])) == [
        "sparse files inside archives are not read",
        SECOND,
    ]


def test_a_tar_of_the_seventh_edition() -> None:
    """Without the magic, known by its checksum."""
    data = bytearray(tar_of([("1.txt", story(1))], tarfile.USTAR_FORMAT))
    data[257:265] = bytes(8)
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    assert read(bytes(data)) == [FIRST]


def test_names_and_sizes_in_extended_headers() -> None:
    info = tarfile.TarInfo("short.txt")
    info.pax_headers = {"path": "längerer/name.txt", "comment": "x\ny=z"}
    data = tar_of([(info, story(1)), ("2.txt", story(2))])
    found = all_of(source(data, "b.tar"))
    assert headlines(found) == [FIRST, SECOND]
    assert isinstance(found[0], ReadArticle)
    assert found[0].locator == "b.tar!längerer/name.txt"


def header(size: bytes, kind: bytes = b"0", name: bytes = b"x") -> bytes:
    """A tar header with any 12 bytes for the size, and the right checksum."""
    block = bytearray(512)
    block[: len(name)] = name
    block[100:108], block[108:116], block[116:124] = b"0000644\0", b"0000000\0", b"0000000\0"
    block[124:136], block[136:148], block[156:157] = size, b"00000000000\0", kind
    block[257:265], block[148:156] = b"ustar\x0000", b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        (b"\x80" + b"\xff" * 11, "the tar archive is damaged at byte 1024: there is no header"),
        (b"\xff" + b"\xff" * 11, "the tar archive is damaged at byte 1024: there is no header"),
        (b"77777777777\0", "the archive ends too early, at byte "),
        (b"\x80\0\0\0\x10" + b"\0" * 7, "the archive ends too early, at byte "),
        (b"no number\0\0\0", "the tar archive is damaged at byte 1024: there is no header"),
    ],
)
def test_sizes_that_cannot_be(size: bytes, reason: str) -> None:
    data = tar_of([("1.txt", story(1))])[:1024] + header(size) + b"\0" * 1024
    for whole in (source(data), one_way(data)):
        found = headlines(all_of(whole))
        assert found[0] == FIRST
        assert str(found[-1]).startswith(reason)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XGLTYPE])
def test_an_extended_header_without_end_is_refused(kind: bytes) -> None:
    data = tar_of([("1.txt", story(1))])[:1024] + header(b"00077777777\0", kind) + b"\0" * 5000
    assert read(data) == [
        FIRST,
        "the tar archive has a header of 16777215 bytes, the limit is 1048576",
    ]


def test_extended_headers_one_after_the_other_end() -> None:
    chain = (header(b"00000000002\0", tarfile.GNUTYPE_LONGNAME) + b"n".ljust(512, b"\0")) * 3000
    data = chain + tar_of([("1.txt", story(1))])
    assert read(data, "b.tar") == [FIRST]


@pytest.mark.parametrize(
    "pax",
    [b"", b"5", b"0 path=x\n", b"999999999999999999999 path=x\n", b"x path=y\n", b"12 path=a\nb",
     b"11 size=-1\n", b"22 size=99999999999999999999\n", b"9 path=\n", b"\xff" * 40],
)  # fmt: skip
def test_records_of_an_extended_header_that_are_none(pax: bytes) -> None:
    block = header(b"%011o\0" % len(pax), tarfile.XHDTYPE) + pax.ljust(512 * bool(pax), b"\0")
    data = block + tar_of([("1.txt", story(1))])
    assert read(data, "b.tar") == [FIRST]


@pytest.mark.parametrize("end", [600, 1024, 1100, 1536, 2000])
def test_a_tar_that_is_cut_off_gives_what_came_before(end: int) -> None:
    data = tar_of([("1.txt", story(1)), ("2.txt", story(2) * 3), ("3.txt", story(3))])[:end]
    for whole in (source(data), one_way(data)):
        found = headlines(all_of(whole))
        assert (found[0] == FIRST) == (end >= 1024)
        if end != 1024:  # at a boundary nobody can tell
            assert "the archive ends too early" in str(found[-1])


def test_a_cut_of_the_compression_around_it_is_told() -> None:
    data = gzip.compress(tarball(), mtime=0)
    found = headlines(all_of(source(data[:-100], "b.tar.gz")))
    assert found[0] == FIRST
    assert "the gzip data ends too early" in str(found[-1])


def test_a_member_read_twice_from_a_stream_that_cannot_go_back() -> None:
    """Its start is kept; what isn't any more is read from the archive's start again."""
    data = bytes(range(256)) * 8
    opened = 0

    def reopen() -> BinaryIO:
        nonlocal opened
        opened += 1
        return io.BytesIO(data)

    forward = Forward(io.BytesIO(data))
    forward.skip_to(100)
    member = Passing(forward, 1500, reopen, keep=200)
    wanted = data[100:1600]
    with io.BufferedReader(member.open(), 16) as once:
        assert once.read(150) == wanted[:150]
    with io.BufferedReader(member.open(), 16) as again:
        assert again.read() == wanted
    assert opened == 0
    with io.BufferedReader(member.open(), 16) as third:
        assert third.read() == wanted
    assert opened == 1
    with pytest.raises(Unreadable, match="ends too early"):
        forward.skip_to(5000)


# --- whatever comes -----------------------------------------------------------------------


@given(
    path=st.sampled_from(PATHS),
    cuts=st.lists(st.tuples(st.integers(0, 5000), st.binary(max_size=8)), min_size=1, max_size=5),
    end=st.integers(1, 11_000),
)
@settings(deadline=None, max_examples=400)
def test_damaged_archives_give_records_or_reasons(
    path: Path, cuts: list[tuple[int, bytes]], end: int
) -> None:
    data = path.read_bytes()[:end]
    for at, junk in cuts:
        data = data[:at] + junk + data[at + len(junk) :]
    for given_source in (source(data, path.name), one_way(data, path.name)):
        found = all_of(given_source)
        assert found
        assert not any("reader failed" in str(each) for each in found if isinstance(each, str))


@given(
    data=st.data(),
    at=st.integers(0, 1100),
    value=st.sampled_from(
        [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff", b"\x01", b"\x7f\xff\xff\xff"]
    ),
)
@settings(deadline=None, max_examples=400)
def test_any_field_of_a_zip_s_directory_may_lie(data: st.DataObject, at: int, value: bytes) -> None:
    archive = bytearray(bundle())
    start = archive.index(b"PK\x01\x02")
    at = start + data.draw(st.integers(0, len(archive) - start - 1))
    archive[at : at + len(value)] = value
    found = all_of(source(bytes(archive), "b.zip"))
    assert found
    assert not any("reader failed" in str(each) for each in found if isinstance(each, str))
