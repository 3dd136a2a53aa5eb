"""Bytes to text: evidence before guesses, and a byte offset where it fails."""

from __future__ import annotations

import codecs
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.readers.base import Unreadable
from services.ingest.readers.encoding import SAMPLE_BYTES, declared_encoding, decode

FRENCH = "Le maire a déclaré que la grève des éboueurs était « inévitable » à l’été.\n"
RUSSIAN = "Паром снова ходит на северные острова, сообщили в портовой службе.\n"
CHINESE = "渡轮星期一恢复开往北部群岛的航班。港务局发言人说。\n"


@pytest.mark.parametrize(
    ("bom", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_a_byte_order_mark_decides_and_is_not_text(bom: bytes, encoding: str) -> None:
    decoded = decode(bom + RUSSIAN.encode(encoding))
    assert (decoded.text, decoded.encoding, decoded.warnings) == (RUSSIAN, encoding, ())


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_known_by_its_nuls(encoding: str) -> None:
    decoded = decode(FRENCH.encode(encoding))
    assert (decoded.text, decoded.encoding) == (FRENCH, encoding)
    assert "no byte order mark" in decoded.warnings[0]


@pytest.mark.parametrize(
    ("declaration", "encoding"),
    [
        ('<?xml version="1.0" encoding="windows-1251"?>', "cp1251"),
        ("# -*- coding: koi8-r -*-", "koi8_r"),
        ("vim: set fileencoding=cp1251 :", "cp1251"),
        ("---\ntitle: x\nencoding: iso-8859-5\n---", "iso8859_5"),
        ("Content-Type: text/plain; charset=windows-1251", "cp1251"),
    ],
)
def test_a_declared_encoding_is_used(declaration: str, encoding: str) -> None:
    text = f"{declaration}\n{RUSSIAN}"
    decoded = decode(text.encode(encoding))
    assert (decoded.text, decoded.encoding, decoded.warnings) == (text, encoding, ())


def test_latin1_is_read_as_its_superset() -> None:
    text = f"# coding: iso-8859-1\n{FRENCH}"
    assert decode(text.encode("cp1252")).text == text


@pytest.mark.parametrize("label", ["rot13", "hex", "zlib", "unicode_escape", "utf-7", "idna", "x"])
def test_codecs_that_are_no_encodings_are_not_obeyed(label: str) -> None:
    text = f"# coding: {label}\n{FRENCH}"
    assert declared_encoding(text.encode()) is None
    assert decode(text.encode()).text == text


def test_a_wrong_declaration_is_overruled_and_said() -> None:
    text = f"# coding: iso-8859-1\n{FRENCH}"
    decoded = decode(text.encode())
    assert (decoded.text, decoded.encoding) == (text, "utf-8")
    assert decoded.warnings == ("declared as cp1252, but is UTF-8",)


def test_prose_about_a_charset_declares_nothing() -> None:
    text = f"The page had charset=gb2312 in its head, he said.\n{RUSSIAN}"
    assert decode(text.encode()).text == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [(FRENCH, "cp1252"), (RUSSIAN, "cp1251"), (RUSSIAN, "koi8_r"), (CHINESE, "gb18030")],
)
def test_an_undeclared_encoding_is_guessed_and_said(text: str, encoding: str) -> None:
    decoded = decode((text * 4).encode(encoding))
    assert decoded.text == text * 4
    assert decoded.warnings == (f"encoding not declared: taken as {decoded.encoding}",)


def test_a_guess_holds_for_the_whole_text_and_not_only_for_the_sample() -> None:
    text = "Plain lines first.\n" * SAMPLE_BYTES + FRENCH * 40
    assert decode(text.encode("cp1252")).text == text


def test_broken_utf8_is_refused_with_its_offset_instead_of_guessed() -> None:
    good = FRENCH.encode() * 3
    with pytest.raises(Unreadable) as refusal:
        decode(good + b"abc\xff" + good)
    assert f"at byte {len(good) + 3} (line 4)" in refusal.value.reason
    assert "UTF-8" in refusal.value.advice


@pytest.mark.parametrize(
    ("data", "offset"),
    [
        (codecs.BOM_UTF8 + b"abc\xff", 6),
        (codecs.BOM_UTF16_LE + b"a\x00b", 4),
        (codecs.BOM_UTF16_LE + b"a\x00\x00\xd8", 4),
        (codecs.BOM_UTF32_LE + b"a\x00\x00\x00\x00\x00\x11\x00", 8),
    ],
)
def test_a_mark_that_the_bytes_belie_is_refused_with_the_offset(data: bytes, offset: int) -> None:
    with pytest.raises(Unreadable, match=f"at byte {offset} "):
        decode(data)


def test_nuls_and_other_controls_are_removed_and_counted() -> None:
    decoded = decode(b"The fer\x00ry sails\x07 again, and\tthe mail too.")
    assert decoded.text == "The ferry sails again, and\tthe mail too."
    assert decoded.warnings == ("2 control characters removed",)


def test_all_line_breaks_become_one_kind() -> None:
    assert decode("a\r\nb\rc\u2028d\u2029e\x85f\n".encode()).text == "a\nb\nc\nd\ne\nf\n"


def _text_or_refusal(data: bytes) -> str:
    try:
        return decode(data).text
    except Unreadable as refusal:
        return refusal.reason


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=200))
def test_utf8_is_always_itself(text: str) -> None:
    decoded = decode(b"\xef\xbb\xbf" + text.encode())
    assert decoded.text == text.replace("\u2028", "\n").replace("\u2029", "\n")


@given(st.binary(max_size=400))
def test_any_bytes_are_text_or_refused(data: bytes) -> None:
    text = _text_or_refusal(data)
    text.encode()  # no lone surrogates
    assert "\x00" not in text


@pytest.mark.parametrize(
    "line",
    [FRENCH.encode("cp1252"), CHINESE.encode("gb18030"), b"\xe9" * 80, b"plain\n"],
    ids=["cp1252", "gb18030", "one byte", "ascii"],
)
def test_eight_megabytes_take_seconds(line: bytes) -> None:
    data = (line * (8 * 1024 * 1024 // len(line)))[: 8 * 1024 * 1024 // len(line) * len(line)]
    started = time.process_time()
    assert _text_or_refusal(data)
    assert time.process_time() - started < 10
