"""A desk under attack, and the look afterwards whether everything is accounted for."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from pydantic import SecretStr
from redis.exceptions import RedisError

from services.bus.connect import blocking_client, server_url
from services.bus.errors import StopWorking
from services.bus.keys import (
    DEAD_STREAM,
    ENRICHED_STREAM,
    OUTCOME_STREAM,
    STREAMS,
    Keys,
    is_ours,
)
from services.console.supervisor import FIRST_PAUSE, LOOK_EVERY, SERVICES, Desk
from services.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from redis import Redis

    from services.bus.keys import Stream
    from tests.chaos.wire import Dropped

KEYS = Keys("news")
"""Of a desk with one partition: see :attr:`Attack.keys`."""

PARTITIONS = "WIREDESK_PARTITIONS"

QUICK: dict[str, str] = {
    # Short times, so that a sweep of many deaths fits into a test.
    "WIREDESK_CLAIM_AFTER": "0.8",
    "WIREDESK_POLL_INTERVAL": "50",
    "WIREDESK_SETTLE_TIME": "0.05",
    "WIREDESK_SCAN_INTERVAL": "0.1",
    "WIREDESK_REDRIVE_INTERVAL": "2",
    "WIREDESK_LOG_FORMAT": "json",
    # The language alone: no model to load at each of the many restarts.
    "WIREDESK_ANNOTATORS": '["language"]',
}
SETTLE_TIMEOUT = 90.0


@dataclass
class Subscriber:
    """Reads the enriched stream as an outsider would, all the time."""

    url: str
    keys: Keys = KEYS
    events: list[dict[str, Any]] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join(10)

    def _read(self) -> None:
        last: Any = {keys.stream(ENRICHED_STREAM).encode(): b"0" for keys in self.keys.each()}
        with quick_client(self.url) as redis:
            while not self._over.is_set():
                # A server that is down or emptied is part of the test: ask again.
                with suppress(RedisError, OSError):
                    for key, entries in cast("Any", redis.xread(last, count=100, block=100)):
                        for entry_id, fields in entries:
                            last[key] = entry_id
                            self.events.append(json.loads(fields[b"__data__"]))
                    continue
                self._over.wait(0.05)


def quick_client(url: str) -> Redis:
    """A client that doesn't retry: the tests know when the server is away."""
    return blocking_client(url, retries=0)


