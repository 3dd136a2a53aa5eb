"""Why a request isn't answered, and bearer tokens as RFC 6750 has them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

REALM = 'Bearer realm="wiredesk"'


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request isn't answered, in the parts of a problem document."""

    status: int
    kind: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)


def bearer(authorization: list[str], needed: str) -> str | Refusal:
    """The token in the ``Authorization`` headers; ``needed`` is said where there is none."""
    if len(authorization) > 1:
        return unauthorized("send one Authorization header, not several", "invalid_request", 400)
    scheme, _, text = (authorization or [""])[0].partition(" ")
    if scheme.lower() != "bearer":
        return unauthorized(needed)
    return text.strip(" ")


def unauthorized(detail: str, error: str | None = None, status: int = 401) -> Refusal:
    """RFC 6750: who presented nothing is told no error code."""
    challenge = REALM if error is None else f'{REALM}, error="{error}"'
    kind = "bad-request" if status == 400 else "unauthorized"  # noqa: PLR2004  (Bad Request)
    return Refusal(status, kind, detail, {"www-authenticate": challenge})


def not_valid() -> Refusal:
    """A token was presented that opens nothing."""
    return unauthorized(
        "the token is not valid: mistyped, removed, or its time is over", "invalid_token"
    )
