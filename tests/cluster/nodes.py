"""Server processes on loopback: a Redis Cluster of three masters and replicas, and a Sentinel set.

They run from the binary that the desk itself would use, in memory, with short times: a cluster
stands in about two seconds, and a failover takes about as long.  Each process is tied to
ours, so that none outlives a test that is killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from services.bus.seeking import slot_of
from services.bus.server import find_program, tied
from tests.servers import free_port
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PASSWORD = "loopback"  # noqa: S105  (of processes that live as long as a test)
MASTERS = 3
SLOTS = 16384
USERS = Path(__file__).parents[2] / "deploy" / "acl" / "users.acl"
NODE_TIMEOUT_MS = 1000
"""Milliseconds without an answer after which a node is taken for dead. A machine with many
tests at once may keep a process from running for some hundreds."""


def with_passwords(users: str) -> str:
    """The users of an ACL file with the test's password each, and one more that may do anything."""
    lines = [each for each in users.splitlines() if each]
    given = [f"{each} >{PASSWORD}" for each in lines if not each.startswith("user default ")]
    closed = [each for each in lines if each.startswith("user default ")]
    return "\n".join([*closed, *given, f"user admin on >{PASSWORD} ~* &* +@all"]) + "\n"


def under(url: str, user: str) -> str:
    """A server's URL for one of its users."""
    return url.replace(f"://:{PASSWORD}@", f"://{user}:{PASSWORD}@")


@dataclass
class Node:
    """One server process; ``lines`` of its configuration beside what all have.

    ``users``: those of deploy/acl instead of one password for all.
    """

    folder: Path
    lines: Sequence[str] = ()
    port: int = field(default_factory=free_port)
    sentinel: bool = False
    users: bool = False
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "server.conf"
        if not config.exists():
            # A sentinel and a cluster's node keep what they know there and beside it.
            config.write_text("\n".join([*self._common(), *self.lines]) + "\n")
        command = [str(find_program()), str(config), *(["--sentinel"] if self.sentinel else [])]
        with (self.folder / "server.log").open("ab") as out:
            self.process = subprocess.Popen(
                tied(command), stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )
        wait_until(self.answers, f"the server on port {self.port}")

    def _common(self) -> list[str]:
        lines = ["bind 127.0.0.1", f"port {self.port}", f'dir "{self.folder}"', "daemonize no"]
        if self.sentinel:
            return lines
        return [
            *lines,
            "maxmemory-policy noeviction",
            'save ""',
            *self._login(),
            "repl-diskless-sync yes",
            "repl-diskless-sync-delay 0",
            "repl-ping-replica-period 1",
        ]

    def _login(self) -> list[str]:
        """Everybody with one password; or the users of deploy/acl, each with that password."""
        if not self.users:
            return [f"requirepass {PASSWORD}", f"masterauth {PASSWORD}"]
        file = self.folder / "users.acl"
        file.write_text(with_passwords(USERS.read_text()))
        return [f"aclfile {file}", "masteruser replica", f"masterauth {PASSWORD}"]

    def client(self, user: str | None = None) -> Redis:
        """A client of this one process, without retries."""
        password = None if self.sentinel else PASSWORD
        name = user or ("admin" if self.users else None)
        retry = Retry(NoBackoff(), 0)
        login: dict[str, Any] = {"username": name, "password": password}
        return Redis(port=self.port, socket_timeout=2, retry=retry, driver_info=None, **login)

    def ask(self, *words: Any) -> Any:
        """One command's answer."""
        with self.client() as redis:
            return redis.execute_command(*words)

    def answers(self) -> bool:
        """Whether it takes commands."""
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "server.log").read_text()
        with suppress(RedisError, OSError):
            return bool(self.ask("PING"))
        return False

    @property
    def url(self) -> str:
        """The URL of this one server."""
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send it a signal; after SIGKILL it is gone."""
        assert self.process is not None
        os.kill(self.process.pid, number)
        if number is signal.SIGKILL:
            self.process.wait()

    def stop(self) -> None:
        """End it, in whatever state it is."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def role(self) -> str:
        """``master`` or ``slave``."""
        return str(self.ask("ROLE")[0].decode())

    def linked(self) -> bool:
        """Whether it is a replica that has all that its master had when it came."""
        told = self.ask("ROLE")
        return bool(told[0] == b"slave" and told[3] == b"connected")


