"""Bodies in ``aws-chunked`` encoding: chunks with their lengths, signatures, and digests behind."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.ingest.receiver import digests
from services.ingest.receiver.keys import same
from services.ingest.receiver.refused import Refused, bad_request
from services.ingest.receiver.sigv4 import sign

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from services.ingest.receiver.body import Pieces
    from services.ingest.receiver.digests import Declared
    from services.ingest.receiver.sigv4 import Proof

EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()

MAX_LINE = 1024
"""Bytes of a chunk's head or of a trailer: a length, a signature of 64 and their names are 100."""

MAX_TRAILERS = 8
"""Lines behind the last chunk: one digest and its signature is usual."""

_HEAD = re.compile(rb"([0-9a-fA-F]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?", re.ASCII)
_TRAILER = re.compile(r"([a-z0-9-]{1,64}):\s*([!-~]{1,256})", re.ASCII)


@dataclass
class Decoder:
    """Takes an ``aws-chunked`` body apart.

    ``proof``: where each chunk is signed, what the request was signed with.  ``trailed``: a
    trailer follows.  What it gives of a chunk isn't proven before the chunk's end.
    """

    proof: Proof | None = None
    trailed: bool = False
    complete: bool = False
    trailers: list[tuple[str, str]] = field(default_factory=list)
    _buffer: bytearray = field(default_factory=bytearray)
    _left: int = 0
    _step: str = "head"
    _signature: str = ""
    _previous: str = ""

    def __post_init__(self) -> None:
        self._hash = hashlib.sha256()
        self._previous = "" if self.proof is None else self.proof.signature

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The file's bytes in ``data``; :class:`Refused` where it isn't what it should be."""
        self._buffer += data
        while True:
            if self._step == "data":
                piece = self._some_data()
                if not piece:
                    return
                yield piece
                continue
            line = self._line()
            if line is None:
                return
            self._take(line)

    def _line(self) -> bytes | None:
        """The next whole line, without its end."""
        at = self._buffer.find(b"\r\n")
        if at > MAX_LINE or (at < 0 and len(self._buffer) > MAX_LINE):
            raise _broken()
        if at < 0:
            return None
        line = bytes(self._buffer[:at])
        del self._buffer[: at + 2]
        return line

    def _take(self, line: bytes) -> None:
        if self._step == "head":
            self._begin(line)
        elif self._step == "end" and not line:
            self._check_chunk()
            self._step = "head"
        elif self._step == "trailer":
            self._trailer(line)
        else:
            raise _broken()

    def _begin(self, line: bytes) -> None:
        match = _HEAD.fullmatch(line)
        if match is None or (self.proof is not None) != (match[2] is not None):
            raise _broken()
        self._left = int(match[1], 16)
        self._signature = (match[2] or b"").decode()
        if self._left:
            self._step = "data"
        else:
            self._check_chunk()
            self._step = "trailer"

    def _some_data(self) -> bytes:
        piece = bytes(self._buffer[: self._left])
        del self._buffer[: len(piece)]
        self._left -= len(piece)
        if self.proof is not None:
            self._hash.update(piece)
        if not self._left:
            self._step = "end"
        return piece

    def _check_chunk(self) -> None:
        if self.proof is None:
            return
        parts = (self._previous, EMPTY_SHA256, self._hash.hexdigest())
        self._check("AWS4-HMAC-SHA256-PAYLOAD", parts, self._signature)
        self._hash = hashlib.sha256()

    def _trailer(self, line: bytes) -> None:
        if line:
            match = _TRAILER.fullmatch(line.decode("latin-1"))
            if match is None or not self.trailed or len(self.trailers) >= MAX_TRAILERS:
                raise _broken()
            self.trailers.append((match[1], match[2]))
            return
        self._check_trailers()
        self.complete = True
        self._step = "over"  # whatever comes now is too much

    def _check_trailers(self) -> None:
        if self.proof is None or not self.trailed:
            return
        signature = dict(self.trailers).get("x-amz-trailer-signature", "")
        text = "".join(f"{n}:{v}\n" for n, v in self.trailers if n != "x-amz-trailer-signature")
        digest = hashlib.sha256(text.encode()).hexdigest()
        self._check("AWS4-HMAC-SHA256-TRAILER", (self._previous, digest), signature)

    def _check(self, kind: str, parts: tuple[str, ...], signature: str) -> None:
        proof = self.proof
        assert proof is not None  # noqa: S101  (only who has one checks)
        wanted = sign(proof.signing_key, "\n".join((kind, proof.time, proof.scope, *parts)))
        if not same(wanted, signature):
            raise Refused(
                403,
                "forbidden",
                "a chunk's signature doesn't fit what came",
                s3_code="SignatureDoesNotMatch",
            )
        self._previous = wanted


@dataclass
class Decoded:
    """The file in an ``aws-chunked`` body. ``announced``: trailers that were said to come."""

    pieces: Pieces
    decoder: Decoder
    announced: tuple[str, ...] = ()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self.pieces:
            for part in self.decoder.feed(piece):
                yield part
        if not self.decoder.complete:
            raise _broken()

    def late(self) -> list[Declared]:
        """The digests behind the last chunk; :class:`Refused` where one doesn't come."""
        found = dict(self.decoder.trailers)
        if any(name not in found for name in self.announced):
            raise bad_request("a trailer that was announced didn't come")
        return digests.amz((name, found[name]) for name in self.announced)


def _broken() -> Refused:
    return bad_request("the body isn't in aws-chunked encoding as it says")
