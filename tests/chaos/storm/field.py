"""The desk that stands in the storm: three workers a stage, a proxy in front of the server."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

from redis.asyncio import Redis as AsyncRedis

from services.bus import connect
from services.bus.keys import ENRICHED_STREAM
from services.bus.server import EmbeddedServer
from services.bus.subscribers import Subscribers
from services.console.supervisor import Desk
from services.settings import Settings
from tests.chaos.harness import PARTITIONS, QUICK, Attack, Subscriber
from tests.chaos.proxy import Proxy
from tests.chaos.storm.schedule import WORKERS
from tests.chaos.storm.worker import RELEASE, SERVICE, SOCKET_TIMEOUT
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chaos.wire import Dropped

CLAIM_AFTER = 2.0
"""Seconds, at full pace: below the shortest SIGSTOP, so that each is a zombie's."""

MAX_ATTEMPTS = 8
"""At full pace, and five at least: a message may meet several deaths and zombies in a storm, and
isn't poison for that; a real desk meets one in a night."""

FEWEST_ATTEMPTS = 5

SLEEPER = "never-reads"
"""A registered subscriber that reads nothing, for the whole storm."""

MODULE = "tests.chaos.storm.worker"


def environ_of(pace: float) -> dict[str, str]:
    """The settings of every worker. Those of operating are the real ones."""
    return {
        **QUICK,
        "WIREDESK_CLAIM_AFTER": str(CLAIM_AFTER * pace),
        "WIREDESK_MAX_ATTEMPTS": str(max(FEWEST_ATTEMPTS, round(MAX_ATTEMPTS * pace))),
        SOCKET_TIMEOUT: str(connect.SOCKET_TIMEOUT * pace),
        # As on a real desk: 18 readers that ask twenty times a second would keep the proxy busy.
        "WIREDESK_POLL_INTERVAL": "500",
        "WIREDESK_API": "false",
        "WIREDESK_HEALTH": "true",
        "WIREDESK_HEALTH_PORT": "0",
        "WIREDESK_FAILURE_BUDGET_PERCENT": "50",
        "WIREDESK_FAILURE_BUDGET_IN_A_ROW": "50",
        "WIREDESK_LOG_RATE": "0",
    }


