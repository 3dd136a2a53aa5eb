"""A stage over Sentinel whose master is killed: it goes on with the other one by itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr
from redis.exceptions import ConnectionError as NoConnection

from services.bus.connect import blocking_client, client, server_url, wait_for_server
from services.bus.errors import StopWorking, Unavailable
from services.settings import Settings
from tests.bus.desk import Desk, article, enrich_all, eventually, publish, running
from tests.cluster.nodes import PASSWORD, Watched, watched
from tests.servers import free_port
from tests.wait import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watched(tmp_path_factory.mktemp("servers")) as running:
        yield running


def over(url: str, tmp_path: Path, **more: Any) -> Settings:
    quick = {"poll_interval": 50, "claim_after": 1.0, "connect_timeout": 0.3}
    return Settings.model_validate(
        {"redis_url": SecretStr(url), "inbox": tmp_path, **quick, **more}
    )


def reached(settings: Settings) -> None:
    asyncio.run(wait_for_server(server_url(settings), settings.connect_timeout))


def test_a_master_of_another_name_is_not_there(servers: Watched, tmp_path: Path) -> None:
    with pytest.raises(StopWorking, match="No master found for 'other'"):
        reached(over(servers.url.replace("/desk/", "/other/"), tmp_path))


def test_a_sentinel_that_is_down_is_passed_over(servers: Watched, tmp_path: Path) -> None:
    reached(over(servers.url.replace("@", f"@127.0.0.1:{free_port()},"), tmp_path))


def test_a_server_that_is_no_sentinel_is_named_as_such(servers: Watched, tmp_path: Path) -> None:
    url = f"redis+sentinel://:{PASSWORD}@127.0.0.1:{servers.nodes[0].port}/desk"
    with pytest.raises(StopWorking, match="the sentinels don't tell the master"):
        reached(over(f"{url}?sentinel_password={PASSWORD}", tmp_path))


def test_a_server_that_is_in_no_cluster_is_named_as_such(servers: Watched, tmp_path: Path) -> None:
    url = f"redis+cluster://:{PASSWORD}@127.0.0.1:{servers.nodes[0].port}"
    with pytest.raises(StopWorking, match="cluster support disabled"):
        reached(over(url, tmp_path))


@pytest.mark.chaos
def test_a_stage_goes_on_with_the_new_master(servers: Watched, tmp_path: Path) -> None:
    settings = over(servers.url, tmp_path)

    async def published_again() -> bool:
        try:
            await publish(settings, article(2))
        except Unavailable:
            return False
        return True

    async def work() -> None:
        async with running(settings, enrich_all), client(server_url(settings)) as redis:
            await publish(settings, article(1))
            with blocking_client(server_url(settings)) as blocking:
                desk = Desk(blocking, settings)
                await eventually(lambda: desk.enriched() == ["good 1"], "the first one")
                # So that what was read is there on the other one too.
                assert await redis.execute_command("WAIT", 1, 5000) == 1  # type: ignore[no-untyped-call]
                await asyncio.to_thread(servers.master().kill)
                with pytest.raises(NoConnection):
                    await redis.ping()
            await until(published_again, "the replica has taken over")
            with blocking_client(server_url(settings)) as blocking:
                desk = Desk(blocking, settings)
                await eventually(lambda: len(desk.enriched()) == 2, "the second one")

    asyncio.run(work())
