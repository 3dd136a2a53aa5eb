"""Stories: articles of all sources on one happening."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.responses import Response

from services.indexer.api.answers import Reply
from services.indexer.api.models import ArticleList, StoryList, StoryView
from services.indexer.api.parameters import Given, PageParameters
from services.indexer.api.shapes import missing, page, story_view
from services.indexer.store.base import ArticleStore, Story
from services.indexer.store.base import Query as StoreQuery

router = APIRouter(prefix="/v1/stories", tags=["stories"])

StoryId = Annotated[UUID, Path(description="the story's id")]


class StoryParameters(Given):
    """Which stories."""

    limit: Annotated[int, Field(ge=1, le=200)] = Field(default=20, description="stories at most")
    articles: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=2, description="only stories of at least so many articles"
    )


@router.get("", operation_id="listStories", summary="The latest stories", response_model=StoryList)
async def stories(reply: Reply, given: Annotated[StoryParameters, Query()]) -> Response:
    """Stories, those with the newest article first."""
    return await reply(
        lambda store: StoryList(
            items=tuple(map(story_view, store.stories(given.limit, articles=given.articles)))
        )
    )


@router.get("/{story_id}", operation_id="getStory", summary="A story", response_model=StoryView)
async def story(reply: Reply, story_id: StoryId) -> Response:
    """A story by its id, also by one that was merged into another: 'id' is the one it has now."""
    return await reply(lambda store: story_view(_held(store, story_id)))


@router.get(
    "/{story_id}/articles",
    operation_id="listStoryArticles",
    summary="A story's articles",
    response_model=ArticleList,
)
async def story_articles(
    reply: Reply,
    story_id: StoryId,
    given: Annotated[PageParameters, Query()],
) -> Response:
    """A page of the story's articles, newest first."""

    def made(store: ArticleStore) -> ArticleList:
        query = StoreQuery(
            story=_held(store, story_id).story_id,
            limit=given.limit,
            since=given.since,
            until=given.until,
        )
        return page(store, query, given.cursor)

    return await reply(made)


def _held(store: ArticleStore, story_id: UUID) -> Story:
    held = store.story(story_id)
    if held is None:
        raise missing("story of this id")
    return held
