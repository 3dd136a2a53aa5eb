"""A desk of containers: what is dropped, what came of it, and the look at everything at its end."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.chaos.wire import Dropped, Wire
from tests.compose.engine import ROOT, Compose
from tests.compose.judge import EVENTS, QUIET, tell
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INSIDE = "/judge"
"""Where the judge has this repository's tests and the run's folder."""

SERVICE_USER = 1000
"""Whom the services run as where root runs this: never as root."""

SETTLE_TIMEOUT = 300.0
"""Seconds until everything dropped has its receipt: with services that come back after kills."""

QUICK = {
    # Short times, so that what was taken over and read again shows within a run.
    "WIREDESK_CLAIM_AFTER": "5",
    "WIREDESK_SETTLE_TIME": "0.5",
    "WIREDESK_REDRIVE_INTERVAL": "10",
}


def say(words: str) -> None:
    """A line of the report, with the time of day."""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')}  {words}\n")
    sys.stdout.flush()


@dataclass
class ComposeDesk:
    """A project that runs, its inbox on this machine, and everything that was dropped there."""

    compose: Compose
    folder: Path
    wire: Wire
    dropped: list[Dropped] = field(default_factory=list)

    @property
    def inbox(self) -> Path:
        """The mounted folder."""
        return self.folder / "inbox"

    @property
    def work(self) -> Path:
        """What the judge reads and writes."""
        return self.folder / "work"

    # --- dropping ---------------------------------------------------------------------------
    def drop(self, *files: Dropped) -> None:
        """Drop files as a user does: by renaming them into place."""
        for file in files:
            part = self.inbox / f"{file.name}.part"
            part.write_bytes(file.data)
            part.rename(self.inbox / file.name)
            self.dropped.append(file)

    def drop_articles(self, count: int) -> None:
        """Drop so many articles, each a file."""
        self.drop(*(self.wire.article() for _ in range(count)))

    def receipts(self) -> list[dict[str, Any]]:
        """The receipts on this machine."""
        paths = [path for name in ("done", "rejected") for path in self._receipts(name)]
        return [json.loads(path.read_bytes()) for path in paths]

    def _receipts(self, name: str) -> list[Path]:
        return list((self.inbox / name).glob("**/*.receipt.json"))

    def settle(self) -> None:
        """Wait until each file has its receipt and nothing is on its way."""
        wanted = len(self.dropped)

        def settled() -> bool:
            return sum(len(self._receipts(name)) for name in ("done", "rejected")) >= wanted

        wait_until(settled, f"a receipt for each of {wanted} files", SETTLE_TIMEOUT)
        tell(self.work, self.dropped)
        wait_until(lambda: self.judge("quiet") == QUIET, "nothing pending", SETTLE_TIMEOUT)

    # --- looking ----------------------------------------------------------------------------
    def judge(self, *question: str) -> str:
        """Ask the judge (:mod:`tests.compose.judge`) beside the desk."""
        asked = ["-m", "tests.compose.judge", *question]
        return self.compose.console(*asked, program="python3", mounts=self._mounts(), path=INSIDE)

    def _mounts(self) -> dict[Path, str]:
        return {ROOT / "tests": f"{INSIDE}/tests:ro", self.work: f"{INSIDE}/work"}

    def conserved(self) -> None:
        """Every article in exactly one outcome, nothing lost, nothing twice; and the ledger."""
        self.settle()
        say(self.judge("conserved"))
        self.compose.console("ledger")
        say("the ledger balances")

    def healthy(self, service: str, index: int = 1) -> list[str]:
        """Where the processes of a container answer, as its healthcheck finds them."""
        told = self.compose.execute(service, "python3", "-m", "services.healthy", index=index)
        return [line.split()[2].rstrip(":") for line in told.splitlines()]

    @contextmanager
    def following(self) -> Iterator[None]:
        """A subscriber, that reads all the time."""
        name = f"{self.compose.project}-subscriber"
        self.compose.detached(name, self._mounts(), INSIDE, "-m", "tests.compose.judge", "follow")
        try:
            yield
        finally:
            self.compose.remove(name)


@contextmanager
def desk(
    project: str, folder: Path, seed: int, *, one_network: bool, environ: dict[str, str]
) -> Iterator[ComposeDesk]:
    """A desk that runs, removed at the end whatever happened; in trouble its logs are shown."""
    work = folder / "work"
    for each in (folder, work):
        each.mkdir(parents=True)
        _give(each)
    (work / EVENTS).touch()
    _give(work / EVENTS)
    # The inbox isn't made: Docker makes it, as for whoever just starts.
    user = (
        f"{SERVICE_USER}:{SERVICE_USER}" if os.geteuid() == 0 else f"{os.geteuid()}:{os.getegid()}"
    )
    given = {
        **QUICK,
        **environ,
        "WIREDESK_INBOX_FOLDER": str(folder / "inbox"),
        "WIREDESK_USER": user,
    }
    if one_network:
        # Nobody knows names there: Prometheus asks the ports one by one.
        given["WIREDESK_PROMETHEUS_CONFIG"] = "prometheus.yml"
    compose = Compose(project, work, given, one_network=one_network)
    try:
        yield ComposeDesk(compose, folder, Wire(seed))
    except BaseException:
        sys.stdout.write(compose.logs() + "\n")
        raise
    finally:
        compose.down()


def _give(path: Path) -> None:
    """Give a file or folder to the user of the services, where that is another."""
    if os.geteuid() == 0:
        os.chown(path, SERVICE_USER, SERVICE_USER)


def seeds() -> list[Dropped]:
    """The two real articles."""
    return [
        Dropped(path.name, path.read_bytes(), frozenset({"indexed"}))
        for path in sorted((ROOT / "seeds").glob("*.txt"))
    ]