class Attack:
    """A running desk with its own embedded server, and everything that was dropped.

    ``url``: a server that runs already, instead of the embedded one. ``run_by``: what starts the
    services and looks after them.
    """

    def __init__(
        self,
        folder: Path,
        modules: Mapping[str, str] | None = None,
        url: str | None = None,
        run_by: type[Desk] = Desk,
    ) -> None:
        self.folder = folder
        self.settings = Settings(
            inbox=folder / "inbox", redis_url=None if url is None else SecretStr(url)
        )
        self.log = (folder / "services.log").open("ab")
        self.quick = {**QUICK, **({} if url is None else {"WIREDESK_REDIS_URL": url})}
        named = {name: f"services.{name}" for name in SERVICES}
        every = {**named, **(modules or {})}
        self.desk = run_by(self.settings, self.log, {"*": self.quick}, every)
        self.dropped: list[Dropped] = []
        self.deaths: Counter[str] = Counter()
        self.subscriber: Subscriber | None = None

    @property
    def url(self) -> str:
        return server_url(self.settings)

    @property
    def keys(self) -> Keys:
        """The keys of the desk, with as many partitions as its services are told."""
        return Keys("news", int(self.quick.get(PARTITIONS, "1")))

    def start(self) -> None:
        self.desk.start()
        self.subscriber = Subscriber(self.url, self.keys)
        self.subscriber.start()

    def stop(self) -> None:
        if self.subscriber is not None:
            self.subscriber.stop()
        self.desk.stop(drain=False)
        self.log.close()

    def drop(self, *files: Dropped) -> None:
        """Drop files by renaming them into place."""
        for file in files:
            part = self.settings.inbox / f"{file.name}.part"
            part.write_bytes(file.data)
            part.rename(self.settings.inbox / file.name)
            self.dropped.append(file)

    def pid(self, name: str) -> int:
        return self.desk.children[name].process.pid

    def ready(self, name: str) -> bool:
        """Whether the service's present process has said that it works."""
        pid = self.pid(name)
        with quick_client(self.url) as redis, suppress(RedisError):
            signs = [redis.get(key) for key in redis.scan_iter(KEYS.alive_pattern())]
            return any(sign and json.loads(cast("Any", sign))["pid"] == pid for sign in signs)
        return False

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a service, if it runs."""
        with suppress(ProcessLookupError):
            os.kill(self.pid(name), number)
            self.deaths[f"{name} {number.name}"] += 1

    def kill_server(self) -> None:
        server = self.desk.server
        assert server is not None
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        self.deaths["server SIGKILL"] += 1

    def run_until(
        self, holds: Callable[[], bool], what: str, timeout: float = SETTLE_TIMEOUT
    ) -> None:
        """Look after the desk (ended services are started again) until ``holds``."""
        deadline = time.monotonic() + timeout
        began = time.monotonic()
        while not holds():
            try:
                self.tend()
            except StopWorking as error:
                raise AssertionError(f"{error}\n{self.state()}") from error
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {timeout:g} s in vain for: {what}\n{self.state()}")
            # A fifth of the time at most is spent on looking: the desk needs the rest.
            time.sleep(max(LOOK_EVERY / 4, 4 * (time.monotonic() - began)))
            began = time.monotonic()

    def tend(self) -> None:
        """Start again what has ended; :class:`StopWorking` where that can't help.

        Pauses before a start don't grow here: waiting them out is a third of a run with many
        deaths, and the more starts fall into it, the more is tried.
        """
        self.desk.look()
        for child in self.desk.children.values():
            child.pause = FIRST_PAUSE

    def receipts(self) -> list[dict[str, Any]]:
        while True:
            # A receipt that is put right may go to another folder while it is read.
            with suppress(FileNotFoundError):
                return [json.loads(path.read_bytes()) for path in self._receipt_paths()]

    def _receipt_paths(self) -> list[Path]:
        folders = (self.settings.done, self.settings.rejected)
        return [path for folder in folders for path in folder.glob("**/*.receipt.json")]

    def settled(self) -> bool:
        return len(self._receipt_paths()) >= len(self.dropped)

    def settle(self) -> None:
        """Wait until every dropped file has its receipt and nothing is pending."""
        self.run_until(self.settled, "a receipt for every file")
        self.run_until(self.quiet, "nothing pending")

    def quiet(self) -> bool:
        """Whether no stage of ours has anything before it."""
        with quick_client(self.url) as redis:
            try:
                every = [keys.stream(stream) for keys in self.keys.each() for stream in STREAMS]
                return all(
                    group["pending"] == 0 and group["lag"] == 0
                    for key in every
                    if redis.exists(key)
                    for group in cast("Any", redis.xinfo_groups(key))
                    if is_ours(group["name"].decode())
                )
            except RedisError:
                return False

    def events(self, stream: Stream) -> list[dict[str, Any]]:
        with quick_client(self.url) as redis:
            found: Any = [redis.xrange(keys.stream(stream)) for keys in self.keys.each()]
        return [json.loads(fields[b"__data__"]) for entries in found for _, fields in entries]

    def dead(self) -> list[dict[str, Any]]:
        return self.events(DEAD_STREAM)

    def outcomes(self) -> list[dict[str, Any]]:
        return self.events(OUTCOME_STREAM)

    def state(self) -> str:
        """What a failed wait shows: what is missing, what runs, the last log lines."""
        have = {receipt["file"] for receipt in self.receipts()}
        missing = [file.name for file in self.dropped if file.name not in have]
        codes = {name: c.process.poll() for name, c in self.desk.children.items()}
        lines = (self.folder / "services.log").read_text(errors="replace").splitlines()[-25:]
        return "\n".join([f"missing: {missing[:10]}", f"exit codes: {codes}", *lines])


@contextmanager
def attacked(
    folder: Path,
    modules: Mapping[str, str] | None = None,
    fsync: str = "everysec",
    environ: Mapping[str, str] | None = None,
    url: str | None = None,
    run_by: type[Desk] = Desk,
) -> Iterator[Attack]:
    """A desk under attack, stopped at the end whatever happened. ``environ``: more settings."""
    attack = Attack(folder, modules, url, run_by)
    attack.desk.fsync = fsync
    attack.quick.update(environ or {})
    try:
        attack.start()
        yield attack
    finally:
        attack.stop()


def about(events: Iterable[dict[str, Any]]) -> list[tuple[str, str]]:
    """(drop, article) of each event."""
    return [(e["data"]["drop"]["drop_id"], e["data"]["article_id"]) for e in events]
