"""Start workers as real processes, stop them, kill them, read their logs.

They are forked from a server process that has imported everything already
(multiprocessing's *forkserver*): a start takes some hundredths of a second
instead of more than one, so that tests can afford many.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.bus import worker
from tests.forks import FORKS
from tests.wait import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from services.settings import Settings
    from tests.bus.worker import Control

Main = Callable[[dict[str, str], str, str], None]
"""Runs a service in this process: with this environment, a file for its log, a control folder."""


def environ_of(settings: Settings) -> dict[str, str]:
    """The ``WIREDESK_…`` variables that give these settings."""
    given = settings.model_dump(exclude_unset=True)
    if settings.redis_url is not None:
        given["redis_url"] = settings.redis_url.get_secret_value()
    return {f"WIREDESK_{name.upper()}": str(value) for name, value in given.items()}


class Worker:
    """One stage process."""

    def __init__(
        self, environ: dict[str, str], log: Path, control: Control, main: Main = worker.main
    ) -> None:
        self.log = log
        self._closed = False
        self._process = FORKS.Process(
            target=main, args=(environ, str(log), str(control.folder)), daemon=True
        )
        self._process.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.is_alive()

    def ready(self) -> Worker:
        """Itself, once it reads the stream."""
        wait_until(lambda: self.lines("service.ready") or not self.alive, "the worker is ready")
        assert self.alive, self.output()
        return self

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def code(self, timeout: float = 30) -> int:
        """Its exit code, once it has ended; minus the signal's number when killed."""
        self._process.join(timeout)
        code = self._process.exitcode
        assert code is not None, f"still runs after {timeout:g} s: {self.output()}"
        return code

    def stop(self) -> int:
        """End it in peace; its exit code."""
        self.signal(signal.SIGTERM)
        return self.code()

    def kill(self) -> None:
        """End it by force, whatever its state."""
        if self._closed:
            return
        if self.alive:
            self.signal(signal.SIGKILL)
            self._process.join()
        self._process.close()
        self._closed = True

    def output(self) -> str:
        """Everything that it has written."""
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""

    def lines(self, event: str | None = None) -> list[dict[str, Any]]:
        """Its log lines, all or those of one event; a half-written last one is left out."""
        whole = [line for line in self.output().splitlines(keepends=True) if line.endswith("\n")]
        lines = [json.loads(line) for line in whole if line.startswith("{")]
        return [line for line in lines if event is None or line["event"] == event]


class Workers:
    """The workers of one test."""

    def __init__(self, settings: Settings, folder: Path, control: Control) -> None:
        self._settings = settings
        self._folder = folder
        self._control = control
        self._started: list[Worker] = []

    def start(
        self, settings: Settings | None = None, main: Main = worker.main, **environ: str
    ) -> Worker:
        """A new worker, or another service that ``main`` runs; returns at once."""
        log = self._folder / f"worker-{len(self._started) + 1}.log"
        begun = Worker(environ_of(settings or self._settings) | environ, log, self._control, main)
        self._started.append(begun)
        return begun

    def end(self) -> None:
        """End all that still run."""
        for begun in self._started:
            begun.kill()
