"""Each service is killed before each of its numbered side effects, one after the other."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from services.console.supervisor import FIRST_PAUSE
from tests.chaos.conserved import assert_conserved
from tests.chaos.forked import attacked
from tests.chaos.wire import Wire

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chaos.harness import Attack

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(420)]

FEWEST = {"ingest": 8, "enrichment": 2, "indexer": 3}
"""Side effects that each service has at least: fewer would mean that the sweep saw nothing."""

MOST = 80
"""A sweep that hasn't ended by then would never: some effect repeats."""


def sweep(attack: Attack, service: str, wire: Wire) -> int:
    """Let the n-th incarnation of ``service`` die before its n-th effect, n rising from 1.

    Each incarnation meets what the one before left behind.  The number of deaths:
    the first incarnation that gets everything settled alive ends the sweep.
    """
    child = attack.desk.children[service]
    attack.send(service, signal.SIGTERM)
    attack.run_until(lambda: child.due is not None, f"{service} stopped")
    for effect in range(1, MOST):
        if attack.settled():
            attack.drop(wire.article(), wire.empty(), wire.again(attack.dropped[0]))
        attack.desk.environ = armed(attack, service, effect)
        gone, child.pause = child.process, FIRST_PAUSE
        attack.run_until(lambda p=gone: child.process is not p, f"{service} started again")  # type: ignore[misc]  # bound now
        attack.run_until(
            lambda: child.process.poll() is not None or (attack.settled() and attack.quiet()),
            f"{service} died at effect {effect} or everything settled",
        )
        if child.process.poll() is None:
            return effect - 1
        assert child.process.returncode == -signal.SIGKILL
        # Its end is noted, and its successor not yet started: time to arm that one.
        attack.run_until(lambda: child.due is not None, "the end was noted")
    raise AssertionError(f"{service} has {MOST} effects or more for three small files")


def armed(attack: Attack, service: str, effect: int) -> dict[str, dict[str, str]]:
    """The environment in which ``service`` dies before its n-th effect.

    One message may meet many of these deaths: it must not be taken for poison.
    """
    common = {**attack.quick, "WIREDESK_MAX_ATTEMPTS": str(MOST)}
    return {"*": common, service: {"WIREDESK_KILL_AT": str(effect)}}


@pytest.mark.parametrize("service", ["indexer", "enrichment", "ingest"])
def test_a_kill_before_any_side_effect_loses_and_doubles_nothing(
    service: str, tmp_path: Path, run_seed: int
) -> None:
    wire = Wire(run_seed)
    with attacked(tmp_path) as attack:
        attack.drop(wire.article())
        attack.settle()
        deaths = sweep(attack, service, wire)
        print(f"{service}: killed before each of {deaths} side effects, seed {wire.seed}")  # noqa: T201  (shown by -s and on failure)
        assert deaths >= FEWEST[service]
        assert_conserved(attack)
