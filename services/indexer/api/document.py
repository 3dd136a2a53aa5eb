"""The OpenAPI document of the API.

FastAPI makes it of the routes; here it gets what all of them have in common: errors as
problem documents, tokens, ETags.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi

from services.indexer.api.examples import EXAMPLES
from services.serving.problem import PROBLEM_JSON, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

CONTRACT_VERSION = "1.0.0"
"""Of the API: its major version is in its paths, fields and parameters that are added count up
the minor one."""

SCHEMAS = "#/components/schemas/"

DESCRIPTION = """\
Read what Wiredesk has stored, and follow what it enriches.

Times are RFC 3339 in UTC. Character offsets count Unicode code points, half-open. A parameter \
that isn't known, or given twice, is an error. Errors are problem documents (RFC 9457). Answers \
carry an `ETag`: send it as `If-None-Match`, and an answer that hasn't changed is a short 304. \
`HEAD` works wherever `GET` does. Fields may be added within `/v1`."""

TAGS = (
    ("api", "What is served here."),
    ("articles", "Found by words, entities, topics, sources, languages and time; read whole."),
    ("entities", "Who and what the articles name."),
    ("topics", "IPTC Media Topics, and the desk's own."),
    ("stories", "Articles of all sources on one happening."),
    ("changes", "For whoever keeps a copy."),
    ("events", "Events as they happen."),
    ("desk", "For those who run the desk."),
)

ERRORS = {
    400: "A parameter is wrong; 'errors' says which and why.",
    401: "A token is needed, or isn't known.",
    403: "The token doesn't allow this.",
    413: "The request's body is too large.",
    429: "Too many requests; 'Retry-After' says when to go on.",
    431: "The request's headers are too large.",
    500: "Something went wrong here; 'instance' is what to look for in the log.",
    503: "The store can't be read at the moment; 'Retry-After' says when to try again.",
}
"""What may come of any request."""

NOT_FOUND = "There is no such thing."

NOT_MODIFIED = {
    "description": "The client has it already: the ETag that it sent is current.",
    "headers": {"ETag": {"$ref": "#/components/headers/ETag"}},
}

COMPONENTS: dict[str, Any] = {
    "headers": {
        "ETag": {
            "description": "names these very bytes; send it as If-None-Match",
            "schema": {"type": "string"},
        },
        "Retry-After": {
            "description": "seconds to wait before trying again",
            "schema": {"type": "integer", "minimum": 0},
        },
    },
    "securitySchemes": {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "A token of `wiredesk tokens add`. On a desk that has none and serves "
            "only its own machine, nothing is needed.",
        }
    },
}

_FASTAPIS = "Successful Response"
"""What FastAPI writes where a route says nothing of its answer."""

UNCACHED = frozenset({"/v1/events"})
"""What is new each time, and has no ETag."""


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of ``app``; made once."""
    if app.openapi_schema is None:
        app.openapi_schema = _completed(
            get_openapi(
                title="Wiredesk",
                version=CONTRACT_VERSION,
                description=DESCRIPTION,
                routes=app.routes,
                tags=[{"name": name, "description": text} for name, text in TAGS],
                license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
            )
        )
    return app.openapi_schema


def _completed(made: dict[str, Any]) -> dict[str, Any]:
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    for generated in ("HTTPValidationError", "ValidationError"):
        schemas.pop(generated, None)
    problem = Problem.model_json_schema(mode="serialization", ref_template=SCHEMAS + "{model}")
    schemas.update(problem.pop("$defs", {}))
    schemas["Problem"] = problem
    made["components"] |= COMPONENTS
    for path, operation in _operations(made):
        _complete(path, operation)
    return made


def _operations(made: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in made["paths"].items():
        for operation in methods.values():
            yield path, operation


def _complete(path: str, operation: dict[str, Any]) -> None:
    """Give an operation its errors, its ETag and its security."""
    answers = operation["responses"]
    answers.pop("422", None)
    for parameter in operation.get("parameters", ()):
        parameter["schema"] = _plain(parameter["schema"])
    if answers["200"]["description"] == _FASTAPIS:
        answers["200"]["description"] = f"{operation['summary']}."
    errors = ERRORS | ({404: NOT_FOUND} if "{" in path else {})
    for status, description in errors.items():
        answers.setdefault(str(status), {"description": description})
    for status, answer in answers.items():
        if status >= "400":
            answer["content"] = {PROBLEM_JSON: {"schema": {"$ref": f"{SCHEMAS}Problem"}}}
        if status in {"429", "503"}:
            answer["headers"] = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
    if operation["operationId"] in EXAMPLES:
        example = EXAMPLES[operation["operationId"]]
        answers["200"]["content"]["application/json"]["example"] = example
    if path not in UNCACHED:
        answers["200"]["headers"] = {"ETag": {"$ref": "#/components/headers/ETag"}}
        answers.setdefault("304", NOT_MODIFIED)
    operation["responses"] = dict(sorted(answers.items()))
    operation["security"] = [{"bearer": []}, {}]


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter's schema without null, which no parameter can be, and what stands beside it."""
    kept = {name: value for name, value in schema.items() if name not in {"description", "title"}}
    choices = [each for each in kept.pop("anyOf", ()) if each != {"type": "null"}]
    if len(choices) == 1:
        only: dict[str, Any] = choices[0]
        return only | kept
    return {"anyOf": choices, **kept} if choices else kept


def text(app: FastAPI) -> str:
    """The document as it is served and kept in a file."""
    return json.dumps(document(app), indent=2, ensure_ascii=False) + "\n"
