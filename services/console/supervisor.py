"""The desk on one machine: the embedded server and the three services as child processes.

What Compose or Kubernetes do on a server, ``wiredesk up`` does on a laptop:
whatever ends is started again, with growing pauses; a stop drains first.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from services.bus.connect import client, server_folder, server_url
from services.bus.errors import StopWorking
from services.bus.keys import ENRICHMENT, Keys
from services.bus.overview import overview
from services.bus.server import EmbeddedServer, tied
from services.bus.watchdog import Exit
from services.observability import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from services.settings import Settings

log = get_logger(__name__)

SERVICES = ("indexer", "enrichment", "ingest")
"""In the order of starting: whoever reads is there before whoever writes."""

RECEIVER = "receiver"
"""The process that takes files by HTTP, where the settings want it."""

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
"""Seconds before a service that ended is started again: doubles from the first to the longest."""

STEADY = 30.0
"""Seconds of running after which a service's earlier failures are forgotten."""

DRAIN_TIMEOUT = 30.0
"""Seconds that a stop waits for the articles on their way; they wait safely for the next start."""

STOP_TIMEOUT = 25.0
"""Seconds that a service gets to finish its batch: above ``graceful_timeout``."""

LOOK_EVERY = 0.1
"""Seconds between two looks at the children."""


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def worker_names(settings: Settings) -> list[str]:
    """``enrichment``, ``enrichment-2``, …: as many as the settings say, else one for each core."""
    count = settings.workers or cores()
    return [ENRICHMENT.name, *(f"{ENRICHMENT.name}-{number}" for number in range(2, count + 1))]


def modules_of(settings: Settings) -> dict[str, str]:
    """All processes of a desk by name, each with the module that it runs."""
    several = {ENRICHMENT.name: worker_names(settings)}
    names = [name for service in SERVICES for name in several.get(service, [service])]
    modules = {name: f"services.{_service(name)}" for name in names}
    return modules | {RECEIVER: "services.ingest.receiver"} if settings.drop else modules


def _service(name: str) -> str:
    """The service that a child is one of: ``ingest`` of ``ingest-2``."""
    base, dash, number = name.rpartition("-")
    return base if dash and number.isdecimal() and base in SERVICES else name


async def living(url: str, settings: Settings) -> tuple[dict[str, Any], ...]:
    """The signs of life of the running workers."""
    async with client(url) as redis:
        return (await overview(redis, Keys.of(settings))).workers


@dataclass
class Child:
    """One service as a process, and when it may be started again."""

    name: str
    process: subprocess.Popen[bytes]
    started: float
    pause: float = FIRST_PAUSE
    due: float | None = None


@dataclass
class Desk:
    """Runs everything for one folder.

    ``output``: where the children's logs go (default: our stderr).  ``environ``:
    what is added to their environment, by child, by service, or ``*`` for all.  ``modules``:
    the children (``ingest-2`` is one more of ``ingest``), each with the module that it runs
    (default: all of a desk).
    ``fsync``: the embedded server's ``appendfsync``; ``everysec`` may lose a second of
    a power cut, which the folder brings back.  ``serve``: whether to start that server
    where the settings name none.
    """

    settings: Settings
    output: IO[bytes] | None = None
    environ: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    modules: Mapping[str, str] = field(default_factory=dict)
    fsync: str = "everysec"
    serve: bool = True
    server: EmbeddedServer | None = None
    children: dict[str, Child] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.modules = self.modules or modules_of(self.settings)

    def start(self) -> None:
        """Start the server (unless one is given) and the services."""
        if self.serve:
            self.settings.inbox.mkdir(parents=True, exist_ok=True)
        if self.serve and self.settings.redis_url is None:
            self.server = EmbeddedServer(server_folder(self.settings), self.fsync)
            self.server.start()
        for name in self.modules:
            self.children[name] = Child(name, self._spawn(name), time.monotonic())

    def _spawn(self, name: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603  (our own modules)
            # -P: a folder named "services" where the user stands must not be taken for ours.
            tied([sys.executable, "-P", "-m", self.modules[name]]),
            env=self._environ(name),
            stdin=subprocess.DEVNULL,
            stderr=self.output,
            start_new_session=True,
        )

    def _environ(self, name: str) -> dict[str, str]:
        settings = self.settings
        env = {
            **os.environ,
            "WIREDESK_INBOX": str(settings.inbox.resolve()),
            "WIREDESK_STATE_DIR": str(settings.state.resolve()),
            "WIREDESK_STORE_PATH": str(settings.store.resolve()),
            **self.environ.get("*", {}),
            **self.environ.get(_service(name), {}),
            **self.environ.get(name, {}),
        }
        if settings.store_url is not None:
            env["WIREDESK_STORE_URL"] = settings.store_url.get_secret_value()
        if self.server is not None:
            env["WIREDESK_REDIS_URL"] = self.server.url
        return env

    def signs(self) -> tuple[dict[str, Any], ...]:
        """The signs of life of this desk's running workers; raises redis-py's errors."""
        url = self.server.url if self.server is not None else server_url(self.settings)
        ours = {child.process.pid for child in self.children.values()}
        return tuple(w for w in asyncio.run(living(url, self.settings)) if w["pid"] in ours)

    def ready(self) -> bool:
        """Whether each service's present process has signed that it works.

        The receiver knows no Redis to sign in.
        """
        signed = {worker["pid"] for worker in self.signs()}
        signing = (child for name, child in self.children.items() if name != RECEIVER)
        return all(child.process.pid in signed for child in signing)

    def look(self) -> None:
        """Start again what has ended. :class:`StopWorking` where a restart can't help."""
        if self.server is not None:
            self.server.ensure()
        now = time.monotonic()
        for child in self.children.values():
            if child.process.poll() is None:
                if now - child.started > STEADY:
                    child.pause = FIRST_PAUSE
            elif child.due is None:
                self._ended(child, now)
            elif now >= child.due:
                child.process, child.started, child.due = self._spawn(child.name), now, None

    @staticmethod
    def _ended(child: Child, now: float) -> None:
        code = child.process.returncode
        if code == Exit.CONFIG:
            raise StopWorking(f"{child.name} can't work; its last log lines say why")
        log.error("service.ended", ended=child.name, code=code, restart_in=child.pause)
        child.due = now + child.pause
        child.pause = min(2 * child.pause, LONGEST_PAUSE)

    def run(self, until: Callable[[], bool], beside: Callable[[], None] = lambda: None) -> None:
        """Look after everything until ``until`` holds; ``beside`` is called at each look."""
        while not until():
            self.look()
            beside()
            time.sleep(LOOK_EVERY)

    def stop(self, *, drain: bool) -> None:
        """Stop the services, then the server; first let ingest finish what is on its way."""
        # First nothing new comes any more.
        self._end(child for name, child in self.children.items() if name == RECEIVER)
        ingest = self.children.get("ingest")
        if drain and ingest is not None and ingest.process.poll() is None:
            log.info("desk.draining", at_most_seconds=DRAIN_TIMEOUT)
            ingest.process.send_signal(signal.SIGUSR1)
            with suppress(subprocess.TimeoutExpired):
                ingest.process.wait(DRAIN_TIMEOUT)
        self._end(self.children.values())
        if self.server is not None:
            self.server.stop()
        log.info("desk.stopped")

    @staticmethod
    def _end(children: Iterable[Child]) -> None:
        running = [child.process for child in children if child.process.poll() is None]
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
