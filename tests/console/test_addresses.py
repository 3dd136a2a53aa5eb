"""Where a desk's API can be reached, as ``wiredesk up`` says it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from redis.exceptions import ConnectionError as AwayError

from services.bus.errors import StopWorking
from services.console.addresses import KNOWN_EVERY, LOOK_EVERY, Addresses, api_addresses

FIRST, SECOND = "http://127.0.0.1:8420", "http://127.0.0.1:40123"


class Desk:
    """A desk whose workers sign what a test says."""

    def __init__(self, *, api: bool = True) -> None:
        self.settings = SimpleNamespace(api=api)
        self.api: list[str] = []
        self.error: Exception | None = None
        self.looks = 0

    def signs(self) -> tuple[dict[str, Any], ...]:
        self.looks += 1
        if self.error is not None:
            raise self.error
        return ({"stage": "ingest"}, *({"stage": "indexer", "api": api} for api in self.api))


class Teller:
    def __init__(self, desk: Desk) -> None:
        self.now, self.said = 100.0, list[str]()
        self._addresses = Addresses(desk, self.said.append, lambda: self.now)  # type: ignore[arg-type]  # all that is asked of a desk

    def after(self, seconds: float) -> list[str]:
        self.now += seconds
        self._addresses.look()
        return self.said


def test_addresses_are_those_of_the_signs_of_life_each_once() -> None:
    workers: list[dict[str, Any]] = [
        {"api": SECOND},
        {"api": FIRST},
        {"api": FIRST},
        {"stage": "ingest"},
        {"api": None},
    ]
    assert api_addresses(workers) == [SECOND, FIRST]


def test_an_address_is_said_once_as_soon_as_it_is_known() -> None:
    desk = Desk()
    teller = Teller(desk)
    assert teller.after(0) == []
    desk.api = [FIRST]
    assert teller.after(LOOK_EVERY / 2) == []
    assert teller.after(LOOK_EVERY / 2) == [FIRST]
    assert teller.after(KNOWN_EVERY) == [FIRST]


def test_another_address_after_a_restart_is_said_too() -> None:
    desk = Desk()
    desk.api = [FIRST]
    teller = Teller(desk)
    teller.after(0)
    desk.api = []
    assert teller.after(KNOWN_EVERY) == [FIRST]
    desk.api = [FIRST]
    assert teller.after(KNOWN_EVERY) == [FIRST]
    desk.api = [SECOND]
    assert teller.after(KNOWN_EVERY) == [FIRST, SECOND]


def test_a_server_that_is_away_is_looked_at_again() -> None:
    desk = Desk()
    desk.api = [FIRST]
    teller = Teller(desk)
    for error in (AwayError("away"), StopWorking("no server"), OSError("refused")):
        desk.error = error
        assert teller.after(LOOK_EVERY) == []
    desk.error = None
    assert teller.after(LOOK_EVERY) == [FIRST]


def test_a_desk_that_serves_nothing_isnt_looked_at() -> None:
    desk = Desk(api=False)
    desk.api = [FIRST]
    assert Teller(desk).after(10 * KNOWN_EVERY) == []
    assert desk.looks == 0
