"""What becomes of a filed article: one rule for every store.

Each article id stands where its latest version puts it, whatever order its
versions came in.  So a later version with the same content (``unchanged``)
moves the held revision along: if it stayed behind, a version between the two
that comes late would replace a newer one.

Content is found once.  While one id is live with some content, another id with
the same content is hidden as its ``duplicate``.  It is remembered whole: when
the first is updated to something else, or withdrawn, the earliest hidden one
takes its place, since its own provider has changed and withdrawn nothing.  The
outcome that was reported for it stays.  When two ids compete, the one that was
filed with that content first is the article, so an article that is *updated* to
what another already holds becomes that one's duplicate.

Back after a withdrawal, and no longer a duplicate, are both ``indexed``: the
article wasn't to be found before and is now.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from schemas.article import EnrichedArticle
    from schemas.events import OutcomeKind
    from services.indexer.store.base import State

VersionKey: TypeAlias = "tuple[int, datetime, str]"
"""What orders the versions of one article: revision, time of receipt, drop id.
The drop id only settles ties, so that the result doesn't depend on arrival."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an article stands in the store before a filing."""

    state: State
    key: VersionKey
    content_hash: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of one filing, and the state that the article is in after it."""

    outcome: OutcomeKind
    state: State
    duplicate_of: UUID | None = None
    by_revision: int | None = None


def version_key(article: EnrichedArticle) -> VersionKey:
    """The place of ``article`` among its versions."""
    return (article.revision, article.drop.received_at, str(article.drop.drop_id))


def decide(article: EnrichedArticle, held: Standing | None, twin: UUID | None) -> Decision:
    """What becomes of ``article``.

    ``held`` is where its id stands, None when it is new; ``twin`` is another id
    that is live with the same content.
    """
    if held is not None and version_key(article) < held.key:
        return Decision("superseded", held.state, by_revision=held.key[0])
    if article.status == "withdrawn":
        return Decision("withdrawn", "withdrawn")
    if twin is not None:
        return Decision("duplicate", "duplicate", duplicate_of=twin)
    if held is None or held.state != "live":
        return Decision("indexed", "live")
    same = held.content_hash == article.content_hash
    return Decision("unchanged" if same else "updated", "live")
