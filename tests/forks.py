"""The process from which tests fork theirs: one for a session, that has imported what they run.

There is one list of what it imports: whoever set another would undo the others', since the
last one counts for all.
"""

from __future__ import annotations

import multiprocessing

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        "tests.bus.worker",
        "tests.receiver.child",
        "tests.webhooks.child",
        "tests.conformance.alias_child",
        "tests.conformance.store_child",
        "tests.chaos.preloaded",
    ]
)
