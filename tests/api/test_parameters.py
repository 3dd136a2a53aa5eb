"""Parameters that are wrong are refused, with what is wrong, and nothing of them repeated."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.indexer.api import cursors
from services.indexer.api.parameters import (
    MAX_QUERY_BYTES,
    MAX_WORDS_CHARS,
    Filters,
    point_in_time,
)
from services.indexer.api.problems import ProblemError
from services.indexer.store.base import Position, Query
from tests.api.library import HARBOUR, STORY
from tests.api.test_answers import PATHS

if TYPE_CHECKING:
    from tests.api.client import Client


@pytest.mark.parametrize("path", [path for path in PATHS if not path.endswith(".json")])
def test_a_parameter_that_nobody_knows_is_refused_everywhere(client: Client, path: str) -> None:
    joined = "&" if "?" in path else "?"
    told = client.problem(400, f"{path}{joined}langauge=fr")
    assert told["type"] == "urn:wiredesk:problem:bad-parameter"
    assert told["errors"][0]["detail"].startswith("'langauge' is no parameter here; known: ")


def test_the_known_ones_are_named(client: Client) -> None:
    told = client.problem(400, "/v1/changes?x=1")
    assert told["errors"][0]["detail"] == "'x' is no parameter here; known: after, limit"
    told = client.problem(400, "/v1/topics?x=1")
    assert told["errors"][0]["detail"].endswith("known: none")


def test_a_parameter_that_is_given_twice_is_refused_unless_it_is_a_list(client: Client) -> None:
    told = client.problem(400, "/v1/articles?source=a&source=b")
    assert told["errors"] == [{"at": "query", "detail": "'source' is given more than once"}]
    assert set(client.json("/v1/facets?facet=day&facet=topic")["facets"]) == {"day", "topic"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "1001"),
        ("limit", "-1"),
        ("limit", "ten"),
        ("limit", ""),
        ("limit", "1.5"),
        ("limit", "9" * 30),
        ("order", "oldest"),
        ("story", "S1"),
        ("copy_of", "1"),
        ("language", "english"),
        ("language", "f"),
        ("since", "yesterday"),
        ("since", "2026-03-01T09:30:00"),
        ("since", "2026-02-30"),
        ("since", "2026-W10"),
        ("until", "2026-03-02T25:00:00Z"),
        ("until", "0001-01-01T00:00:00+14:00"),
        ("until", "9999-12-31T23:59:59-14:00"),
        ("until", "\uff12026-03-02"),
        ("q", ""),
        ("q", "\0"),
        ("q", "quay\x1b[31m"),
        ("q", "quay\x9b"),
        ("q", "x" * (MAX_WORDS_CHARS + 1)),
        ("entity", ""),
        ("topic", ""),
        ("source", "x" * 401),
        ("cursor", ""),
        ("cursor", "x" * 37),
    ],
)
def test_a_wrong_value_is_refused_with_its_name(client: Client, name: str, value: str) -> None:
    told = client.problem(400, "/v1/articles", {name: value})
    assert told["type"] == "urn:wiredesk:problem:bad-parameter"
    assert [error["at"] for error in told["errors"]] == [f"query: {name}"]
    assert len(value) < 3 or value not in str(told)


def test_every_wrong_parameter_is_named_at_once(client: Client) -> None:
    told = client.problem(400, "/v1/articles", {"limit": "0", "since": "x", "story": "y"})
    assert {error["at"] for error in told["errors"]} == {
        "query: limit",
        "query: since",
        "query: story",
    }


@pytest.mark.parametrize("raw", ["q=%ff", "q=%ed%a0%80", "%c0%80=1"])
def test_bytes_that_are_no_text_are_refused(client: Client, raw: str) -> None:
    told = client.problem(400, f"/v1/articles?{raw}")
    assert told["errors"] == [{"at": "query", "detail": "is no text in UTF-8"}]


def test_a_query_that_is_too_long_is_refused(client: Client) -> None:
    told = client.problem(400, "/v1/articles?" + "&" * (MAX_QUERY_BYTES + 1))
    assert told["errors"][0]["detail"] == f"is longer than {MAX_QUERY_BYTES} bytes"


def test_the_name_of_an_unknown_parameter_is_shown_harmless_and_short(client: Client) -> None:
    told = client.problem(400, "/v1/articles", {"\x1b[31m" + "x" * 500: "1"})
    assert "\x1b" not in told["errors"][0]["detail"]
    assert len(told["errors"][0]["detail"]) < 250


def test_line_breaks_of_a_pasted_text_are_spaces(client: Client) -> None:
    assert client.json("/v1/articles", q="quay\n\twall")["items"]


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-03-02", datetime(2026, 3, 2, tzinfo=UTC)),
        ("2026-03-02T12:00:00Z", datetime(2026, 3, 2, 12, tzinfo=UTC)),
        ("2026-03-02t12:00:00z", datetime(2026, 3, 2, 12, tzinfo=UTC)),
        ("2026-03-02 12:00:00Z", datetime(2026, 3, 2, 12, tzinfo=UTC)),
        ("2026-03-02T12:00:00+05:30", datetime(2026, 3, 2, 6, 30, tzinfo=UTC)),
        ("2026-03-02T12:00:00 05:30", datetime(2026, 3, 2, 6, 30, tzinfo=UTC)),
        ("2026-03-02T12:00:00.5-00:00", datetime(2026, 3, 2, 12, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-03-02T12:00:00.1234567Z", datetime(2026, 3, 2, 12, 0, 0, 123_456, tzinfo=UTC)),
    ],
)
def test_times_are_those_of_rfc_3339(text: str, time: datetime) -> None:
    assert point_in_time(text) == time


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_that_was_written_is_read_back(time: datetime) -> None:
    assert point_in_time(time.isoformat()) == time


@given(st.text(alphabet="0123456789-+:.TtZz x٣", max_size=30))
def test_anything_else_is_a_value_error(text: str) -> None:
    try:
        point_in_time(text)
    except ValueError:
        return
    assert text[:4].isdigit()


# --- cursors --------------------------------------------------------------------------

positions = st.builds(
    Position,
    place=st.integers(min_value=-(2**63), max_value=2**63 - 1),
    as_of=st.integers(min_value=0, max_value=2**63 - 1),
)


@given(positions)
def test_a_cursor_leads_back_to_its_position(position: Position) -> None:
    query = Query(words="quay")
    cursor = cursors.written(query, position)
    assert cursor is not None
    assert len(cursor) <= cursors.MAX_CHARS
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert cursors.read(query, cursor) == position


def test_no_position_no_cursor() -> None:
    assert cursors.written(Query(), None) is None
    assert cursors.read(Query(), None) is None
    assert cursors.read_change(None) == 0


QUERIES = (
    Query(),
    Query(words="quay"),
    Query(words="quay", order="newest"),
    Query(entity="quay"),
    Query(topic="quay"),
    Query(source="quay"),
    Query(language="fr"),
    Query(story=STORY),
    Query(copy_of=STORY),
    Query(copy_of=HARBOUR),
    Query(since=datetime(2026, 3, 2, tzinfo=UTC)),
    Query(until=datetime(2026, 3, 2, tzinfo=UTC)),
)


def test_a_cursor_fits_its_own_query_only() -> None:
    position = Position(place=5, as_of=7)
    for asked in QUERIES:
        cursor = cursors.written(asked, position)
        for other in QUERIES:
            if other is asked:
                assert cursors.read(other, cursor) == position
            else:
                with pytest.raises(ProblemError) as refused:
                    cursors.read(other, cursor)
                assert (refused.value.status, refused.value.kind) == (400, "bad-cursor")


def test_a_cursor_fits_whatever_the_number_on_the_page_is() -> None:
    position = Position(place=5, as_of=7)
    cursor = cursors.written(Query(words="quay", limit=3), position)
    assert cursors.read(Query(words="quay", limit=1000), cursor) == position


def test_the_same_time_written_in_another_way_is_the_same_query() -> None:
    one, other = (
        Filters.model_validate({"since": text})
        for text in ("2026-03-02T12:00:00Z", "2026-03-02T13:00:00+01:00")
    )
    assert cursors.fingerprint(one.query()) == cursors.fingerprint(other.query())


def test_a_cursor_of_another_version_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    cursor = cursors.written(Query(), Position(place=1, as_of=1))
    monkeypatch.setattr(cursors, "VERSION", 2)
    with pytest.raises(ProblemError) as refused:
        cursors.read(Query(), cursor)
    assert "another version" in str(refused.value.detail)


@given(st.text(max_size=60) | st.binary(max_size=40).map(lambda raw: raw.hex()))
def test_garbage_is_no_cursor(text: str) -> None:
    with pytest.raises(ProblemError) as refused:
        cursors.read(Query(), text)
    assert refused.value.status == 400


@given(st.data())
def test_a_cursor_of_which_a_character_was_changed_is_refused_or_still_a_position(
    data: Any,
) -> None:
    cursor = cursors.written(Query(), Position(place=10**18, as_of=12345)) or ""
    at = data.draw(st.integers(0, len(cursor) - 1))
    changed = cursor[:at] + data.draw(st.characters()) + cursor[at + 1 :]
    try:
        position = cursors.read(Query(), changed)
    except ProblemError as refused:
        assert refused.status == 400  # noqa: PT017  (either of two ends is right)
    else:
        assert isinstance(position, Position)


@settings(max_examples=60)
@given(place=st.integers(-(2**63), 2**63 - 1), as_of=st.integers(-(2**63), 2**63 - 1))
def test_whatever_position_a_cursor_holds_the_store_answers(
    client: Client, place: int, as_of: int
) -> None:
    cursor = cursors.written(Query(), Position(place=place, as_of=as_of))
    answer = client.get("/v1/articles", {"cursor": cursor})
    assert answer.status_code == 200


@settings(max_examples=60)
@given(position=st.integers(-(2**63), 2**63 - 1))
def test_whatever_change_a_cursor_names_the_store_answers(client: Client, position: int) -> None:
    answer = client.get("/v1/changes", {"after": cursors.written_change(position)})
    assert answer.status_code == 200


def test_a_point_in_time_keeps_its_zone() -> None:
    assert point_in_time("2026-03-02T12:00:00+02:00").utcoffset() == timedelta(0)
