"""A desk whose enrichment is broken: it stops, the rest goes on, and nothing is lost by it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from services.bus.keys import ENRICHMENT
from services.bus.watchdog import Exit
from services.console.main import app
from services.indexer.store.sqlite import SqliteStore
from tests.chaos.forked import attacked
from tests.chaos.harness import KEYS, Attack, quick_client
from tests.chaos.wire import Wire

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(180)]

FILES = 6
BUDGET = 3
LIMITS = {
    "WIREDESK_FAILURE_BUDGET_IN_A_ROW": str(BUDGET),
    "WIREDESK_MAX_ATTEMPTS": "2",
    "WIREDESK_CLAIM_AFTER": "0.3",
}


def test_a_broken_stage_stops_alone_goes_on_once_mended_and_its_dead_letters_can_be_retried(
    tmp_path: Path, run_seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign = tmp_path / "broken"
    sign.touch()
    environ = {**LIMITS, "WIREDESK_TEST_BROKEN": str(sign)}
    with attacked(tmp_path, {"enrichment": "tests.chaos.broken"}, environ=environ) as attack:
        monkeypatch.setenv("WIREDESK_REDIS_URL", attack.url)
        monkeypatch.setenv("WIREDESK_INBOX", str(attack.settings.inbox))
        stops_alone(attack, Wire(run_seed))
        sign.unlink()
        attack.settle()
        assert len(attack.dead()) == BUDGET - 1
        # Those two, and the empty file.
        assert len(of_kind(attack, "rejected")) == BUDGET
        sent_again_everything_is_done(attack)


def stops_alone(attack: Attack, wire: Wire) -> None:
    """Enrichment ends with 75 and is started once; the others are the processes that they were."""
    attack.run_until(attack.desk.ready, "all services work")
    others = [attack.pid(name) for name in ("indexer", "ingest")]
    first = attack.desk.children["enrichment"].process
    attack.drop(*(wire.article() for _ in range(FILES)))
    attack.run_until(lambda: first.poll() is not None, "enrichment ends")
    assert first.returncode == Exit.TEMPFAIL
    attack.run_until(lambda: halted(attack), "the next one stays up, and says that it is stopped")
    stopped = attack.pid("enrichment")
    attack.run_until(lambda: failed_probes(attack) >= 3, "it tries single messages")
    assert attack.pid("enrichment") == stopped
    assert [attack.pid(name) for name in ("indexer", "ingest")] == others
    assert len(attack.dead()) == BUDGET - 1
    # What goes by the stage goes on: a file that is rejected by ingest gets its receipt.
    attack.drop(wire.empty())
    attack.run_until(lambda: len(attack.receipts()) == BUDGET, "ingest writes receipts")


def halted(attack: Attack) -> bool:
    signs = {sign["pid"]: sign for sign in attack.desk.signs()}
    return bool(signs.get(attack.pid("enrichment"), {}).get("halted"))


def failed_probes(attack: Attack) -> int:
    with quick_client(attack.url) as redis:
        found: Any = redis.hget(KEYS.halted(ENRICHMENT.group), "failed")
    return int(found or 0)


def sent_again_everything_is_done(attack: Attack) -> None:
    done = CliRunner().invoke(app, ["dead", "retry", "--all", "--yes", "--json"])
    assert json.loads(done.stdout)["done"] == BUDGET - 1, done.output
    attack.run_until(lambda: len(of_kind(attack, "indexed")) == FILES, "receipts are revised")
    attack.run_until(attack.quiet, "nothing pending")
    revised = [receipt for receipt in attack.receipts() if "revised_at" in receipt]
    assert [receipt["articles"][0]["retry"]["number"] for receipt in revised] == [1] * (BUDGET - 1)
    assert all(receipt["archived_as"].startswith("done/") for receipt in revised)
    assert attack.dead() == []
    names = sorted(path.name for path in attack.settings.done.glob("*.txt"))
    assert names == sorted(file.name for file in attack.dropped[:FILES])
    assert len(list(attack.settings.rejected.glob("*.txt"))) == 1
    with SqliteStore(attack.settings.store) as store:
        assert store.count() == FILES
    attack.run_until(lambda: ledger(attack) == 0, "the ledger balances")


def of_kind(attack: Attack, outcome: str) -> list[dict[str, Any]]:
    return [receipt for receipt in attack.receipts() if outcome in receipt["summary"]]


def ledger(attack: Attack) -> int:
    inbox = str(attack.settings.inbox)
    return CliRunner().invoke(app, ["ledger", "--json", "--inbox", inbox]).exit_code
