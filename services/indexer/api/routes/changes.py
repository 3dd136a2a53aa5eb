"""What changed, for whoever keeps a copy."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from services.indexer.api import cursors
from services.indexer.api.answers import Reply
from services.indexer.api.models import ChangeList, ChangeView
from services.indexer.api.parameters import CursorText, Given, Limit
from services.indexer.store.base import ArticleStore

router = APIRouter(prefix="/v1/changes", tags=["changes"])


class ChangeParameters(Given):
    """Which changes."""

    after: CursorText | None = Field(
        default=None, description="'next' of the answer before; without it, from the first on"
    )
    limit: Limit = Field(default=100, description="changes at most")


@router.get("", operation_id="listChanges", summary="What changed", response_model=ChangeList)
async def changes(reply: Reply, given: Annotated[ChangeParameters, Query()]) -> Response:
    """Articles that were filed, updated, hidden or withdrawn, in the order in which it happened.

    Each article is there once, with its latest change.  Whoever comes back with 'next' sees
    every article that changed meanwhile, and so can keep a copy up to date.
    """
    return await reply(lambda store: _since(store, cursors.read_change(given.after), given.limit))


def _since(store: ArticleStore, after: int, limit: int) -> ChangeList:
    found = store.changes(after, limit)
    last = found[-1].position if found else after
    return ChangeList(
        items=tuple(
            ChangeView(
                id=change.article_id,
                state=change.state,
                revision=change.revision,
                filed_at=change.filed_at,
            )
            for change in found
        ),
        next=cursors.written_change(last),
    )
