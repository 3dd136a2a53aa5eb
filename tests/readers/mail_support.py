"""Messages for the tests, made of their parts."""

from __future__ import annotations

import base64
from pathlib import Path

from services.ingest.readers.base import BadRecord, Limits, ReadArticle
from services.ingest.readers.registry import read_file
from tests.readers.support import source

MAIL = Path(__file__).parent / "samples" / "mail"
MBOX = Path(__file__).parent / "samples" / "mbox"

HEADER = (
    "From: Ines Varga <ines@courier.example>\n"
    "To: desk@desk.example\n"
    "Date: Mon, 4 Mar 2024 09:15:00 +0100\n"
    "Message-ID: <1@courier.example>\n"
)
BODY = "The ferry sails again, the harbour office said.\n\nIt was broken for eleven days.\n"


def message(
    body: str | bytes = BODY, fields: str = "Subject: Ferry sails\n", header: str = HEADER
) -> bytes:
    """A message with this content; ``fields`` are added to the header."""
    content = body.encode() if isinstance(body, str) else body
    return (header + fields + "\n").encode() + content


def mixed(*parts: str | bytes, kind: str = "mixed", boundary: str = "b") -> bytes:
    """A message of several parts, each with its own header."""
    pieces = [part.encode() if isinstance(part, str) else part for part in parts]
    mark = boundary.encode()
    body = b"".join(b"--%s\n%s\n" % (mark, piece) for piece in pieces) + b"--%s--\n" % mark
    form = f"Content-Type: multipart/{kind}; boundary={boundary}\n"
    return message(body, f"Subject: Ferry sails\nMIME-Version: 1.0\n{form}")


def attachment(data: bytes, name: str, kind: str = "application/octet-stream") -> bytes:
    """A part that is an attached file."""
    head = (
        f"Content-Type: {kind}\nContent-Disposition: attachment; filename={name}\n"
        "Content-Transfer-Encoding: base64\n\n"
    )
    return head.encode() + base64.encodebytes(data)


def records(
    data: bytes, name: str = "story.eml", limits: Limits | None = None
) -> list[ReadArticle | BadRecord]:
    """All that a file holds."""
    return list(read_file(source(data, name), limits or Limits()))


def article(data: bytes, name: str = "story.eml") -> ReadArticle:
    """The only article of a file."""
    (found,) = records(data, name)
    assert isinstance(found, ReadArticle), found
    return found


def sample(name: str) -> list[ReadArticle | BadRecord]:
    """What a sample holds."""
    return records((MAIL / name).read_bytes(), name)
