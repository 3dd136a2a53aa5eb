"""What the fields of a message say of the article: title, author, provider, time, id, keywords."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.header import decode_header
from email.utils import parseaddr, parsedate_to_datetime
from typing import TYPE_CHECKING

from services.ingest.readers.base import Unreadable
from services.ingest.readers.bylines import byline
from services.ingest.readers.dates import YEARS, parse_when
from services.ingest.readers.encoding import decode
from services.ingest.readers.lines import clean
from services.ingest.readers.mail.mime import guarded

if TYPE_CHECKING:
    from services.ingest.readers.mail.mime import Part

MAX_SUBJECT = 1000
"""Characters: RFC 5322's longest line. What is longer is no title."""

MAX_KEYWORDS = 100
"""Keywords of one message that are kept."""

_PREFIX = re.compile(
    r"(?:(?:re|fwd?|aw|wg|antw|tr|rv|sv|vs|vl|odp|pd|i|r|enc)(?:\[\d{1,3}\])?\s?:\s*)+(?=\S)",
    re.IGNORECASE,
)
"""What mail programs put before the subject of an answer or a forward, in Europe's languages."""

_LIST_TAG = re.compile(r"\[([^\]]{1,60})\]\s+(?=\S)")
_VIA = re.compile(r"(?P<name>.+?),? (?:via|from|at|of|with|@|\|) (?P<provider>.+)")
_ZONE = re.compile(r"(?:[+-]\d{4}|\b(?:UT|UTC|GMT|Z|[ECMP][SD]T))\s*(?:\([^()]*\)\s*)?$")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,4}")
_HTTP = re.compile(r"https?://[^\s<>\"]{1,2000}", re.IGNORECASE)
_SENDING = frozenset({
    "mail", "email", "e", "em", "news", "newsletter", "newsletters", "send", "mailer", "mg",
    "bounce", "lists", "list", "info", "post", "smtp", "www",
})  # fmt: skip
"""First labels of host names that only send mail for a site."""

_MAILBOX_HOSTS = frozenset({
    "gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "yahoo.com",
    "icloud.com", "me.com", "aol.com", "gmx.net", "gmx.de", "web.de", "proton.me", "pm.me",
    "protonmail.com", "mail.ru", "yandex.ru", "qq.com", "163.com", "fastmail.com", "posteo.de",
    "orange.fr", "free.fr", "libero.it", "seznam.cz", "wp.pl", "t-online.de", "zoho.com",
})  # fmt: skip
"""Where anyone has a mailbox: such a domain says nothing of who provides the news."""


@dataclass
class Envelope:
    """The fields of a message as the article's metadata; ``warnings`` says what was not taken."""

    subject: str | None = None
    author: str | None = None
    provider: str | None = None
    message_id: str | None = None
    sent_at: datetime | None = None
    language: str | None = None
    url: str | None = None
    keywords: tuple[str, ...] = ()
    warnings: list[str] = field(default_factory=list)


def read_envelope(root: Part) -> Envelope:
    """What the header of a message says; never raises."""
    envelope = Envelope()
    envelope.message_id = _message_id(root)
    envelope.sent_at = _sent_at(root, envelope.warnings)
    envelope.keywords = _keywords(root)
    envelope.language = language(text(root, "content-language"))
    archived = _HTTP.search(text(root, "archived-at"))
    envelope.url = archived[0] if archived else None
    list_name = _phrase(text(root, "list-id"))
    envelope.subject = _subject(root, list_name, envelope.warnings)
    _take_sender(envelope, root, list_name)
    return envelope


def text(part: Part, name: str) -> str:
    """The field ``name`` with its encoded words decoded, cleaned; '' where there is none."""
    raw = part.fields.get(name, b"")
    if not raw:
        return ""
    plain = _decoded(b" ".join(raw.splitlines()), None)
    return clean(guarded(lambda: _words(plain), plain))


def _words(plain: str) -> str:
    """RFC 2047 undone; the pieces of one encoding are joined before they are decoded."""
    if "=?" not in plain:
        return plain
    pieces: list[str] = []
    for piece, charset in decode_header(plain):
        if isinstance(piece, str):
            pieces.append(piece)
        elif charset is None:
            # Between encoded words the library hands out the plain text escaped.
            pieces.append(piece.decode("raw-unicode-escape", "replace"))
        else:
            pieces.append(_decoded(piece, charset))
    return "".join(pieces)


