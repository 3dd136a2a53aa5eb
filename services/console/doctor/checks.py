"""What a check is, and what it is given to look at."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from services.bus.keys import Keys
from services.console.doctor.findings import Finding

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from services.settings import Settings

SECONDS = 8.0
"""That one check may take: above the 5 s after which a silent server is given up, and the whole
stays under 10 s since all run at once."""


@dataclass(frozen=True)
class Surroundings:
    """Everything outside that checks look at; tests replace single parts.

    ``environ``: the environment variables.  ``now``: seconds since 1970.  ``space``: what
    ``os.statvfs`` says.  ``mounts``: the kernel's table of what is mounted where.
    """

    settings: Settings
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    now: Callable[[], float] = time.time
    space: Callable[[Path], os.statvfs_result] = os.statvfs
    mounts: Path = Path("/proc/self/mountinfo")


@dataclass(frozen=True)
class Server:
    """A server that answers, and what it said of itself (``INFO``)."""

    url: str
    redis: Redis
    scene: Surroundings
    info: Mapping[str, Any]
    ping_seconds: float
    partition: int = 0

    @property
    def settings(self) -> Settings:
        """The settings of the desk."""
        return self.scene.settings

    @cached_property
    def keys(self) -> Keys:
        """The keys of the partition that is looked at; home unless said."""
        return Keys.of(self.settings).at(self.partition)

    def at(self, partition: int) -> Server:
        """The same server, to look at another partition."""
        return replace(self, partition=partition)


Look: TypeAlias = Callable[[Surroundings], Finding]
ServerLook: TypeAlias = Callable[[Server], Awaitable[Finding]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check. All but ``name`` and ``seconds`` is what docs/doctor.md says of it.

    ``name``: its area, a dot and itself.  ``limits``: when it warns and when it fails.
    ``why``: what goes wrong where it isn't ok.  ``seconds``: after that it counts as unknown.
    """

    name: str
    looks_at: str
    limits: str
    why: str
    seconds: float = SECONDS

    @property
    def area(self) -> str:
        """The part of the desk that it is about."""
        return self.name.partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalCheck(Check):
    """Looks at this machine. Runs in a thread, may block."""

    look: Look


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCheck(Check):
    """Asks the server."""

    look: ServerLook
