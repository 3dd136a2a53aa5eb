"""Checks of the server: is it one, is it ours to use, does it keep what it is given."""

from __future__ import annotations

import asyncio
import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson
from redis.exceptions import RedisError

from services.bus.connect import without_password
from services.bus.keys import SCAN_COUNT
from services.bus.server import OLDEST
from services.bus.service import ALIVE_TTL
from services.console.doctor.checks import ServerCheck
from services.console.doctor.figures import bytes_of, share, time_of
from services.console.doctor.findings import (
    Finding,
    failure,
    graded,
    judged,
    merged,
    ok,
    unknown,
    warning,
)
from services.console.doctor.permissions import tried
from services.console.doctor.space import SPACE_LIMITS, space_of

if TYPE_CHECKING:
    from services.console.doctor.checks import Server

SLOW_PING = 0.05
"""Seconds: each article takes about ten round trips; at 50 ms that is two articles a second."""

FULL_WARN, FULL_FAIL = 0.75, 0.90
"""Share of the memory: an append-only file's rewrite copies what changes meanwhile, and above
nine tenths one long file fills the rest."""

SKEW_WARN, SKEW_FAIL = 2.0, 60.0
"""Seconds: NTP keeps hosts within 0.1 s. By two, latencies are wrong; by a minute, versions of a
story that are ordered by their receipt may be, too."""

ROUND_TRIPS = 3
"""Times asked for the clock: the quickest answer is the least wrong."""

CLIENTS_WARN, CLIENTS_FAIL = 0.8, 0.95
"""Share of the connections that the server allows."""


async def _reachable(server: Server) -> Finding:
    found = (
        f"{without_password(server.url)} answers in {server.ping_seconds * 1000:.1f} ms as "
        f"{server.info.get('role', 'a server')}"
    )
    if server.info.get("role") == "slave":
        return failure(
            f"{found}: a replica takes no writes",
            "point WIREDESK_REDIS_URL to the primary (INFO replication: "
            f"{server.info.get('master_host')}:{server.info.get('master_port')})",
        )
    if server.ping_seconds > SLOW_PING:
        return warning(found, "run Wiredesk nearer to the server, in the same data centre")
    return ok(found)


async def _version(server: Server) -> Finding:
    name = str(server.info.get("server_name") or "redis")
    own = str(server.info.get(f"{name}_version") or server.info.get("redis_version", "unknown"))
    # Valkey says which Redis it stands for: every release of it is Redis 7.2.4 or newer.
    speaks = str(server.info.get("redis_version", own))
    try:
        release = tuple(int(part) for part in speaks.split(".")[:2])
    except ValueError:
        return unknown(
            f"{name} {own}: no version that can be compared", "see that it is 7.0 or newer"
        )
    if release < OLDEST:
        return failure(
            f"{name} {own}: the scripts and XINFO's lag need Redis 7.0 or Valkey 7.2",
            "upgrade the server to Redis 7.0, Valkey 7.2 or newer",
        )
    return ok(f"{name} {own}")


async def _append_only(server: Server) -> Finding:
    info = server.info
    if "aof_enabled" not in info:
        return unknown("INFO persistence doesn't tell", "ask whoever runs the server: AOF on?")
    if not info["aof_enabled"]:
        return failure(
            "appendonly is off: a restart forgets events that subscribers have not read",
            "CONFIG SET appendonly yes, and `appendonly yes` in its configuration file",
        )
    return merged([await _fsync(server), *_last_writes(info)], "append-only file on")


async def _fsync(server: Server) -> Finding:
    try:
        policy = (await server.redis.config_get("appendfsync")).get("appendfsync")
    except RedisError:
        return ok("append-only file on; appendfsync not told (CONFIG is forbidden)")
    if policy == "no":
        return warning(
            "append-only file on, appendfsync no: a power cut loses about 30 s",
            "CONFIG SET appendfsync everysec",
        )
    return ok(f"append-only file on, appendfsync {policy}")


