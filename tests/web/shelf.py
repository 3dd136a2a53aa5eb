"""The articles that the page's tests look at: all made up, each with a trap.

=============  ====================================================================
``PLAIN``      people, places, money and a date; a quote; two versions; in a story
``REPRINT``    a copy of it by another source, in the same story
``OVERLAP``    names within names, behind characters of two UTF-16 units
``HOSTILE``    markup, scripts, controls and overrides in every field
``LONG``       five million characters on one line without a space
``WITHDRAWN``  taken back by its provider
=============  ====================================================================

and thirty more on harbours, an hour after each other, for lists and pages.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from schemas.annotations import Evidence, MoneyValue, NearDuplicate, Quote, StoryRef, Summary
from schemas.article import EnrichedArticle, Entity, EntityType, Language, Mention, Topic
from tests.factories import (
    NAMESPACE,
    article_id,
    at,
    drop_id,
    make_drop,
    make_enriched,
    make_entity,
    mentions,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

PLAIN, REPRINT, OVERLAP, HOSTILE, LONG, WITHDRAWN = (article_id(900 + n) for n in range(6))
STORY = uuid5(NAMESPACE, "the page's story")
LONG_CHARS = 5_000_000
CANARY = "document.documentElement.dataset.canary='dead'"
SCRIPT = f'<script>{CANARY}</script><img src=x onerror="{CANARY}">'
OVERRIDE = "\u202eevil\u202c"
OVERLAPPING = "\U0001f6a2\U0001f6a2 The University of New York and New York City met \U0001f30d."

ECONOMY = Topic(
    code="medtop:20000344",
    name="economy",
    score=0.62,
    assigned_by="model",
    evidence=(Evidence(words="quay", weight=0.7),),
)
BUSINESS = Topic(
    code="medtop:04000000", name="economy, business and finance", score=0.8, assigned_by="provider"
)
HEALTH = Topic(code="medtop:07000000", name="health", score=0.5, assigned_by="user")


def filed(number: int, identity: UUID, **over: Any) -> EnrichedArticle:
    """An article of the drop ``number``, received so many hours after noon of 2 March 2026."""
    received = at(3600 * number)
    fields: dict[str, Any] = {
        "drop": make_drop(
            drop_id=drop_id(9000 + number), file=f"shelf/{number}.txt", received_at=received
        ),
        "article_id": identity,
        "published_at": received - timedelta(minutes=5),
        "ingested_at": received + timedelta(seconds=1),
    }
    return make_enriched(**(fields | over))


def found(text: str, *names: tuple[str, EntityType]) -> tuple[Entity, ...]:
    """Entities with their mentions in the text."""
    return tuple(make_entity(text, name, kind) for name, kind in names)


def _plain(body: tuple[str, ...], **over: Any) -> EnrichedArticle:
    made = filed(40, PLAIN, headline="Quay wall of Riverton moves", body=body)
    text = made.text
    start = text.index("The wall is tired")
    money = mentions(text, "$3 million")
    fields = {
        "entities": (
            Entity(
                key="wd:Q1",
                name="Ana Petrova",
                type="PERSON",
                mentions=mentions(text, "Ana Petrova"),
                wikidata="Q1",
                link_confidence=0.97,
                salience=0.8,
            ),
            *found(text, ("Riverton Port Authority", "ORG"), ("Riverton", "GPE")),
            Entity(
                key="money:3000000 usd",
                name="$3 million",
                type="MONEY",
                mentions=money,
                money=MoneyValue(amount=3_000_000, currency="USD"),
            ),
        ),
        "topics": (BUSINESS, ECONOMY),
        "quotes": (
            Quote(
                start=start,
                end=start + len("The wall is tired"),
                text="The wall is tired",
                speaker="wd:Q1",
                verb="said",
            ),
        ),
        "summary": Summary(text=body[0], start=text.index(body[0]), end=0 + len(text)),
        "story": StoryRef(id=STORY, articles=2),
    }
    return made.model_copy(update=fields | over)


FIRST_BODY = (
    "Mayor Ana Petrova closed the harbour of Riverton on Monday.",
    '"The wall is tired," Ana Petrova said. Repairs cost $3 million.',
    "The Riverton Port Authority expects ferries again in nine days.",
)
SECOND_BODY = (FIRST_BODY[0], FIRST_BODY[1], FIRST_BODY[2].replace("nine", "twelve"))


def plain() -> Iterator[EnrichedArticle]:
    """Both versions."""
    yield _plain(FIRST_BODY)
    second = _plain(SECOND_BODY)
    later = at(3600 * 41)
    drop = make_drop(drop_id=drop_id(9990), file="shelf/later.txt", received_at=later)
    yield second.model_copy(
        update={
            "drop": drop,
            "revision": second.revision + 1,
            "content_hash": "ab" * 32,
            "enriched_at": later,
        }
    )


def reprint() -> EnrichedArticle:
    """A copy."""
    near = NearDuplicate(article_id=PLAIN, share=0.91, direction="same", provider="Example Wire")
    return filed(
        42,
        REPRINT,
        headline="Riverton's quay moves",
        provider="Harbour Times",
        near_duplicate_of=near,
        near_duplicates=(near,),
        story=StoryRef(id=STORY, articles=2),
    )


def overlap() -> EnrichedArticle:
    """A name in a name: the longer one begins first, and they end together."""
    made = filed(43, OVERLAP, headline="Names in names", standfirst=None, body=(OVERLAPPING,))
    text = made.text
    start = text.index("University of New York")
    whole = Mention(start=start, end=start + 22, text="University of New York")
    return made.model_copy(
        update={
            "entities": (
                Entity(key="org:uny", name="University of New York", type="ORG", mentions=(whole,)),
                *found(text, ("New York", "GPE"), ("New York City", "FAC")),
            )
        }
    )


def hostile() -> EnrichedArticle:
    """Everything that a text may try."""
    made = filed(
        44,
        HOSTILE,
        headline=f"{SCRIPT} {OVERRIDE} \x07bell",
        standfirst=None,
        body=(f"{SCRIPT} {OVERRIDE} \x1b[31mred\x1b[0m \x00nul", "W" * 5000),
        provider=f"{SCRIPT}",
        url=f"javascript:{CANARY}",
        authors=(SCRIPT,),
        keywords=(SCRIPT,),
    )
    name = Entity(
        key=f"person:{SCRIPT}/?#&%",
        name=SCRIPT,
        type="PERSON",
        mentions=mentions(made.text, "<script>"),
    )
    return made.model_copy(update={"entities": (name,)})


def long() -> EnrichedArticle:
    """One line that never ends."""
    return filed(
        45,
        LONG,
        headline="A line without an end",
        text="x" * LONG_CHARS,
        detected_language=Language(code="und", confidence=0.1),
        entities=(),
        topics=(HEALTH,),
    )


def withdrawn() -> Iterator[EnrichedArticle]:
    """It was there, and then it wasn't."""
    yield filed(46, WITHDRAWN, headline="Taken back", body=("A mistake of the wire.",))
    yield filed(47, WITHDRAWN, headline="Taken back", body=("A mistake.",), status="withdrawn")


def many(count: int = 30) -> Iterator[EnrichedArticle]:
    """Articles for lists."""
    for number in range(count):
        french = number % 5 == 0
        yield filed(
            -30 * number,
            article_id(500 + number),
            headline=f"Harbour news {number}",
            body=(f"Ferry {number} of Riverton sails for Port {number}.", "Ana Petrova waves."),
            provider="Agence Rive" if french else "Example Wire",
            detected_language=Language(code="fr" if french else "en", confidence=0.9),
            topics=(BUSINESS, ECONOMY) if number % 2 else (HEALTH,),
        )


def articles() -> list[EnrichedArticle]:
    """All of them, in the order of filing."""
    return [*many(), *plain(), reprint(), overlap(), hostile(), long(), *withdrawn()]
