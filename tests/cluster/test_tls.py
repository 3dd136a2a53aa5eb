"""TLS: the server's certificate is checked, ours is shown, and what is wrong is said clearly."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from services.bus.connect import blocking_client, server_url, wait_for_server
from services.bus.errors import StopWorking
from services.settings import Settings
from tests.bus.desk import Desk, articles, enrich_all, eventually, publish, running
from tests.cluster.nodes import PASSWORD, Node
from tests.cluster.tls import Authority, front

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A server without TLS."""
    node = Node(tmp_path_factory.mktemp("server"))
    try:
        node.start()
        yield node
    finally:
        node.stop()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.made(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def port(node: Node, authority: Authority) -> Iterator[int]:
    """Where that server is to be had by TLS."""
    with front(node.port, authority.server_context("127.0.0.1", asks=False)) as port:
        yield port


def by_tls(port: int, tmp_path: Path, host: str = "127.0.0.1", **files: Path) -> Settings:
    """Settings of a desk over TLS."""
    url = SecretStr(f"rediss://:{PASSWORD}@{host}:{port}/0")
    quick = {"poll_interval": 50, "claim_after": 1.0, "connect_timeout": 0.3}
    return Settings.model_validate({"redis_url": url, "inbox": tmp_path, **quick, **files})


def reached(settings: Settings) -> None:
    """Return when the server answers; else as a service would say it."""
    asyncio.run(wait_for_server(server_url(settings), settings.connect_timeout))


def test_a_desk_works_over_tls(port: int, authority: Authority, tmp_path: Path) -> None:
    settings = by_tls(port, tmp_path, redis_ca_file=authority.file)

    async def work() -> None:
        async with running(settings, enrich_all):
            await publish(settings, *articles("over the wire", "and back"))
            with blocking_client(server_url(settings)) as redis:
                desk = Desk(redis, settings)
                await eventually(lambda: len(desk.enriched()) == 2, "both are enriched")

    asyncio.run(work())


def test_a_certificate_of_nobody_we_know_is_refused(port: int, tmp_path: Path) -> None:
    stranger = Authority.made(tmp_path / "stranger")
    with pytest.raises(StopWorking, match="certificate verify failed") as caught:
        reached(by_tls(port, tmp_path, redis_ca_file=stranger.file))
    assert f"no server at rediss://127.0.0.1:{port}/0" in str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_without_an_authority_of_ours_the_system_s_are_asked(port: int, tmp_path: Path) -> None:
    with pytest.raises(StopWorking, match="certificate verify failed"):
        reached(by_tls(port, tmp_path))


def test_a_certificate_for_another_name_is_refused(
    port: int, authority: Authority, tmp_path: Path
) -> None:
    with pytest.raises(StopWorking, match=r"[Hh]ostname mismatch|not valid for 'localhost'"):
        reached(by_tls(port, tmp_path, "localhost", redis_ca_file=authority.file))


def test_a_server_without_tls_under_a_tls_url_is_an_error(node: Node, tmp_path: Path) -> None:
    with pytest.raises(StopWorking, match=f"no server at rediss://127.0.0.1:{node.port}"):
        reached(by_tls(node.port, tmp_path))


def test_a_server_that_asks_for_our_certificate_gets_it(
    node: Node, authority: Authority, tmp_path: Path
) -> None:
    cert, key = authority.client_files()
    with front(node.port, authority.server_context("127.0.0.1", asks=True)) as port:
        known = authority.file
        with_it = by_tls(
            port, tmp_path, redis_ca_file=known, redis_cert_file=cert, redis_key_file=key
        )
        reached(with_it)
        with blocking_client(server_url(with_it)) as redis:
            assert redis.ping()
        with pytest.raises(StopWorking, match="no server at rediss"):
            reached(by_tls(port, tmp_path, redis_ca_file=authority.file))
