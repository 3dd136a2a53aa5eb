"""Articles: found by words, entities, topics, time; read whole, with their versions and copies."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.responses import Response

from schemas.article import EnrichedArticle
from services.indexer.api.answers import Reply
from services.indexer.api.models import ArticleList, ArticleView, Range, VersionList
from services.indexer.api.parameters import Given, ListParameters, Words
from services.indexer.api.shapes import (
    listed,
    missing,
    page,
    ranges,
    readable,
    summary,
    versions,
    withdrawn,
)
from services.indexer.store.base import ArticleStore
from services.indexer.store.base import Query as StoreQuery
from services.indexer.store.snippets import highlights
from services.indexer.store.words import parse, positive

router = APIRouter(prefix="/v1/articles", tags=["articles"])

MAX_COPIES = 200
"""Near-duplicates that are listed: the most reprinted wire copy has some dozens."""

GONE: dict[int | str, dict[str, Any]] = {
    410: {"description": "The article was withdrawn by its provider."}
}

ArticleId = Annotated[UUID, Path(description="the article's id")]


class ViewParameters(Given):
    """What to mark."""

    q: Words | None = Field(
        default=None, description="words as in a search; 'highlights' says where they are"
    )


@router.get("", operation_id="listArticles", summary="Search articles", response_model=ArticleList)
async def articles(reply: Reply, given: Annotated[ListParameters, Query()]) -> Response:
    """A page of the articles that match every given condition.

    Newest first, 'next' leads through all of them: while articles are being written, nothing
    is missed and nothing comes twice.  Best match first there is one page only.
    """
    return await reply(
        lambda store: page(store, given.query(given.limit, given.order), given.cursor)
    )


@router.get(
    "/{article_id}",
    operation_id="getArticle",
    summary="An article",
    response_model=ArticleView,
    responses=GONE,
)
async def article(
    reply: Reply, article_id: ArticleId, given: Annotated[ViewParameters, Query()]
) -> Response:
    """The current version of an article, whole: its text, what was found in it, and its origin.

    Entities and the story are those that hold now.  An article whose content another one has
    already is a 'duplicate', and 'duplicate_of' says of which.
    """
    return await reply(lambda store: _view(store, article_id, given.q))


@router.get(
    "/{article_id}/versions",
    operation_id="listVersions",
    summary="An article's versions",
    response_model=VersionList,
    responses=GONE,
)
async def article_versions(reply: Reply, article_id: ArticleId) -> Response:
    """Every version that was accepted, oldest first; the last is current."""
    return await reply(lambda store: versions(readable(store, article_id)))


@router.get(
    "/{article_id}/versions/{number}",
    operation_id="getVersion",
    summary="A version of an article",
    response_model=EnrichedArticle,
    responses=GONE,
)
async def article_version(
    reply: Reply,
    article_id: ArticleId,
    number: Annotated[int, Path(ge=1, le=2**31 - 1, description="which version, from 1")],
) -> Response:
    """A version as it was filed."""
    return await reply(lambda store: _version(store, article_id, number))


@router.get(
    "/{article_id}/near-duplicates",
    operation_id="listNearDuplicates",
    summary="Articles with the same wording",
    response_model=ArticleList,
    responses=GONE,
)
async def near_duplicates(reply: Reply, article_id: ArticleId) -> Response:
    """Articles that are copies of this one, and those that it shares its wording with.

    Newest first, all on one page; only those that a search can find.
    """
    return await reply(lambda store: _near_duplicates(store, article_id))


def _current(store: ArticleStore, article_id: UUID) -> EnrichedArticle:
    held = store.get(article_id)
    if held is None:
        # It was there a moment ago.
        raise withdrawn()
    return held


def _view(store: ArticleStore, article_id: UUID, words: str | None) -> ArticleView:
    record = readable(store, article_id)
    held = _current(store, article_id)
    return ArticleView(
        id=article_id,
        state="duplicate" if record.state == "duplicate" else "live",
        duplicate_of=record.duplicate_of,
        versions=len(record.versions),
        article=held,
        highlights=_highlights(held.text, words),
    )


def _highlights(text: str, words: str | None) -> tuple[Range, ...]:
    return () if words is None else ranges(highlights(text, positive(parse(words))))


def _version(store: ArticleStore, article_id: UUID, number: int) -> EnrichedArticle:
    readable(store, article_id)
    held = store.version(article_id, number)
    if held is None:
        raise missing("version of this number")
    return held


def _near_duplicates(store: ArticleStore, article_id: UUID) -> ArticleList:
    readable(store, article_id)
    held = _current(store, article_id)
    copies = store.search(StoreQuery(copy_of=article_id, limit=MAX_COPIES))
    found = {hit.article_id: summary(hit) for hit in copies}
    named = [held.near_duplicate_of] if held.near_duplicate_of else []
    for each in (*named, *held.near_duplicates[:MAX_COPIES]):
        other = None if each.article_id in found else listed(store, each.article_id)
        if other is not None and other.id != article_id:
            found[other.id] = other
    newest = sorted(found.values(), key=lambda one: (one.listed_at, one.id), reverse=True)
    return ArticleList(items=tuple(newest), next=None)
