"""A process that merges until it is killed; also ``python -m tests.conformance.alias_child``.

Arguments: the store's name, its folder, and before which effect it dies by SIGKILL
(0: none, right after).  With a server's URL it also publishes what it changed.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from services import effects
from services.bus.changes import publish_now
from services.settings import Settings
from tests.conformance.stores import STORES, ticking


def main(name: str, folder: str, kill_at: str, url: str | None = None) -> None:
    """Do as the module says."""
    store = STORES[name](Path(folder), ticking())
    if kill_at != "0":
        effects.arm({"WIREDESK_KILL_AT": kill_at})
    store.merge(["person:ana"], "person:bea")
    if url is not None:
        publish_now(store, Settings.model_validate({"redis_url": url}))
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
