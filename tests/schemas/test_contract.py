"""What every event promises: it survives the wire, keeps what it doesn't know, and is strict."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import given
from pydantic import ValidationError

from schemas.article import EnrichedArticle, Mention, Provenance, RawArticle, Topic
from schemas.events import DEAD, ENRICHED, EVENT_TYPES, FILED, RECEIVED, CloudEvent, event_id
from tests.factories import (
    article_id,
    drop_id,
    make_drop,
    make_enriched,
    make_provenance,
    make_raw,
    mentions,
)
from tests.schemas.envelopes import enveloped
from tests.schemas.strategies import PAYLOADS, RAW_ARTICLES

if TYPE_CHECKING:
    from schemas.events import EventType, Payload


@given(PAYLOADS)
def test_an_event_read_back_from_its_json_is_equal(payload: Payload) -> None:
    event = enveloped(payload)

    again = type(event).model_validate_json(event.model_dump_json())

    assert again == event
    assert again.model_dump_json() == event.model_dump_json()


@given(RAW_ARTICLES)
def test_times_are_written_in_utc_whatever_their_zone(article: RawArticle) -> None:
    written = json.loads(article.model_dump_json())

    assert written["ingested_at"].endswith("Z")
    assert datetime.fromisoformat(written["ingested_at"]) == article.ingested_at


def test_a_time_with_a_zone_becomes_the_same_moment_in_utc() -> None:
    article = make_raw(published_at="2023-12-03T12:24:00-05:00")

    assert article.published_at == datetime(2023, 12, 3, 17, 24, tzinfo=UTC)
    assert '"published_at":"2023-12-03T17:24:00Z"' in article.model_dump_json()


@pytest.mark.parametrize("naive", [datetime(2026, 3, 2, 12), "2026-03-02T12:00:00"])  # noqa: DTZ001  # what is refused
def test_a_time_without_a_zone_is_refused(naive: object) -> None:
    with pytest.raises(ValidationError, match="timezone"):
        make_drop(received_at=naive)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_does_not_have_are_refused(number: float) -> None:
    with pytest.raises(ValidationError):
        make_provenance("topics", duration_ms=number)
    with pytest.raises(ValidationError):
        Topic(code="medtop:11000000", name="politics", score=number, assigned_by="model")


def test_nan_is_refused_in_json_too() -> None:
    text = make_provenance("topics").model_dump_json().replace("1.5", "NaN")

    with pytest.raises(ValidationError):
        Provenance.model_validate_json(text)


def test_fields_of_a_newer_producer_are_kept_when_forwarded() -> None:
    """In the envelope, in the payload and in what it nests."""
    document = json.loads(enveloped(make_raw()).model_dump_json())
    document["newer"] = {"in": "envelope"}
    document["data"]["newer"] = ["in", "data"]
    document["data"]["drop"]["newer"] = 1

    forwarded = CloudEvent[RawArticle].model_validate(document).model_dump_json()

    assert json.loads(forwarded) == document


def test_what_enrichment_adds_leaves_the_raw_article_as_it_was() -> None:
    """An enriched article read by somebody who knows only raw ones loses nothing."""
    enriched = make_enriched()

    as_raw = RawArticle.model_validate_json(enriched.model_dump_json())

    assert EnrichedArticle.model_validate_json(as_raw.model_dump_json()) == enriched


def test_a_read_event_can_not_be_changed() -> None:
    article = make_raw()

    with pytest.raises(ValidationError, match="frozen"):
        article.headline = "Another"  # type: ignore[misc]  # what is refused


def test_offsets_count_code_points_of_the_published_text() -> None:
    text = "\N{SHIP} Ana Petrova met Ana Petrova."

    found = [text[mention.start : mention.end] for mention in mentions(text, "Ana Petrova")]

    assert found == ["Ana Petrova", "Ana Petrova"]
    assert mentions(text, "Ana Petrova")[0] == Mention(start=2, end=13, text="Ana Petrova")


def test_sections_point_into_the_text() -> None:
    article = make_raw()

    parts = {
        section.role: article.text[section.start : section.end] for section in article.sections
    }

    assert parts["headline"] == article.headline
    assert parts["standfirst"] == article.standfirst


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (RECEIVED, "769f23b9-536c-5988-b5f7-0ef8bb028f90"),
        (ENRICHED, "e1348c8f-ace8-56eb-850c-3d6f2513f417"),
        (FILED, "367bec83-7056-5d77-aabe-d7df52593001"),
        (DEAD, "3fbdcd02-fc65-5dce-9e90-e828e5a0b2c6"),
    ],
)
def test_event_ids_never_change(event: EventType, expected: str) -> None:
    """Subscribers remember the ids that they have seen: these are for ever."""
    drop = UUID("11111111-1111-4111-8111-111111111111")
    article = UUID("22222222-2222-5222-8222-222222222222")

    assert event_id(event, drop, article, 7) == expected


def test_each_part_that_an_event_is_about_makes_another_id() -> None:
    ids = {
        event_id(ENRICHED, drop_id(1), article_id(1), 1),
        event_id(ENRICHED, drop_id(2), article_id(1), 1),
        event_id(ENRICHED, drop_id(1), article_id(2), 1),
        event_id(ENRICHED, drop_id(1), article_id(1), 2),
        event_id(RECEIVED, drop_id(1), article_id(1), 1),
    }

    assert len(ids) == 5


def test_event_types_are_named_with_their_major_version() -> None:
    assert [event.full_name for event in EVENT_TYPES] == [
        "wiredesk.article.received.v1",
        "wiredesk.article.enriched.v1",
        "wiredesk.article.filed.v1",
        "wiredesk.article.dead.v1",
        "wiredesk.story.merged.v1",
        "wiredesk.entities.changed.v1",
    ]


@pytest.mark.parametrize(
    "over",
    [
        {"specversion": "0.3"},
        {"id": ""},
        {"source": ""},
        {"type": ""},
        {"time": None},
        {"datacontenttype": "text/xml"},
        {"traceparent": "not a trace"},
    ],
)
def test_an_envelope_that_is_not_cloudevents_1_0_is_refused(over: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        enveloped(make_raw(), **over)


@pytest.mark.parametrize(
    "over",
    [
        {"position": 0},
        {"size": -1},
        {"content_sha256": "abc"},
        {"content_sha256": "A" * 64},
        {"drop_id": "not a uuid"},
    ],
)
def test_a_drop_with_an_impossible_value_is_refused(over: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        make_drop(**over)


def test_an_entity_without_a_mention_is_refused() -> None:
    entity = make_enriched().entities[0].model_dump() | {"mentions": ()}

    with pytest.raises(ValidationError):
        make_enriched(entities=(entity,))
