"""Signatures as Standard Webhooks 1.0 has them (symmetric: HMAC-SHA256, ``v1``).

Source: the specification at https://www.standardwebhooks.com, "Verifying webhook authenticity":
the signed content is ``{webhook-id}.{webhook-timestamp}.{body}``; a secret is 24 to 64 random
bytes, written as ``whsec_`` and base64; ``webhook-signature`` holds one or more signatures,
``v1,`` and base64 each, with spaces between them, so that a secret can be changed without a gap.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PREFIX = "whsec_"

SECRET_BYTES = 32
"""Random bytes of a new secret: the length of the digest; more adds nothing to HMAC-SHA256."""

LEAST_BYTES, MOST_BYTES = 24, 64
"""Bytes that a secret may have, by the specification."""


class BadSecret(ValueError):  # noqa: N818  (named for what it is)
    """A text that is no secret; the message never quotes it."""


def new_secret() -> str:
    """A new random secret, e.g. ``whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw…``."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """The bytes of a secret; :class:`BadSecret` says what is wrong with it."""
    if not secret.startswith(PREFIX):
        raise BadSecret(f"a secret begins with {PREFIX}")
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadSecret(f"behind {PREFIX} a secret is base64") from error
    if not LEAST_BYTES <= len(key) <= MOST_BYTES:
        raise BadSecret(
            f"a secret has {LEAST_BYTES} to {MOST_BYTES} bytes, this one has {len(key)}"
        )
    return key


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """``v1,`` and the signature of one message; ``timestamp`` in seconds since 1970."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.new(key_of(secret), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def signature_header(held: Iterable[str], message_id: str, timestamp: int, body: bytes) -> str:
    """The value of ``webhook-signature``: one signature for each secret that holds."""
    return " ".join(signature(secret, message_id, timestamp, body) for secret in held)
