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

Versions are ordered by what their providers say.  Two that have version numbers
are ordered by these, two that have times (of the update, else of the receipt) by
those.  A number says nothing about a time; between the two kinds counts when
each was made, as far as it is known, so that a feed and a wire service that bring
the same article correct each other.  A number lower than one that was held before
never comes back, whatever stood between.  Of equals a withdrawal is the later: it
means that version, also where the version itself is still on its way; then receipt
decides, and last the drop id, so that the result doesn't depend on arrival.  (It
does only where a provider contradicts itself: a higher number with an earlier time.)

Back after a withdrawal, and no longer a duplicate, are both ``indexed``: the
article wasn't to be found before and is now.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.indexer.store.times import to_micros

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from schemas.article import EnrichedArticle
    from schemas.events import OutcomeKind
    from services.indexer.store.base import State


@dataclass(frozen=True, slots=True)
class VersionKey:
    """What orders the versions of one article.

    ``numbered``: whether ``revision`` is a version number, else it is a time.
    ``moment``: when the version was made, in ms since 1970.  ``drop_id`` only
    settles ties.
    """

    numbered: bool
    revision: int
    moment: int
    withdrawn: bool
    received_at: datetime
    drop_id: str

    def precedes(self, other: VersionKey) -> bool:
        """Whether this version is the earlier of the two."""
        alike = self.numbered == other.numbered
        return self._place(by_moment=not alike) < other._place(by_moment=not alike)

    def _place(self, *, by_moment: bool) -> tuple[int, bool, datetime, str]:
        first = self.moment if by_moment else self.revision
        return (first, self.withdrawn, self.received_at, self.drop_id)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an article stands in the store before a filing.

    ``number``: the highest version number held so far, None where none had any.
    """

    state: State
    key: VersionKey
    content_hash: str
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of one filing, and the state that the article is in after it.

    ``reason``: of a rejected one.  ``renewed``: only annotations change
    (:mod:`services.indexer.store.renewing`): it is a change, and no new filing of the content.
    """

    outcome: OutcomeKind
    state: State
    duplicate_of: UUID | None = None
    by_revision: int | None = None
    reason: str | None = None
    advice: str = ""
    renewed: bool = False

    @property
    def told(self) -> dict[str, str]:
        """What the outcome of a rejected one says more; nothing for others."""
        if self.reason is None:
            return {}
        return {"stage": "indexer", "reason": self.reason, "advice": self.advice}


def version_key(article: EnrichedArticle) -> VersionKey:
    """The place of ``article`` among its versions."""
    numbered = article.revision_basis == "version"
    received = to_micros(article.drop.received_at) // 1000
    updated = None if article.updated_at is None else to_micros(article.updated_at) // 1000
    # A version isn't made after its receipt, whatever it says.
    made = received if updated is None else min(updated, received)
    return VersionKey(
        numbered=numbered,
        revision=article.revision,
        moment=made if numbered else article.revision,
        withdrawn=article.status == "withdrawn",
        received_at=article.drop.received_at,
        drop_id=str(article.drop.drop_id),
    )


def highest_number(article: EnrichedArticle, held: Standing | None) -> int | None:
    """The highest version number of an article once ``article`` is its current version."""
    known = None if held is None else held.number
    if article.revision_basis != "version":
        return known
    return article.revision if known is None else max(known, article.revision)


def _is_earlier(key: VersionKey, held: Standing) -> bool:
    outnumbered = key.numbered and held.number is not None and key.revision < held.number
    return outnumbered or key.precedes(held.key)


def decide(article: EnrichedArticle, held: Standing | None, twin: UUID | None) -> Decision:
    """What becomes of ``article``.

    ``held`` is where its id stands, None when it is new; ``twin`` is another id
    that is live with the same content.
    """
    if held is not None and _is_earlier(version_key(article), held):
        return Decision("superseded", held.state, by_revision=held.key.revision)
    if article.status == "withdrawn":
        return Decision("withdrawn", "withdrawn")
    if twin is not None:
        return Decision("duplicate", "duplicate", duplicate_of=twin)
    if held is None or held.state != "live":
        return Decision("indexed", "live")
    same = held.content_hash == article.content_hash
    return Decision("unchanged" if same else "updated", "live")
