"""Every service at work under its own user, with articles that fail and an operator that helps.

Run by ``python -m tests.cluster.run``; the short version is in ``test_partitions``.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from schemas.stream_client import subscribe_stream
from services.bus import budget
from services.bus.connect import client, server_url
from services.bus.dead import DeadLetters, Wanted
from services.bus.keys import ENRICHED_STREAM, Keys
from services.bus.overview import overview
from services.bus.subscribers import Subscribers
from services.settings import Settings
from tests.chaos.conserved import assert_conserved
from tests.chaos.harness import Attack
from tests.chaos.poisoned import RAISE
from tests.chaos.wire import Wire
from tests.cluster.nodes import Node, under
from tests.cluster.test_acl import denied, server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["server"]

SERVICES = ("ingest", "enrichment", "indexer")

SETTINGS = {
    "WIREDESK_ANNOTATORS": '["language","duplicates"]',
    # So that a run of seconds has the work of days in it.
    "WIREDESK_JANITOR_INTERVAL": "0.5",
    "WIREDESK_LEDGER_INTERVAL": "0.5",
    "WIREDESK_API": "true",
    "WIREDESK_API_PORT": "0",
    "WIREDESK_CLAIM_AFTER": "0.4",
    # The second one that dies would be one too many, until the operator lets them go on.
    "WIREDESK_FAILURE_BUDGET_IN_A_ROW": "2",
}


@pytest.fixture
def attack(server: Node, tmp_path: Path) -> Iterator[Attack]:
    """A desk whose services log in as themselves."""
    attack = Attack(
        tmp_path, {"enrichment": "tests.chaos.poisoned"}, url=under(server.url, "admin")
    )
    given = {name: {"WIREDESK_REDIS_URL": under(server.url, name)} for name in SERVICES}
    del attack.quick["WIREDESK_REDIS_URL"]
    attack.quick.update(SETTINGS)
    attack.desk.environ = {"*": attack.quick, **given}
    try:
        attack.start()
        yield attack
    finally:
        attack.stop()


def operating(server: Node, work: Callable[[Any, Settings], Any]) -> Any:
    """What the operator gets, under the operator's own user."""
    settings = Settings(redis_url=SecretStr(under(server.url, "operator")))

    async def run() -> Any:
        async with client(server_url(settings)) as redis:
            return await work(redis, settings)

    return asyncio.run(run())


def halted(server: Node) -> bool:
    keys = Keys("news")
    return bool(operating(server, lambda redis, _: budget.halts(redis, keys)))


def resumed(server: Node) -> None:
    keys = Keys("news")

    async def resume(redis: Any, _given: Settings) -> None:
        await budget.resume(redis, keys, await budget.halts(redis, keys))

    operating(server, resume)


@pytest.mark.chaos
def test_all_services_do_their_work_and_the_server_refuses_them_nothing(
    server: Node, attack: Attack
) -> None:
    wire = Wire(5)
    operating(server, lambda redis, given: Subscribers(redis, given).add("desk", ENRICHED_STREAM))
    good = [wire.article() for _ in range(5)]
    attack.drop(*good, *(wire.article(RAISE, "rejected") for _ in range(2)))
    attack.run_until(lambda: len(attack.receipts()) >= len(good), "the good ones")
    attack.run_until(lambda: halted(server) or attack.settled(), "the budget is spent")
    resumed(server)
    attack.settle()
    assert_conserved(attack, emptied=True)
    assert denied(server) == set()
    _as_subscriber(server, len(good))
    _as_operator(server)
    assert denied(server) == set()


def _as_subscriber(server: Node, articles: int) -> None:
    with server.client("subscriber") as redis:
        events = subscribe_stream(redis, "desk", "one", block_ms=100)
        with events:
            seen = [next(events).event.id for _ in range(articles)]
    assert len(set(seen)) == articles


def _as_operator(server: Node) -> None:
    keys = Keys("news")

    async def look(redis: Any, given: Settings) -> None:
        state = await overview(redis, keys)
        assert {sign["stage"] for sign in state.workers} >= {*SERVICES}
        letters = [letter async for letter in DeadLetters(redis, given).find(Wanted())]
        assert len(letters) == 2
        assert await DeadLetters(redis, given).drop(letters[0])
        assert await DeadLetters(redis, given).retry(letters[1])
        await Subscribers(redis, given).remove("desk", ENRICHED_STREAM)

    operating(server, look)
