"""Answers: made, written and packed in a reader's thread; kept by clients with their ETag.

The ETag is strong: of the very bytes, and another one where they are packed.
"""

import gzip
import re
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from services.indexer.api.context import Context
from services.indexer.store.base import ArticleStore

PACKED_FROM = 1000
"""Bytes from which an answer is packed: a smaller one fits into one packet anyway."""

PACKING_LEVEL = 5
"""Of gzip: within 3 % of the smallest for our JSON, in half the time."""

KEPT = {"cache-control": "private, no-cache", "vary": "Accept-Encoding, Authorization"}
"""A client may keep the answer for itself, and asks each time whether it still holds."""

_TAG = re.compile(r'(?:W/)?"([^"]*)"')
_CODING = re.compile(r"\s*(gzip|x-gzip|\*)\s*(?:;\s*q\s*=\s*([01](?:\.\d*)?)\s*)?", re.IGNORECASE)


def takes_gzip(accept: str) -> bool:
    """Whether an ``Accept-Encoding`` allows gzip."""
    weights = {}
    for part in accept.split(","):
        coding = _CODING.fullmatch(part)
        if coding is not None:
            weights[coding[1].lower()] = float(coding[2] or 1)
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0))) > 0


def answer_of(
    headers: Mapping[str, str], body: bytes, media_type: str = "application/json"
) -> Response:
    """The answer to a request with these headers: packed, or 304 where the client has it."""
    tag = blake2b(body, digest_size=16).hexdigest()
    packed = len(body) >= PACKED_FROM and takes_gzip(headers.get("accept-encoding", ""))
    common = {**KEPT, "etag": f'"{tag}-gzip"' if packed else f'"{tag}"'}
    if _has(headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=common)
    if packed:
        common["content-encoding"] = "gzip"
        body = gzip.compress(body, PACKING_LEVEL, mtime=0)
    return Response(body, media_type=media_type, headers=common)


def _has(if_none_match: str, tag: str) -> bool:
    """Whether the client has these bytes, packed or not."""
    if if_none_match.strip() == "*":
        return True
    return any(known.removesuffix("-gzip") == tag for known in _TAG.findall(if_none_match))


class Replies:
    """Answers one request with what is made of a store."""

    def __init__(self, request: Request, context: Context) -> None:
        self._headers = request.headers
        self._readers = context.readers

    async def __call__(self, make: Callable[[ArticleStore], BaseModel]) -> Response:
        """The answer; all of it is made in a reader's thread, however large it is."""
        return await self._readers.read(lambda store: self._of(make(store)))

    def _of(self, made: BaseModel) -> Response:
        return answer_of(self._headers, made.model_dump_json().encode())


Reply = Annotated[Replies, Depends()]
"""A route's parameter of this type answers the request."""
