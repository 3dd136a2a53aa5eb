"""``/v1``: what this is, and where to go on."""

from importlib.metadata import version

from fastapi import APIRouter, Request

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


@router.get("", operation_id="welcome", summary="What this is")
async def welcome(request: Request) -> Welcome:
    """Names what is served here and what the caller may do."""
    scopes = request.scope.get("state", {}).get("scopes", ())
    return Welcome(version=version("wiredesk"), scopes=tuple(sorted(scopes)), links=LINKS)
