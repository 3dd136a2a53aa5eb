"""Errors as problem documents (RFC 9457): their shape, media type and the names of their kinds."""

from __future__ import annotations

from pydantic import Field

from schemas.base import Model

PROBLEM_JSON = "application/problem+json"

KIND_PREFIX = "urn:wiredesk:problem:"
"""What stands before the name of a kind of problem."""


class Problem(Model):
    """An error as RFC 9457 has it, under the media type ``application/problem+json``."""

    type: str = Field(
        description="names the kind of problem, e.g. 'urn:wiredesk:problem:not-found'"
    )
    title: str = Field(description="the kind of problem in words")
    status: int = Field(description="the HTTP status code")
    detail: str | None = Field(default=None, description="what is wrong here, and what to do")
    instance: str | None = Field(default=None, description="the request's id, also in the logs")
    errors: tuple[FieldProblem, ...] = Field(default=(), description="one for each wrong parameter")


class FieldProblem(Model):
    """One parameter that is wrong."""

    at: str = Field(description="where, e.g. 'query: limit'")
    detail: str