def _last_writes(info: Any) -> list[Finding]:
    """What INFO says of the last write and of the last rewrite, where one failed."""
    broken = {
        "aof_last_write_status": "the last write to the append-only file failed: it refuses writes",
        "aof_last_bgrewrite_status": "the last rewrite of the append-only file failed: it grows on",
    }
    advice = "look into the server's log, and free disk where its folder is (CONFIG GET dir)"
    return [failure(said, advice) for name, said in broken.items() if info.get(name, "ok") != "ok"]


async def _eviction(server: Server) -> Finding:
    policy = server.info.get("maxmemory_policy")
    if policy is None:
        return unknown("INFO memory doesn't tell", "ask whoever runs the server: noeviction?")
    if policy != "noeviction":
        return failure(
            f"maxmemory-policy {policy}: a full server drops streams without a word",
            "CONFIG SET maxmemory-policy noeviction, and in its configuration file",
        )
    return ok("maxmemory-policy noeviction: a full server refuses writes, and the desk waits")


async def _memory(server: Server) -> Finding:
    used = int(server.info.get("used_memory", 0))
    limit = int(server.info.get("maxmemory", 0))
    whole = limit or int(server.info.get("total_system_memory", 0))
    if not whole:
        return unknown(
            f"{bytes_of(used)} used; neither maxmemory nor the machine's memory is told",
            "set maxmemory, so that a full server refuses writes before the machine is out of it",
        )
    name = "maxmemory" if limit else "the machine's memory (no maxmemory)"
    found = f"{bytes_of(used)} used, {share(used, whole)} of {name}, {bytes_of(whole)}"
    return judged(
        graded(used / whole, FULL_WARN, FULL_FAIL),
        found,
        "give the server more memory (CONFIG SET maxmemory BYTES), or keep less: "
        "WIREDESK_RETAIN_ENRICHED, WIREDESK_RETAIN_OUTCOMES, WIREDESK_INDEX_ENTRIES, "
        "WIREDESK_RAW_BACKLOG; see docs/retention.md",
    )


async def _clients(server: Server) -> Finding:
    connected = int(server.info.get("connected_clients", 0))
    most = int(server.info.get("maxclients", 0))
    if not most:
        return unknown(f"{connected} connections; maxclients isn't told", "see that it is enough")
    return judged(
        graded(connected / most, CLIENTS_WARN, CLIENTS_FAIL),
        f"{connected} of {most} connections in use",
        "CONFIG SET maxclients MORE; CLIENT LIST tells whose they are",
    )


# --- clocks -----------------------------------------------------------------------------------
async def _clock(server: Server) -> Finding:
    offset, uncertain = await _offset(server)
    findings = [_skewed("the server", offset, uncertain)]
    hosts = await _hosts(server)
    findings += [_skewed(f"worker host {host}", hosts[host], uncertain) for host in sorted(hosts)]
    return merged(findings, "")


async def _offset(server: Server) -> tuple[float, float]:
    """Seconds that the server is ahead of us, and how far that may be wrong."""
    tries = []
    for _ in range(ROUND_TRIPS):
        before = server.scene.now()
        seconds, microseconds = await server.redis.time()
        after = server.scene.now()
        trip = abs(after - before)
        tries.append((trip, int(seconds) + int(microseconds) / 1e6 - (before + after) / 2))
    trip, offset = min(tries)
    return offset, trip / 2


async def _hosts(server: Server) -> dict[str, float]:
    """Seconds that each worker's host is ahead of us, by its last sign of life.

    The sign tells its worker's time; what is left of its life tells when the server got it.
    """
    found = {}
    pattern = server.keys.alive_pattern()
    async for key in server.redis.scan_iter(match=pattern, count=SCAN_COUNT):
        async with server.redis.pipeline(transaction=True) as pipe:
            pipe.get(key)
            pipe.pttl(key)
            sign, left = await pipe.execute()
        if sign is None or left < 0:
            continue
        known = orjson.loads(sign)
        got = server.scene.now() - (ALIVE_TTL - left / 1000)
        if "time" in known:  # workers of older releases don't tell
            found[str(known["host"])] = float(known["time"]) - got
    return found


