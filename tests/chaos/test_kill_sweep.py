"""Each service is killed before each of its numbered side effects, one after the other."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.chaos.conserved import assert_conserved
from tests.chaos.harness import Attack, attacked
from tests.chaos.wire import Wire

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(420)]

FEWEST = {"ingest": 8, "enrichment": 2, "indexer": 3}
"""Side effects that each service has at least: fewer would mean that the sweep saw nothing."""

MOST = 80
"""A sweep that hasn't ended by then would never: some effect repeats."""


def killed_at(attack: Attack, service: str, effect: int, wire: Wire) -> bool:
    """Restart ``service`` to die before its n-th effect, drop files, let all settle.

    False when it had fewer effects than that: the sweep is through.
    """
    attack.desk.environ = {"*": attack.quick, service: {"WIREDESK_KILL_AT": str(effect)}}
    attack.send(service, signal.SIGTERM)
    victim = attack.desk.children[service]
    before = victim.process
    attack.run_until(lambda: victim.process is not before, f"{service} started again")
    armed = victim.process
    attack.desk.environ = {"*": attack.quick}
    attack.drop(wire.article(), wire.empty(), wire.again(attack.dropped[0]))
    attack.run_until(
        lambda: armed.poll() is not None or (attack.settled() and attack.quiet()),
        f"{service} died at effect {effect} or everything settled",
    )
    died = armed.poll() == -signal.SIGKILL
    attack.settle()
    victim.pause = 0.2
    return died


@pytest.mark.parametrize("service", ["indexer", "enrichment", "ingest"])
def test_a_kill_before_any_side_effect_loses_and_doubles_nothing(
    service: str, tmp_path: Path, run_seed: int
) -> None:
    wire = Wire(run_seed)
    with attacked(tmp_path) as attack:
        attack.drop(wire.article())
        attack.settle()
        effect = 1
        while killed_at(attack, service, effect, wire):
            effect += 1
            assert effect < MOST
        print(f"{service}: killed before each of {effect - 1} side effects, seed {wire.seed}")  # noqa: T201  (shown by -s and on failure)
        assert effect - 1 >= FEWEST[service]
        assert_conserved(attack)
