"""Runs of re-enrichment as the store keeps them: what was asked, how far it is, who works on it.

Each is one document of the store's registry, replaced only where it is as it was read.  So a run
goes on after any end of its process, two processes never work on one, and whoever cancels it is
heard at its next write.
"""

from __future__ import annotations

import os
import secrets
import socket
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict

from schemas.base import UtcDatetime
from services.console.reenrich_choice import Choice
from services.indexer.store.base import Position

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.indexer.store.registry import Registry

KIND = "reenrichment"
"""The registry's kind of these documents; their names are the runs' ids."""

SILENT_AFTER = timedelta(seconds=30)
"""A run that wasn't written for so long has no process any more; one that lives writes every
:data:`WRITE_EVERY` seconds."""

WRITE_EVERY = 5.0
"""Seconds between two writes of a run at most."""

KEPT = 20
"""Finished runs that are remembered; each takes under a kilobyte without ids."""

State = Literal["running", "done", "cancelled"]


class Refused(RuntimeError):  # noqa: N818  (named for the state)
    """It can't be done now; the message says why, and what to do."""


class Cancelled(Refused):
    """Somebody cancelled the run."""


class Run(BaseModel):
    """One run.

    ``place`` and ``as_of``: behind which article of the search it goes on; ``index``: behind
    which of the given ids.  ``looked_at`` articles, of which ``chosen`` were taken.  ``flying``:
    taken, sent, and without an outcome when this was written; ``buried``: those that became dead
    letters; ``withdrawn``: those that were taken back before they could be sent again.
    """

    model_config = ConfigDict(frozen=True)

    run_id: UUID
    choice: Choice
    state: State = "running"
    started_at: UtcDatetime
    written_at: UtcDatetime
    holder: str
    place: int | None = None
    as_of: int | None = None
    index: int = 0
    looked_at: int = 0
    chosen: int = 0
    flying: tuple[UUID, ...] = ()
    buried: int = 0
    withdrawn: int = 0

    @property
    def position(self) -> Position | None:
        """Where the search goes on."""
        if self.place is None or self.as_of is None:
            return None
        return Position(self.place, self.as_of)


def holder_name() -> str:
    """This process, told apart from all others."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Runs:
    """The runs of a store, as one process (``holder``) sees and changes them."""

    def __init__(
        self,
        registry: Registry,
        holder: str | None = None,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._registry = registry
        self._holder = holder or holder_name()
        self._now = now
        self._written: dict[UUID, str] = {}

    def all(self) -> Sequence[Run]:
        """Every run that is remembered, the newest first."""
        found = [
            Run.model_validate_json(document) for document in self._registry.entries(KIND).values()
        ]
        return sorted(found, key=lambda run: run.started_at, reverse=True)

    def silent(self, run: Run) -> bool:
        """Whether no process works on an unfinished run."""
        rested = self._now() - run.written_at
        return run.state == "running" and (not run.holder or rested > SILENT_AFTER)

    def begin(self, choice: Choice) -> Run:
        """A run for ``choice``: the unfinished one of the same conditions, else a new one.

        ``Refused`` where another one isn't finished, or a process works on this one.
        """
        open_runs = [run for run in self.all() if run.state == "running"]
        for run in open_runs:
            if run.choice == choice:
                return self._take(run)
        if open_runs:
            raise Refused(
                f"run {short(open_runs[0])} ({open_runs[0].choice.said()}) isn't finished; "
                "`wiredesk reenrich --resume` goes on with it, --cancel ends it"
            )
        self._forget()
        now = self._now()
        run = Run(
            run_id=uuid4(), choice=choice, started_at=now, written_at=now, holder=self._holder
        )
        document = run.model_dump_json()
        self._registry.put(KIND, str(run.run_id), document)
        self._written[run.run_id] = document
        others = [each for each in self.all() if each.state == "running" and each != run]
        if any((each.started_at, each.run_id) < (now, run.run_id) for each in others):
            # Two processes began at once: the one that came second hears of it.
            self._registry.remove(KIND, str(run.run_id))
            raise Refused("another process has just begun a run")
        return run

    def resume(self) -> Run:
        """The unfinished run, to go on with; ``Refused`` where there is none, or it is in work."""
        open_runs = [run for run in self.all() if run.state == "running"]
        if not open_runs:
            raise Refused("no run is unfinished")
        return self._take(open_runs[0])

    def cancel(self) -> Run:
        """End the unfinished run: what is on its way arrives, nothing more is sent."""
        while True:
            entries = self._registry.entries(KIND)
            found = [(name, Run.model_validate_json(text)) for name, text in entries.items()]
            running = [(name, run) for name, run in found if run.state == "running"]
            if not running:
                raise Refused("no run is unfinished")
            name, run = running[0]
            ended = run.model_copy(update={"state": "cancelled", "written_at": self._now()})
            # Again where its process has just written it.
            if self._registry.put(KIND, name, ended.model_dump_json(), expected=entries[name]):
                return ended

    def write(self, run: Run) -> Run:
        """Keep how far the run is; ``Cancelled`` or ``Refused`` where somebody else wrote it."""
        run = run.model_copy(update={"written_at": self._now(), "holder": self._holder})
        document, name = run.model_dump_json(), str(run.run_id)
        if not self._registry.put(KIND, name, document, expected=self._written[run.run_id]):
            there = self._registry.entries(KIND).get(name)
            if there is None or Run.model_validate_json(there).state == "cancelled":
                raise Cancelled(f"run {short(run)} was cancelled")
            raise Refused(f"run {short(run)} is in work elsewhere now")
        self._written[run.run_id] = document
        return run

    def release(self, run: Run) -> Run:
        """Say that no process works on the run any more: it may be resumed at once."""
        document = run.model_copy(update={"written_at": self._now(), "holder": ""})
        name, held = str(run.run_id), self._written[run.run_id]
        self._registry.put(KIND, name, document.model_dump_json(), expected=held)
        return document

    def _take(self, run: Run) -> Run:
        if not self.silent(run) and run.holder != self._holder:
            raise Refused(
                f"run {short(run)} is in work ({run.holder}); where that was ended, it can be "
                f"resumed {SILENT_AFTER.seconds} s after its last sign"
            )
        document = self._registry.entries(KIND)[str(run.run_id)]
        self._written[run.run_id] = document
        return self.write(Run.model_validate_json(document))

    def _forget(self) -> None:
        for run in self.all()[KEPT - 1 :]:
            self._registry.remove(KIND, str(run.run_id))


def short(run: Run) -> str:
    """The beginning of a run's id, for a person."""
    return str(run.run_id)[:8]
