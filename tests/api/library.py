"""The articles that the API's tests read: all made up, a few of each kind.

=============  ====================================================================
``HARBOUR``    two versions; an operator named one of its entities; in a story
``REPRINT``    a copy of it by another source; in the same story
``FOLLOW_UP``  shares its wording without being a copy; names it
``BRIDGE``     in French, with keys that are hard to write in a path
``STORM``      withdrawn by its provider
``TWIN``       has the content of ``BRIDGE``: a duplicate
``LONG``       200 paragraphs; a topic of the desk's own
=============  ====================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from schemas.annotations import NearDuplicate, StoryRef
from schemas.article import EnrichedArticle, Language, Topic
from tests.factories import (
    NAMESPACE,
    article_id,
    at,
    drop_id,
    make_drop,
    make_enriched,
    make_entity,
)

if TYPE_CHECKING:
    from services.indexer.store.base import ArticleStore

HARBOUR, REPRINT, FOLLOW_UP, BRIDGE, STORM, TWIN, LONG = (article_id(n) for n in range(1, 8))
UNKNOWN = article_id(999)
STORY = uuid5(NAMESPACE, "story")

ECONOMY = Topic(
    code="medtop:04000000",
    name="economy, business and finance",
    score=0.81,
    assigned_by="model",
)
PORTS = Topic(code="user:ports", name="Ports and harbours", score=0.9, assigned_by="user")

SLASHED = "org:quay a/b works"
ACCENTED = "person:zoë ångström"
TRICKY = "org:depot/articles"
"""A key that ends as a path does."""

HOUR = 3600.0


def written(number: int, revision: int = 1, **over: Any) -> EnrichedArticle:
    """A version of an article, received ``number`` hours after the first drop."""
    drop = make_drop(
        drop_id=drop_id(number * 1000 + revision),
        file=f"{number}-{revision}.txt",
        received_at=at(number * HOUR + revision),
    )
    fields: dict[str, Any] = {
        "drop": drop,
        "article_id": article_id(number),
        "revision": revision,
        "revision_basis": "version",
        "published_at": at(number * HOUR),
        "standfirst": None,
    }
    return make_enriched(**(fields | over))


def _near(other: UUID, provider: str = "Example Wire") -> NearDuplicate:
    return NearDuplicate(article_id=other, share=0.9, direction="same", provider=provider)


def _bridge(number: int, **over: Any) -> EnrichedArticle:
    text = "Le pont de Riverton\n\nZoë Ångström de Quay A/B Works ferme le pont. Depot/Articles."
    named = (
        (SLASHED, "Quay A/B Works", "ORG"),
        (ACCENTED, "Zoë Ångström", "PERSON"),
        (TRICKY, "Depot/Articles", "ORG"),
        ("gpe:riverton", "Riverton", "GPE"),
    )
    entities = tuple(
        make_entity(text, name, kind).model_copy(update={"key": key})  # type: ignore[arg-type]  # a tuple of literals
        for key, name, kind in named
    )
    return written(
        number,
        headline="Le pont de Riverton",
        text=text,
        language="fr",
        detected_language=Language(code="fr", confidence=0.98),
        provider="Gazette du Port",
        entities=entities,
        topics=(),
        **over,
    )


def articles() -> list[EnrichedArticle]:
    """All of them, in the order of filing."""
    story = StoryRef(id=STORY, articles=2)
    return [
        written(1, 1, headline="Harbour to close", story=story),
        written(1, 2, story=story, near_duplicates=(_near(FOLLOW_UP, "Quay Press"),)),
        written(
            2,
            headline="Harbour of Riverton shut",
            provider="Quay Press",
            near_duplicate_of=_near(HARBOUR),
            story=story,
        ),
        written(
            3,
            headline="Ferries to run again",
            body=("Ferries of Riverton run again, said <b>Ana Petrova</b> & the port.",),
            provider="Quay Press",
            near_duplicates=(_near(REPRINT), _near(STORM), _near(UNKNOWN)),
        ),
        _bridge(4),
        written(5, 1, headline="Storm secret", body=("A storm that was never confirmed.",)),
        written(5, 2, headline="Storm secret", body=("Withdrawn.",), status="withdrawn"),
        _bridge(6),
        written(
            7,
            headline="A long winter",
            body=tuple(f"Paragraph {n} on the quay wall." for n in range(200)),
            topics=(PORTS, ECONOMY),
        ),
    ]


def fill(store: ArticleStore) -> None:
    """File all of them, and say what a name means."""
    store.file(articles())
    store.alias("A. Petrova", ["person:a. petrova"], "person:ana petrova")
