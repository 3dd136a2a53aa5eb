"""Valid drops and articles for tests: the same arguments always give the same object.

Each builder takes any field of its model by keyword.  What hangs together is
made to fit: the text is built from headline, standfirst and body, the sections
point into it, the content hash is made of it, and the default entities are
those that the text really names.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from schemas.article import (
    Drop,
    EnrichedArticle,
    Entity,
    EntityType,
    Language,
    Mention,
    Provenance,
    RawArticle,
    ReaderInfo,
    Section,
    SourceLine,
    Topic,
)

NAMESPACE = UUID("00000000-0000-5000-8000-00000000cafe")
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
"""When the first drop is received; everything else is counted from here."""

HEADLINE = "Harbour of Riverton closes for repairs"
STANDFIRST = "Ferries stop for nine days."
BODY = (
    (
        "Mayor Ana Petrova closed the harbour of Riverton on Monday. Ana Petrova said the quay "
        "wall had moved by four centimetres since the winter storms."
    ),
    "The Riverton Port Authority expects ferries to run again in nine days.",
)
NAMED: tuple[tuple[str, EntityType], ...] = (
    ("Ana Petrova", "PERSON"),
    ("Riverton Port Authority", "ORG"),
    ("Riverton", "GPE"),
)
"""Names that :func:`make_enriched` finds in a text."""


def drop_id(number: int = 1) -> UUID:
    """The id of the ``number``-th drop."""
    return uuid5(NAMESPACE, f"drop {number}")


def article_id(number: int = 1) -> UUID:
    """The id of the ``number``-th article."""
    return uuid5(NAMESPACE, f"article {number}")


def at(seconds: float) -> datetime:
    """The time ``seconds`` after the first drop."""
    return NOON + timedelta(seconds=seconds)


def sha256(text: str) -> str:
    """Hexadecimal digest of ``text`` in UTF-8; lone surrogates are let through."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def make_drop(**over: Any) -> Drop:
    """A drop of one text file with one article in it."""
    fields: dict[str, Any] = {
        "drop_id": drop_id(),
        "inbox_id": uuid5(NAMESPACE, "inbox"),
        "file": "riverton.txt",
        "content_sha256": sha256(str(over.get("file", "riverton.txt"))),
        "size": 512,
        "position": 1,
        "received_at": NOON,
    }
    return Drop(**(fields | over))


def _text(
    headline: str | None, standfirst: str | None, body: tuple[str, ...]
) -> tuple[str, tuple[Section, ...]]:
    """The text of an article, and where its parts are in it."""
    text, sections = "", []
    for role, part in (
        ("headline", headline),
        ("standfirst", standfirst),
        ("body", "\n\n".join(body)),
    ):
        if part:
            start = len(text) + 2 if text else 0
            text = f"{text}\n\n{part}" if text else part
            sections.append(
                Section.model_validate({"role": role, "start": start, "end": len(text)})
            )
    return text, tuple(sections)


def make_raw(*, body: tuple[str, ...] = BODY, **over: Any) -> RawArticle:
    """An article as read from a text file; ``body`` has one paragraph per element.

    ``text``, when given, replaces headline, standfirst and body in the text and
    is one body section.
    """
    return RawArticle(**_raw_fields(body, over))


def _raw_fields(body: tuple[str, ...], over: dict[str, Any]) -> dict[str, Any]:
    headline = over.get("headline", HEADLINE)
    standfirst = over.get("standfirst", STANDFIRST)
    text, sections = _text(headline, standfirst, body)
    if "text" in over:
        text = over["text"]
        sections = (Section(role="body", start=0, end=len(text)),)
    drop: Drop = over.get("drop") or make_drop()
    status = over.get("status", "usable")
    fields: dict[str, Any] = {
        "drop": drop,
        "article_id": article_id(),
        "revision": int(drop.received_at.timestamp() * 1000),
        "revision_basis": "received",
        "identity_basis": "text",
        "status": status,
        "content_hash": sha256("\x1f".join((headline or "", text, status))),
        "headline": headline,
        "standfirst": standfirst,
        "authors": ("Ivo Marin",),
        "dateline": "RIVERTON",
        "published_at": NOON - timedelta(hours=2),
        "language": "en",
        "text": text,
        "sections": sections,
        "set_apart": (SourceLine(kind="promo", text="For more, visit our front page.", line=9),),
        "credits": ("Photo: City of Riverton",),
        "url": "https://news.example/riverton-harbour",
        "provider": "Example Wire",
        "reader": ReaderInfo(name="text", version="1", format="text/plain", encoding="utf-8"),
        "ingested_at": drop.received_at + timedelta(seconds=1),
    }
    return fields | over


def mentions(text: str, name: str) -> tuple[Mention, ...]:
    """Every place where ``text`` holds ``name``, without overlaps."""
    found, start = [], text.find(name)
    while start >= 0:
        found.append(Mention(start=start, end=start + len(name), text=name))
        start = text.find(name, start + len(name))
    return tuple(found)


def make_entity(text: str, name: str, kind: EntityType) -> Entity:
    """The entity ``name`` with its mentions in ``text``, of which there must be one."""
    return Entity(
        key=f"{kind.lower()}:{name.lower()}", name=name, type=kind, mentions=mentions(text, name)
    )


def make_provenance(block: str, **over: Any) -> Provenance:
    """The provenance of a block that was made."""
    fields: dict[str, Any] = {
        "block": block,
        "status": "done",
        "annotator": f"test-{block}",
        "version": "1",
        "at": NOON + timedelta(seconds=2),
        "duration_ms": 1.5,
    }
    return Provenance(**(fields | over))


def make_enriched(*, body: tuple[str, ...] = BODY, **over: Any) -> EnrichedArticle:
    """An article after enrichment: English, with entities and one topic."""
    fields = _raw_fields(body, over)
    text: str = fields["text"]
    enriched: dict[str, Any] = {
        "detected_language": Language(code="en", confidence=0.99),
        "entities": tuple(make_entity(text, name, kind) for name, kind in NAMED if name in text),
        "topics": (
            Topic(
                code="medtop:04000000",
                name="economy, business and finance",
                score=0.81,
                assigned_by="model",
            ),
        ),
        "provenance": tuple(make_provenance(b) for b in ("language", "entities", "topics")),
        "enriched_at": fields["ingested_at"] + timedelta(seconds=1),
    }
    return EnrichedArticle(**(enriched | fields))
