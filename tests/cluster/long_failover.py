"""A desk over Sentinel and over a Redis Cluster, whose master is killed under load.

What asynchronous replication loses with a master, the folder brings back.  Run by ``python -m
tests.cluster.run``; the short versions are ``test_partitions`` and ``test_sentinel``.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.chaos.conserved import assert_conserved
from tests.chaos.harness import attacked
from tests.chaos.wire import Wire
from tests.cluster.nodes import Cluster, Node, Watched, cluster, watched
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.chaos.harness import Attack

DROPPED = 15
"""Articles before the master is killed, and again after it: some are in every stage then."""


@contextmanager
def killed_under_load(servers: Cluster | Watched, folder: Path) -> Iterator[Attack]:
    """A desk over ``servers`` whose master has died while articles were on their way."""
    folder.mkdir()
    with attacked(folder, url=servers.url) as attack:
        wire = Wire(servers.nodes[0].port)
        attack.drop(*(wire.article() for _ in range(DROPPED)))
        attack.run_until(lambda: bool(attack.receipts()), "the first receipt")
        attack.drop(*(wire.article() for _ in range(DROPPED)))
        servers.master().kill()
        attack.settle()
        yield attack


@pytest.mark.chaos
def test_a_cluster_whose_master_is_killed_under_load(tmp_path: Path) -> None:
    with cluster(tmp_path / "nodes") as nodes:
        before = nodes.master()
        with killed_under_load(nodes, tmp_path / "desk") as attack:
            assert_conserved(attack, emptied=True)
            assert attack.dead() == [], "a failover is nobody's fault"
            assert nodes.master() is not before
            assert not any(attack.deaths.values())


@pytest.mark.chaos
def test_sentinels_whose_master_is_killed_under_load(tmp_path: Path) -> None:
    with watched(tmp_path / "nodes") as servers:
        before = servers.master()
        with killed_under_load(servers, tmp_path / "desk") as attack:
            assert_conserved(attack, emptied=True)
            assert attack.dead() == []
            assert servers.master() is not before


def _changed(servers: Cluster | Watched, before: Node) -> None:
    wait_until(lambda: servers.master() is not before, "the replica is the master")


ROUNDS = 3
"""Masters that are killed one after the other; each comes back as a replica."""


@pytest.mark.chaos
def test_a_cluster_whose_masters_are_killed_one_after_the_other(tmp_path: Path) -> None:
    folder = tmp_path / "desk"
    folder.mkdir()
    with cluster(tmp_path / "nodes") as nodes, attacked(folder, url=nodes.url) as attack:
        wire = Wire(23)
        for _ in range(ROUNDS):
            attack.drop(*(wire.article() for _ in range(DROPPED)))
            attack.run_until(lambda: bool(attack.receipts()), "something is done")
            dead = nodes.master()
            dead.kill()
            attack.settle()
            dead.start()
            wait_until(nodes.whole, "it is back as a replica")
        assert_conserved(attack, emptied=True)
        assert attack.dead() == []


@pytest.mark.chaos
def test_a_change_of_masters_in_peace_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    """CLUSTER FAILOVER: the replica has everything before it takes over."""
    folder = tmp_path / "desk"
    folder.mkdir()
    with cluster(tmp_path / "nodes") as nodes, attacked(folder, url=nodes.url) as attack:
        wire = Wire(29)
        for _ in range(ROUNDS):
            attack.drop(*(wire.article() for _ in range(DROPPED)))
            attack.run_until(lambda: bool(attack.receipts()), "something is done")
            before = nodes.master()
            nodes.replica_of(before).ask("CLUSTER", "FAILOVER")
            _changed(nodes, before)
            attack.settle()
        assert_conserved(attack)
        assert attack.dead() == []


@pytest.mark.chaos
def test_a_slot_that_moves_to_another_node_takes_the_desk_along(tmp_path: Path) -> None:
    """Key by key, as every server can: until the last one is over, the desk waits."""
    folder = tmp_path / "desk"
    folder.mkdir()
    with cluster(tmp_path / "nodes") as nodes, attacked(folder, url=nodes.url) as attack:
        wire = Wire(31)
        attack.drop(*(wire.article() for _ in range(DROPPED)))
        attack.run_until(lambda: bool(attack.receipts()), "something is done")
        attack.drop(*(wire.article() for _ in range(DROPPED)))
        before = nodes.master()
        nodes.move("news")
        assert nodes.master() is not before
        attack.settle()
        assert_conserved(attack)
        assert attack.dead() == []


@pytest.mark.chaos
def test_sentinels_that_change_the_master_in_peace(tmp_path: Path) -> None:
    """SENTINEL FAILOVER waits for nobody: what the replica hasn't got is lost, and comes again."""
    folder = tmp_path / "desk"
    folder.mkdir()
    with watched(tmp_path / "nodes") as servers, attacked(folder, url=servers.url) as attack:
        wire = Wire(37)
        attack.drop(*(wire.article() for _ in range(DROPPED)))
        attack.run_until(lambda: bool(attack.receipts()), "something is done")
        before = servers.master()
        servers.sentinels[0].ask("SENTINEL", "FAILOVER", servers.MASTER)
        _changed(servers, before)
        attack.drop(*(wire.article() for _ in range(DROPPED)))
        attack.settle()
        assert_conserved(attack, emptied=True)
        assert attack.dead() == []
