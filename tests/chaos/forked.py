"""A desk whose services are forked from a process that has imported everything already.

Most of what a desk with many deaths costs is Python's imports: nearly a second of each start.  What
runs is each service's own ``main`` in a process of its own, with its environment and its log; only
the interpreter isn't started anew.  That desks stand the same as users start them is shown by the
storm, the siege and the tests of the console, which start every process for real.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import signal
import subprocess
import sys
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from py3langid import langid  # type: ignore[import-untyped]  # ships no types

from services.bus.server import PR_SET_PDEATHSIG
from services.console.supervisor import Desk
from tests.chaos import harness
from tests.chaos.forked_readers import fork_readers
from tests.forks import FORKS

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess


def know_languages() -> None:
    """Unpack the model of languages once, for all that are forked: it takes half a second."""
    load = cache(langid.LanguageIdentifier.from_model_file)
    langid.LanguageIdentifier.from_model_file = load
    load(Path(langid.MODEL_DIR) / langid.MODEL_FILE, norm_probs=True)


class ForkedDesk(Desk):
    """:class:`Desk`, but for how its processes come to be."""

    def _spawn(self, name: str) -> subprocess.Popen[bytes]:
        assert self.output is not None
        process = FORKS.Process(
            target=serve,
            args=(self.modules[name], self._environ(name), self.output.name),
            daemon=True,
        )
        process.start()
        return cast("subprocess.Popen[bytes]", Forked(process, name))


attacked = partial(harness.attacked, run_by=ForkedDesk)
"""A desk under attack whose services are forked."""


class Forked:
    """A forked process with what the supervisor and the tests ask of a :class:`Popen`."""

    def __init__(self, process: ForkServerProcess, name: str) -> None:
        assert process.pid is not None
        self.pid = process.pid
        self._process = process
        self._name = name

    @property
    def returncode(self) -> int | None:
        """Its exit code; minus the signal's number when killed; ``None`` while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(self._name, timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def serve(module: str, environ: dict[str, str], log: str) -> None:
    """What ``python -m module`` does, once the interpreter has started."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    os.setsid()
    os.environ.clear()
    os.environ.update(environ)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(out, 2)
    if module == "services.ingest":
        fork_readers()
    sys.exit(_main_of(module))


def _main_of(module: str) -> int:
    """The exit code of a module, or of a package's ``__main__``."""
    loaded = importlib.import_module(module)
    if hasattr(loaded, "__path__"):
        loaded = importlib.import_module(f"{module}.__main__")
    return int(loaded.main())
