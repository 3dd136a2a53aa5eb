"""Filters: what passes, what doesn't, and what can't be asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.bus.filters import (
    DEFAULT_TYPES,
    MAX_CHARS,
    MAX_VALUES,
    BadFilter,
    EventFilter,
    fold,
    traits_of,
    traits_of_article,
)
from services.bus.keys import ENRICHED_STREAM, ENTITY_STREAM, OUTCOME_STREAM, STORY_STREAM
from tests.bus.feed_kit import about, event
from tests.factories import make_enriched

ENRICHED = json.loads(
    event(
        1, **about(entity="wd:Q184", topic="medtop:20000344", source="Ünited Wire", language="en")
    )
)
FILED = json.loads(event(2, OUTCOME_STREAM, headline="Q184"))
MERGED = json.loads(event(3, STORY_STREAM))
CHANGED = json.loads(event(4, ENTITY_STREAM, keys=["person:a"], into="wd:Q184", name="Ana Petrova"))


def test_enriched_articles_are_meant_where_no_type_is_asked_for() -> None:
    assert EventFilter().types == EventFilter.of().types == EventFilter.of(types=[]).types
    assert EventFilter.of().types == DEFAULT_TYPES
    assert [EventFilter().matches(e) for e in (ENRICHED, FILED, MERGED, CHANGED)] == [
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize(
    "wanted",
    [
        {"entities": ["wd:Q184"]},
        {"entities": ["Q184"]},
        {"entities": ["q184"]},
        {"entities": [" NAME  of wd:q184 "]},
        {"entities": ["Q1", "Q184"]},
        {"topics": ["medtop:20000344"]},
        {"topics": ["20000344"]},
        {"topics": ["medtop:04000000"]},
        {"topics": ["Economy, business and finance"]},
        {"sources": ["united WIRE"]},
        {"languages": ["en"]},
        {"languages": ["EN-gb"]},
        {"entities": ["Q184"], "topics": ["04000000"], "sources": ["ünited wire"]},
    ],
)
def test_what_passes(wanted: dict[str, list[str]]) -> None:
    assert EventFilter.of(**wanted).matches(ENRICHED)


@pytest.mark.parametrize(
    "wanted",
    [
        {"entities": ["Q1840"]},
        {"entities": ["184"]},
        {"entities": ["wd"]},
        {"topics": ["medtop:01000000"]},
        {"topics": ["user:economy"]},
        {"sources": ["wire"]},
        {"languages": ["de"]},
        {"entities": ["Q184"], "languages": ["de"]},
        {"types": ["filed"]},
    ],
)
def test_what_does_not_pass(wanted: dict[str, list[str]]) -> None:
    assert not EventFilter.of(**wanted).matches(ENRICHED)


def test_a_topic_finds_those_below_it_and_not_those_above() -> None:
    general = json.loads(event(1, **about(topic="medtop:04000000")))
    assert EventFilter.of(topics=["04000000"]).matches(general)
    assert not EventFilter.of(topics=["20000344"]).matches(general)


def test_a_topic_of_the_desks_own_is_found_by_its_code() -> None:
    own = json.loads(event(1, **about(topic="user:Ports")))
    assert EventFilter.of(topics=["user:ports"]).matches(own)
    assert not EventFilter.of(topics=["user:port"]).matches(own)


def test_conditions_on_articles_let_no_other_event_pass_unless_its_type_is_asked_for() -> None:
    every = ["enriched", "filed", "merged", "changed"]
    for condition in (
        {"entities": ["Q9"]},
        {"topics": ["01000000"]},
        {"sources": ["x"]},
        {"languages": ["de"]},
    ):
        assert not any(map(EventFilter.of(**condition).matches, (FILED, MERGED, CHANGED)))
        assert EventFilter.of(types=every, **condition).matches(MERGED)
        assert not EventFilter.of(types=every, **condition).matches(FILED)
    assert EventFilter.of(types=every, entities=["Q184"]).matches(CHANGED)
    assert EventFilter.of(types=every, entities=["person:A"]).matches(CHANGED)
    assert EventFilter.of(types=every, entities=["ana petrova"]).matches(CHANGED)
    assert not EventFilter.of(types=every, entities=["Q9"]).matches(CHANGED)
    assert EventFilter.of(types=every, languages=["de"]).matches(CHANGED)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"types": ["enrichd"]}, "unknown type 'enrichd'; there are wiredesk.article.enriched.v1"),
        ({"types": ["wiredesk.article.enriched.v2"]}, "unknown type"),
        ({"types": ["dead"]}, "dead letters are for operators"),
        ({"types": ["wiredesk.article.received.v1"]}, "sent when they are enriched"),
        ({"topics": ["econom"]}, "unknown topic 'econom'; did you mean"),
        ({"topics": ["99999999"]}, "unknown topic"),
        ({"languages": ["english"]}, "'english' is no code of ISO 639"),
        ({"entities": [""]}, "entity is empty"),
        ({"sources": ["  "]}, "source is empty"),
        ({"topics": ["x" * (MAX_CHARS + 1)]}, "topic is longer than 300 characters"),
        ({"entities": map(str, range(MAX_VALUES + 1))}, "entity is given 101 times; at most 100"),
        ({"entity": ["x"]}, "no such condition: entity"),
    ],
)
def test_what_can_not_be_asked_for_is_said(wanted: dict[str, Any], said: str) -> None:
    with pytest.raises(BadFilter) as raised:
        EventFilter.of(**wanted)
    assert said in str(raised.value)
    assert len(str(raised.value)) < 500


def test_a_filter_is_kept_as_a_document_and_made_of_it_again() -> None:
    made = EventFilter.of(
        types=["filed", "enriched"], entities=["Q184"], topics=["04000000"], languages=["en", "de"]
    )
    document = json.loads(json.dumps(made.as_document()))
    assert "sources" not in document
    again = EventFilter.from_document(document)
    assert again.as_document() == document
    assert again.matches(FILED) is made.matches(FILED)
    assert EventFilter.from_document({}) == EventFilter()


def test_an_article_that_was_read_has_the_same_traits_as_its_event() -> None:
    article = make_enriched()
    parsed = {"type": ENRICHED_STREAM.event.full_name, "data": article.model_dump(mode="json")}
    assert traits_of_article(article) == traits_of(parsed)
    assert EventFilter.of(entities=["ana petrova"]).matches(parsed)


def test_names_are_folded_by_case_accents_width_and_spaces() -> None:
    assert fold("  Señor\u00a0 \uff37\uff29DE STRASSE ") == "senor wide strasse"
    assert fold("straße") == fold("STRASSE")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
NAMES = ("keys", "into", "name", "entities", "topics", "provider", "detected_language")


@given(
    kind=st.sampled_from([ENRICHED["type"], CHANGED["type"], FILED["type"]]) | JSON,
    data=st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, JSON)) | JSON,
)
def test_whatever_an_event_holds_nothing_is_raised(kind: Any, data: Any) -> None:
    wanted = EventFilter.of(
        types=["enriched", "filed", "merged", "changed"], entities=["x"], topics=["user:x"]
    )
    assert wanted.matches({"type": kind, "data": data}) in {True, False}
