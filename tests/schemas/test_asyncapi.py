"""The AsyncAPI document describes the streams that the bus really has."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from schemas.asyncapi import DATA_FIELD, FLOWS, Flow, document
from services.bus import keys
from services.settings import Settings

DOCUMENT = document("1.0.0")


def resolved(reference: str) -> Any:
    """What a ``#/…`` reference of the document points at."""
    found: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def references(value: object) -> list[str]:
    """Every reference within the document that is in ``value``."""
    if isinstance(value, dict):
        own = [value["$ref"]] if str(value.get("$ref", "")).startswith("#/") else []
        return own + [found for item in value.values() for found in references(item)]
    if isinstance(value, list):
        return [found for item in value for found in references(item)]
    return []


def test_the_streams_and_their_events_are_those_of_the_bus() -> None:
    described = [(flow.stream, flow.event) for flow in FLOWS]

    streams = (*keys.STREAMS, *keys.CHANGE_STREAMS)
    assert described == [(stream.name, stream.event) for stream in streams]
    assert DATA_FIELD == keys.DATA_FIELD


def test_the_addresses_are_the_keys_of_the_bus() -> None:
    """The parameter's value is put in for the braces and its name, as AsyncAPI says."""
    expected = keys.Keys(Settings.model_fields["namespace"].default)

    for stream in (*keys.STREAMS, *keys.CHANGE_STREAMS):
        channel = DOCUMENT["channels"][stream.name]
        hash_tag = channel["parameters"]["hashTag"]["default"]
        assert channel["address"].replace("{hashTag}", hash_tag) == expected.stream(stream)
        assert channel["title"] == expected.stream(stream)


def test_the_consumer_groups_are_those_of_the_bus() -> None:
    inbox = UUID("33333333-3333-4333-8333-333333333333")
    stages = [keys.ENRICHMENT, keys.INDEXER, keys.receipts_stage(inbox)]

    described = {
        (service, flow.stream, group.replace("{inboxId}", str(inbox)))
        for flow in FLOWS
        for service, group in flow.readers
    }

    assert described == {(stage.name, stage.reads.name, stage.group) for stage in stages}


def test_each_stage_writes_where_the_bus_lets_it_write() -> None:
    for stage in (keys.ENRICHMENT, keys.INDEXER):
        assert stage.writes is not None
        operation = DOCUMENT["operations"][f"{stage.name}.send.{stage.writes.name}"]
        assert operation["action"] == "send"
        assert operation["x-service"] == stage.name


def test_every_reference_points_at_something() -> None:
    found = references(DOCUMENT)

    assert len(found) > len(FLOWS)
    assert all(resolved(reference) for reference in found)


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.stream)
def test_each_operation_of_a_stream_names_its_one_message(flow: Flow) -> None:
    channel = f"#/channels/{flow.stream}"
    operations = [
        operation
        for operation in DOCUMENT["operations"].values()
        if operation["channel"]["$ref"] == channel
    ]

    assert len(operations) == len(flow.writers) + len(flow.readers)
    assert all(
        operation["messages"] == [{"$ref": f"{channel}/messages/{flow.event.name}"}]
        for operation in operations
    )


@pytest.mark.parametrize(
    ("stream", "setting", "seconds", "words"),
    [
        ("raw", "retain_raw", 3600, "An hour"),
        ("enriched", "retain_enriched", 7 * 86400, "Seven days"),
        ("outcomes", "retain_outcomes", 7 * 86400, "Seven days"),
        ("dead", "retain_dead", 90 * 86400, "Ninety days"),
    ],
)
def test_the_retention_is_what_the_settings_say(
    stream: str, setting: str, seconds: int, words: str
) -> None:
    retention = DOCUMENT["channels"][stream]["x-retention"]

    assert Settings.model_fields[setting].default == seconds
    assert retention.startswith(words)
    assert f"WIREDESK_{setting.upper()}" in retention
