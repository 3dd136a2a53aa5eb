"""What a desk holds while it works: streams, memory of each process and of the server, the folder.

Looked at all the time from a thread; the most of each is kept.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from redis.exceptions import RedisError

from services.bus.keys import ENRICHMENT, INDEXER, STREAMS
from tests.bench.measure import resident_mib
from tests.chaos.harness import KEYS, quick_client
from tests.chaos.watching import children

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.console.supervisor import Desk

LOOK_EVERY = 0.1
"""Seconds between two looks: a stream that overflows does so for longer."""

MIB = 1024 * 1024


@dataclass
class Bounds:
    """``most``: the highest value of each thing that was seen; ``now``: the last."""

    desk: Desk
    most: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    now: dict[str, float] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Look until told to stop."""
        while not self._over.wait(LOOK_EVERY):
            self.look()

    def look(self) -> None:
        """One look at everything."""
        with suppress(RedisError, OSError):
            self.now = {**self._streams(), **self._memory(), "inbox files": self._files()}
            for name, value in self.now.items():
                self.most[name] = max(self.most[name], value)

    def stop(self) -> None:
        self._over.set()

    def _streams(self) -> dict[str, float]:
        """Length of each stream; what waits for a stage and what it has in hand; bytes in all."""
        assert self.desk.server is not None
        found: dict[str, float] = {}
        with quick_client(self.desk.server.url) as redis:
            for stream in STREAMS:
                found[f"{stream.name} entries"] = float(
                    cast("int", redis.xlen(KEYS.stream(stream)))
                )
            for spec in (ENRICHMENT, INDEXER):
                groups = cast("Any", redis.xinfo_groups(KEYS.stream(spec.reads)))
                for group in groups:
                    if group["name"].decode() == spec.group:
                        found[f"{spec.name} waiting"] = (group["lag"] or 0) + group["pending"]
            memory = cast("Any", redis.info("memory"))
            found["server MiB used"] = memory["used_memory"] / MIB
        return found

    def _memory(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for name, child in list(self.desk.children.items()):
            found[f"{name} MiB"] = resident_mib(child.process.pid, "VmRSS") or 0.0
            for reader in children(child.process.pid):
                size = resident_mib(reader, "VmRSS") or 0.0
                found["reader MiB"] = max(size, found.get("reader MiB", 0.0))
        return found

    def _files(self) -> float:
        # Told by their names: to ask for 50,000 files' kinds would be work of its own.
        return float(sum("." in path.name[1:] for path in self.desk.settings.inbox.iterdir()))


@contextmanager
def bounded(desk: Desk) -> Iterator[Bounds]:
    """Looks at ``desk`` for as long as the context lasts."""
    bounds = Bounds(desk)
    thread = threading.Thread(target=bounds.watch, daemon=True)
    thread.start()
    try:
        yield bounds
    finally:
        bounds.stop()
        thread.join(10)
