"""Event streams behind the guard: nothing is held back, and each ends when it must."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from services.indexer.api.access import streams
from services.serving import tokens
from services.serving.table import TRUSTED_FOR
from tests.api.access_kit import Caller, House
from tests.wait import until

EVENTS = "/v1/events"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(streams, "GRACE", 0.05)


class Source:
    """An app that sends what a test gives it, until its client is gone."""

    def __init__(self, *, deaf: bool = False) -> None:
        self.pieces: asyncio.Queue[bytes] = asyncio.Queue()
        self.ended = ""
        self._deaf = deaf

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        scopes = json.dumps(list(scope["state"]["scopes"])).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scopes, "more_body": True})
        sending = asyncio.ensure_future(self._send(send))
        try:
            await self._hear(receive)
            self.ended = "told"
        except asyncio.CancelledError:
            self.ended = "cancelled"
            raise
        finally:
            sending.cancel()

    async def _hear(self, receive: Any) -> None:
        if self._deaf:
            await asyncio.Event().wait()
        while (await receive())["type"] != "http.disconnect":
            pass

    async def _send(self, send: Any) -> None:
        while True:
            piece = await self.pieces.get()
            await send({"type": "http.response.body", "body": piece, "more_body": True})


def opened(house: House, token: str | None = None) -> tuple[Caller, asyncio.Task[Any]]:
    headers = [] if token is None else [("authorization", f"Bearer {token}")]
    caller = house.caller(EVENTS, headers)
    return caller, asyncio.create_task(caller.run())


async def begun(caller: Caller) -> None:
    async def there() -> bool:
        return bool(caller.answer.body)

    await until(there, "the stream's beginning", 5)


async def ended(task: asyncio.Task[Any]) -> None:
    await asyncio.wait_for(task, 5)


def test_each_piece_is_passed_on_at_once() -> None:
    async def scenario() -> None:
        source = Source()
        caller, task = opened(House(app=source))
        for number in range(3):
            piece = f"data: {number}\n\n".encode()
            source.pieces.put_nowait(piece)

            async def arrived(piece: bytes = piece) -> bool:
                return caller.answer.body.endswith(piece)

            await until(arrived, "a piece, while the stream goes on", 5)
            assert not caller.answer.complete
        caller.gone.set()
        await ended(task)
        assert source.ended == "told"

    asyncio.run(scenario())


def test_a_stream_ends_well_when_its_token_is_removed() -> None:
    async def scenario() -> None:
        source = Source()
        house = House(app=source)
        token, other = house.token("live", "subscribe"), house.token("other", "subscribe")
        caller, task = opened(house, token)
        kept, kept_task = opened(house, other)
        await begun(caller)
        tokens.remove(house.shelf, "live")
        house.table.read()
        await ended(task)
        assert caller.answer.complete
        assert not kept_task.done()
        kept.gone.set()
        await ended(kept_task)

    asyncio.run(scenario())


def test_a_stream_ends_when_its_tokens_time_is_over() -> None:
    async def scenario() -> None:
        house = House(app=Source())
        caller, task = opened(house, house.token("live", "subscribe", expires_in=60))
        await begun(caller)
        house.clock.seconds += 60
        house.table.read()
        await ended(task)
        assert caller.answer.complete

    asyncio.run(scenario())


def test_a_stream_that_was_opened_without_a_token_ends_with_the_first_one() -> None:
    """From then on everybody needs one, also who was there before."""

    async def scenario() -> None:
        house = House(app=Source())
        caller, task = opened(house)
        await begun(caller)
        house.token("first", "read")
        await ended(task)
        assert caller.answer.complete

    asyncio.run(scenario())


def test_a_stream_ends_when_tokens_can_no_longer_be_checked() -> None:
    async def scenario() -> None:
        house = House(app=Source())
        caller, task = opened(house, house.token("live", "subscribe"))
        await begun(caller)
        house.clock.seconds += TRUSTED_FOR
        await ended(task)

    asyncio.run(scenario())


@pytest.mark.parametrize("deaf", [False, True])
def test_a_stream_ends_at_once_when_the_server_stops(*, deaf: bool) -> None:
    """Also one that doesn't listen for its client's end."""

    async def scenario() -> None:
        source = Source(deaf=deaf)
        house = House(app=source)
        caller, task = opened(house)
        await begun(caller)
        house.access.closing.set()
        await ended(task)
        assert caller.answer.complete
        assert source.ended == ("cancelled" if deaf else "told")

    asyncio.run(scenario())


def test_a_stream_whose_client_is_gone_leaves_nothing_behind() -> None:
    async def scenario() -> None:
        house = House(app=Source())
        caller, task = opened(house)
        await begun(caller)
        caller.gone.set()
        await ended(task)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scenario())


def test_a_stream_that_is_torn_down_takes_its_app_with_it() -> None:
    async def scenario() -> None:
        source = Source()
        caller, task = opened(House(app=source))
        await begun(caller)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert source.ended in {"told", "cancelled"}

    asyncio.run(scenario())


def test_what_a_stream_fails_with_is_an_answer() -> None:
    async def failing(_scope: Any, _receive: Any, _send: Any) -> None:
        raise ValueError("the words of an article")

    answer = House(app=failing).ask(EVENTS)
    assert answer.status == 500
    assert b"words" not in answer.body
