"""Why an upload isn't taken: errors that end a request, each with its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.serving.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

RETRY_AFTER = {"retry-after": "5"}
"""Seconds after which a sender should try again: a volume is mounted, a place is free by then."""

TITLES: Mapping[str, str] = {
    "bad-request": "The request can't be understood",
    "bad-digest": "What came is not what was sent",
    "unauthorized": "A token is needed",
    "forbidden": "This is not allowed",
    "wrong-host": "Not called by this name",
    "not-found": "There is no such thing",
    "method-not-allowed": "This can't be done here",
    "too-slow": "It took too long",
    "conflict": "The same upload is under way",
    "gone": "It is no longer there",
    "too-large": "The request is too large",
    "unsupported": "It can't be sent this way",
    "key-reused": "The key was used for another file",
    "too-many": "Too many requests",
    "internal": "Something went wrong here",
    "busy": "Too many uploads at once",
    "unavailable": "Not available now",
    "no-space": "The disk is full",
}
"""Every kind of problem and its title; clients may rely on the names."""

S3_CODES: Mapping[str, str] = {
    "bad-digest": "BadDigest",
    "bad-request": "InvalidRequest",
    "busy": "SlowDown",
    "conflict": "OperationAborted",
    "forbidden": "AccessDenied",
    "internal": "InternalError",
    "method-not-allowed": "MethodNotAllowed",
    "no-space": "ServiceUnavailable",
    "not-found": "NoSuchKey",
    "too-large": "EntityTooLarge",
    "too-many": "SlowDown",
    "too-slow": "RequestTimeout",
    "unauthorized": "AccessDenied",
    "unavailable": "ServiceUnavailable",
    "unsupported": "NotImplemented",
}
"""The kinds by the names that S3 clients know; for others ``InvalidRequest``."""


class Refused(Exception):  # noqa: N818  (named for what is the case)
    """Ends a request with a refusal. ``s3_code``: a closer name for S3 clients."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        headers: Mapping[str, str] | None = None,
        s3_code: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.refusal = Refusal(status, kind, detail, headers or {})
        self.s3_code = s3_code or S3_CODES.get(kind, "InvalidRequest")


class CutOff(Exception):  # noqa: N818  (named for what is the case)
    """The sender went away before the end: nobody is there to answer."""


def bad_request(detail: str) -> Refused:
    """The request makes no sense."""
    return Refused(400, "bad-request", detail)


def unsupported(status: int, detail: str) -> Refused:
    """A way to send that we don't know."""
    return Refused(status, "unsupported", detail)


def unavailable(detail: str) -> Refused:
    """It may work later."""
    return Refused(503, "unavailable", detail, RETRY_AFTER)


def no_space() -> Refused:
    """The disk doesn't take it."""
    detail = "there is not enough space for this file; an operator has to make some"
    return Refused(507, "no-space", detail, RETRY_AFTER)


def too_large(limit: int) -> Refused:
    """More than the settings allow."""
    return Refused(413, "too-large", f"the file is too large; {limit} bytes are taken at most")