class Cluster:
    """A Redis Cluster: ``nodes`` are three masters, then a replica of each."""

    def __init__(self, folder: Path, *, users: bool = False) -> None:
        """``users``: those of deploy/acl instead of one password for all."""
        self.nodes = [
            Node(folder / f"node-{n}", self._lines(), users=users) for n in range(2 * MASTERS)
        ]

    @staticmethod
    def _lines() -> list[str]:
        return [
            "cluster-enabled yes",
            "cluster-config-file nodes.conf",
            f"cluster-node-timeout {NODE_TIMEOUT_MS}",
            f"cluster-port {free_port()}",
            "cluster-replica-validity-factor 0",
            "cluster-allow-replica-migration no",
        ]

    @property
    def url(self) -> str:
        """The desk's URL for it: two of the nodes, the others are found."""
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes[:2])
        return f"redis+cluster://:{PASSWORD}@{hosts}"

    def start(self) -> None:
        """Start the nodes and make a cluster of them."""
        for node in self.nodes:
            node.start()
        masters = self.nodes[:MASTERS]
        share = SLOTS // MASTERS
        for n, node in enumerate(masters):
            last = SLOTS - 1 if n == MASTERS - 1 else (n + 1) * share - 1
            node.ask("CLUSTER", "ADDSLOTSRANGE", n * share, last)
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", n + 1)
        for node in self.nodes[1:]:
            bus = node.lines[3].split()[1]
            self.nodes[0].ask("CLUSTER", "MEET", "127.0.0.1", node.port, bus)
        wait_until(self._met, "the nodes know each other")
        for master, replica in zip(masters, self.nodes[MASTERS:], strict=True):
            replica.ask("CLUSTER", "REPLICATE", master.ask("CLUSTER", "MYID"))
        wait_until(self.whole, "the cluster is whole")

    def _met(self) -> bool:
        known = [node.ask("CLUSTER", "NODES").decode().splitlines() for node in self.nodes]
        return all(len(rows) == len(self.nodes) for rows in known) and not any(
            "handshake" in row or "noaddr" in row for rows in known for row in rows
        )

    def whole(self) -> bool:
        """Whether all slots are served, and all that are no masters follow one."""
        alive = [node for node in self.nodes if node.process and node.process.poll() is None]
        with suppress(RedisError, OSError):
            states = [node.ask("CLUSTER", "INFO") for node in alive]
            replicas = [node for node in alive if node.role() == "slave"]
            served = all(b"cluster_state:ok" in state for state in states)
            return served and all(replica.linked() for replica in replicas)
        return False

    def master(self, tag: str = "news") -> Node:
        """The node that serves a hash tag's slot now."""
        slot = slot_of(tag)
        for node in self.nodes:
            with suppress(RedisError, OSError):
                for first, last, master, *_replicas in node.ask("CLUSTER", "SLOTS"):
                    if first <= slot <= last:
                        return next(each for each in self.nodes if each.port == master[1])
        raise AssertionError(f"no node serves {tag}")

    def replica_of(self, master: Node) -> Node:
        """The node that follows a master."""
        for node in self.nodes:
            told = node.ask("ROLE")
            if told[0] == b"slave" and told[2] == master.port:
                return node
        raise AssertionError("nobody follows it")

    def move(self, tag: str) -> None:
        """Move a hash tag's slot to another master, key by key."""
        slot, source = slot_of(tag), self.master(tag)
        masters = [node for node in self.nodes if node.role() == "master"]
        target = next(node for node in masters if node is not source)
        ids = {node.port: node.ask("CLUSTER", "MYID") for node in (source, target)}
        target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source.port])
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target.port])
        login = ("AUTH2", "admin" if source.users else "default", PASSWORD)
        while keys := source.ask("CLUSTER", "GETKEYSINSLOT", slot, 10):
            to = ("127.0.0.1", target.port, "", 0, 5000)
            source.ask("MIGRATE", *to, *login, "KEYS", *keys)
        for node in (target, source, *masters):
            node.ask("CLUSTER", "SETSLOT", slot, "NODE", ids[target.port])
        wait_until(lambda: self.master(tag) is target, "the slot has moved")

    def stop(self) -> None:
        """End all nodes."""
        for node in self.nodes:
            node.stop()