def _decoded(data: bytes, label: str | None) -> str:
    try:
        return decode(data, label).text
    except Unreadable:
        return data.decode("utf-8", "replace").replace("\ufffd", "?")


def language(given: str) -> str | None:
    """The one language that ``given`` names; None for several, or for what is no tag."""
    tag = given.strip().replace("_", "-")
    return tag if _LANGUAGE.fullmatch(tag) and tag.casefold() not in ("und", "mul") else None


def _subject(root: Part, list_name: str | None, warnings: list[str]) -> str | None:
    subject = text(root, "subject")
    if len(subject) > MAX_SUBJECT:
        warnings.append(f"the subject has {len(subject)} characters: no headline was taken from it")
        return None
    if match := _PREFIX.match(subject):
        warnings.append(f"'{match[0].strip()}' taken off the subject")
        subject = subject[match.end() :]
    tag = _LIST_TAG.match(subject)
    if tag and list_name and tag[1].casefold() in f"{list_name} {text(root, 'list-id')}".casefold():
        warnings.append(f"the list's name '{tag[0].strip()}' taken off the subject")
        subject = subject[tag.end() :]
    return subject or None


def _message_id(root: Part) -> str | None:
    # The angle brackets are no part of the id (RFC 5322, 3.6.4).
    found = re.search(r"<([^<>]{1,500})>", text(root, "message-id"))
    return found[1].replace(" ", "") or None if found else None


def _sent_at(root: Part, warnings: list[str]) -> datetime | None:
    given = text(root, "date")
    if not given:
        warnings.append("the message has no date")
        return None
    moment = guarded(lambda: parsedate_to_datetime(given), None)
    if moment is not None and _ZONE.search(given):
        # "-0000" is UTC of a sender who doesn't say where he is (RFC 5322, 3.3).
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        utc = guarded(lambda: aware.astimezone(UTC), None)
        if utc is not None and utc.year in YEARS:
            return utc
    when = parse_when(given)
    if when is None or when.moment is None:
        why = when.warning if when and when.warning else f"no time taken from '{given[:80]}'"
        warnings.append(why)
    return when.moment if when else None


def _keywords(root: Part) -> tuple[str, ...]:
    words = (clean(word).strip('"') for word in re.split(r"[,;]", text(root, "keywords")))
    return tuple(dict.fromkeys(word for word in words if word))[:MAX_KEYWORDS]


def _phrase(list_id: str) -> str | None:
    """The words before the id in ``Valley Courier Morning <morning.courier.example>``."""
    phrase = clean(list_id.partition("<")[0].replace('"', " "))
    return phrase or None


# --- Who sent it ------------------------------------------------------------------------


def _take_sender(envelope: Envelope, root: Part, list_name: str | None) -> None:
    """Author: a person's name. Provider: organisation, else list, else sender's name, else site."""
    name, address = guarded(lambda: parseaddr(text(root, "from")), ("", ""))
    name = clean(name).strip("\"' ")
    provider = None
    if match := _VIA.fullmatch(name):
        name, provider = match["name"], match["provider"]
    if name and "@" not in name:
        if is_person(name):
            envelope.author = name
        else:
            provider = provider or name
    organisation = text(root, "organization") or text(root, "organisation")
    envelope.provider = organisation or list_name or provider or _site(address)


def is_person(name: str) -> bool:
    """Whether ``name`` reads as one person's: the rules of bylines, applied to a sender."""
    found = byline(f"By {name}")
    return found is not None and found.authors == (name,)


def _site(address: str) -> str | None:
    host = address.rpartition("@")[2].casefold().strip(".") if "@" in address else ""
    labels = host.split(".")
    while len(labels) > 2 and labels[0] in _SENDING:  # noqa: PLR2004  (name and top-level domain)
        labels = labels[1:]
    site = ".".join(labels)
    return None if not site or site in _MAILBOX_HOSTS else site