def _skewed(whose: str, offset: float, uncertain: float) -> Finding:
    direction = "ahead of" if offset >= 0 else "behind"
    found = f"{whose} is {time_of(abs(offset))} {direction} this clock (± {uncertain:.3f} s)"
    state = graded(abs(offset), SKEW_WARN, SKEW_FAIL)
    return judged(state, found, "set both clocks by NTP: timedatectl set-ntp true")


# --- the server's disk ------------------------------------------------------------------------
async def _disk(server: Server) -> Finding:
    """Where the server's append-only file grows, as far as it is on this machine."""
    host = urlsplit(server.url).hostname or ""
    if not _is_here(host):
        return ok(f"{host} is another machine: look there")
    try:
        folder = (await server.redis.config_get("dir")).get("dir")
    except RedisError:
        return ok("its folder isn't told (CONFIG is forbidden); whoever runs it looks after it")
    if not folder or not await asyncio.to_thread(Path(folder).is_dir):
        return ok(f"its folder {folder} isn't on this machine's file system (a container?)")
    # A rewrite of the append-only file writes a second one beside it.
    needs = int(server.info.get("aof_current_size", 0))
    return await asyncio.to_thread(
        space_of, "the server's folder", Path(folder), server.scene.space, needs
    )


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


CHECKS = (
    ServerCheck(
        name="server.reachable",
        looks_at="whether the server of WIREDESK_REDIS_URL (else the embedded one) answers, "
        "takes the login, is no replica, and how quickly it answers",
        limits=f"fails without an answer, or on a replica; warns above {SLOW_PING * 1000:g} ms",
        why="Without a server nothing moves; files wait in the inbox.",
        look=_reachable,
    ),
    ServerCheck(
        name="server.version",
        looks_at="the server's version",
        limits="fails below Redis 7.0 and Valkey 7.2",
        why="Older servers lack what the scripts need; articles would stop half-way.",
        look=_version,
    ),
    ServerCheck(
        name="server.permissions",
        looks_at="every command that Wiredesk uses, tried on a key of its own that is removed "
        "again",
        limits="fails where one is refused (ACL, full memory, failed save)",
        why="A command that is refused in the middle of the night stops a stage.",
        look=tried,
    ),
    ServerCheck(
        name="server.persistence",
        looks_at="append-only file: on, how often synced, last write, last rewrite",
        limits="fails where it is off or its last write or rewrite failed; warns with "
        "appendfsync no",
        why="The inbox brings lost articles back, but events that subscribers had not read are "
        "gone.",
        look=_append_only,
    ),
    ServerCheck(
        name="server.eviction",
        looks_at="maxmemory-policy",
        limits="fails unless noeviction",
        why="Other policies drop whole streams, groups and markers when memory is short.",
        look=_eviction,
    ),
    ServerCheck(
        name="server.memory",
        looks_at="memory used, of maxmemory or else of the machine",
        limits=f"warns at {FULL_WARN:.0%}, fails at {FULL_FAIL:.0%}",
        why="A full server refuses every write: all stages wait until there is room.",
        look=_memory,
    ),
    ServerCheck(
        name="server.clients",
        looks_at="connections in use, of maxclients",
        limits=f"warns at {CLIENTS_WARN:.0%}, fails at {CLIENTS_FAIL:.0%}",
        why="The next worker that starts, or comes back, is turned away.",
        look=_clients,
    ),
    ServerCheck(
        name="server.clock",
        looks_at="the server's clock and those of the workers' hosts, against this machine's",
        limits=f"warns at {SKEW_WARN:g} s, fails at {SKEW_FAIL:g} s",
        why="Entry ids are made of the server's time, articles and receipts of their hosts': "
        "latencies, ages and the order of versions are wrong by the difference.",
        look=_clock,
    ),
    ServerCheck(
        name="server.disk",
        looks_at="bytes and inodes free in the server's folder, where it is on this machine; as "
        "many bytes as its append-only file has are needed on top for a rewrite",
        limits=SPACE_LIMITS,
        why="A server that can't append refuses writes.",
        look=_disk,
    ),
)
