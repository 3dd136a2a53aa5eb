"""Content that is no text is refused by what it is, whatever its name says."""

from __future__ import annotations

import gzip
import io
import random
import zipfile

import pytest

from services.ingest.readers.base import BadRecord, Limits, Source, Unreadable
from services.ingest.readers.markdown import MarkdownReader
from services.ingest.readers.plain import PlainTextReader
from services.ingest.readers.registry import read_file, reader_for
from services.ingest.readers.sniff import binary_kind, has_binary_share, markup_kind
from tests.readers.support import read, source


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("story.txt", "The ferry sails again.")
    return out.getvalue()


BINARIES = [
    (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01", "a JPEG image"),
    (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "a PNG image"),
    (b"GIF89a\x01\x00\x01\x00", "a GIF image"),
    (b"RIFF\x24\x00\x00\x00WEBPVP8 ", "a WebP image"),
    (b"BM\x46\x00\x00\x00\x00\x00\x00\x00\x36\x00", "a BMP image"),
    (rb"{\rtf1\ansi Hello", "an RTF document"),
    (b"\x7fELF\x02\x01\x01\x00", "an ELF program"),
    (b"SQLite format 3\x00\x10\x00", "an SQLite database"),
    (b"\x00\x00\x00\x18ftypmp42\x00", "an MP4 video or HEIF image"),
    (b"ID3\x04\x00\x00\x00", "an MP3 sound"),
    (random.Random(1).randbytes(4096), "binary data"),  # noqa: S311  (test data)
]


def test_packed_content_is_no_text() -> None:
    """It has readers of its own, by content, so that the text readers must leave it to them."""
    assert binary_kind(_zip()) == "a ZIP archive or Office document"
    assert binary_kind(gzip.compress(b"The ferry sails again.")) == "gzip-compressed data"


@pytest.mark.parametrize(("data", "what"), BINARIES, ids=[what for _, what in BINARIES])
@pytest.mark.parametrize("name", ["story.txt", "story.md"])
def test_binary_content_is_refused_by_name(data: bytes, what: str, name: str) -> None:
    assert binary_kind(data) == what
    with pytest.raises(Unreadable, match=f"not text: looks like {what}") as refusal:
        read(data, name)
    assert refusal.value.advice


@pytest.mark.parametrize(
    "text",
    [
        "ID3 is a tag format, the engineer explained.",
        "BZh is not a word",
        "The ftyp box",
        "BM Consulting was hired",
        "wOFF, the font format",
    ],
)
def test_a_text_may_begin_with_the_letters_of_a_signature(text: str) -> None:
    assert binary_kind(text.encode()) is None


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"<!DOCTYPE html><html><body>Hi</body></html>", "an HTML page"),
        (b"\xef\xbb\xbf  <HTML>\n", "an HTML page"),
        (b"<!-- saved -->\n<html>", "an HTML page"),
        (b'<?xml version="1.0"?>\n<!-- a -->\n<!-- b --><html xmlns="x">', "an HTML page"),
        ("<html><body>ferry".encode("utf-16"), "an HTML page"),
        ("<!doctype html>ferry".encode("utf-16-be"), "an HTML page"),
        (b'<?xml version="1.0"?><rss/>', "an XML document"),
        (b'{"headline": "x"}', "JSON"),
        (b'[\n  {"headline": "x"}]', "JSON"),
    ],
)
def test_structured_text_is_never_published_with_its_tags(data: bytes, what: str) -> None:
    assert markup_kind(data) == what
    assert not PlainTextReader(Limits()).claims(data, "story.txt")
    assert not MarkdownReader(Limits()).claims(data, "story.md")


@pytest.mark.parametrize("text", ["[Ferry] sails", "{braces} in prose", "<3 is a heart", "a < b"])
def test_prose_with_brackets_is_text(text: str) -> None:
    assert markup_kind(text.encode()) is None
    assert read(text).headline == text


def test_a_few_stray_controls_are_no_binary() -> None:
    assert not has_binary_share(b"a\x00b")
    assert not has_binary_share(b"The ferry sails again" * 20 + b"\x00" * 8)
    assert has_binary_share(b"\x00\x01\x02\x03 ferry")


def test_binary_content_after_a_textual_head_is_refused_too() -> None:
    data = b"The ferry sails again.\n" * 500 + bytes(range(32)) * 2000
    with pytest.raises(Unreadable, match="binary data"):
        read(data)


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(Unreadable, match="the file is empty"):
        read(b"")


@pytest.mark.parametrize("data", [b" \n\t\n", b"\xef\xbb\xbf", "\u00a0\u200b\n\u3000".encode()])
def test_white_space_alone_is_refused(data: bytes) -> None:
    with pytest.raises(Unreadable, match="no text in it"):
        read(data)


def test_a_file_above_the_limit_is_refused_unread_with_both_numbers() -> None:
    """50 MB: only the head is looked at."""
    taken: list[int] = []

    class Counting(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            taken.append(len(data))
            return data

    size = 50 * 1024 * 1024
    large = Source("dump.txt", size, lambda: Counting(b"The ferry sails again.\n" * 1000))
    with pytest.raises(Unreadable) as refusal:
        list(read_file(large, Limits()))
    assert "52428800 bytes (50.0 MiB)" in refusal.value.reason
    assert "8388608 bytes (8.0 MiB)" in refusal.value.reason
    assert "WIREDESK_MAX_ARTICLE_BYTES" in refusal.value.advice
    assert sum(taken) <= 8192


def test_a_text_of_exactly_the_limit_is_read() -> None:
    limits = Limits(article_bytes=22)
    assert len(list(read_file(source(b"The ferry sails again."), limits))) == 1
    with pytest.raises(Unreadable, match="too large"):
        list(read_file(source(b"The ferry sails again.."), limits))


@pytest.mark.parametrize("said", [10, 40])
def test_a_file_that_changed_its_size_meanwhile_is_read_again_later(said: int) -> None:
    changing = Source("story.txt", said, lambda: io.BytesIO(b"The ferry sails again."))
    with pytest.raises(OSError, match="changed while it was read"):
        list(read_file(changing, Limits()))


def test_a_list_of_lines_that_is_no_article_is_refused() -> None:
    with pytest.raises(Unreadable, match="too many lines for one article: 200002"):
        read("a\n" * 200_001)


LINE = '{"title": "Ferry sails", "text": "It sails on Monday."}\n'


@pytest.mark.parametrize("first", ["{", "garbage", "null", "[[[[", '"x"', 'tle": "A"}', '[{"a": 1'])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_dump_whose_first_line_is_damaged_is_one_all_the_same(first: str, encoding: str) -> None:
    """Else a thousand records would be filed as one text."""
    data = f"{first}\n{LINE * 3}".encode(encoding)
    assert reader_for(data, "dump.jsonl", Limits()).name == "json"
    bad, *good = read_file(source(data), Limits())
    assert isinstance(bad, BadRecord)
    assert [getattr(each, "headline", None) for each in good] == ["Ferry sails"] * 3


@pytest.mark.parametrize(
    "text",
    [
        f"How the harbour sends its news\n{LINE}\nSo each line is a record.\n",
        f"The harbour sends lines:\n{LINE}",
        "A poem\n{\n{\n{\n",
        "Braces {\n{soft} he said.\n{hard} she said.\nBoth left.\n",
    ],
)
def test_a_text_that_quotes_lines_of_json_is_a_text(text: str) -> None:
    assert reader_for(text.encode(), "story.txt", Limits()).name == "plain"
