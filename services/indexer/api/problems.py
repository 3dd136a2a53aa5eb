"""Errors of the API, as problem documents (RFC 9457).

Each kind has a name that never changes and a title.  What an error says is about the
request, never about an article: no content, no path of this machine, no traceback.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING
from uuid import uuid4

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from services.bus.errors import StopWorking, Unavailable
from services.indexer.store.base import BadQuery
from services.observability import get_logger, seldom
from services.serving.problem import KIND_PREFIX, PROBLEM_JSON, FieldProblem, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping, Sequence
    from typing import Any

    from fastapi import FastAPI
    from starlette.requests import Request

log = get_logger("api")

TITLES: Mapping[str, str] = {
    "bad-request": "The request can't be understood",
    "bad-parameter": "A parameter is wrong",
    "bad-query": "This search can't be made",
    "bad-cursor": "The cursor doesn't fit",
    "unauthorized": "A token is needed",
    "forbidden": "The token doesn't allow this",
    "wrong-host": "Not called by this name",
    "not-found": "There is no such thing",
    "withdrawn": "The article was withdrawn",
    "gone": "It is no longer there",
    "method-not-allowed": "Only reading is possible here",
    "too-large": "The request is too large",
    "too-many": "Too many requests",
    "internal": "Something went wrong here",
    "unavailable": "Not available now",
}
"""Every kind of problem and its title; clients may rely on the names."""

KIND_OF_STATUS: Mapping[int, str] = {
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    410: "gone",
    413: "too-large",
    429: "too-many",
    431: "too-large",
    500: "internal",
    503: "unavailable",
}
"""The kind of an error of which no more than its status is known; others: ``bad-request``."""

DETAIL_OF_STATUS: Mapping[int, str] = {
    404: "Nothing is served at this address. GET /v1 lists what is.",
    405: "Use GET or HEAD.",
}

RETRY_AFTER = 5
"""Seconds after which a client should try again: a store comes back within a restart, a few
seconds; asking sooner only fails again."""

MAX_ERRORS = 20
"""Wrong parameters that one answer names; a person mends a few at a time."""


class ProblemError(Exception):
    """Ends a request with a problem document."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str | None = None,
        *,
        errors: Sequence[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(kind)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


def request_id(scope: MutableMapping[str, Any]) -> str:
    """The id of a request, made when first asked for; the same in its answer and in the logs."""
    state = scope.setdefault("state", {})
    if "request_id" not in state:
        state["request_id"] = str(uuid4())
    return str(state["request_id"])


def problem_response(
    status: int,
    kind: str,
    detail: str | None = None,
    *,
    instance: str | None = None,
    errors: Sequence[FieldProblem] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer for a problem; ``kind`` is one of ``TITLES``, ``instance`` the request's id.

    Needs no FastAPI: a middleware may send it.  It is never kept by a cache.
    """
    problem = Problem(
        type=KIND_PREFIX + kind,
        title=TITLES[kind],
        status=status,
        detail=detail,
        instance=None if instance is None else f"urn:uuid:{instance}",
        errors=tuple(errors[:MAX_ERRORS]),
    )
    return Response(
        problem.model_dump_json().encode(),
        status_code=status,
        media_type=PROBLEM_JSON,
        headers={"cache-control": "no-store", **(headers or {})},
    )


def answer_for(error: Exception, instance: str) -> Response:
    """The answer for any error; what nobody foresaw says only its request's id."""
    if isinstance(error, ProblemError):
        return problem_response(
            error.status,
            error.kind,
            error.detail,
            instance=instance,
            errors=error.errors,
            headers=error.headers,
        )
    if isinstance(error, RequestValidationError):
        return _wrong_parameters(error, instance)
    if isinstance(error, BadQuery):
        return problem_response(400, "bad-query", str(error), instance=instance)
    if isinstance(error, Unavailable | StopWorking):
        return _unavailable(error, instance)
    if isinstance(error, HTTPException):
        return _of_status(error, instance)
    return _unforeseen(error, instance)


def _wrong_parameters(error: RequestValidationError, instance: str) -> Response:
    errors = [_field_problem(each) for each in error.errors()]
    return problem_response(
        400, "bad-parameter", "See 'errors' for each.", instance=instance, errors=errors
    )


def _field_problem(error: Mapping[str, Any]) -> FieldProblem:
    """One error of pydantic, without the value that was given."""
    where, *names = [str(part) for part in error["loc"]]
    return FieldProblem(
        at=f"{where}: {'.'.join(names)}" if names else where,
        detail=str(error["msg"]).removeprefix("Value error, "),
    )


def _unavailable(error: Exception, instance: str) -> Response:
    # The message may name files and servers: it is for the log.
    if seldom("api.unavailable", type(error).__name__):
        log.warning("api.unavailable", request_id=instance, reason=str(error))
    detail = (
        "The store can't be read at the moment. Try again in a few seconds."
        if isinstance(error, Unavailable)
        else "The store can't be read by this version. The log says why."
    )
    return unavailable(detail, instance)


def unavailable(detail: str, instance: str | None = None) -> Response:
    """The answer 503, with the time after which to try again."""
    headers = {"retry-after": str(RETRY_AFTER)}
    return problem_response(503, "unavailable", detail, instance=instance, headers=headers)


def _of_status(error: HTTPException, instance: str) -> Response:
    status = error.status_code
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    if status == 405:  # noqa: PLR2004  (Method Not Allowed)
        headers["allow"] = "GET, HEAD"
    kind = KIND_OF_STATUS.get(status, "internal" if status > 500 else "bad-request")  # noqa: PLR2004
    return problem_response(
        status, kind, DETAIL_OF_STATUS.get(status), instance=instance, headers=headers
    )


def _unforeseen(error: Exception, instance: str) -> Response:
    # Messages of errors may quote an article; where it happened says enough.
    log.error(
        "api.failed",
        request_id=instance,
        error_type=type(error).__qualname__,
        at="".join(traceback.format_tb(error.__traceback__)[-5:]),
    )
    return problem_response(500, "internal", instance=instance)


def add_handlers(app: FastAPI) -> None:
    """Make every error of the app's routes a problem document."""
    for kind in (
        ProblemError,
        RequestValidationError,
        BadQuery,
        Unavailable,
        StopWorking,
        HTTPException,
    ):
        app.add_exception_handler(kind, _handle)


def _handle(request: Request, error: Exception) -> Response:
    return answer_for(error, request_id(request.scope))
