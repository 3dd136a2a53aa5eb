"""From what a store gives to what the API answers with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.indexer.api import cursors
from services.indexer.api.models import (
    ArticleList,
    ArticleSummary,
    EntitySummary,
    EntityView,
    NameCount,
    Range,
    StoryView,
    TopicRef,
    VersionInfo,
    VersionList,
)
from services.indexer.api.problems import ProblemError
from services.indexer.store.places import listed_at, place_at, time_of
from services.indexer.store.rows import body_start
from services.indexer.store.snippets import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from services.indexer.store.base import ArticleStore, Hit, Query, Record, Story
    from services.indexer.store.entities import KnownEntity

PAGES = {
    "wd": "https://www.wikidata.org/wiki/{}",
    "gn": "https://www.geonames.org/{}",
}
"""Where an entity has a page, by the scheme of its key."""


def missing(what: str) -> ProblemError:
    """The error for something that isn't there; ``what`` is never what the caller sent."""
    return ProblemError(404, "not-found", f"There is no {what}.")


def readable(store: ArticleStore, article_id: UUID) -> Record:
    """Where an article stands; ``ProblemError`` where it is unknown or was withdrawn."""
    record = store.record(article_id)
    if record is None:
        raise missing("article of this id")
    if record.state == "withdrawn":
        raise withdrawn()
    return record


def withdrawn() -> ProblemError:
    """The error for an article that its provider has taken back."""
    return ProblemError(410, "withdrawn", "Its provider has taken it back.")


def ranges(found: Iterable[tuple[int, int]]) -> tuple[Range, ...]:
    """Offsets as the API gives them."""
    return tuple(Range(start=start, end=end) for start, end in found)


def summary(hit: Hit) -> ArticleSummary:
    """An article as a list shows it."""
    return ArticleSummary(
        id=hit.article_id,
        revision=hit.revision,
        headline=hit.headline,
        published_at=hit.published_at,
        listed_at=hit.listed_at,
        filed_at=hit.filed_at,
        source=hit.source,
        language=hit.language,
        excerpt=hit.excerpt,
        matches=ranges(hit.matches),
        topics=tuple(TopicRef(code=code, name=name) for code, name in hit.topics),
        story=hit.story,
        copy_of=hit.copy_of,
    )


def listed(store: ArticleStore, article_id: UUID) -> ArticleSummary | None:
    """An article as a list shows it; None where no search finds it."""
    record, article = store.record(article_id), store.get(article_id)
    first = store.version(article_id, 1)
    if record is None or record.state != "live" or article is None or first is None:
        return None
    beginning, _ = excerpt(article.text[body_start(article) :])
    original = article.near_duplicate_of
    return ArticleSummary(
        id=article_id,
        revision=article.revision,
        headline=article.headline,
        published_at=article.published_at,
        listed_at=time_of(place_at(listed_at(first), 0)),
        filed_at=record.versions[-1].filed_at,
        source=article.provider,
        language=article.detected_language.code,
        excerpt=beginning,
        topics=tuple(
            TopicRef(code=topic.code, name=topic.name)
            for topic in sorted(article.topics, key=lambda topic: -topic.score)
        ),
        story=None if article.story is None else article.story.id,
        copy_of=None if original is None else original.article_id,
    )


def page(store: ArticleStore, query: Query, cursor: str | None) -> ArticleList:
    """The page of ``query`` that ``cursor`` leads to."""
    found = store.page(query, cursors.read(query, cursor))
    return ArticleList(
        items=tuple(summary(hit) for hit in found.hits), next=cursors.written(query, found.next)
    )


def versions(record: Record) -> VersionList:
    """The versions of an article."""
    return VersionList(
        items=tuple(
            VersionInfo(
                number=version.number,
                revision=version.revision,
                received_at=version.received_at,
                filed_at=version.filed_at,
                withdrawn=version.withdrawn,
                headline=version.headline,
            )
            for version in record.versions
        )
    )


def entity_summary(known: KnownEntity) -> EntitySummary:
    """An entity as a list shows it."""
    return EntitySummary(
        key=known.key,
        name=known.name,
        type=known.type,
        articles=known.articles,
        mentions=known.mentions,
    )


def entity_view(known: KnownEntity) -> EntityView:
    """An entity whole."""
    return EntityView(
        **dict(entity_summary(known)),
        names=tuple(NameCount(name=name, articles=count) for name, count in known.names),
        merged=known.merged,
        url=_url(known.key),
    )


def _url(key: str) -> str | None:
    scheme, _, rest = key.partition(":")
    known = PAGES.get(scheme.lower())
    return None if known is None else known.format(rest.upper())


def story_view(story: Story) -> StoryView:
    """A story as the API shows it."""
    return StoryView(
        id=story.story_id,
        headline=story.headline,
        articles=story.articles,
        sources=story.sources,
        first_at=story.first_at,
        last_at=story.last_at,
    )
