"""What a service has loaded is no garbage, and isn't looked through for any."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from services.bus import service
from services.bus.keys import ENRICHMENT
from services.bus.service import keep_for_good
from services.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Model:
    """Something that a handler loads."""


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    gc.unfreeze()


def tracked(thing: object) -> bool:
    """Whether a search for garbage comes across it."""
    return any(each is thing for each in gc.get_objects())


def test_what_was_loaded_is_not_looked_through() -> None:
    model = Model()
    assert tracked(model)
    keep_for_good()
    assert not tracked(model)


def test_garbage_goes_before_and_after() -> None:
    def cycle() -> weakref.ref[Model]:
        model: Any = Model()
        model.itself = model
        return weakref.ref(model)

    before = cycle()
    keep_for_good()
    after = cycle()
    gc.collect()
    assert before() is after() is None


def test_a_service_spares_what_its_handler_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[Model] = []
    seen: list[bool] = []

    class Main:
        """In the place of a service that reads and works."""

        def __init__(self, *_: object) -> None:
            pass

        async def main(self) -> int:
            seen.append(tracked(loaded[0]))
            return 0

    def make() -> Any:
        loaded.append(Model())

        def handler(batch: Sequence[Any]) -> Sequence[Any]:
            return batch

        return handler

    monkeypatch.setattr(service, "Service", Main)
    assert service.run(ENRICHMENT, Settings(health=False), make) == 0
    assert seen == [False]
