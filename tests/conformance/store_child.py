"""A process that files until it is killed; also ``python -m tests.conformance.store_child``.

Arguments: the store's name, its folder, and what to do.
``during``: die by SIGKILL with the transaction open, when its dirty pages are
many more than the cache holds.  ``commit``: die right before the commit.
``after``: die right after it.  ``on``: file batch after batch, and write the
number of each to standard output once it is filed, until killed from outside.
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from services import effects
from tests.conformance.stores import STORES, ticking, version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.article import EnrichedArticle

BATCH = 5
LARGE_BATCH = 300
LARGE_BODY = {"sqlite": "storm " * 4000, "postgres": "storm " * 400}
"""For SQLite 300 texts of 24 kB: 7 MB, three times the cache that it keeps pages in. A server has
written most of a smaller batch to its files and its log, too."""


def large_batch(name: str) -> list[EnrichedArticle]:
    """A batch for the store ``name`` of which much is written before the commit."""
    body = LARGE_BODY[name]
    return [version(number, content=f"{number} {body}") for number in range(1, LARGE_BATCH + 1)]


def small_batch(number: int) -> list[EnrichedArticle]:
    """The ``number``-th batch of those that are filed until the end."""
    first = 1000 + number * BATCH
    return [version(n, content=f"number {n}") for n in range(first, first + BATCH)]


class Deadly(list["EnrichedArticle"]):
    """A batch that kills its process when all but its last article have been taken from it."""

    def __iter__(self) -> Iterator[EnrichedArticle]:
        for number, article in enumerate(super().__iter__(), start=1):
            if number == len(self):
                os.kill(os.getpid(), signal.SIGKILL)
            yield article


def main(name: str, folder: str, what: str) -> None:
    """Do as the module says."""
    store = STORES[name](Path(folder), ticking())
    if what == "during":
        store.file(Deadly(large_batch(name)))
    elif what == "commit":
        effects.arm({"WIREDESK_KILL_AT": "1"})
        store.file(large_batch(name))
    elif what == "after":
        store.file(large_batch(name))
        os.kill(os.getpid(), signal.SIGKILL)
    else:
        for number in count():
            store.file(small_batch(number))
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
