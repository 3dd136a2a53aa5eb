"""Freezing, ending, emptying, poisoning: at the end everything is accounted for."""

from __future__ import annotations

import random
import signal
import time
from typing import TYPE_CHECKING

import pytest
from redis.exceptions import RedisError

from services.bus.keys import ENRICHED_STREAM
from tests.chaos.conserved import assert_conserved, contents
from tests.chaos.forked import attacked
from tests.chaos.harness import about, quick_client
from tests.chaos.poisoned import CRASH, RAISE, SLOW
from tests.chaos.wire import Wire

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chaos.harness import Attack
    from tests.chaos.wire import Dropped

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(240)]

POISONED = {"enrichment": "tests.chaos.poisoned"}
TWO_WORKERS = {"enrichment": "tests.chaos.poisoned", "enrichment-2": "tests.chaos.poisoned"}


def enriched(attack: Attack) -> int:
    with quick_client(attack.url) as redis:
        return int(redis.xlen("{news}:enriched"))


def test_a_quiet_run_is_conserved(tmp_path: Path, run_seed: int) -> None:
    wire = Wire(run_seed)
    with attacked(tmp_path) as attack:
        first = [wire.article() for _ in range(20)]
        attack.drop(*first, wire.empty(), wire.binary())
        attack.settle()
        attack.drop(wire.again(first[0]))
        attack.settle()
        assert_conserved(attack)


def test_a_frozen_worker_that_wakes_up_adds_nothing(tmp_path: Path, run_seed: int) -> None:
    """SIGSTOP past the claim time while a batch is in work, then SIGCONT."""
    wire = Wire(run_seed)
    with attacked(tmp_path, TWO_WORKERS) as attack:
        attack.drop(*(wire.article(SLOW) for _ in range(24)))
        attack.run_until(lambda: enriched(attack) > 0, "work has begun")
        attack.send("enrichment", signal.SIGSTOP)
        # The other worker must do it all, the frozen one's batch after its claim time.
        attack.run_until(attack.settled, "the other worker took over")
        attack.send("enrichment", signal.SIGCONT)
        attack.drop(*(wire.article() for _ in range(8)))
        attack.settle()
        assert_conserved(attack)


@pytest.mark.parametrize("service", ["ingest", "enrichment", "indexer"])
def test_sigterm_in_mid_batch(service: str, tmp_path: Path, run_seed: int) -> None:
    wire = Wire(run_seed)
    with attacked(tmp_path, POISONED) as attack:
        for _ in range(2):
            attack.run_until(lambda: attack.ready(service), f"{service} works")
            before = enriched(attack)
            attack.drop(*(wire.article(SLOW) for _ in range(6)))
            attack.run_until(lambda seen=before: enriched(attack) > seen, "work has begun")  # type: ignore[misc]  # bound now
            ended = attack.desk.children[service].process
            attack.send(service, signal.SIGTERM)
            attack.run_until(lambda p=ended: p.poll() is not None, "it ended")  # type: ignore[misc]  # bound now
            assert ended.returncode == 0, "a stop in peace exits with 0"
        attack.settle()
        assert_conserved(attack)


@pytest.mark.parametrize("fsync", ["always", "everysec"])
def test_the_server_is_killed(fsync: str, tmp_path: Path, run_seed: int) -> None:
    """SIGKILL of the server in mid-stream; its append-only file brings everything back."""
    wire = Wire(run_seed)
    with attacked(tmp_path, POISONED, fsync=fsync) as attack:
        for _ in range(2):
            before = enriched(attack)
            attack.drop(*(wire.article(SLOW) for _ in range(12)))
            attack.run_until(lambda seen=before: enriched(attack) > seen, "work has begun")  # type: ignore[misc]  # bound now
            attack.kill_server()
            attack.run_until(lambda: ping(attack), "the server is back")
        attack.settle()
        assert_conserved(attack)


def ping(attack: Attack) -> bool:
    with quick_client(attack.url) as redis:
        try:
            return bool(redis.ping())
        except (RedisError, OSError):
            return False


def test_the_server_forgets_everything(tmp_path: Path, run_seed: int) -> None:
    """FLUSHALL while running: the folder is the log."""
    wire = Wire(run_seed)
    with attacked(tmp_path, POISONED) as attack:
        for _ in range(2):
            attack.drop(*(wire.article(SLOW) for _ in range(8)))
            attack.run_until(lambda: enriched(attack) > 0, "work has begun")
            with quick_client(attack.url) as redis:
                redis.flushall()
        attack.settle()
        assert_conserved(attack, emptied=True)


