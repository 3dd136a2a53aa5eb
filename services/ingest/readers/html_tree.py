"""A web page's bytes as text, and the text as a tree: encodings that lie, markup that is broken."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from lxml import etree, html

from services.ingest.readers.base import Unreadable
from services.ingest.readers.encoding import Decoded, decode

PRESCAN_BYTES: Final = 8 * 1024
"""Where ``<meta charset>`` is looked for. The standard says 1,024; pages put scripts before it."""

MAX_REPLACED: Final = 0.02
"""The share of characters that may be undecodable: a page put together from two encodings has a
few, and browsers show it; with more the encoding is wrong, and words would be lost."""

_META: Final = re.compile(
    rb"<meta\s[^>]{0,400}?\bcharset\s{0,8}=\s{0,8}[\"']?\s{0,8}([\w.:-]{1,40})", re.IGNORECASE
)
_ALIASES: Final = {
    # Labels of the WHATWG Encoding standard that Python's codecs don't know.
    "x-sjis": "cp932",
    "ms_kanji": "cp932",
    "x-euc-jp": "euc_jp",
    "x-gbk": "gb18030",
    "x-x-big5": "big5",
    "x-cp1250": "cp1250",
    "x-cp1251": "cp1251",
    "x-cp1252": "cp1252",
    "x-mac-cyrillic": "mac_cyrillic",
    "dos-874": "cp874",
    "unicode-1-1-utf-8": "utf-8",
}
_GUESSED: Final = "encoding not declared: "
_CONTROLS: Final = bytes(b for b in (*range(0x20), 0x7F) if b not in b"\t\n\r")
_NO_CHARACTERS: Final = ("\ufffe".encode(), "\uffff".encode())
_PAGE_ENDS: Final = re.compile(rb"</(?:body|html)\b[^<>]*>", re.IGNORECASE)
_TAGS: Final = re.compile(
    rb"<(?!/?(?:script|style|title|head|meta|link|h[1-6]|p|template)\b)/?[a-zA-Z][^<>]*>",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Tree:
    """A parsed page; ``flattened`` where it was nested too deep to be parsed as it is."""

    root: html.HtmlElement
    flattened: bool = False


def decode_page(data: bytes, charset: str | None) -> Decoded:
    """``data`` as text, by byte order mark, HTTP's ``charset``, ``<meta>``, or a guess.

    Raises :class:`Unreadable` where too much of it is in no known encoding.
    """
    labels = list(dict.fromkeys(name for name in (_known(charset), _meta(data)) if name))
    # The last one is tried by decoding; what fails there is guessed.
    trusted = (name for name in labels[:-1] if _decodes(data, name))
    label = next(trusted, labels[-1] if labels else None)
    try:
        decoded = decode(data, label)
    except Unreadable:
        repaired = _replacing(data, labels[0] if labels else None)
        if repaired is None:
            raise
        return repaired
    guessed = any(text.startswith(_GUESSED) for text in decoded.warnings)
    return _contradicting(decoded, labels[0]) if labels and guessed else decoded


def _contradicting(decoded: Decoded, label: str) -> Decoded:
    """``decoded`` with what its guess means where an encoding was declared, in vain."""
    said = (text.removeprefix(_GUESSED) for text in decoded.warnings)
    warnings = tuple(f"declared as {label}, but isn't: {text}" for text in said)
    return replace(decoded, warnings=warnings)


def _known(label: str | None) -> str | None:
    label = (label or "").strip().strip("\"'").lower()
    return _ALIASES.get(label, label) or None


def _meta(data: bytes) -> str | None:
    found = _META.search(data[:PRESCAN_BYTES])
    name = _known(found[1].decode("ascii", "replace")) if found else None
    # A page whose meta element can be read byte by byte is not in UTF-16 (HTML standard).
    return "utf-8" if name and name.startswith("utf-16") else name


def _decodes(data: bytes, label: str) -> bool:
    try:
        data.decode(label)
    except (LookupError, ValueError):
        return False
    return True


def _replacing(data: bytes, label: str | None) -> Decoded | None:
    """``data`` with what can't be decoded replaced; None where that is too much."""
    try:
        text = data.decode(label or "utf-8", "replace")
    except (LookupError, ValueError):
        label, text = None, data.decode("utf-8", "replace")
    lost = text.count("\ufffd")
    if lost > max(1, len(text) * MAX_REPLACED):
        return None
    shown = (label or "utf-8").lower()
    warning = f"{lost} characters are not valid {shown.upper()} and stand as U+FFFD"
    again = decode(text.encode("utf-8"), "utf-8")
    return Decoded(again.text, shown, (*again.warnings, warning))


def parse(text: str) -> Tree | None:
    """The tree of ``text``; None where there is no element and no text. Never raises.

    libxml2 stops at 256 levels and would drop what follows; a page that goes deeper is parsed
    with its containers made paragraphs.
    """
    data = text.encode("utf-8", "ignore").translate(None, _CONTROLS)
    for character in _NO_CHARACTERS:
        data = data.replace(character, b"")
    # What stands after </html> libxml2 drops; browsers show it.
    data = _PAGE_ENDS.sub(b"", data)
    root, complete = _parsed(data)
    if complete:
        return None if root is None else Tree(root)
    root, _ = _parsed(_TAGS.sub(b"<p>", data), huge=True)
    return None if root is None else Tree(root, flattened=True)


def _parsed(data: bytes, *, huge: bool = False) -> tuple[html.HtmlElement | None, bool]:
    parser = html.HTMLParser(
        encoding="utf-8",
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
        default_doctype=False,
        no_network=True,
        huge_tree=huge,
    )
    try:
        root = html.document_fromstring(data, parser=parser)
    except (etree.LxmlError, ValueError, AssertionError):
        return None, True
    error = parser.error_log.last_error
    return root, error is None or error.type != etree.ErrorTypes.ERR_RESOURCE_LIMIT
