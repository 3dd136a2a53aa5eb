"""The page and its files: at ``/`` and below ``/static/``."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from services.indexer.api.problems import ProblemError
from services.indexer.web import WebFile, load

LASTING = "public, max-age=31536000, immutable"
"""A year, for an address that names the release: what is there never changes."""

CHECKED = "no-cache"
"""May be kept, but is asked for again each time; unchanged, that costs 200 bytes."""

router = APIRouter(include_in_schema=False)


def _sent(file: WebFile, request: Request, cache_control: str) -> Response:
    """The file; without a body where the browser has it."""
    headers = {"ETag": file.etag, "Cache-Control": cache_control}
    known = request.headers.get("if-none-match", "")
    if known == "*" or file.etag in (tag.strip().removeprefix("W/") for tag in known.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(file.content, media_type=file.media_type, headers=headers)


@router.get("/")
async def page(request: Request) -> Response:
    """The page itself."""
    return _sent(load().index, request, CHECKED)


@router.get("/static/{path:path}")
async def static(path: str, request: Request) -> Response:
    """One of its files."""
    found = load().find(path)
    if found is None:
        raise ProblemError(404, "not-found", "The page has no such file.")
    file, lasting = found
    return _sent(file, request, LASTING if lasting else CHECKED)