def test_poison_takes_no_neighbour_along(tmp_path: Path, run_seed: int) -> None:
    """Articles that raise and articles that kill their worker, among good ones."""
    wire = Wire(run_seed)
    with attacked(tmp_path, POISONED) as attack:
        raising = [wire.article(RAISE, "rejected") for _ in range(2)]
        crashing = [wire.article(CRASH, "rejected") for _ in range(2)]
        good = [wire.article() for _ in range(12)]
        files = [*raising, *crashing, *good]
        random.Random(run_seed).shuffle(files)  # noqa: S311  (repeatable, not secret)
        attack.drop(*files)
        attack.settle()
        assert_conserved(attack)
        dead = attack.dead()
        assert len(dead) == len(raising) + len(crashing)
        assert {event["data"]["error_type"] for event in dead} == {"RuntimeError", "WorkerDied"}
        assert all(event["data"]["attempts"] == 3 for event in dead)
        assert not set(about(dead)) & set(about(attack.events(ENRICHED_STREAM)))


def test_a_storm_leaves_the_index_as_a_quiet_run_would(tmp_path: Path, run_seed: int) -> None:
    """Random kills and server deaths; the store equals that of a run without faults.

    Among the articles are stories whose second version comes rounds later: the
    later one stands at the end, whichever was filed first.
    """
    attacks = random.Random(run_seed)  # noqa: S311  (repeatable, not secret)
    (tmp_path / "quiet").mkdir()
    (tmp_path / "storm").mkdir()
    with attacked(tmp_path / "quiet") as quiet:
        for files in rounds(Wire(run_seed)):
            quiet.drop(*files)
        quiet.settle()
        assert_conserved(quiet)
        expected = contents(quiet)
    with attacked(tmp_path / "storm") as attack:
        for files in rounds(Wire(run_seed)):
            attack.drop(*files)
            strike(attack, attacks)
        attack.settle()
        assert_conserved(attack)
        print(f"seed {run_seed}: {dict(attack.deaths)}")  # noqa: T201  (shown by -s and on failure)
        assert contents(attack) == expected
    assert len(expected) == 40
    assert sum(article["headline"].startswith("Update: ") for article in expected.values()) == 10


def rounds(wire: Wire) -> list[list[Dropped]]:
    """Three articles and a story's first version a round, ten times; its second two rounds on."""
    stories = [wire.story() for _ in range(10)]
    files = [[*(wire.article() for _ in range(3)), first] for first, _ in stories] + [[], []]
    for (_, later), each in zip(stories, files[2:], strict=True):
        each.append(later)
    return files


def strike(attack: Attack, attacks: random.Random) -> None:
    """One random fault, then a random while in which the desk is looked after."""
    victim = attacks.choice(["ingest", "enrichment", "indexer", "server"])
    if victim == "server":
        attack.kill_server()
    else:
        attack.send(victim, attacks.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGKILL]))
    until = time.monotonic() + attacks.uniform(0.1, 1.5)
    attack.run_until(lambda: time.monotonic() > until, "a while")


def test_a_long_file_holds_up_no_bulletin_and_survives_every_kill(
    tmp_path: Path, run_seed: int
) -> None:
    """Bulletins are filed while the dump is still being read; then each service dies in turn."""
    wire = Wire(run_seed)
    with attacked(tmp_path, POISONED) as attack:
        attack.drop(wire.dump(2500))
        while_read = 0
        attack.run_until(lambda: enriched(attack) > 0, "the dump is being read")
        for service in ("ingest", "enrichment", "indexer", "ingest"):
            before = len(attack.receipts())
            attack.drop(wire.article())
            attack.run_until(lambda n=before: len(attack.receipts()) > n, "a bulletin is filed")  # type: ignore[misc]  # bound now
            while_read += not any("dump" in receipt["file"] for receipt in attack.receipts())
            attack.send(service, signal.SIGKILL)
            attack.run_until(lambda name=service: attack.ready(name), f"{service} works")  # type: ignore[misc]  # bound now
        assert while_read >= 2, "bulletins waited for the end of the dump"
        attack.settle()
        assert_conserved(attack)
