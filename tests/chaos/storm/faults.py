"""The faults: each is begun, and most are ended."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from services.bus.keys import STREAMS, is_ours
from tests.chaos.harness import quick_client
from tests.chaos.proxy import Weather
from tests.chaos.storm.schedule import RELEASES, WORKERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis import Redis

    from services.bus.keys import Keys
    from tests.chaos.storm.field import Field
    from tests.chaos.storm.schedule import Planned

    End = Callable[[], object]
    """Puts right what a fault has put wrong; may be called once only."""

WEATHERS = {
    "refuse": Weather(refusing=True),
    "latency": Weather(latency=0.05, jitter=0.1),
    "narrow": Weather(bandwidth=100_000),
    "deaf": Weather(deaf=True),
    "swallow-up": Weather(swallowed=frozenset({"up"})),
    "swallow-down": Weather(swallowed=frozenset({"down"})),
    "hold-up": Weather(held=frozenset({"up"})),
    "hold-down": Weather(held=frozenset({"down"})),
}
BY_NAME = {stream.name: stream for stream in STREAMS}
TAKEN = 5
"""Messages that a ghost takes with it."""

MOST_LOST = 200_000
"""Bytes that a power cut takes off the server's log: about a second's, at 40 articles."""


def begin(field: Field, fault: Planned) -> End | None:
    """Let a fault begin; what ends it. Raises redis-py's errors while the server doesn't answer."""
    if fault.kind in WEATHERS:
        return _weather(field, WEATHERS[fault.kind])
    begun: Callable[[Field, Planned], End | None] = _BEGIN[fault.kind]
    return begun(field, fault)


def _weather(field: Field, weather: Weather) -> End:
    field.proxy.begin(weather)
    return lambda: field.proxy.end(weather)


def _kill(field: Field, fault: Planned) -> None:
    field.send(fault.victim, signal.SIGKILL)


def _end(field: Field, fault: Planned) -> None:
    field.send(fault.victim, signal.SIGTERM)


def _stop(field: Field, fault: Planned) -> End:
    return _freeze(field, [fault.victim])


def _slow(field: Field, fault: Planned) -> End:
    return _freeze(field, [name for name in WORKERS if field.stage_of(name) == fault.victim])


def _freeze(field: Field, names: list[str]) -> End:
    pids = [field.pid(name) for name in names]
    for name in names:
        field.send(name, signal.SIGSTOP)
    return lambda: _wake(pids)


def _wake(pids: list[int]) -> None:
    for pid in pids:
        # It may have been killed meanwhile, and its successor runs.
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _release(field: Field, fault: Planned) -> None:
    field.rerun(fault.victim, RELEASES[fault.number % len(RELEASES)])


def _server_kill(field: Field, _fault: Planned) -> None:
    field.kill_server()


def _server_stop(field: Field, _fault: Planned) -> End:
    pid = field.server_pid()
    os.kill(pid, signal.SIGSTOP)
    return lambda: _wake([pid])


def _power_cut(field: Field, fault: Planned) -> None:
    field.cut_power(fault.number % MOST_LOST)


def _cut(field: Field, _fault: Planned) -> None:
    field.proxy.cut()


def _full(field: Field, _fault: Planned) -> End:
    _configure(field, "1")
    return lambda: _configure(field, "0")


def _configure(field: Field, maxmemory: str) -> None:
    with quick_client(field.url) as redis:
        redis.config_set("maxmemory", maxmemory)


def _flush(field: Field, _fault: Planned) -> None:
    with quick_client(field.url) as redis:
        redis.flushall()


def _stream(field: Field, fault: Planned) -> None:
    with quick_client(field.url) as redis:
        redis.delete(_hit(field, fault).stream(BY_NAME[fault.victim]))


def _group(field: Field, fault: Planned) -> None:
    key = _hit(field, fault).stream(BY_NAME[fault.victim])
    with quick_client(field.url) as redis:
        for group in our_groups(redis, key):
            redis.xgroup_destroy(key, group)


def _ghost(field: Field, fault: Planned) -> None:
    key = _hit(field, fault).stream(BY_NAME[fault.victim])
    with quick_client(field.url) as redis:
        for group in our_groups(redis, key):
            redis.xreadgroup(group, f"ghost-{fault.number}", {key: ">"}, TAKEN)


def _hit(field: Field, fault: Planned) -> Keys:
    """The partition that a fault hits: one after the other."""
    return field.keys.at(fault.number % field.keys.partitions)


def our_groups(redis: Redis, key: str) -> list[str]:
    """The groups of ours on a stream; none where a server that forgot has it no more."""
    if not redis.exists(key):
        return []
    found: Any = redis.xinfo_groups(key)
    names = [group["name"].decode() for group in found]
    return [name for name in names if is_ours(name)]


_BEGIN: dict[str, Callable[[Field, Planned], Any]] = {
    "kill": _kill,
    "end": _end,
    "stop": _stop,
    "slow": _slow,
    "release": _release,
    "ghost": _ghost,
    "server-kill": _server_kill,
    "server-stop": _server_stop,
    "power-cut": _power_cut,
    "full": _full,
    "group": _group,
    "stream": _stream,
    "flush": _flush,
    "cut": _cut,
}
