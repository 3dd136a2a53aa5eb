"""A desk over Sentinel and over a Redis Cluster, whose master is killed under load.

What asynchronous replication loses with a master, the folder brings back.  The short version:
``python -m tests.cluster.run`` does it again and again, and moves slots.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.chaos.conserved import assert_conserved
from tests.chaos.harness import attacked
from tests.chaos.wire import Wire
from tests.cluster.nodes import Cluster, Watched, cluster, watched

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
