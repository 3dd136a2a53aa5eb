"""The servers that a desk stands on, in containers of their official images' names.

The rest of the suite takes them where an engine answers, and relies on what is told here: that
they are there again with all they were told when they were killed.
"""

from __future__ import annotations

from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from redis import Redis
from redis.exceptions import RedisError

from services.bus.keys import RAW_STREAM, Keys
from services.indexer.store.postgres import PostgresStore
from tests import postgres, servers
from tests.containers.kit import engine, require_engine
from tests.factories import make_enriched
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker.models.containers import Container

require_engine()

STREAM = Keys("news").stream(RAW_STREAM)


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    """A Redis in a container."""
    with contextmanager(servers.container)() as url, Redis.from_url(url) as connection:
        yield connection


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """The URL of a PostgreSQL in a container."""
    with contextmanager(postgres.container)() as url:
        yield url


def container_at(port: object) -> Container:
    """The container whose server was told to listen at ``port``."""
    told = [
        container
        for container in engine().containers.list()
        if any(str(port) in word for word in container.attrs["Config"]["Cmd"] or ())
    ]
    (found,) = told
    return found


def killed_and_started(container: Container) -> None:
    """As if the machine had lost its power and come back."""
    container.kill("SIGKILL")
    container.wait(timeout=30)
    container.start()


def answers(redis: Redis) -> bool:
    """Whether the server takes commands; one that loads its data says so until it has."""
    with suppress(RedisError):
        return bool(redis.ping())
    return False


def test_redis_has_what_the_bus_needs(redis: Redis) -> None:
    """Version, append-only file, streams and scripts; no stand-in knows all of these."""
    info = redis.info()
    assert tuple(map(int, info["redis_version"].split(".")[:2])) >= (7, 0)
    assert redis.config_get("appendonly") == {"appendonly": "yes"}
    assert redis.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    assert redis.eval("return redis.call('XADD', KEYS[1], '*', 'a', 'b')", 1, "{news}:probe")


def test_redis_keeps_streams_groups_and_what_is_pending_when_it_is_killed(redis: Redis) -> None:
    ids = [redis.xadd(STREAM, {"__data__": str(number)}) for number in range(5)]
    redis.xgroup_create(STREAM, "workers", "0")
    redis.xreadgroup("workers", "one", {STREAM: ">"}, count=2)

    killed_and_started(container_at(redis.connection_pool.connection_kwargs["port"]))
    wait_until(lambda: answers(redis), "Redis to answer again")

    kept: Any = redis.xrange(STREAM)
    pending: Any = redis.xpending(STREAM, "workers")
    unread: Any = redis.xreadgroup("workers", "two", {STREAM: ">"})
    assert [entry for entry, _ in kept] == ids
    assert pending["pending"] == 2
    assert [entry for _, entries in unread for entry, _ in entries] == ids[2:]


def test_postgres_keeps_what_was_filed_when_it_is_killed(database: str) -> None:
    article = make_enriched()
    with closing(PostgresStore(database)) as store:
        (outcome,) = store.file([article])
    assert outcome.outcome == "indexed"

    killed_and_started(container_at(conninfo_to_dict(database)["port"]))
    wait_until(lambda: connects(database), "PostgreSQL to answer again")

    with closing(PostgresStore(database)) as store:
        kept = store.get(article.article_id)
        (again,) = store.file([article])
    assert kept == article
    assert again.outcome == "indexed", "the same drop has the same outcome"


def connects(url: str) -> bool:
    """Whether the server takes connections."""
    with suppress(psycopg.OperationalError), psycopg.connect(url):
        return True
    return False


def test_postgres_is_of_a_version_that_the_store_runs_on(database: str) -> None:
    with psycopg.connect(database) as connection:
        assert connection.info.server_version >= 150000
