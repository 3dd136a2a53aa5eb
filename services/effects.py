"""Numbered side effects: where a test may stop a process.

Each thing that a service does to the world outside its memory (a commit, a
rename, a script on Redis) is announced by :func:`effect` just before it
happens.  In production the call is one comparison.  The chaos tests set
``WIREDESK_KILL_AT=n``, and the process sends itself SIGKILL before its n-th
effect: sweeping n over all of them covers every state a crash can leave.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class EffectLog:
    """Counts the effects of this process; kills it at one of them if asked."""

    kill_at: int | None = None
    record: Path | None = None
    count: int = field(default=0, init=False)

    def note(self, name: str) -> None:
        """Announce the effect ``name``; does not return if it is the one to die at."""
        self.count += 1
        if self.record is not None:
            with self.record.open("a", encoding="utf-8") as out:
                out.write(f"{self.count} {name}\n")
        if self.count == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def spared(self, number: int) -> int:
        """How many of the next ``number`` effects happen before the one to die at, if it is one."""
        if self.kill_at is None or self.kill_at <= self.count:
            return number
        return min(number, self.kill_at - self.count - 1)


_active: list[EffectLog] = []


def arm(environ: dict[str, str] | None = None) -> None:
    """Read ``WIREDESK_KILL_AT`` and ``WIREDESK_EFFECT_LOG``; called once by a service's main."""
    env = dict(os.environ) if environ is None else environ
    kill_at = env.get("WIREDESK_KILL_AT")
    record = env.get("WIREDESK_EFFECT_LOG")
    _active.clear()
    if kill_at or record:
        _active.append(
            EffectLog(
                kill_at=int(kill_at) if kill_at else None,
                record=Path(record) if record else None,
            )
        )


def effect(name: str) -> None:
    """Announce a side effect that is about to happen, e.g. ``ingest.archive.rename``."""
    if _active:
        _active[0].note(name)


def spared(number: int) -> int:
    """How many of the next ``number`` effects will happen: those before the one to die at, or all.

    For what sends several at once: a process that dies while it sends has sent the first ones.
    """
    return _active[0].spared(number) if _active else number
