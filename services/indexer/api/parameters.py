"""What may be asked: the parameters of the routes, checked before a store sees them.

A parameter that nobody knows is an error: a misspelt filter must not give everything.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import parse_qsl, unquote, unquote_to_bytes
from uuid import UUID

from fastapi import Depends, Path
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from starlette.requests import Request

from services.indexer.api import cursors
from services.indexer.api.problems import ProblemError
from services.indexer.store.base import FacetName, Order
from services.indexer.store.base import Query as StoreQuery
from services.serving.problem import FieldProblem

MAX_QUERY_BYTES = 8192
"""Bytes of all parameters together; what browsers and proxies let through safely."""

MAX_WORDS_CHARS = 1000
"""Characters of the words to search for: a long sentence pasted whole, five times."""

MAX_NAME_CHARS = 400
"""Characters of a name or key; the longest name of an entity that is kept has under 300."""

MAX_PAGE = 1000
"""Articles on a page: about 1 MB of JSON."""

_NO_CONTROL = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d:\d\d(?:\.\d+)?)([Zz]|[-+ ]\d\d:\d\d))?", re.ASCII
)
_SECONDS = re.compile(r"(\.\d{6})\d+")


def printable(text: str) -> str:
    """``text`` itself; ``ValueError`` where it holds what nobody types."""
    if _CONTROL.search(text):
        raise ValueError("holds control characters")
    return text


def point_in_time(text: str) -> datetime:
    """A time as RFC 3339 has it, or midnight (UTC) of a date; ``ValueError`` for others."""
    parts = _TIME.fullmatch(text)
    if parts is None:
        raise ValueError("write a date, 2026-03-02, or a time, 2026-03-02T12:00:00Z")
    date, time, zone = parts.groups()
    if time is None:
        return datetime.fromisoformat(date).replace(tzinfo=UTC)
    # A plus sign that nobody escaped comes out of a query string as a space.
    zone = "+00:00" if zone in "zZ" else zone.replace(" ", "+")
    time = _SECONDS.sub(r"\1", time)
    try:
        return datetime.fromisoformat(f"{date}T{time}{zone}").astimezone(UTC)
    except OverflowError:
        raise ValueError("no such time in UTC") from None


def _text(most: int, **schema: Any) -> Any:
    """The constraints of a text of at most so many characters."""
    return Field(min_length=1, max_length=most, json_schema_extra={"pattern": _NO_CONTROL} | schema)


Name = Annotated[str, _text(MAX_NAME_CHARS), AfterValidator(printable)]
Words = Annotated[str, _text(MAX_WORDS_CHARS), AfterValidator(printable)]
CursorText = Annotated[str, Field(min_length=1, max_length=cursors.MAX_CHARS)]
Language = Annotated[str, Field(pattern="^[A-Za-z]{2,3}$")]
Limit = Annotated[int, Field(ge=1, le=MAX_PAGE)]
Time = Annotated[
    datetime,
    BeforeValidator(point_in_time),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "format": "date-time"},
                {"type": "string", "format": "date"},
            ]
        }
    ),
]


class Given(BaseModel):
    """Parameters of one request."""

    model_config = ConfigDict(frozen=True)


class Span(Given):
    """Which time articles are listed under."""

    since: Time | None = Field(
        default=None,
        description="listed at this time or later (RFC 3339; a date means its midnight in UTC)",
        examples=["2026-03-01"],
    )
    until: Time | None = Field(
        default=None, description="listed before this time", examples=["2026-03-08T00:00:00Z"]
    )


class Filters(Span):
    """Which articles; every given condition must hold."""

    q: Words | None = Field(
        default=None,
        description='words, all of which are required; "a phrase", prefix*, OR, NOT (or -word) '
        "and parentheses work",
        examples=['"quay wall" ferr*'],
    )
    entity: Name | None = Field(
        default=None,
        description="an entity's key, its QID or its name",
        examples=["person:ana petrova"],
    )
    topic: Name | None = Field(
        default=None,
        description="a topic's code or name; articles on topics below it are found as well",
        examples=["medtop:04000000"],
    )
    source: Name | None = Field(
        default=None,
        description="the provider's name; case doesn't count",
        examples=["Example Wire"],
    )
    language: Language | None = Field(
        default=None, description="ISO 639-1, or 'und' where it couldn't be told", examples=["en"]
    )
    story: UUID | None = Field(default=None, description="the id of a story")
    copy_of: UUID | None = Field(
        default=None, description="an article's id: those that are copies of it"
    )

    def query(self, limit: int = 20, order: Order | None = None) -> StoreQuery:
        """What to ask the store."""
        given = {name: getattr(self, name) for name in Filters.model_fields if name != "q"}
        language = None if self.language is None else self.language.lower()
        return StoreQuery(
            **(given | {"language": language}), words=self.q, limit=limit, order=order
        )


class ListParameters(Filters):
    """A page of the articles that match."""

    order: Order | None = Field(
        default=None,
        description="best match first, or newest first; without it the first where words are given",
    )
    limit: Limit = Field(default=20, description="articles on the page")
    cursor: CursorText | None = Field(
        default=None, description="'next' of the page before; with the same filters"
    )


class PageParameters(Span):
    """A page of articles, newest first."""

    limit: Limit = Field(default=20, description="articles on the page")
    cursor: CursorText | None = Field(default=None, description="'next' of the page before")


class FacetParameters(Filters):
    """Facets of the articles that match."""

    facet: list[FacetName] = Field(
        default=["topic", "entity", "source", "language"],
        min_length=1,
        max_length=5,
        description="which facets; may be given several times",
    )
    limit: Annotated[int, Field(ge=1, le=200)] = Field(
        default=20, description="values of each facet, the most frequent first; days: all"
    )


def decoded_key(key: str) -> str:
    """An entity's key out of a path, where it stands as it was sent."""
    try:
        text = printable(unquote(key, errors="strict"))
    except ValueError:
        raise _wrong("path: key", "is no text in UTF-8, or holds control characters") from None
    if not text or len(text) > MAX_NAME_CHARS:
        raise _wrong("path: key", f"has no or more than {MAX_NAME_CHARS} characters")
    return text


