"""Topics: the vocabulary as a tree, with how many articles each has."""

from collections import defaultdict
from collections.abc import Mapping
from functools import cache

from fastapi import APIRouter
from starlette.responses import Response

from services.indexer.api.answers import Reply
from services.indexer.api.models import TopicNode, TopicTree
from services.indexer.store.base import ArticleStore, Query
from services.media_topics import media_topics

router = APIRouter(prefix="/v1/topics", tags=["topics"])

Children = Mapping[str | None, tuple[str, ...]]


@router.get("", operation_id="listTopics", summary="The topics", response_model=TopicTree)
async def topics(reply: Reply) -> Response:
    """All IPTC Media Topics as a tree, each with its articles, and the desk's own topics."""
    return await reply(_tree)


def _tree(store: ArticleStore) -> TopicTree:
    counts = store.topic_counts()
    vocabulary = media_topics()
    roots = tuple(_node(code, 1, counts) for code in _children().get(None, ()))
    own = sorted(code for code in counts if not vocabulary.knows(code))
    return TopicTree(
        version=vocabulary.version,
        items=roots + tuple(_own(store, code, counts[code]) for code in own),
    )


@cache
def _children() -> Children:
    """The codes below each code, in order; the most general ones below None."""
    below: dict[str | None, list[str]] = defaultdict(list)
    for code in media_topics():
        _, *above = media_topics().lineage(code)
        below[above[0] if above else None].append(code)
    return {code: tuple(codes) for code, codes in below.items()}


def _node(code: str, level: int, counts: Mapping[str, int]) -> TopicNode:
    return TopicNode(
        code=code,
        name=media_topics().name(code) or code,
        level=level,
        articles=counts.get(code, 0),
        children=tuple(_node(each, level + 1, counts) for each in _children().get(code, ())),
    )


def _own(store: ArticleStore, code: str, articles: int) -> TopicNode:
    """A topic that the vocabulary lacks, by the name that its newest article gives it."""
    newest = store.search(Query(topic=code, limit=1))
    names = [name for hit in newest for known, name in hit.topics if known == code]
    return TopicNode(code=code, name=names[0] if names else code, level=None, articles=articles)