class Field(Attack):
    """An attacked desk whose services reach the server through a proxy."""

    def __init__(
        self, folder: Path, fsync: str, pace: float, url: str | None = None, partitions: int = 1
    ) -> None:
        super().__init__(folder)
        self.quick[PARTITIONS] = str(partitions)
        self.own = None if url is not None else EmbeddedServer(folder / "server", fsync)
        self._given = url
        self._pace = pace
        self.filed_last = 0
        self._waiting: list[Dropped] = []
        self._pids: set[int] = set()

    @property
    def url(self) -> str:
        """The server itself: what looks at it doesn't go through the proxy."""
        return self._given or cast("EmbeddedServer", self.own).url

    def start(self) -> None:
        """Start the server, the proxy and every worker, and wait until they work."""
        if self.own is not None:
            self.own.start()
        self.proxy = Proxy(self.url)
        self.proxy.__enter__()
        self._start_desk()
        self.subscriber = Subscriber(self.url, self.keys)
        self.subscriber.start()
        self.run_until(self.standing, "every stage works")
        asyncio.run(self._add_sleeper())

    def _start_desk(self) -> None:
        self.settings = Settings.model_validate(
            {
                "inbox": self.settings.inbox,
                "redis_url": self.proxy.url,
                "partitions": self.keys.partitions,
            }
        )
        given = {"WIREDESK_REDIS_URL": self.proxy.url, PARTITIONS: self.quick[PARTITIONS]}
        self.quick = {**environ_of(self._pace), **given}
        self.environ = {"*": self.quick, **{name: {SERVICE: _stage(name)} for name in WORKERS}}
        modules = dict.fromkeys(WORKERS, MODULE)
        self.desk = Desk(self.settings, self.log, self.environ, modules)
        self.desk.start()

    async def _add_sleeper(self) -> None:
        async with AsyncRedis.from_url(self.url) as redis:
            await Subscribers(redis, self.settings).add(SLEEPER, ENRICHED_STREAM, "beginning")

    def standing(self) -> bool:
        """Whether enrichment and indexers work, and one of the ingests."""
        pids = {name: child.process.pid for name, child in self.desk.children.items()}
        signed = {worker["pid"] for worker in self.desk_signs()}
        ingests = {pid for name, pid in pids.items() if _stage(name) == "ingest"}
        return set(pids.values()) - ingests <= signed and bool(ingests & signed)

    def desk_signs(self) -> tuple[dict[str, object], ...]:
        with suppress(Exception):
            return self.desk.signs()
        return ()

    def stop(self) -> None:
        """End everything, whatever state it is in."""
        for child in getattr(self.desk, "children", {}).values():
            with suppress(ProcessLookupError):
                os.kill(child.process.pid, signal.SIGCONT)
        super().stop()
        if hasattr(self, "proxy"):
            self.proxy.__exit__()
        if self.own is not None:
            self.own.stop()

    # --- looking after it --------------------------------------------------------------
    def tend(self) -> None:
        """Start again what has ended, the server too."""
        if self.own is not None:
            self.own.ensure()
        super().tend()
        self._pids |= {child.process.pid for child in self.desk.children.values()}

    @property
    def restarts(self) -> int:
        """How often a worker was started again."""
        return len(self._pids) - len(WORKERS)

    def stage_of(self, name: str) -> str:
        """The stage that a worker is one of."""
        return _stage(name)

    def rerun(self, name: str, release: str) -> None:
        """Replace a worker by one of another release."""
        self.environ[name] = {**self.environ[name], RELEASE: release}
        self.send(name, signal.SIGTERM)

    def server_pid(self) -> int:
        """The process id of our own server."""
        assert self.own is not None
        assert self.own.pid is not None
        return self.own.pid

    def kill_server(self) -> None:
        os.kill(self.server_pid(), signal.SIGKILL)
        self.deaths["server SIGKILL"] += 1

    def cut_power(self, lost: int) -> int:
        """Kill the server, and take up to ``lost`` bytes off the end of its log; how many went.

        A power cut does so with ``appendfsync everysec``: what was written in the last second
        was not yet on the disk.
        """
        assert self.own is not None
        self.kill_server()
        pid = self.server_pid()
        wait_until(lambda: _ended(pid), "the server's end")
        logs = sorted((self.own.folder / "appendonlydir").glob("*.incr.aof"))
        size = logs[-1].stat().st_size
        with logs[-1].open("r+b") as log:
            log.truncate(max(0, size - lost))
        return min(size, lost)

    # --- what has become of it ----------------------------------------------------------
    def filed(self) -> int:
        """Outcomes in the store so far; the last known number while it can't be read."""
        path = self.settings.store
        with suppress(sqlite3.Error):
            reading = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=0.1)
            with closing(reading) as db:
                (found,) = db.execute("SELECT coalesce(max(seq), 0) FROM outcomes").fetchone()
                self.filed_last = max(self.filed_last, int(found))
        return self.filed_last

    def has_receipt(self, name: str) -> bool:
        """Whether a file dropped into the inbox itself is settled."""
        folders = (self.settings.done, self.settings.rejected)
        return any((folder / f"{name}.receipt.json").exists() for folder in folders)

    def settled(self) -> bool:
        """Whether every file has its receipt. Each is asked for once it is there no more."""
        self._waiting = [file for file in self._waiting if not self.has_receipt(file.name)]
        return not self._waiting

    def drop(self, *files: Dropped) -> None:
        super().drop(*files)
        self._waiting += files


def _stage(name: str) -> str:
    return name.partition("-")[0]


def _ended(pid: int) -> bool:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


@contextmanager
def standing(
    folder: Path,
    *,
    fsync: str = "everysec",
    pace: float = 1.0,
    url: str | None = None,
    partitions: int = 1,
) -> Iterator[Field]:
    """A desk in the field, taken down at the end whatever happened."""
    field = Field(folder, fsync, pace, url, partitions)
    try:
        field.start()
        yield field
    finally:
        field.stop()
