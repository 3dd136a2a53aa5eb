"""Fixtures for all tests: a real server, and a look for leaked keys after each test."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from redis import Redis as SyncRedis

from services import observability
from services.bus.keys import Keys
from services.enrichment.threads import limit_threads
from services.settings import Settings
from tests.servers import choice, server

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path


# Indexers that a test starts serve nothing unless it wants them to: they start sooner, and two
# at once don't ask for one port.
os.environ.setdefault("WIREDESK_API", "false")
os.environ.setdefault("WIREDESK_HEALTH", "false")

# Tests of hostile articles make more dead letters in a row than a desk should stand, and look for
# each of their log lines; those of the budget and of the log's limit set their own.
os.environ.setdefault("WIREDESK_FAILURE_BUDGET_PERCENT", "100")
os.environ.setdefault("WIREDESK_FAILURE_BUDGET_IN_A_ROW", "0")
os.environ.setdefault("WIREDESK_LOG_RATE", "0")

# Where no bytecode is kept, a service spends over half of its start on compiling (1.4 s
# instead of 0.6), and the tests start hundreds. What they keep lies in the venv and in __pycache__.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A shell that runs the tests in the background has them ignore Ctrl-C; what they start would
# inherit that, and could not be stopped by it.
if (
    signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    and threading.current_thread() is threading.main_thread()
):
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Before NumPy is loaded, as the service does it: two threads take twice the time.
limit_threads()


PARTITIONS = 8
"""More than any test's desk has; their streams are kept as those of one partition are."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """Nothing that collecting makes is garbage: looking for it takes a quarter of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def what_is_kept_is_not_gone_through_again() -> Iterator[None]:
    """Models that a module's tests loaded stay, and garbage is looked for without them.

    Going through all of their objects took up to a second each time.
    """
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def no_limit_of_the_log_is_left_over() -> Iterator[None]:
    """A module that sets up logging would leave its limit to modules that look for lines."""
    yield
    observability._rates.clear()


def pytest_report_header() -> str:
    return f"wiredesk test server: {choice()}"


def pytest_unconfigure() -> None:
    """End the PostgreSQL server of this process, where a test has started one."""
    started = sys.modules.get("tests.postgres")
    if started is not None:
        started.stop()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server for the whole run."""
    with server(tmp_path_factory.mktemp("server")) as url:
        yield url


@pytest.fixture
def redis(redis_url: str) -> Iterator[SyncRedis]:
    """A client on an empty server; afterwards every key has a life span or is declared."""
    with SyncRedis.from_url(redis_url) as connection:
        connection.flushall()
        yield connection
        leaked = leaked_keys(connection)
        connection.flushall()
    assert leaked == []


def leaked_keys(connection: Any) -> list[str]:
    """Keys without a life span that aren't declared to have none."""
    permanent = {key.encode() for key in Keys("news", PARTITIONS).permanent()}
    return [
        key.decode()
        for key in connection.keys("*")
        if key not in permanent and connection.ttl(key) == -1
    ]


@pytest.fixture
def settings(redis_url: str, tmp_path: Path) -> Settings:
    """Settings for a test: short times, its own inbox."""
    return Settings.model_validate(
        {
            "redis_url": redis_url,
            "inbox": tmp_path / "inbox",
            "claim_after": 1.0,
            "poll_interval": 50,
            "settle_time": 0.05,
            "scan_interval": 0.05,
            "redrive_interval": 2.0,
        }
    )
