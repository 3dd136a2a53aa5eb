"""A terminal for one document: its commands run in one bash, one block after the other.

It stands in a folder that looks like the repository, with everything in it linked, so that
``deploy/…`` and ``seeds/…`` are there and what commands make lies elsewhere.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

from tests.repo.lock_check import ROOT
from tests.servers import free_port
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE = 60.0
"""Seconds that a block may take in the suite: far more than any needs on a busy machine."""

PRIVATE = frozenset({".git", ".demo", "inbox", "build", "dist", ".venv"})
"""What isn't linked: what commands make; the venv, which is named by itself."""

API, HEALTH = "8420", ("8421", "8422", "8423")
"""The ports of the text.  They are moved to free ones, in commands and in settings alike."""


class DocumentError(AssertionError):
    """A block of a document doesn't do what it says."""


@dataclass(frozen=True, slots=True)
class Printed:
    """What a block wrote."""

    out: str
    err: str


@dataclass
class Ports:
    """Where the desk of these documents listens."""

    api: int = field(default_factory=free_port)
    health: int = field(default_factory=free_port)

    def moved(self, text: str) -> str:
        """``text`` with the ports of the documentation replaced by ours."""
        text = re.sub(rf"\b(127\.0\.0\.1|localhost):{API}\b", rf"\1:{self.api}", text)
        health = "|".join(HEALTH)
        return re.sub(rf"\b(127\.0\.0\.1|localhost):(?:{health})\b", rf"\1:{self.health}", text)


def stand(folder: Path, tools: Path) -> Path:
    """``folder`` with everything of the repository linked into it, and programs of ``tools``."""
    folder.mkdir(parents=True)
    for path in ROOT.iterdir():
        if path.name not in PRIVATE:
            (folder / path.name).symlink_to(path)
    _venv(folder / ".venv", tools)
    return folder


def _venv(folder: Path, tools: Path) -> None:
    """Ours, linked, and for make as full as it must be: it would install this folder into ours.

    Programs that are in ``tools`` stand in for ours.
    """
    (folder / "bin").mkdir(parents=True)
    for path in (*Path(sys.prefix).iterdir(), *Path(sys.executable).parent.iterdir()):
        below = folder / "bin" if path.parent.name == "bin" else folder
        if path.name != "bin" and not path.name.startswith(".ready"):
            own = tools / path.name
            (below / path.name).symlink_to(own if below.name == "bin" and own.exists() else path)
    for name in (".ready-to-run", ".ready-to-test"):
        (folder / name).touch()


def environment(folder: Path, tools: Path, ports: Ports, **more: str) -> dict[str, str]:
    """A newcomer's environment: nothing of ours but free ports and what saves time.

    One worker, the small model (md's tables take two seconds to load), no pause in ports.
    """
    path = os.pathsep.join([str(tools), str(Path(sys.executable).parent), os.environ["PATH"]])
    home = folder.parent / f"{folder.name}.home"
    home.mkdir(exist_ok=True)
    return {
        "PATH": path,
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "COLUMNS": "80",
        "NO_COLOR": "1",
        "OMP_NUM_THREADS": "1",
        "WIREDESK_API_PORT": str(ports.api),
        "WIREDESK_HEALTH_PORT": str(ports.health),
        "WIREDESK_SPACY_MODEL": "en_core_web_sm",
        "WIREDESK_WORKERS": "1",
        **more,
    }


