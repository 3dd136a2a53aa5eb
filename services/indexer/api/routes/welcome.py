"""``/v1``: what this is, and where to go on."""

from importlib.metadata import version

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.indexer.api.answers import answer_of
from services.indexer.api.models import Welcome

router = APIRouter(prefix="/v1", tags=["api"])

LINKS = {
    "articles": "/v1/articles",
    "facets": "/v1/facets",
    "entities": "/v1/entities",
    "topics": "/v1/topics",
    "stories": "/v1/stories",
    "changes": "/v1/changes",
    "events": "/v1/events",
    "desk": "/v1/desk",
    "openapi": "/v1/openapi.json",
}


@router.get("", operation_id="welcome", summary="What this is", response_model=Welcome)
async def welcome(request: Request) -> Response:
    """Names what is served here and what the caller may do."""
    scopes = request.scope.get("state", {}).get("scopes", ())
    made = Welcome(version=version("wiredesk"), scopes=tuple(sorted(scopes)), links=LINKS)
    return answer_of(request.headers, made.model_dump_json().encode())
