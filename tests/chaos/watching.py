"""Looked at while a desk is attacked: who is called, and how much memory each process takes."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.measure import resident_mib

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chaos.harness import Attack


@dataclass
class Listener:
    """A server on this machine that hostile files point at; counts who comes."""

    connections: list[Any] = field(default_factory=list)
    _socket: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def listen(self) -> None:
        """Accept until it is closed."""
        with contextlib.suppress(OSError):
            while True:
                connection, address = self._socket.accept()
                connection.close()
                self.connections.append(address)

    def close(self) -> None:
        # Wakes up the thread that accepts, which closing alone doesn't.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@contextlib.contextmanager
def listening() -> Iterator[Listener]:
    listener = Listener()
    thread = threading.Thread(target=listener.listen, daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        listener.close()
        thread.join(10)


@dataclass
class Watch:
    """The peak memory of each process of the desk, looked at all the time."""

    attack: Attack
    peaks: dict[int, tuple[str, float]] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        """Until it is over, every twentieth of a second: a peak stays in the kernel's books."""
        while not self._over.wait(0.05):
            for name, child in list(self.attack.desk.children.items()):
                self._note(name, child.process.pid)
                for reader in children(child.process.pid):
                    self._note("reader", reader)

    def stop(self) -> None:
        self._over.set()

    def most(self, name: str) -> float:
        """MiB of the largest process of this name."""
        return max((peak for found, peak in self.peaks.values() if found == name), default=0.0)

    def _note(self, name: str, pid: int) -> None:
        peak = resident_mib(pid)
        if peak is not None:
            self.peaks[pid] = (name, peak)


def children(pid: int) -> list[int]:
    """The processes that ``pid`` started and that still run."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(each) for each in task.read_text().split()]
    return found


@contextlib.contextmanager
def watched(attack: Attack) -> Iterator[Watch]:
    watch = Watch(attack)
    thread = threading.Thread(target=watch.look, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        watch.stop()
        thread.join(10)