class Terminal:
    """One bash; every block is sourced, so that what one exports the next one has."""

    def __init__(self, folder: Path, environ: Mapping[str, str], ports: Ports) -> None:
        self.folder = folder
        self.ports = ports
        self.environ = dict(environ)
        self._notes = folder.parent / f"{folder.name}.blocks"
        self._notes.mkdir(exist_ok=True)
        # Whoever is asked whether he means it says yes, as often as it takes.
        self._answers = self._notes / "answers"
        self._answers.write_text("y\n" * 10_000, encoding="ascii")
        self._beside: list[subprocess.Popen[bytes]] = []
        self._count = 0
        self._bash: subprocess.Popen[bytes] | None = None
        self._codes: IO[bytes] | None = None

    def __enter__(self) -> Self:
        self._start()
        return self

    def _start(self) -> None:
        reading, writing = os.pipe()
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=self.folder,
            env=self.environ | {"CODES": str(writing)},
            stdin=subprocess.PIPE,
            pass_fds=[writing],
            start_new_session=True,
        )
        os.close(writing)
        self._codes = os.fdopen(reading, "rb")
        os.set_blocking(reading, False)

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End what stays, then the shell; again is harmless."""
        try:
            self.end_what_stays()
        finally:
            self._end()

    def _end(self) -> None:
        if self._bash is None or self._codes is None:
            return
        assert self._bash.stdin is not None
        self._bash.stdin.close()
        with suppress(ProcessLookupError):
            os.killpg(self._bash.pid, signal.SIGKILL)
        self._bash.wait(10)
        self._codes.close()
        self._bash = self._codes = None

    def _written(self, code: str) -> Path:
        """A block as a file; it ends with the first command that fails."""
        self._count += 1
        path = self._notes / f"{self._count}.sh"
        path.write_text(f"set -eo pipefail\n{self.ports.moved(code)}", encoding="utf-8")
        return path

    def run(self, code: str, timeout: float = PATIENCE) -> tuple[int, Printed]:
        """Source a block; its exit code and what it wrote."""
        assert self._bash is not None
        assert self._bash.stdin is not None
        path = self._written(code)
        out, err = path.with_suffix(".out"), path.with_suffix(".err")
        line = f'. "{path}" >"{out}" 2>"{err}" <"{self._answers}"; echo $? >&$CODES\n'
        self._bash.stdin.write(line.encode())
        self._bash.stdin.flush()
        ended = self._code(timeout)
        return ended, Printed(self.plain(out), self.plain(err))

    def _code(self, timeout: float) -> int:
        """How the block ended: with ``set -e`` the shell ends where a command failed."""
        bash, codes = self._bash, self._codes
        assert bash is not None
        assert codes is not None
        told = bytearray()

        def heard() -> bool:
            ended = bash.poll() is not None
            told.extend(codes.read() or b"")
            return ended or told.endswith(b"\n")

        wait_until(heard, "the block ends", timeout)
        if told:
            return int(told)
        # What it exported is gone, as it is for whoever's shell has ended.
        code = bash.wait(10)
        self._end()
        self._start()
        return code

    def plain(self, file: Path) -> str:
        """What was written, with the folder and the ports as the text has them."""
        text = file.read_text(encoding="utf-8", errors="replace")
        for folder in {str(self.folder), str(self.folder.resolve())}:
            text = text.replace(f"{folder}/", "").replace(folder, ".")
        return text.replace(str(self.ports.api), API).replace(str(self.ports.health), HEALTH[0])

    def stay(self, code: str, until: str, timeout: float = PATIENCE) -> None:
        """Run a block beside the others, as in another terminal; return when it says ``until``."""
        path = self._written(code)
        out = path.with_suffix(".out")
        with out.open("wb") as printed:
            running = subprocess.Popen(
                ["bash", "--noprofile", "--norc", path],
                cwd=self.folder,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._beside.append(running)

        def said() -> bool:
            text = self.plain(out)
            if running.poll() is not None and until not in text:
                raise DocumentError(f"it ended with {running.returncode} and said:\n{text}")
            return until in text

        wait_until(said, f"{code.strip()!r} says {until!r}", timeout)

    def end_what_stays(self) -> None:
        """Ctrl-C, last one first; what doesn't end in peace is an error."""
        while self._beside:
            running = self._beside.pop()
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGINT)
            try:
                code = running.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)
                running.wait(10)
                raise
            if code not in {0, 130, -signal.SIGINT}:
                raise DocumentError(f"what stayed ended with {code} at Ctrl-C")
