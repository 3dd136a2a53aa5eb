"""Entities: who and what the articles name."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from schemas.article import EntityType
from services.indexer.api.answers import Reply
from services.indexer.api.models import (
    ArticleList,
    CoMention,
    CoMentionList,
    DayCount,
    EntityList,
    EntityView,
    Timeline,
)
from services.indexer.api.parameters import Given, Key, Name, PageParameters, Time
from services.indexer.api.shapes import entity_summary, entity_view, missing, page
from services.indexer.store.base import ArticleStore
from services.indexer.store.base import Query as StoreQuery
from services.indexer.store.entities import KnownEntity

router = APIRouter(prefix="/v1/entities", tags=["entities"])


class PrefixParameters(Given):
    """Which entities."""

    prefix: Name = Field(
        description="the beginning of a word of a name; of several words the last may go on",
        examples=["ana pet"],
    )
    type: EntityType | None = Field(default=None, description="only entities of this type")
    limit: Annotated[int, Field(ge=1, le=200)] = Field(default=10, description="entities at most")


class CoMentionParameters(Given):
    """How many."""

    limit: Annotated[int, Field(ge=1, le=200)] = Field(default=20, description="entities at most")


class TimelineParameters(Given):
    """Since when."""

    since: Time | None = Field(default=None, description="only articles listed since then")


@router.get(
    "",
    operation_id="listEntities",
    summary="Entities whose name begins so",
    response_model=EntityList,
)
async def entities(reply: Reply, given: Annotated[PrefixParameters, Query()]) -> Response:
    """Entities of which a word of a name begins so, those of most articles first."""
    return await reply(
        lambda store: EntityList(
            items=tuple(
                map(
                    entity_summary,
                    store.suggest_entities(given.prefix, given.limit, kind=given.type),
                )
            )
        )
    )


# The longer paths stand before the shorter one, which would take them: keys may hold slashes.
@router.get(
    "/{key:path}/articles",
    operation_id="listEntityArticles",
    summary="An entity's articles",
    response_model=ArticleList,
)
async def entity_articles(
    reply: Reply, key: Key, given: Annotated[PageParameters, Query()]
) -> Response:
    """A page of the articles that name the entity, newest first."""

    def made(store: ArticleStore) -> ArticleList:
        query = StoreQuery(
            entity=_held(store, key).key,
            limit=given.limit,
            since=given.since,
            until=given.until,
        )
        return page(store, query, given.cursor)

    return await reply(made)


@router.get(
    "/{key:path}/co-mentions",
    operation_id="listCoMentions",
    summary="Who is named beside an entity",
    response_model=CoMentionList,
)
async def co_mentions(
    reply: Reply, key: Key, given: Annotated[CoMentionParameters, Query()]
) -> Response:
    """Entities that are named in the same articles, most often first."""
    return await reply(lambda store: _co_mentions(store, key, given.limit))


@router.get(
    "/{key:path}/timeline",
    operation_id="getTimeline",
    summary="An entity's articles per day",
    response_model=Timeline,
)
async def timeline(
    reply: Reply, key: Key, given: Annotated[TimelineParameters, Query()]
) -> Response:
    """Articles on the entity per day (UTC), in order; days without any are left out."""
    return await reply(lambda store: _timeline(store, key, given.since))


@router.get("/{key:path}", operation_id="getEntity", summary="An entity", response_model=EntityView)
async def entity(reply: Reply, key: Key) -> Response:
    """The entity that the key means now, with its names and what was merged into it."""
    return await reply(lambda store: entity_view(_held(store, key)))


def _held(store: ArticleStore, key: str) -> KnownEntity:
    known = store.entity(key)
    if known is None:
        raise missing("entity of this key")
    return known


def _co_mentions(store: ArticleStore, key: str, limit: int) -> CoMentionList:
    found = store.co_mentions(_held(store, key).key, limit)
    return CoMentionList(
        counted=found.counted,
        complete=found.complete,
        items=tuple(
            CoMention(
                key=each.key,
                name=each.name,
                type=each.type,
                articles=each.articles,
            )
            for each in found.entities
        ),
    )


def _timeline(store: ArticleStore, key: str, since: datetime | None) -> Timeline:
    days = store.timeline(_held(store, key).key, since)
    return Timeline(items=tuple(DayCount(day=day, articles=count) for day, count in days))
