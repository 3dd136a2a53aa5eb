"""Times as the standards write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.readers.timestamps import parse_stamp

MOMENT = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "20261120T101500Z", "20261120T1015Z", "20261120T111500+0100", "20261120T1115+01",
        "20261120T064500-0330", "2026-11-20T10:15:00Z", "2026-11-20t10:15:00z",
        "2026-11-20T10:15:00.000Z", "2026-11-20T11:15:00+01:00", "2026-11-20 11:15:00 +0100",
        "20261120T10:15:00Z", " 2026-11-20T10:15:00Z\n", "2026-11-20T05:15:00\u221205:00",
        "Fri, 20 Nov 2026 10:15:00 GMT", "20 November 2026 10:15 UTC",
    ],
)  # fmt: skip
def test_a_moment(text: str) -> None:
    when = parse_stamp(text)
    assert (when.moment, when.warning) == (MOMENT, None)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("20261120", "it is a date without a time of day"),
        ("2026-11-20", "it is a date without a time of day"),
        ("2026-11", "it is no whole date"),
        ("2026", "it is no whole date"),
        ("20261120T101500", "it has no time zone"),
        ("2026-11-20T10:15:00", "it has no time zone"),
        ("20261340T000000Z", "month must be in 1..12"),
        ("20260230T000000Z", "day"),
        ("20261120T250000Z", "hour must be in 0..23"),
        ("18501120T101500Z", "the year is not between 1900 and 2100"),
        ("20261120T101500+9900", "not a known way of writing one"),
        ("yesterday", "not a known way of writing one"),
        ("", "not a known way of writing one"),
    ],
)
def test_no_moment_is_made_up(text: str, why: str) -> None:
    when = parse_stamp(text)
    assert when.moment is None
    assert when.warning is not None
    assert when.warning.startswith(f"no time taken from '{text}'")
    assert why in when.warning


@given(st.datetimes(min_value=datetime(1900, 1, 2), max_value=datetime(2100, 12, 30)))  # noqa: DTZ001  (hypothesis adds the zone below)
def test_both_ways_of_writing_a_moment_are_the_same(moment: datetime) -> None:
    moment = moment.replace(tzinfo=UTC, microsecond=0)
    assert parse_stamp(moment.strftime("%Y%m%dT%H%M%SZ")).moment == moment
    assert parse_stamp(moment.isoformat()).moment == moment


@given(st.text(max_size=60))
def test_any_text_gives_a_moment_or_a_warning(text: str) -> None:
    when = parse_stamp(text)
    assert (when.moment is None) == (when.warning is not None)
