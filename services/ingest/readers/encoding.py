"""Bytes to text: which encoding, decided on evidence, or a named refusal.

The order: byte order mark; UTF-16 without one (every other byte is NUL); the
encoding that the file declares; UTF-8; a guess by charset-normalizer, which is
always said in a warning.  Decoding is strict throughout: a replacement
character would be a silent loss.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from charset_normalizer import from_bytes

from services.ingest.readers.base import Unreadable

SAMPLE_BYTES = 64 * 1024
"""What charset-normalizer sees.  It decodes its input once for every candidate, so
the whole of 8 MB would take a minute; 64 KiB of lines with non-ASCII bytes say as much."""

DECLARATION_BYTES = 1024
"""Where a declaration may stand: the HTML standard looks as far."""

_BOMS: tuple[tuple[bytes, str], ...] = (
    # UTF-32 before UTF-16: the little-endian mark of one starts with that of the other.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

_SINGLE_BYTE = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"),
    *("iso8859_2", "iso8859_3", "iso8859_4", "iso8859_5", "iso8859_6", "iso8859_7", "iso8859_8"),
    *("iso8859_9", "iso8859_10", "iso8859_13", "iso8859_14", "iso8859_15", "iso8859_16"),
    *("koi8_r", "koi8_u", "mac_roman", "mac_cyrillic", "cp866", "cp874"),
)
_MULTI_BYTE = ("gb18030", "big5", "big5hkscs", "euc_jp", "cp932", "iso2022_jp", "cp949", "euc_kr")

_SAME_AS = {
    # As the WHATWG Encoding standard maps the labels: what is declared as the left is written
    # with the extras of the right.
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-11": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "utf-8-sig": "utf-8",
}
_KNOWN = {codecs.lookup(name).name: name for name in (*_SINGLE_BYTE, *_MULTI_BYTE, "utf-8")}

_GUESSABLE = [
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"),
    *("iso8859_2", "iso8859_5", "iso8859_7", "iso8859_15", "koi8_r", "koi8_u"),
    *("gb18030", "big5", "euc_jp", "cp932", "cp949"),
]
"""What newsrooms' files are in. Mainframe and DOS code pages would only add wrong guesses."""

_LATIN_SIBLINGS = frozenset({"cp1250", "cp1257", "cp1258", "iso8859_2", "iso8859_15"})
_SIGN_IN_WORD = re.compile(r"[^\W\d_][ª¹³º¼½¾¿](?=\w)|[^\W\d_][¹³¿]|\b[¿¹³][^\W\d_]\w*[¹³¿]")
_CARON = re.compile("[šžŠŽ]")
_WITH_TILDE = re.compile("[ãçÃÇ]")
_WITH_CIRCUMFLEX = re.compile("[àçèêîôÀÇÈÊÎÔ]")

_LABEL = rb"""["']?([\w.:-]{1,40})"""
_DECLARATIONS = (
    re.compile(rb"^\s{0,16}<\?xml[^>]{0,200}?\bencoding\s{0,8}=\s{0,8}" + _LABEL),
    # Markdown's front matter
    re.compile(rb"^---[ \t]*\r?\n(?:[^\r\n]{0,200}\r?\n){0,20}?encoding:[ \t]{0,8}" + _LABEL),
    # Emacs' and Vim's, in the first two lines
    re.compile(rb"^(?:[^\r\n]{0,200}\r?\n)?[^\r\n]{0,60}?coding[:=][ \t]{0,8}" + _LABEL),
    # Only where it declares: prose may well speak of a charset.
    re.compile(
        rb"^(?:<meta|content-type:)[^>\r\n]{0,200}?\bcharset\s{0,4}=\s{0,4}" + _LABEL,
        re.IGNORECASE | re.MULTILINE,
    ),
)