class Watched:
    """A master and a replica, watched by three sentinels."""

    MASTER = "desk"

    def __init__(self, folder: Path) -> None:
        self.nodes = [Node(folder / "one", ())]
        replica = f"replicaof 127.0.0.1 {self.nodes[0].port}"
        self.nodes.append(Node(folder / "two", (replica,)))
        ports, ids = [free_port() for _ in range(3)], [f"{n:040x}" for n in range(1, 4)]
        self.sentinels = [
            Node(folder / f"sentinel-{n}", self._watching(n, ports, ids), port, sentinel=True)
            for n, port in enumerate(ports)
        ]

    def _watching(self, mine: int, ports: Sequence[int], ids: Sequence[str]) -> list[str]:
        """Its configuration as it would have written it: they find each other within seconds."""
        known = [
            f"sentinel known-sentinel {self.MASTER} 127.0.0.1 {port} {name}"
            for n, (port, name) in enumerate(zip(ports, ids, strict=True))
            if n != mine
        ]
        return [
            f"sentinel myid {ids[mine]}",
            f"sentinel monitor {self.MASTER} 127.0.0.1 {self.nodes[0].port} 2",
            f"sentinel auth-pass {self.MASTER} {PASSWORD}",
            f"sentinel down-after-milliseconds {self.MASTER} {NODE_TIMEOUT_MS}",
            f"sentinel failover-timeout {self.MASTER} 3000",
            f"sentinel parallel-syncs {self.MASTER} 1",
            f"sentinel known-replica {self.MASTER} 127.0.0.1 {self.nodes[1].port}",
            *known,
        ]

    @property
    def url(self) -> str:
        """The desk's URL for it."""
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.sentinels)
        return f"redis+sentinel://:{PASSWORD}@{hosts}/{self.MASTER}/0"

    def start(self) -> None:
        """Start the servers and the sentinels; return when these know each other."""
        for node in self.nodes:
            node.start()
        wait_until(self.nodes[1].linked, "the replica follows")
        for sentinel in self.sentinels:
            sentinel.start()
        wait_until(self.whole, "the sentinels know all")

    def whole(self) -> bool:
        """Whether every sentinel knows the others and the replica."""
        with suppress(RedisError, OSError):
            return all(
                len(node.ask("SENTINEL", "SENTINELS", self.MASTER)) == len(self.sentinels) - 1
                and self._follower(node)
                for node in self.sentinels
            )
        return False

    def _follower(self, sentinel: Node) -> bool:
        rows = sentinel.ask("SENTINEL", "REPLICAS", self.MASTER)
        return any(row[b"flags"] == b"slave" for row in rows)

    def master(self) -> Node:
        """The master that the sentinels name now."""
        told = self.sentinels[0].ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.MASTER)
        return next(node for node in self.nodes if node.port == int(told[1]))

    def stop(self) -> None:
        """End all processes."""
        for node in (*self.sentinels, *self.nodes):
            node.stop()


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """A Redis Cluster as long as the context lasts."""
    running = Cluster(folder)
    try:
        running.start()
        yield running
    finally:
        running.stop()


@contextmanager
def watched(folder: Path) -> Iterator[Watched]:
    """A Sentinel set as long as the context lasts."""
    running = Watched(folder)
    try:
        running.start()
        yield running
    finally:
        running.stop()
