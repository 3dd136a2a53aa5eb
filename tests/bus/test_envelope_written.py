"""An event is written as CloudEvents says: what dumping the model of the whole would give."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import (
    DEAD,
    ENRICHED,
    ENTITIES_CHANGED,
    EVENT_TYPES,
    FILED,
    RECEIVED,
    STORY_MERGED,
    CloudEvent,
    DeadLetter,
    EntitiesChanged,
    Outcome,
    StoryMerged,
    Timings,
)
from services.bus.envelope import Event, Outgoing, read, write
from tests.factories import NOON, article_id, make_drop, make_enriched, make_raw

if TYPE_CHECKING:
    from schemas.events import EventType, Payload

PAYLOADS: dict[EventType, Payload] = {
    RECEIVED: make_raw(),
    ENRICHED: make_enriched(),
    FILED: Outcome(
        drop=make_drop(),
        article_id=article_id(),
        revision=1,
        outcome="rejected",
        reason='said "no" — \\ \x00 \x7f €',
        timings=Timings(received_at=NOON, filed_at=NOON),
    ),
    DEAD: DeadLetter(
        stage="enrichment",
        group="enrichment",
        stream="{news}:raw",
        entry_id="1-1",
        error_type="Reject",
        error_message="no",
        attempts=1,
        software_version="1",
        original="",
        died_at=NOON,
    ),
    STORY_MERGED: StoryMerged(
        story_id=UUID(int=1), merged=UUID(int=2), article_id=UUID(int=3), at=NOON
    ),
    ENTITIES_CHANGED: EntitiesChanged(
        change_id=UUID(int=1), change="merged", keys=("a",), articles=0, at=NOON
    ),
}
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def dumped(head: Outgoing, payload: Payload) -> bytes:
    """The event as its model has it, validated and dumped."""
    model: Any = CloudEvent[head.event.payload]  # type: ignore[name-defined]  # built at run time
    event = model(
        id=head.id,
        source=head.source,
        type=head.event.full_name,
        subject=head.subject,
        time=head.time,
        dataschema=head.event.dataschema,
        traceparent=head.traceparent,
        data=payload,
    )
    written: str = event.model_dump_json()
    return written.encode()


@pytest.mark.parametrize("event", EVENT_TYPES, ids=lambda event: event.full_name)
@pytest.mark.parametrize("subject", [None, str(article_id())])
@pytest.mark.parametrize("traceparent", [None, TRACE])
def test_each_type_is_written_as_its_model_is_dumped(
    event: EventType, subject: str | None, traceparent: str | None
) -> None:
    head = Outgoing(event, "an id", "/wiredesk/test", subject, NOON, traceparent)
    written = write(head, PAYLOADS[event])
    assert written == dumped(head, PAYLOADS[event])
    assert read(written, event) == Event(PAYLOADS[event], traceparent)


ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=st.just(UTC) | ZONES)  # noqa: DTZ001  (Hypothesis adds the zone)


@given(time=TIMES, said=st.text(st.characters(codec="utf-8")))
def test_any_time_and_text_is_written_as_the_model_is_dumped(time: datetime, said: str) -> None:
    head = Outgoing(FILED, f"id {said}", f"/{said}", said, time, None)
    payload = PAYLOADS[FILED].model_copy(update={"reason": said})
    assert write(head, payload) == dumped(head, payload)


@pytest.mark.parametrize("event", EVENT_TYPES, ids=lambda event: event.full_name)
def test_no_other_payload_is_written(event: EventType) -> None:
    head = Outgoing(event, "an id", "/wiredesk/test", None, NOON, None)
    others = [each for each in PAYLOADS.values() if not isinstance(each, event.payload)]
    wrong: list[Any] = [None, {}, *others]
    for payload in wrong:
        with pytest.raises(ValueError, match=f"is no payload of {event.full_name}"):
            write(head, payload)


def test_what_has_no_bytes_is_refused_as_a_wrong_value_is() -> None:
    head = Outgoing(FILED, "an id", "/wiredesk/test", None, NOON, None)
    with pytest.raises(ValueError, match="surrogate"):
        write(head, PAYLOADS[FILED].model_copy(update={"reason": "\ud800"}))
