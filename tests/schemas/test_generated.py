"""What is generated is current, is valid JSON Schema, and says what the models say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from schemas.events import EVENT_TYPES, RECEIVED
from schemas.generate import (
    ASYNCAPI_FILE,
    GENERATED,
    OPENAPI_FILE,
    event_schema,
    main,
    outdated,
    write,
)
from tests.factories import make_enriched, make_raw
from tests.schemas.envelopes import enveloped, event_type
from tests.schemas.strategies import PAYLOADS

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.events import EventType, Payload

VALIDATORS = {
    event: Draft202012Validator(event_schema(event), format_checker=FormatChecker())
    for event in EVENT_TYPES
}


def test_the_generated_files_are_current() -> None:
    assert outdated() == []
    assert main(["--check"]) == 0


def test_writing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path)
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    write(tmp_path)

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first
    kept = {path.name: path.read_bytes() for path in GENERATED.iterdir()}
    assert first == {name: text for name, text in kept.items() if name != OPENAPI_FILE}


def test_the_document_of_another_generator_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / OPENAPI_FILE).write_text("{}", encoding="utf-8")
    write(tmp_path)
    assert outdated(tmp_path) == []
    assert (tmp_path / OPENAPI_FILE).read_text(encoding="utf-8") == "{}"


def test_a_changed_a_missing_and_a_left_over_file_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path)
    (tmp_path / "wiredesk.article.filed.v1.json").write_text("{}", encoding="utf-8")
    (tmp_path / "wiredesk.article.dead.v1.json").unlink()
    (tmp_path / "wiredesk.article.filed.v0.json").write_text("{}", encoding="utf-8")

    assert main(["--check"], folder=tmp_path) == 1

    said = capsys.readouterr().err
    assert [line.split(" ")[0].split("/")[1] for line in said.splitlines()] == [
        "wiredesk.article.dead.v1.json",
        "wiredesk.article.filed.v0.json",
        "wiredesk.article.filed.v1.json",
    ]
    assert "make generated" in said


def test_writing_removes_what_nothing_generates_any_more(tmp_path: Path) -> None:
    (tmp_path / "wiredesk.article.filed.v0.json").write_text("{}", encoding="utf-8")

    assert main([], folder=tmp_path) == 0

    assert outdated(tmp_path) == []


@pytest.mark.parametrize("event", EVENT_TYPES, ids=lambda event: event.name)
def test_each_event_has_a_schema_of_the_2020_12_dialect(event: EventType) -> None:
    schema = json.loads((GENERATED / f"{event.full_name}.json").read_text(encoding="utf-8"))

    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == event.dataschema


def _objects(schema: object) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [found for item in schema for found in _objects(item)]
    if not isinstance(schema, dict):
        return []
    inner = [found for item in schema.values() for found in _objects(item)]
    return [schema, *inner] if "properties" in schema and "type" in schema else inner


@pytest.mark.parametrize("event", EVENT_TYPES, ids=lambda event: event.name)
def test_every_object_of_a_schema_allows_fields_that_it_does_not_know(event: EventType) -> None:
    objects = _objects(event_schema(event))

    assert len(objects) >= 2  # the envelope and what is in it
    assert all(found["additionalProperties"] is True for found in objects)


@given(PAYLOADS)
def test_whatever_the_models_write_fits_the_schema(payload: Payload) -> None:
    written = json.loads(enveloped(payload).model_dump_json())

    VALIDATORS[event_type(payload)].validate(written)


@pytest.mark.parametrize(
    "over",
    [
        {"type": "wiredesk.article.received.v2"},
        {"dataschema": "urn:wiredesk:schema:another"},
        {"specversion": "0.3"},
        {"traceparent": "00-zz"},
        {"data": None},
        {"id": ""},
    ],
)
def test_an_event_with_a_wrong_envelope_does_not_fit(over: dict[str, object]) -> None:
    written = json.loads(enveloped(make_raw()).model_dump_json()) | over

    with pytest.raises(ValidationError):
        VALIDATORS[RECEIVED].validate(written)


def test_a_raw_article_is_no_enriched_event() -> None:
    enriched = event_type(make_enriched())
    written = json.loads(enveloped(make_enriched()).model_dump_json())
    written["data"] = json.loads(make_raw().model_dump_json())

    with pytest.raises(ValidationError, match="detected_language"):
        VALIDATORS[enriched].validate(written)


@pytest.mark.parametrize("event", EVENT_TYPES, ids=lambda event: event.name)
def test_the_envelope_fields_that_wiredesk_always_writes_are_required(event: EventType) -> None:
    required = set(event_schema(event)["required"])

    assert required == {
        *("specversion", "id", "source", "type", "time", "datacontenttype", "dataschema", "data"),
    }


def test_every_schema_that_the_asyncapi_document_names_is_there() -> None:
    text = (GENERATED / ASYNCAPI_FILE).read_text(encoding="utf-8")
    messages = json.loads(text)["components"]["messages"]

    named = {message["payload"]["schema"]["$ref"] for message in messages.values()}

    assert named == {f"./{event.full_name}.json" for event in EVENT_TYPES}
    assert all((GENERATED / reference).is_file() for reference in named)
