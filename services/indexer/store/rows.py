"""Between articles and a store's rows: what is written of an article, and a hit as it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from services.indexer.store.base import Hit
from services.indexer.store.places import time_of
from services.indexer.store.rules import Standing, VersionKey, version_key
from services.indexer.store.snippets import excerpt
from services.indexer.store.times import from_micros, to_micros
from services.indexer.store.words import fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schemas.article import EnrichedArticle
    from services.indexer.store.rules import Decision
    from services.indexer.store.words import Term


def article_row(article: EnrichedArticle, decision: Decision, filed_at: int) -> dict[str, Any]:
    """What ``article`` as the current version puts into its row."""
    published, received = article.published_at, article.drop.received_at
    copied = article.near_duplicate_of
    key = version_key(article)
    return {
        "article_id": str(article.article_id),
        "state": decision.state,
        "revision": key.revision,
        "numbered": int(key.numbered),
        "moment": key.moment,
        "received_at": to_micros(received),
        "drop_id": str(article.drop.drop_id),
        "content_hash": article.content_hash,
        "language": fold(article.detected_language.code),
        "published_at": None if published is None else to_micros(published),
        "filed_at": filed_at,
        "copy_of": None if copied is None else str(copied.article_id),
        "source": article.provider,
        "source_folded": None if article.provider is None else fold(article.provider),
    }


def standing_of(row: Mapping[str, Any]) -> Standing:
    """Where the article of a row stands."""
    key = VersionKey(
        numbered=bool(row["numbered"]),
        revision=row["revision"],
        moment=row["moment"],
        withdrawn=row["state"] == "withdrawn",
        received_at=from_micros(row["received_at"]),
        drop_id=row["drop_id"],
    )
    return Standing(row["state"], key, row["content_hash"], row["number"])


def version_row(article: EnrichedArticle, seq: int, filed_at: int) -> dict[str, Any]:
    """What the version of the article in row ``seq`` puts into its own."""
    return {
        "article": seq,
        "revision": article.revision,
        "received_at": to_micros(article.drop.received_at),
        "filed_at": filed_at,
        "withdrawn": int(article.status == "withdrawn"),
        "headline": article.headline,
        "body_start": body_start(article),
        "document": article.model_dump_json(),
    }


def body_start(article: EnrichedArticle) -> int:
    """Where the text goes on after the headline: a match there counts less."""
    rest = [section.start for section in article.sections if section.role != "headline"]
    start = min(rest) if rest else max((s.end for s in article.sections), default=0)
    return min(start, len(article.text))


def hit_of(
    place: int, terms: Sequence[Term], topics: Sequence[tuple[str, str]], columns: Sequence[Any]
) -> Hit:
    """What a list shows of the article at ``place``.

    ``columns``: article_id, revision, headline, published_at, filed_at, source, language, story,
    copy_of, and the beginning of the text.
    """
    article_id, revision, headline, published_at, filed_at, *more = columns
    source, language, story, copy_of, text = more
    shown, matches = excerpt(text or "", terms)
    return Hit(
        article_id=UUID(article_id),
        revision=revision,
        headline=headline,
        published_at=None if published_at is None else from_micros(published_at),
        filed_at=from_micros(filed_at),
        listed_at=time_of(place),
        excerpt=shown,
        matches=matches,
        source=source,
        language=language,
        topics=tuple(topics),
        story=None if story is None else UUID(story),
        copy_of=None if copy_of is None else UUID(copy_of),
    )
