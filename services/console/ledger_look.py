"""The first half of taking the ledger: what has no outcome yet, and where that is."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from services.bus.errors import StopWorking, Unavailable
from services.bus.ledger import NOWHERE
from services.console.ledger_check import finding_of
from services.console.ledger_model import IN_FLIGHT, UNACCOUNTED, Ledger, Line
from services.console.ledger_sides import ServerSide, StoreSide
from services.ingest.ledger import standing
from services.ingest.ledger_book import LedgerBook

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from services.bus.scripts import ArticleRef
    from services.console.ledger_model import Finding, Grouping
    from services.ingest.ledger_book import OpenEntry
    from services.settings import Settings

AWAY = (RedisError, OSError, TimeoutError, StopWorking, Unavailable)


@dataclass(frozen=True, slots=True)
class Scope:
    """What the ledger is about: received from an hour (since 1970) on, of files that match."""

    since: int = 0
    file: str | None = None
    by: Grouping | None = None

    @property
    def by_file(self) -> bool:
        """Whether articles must be looked at file by file."""
        return self.by == "file" or self.file is not None


@dataclass
class Looking:
    """What is looked at before anything is put together; ``open`` by its drops."""

    settings: Settings
    scope: Scope
    book: LedgerBook
    filed: StoreSide | None
    missing: list[str]
    server: ServerSide | None = None
    ledger: Ledger = field(init=False)
    open: dict[ArticleRef, OpenEntry] = field(default_factory=dict)
    troubled: dict[ArticleRef, Finding] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.book.inbox_id, Line("total"))

    async def look(self, redis: Redis | None) -> None:
        """Look at the streams, then at what the store has filed since."""
        opened = self.book.open_entries()
        self.open = {entry.ref: entry for entry in opened}
        if redis is not None:
            try:
                self.server = await ServerSide.look(self.settings, redis, self.book, opened)
            except AWAY as error:
                self.missing.append(f"the server: {error}")
        if self.filed is not None:
            self.filed.after(self.book, opened)
        if self.server is not None:
            await self._find_troubled(self.server)
        # Where nothing is in flight the streams have nothing to say.
        if not self.open:
            # So it is with a server that ended with its services.
            self.missing[:] = [each for each in self.missing if not each.startswith("the server")]
        self.ledger.missing = self.missing

    async def _find_troubled(self, server: ServerSide) -> None:
        """Open articles that seem lost are looked for again, before anybody is alarmed."""
        suspects = [entry for entry in self.open.values() if server.standing(entry).trouble]
        if not suspects:
            return
        places = await server.whereabouts.places([entry.ref for entry in suspects])
        # Opened after the places were looked at: an outcome that was taken is in it.
        with LedgerBook(self.settings.state / "journal.sqlite3") as later:
            for entry in suspects:
                noted = later.one(entry.ref)
                found = standing(entry, places.get(entry.ref, NOWHERE), server.at)
                if found.trouble and noted is not None and noted.outcome is None:
                    self.troubled[entry.ref] = finding_of(
                        entry, found.trouble, found.advice or "", found.where
                    )

    def state_of(self, entry: OpenEntry) -> str:
        """What an open article counts as: an outcome that the other sides have, or its place."""
        if self.filed is not None and entry.ref in self.filed.of_open:
            return self.filed.of_open[entry.ref].outcome
        if self.server is not None:
            event = self.server.events.get(entry.ref)
            if event is not None and (event.outcome, event.stage) != ("rejected", "ingest"):
                # Decided by a stage; what the store filed is counted by the store alone.
                return "rejected" if event.outcome == "rejected" else IN_FLIGHT
        return UNACCOUNTED if entry.ref in self.troubled else IN_FLIGHT

    def where(self, entry: OpenEntry) -> str:
        """Where an article in flight is, in short."""
        if self.server is None:
            return "not looked for"
        place = self.server.places.get(entry.ref, NOWHERE)
        if place.is_on_its_way:
            return "outcomes to ingest" if place.has_outcome else f"on the {place.stream} stream"
        return "not sent yet" if entry.attempts == 0 else "to be sent again"

    def is_filed(self, entry: OpenEntry) -> bool:
        """Whether the store has an outcome of an open article."""
        return self.filed is not None and entry.ref in self.filed.of_open

    def matches(self, file: str) -> bool:
        """Whether a file is one that the ledger is about."""
        return self.scope.file is None or fnmatchcase(file, self.scope.file)