def _key(
    key: Annotated[
        str,
        Path(
            description="the entity's key, percent-encoded ('/' too): 'person:ana%20petrova'; a "
            "QID will do, and a key that was merged into another",
            examples=["person:ana petrova"],
            json_schema_extra={
                "minLength": 1,
                "maxLength": MAX_NAME_CHARS,
                "pattern": _NO_CONTROL,
            },
        ),
    ],
) -> str:
    return decoded_key(key)


Key = Annotated[str, Depends(_key)]
"""A route's parameter of this type gets the entity's key out of the path."""


def check_query(request: Request) -> None:
    """Refuse parameters that the route doesn't know, doubled ones, and texts that are no UTF-8."""
    raw: bytes = request.scope["query_string"]
    if not raw:
        return
    if len(raw) > MAX_QUERY_BYTES:
        raise _wrong("query", f"is longer than {MAX_QUERY_BYTES} bytes")
    try:
        unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise _wrong("query", "is no text in UTF-8") from None
    names = [name for name, _ in parse_qsl(raw.decode("latin-1"), keep_blank_values=True)]
    _check_names(names, _known(request))


def _check_names(names: list[str], known: dict[str, bool]) -> None:
    errors = []
    for name in dict.fromkeys(names):
        if name not in known:
            errors.append(f"is no parameter here; known: {', '.join(known) or 'none'}")
        elif names.count(name) > 1 and not known[name]:
            errors.append("is given more than once")
        else:
            continue
        errors[-1] = f"'{_shown(name)}' {errors[-1]}"
    if errors:
        raise _wrong("query", *errors)


def _shown(name: str) -> str:
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", name[:50])


def _known(request: Request) -> dict[str, bool]:
    """The route's parameters, and whether each may be given several times."""
    paths = request.app.openapi()["paths"]
    operation = paths.get(request.scope["route"].path_format, {}).get("get", {})
    return {
        each["name"]: each["schema"].get("type") == "array"
        for each in operation.get("parameters", ())
        if each["in"] == "query"
    }


def _wrong(at: str, *details: str) -> ProblemError:
    errors = [FieldProblem(at=at, detail=detail) for detail in details]
    return ProblemError(400, "bad-parameter", "See 'errors' for each.", errors=errors)
