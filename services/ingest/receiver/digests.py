"""Checksums that senders declare, and what came held against them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import zlib
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING, Protocol

from services.ingest.receiver.refused import Refused, bad_request, unsupported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_DIGEST_FIELD = re.compile(r"\s*([a-z0-9_-]+)\s*=\s*:([A-Za-z0-9+/=]*):\s*(?:;.*)?", re.ASCII)
"""One member of ``Content-Digest`` and ``Repr-Digest`` (RFC 9530): a byte sequence in colons."""

_HEX_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Hasher(Protocol):
    """What ``hashlib`` makes, as far as it is used."""

    def update(self, data: bytes, /) -> None:
        """Take more of the file."""

    def digest(self) -> bytes:
        """What all of it comes to."""


class Crc32:
    """CRC-32 as zlib has it, big-endian, as S3 clients send it."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        """Take more of the file."""
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        """What all of it comes to."""
        return self._value.to_bytes(4, "big")


class TableCrc:
    """A CRC byte by byte over its table, lowest bit first; no library that we have computes it.

    About 10 MB/s: some milliseconds for an article.  ``polynomial``: with its bits reversed.
    """

    def __init__(self, bits: int, polynomial: int) -> None:
        self._bytes = bits // 8
        self._mask = self._value = (1 << bits) - 1
        self._table = _table(polynomial)

    def update(self, data: bytes, /) -> None:
        """Take more of the file."""
        value, table = self._value, self._table
        for byte in data:
            value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
        self._value = value

    def digest(self) -> bytes:
        """What all of it comes to."""
        return (self._value ^ self._mask).to_bytes(self._bytes, "big")


@cache
def _table(polynomial: int) -> tuple[int, ...]:
    entries = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (polynomial if value & 1 else 0)
        entries.append(value)
    return tuple(entries)


def _md5() -> Hasher:
    return hashlib.md5(usedforsecurity=False)


def _sha1() -> Hasher:
    return hashlib.sha1(usedforsecurity=False)


MAKERS: Mapping[str, Callable[[], Hasher]] = {
    "crc32": Crc32,
    "crc32c": partial(TableCrc, 32, 0x82F63B78),
    "crc64nvme": partial(TableCrc, 64, 0x9A6C9329AC4BC9B5),
    "md5": _md5,
    "sha1": _sha1,
    "sha256": hashlib.sha256,
    "sha512": hashlib.sha512,
}

AMZ_PREFIX = "x-amz-checksum-"
AMZ_ALGORITHMS = ("crc32", "crc32c", "crc64nvme", "sha1", "sha256")
"""S3's checksums."""

_OF_DIGEST_FIELD = {"sha-256": "sha256", "sha-512": "sha512"}
"""RFC 9530's algorithms that hold today; others in a field are passed over, as it says."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A digest that the sender says the file has; ``where`` names the header."""

    where: str
    algorithm: str
    digest: bytes


def declared(headers: Mapping[str, str]) -> list[Declared]:
    """The digests in a request's headers; :class:`Refused` for those that can't be read."""
    found = []
    if "content-md5" in headers:
        found.append(_of_base64("content-md5", "md5", headers["content-md5"]))
    for name in ("content-digest", "repr-digest"):
        found.extend(_of_field(name, headers.get(name, "")))
    found.extend(amz(headers.items()))
    content = headers.get("x-amz-content-sha256", "")
    if _HEX_SHA256.fullmatch(content):
        found.append(Declared("x-amz-content-sha256", "sha256", bytes.fromhex(content)))
    return found


def amz(headers: Iterable[tuple[str, str]]) -> list[Declared]:
    """The digests in ``x-amz-checksum-…`` headers, or trailers."""
    found = []
    for name, value in headers:
        algorithm = name.removeprefix(AMZ_PREFIX)
        if algorithm == name or algorithm in {"algorithm", "type", "mode"}:
            continue
        if algorithm not in AMZ_ALGORITHMS:
            raise unsupported(501, f"of {AMZ_PREFIX}…, {', '.join(AMZ_ALGORITHMS)} are known here")
        found.append(_of_base64(name, algorithm, value))
    return found


def announced(headers: Mapping[str, str]) -> tuple[str, ...]:
    """The trailers that a request says will follow its body: digests and nothing else."""
    names = [each.strip().lower() for each in headers.get("x-amz-trailer", "").split(",")]
    found = tuple(each for each in names if each)
    for each in found:
        if each.removeprefix(AMZ_PREFIX) not in AMZ_ALGORITHMS:
            raise unsupported(501, f"the trailer {each[:64]} isn't known here")
    return found


def _of_field(name: str, value: str) -> list[Declared]:
    found = []
    for member in filter(None, (each.strip() for each in value.split(","))):
        match = _DIGEST_FIELD.fullmatch(member)
        if match is None:
            raise bad_request(f"{name} can't be read; write sha-256=:BASE64:")
        algorithm = _OF_DIGEST_FIELD.get(match[1])
        if algorithm is not None:
            found.append(_of_base64(name, algorithm, match[2]))
    return found


def _of_base64(where: str, algorithm: str, text: str) -> Declared:
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != len(MAKERS[algorithm]().digest()):
        raise Refused(
            400, "bad-request", f"{where} is no {algorithm} in Base64", s3_code="InvalidDigest"
        )
    return Declared(where, algorithm, digest)


@dataclass
class Digests:
    """Takes a file piece by piece; SHA-256 always, others where they are wanted."""

    expected: list[Declared] = field(default_factory=list)
    also: tuple[str, ...] = ()
    size: int = 0
    _hashers: dict[str, Hasher] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wanted = {"sha256", *self.also, *(each.algorithm for each in self.expected)}
        self._hashers = {name: MAKERS[name]() for name in sorted(wanted)}

    def update(self, data: bytes) -> None:
        """Take more of the file."""
        self.size += len(data)
        for hasher in self._hashers.values():
            hasher.update(data)

    def hex(self, algorithm: str = "sha256") -> str:
        """The digest of all that came, in hex."""
        return self._hashers[algorithm].digest().hex()

    def check(self, late: Iterable[Declared] = ()) -> None:
        """:class:`Refused` where what came has another digest than was said.

        ``late``: digests that came after the file; their algorithms were announced before it.
        """
        for each in (*self.expected, *late):
            if not hmac.compare_digest(self._hashers[each.algorithm].digest(), each.digest):
                raise Refused(
                    400,
                    "bad-digest",
                    f"what came doesn't have the digest in {each.where}; send it again",
                    s3_code="XAmzContentSHA256Mismatch"
                    if each.where == "x-amz-content-sha256"
                    else "BadDigest",
                )
