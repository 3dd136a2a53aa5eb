"""AWS Signature Version 4 as S3 clients sign with it: checked, so that any of them can upload.

Signatures in the ``Authorization`` header only; one in an address (a "presigned URL") would be in
logs.  The region is the client's own business: it is part of what is signed, and no more.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

from services.ingest.receiver.keys import same
from services.ingest.receiver.refused import Refused, bad_request, unsupported

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.ingest.receiver.keys import S3Key

ALGORITHM = "AWS4-HMAC-SHA256"

MAX_SKEW = timedelta(minutes=15)
"""How old a signature may be, or how far ahead: S3's own limit."""

_CREDENTIAL = re.compile(r"([!-.0-~]+)/([0-9]{8})/([A-Za-z0-9_-]+)/s3/aws4_request", re.ASCII)
_SIGNATURE = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SPACES = re.compile(r" +")


@dataclass(frozen=True, slots=True)
class Signed:
    """The parts of an ``Authorization`` header."""

    key_id: str
    date: str
    region: str
    headers: tuple[str, ...]
    signature: str

    @property
    def scope(self) -> str:
        """The credential scope, as it is signed."""
        return f"{self.date}/{self.region}/s3/aws4_request"


@dataclass(frozen=True, slots=True)
class Proof:
    """A request whose signature is right: whose it is, and what its chunks are signed with."""

    name: str
    signing_key: bytes
    time: str
    scope: str
    signature: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What is signed of a request: ``path`` and ``query`` as they were sent, encoded."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]


def is_signed(authorization: list[str]) -> bool:
    """Whether a request says that it is signed this way."""
    return bool(authorization) and authorization[0].startswith(ALGORITHM)


def parsed(authorization: str) -> Signed:
    """The parts of the header; :class:`Refused` where it isn't one."""
    pairs = (each.strip().partition("=") for each in authorization[len(ALGORITHM) :].split(","))
    parts = {name: value for name, _, value in pairs}
    credential = _CREDENTIAL.fullmatch(parts.get("Credential", ""))
    signature = parts.get("Signature", "")
    headers = tuple(parts.get("SignedHeaders", "").split(";"))
    if credential is None or not _SIGNATURE.fullmatch(signature) or not all(headers):
        raise Refused(
            400,
            "bad-request",
            "the Authorization header isn't one of AWS Signature Version 4 for S3",
            s3_code="AuthorizationHeaderMalformed",
        )
    return Signed(credential[1], credential[2], credential[3], headers, signature)


def verify(signed: Signed, key: S3Key, asked: Asked, now: datetime) -> Proof:
    """Whether ``key`` signed the request; :class:`Refused` where not. ``key`` may be nobody's."""
    time = asked.headers.get("x-amz-date", "")
    payload = asked.headers.get("x-amz-content-sha256", "")
    _check_time(time, signed.date, now)
    _check_headers(signed, asked)
    canonical = canonical_request(signed, asked, payload)
    text = "\n".join((ALGORITHM, time, signed.scope, _sha256(canonical.encode())))
    signing_key = signing_key_of(key.secret, signed)
    if not (same(sign(signing_key, text), signed.signature) and key.name):
        raise Refused(
            403,
            "forbidden",
            "the signature doesn't fit: another secret, a key that isn't known here, or something "
            "on the way changed the request (its Host, for instance)",
            s3_code="SignatureDoesNotMatch",
        )
    return Proof(key.name, signing_key, time, signed.scope, signed.signature)


def _check_time(time: str, date: str, now: datetime) -> None:
    try:
        at = datetime.strptime(time, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise bad_request("x-amz-date is missing, or isn't like 20260302T120000Z") from error
    if time[:8] != date:
        raise bad_request("the credential's date isn't that of x-amz-date")
    if abs(now - at) > MAX_SKEW:
        raise Refused(
            403,
            "forbidden",
            f"the request was signed at {time}, and here it is {now:%Y%m%dT%H%M%SZ}",
            s3_code="RequestTimeTooSkewed",
        )


def _check_headers(signed: Signed, asked: Asked) -> None:
    amz = {name for name in asked.headers if name.startswith("x-amz-")}
    needed = amz | {"host", "x-amz-content-sha256"}
    missing = sorted(needed - set(signed.headers) | set(signed.headers) - set(asked.headers))
    if missing:
        raise Refused(
            403,
            "forbidden",
            f"these headers must be sent and signed: {', '.join(missing)}",
            s3_code="AccessDenied",
        )


def canonical_request(signed: Signed, asked: Asked, payload: str) -> str:
    """What the client signed, in one form whatever way it was sent."""
    headers = "".join(
        f"{name}:{_SPACES.sub(' ', asked.headers[name].strip())}\n" for name in signed.headers
    )
    return "\n".join(
        (
            asked.method,
            _encoded(asked.path, "/"),
            canonical_query(asked.query),
            headers,
            ";".join(signed.headers),
            payload,
        )
    )


def canonical_query(query: str) -> str:
    """The query's parts, encoded alike and in order."""
    pairs = (each.partition("=") for each in query.split("&") if each)
    return "&".join(f"{n}={v}" for n, v in sorted((_encoded(n), _encoded(v)) for n, _, v in pairs))


def signing_key_of(secret: str, signed: Signed) -> bytes:
    """The key of one day, region and service."""
    key = f"AWS4{secret}".encode()
    for part in (signed.date, signed.region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def sign(signing_key: bytes, text: str) -> str:
    """The signature of a text."""
    return hmac.new(signing_key, text.encode(), hashlib.sha256).hexdigest()


def decoding_of(headers: Mapping[str, str]) -> str | None:
    """How a signed request's body is packed: one of the ``STREAMING-…`` names, None for plain."""
    payload = headers.get("x-amz-content-sha256", "")
    if payload == "UNSIGNED-PAYLOAD" or _SIGNATURE.fullmatch(payload):
        return None
    if payload in STREAMING:
        return payload
    raise unsupported(501, f"x-amz-content-sha256: {payload[:64]} isn't known here")


STREAMING = (
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
)


def _encoded(text: str, safe: str = "") -> str:
    return quote(unquote_to_bytes(text), safe=f"-_.~{safe}")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
