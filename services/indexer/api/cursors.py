"""Cursors: where a page ended, as one opaque word that only its own query takes back.

Base64url of: a version (1 byte), a fingerprint of the query (8 bytes), two numbers (8 bytes
each, big-endian).  There is nothing secret in it; the fingerprint keeps a cursor from being
used with other filters, where it would leave out what nobody has seen.
"""

from __future__ import annotations

import struct
from base64 import b64decode, urlsafe_b64encode
from dataclasses import asdict, replace
from hashlib import blake2b
from typing import TYPE_CHECKING

import orjson

from services.indexer.api.problems import ProblemError
from services.indexer.store.base import Position

if TYPE_CHECKING:
    from services.indexer.store.base import Query

VERSION = 1
"""Of the layout, and of what the numbers mean."""

FINGERPRINT = 8
"""Bytes of a fingerprint: no two queries of one client share one by accident."""

_LAYOUT = struct.Struct(f">B{FINGERPRINT}sqq")

CHANGES = blake2b(b"changes", digest_size=FINGERPRINT).digest()
"""Stands for the query in cursors of the list of changes, which takes none."""

MAX_CHARS = 4 * -(-_LAYOUT.size // 3)
"""Characters of a cursor."""


def fingerprint(query: Query) -> bytes:
    """What tells a query from others; how many are on a page may change between pages."""
    given = {name: value for name, value in asdict(replace(query, limit=0)).items() if value}
    return blake2b(
        orjson.dumps(given, option=orjson.OPT_SORT_KEYS), digest_size=FINGERPRINT
    ).digest()


def written(query: Query, position: Position | None) -> str | None:
    """The cursor of the next page of ``query``; None where there is none."""
    if position is None:
        return None
    return _encoded(fingerprint(query), position.place, position.as_of)


def read(query: Query, cursor: str | None) -> Position | None:
    """Where to go on; ``ProblemError`` for what is no cursor of this query."""
    if cursor is None:
        return None
    place, as_of = _decoded(fingerprint(query), cursor)
    return Position(place=place, as_of=as_of)


def written_change(position: int) -> str:
    """The cursor behind a change."""
    return _encoded(CHANGES, position, 0)


def read_change(cursor: str | None) -> int:
    """The position of the last change seen; 0, before all, without a cursor."""
    return 0 if cursor is None else _decoded(CHANGES, cursor)[0]


def _encoded(query: bytes, first: int, second: int) -> str:
    packed = _LAYOUT.pack(VERSION, query, first, second)
    return urlsafe_b64encode(packed).decode("ascii").rstrip("=")


def _decoded(query: bytes, cursor: str) -> tuple[int, int]:
    version, asked, first, second = _unpacked(cursor)
    if version != VERSION:
        raise _bad("It is from another version of Wiredesk: begin again with the first page.")
    if asked != query:
        raise _bad(
            "It is from another list: ask with the same filters as for the page that it came "
            "with, or leave it out."
        )
    return first, second


def _unpacked(cursor: str) -> tuple[int, bytes, int, int]:
    try:
        packed = b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        version, asked, first, second = _LAYOUT.unpack(packed)
    except (ValueError, struct.error):
        raise _bad(
            "It isn't one that was given out: take 'next' of the page before, as it is."
        ) from None
    return version, asked, first, second


def _bad(detail: str) -> ProblemError:
    return ProblemError(400, "bad-cursor", detail)
