"""What must hold after a storm, beside conservation: nothing is left lying about."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tests.chaos.conserved import assert_conserved
from tests.chaos.harness import PARTITIONS, about, quick_client
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.chaos.harness import Attack
    from tests.chaos.wire import Dropped

WIREDESK = Path(sys.executable).with_name("wiredesk")

KEYS_AT_ONCE = 1000


def assert_accounted(
    attack: Attack, poisoned: Iterable[Dropped], *, emptied: bool, deleted: bool = False
) -> None:
    """Everything is conserved, the ledger says so too, and nothing is left over.

    ``poisoned``: the files that became dead letters; ``emptied``: the server has forgotten
    something meanwhile; ``deleted``: streams among it, alone
    (:func:`~tests.chaos.conserved.assert_conserved`).
    """
    assert_conserved(attack, emptied=emptied, deleted=deleted)
    dead_are(attack, poisoned, emptied=emptied)
    every_key_expires(attack)
    no_file_is_half_done(attack)
    the_ledger_balances(attack)


def dead_are(attack: Attack, poisoned: Iterable[Dropped], *, emptied: bool) -> None:
    """Dead letters are those of the poisoned files, one each; fewer where some were forgotten."""
    wanted = {file.name for file in poisoned}
    ids = {
        (receipt["drop_id"], line["article_id"])
        for receipt in attack.receipts()
        if receipt["file"] in wanted
        for line in receipt["articles"]
    }
    found = about(attack.dead())
    assert len(found) == len(set(found)), "a dead letter stands twice in the stream"
    assert set(found) <= ids, f"no poison, and yet dead letters: {sorted(set(found) - ids)[:5]}"
    if not emptied:
        assert set(found) == ids, "a poisoned article has no dead letter"


def every_key_expires(attack: Attack) -> None:
    """Each key of the server has a time to live, but for those declared to have none."""
    permanent = {key.encode() for key in attack.keys.permanent()}
    with quick_client(attack.url) as redis:
        found = [key for key in redis.scan_iter(count=KEYS_AT_ONCE) if key not in permanent]
        # Asked together: there are tens of thousands.
        asking = redis.pipeline(transaction=False)
        for key in found:
            asking.ttl(key)
        lives = cast("list[int]", asking.execute())
    for_ever = [key.decode() for key, life in zip(found, lives, strict=True) if life == -1]
    assert for_ever == [], "keys that never expire"


def no_file_is_half_done(attack: Attack) -> None:
    """No hidden, partial or temporary file lies in the archive."""
    folders = (attack.settings.done, attack.settings.rejected)
    left = [
        path.name
        for folder in folders
        for path in folder.glob("**/*")
        if path.name.startswith(".") or path.suffix in {".part", ".tmp"}
    ]
    assert left == [], "half-done files in the archive"


def the_ledger_balances(attack: Attack) -> None:
    """``wiredesk ledger`` says so, as it would to an operator."""
    command = [str(WIREDESK), "ledger", "--inbox", str(attack.settings.inbox)]
    environ = {"WIREDESK_REDIS_URL": attack.url, PARTITIONS: str(attack.keys.partitions)}
    shown = subprocess.run(
        command, env=environ, capture_output=True, text=True, check=False, timeout=60
    )
    assert shown.returncode == 0, f"the ledger doesn't balance:\n{shown.stdout}{shown.stderr}"


def nothing_runs(folder: Path) -> None:
    """No process is left that has anything to do with ``folder``."""
    wait_until(lambda: not running_in(folder), f"the end of every process in {folder}")


def running_in(folder: Path) -> list[int]:
    """The processes whose environment or command names ``folder``, without our own."""
    # With the slash: a command line that was only given the folder isn't meant.
    mark = f"{folder}/".encode()
    return [pid for pid in _pids() if mark in _about(pid)]


def _pids() -> list[int]:
    own = {Path("/proc/self").resolve().name}
    return [int(each.name) for each in Path("/proc").glob("[0-9]*") if each.name not in own]


def _about(pid: int) -> bytes:
    try:
        told: Any = [Path(f"/proc/{pid}/{name}").read_bytes() for name in ("environ", "cmdline")]
    except OSError:
        return b""
    return b"".join(told)
