"""A stream as a server with another clock has left it: its dump, with one delivery time changed.

No command sets a delivery time in the future (``XCLAIM … TIME`` refuses it); a server does so
by itself when its clock is set back.  A dump ends with a version (2 bytes) and a CRC-64 (8).
"""

from __future__ import annotations

import struct

_POLYNOMIAL = 0x95AC9329AC4BC9B5
"""The one that Redis uses (Jones), its bits reversed."""

_FOOTER = 8


def crc64(data: bytes) -> int:
    """Redis' checksum of ``data``."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
    return crc


def delivered_later(dump: bytes, entry_id: str, milliseconds: int) -> bytes:
    """``dump`` of a stream in which a pending entry was delivered so much later."""
    body = dump[:-_FOOTER]
    assert struct.pack("<Q", crc64(body)) == dump[-_FOOTER:], "not a dump as we know it"
    first, second = (int(part) for part in entry_id.split("-"))
    # In the group's list of pending entries the id is followed by the time; elsewhere it isn't.
    for at in _places(body, struct.pack(">QQ", first, second)):
        (delivered,) = struct.unpack_from("<q", body, at)
        if abs(delivered - first) < 60_000:
            changed = body[:at] + struct.pack("<q", delivered + milliseconds) + body[at + 8 :]
            return changed + struct.pack("<Q", crc64(changed))
    raise AssertionError(f"{entry_id} isn't pending in this dump")


def _places(body: bytes, needle: bytes) -> list[int]:
    found, at = [], body.find(needle)
    while at >= 0:
        if at + len(needle) + 8 <= len(body):
            found.append(at + len(needle))
        at = body.find(needle, at + 1)
    return found