_NON_ASCII = re.compile(rb"[\x80-\xff]")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")
_CONTROL_BYTES = bytes({*range(0x09), *range(0x0E, 0x20), 0x7F})
_LINE_BREAKS = re.compile("\r\n|[\r\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Decoded:
    r"""Text with ``\n`` line breaks and without control characters, and how it was had.

    A line of the source ends at LF, CR LF, CR, NEL, U+2028 or U+2029; line numbers count so.
    """

    text: str
    encoding: str
    warnings: tuple[str, ...] = ()


def decode(data: bytes, label: str | None = None) -> Decoded:
    """``data`` as text; raises :class:`Unreadable` with the byte offset where that fails.

    ``label``: the encoding that is declared outside the text (a header's ``charset``), which
    goes before what the text itself declares.  One that is unknown counts as none.
    """
    for bom, name in _BOMS:
        if data.startswith(bom):
            return _finish(_strict(data, name, len(bom)), name)
    if wide := _utf16_without_bom(data):
        return _finish(_strict(data, wide, 0), wide, f"no byte order mark: taken as {wide}")
    warnings: tuple[str, ...] = ()
    declared = (_codec(label) if label else None) or declared_encoding(data)
    if declared is not None:
        attempt, warnings = _as_declared(data, declared)
        if attempt is not None:
            return _finish(attempt, declared, *warnings)
    try:
        return _finish(data.decode("utf-8"), "utf-8", *warnings)
    except UnicodeDecodeError as error:
        return _guess(data, error, warnings)


def declared_encoding(data: bytes) -> str | None:
    """The encoding that the text itself declares near its start, if it is one that we decode."""
    head = data[:DECLARATION_BYTES]
    for pattern in _DECLARATIONS:
        found = pattern.search(head)
        if found and (name := _codec(found[1].decode("ascii", "replace"))):
            return name
    return None


def _codec(label: str) -> str | None:
    # A closed list: Python's codecs also hold rot13, zip and escapes, which are no encodings.
    try:
        name = codecs.lookup(label).name
    except (LookupError, ValueError):
        return None
    name = _SAME_AS.get(name, name)
    return name if name == "utf-8" else _KNOWN.get(codecs.lookup(name).name)


def _as_declared(data: bytes, declared: str) -> tuple[str | None, tuple[str, ...]]:
    # A few characters of a multi-byte encoding may be valid UTF-8 by chance, ten hardly ever;
    # of a single-byte one, in most of which all bytes are valid, not even one.
    needed = 1 if declared in _SINGLE_BYTE else 10
    if declared != "utf-8" and _utf8_characters(data) >= needed:
        return None, (f"declared as {declared}, but is UTF-8",)
    try:
        return data.decode(declared), ()
    except UnicodeDecodeError as error:
        if declared == "utf-8":
            return None, ()
        return None, (f"declared as {declared}, but byte {error.start} is not",)


def _utf8_characters(data: bytes) -> int:
    """How many non-ASCII characters ``data`` has as UTF-8; 0 where it isn't valid."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return 0
    return 0 if data.isascii() else len(re.findall(r"[^\x00-\x7f]", text))


def _utf16_without_bom(data: bytes) -> str | None:
    head = data[: 2 * SAMPLE_BYTES]
    pairs = len(head) // 2
    if pairs == 0 or len(data) % 2:
        return None
    even, odd = head[::2].count(0), head[1::2].count(0)
    # Latin letters leave one byte of each pair NUL and the other never.
    if odd > pairs * 0.7 and even == 0:
        return "utf-16-le"
    return "utf-16-be" if even > pairs * 0.7 and odd == 0 else None


def _strict(data: bytes, encoding: str, skip: int) -> str:
    try:
        return data[skip:].decode(encoding)
    except UnicodeDecodeError as error:
        raise _undecodable(data, encoding, error.start + skip) from error


def _undecodable(data: bytes, encoding: str, offset: int) -> Unreadable:
    line = data.count(b"\n", 0, offset) + 1
    return Unreadable(
        f"the text is not valid {encoding.upper()} at byte {offset} (line {line})",
        "Save the file again as UTF-8, or declare its encoding in the first line.",
    )


def _guess(data: bytes, error: UnicodeDecodeError, warnings: tuple[str, ...]) -> Decoded:
    if _is_broken_utf8(data):
        # A guess would succeed and turn every accent of the text into two wrong letters.
        raise _undecodable(data, "utf-8", error.start) from error
    for match in from_bytes(_sample(data), cp_isolation=_GUESSABLE, enable_fallback=False):
        # Where several encodings give the same text, the commonest one is named.
        same = {match.encoding, *match.could_be_from_charset}
        western = "cp1252" in same or _is_western(data, match.encoding)
        name = "cp1252" if western else match.encoding
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        return _finish(text, name, *warnings, f"encoding not declared: taken as {name}")
    raise _undecodable(data, "utf-8", error.start) from error


def _is_western(data: bytes, guessed: str) -> bool:
    """Whether ``guessed`` is one of cp1252's siblings, and the text speaks for cp1252.

    In a short text the Latin code pages all look alike ("crème" or "crčme").  Then the
    one that most files are in is taken, unless the text has what tells the others apart:
    signs within words (Polish, Romanian), š and ž (Czech, Slovak, Croatian), or
    Hungarian's ő and ű, which read as õ and û without the letters that go with those.
    """
    if guessed not in _LATIN_SIBLINGS:
        return False
    try:
        letters = data.decode("cp1252")
    except UnicodeDecodeError:
        return False
    if _SIGN_IN_WORD.search(letters) or _CARON.search(letters):
        return False
    portuguese, french = _WITH_TILDE.search(letters), _WITH_CIRCUMFLEX.search(letters)
    return not (("õ" in letters and not portuguese) or ("û" in letters and not french))


def _is_broken_utf8(data: bytes) -> bool:
    text = data.decode("utf-8", "surrogateescape")
    bad = len(re.findall("[\udc80-\udcff]", text))
    good = len(re.findall("[^\x00-\x7f\udc80-\udcff]", text))
    # In other encodings bytes form a valid UTF-8 sequence by chance about once in ten.
    return good >= 4 * bad


def _sample(data: bytes) -> bytes:
    """Whole lines around non-ASCII bytes; a line break is never half of a character."""
    if len(data) <= SAMPLE_BYTES:
        return data
    parts: list[bytes] = []
    room, at = SAMPLE_BYTES, 0
    while room > 0 and (found := _NON_ASCII.search(data, at)):
        start = data.rfind(b"\n", max(at, found.start() - SAMPLE_BYTES), found.start()) + 1
        start = max(start, at)
        end = data.find(b"\n", found.start(), start + room)
        at = start + room if end < 0 else end + 1
        parts.append(data[start:at])
        room -= at - start
    return b"".join(parts)


def _finish(text: str, encoding: str, *warnings: str) -> Decoded:
    # The expressions look at each character, which takes longer than decoding: most texts have
    # nothing for them, and that is quickly seen.
    if any(mark in text for mark in "\r\x85\u2028\u2029"):
        text = _LINE_BREAKS.sub("\n", text)
    removed = 0
    if _has_controls(text):
        text, removed = _CONTROLS.subn("", text)
    if removed:
        warnings = (*warnings, f"{removed} control characters removed")
    return Decoded(text, encoding, warnings)


def _has_controls(text: str) -> bool:
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError:
        return True  # a lone surrogate
    return len(data.translate(None, _CONTROL_BYTES)) != len(data)
