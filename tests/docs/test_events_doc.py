"""What docs/events.md says of the events is so; its programs are run with the other documents."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from schemas.article import EnrichedArticle, RawArticle
from schemas.events import DEAD, EVENT_TYPES, CloudEvent, EventType
from schemas.generate import event_schema
from services.bus.keys import STREAMS, Keys
from services.bus.subscribers import SUBSCRIBED
from services.bus.webhooks import OFFERED_STREAMS
from tests.docs.markdown import document
from tests.docs.treatment import mark_name
from tests.repo.lock_check import ROOT

if TYPE_CHECKING:
    from pydantic import BaseModel

TEXT = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
EXAMPLES = {
    mark_name(block): block.code
    for block in document("docs/events.md").blocks
    if block.language == "json"
}
BY_NAME = {event.name: event for event in EVENT_TYPES}


def section(heading: str) -> str:
    """What stands below a heading of the second level."""
    found = re.search(rf"^## {heading}\n(.*?)(?=^##? |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found is not None, heading
    return found[1]


def fields(heading: str) -> list[str]:
    """The fields that a section's table names."""
    rows = re.findall(r"^\| (`.*?`) \|", section(heading), re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([a-z_]+)`", row)]


def model_of(event: EventType) -> set[str]:
    """The fields of an event's data; of an enriched article those that enrichment adds."""
    payload: type[BaseModel] = event.payload
    own = set(payload.model_fields)
    return own - set(RawArticle.model_fields) if payload is EnrichedArticle else own


@pytest.mark.parametrize("event", EVENT_TYPES, ids=lambda event: event.name)
def test_the_table_of_a_type_names_each_of_its_fields_once(event: EventType) -> None:
    assert sorted(fields(event.name.capitalize())) == sorted(model_of(event))


def test_the_table_of_the_envelope_is_that_of_the_model() -> None:
    assert set(fields("The envelope")) == set(CloudEvent.model_fields)


def test_the_overview_names_each_type_with_its_stream() -> None:
    rows = re.findall(
        r"^\| \[`(wiredesk\.[\w.]+)`\]\(#(\w+)\) \| `\{news\}:(\w+)` \|.*\| (\w+)",
        TEXT,
        re.MULTILINE,
    )
    streams = {stream.event: stream for stream in (*STREAMS, *SUBSCRIBED)}
    keys = Keys("news")
    assert {(name, stream) for name, _, stream, _ in rows} == {
        (event.full_name, keys.stream(streams[event]).rpartition(":")[2]) for event in EVENT_TYPES
    }
    assert [anchor for _, anchor, _, _ in rows] == [
        next(event.name for event in EVENT_TYPES if event.full_name == name) for name, *_ in rows
    ]
    offered = {stream.event.full_name for stream in OFFERED_STREAMS}
    assert {name for name, _, _, http in rows if http == "yes"} == offered


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_example_fits_its_schema_and_has_no_field_that_there_is_not(name: str) -> None:
    given: dict[str, Any] = json.loads(EXAMPLES[name])
    event = BY_NAME[name]
    Draft202012Validator(event_schema(event)).validate(given)
    envelope: Any = CloudEvent.__class_getitem__(event.payload)
    read = envelope.model_validate(given)
    assert not read.model_extra
    assert not read.data.model_extra
    assert given["type"] == event.full_name


def test_every_type_but_articles_has_an_example() -> None:
    """Those two have one in the README, which a test of its own reads."""
    assert set(EXAMPLES) == set(BY_NAME) - {"received", "enriched"}
    assert DEAD.name in EXAMPLES


def test_the_programs_know_the_types_that_they_name() -> None:
    programs = [b.code for b in document("docs/events.md").blocks if b.language != "json"]
    named = {
        name for code in programs for name in re.findall(r"wiredesk\.[a-z]+\.[a-z]+\.v\d", code)
    }
    assert named <= {event.full_name for event in EVENT_TYPES}
    assert [b.language for b in document("docs/events.md").blocks][:3] == ["python", "js", "sh"]
