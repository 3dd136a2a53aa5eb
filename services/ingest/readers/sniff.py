"""What a file's bytes look like, so that a picture named .txt is refused by its name."""

from __future__ import annotations

import re
from functools import lru_cache

from services.ingest.readers.base import Unreadable
from services.ingest.readers.json_head import are_lines_behind_a_fault, json_head
from services.ingest.readers.mail.envelope import is_mailbox, is_message
from services.ingest.readers.ninjs.editions import names_fit

HEAD_BYTES = 8 * 1024
"""How much of a file is looked at to choose its reader."""

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "a JPEG image"),
    (0, b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (0, b"GIF87a", "a GIF image"),
    (0, b"GIF89a", "a GIF image"),
    (0, b"II*\x00", "a TIFF image"),
    (0, b"MM\x00*", "a TIFF image"),
    (8, b"WEBP", "a WebP image"),
    (8, b"WAVE", "a WAV sound"),
    (8, b"AVI ", "an AVI video"),
    (4, b"ftyp", "an MP4 video or HEIF image"),
    (0, b"\x1aE\xdf\xa3", "a Matroska video"),
    (0, b"ID3", "an MP3 sound"),
    (0, b"OggS", "an Ogg sound or video"),
    (0, b"fLaC", "a FLAC sound"),
    (0, b"%PDF-", "a PDF document"),
    (0, b"%!PS", "a PostScript document"),
    (0, b"{\\rtf", "an RTF document"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Microsoft Office document"),
    (0, b"PK\x03\x04", "a ZIP archive or Office document"),
    (0, b"PK\x05\x06", "an empty ZIP archive"),
    (0, b"\x1f\x8b", "gzip-compressed data"),
    (0, b"BZh", "bzip2-compressed data"),
    (0, b"\xfd7zXZ\x00", "xz-compressed data"),
    (0, b"\x28\xb5\x2f\xfd", "zstd-compressed data"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (0, b"Rar!\x1a\x07", "a RAR archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"\x7fELF", "an ELF program"),
    (0, b"\xca\xfe\xba\xbe", "a Java class or macOS program"),
    (0, b"\xcf\xfa\xed\xfe", "a macOS program"),
    (0, b"SQLite format 3\x00", "an SQLite database"),
    (0, b"wOFF", "a font"),
    (0, b"wOF2", "a font"),
)
_TEXT_MAGIC = (b"ID3", b"BZh", b"ftyp", b"ustar", b"WAVE", b"WEBP", b"AVI ", b"wOFF", b"wOF2")
"""Signatures made of letters: a text can start so, therefore control bytes must follow."""

_MARKUP: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (
        # Doctype or root, after comments and the declarations of XML and PHP in any order.
        re.compile(
            rb"(?>(?:\s+|<!--.*?-->|<\?.*?>)*)<(?:!doctype\s+html|html|head|body)\b",
            re.IGNORECASE | re.DOTALL,
        ),
        "an HTML page",
    ),
    (re.compile(rb"\s{0,64}<\?xml\b"), "an XML document"),
    (re.compile(rb"WARC/[01]\.[0-9]"), "a web archive"),
    (
        # The roots of the news standards and feeds also without a declaration.
        re.compile(
            rb"(?>(?:\s+|<!--.*?-->|<\?.*?>)*)<(?:!doctype\s+[a-z]|(?:[\w.-]{1,40}:)?"
            rb"(?:nitf|newsml|newsmessage|itemset|rss|feed|entry|rdf"
            rb"|(?:news|package|concept|knowledge|planning|catalog|hop)item)(?=[\s/>]))",
            re.IGNORECASE | re.DOTALL,
        ),
        "an XML document",
    ),
)

_LIST_OF_OBJECTS = re.compile(rb"\s*+\[\s*+\{")

STRAY_CONTROLS = 2
"""Control bytes that even a text of one line may hold."""

_WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_TEXT_BYTES = bytes({*range(0x20, 0x100), *b"\t\n\v\f\r\x1b"} - {0x7F})


def binary_kind(head: bytes) -> str | None:
    """What binary content ``head`` starts, in words for a receipt; None for text."""
    for offset, magic, what in _MAGIC:
        if head.startswith(magic, offset) and (magic not in _TEXT_MAGIC or _has_controls(head)):
            return what
    if head.startswith(b"BM") and head[6:10] == b"\x00\x00\x00\x00":
        return "a BMP image"
    return "binary data" if has_binary_share(head) else None


@lru_cache(maxsize=2)  # each reader of text asks for the same head
def markup_kind(head: bytes) -> str | None:
    """Which structured text format ``head`` starts; None for prose."""
    text = _narrow(head)
    if is_message(text) or is_mailbox(text):
        return "mail"
    if _is_json(text):
        return "a ninjs item" if is_ninjs(head) else "JSON"
    return next((what for pattern, what in _MARKUP if pattern.match(text)), None)


def is_ninjs(head: bytes) -> bool:
    """Whether ``head`` starts one JSON object with a ninjs item's keys: no array, no lines."""
    found = json_head(head)
    return found is not None and found.kind == "object" and names_fit(found.keys)


def _is_json(text: bytes) -> bool:
    """Whether ``text`` starts an object with a key, or a list of objects, or is an empty one.

    Or lines of JSON of which only the first is damaged.
    """
    found = json_head(text) if text.lstrip()[:1] in (b"{", b"[") else None
    if found is None:
        return b"\n{" in text and are_lines_behind_a_fault(text.decode("utf-8", "replace"))
    return bool(found.keys or _LIST_OF_OBJECTS.match(text) or not text.strip(b" \t\r\n[]{}"))


def is_html(head: bytes) -> bool:
    """Whether ``head`` starts an HTML page, XHTML too."""
    return markup_kind(head) == "an HTML page"


def _narrow(head: bytes) -> bytes:
    """``head`` without a byte order mark, and in UTF-16 without the empty bytes."""
    if head.startswith(_WIDE_BOMS) or _looks_wide(head):
        head = head.replace(b"\x00", b"").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")
    return head.removeprefix(b"\xef\xbb\xbf")


def has_binary_share(data: bytes) -> bool:
    """Whether more of ``data`` is control bytes than stray ones in a text would be.

    One in twenty, and always more than two: compressed data has one in ten, and texts
    that a broken export sprinkled with NULs stay below.  UTF-16 and UTF-32 are text.
    """
    if data.startswith(_WIDE_BOMS) or _looks_wide(data):
        return False
    controls = len(data.translate(None, _TEXT_BYTES))
    return controls > max(STRAY_CONTROLS, len(data) // 20)


def _has_controls(head: bytes) -> bool:
    return bool(head.translate(None, _TEXT_BYTES))


def _looks_wide(data: bytes) -> bool:
    head = data[:HEAD_BYTES]
    pairs = len(head) // 2
    even, odd = head[::2].count(0), head[1::2].count(0)
    return pairs > 0 and min(even, odd) == 0 and max(even, odd) > pairs * 0.7


def refuse_binary(data: bytes) -> None:
    """Raise :class:`Unreadable` if ``data`` is no text."""
    if what := binary_kind(data):
        raise Unreadable(
            f"not text: looks like {what}",
            "Drop the article's text; if this file is right, its name is wrong.",
        )


def refuse_markup(head: bytes) -> None:
    """Raise :class:`Unreadable` for structured text that would only be read as tags and braces."""
    if what := markup_kind(head):
        raise Unreadable(
            f"looks like {what}, which no reader takes",
            "Save the article as plain text or Markdown and drop that.",
        )
