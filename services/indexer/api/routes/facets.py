"""Facets: how the articles that match are spread."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from services.indexer.api.answers import Reply
from services.indexer.api.models import FacetList, FacetValue
from services.indexer.api.parameters import FacetParameters
from services.indexer.store.base import ArticleStore

router = APIRouter(prefix="/v1/facets", tags=["articles"])


@router.get(
    "",
    operation_id="listFacets",
    summary="How the articles that match are spread",
    response_model=FacetList,
)
async def facets(reply: Reply, given: Annotated[FacetParameters, Query()]) -> Response:
    """The most frequent topics, entities, sources and languages of the articles that match.

    With 'facet=day', how many there are on each day (UTC).
    """
    return await reply(lambda store: _facets(store, given))


def _facets(store: ArticleStore, given: FacetParameters) -> FacetList:
    found = store.facets(given.query(), tuple(dict.fromkeys(given.facet)), given.limit)
    return FacetList(
        counted=found.counted,
        complete=found.complete,
        facets={
            name: tuple(
                FacetValue(key=value.key, name=value.name, count=value.count) for value in values
            )
            for name, values in found.values.items()
        },
    )
