"""The receiver's OpenAPI document, as ``GET /v1/drop/openapi.json`` answers it."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Any

from services.ingest.receipts import Receipt
from services.ingest.receiver.refused import TITLES
from services.serving.problem import PROBLEM_JSON, Problem

_REFUSALS = {
    400: "What was sent makes no sense, or isn't what its digest says.",
    401: "A token is needed, or this one isn't valid.",
    403: "A page in a browser asks, or a signature doesn't fit.",
    408: "The file came too slowly.",
    409: "An upload with this Idempotency-Key is under way.",
    413: "The file is too large.",
    415: "A form, or a Content-Encoding: send the file's bytes as they are.",
    422: "The Idempotency-Key was used for other bytes.",
    429: "Too many requests.",
    501: "A part of S3 that isn't offered.",
    503: "The inbox isn't there, or too many uploads at once: try again.",
    507: "The disk is full.",
}

_ID = {"type": "string", "pattern": "^[a-z2-7]{20}$"}

_UPLOAD = {
    "type": "object",
    "required": ["id", "file", "state", "receipt"],
    "properties": {
        "id": _ID,
        "file": {"type": "string", "description": "its name in the inbox"},
        "size": {"type": "integer", "description": "bytes"},
        "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "state": {"enum": ["received", "in_work"]},
        "records": {"type": "integer", "description": "records read of it so far"},
        "settled": {"type": "integer", "description": "those of them that have an outcome"},
        "receipt": {"type": "string", "format": "uri-reference"},
    },
}

_BODY = {
    "required": True,
    "description": "The bytes of the file.",
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}


@cache
def document() -> dict[str, Any]:
    """The document, as JSON is made of it."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Wiredesk receiver",
            "version": version("wiredesk"),
            "description": "Takes files into the inbox and answers for their receipts. PUT is "
            "also what S3 clients send, path-style with the bucket `drop` below `/v1`.",
        },
        "security": [{"token": []}],
        "paths": {
            "/v1/drop": {
                "get": _about(),
                "post": _post(),
            },
            "/v1/drop/{name}": {"get": _get(), "put": _put()},
            "/v1/drop/openapi.json": {
                "get": {
                    "summary": "This document",
                    "security": [],
                    "responses": {"200": {"description": "The document."}},
                }
            },
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Upload": _UPLOAD, **_models()},
        },
    }


def _models() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for model in (Problem, Receipt):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        found |= schema.pop("$defs", {})
        found[model.__name__] = schema
    found["Problem"]["properties"]["type"]["enum"] = [f"urn:wiredesk:problem:{k}" for k in TITLES]
    return found


def _about() -> dict[str, Any]:
    return {
        "summary": "What is taken",
        "responses": {"200": {"description": "The limits."}, **_refusals(401, 403, 429)},
    }


def _post() -> dict[str, Any]:
    return {
        "summary": "Drop a file",
        "parameters": [
            _parameter("name", "query", "What the file is called, e.g. story.xml."),
            _parameter("Content-Disposition", "header", "Another way to say its name."),
            *_upload_headers(),
        ],
        "requestBody": _BODY,
        "responses": _taken(),
    }


def _put() -> dict[str, Any]:
    return {
        "summary": "Drop a file under a name; the same bytes once more are the same upload",
        "parameters": [_in_path("what it is called, e.g. story.xml"), *_upload_headers()],
        "requestBody": _BODY,
        "responses": _taken(),
    }


def _get() -> dict[str, Any]:
    return {
        "summary": "The receipt of an upload",
        "parameters": [_in_path("the id that the upload was given")],
        "responses": {
            "200": {
                "description": "It is settled: the receipt.",
                "content": _json("Receipt"),
            },
            "202": {
                "description": "It is on its way: ask again after Retry-After seconds.",
                "content": _json("Upload"),
            },
            **_refusals(401, 403, 429, 503),
            "404": _problem("No upload of this sender has this id."),
            "410": _problem("Neither the file nor its receipt is there any more."),
        },
    }


def _taken() -> dict[str, Any]:
    return {
        "202": {
            "description": "The file is safe in the inbox; Location has its receipt's address.",
            "content": _json("Upload"),
        },
        **_refusals(*_REFUSALS),
    }


def _upload_headers() -> list[dict[str, Any]]:
    return [
        _parameter("Idempotency-Key", "header", "The same key and bytes: the same upload."),
        _parameter("Repr-Digest", "header", "sha-256=:BASE64: of the file, which is checked."),
        _parameter("Content-MD5", "header", "Base64 of the file's MD5, which is checked."),
    ]


def _refusals(*statuses: int) -> dict[str, Any]:
    return {str(status): _problem(_REFUSALS[status]) for status in statuses}


def _problem(text: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": text, "content": {PROBLEM_JSON: {"schema": schema}}}


def _json(model: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{model}"}}}


def _parameter(name: str, where: str, text: str) -> dict[str, Any]:
    return {"name": name, "in": where, "description": text, "schema": {"type": "string"}}


def _in_path(text: str) -> dict[str, Any]:
    return {**_parameter("name", "path", text), "required": True}
