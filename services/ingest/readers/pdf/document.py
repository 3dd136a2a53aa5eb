"""What a PDF says of itself: version, title, authors, dates, language; each only if it is sensible.

Programs fill these fields with names of files, of users and of themselves.
"""

from __future__ import annotations

import ctypes
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

import pypdfium2.raw as pdfium

from services.ingest.readers.bylines import byline
from services.ingest.readers.dates import YEARS
from services.ingest.readers.lines import clean

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

MAX_FIELD: Final = 2000
"""Characters of a metadata field that are looked at; hostile ones have megabytes."""

MAX_KEYWORDS: Final = 100

_NO_TITLE = re.compile(
    r"(?:microsoft (?:word|powerpoint|excel)|powerpoint[- ]|untitled|unbenannt"
    r"|sans titre|sin título|document\s?\d*$|dokument\s?\d*$|presentation\s?\d*$|slide \d|print$"
    r"|full page|layout\s?\d"
    r"|seite \d|page \d|new document|\d+$)"
    r"|.*\.(?:docx?|odt|rtf|indd|qxp|qxd|pptx?|xlsx?|pdf|tex|dvi|ps|html?|txt|pages|pub|cdr|ai)$",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"(?:D:)?(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)(?P<hour>\d\d)(?P<minute>\d\d)"
    r"(?P<second>\d\d)?(?P<zone>Z|[+-]\d\d'?(?:\d\d'?)?)?.*"
)
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,4}")
_COPY_ALLOWED: Final = 1 << 4
"""Bit 5 of the permissions (PDF 2.0, table 22): copy or otherwise extract text."""


@dataclass
class Details:
    """A document's metadata; ``warnings`` says what was not taken."""

    version: str
    title: str | None = None
    authors: tuple[str, ...] = ()
    created_at: datetime | None = None
    language: str | None = None
    keywords: tuple[str, ...] = ()
    warnings: list[str] = field(default_factory=list)


def details(document: PdfDocument) -> Details:
    """What ``document`` says of itself."""
    version = document.get_version() or 0
    found = Details(f"{version // 10}.{version % 10}" if version else "of unknown version")
    _encryption(document, found)
    title = _field(document, "Title")
    if title and _NO_TITLE.match(title):
        found.warnings.append(f"title '{title[:80]}' not taken: a program made it")
    else:
        found.title = title or None
    _authors(_field(document, "Author"), found)
    _created(_field(document, "CreationDate"), found)
    keywords = (clean(word) for word in re.split(r"[,;]", _field(document, "Keywords")))
    found.keywords = tuple(dict.fromkeys(word for word in keywords if word))[:MAX_KEYWORDS]
    language = _language(document)
    found.language = language if _LANGUAGE.fullmatch(language) else None
    return found


def _encryption(document: PdfDocument, found: Details) -> None:
    if pdfium.FPDF_GetSecurityHandlerRevision(document) < 0:
        return
    found.warnings.append("encrypted without a password: read")
    if not pdfium.FPDF_GetDocPermissions(document) & _COPY_ALLOWED:
        found.warnings.append("its author asks not to copy text from it")


def _field(document: PdfDocument, name: str) -> str:
    key = name.encode() + b"\x00"
    size = pdfium.FPDF_GetMetaText(document, key, None, 0)
    if size <= 2:  # noqa: PLR2004  (only the closing NUL, in UTF-16)
        return ""
    buffer = ctypes.create_string_buffer(size)
    pdfium.FPDF_GetMetaText(document, key, buffer, size)
    return _utf16(buffer.raw)


def _language(document: PdfDocument) -> str:
    size = pdfium.FPDFCatalog_GetLanguage(document, None, 0)
    if not 2 < size <= 2 * MAX_FIELD:  # noqa: PLR2004
        return ""
    buffer = (pdfium.FPDF_WCHAR * (size // 2))()
    pdfium.FPDFCatalog_GetLanguage(document, buffer, size)
    return _utf16(bytes(buffer))


def _utf16(raw: bytes) -> str:
    return clean(raw[: 2 * MAX_FIELD].decode("utf-16-le", "ignore"))


def _authors(given: str, found: Details) -> None:
    names: list[str] = []
    for part in re.split(r"\s*;\s*", given)[:20]:
        line = byline(f"By {part}") if part else None
        names += line.authors if line else ()
    found.authors = tuple(dict.fromkeys(names))
    if given and not names:
        found.warnings.append(f"author '{given[:80]}' not taken: it is no person's name")


def _created(given: str, found: Details) -> None:
    match = _DATE.fullmatch(given)
    if match is None or match["zone"] is None:
        if given:
            why = "it has no time zone" if match else "it is no PDF date"
            found.warnings.append(f"no time taken from the creation date '{given[:40]}': {why}")
        return
    try:
        found.created_at = _moment(match)
    except (ValueError, OverflowError):
        found.warnings.append(f"no time taken from the creation date '{given[:40]}'")


def _moment(match: re.Match[str]) -> datetime:
    """PDF 2.0, 7.9.4; raises ``ValueError`` for what is on no calendar."""
    parts = [int(match[name] or 0) for name in ("year", "month", "day", "hour", "minute", "second")]
    digits = re.sub(r"\D", "", match["zone"]).ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    zone = timezone(-offset if match["zone"].startswith("-") else offset)
    if parts[0] not in YEARS:
        raise ValueError(parts[0])
    year, month, day, hour, minute, second = parts
    return datetime(year, month, day, hour, minute, second, tzinfo=zone).astimezone(UTC)
