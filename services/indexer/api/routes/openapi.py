"""``/v1/openapi.json``: the API as its own document describes it."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.indexer.api import document
from services.indexer.api.answers import answer_of

router = APIRouter(prefix="/v1", include_in_schema=False)


@router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    """The OpenAPI document; it changes with a new version only."""
    return answer_of(request.headers, document.text(request.app).encode())
