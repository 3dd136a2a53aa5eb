"""Rules 12 to 14: the fast parsers are in use; deprecated ways into libraries are not."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest
from faststream._internal import _compat
from redis._parsers.hiredis import _AsyncHiredisParser
from redis.asyncio.connection import DefaultParser as AsyncParser

import services
from services.bus.connect import client, server_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.settings import Settings

SOURCES = Path(services.__file__).parent
ROOT = SOURCES.parent
TESTS = ROOT / "tests"


def declared() -> set[str]:
    """The names of what every service needs, with their extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = set()
    for requirement in project["dependencies"]:
        name = requirement.replace("~", "=").replace(">", "=").partition("=")[0]
        names.add(name.strip())
    return names


def imports(folder: Path) -> Iterator[tuple[str, str]]:
    """Every import below a folder as (file, dotted name)."""
    for path in sorted(folder.rglob("*.py")):
        if "node_modules" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            where = f"{path.relative_to(ROOT)}"
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    yield where, f"{node.module}.{alias.name}"
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    yield where, alias.name


def test_the_fast_parsers_are_declared_for_every_service() -> None:
    assert {"redis[hiredis]", "orjson"} <= declared()


def test_redis_py_parses_with_hiredis() -> None:
    assert AsyncParser is _AsyncHiredisParser


@pytest.mark.anyio
async def test_our_own_connections_parse_with_hiredis(settings: Settings) -> None:
    async with client(server_url(settings)) as redis:
        connection = await redis.connection_pool.get_connection()  # type: ignore[no-untyped-call]  # wrapped by redis-py
        try:
            assert isinstance(connection._parser, _AsyncHiredisParser)
        finally:
            await redis.connection_pool.release(connection)


def test_faststream_reads_and_writes_json_with_orjson() -> None:
    assert _compat.json_loads is orjson.loads
    assert _compat.orjson is orjson


def test_no_source_uses_faststream_s_fastapi_plugin() -> None:
    """It is deprecated: AsgiFastStream's routes, or a FastAPI application beside the stage."""
    assert [found for found in imports(SOURCES) if _is_plugin(found[1])] == []


def _is_plugin(name: str) -> bool:
    return name.startswith("faststream.") and "fastapi" in name.lower()


def test_the_look_for_the_plugin_would_find_it() -> None:
    assert _is_plugin("faststream.redis.fastapi.RedisRouter")
    assert not _is_plugin("faststream.redis.RedisBroker")
    assert any(name.startswith("faststream.redis.") for _, name in imports(SOURCES))


def test_containers_come_from_testcontainers_community() -> None:
    """The old paths, ``testcontainers.redis`` and its like, are deprecated."""
    used = {name for _, name in imports(TESTS) if name.split(".")[0] == "testcontainers"}
    assert used == {
        "testcontainers.community.redis.RedisContainer",
        "testcontainers.community.postgres.PostgresContainer",
        # Our own images: for these there is no class.
        "testcontainers.core.container.DockerContainer",
    }
