"""docs/logs.md names every event that the source logs, as it logs it, and no other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.repo.log_events import (
    DOC,
    LEVELS,
    Event,
    UnclearEventError,
    documented,
    explained,
    logged,
    sources,
)

if TYPE_CHECKING:
    from pathlib import Path

NAME = re.compile(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*")

OFTEN = 3
"""A field of so many events is explained once for all, in the table of fields."""

TEXT = DOC.read_text(encoding="utf-8")
SOURCE = logged(sources())
TABLE = documented(TEXT)


def test_every_event_of_the_source_has_a_row() -> None:
    missing = {name: SOURCE[name].places for name in SOURCE.keys() - TABLE.keys()}
    assert missing == {}


def test_every_row_is_of_an_event_of_the_source() -> None:
    assert sorted(TABLE.keys() - SOURCE.keys()) == []


@pytest.mark.parametrize("name", sorted(SOURCE.keys() & TABLE.keys()))
def test_a_row_has_the_levels_and_the_fields_of_its_event(name: str) -> None:
    assert TABLE[name].levels == SOURCE[name].levels, SOURCE[name].places
    assert TABLE[name].fields == SOURCE[name].fields, SOURCE[name].places


@pytest.mark.parametrize("name", sorted(SOURCE))
def test_an_event_is_named_noun_and_verb_in_lower_case(name: str) -> None:
    assert NAME.fullmatch(name)


def test_every_row_says_what_it_means_and_what_to_do() -> None:
    assert [
        name for name, row in TABLE.items() if len(row.places) != 2 or not all(row.places)
    ] == []


def test_where_something_is_wrong_the_row_says_what_to_do() -> None:
    """That nothing is to be done is no advice for an error: whoever is woken must know."""
    grave = {name for name, row in TABLE.items() if row.levels & {"error", "critical"}}
    assert [name for name in sorted(grave) if TABLE[name].places[1].strip() == "nothing"] == []


def test_fields_of_many_events_are_explained_once() -> None:
    used = [name for event in SOURCE.values() for name in event.fields]
    often = {name for name in used if used.count(name) >= OFTEN}
    assert sorted(often - explained(TEXT) - {"waiting"}) == []


def test_every_level_is_one_that_a_logger_has() -> None:
    assert {level for row in TABLE.values() for level in row.levels} <= set(LEVELS.values())


def test_the_example_shows_events_and_fields_that_there_are() -> None:
    """Each hop of an article in the order in which it makes them, all with one trace id."""
    (part,) = re.findall(r"^## Follow one article$(.*?)^## ", TEXT, re.MULTILINE | re.DOTALL)
    lines = re.findall(r"^    \{(.*)\}$", part, re.MULTILINE)
    shown = [dict(re.findall(r'"([a-z_]+)": ("[^"]*"|[0-9.]+)', line)) for line in lines]
    events = [line["event"].strip('"') for line in shown]
    assert events == ["article.received", "article.enriched", "article.filed"]
    for event, line in zip(events, shown, strict=True):
        assert line.keys() - {"event", "service"} <= SOURCE[event].fields
        assert "trace_id" in SOURCE[event].fields


def found_in(tmp_path: Path, source: str) -> dict[str, Event]:
    path = tmp_path / "module.py"
    path.write_text(source, encoding="utf-8")
    return logged([path])


def test_levels_and_fields_of_all_calls_of_an_event_count(tmp_path: Path) -> None:
    found = found_in(
        tmp_path,
        'log.info("a.b", x=1)\n_LOG.exception("a.b", y=2, exc_info=error)\n',
    )
    assert found["a.b"].levels == {"info", "error"}
    assert found["a.b"].fields == {"x", "y"}


def test_a_name_chosen_by_a_condition_is_both_names(tmp_path: Path) -> None:
    assert set(found_in(tmp_path, 'log.info("a.b" if c else "d.e")')) == {"a.b", "d.e"}


def test_a_level_chosen_by_a_condition_is_both_levels(tmp_path: Path) -> None:
    source = 'def f():\n    say = log.info if c else log.warning\n    say("a.b", x=1)\n'
    assert found_in(tmp_path, source)["a.b"].levels == {"info", "warning"}


@pytest.mark.parametrize(
    "source",
    [
        'log.info(f"a.{b}")',
        "log.info(name)",
        'log.info("a.b", **unheard_of)',
        'log.info("%s is lost", name)',
    ],
)
def test_a_call_that_can_not_be_told_is_refused(tmp_path: Path, source: str) -> None:
    with pytest.raises(UnclearEventError):
        found_in(tmp_path, source)


def test_an_event_of_two_rows_is_refused() -> None:
    row = "| `a.b` | info | | what it is | nothing |"
    with pytest.raises(UnclearEventError):
        documented(f"{row}\n{row}\n")
