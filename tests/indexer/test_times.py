"""Times as integers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from services.indexer.store.times import from_micros, to_micros


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_time_comes_back_to_the_microsecond(time: datetime) -> None:
    assert from_micros(to_micros(time)) == time


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_integers_are_in_the_order_of_times(one: datetime, other: datetime) -> None:
    assert (to_micros(one) < to_micros(other)) == (one < other)


def test_the_zone_makes_no_difference() -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert to_micros(noon.astimezone(timezone(timedelta(hours=5)))) == to_micros(noon)
    assert to_micros(datetime(1970, 1, 1, tzinfo=UTC)) == 0
