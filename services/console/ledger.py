"""``wiredesk ledger``: received = outcomes + in flight, held against each other.

The sides are counted where the thing happens, and apart: ingest's journal counts what is received
and what ingest decides itself; the store what it files; the server lists what stages reject.
What is in flight is looked for on the streams, article by article, and never subtracted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from services.bus.connect import client, server_url
from services.bus.errors import StopWorking, Unavailable
from services.console.ledger_check import (
    differences,
    finding_of,
    finding_of_difference,
    finding_of_stranger,
    ref_of,
    strangers,
)
from services.console.ledger_look import AWAY, Looking, Scope
from services.console.ledger_model import IN_FLIGHT, RECEIVED, Ledger, Line
from services.console.ledger_sides import StoreSide
from services.console.options import open_store
from services.ingest.ledger_book import LedgerBook

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from redis.asyncio import Redis

    from services.bus.scripts import ArticleRef
    from services.indexer.store.base import ArticleStore
    from services.indexer.store.tallies import Filed
    from services.ingest.ledger_book import Noted, OpenEntry, TakenFile
    from services.settings import Settings

FORGOTTEN = "(files forgotten after 90 days)"

NO_SOURCE = "(no source)"

PROBE_RETRIES = 0
"""Tries again of a server that doesn't answer: that it is away is an answer."""

Base = dict[tuple[int, str], Counter[str]]
"""Counts by hour and source."""


async def take(settings: Settings, scope: Scope) -> Ledger:
    """The ledger of the inbox of the settings; ``StopWorking`` where it has no journal here."""
    missing: list[str] = []
    async with AsyncExitStack() as stack:
        store = _store(settings, missing)
        if store is not None:
            stack.callback(store.close)
        redis = await _server(settings, stack, missing)
        filed = None if store is None else StoreSide.before(store)
        book = stack.enter_context(LedgerBook(settings.state / "journal.sqlite3"))
        account = Account(settings, scope, book, filed, missing)
        await account.look(redis)
        await account.balance()
        return account.ledger


def _store(settings: Settings, missing: list[str]) -> ArticleStore | None:
    try:
        return open_store(settings)
    except (StopWorking, Unavailable) as error:
        missing.append(f"the store: {error}")
        return None


async def _server(settings: Settings, stack: AsyncExitStack, missing: list[str]) -> Redis | None:
    try:
        redis = await stack.enter_async_context(client(server_url(settings), PROBE_RETRIES))
        await redis.ping()
    except AWAY as error:
        missing.append(f"the server: {error}")
        return None
    return redis


class Account(Looking):
    """One taking of the ledger: the sides put together."""

    async def balance(self) -> None:
        """Put the sides together and name what doesn't fit."""
        base = self._base()
        moved = await self._compare(base)
        self._check_rejections()
        self._lines(base, moved)
        self.ledger.findings += [
            finding for ref, finding in self.troubled.items() if self._in_scope(ref)
        ]

    # --- by hour and source ----------------------------------------------------------------
    def _base(self) -> Base:
        """Everything by hour and source, from the tallies and what is open."""
        base: Base = defaultdict(Counter)
        for count in self.book.tally(self.scope.since):
            line = base[count.hour, count.source]
            if count.decided == "received":
                line[RECEIVED] += count.articles
            elif count.decided != "store" or self.filed is None:
                line[count.outcome] += count.articles
                self._note_rejections(count.decided, count.outcome, count.articles)
        for row in [] if self.filed is None else self.filed.rows(self.book):
            if row.hour >= self.scope.since:
                base[row.hour, row.source][row.outcome] += row.articles
        for each in [] if self.filed is None else self.filed.since:
            if each.hour >= self.scope.since:
                base[each.hour, each.source][each.outcome] += 1
        for entry in self.open.values():
            if entry.hour >= self.scope.since:
                self._add_open(base[entry.hour, entry.source], entry)
        return base

    def _note_rejections(self, decided: str, outcome: str, articles: int) -> None:
        if outcome == "rejected" and decided == "ingest":
            self.ledger.rejected_at_reading += articles
        elif outcome == "rejected":
            self.ledger.rejected_by_stages += articles

    def _add_open(self, line: Counter[str], entry: OpenEntry) -> None:
        state = self.state_of(entry)
        if not self.is_filed(entry):
            line[state] += 1
        if state == IN_FLIGHT:
            self.ledger.waiting[self.where(entry)] += 1
        elif state == "rejected":
            self.ledger.rejected_by_stages += 1

    # --- journal and store ---------------------------------------------------------------------
    async def _compare(self, base: Base) -> set[ArticleRef]:
        """Look at each article of the hours in which journal and store don't agree.

        Returns the dead letters that were filed after all and whose receipts don't say so yet.
        """
        moved: set[ArticleRef] = set()
        if self.filed is None:
            return moved
        for hour in sorted(self._hours_that_differ(self.filed)):
            found = self._compare_hour(self.filed, hour)
            moved |= await self._judge(found, base)
            if not found and not self._strangers(self.filed, hour):
                when = _hour(hour)
                self.ledger.problems.append(
                    f"receipts and store have other counts of what was received at {when}; the "
                    "journal has forgotten which articles that were"
                )
        return moved

    def _hours_that_differ(self, filed: StoreSide) -> set[int]:
        counts: Counter[tuple[int, str]] = Counter()
        for count in self.book.tally(self.scope.since):
            if count.decided == "store":
                counts[count.hour, count.outcome] -= count.articles
        for each in filed.of_open.values():
            counts[each.hour, each.outcome] -= 1
        for row in filed.rows(self.book):
            counts[row.hour, row.outcome] += row.articles
        for each in filed.since:
            counts[each.hour, each.outcome] += 1
        return {h for (h, _), number in counts.items() if number and h >= self.scope.since}

    def _compare_hour(self, filed: StoreSide, hour: int) -> list[tuple[Noted, Filed | None]]:
        drops = self.book.drops_in(hour)
        return list(differences(self.book.noted(drops), filed.filed(drops)))

    async def _judge(self, found: list[tuple[Noted, Filed | None]], base: Base) -> set[ArticleRef]:
        """Name what contradicts; pass over dead letters on their way back."""
        moved = await self._moving([noted for noted, _ in found])
        for noted, filed in found:
            if noted.ref in moved:
                base[noted.hour, noted.source]["rejected"] -= 1
                self.ledger.rejected_by_stages -= 1
            elif self.matches(noted.file):
                self.ledger.findings.append(finding_of_difference(noted, filed))
        return moved

    async def _moving(self, noted: Sequence[Noted]) -> set[ArticleRef]:
        """Rejected articles that were sent again: filed, and their new outcome is on its way."""
        refs = [each.ref for each in noted if each.decided == "stages"]
        if not refs or self.server is None:
            return set()
        places = await self.server.whereabouts.places(refs)
        with LedgerBook(self.settings.state / "journal.sqlite3") as later:
            settled = {ref for ref in refs if (now := later.one(ref)) is not None and now.retried}
        return settled | {ref for ref in refs if places[ref].is_on_its_way}

    def _strangers(self, filed: StoreSide, hour: int) -> bool:
        """Name what the store has of an hour and the journal doesn't know; whether any is."""
        mine = [
            each
            for each in filed.store.filed_in(str(self.book.inbox_id), hour)
            if each.number <= filed.upto
        ]
        known = {each.drop_id: self.book.knows_drop(each.drop_id) for each in mine}
        here = {ref_of(e): e for e in mine if known[e.drop_id]}
        noted = list(self.book.noted(sorted({e.drop_id for e in here.values()})))
        found = [finding_of_stranger(*each) for each in strangers(noted, here)]
        # What came after the journal was opened has a higher number.
        lost = [e for e in mine if not known[e.drop_id] and e.number <= filed.tally.last]
        found += [finding_of_stranger(ref_of(each), each) for each in lost]
        self.ledger.findings += found
        return bool(found)

    # --- rejections ----------------------------------------------------------------------------
    def _check_rejections(self) -> None:
        """Hold what the server lists as rejected against what receipts say."""
        if self.server is None:
            return
        told = self.book.rejected_by_stages(self.scope.since)
        self.ledger.counted_by_server = len(self.server.buried & told.keys())
        self.ledger.counted_by_server += sum(
            1
            for entry in self.open.values()
            if entry.ref in self.server.buried and self.state_of(entry) == "rejected"
        )
        for ref in self.server.buried - told.keys() - self.open.keys():
            noted = self.book.one(ref)
            if noted is None or noted.outcome is None or noted.retried or not self._counts(noted):
                continue
            problem = f"a stage rejected it, and its receipt says {noted.outcome}"
            advice = "`wiredesk dead list` has its message; `wiredesk dead retry` sends it again"
            self.ledger.findings.append(finding_of(noted, problem, advice, "dead letters"))

    def _counts(self, noted: Noted) -> bool:
        return noted.hour >= max(self.scope.since, self.book.since)

    # --- lines ---------------------------------------------------------------------------------
    def _lines(self, base: Base, moved: set[ArticleRef]) -> None:
        for counts in base.values():
            self.ledger.total.counts.update(counts)
        if self.scope.by_file:
            self._lines_by_file(moved)
        elif self.scope.by == "hour":
            self.ledger.lines = _grouped((_hour(hour), base[hour, s]) for hour, s in sorted(base))
        elif self.scope.by == "source":
            by_source = sorted(base, key=lambda key: key[1])
            named = ((source or NO_SOURCE, base[h, source]) for h, source in by_source)
            self.ledger.lines = _grouped(named)
        self._others()

    def _lines_by_file(self, moved: set[ArticleRef]) -> None:
        files = [each for each in self.book.files(self.scope.since) if self.matches(each.file)]
        lines = [self._file_line(each, moved) for each in files]
        if self.scope.file is None:
            rest = Line(FORGOTTEN, Counter(self.ledger.total.counts))
            for line in lines:
                rest.counts.subtract(line.counts)
            lines += [rest] if any(rest.counts.values()) else []
        else:
            self.ledger.total = Line("total")
            for line in lines:
                self.ledger.total.counts.update(line.counts)
        self.ledger.lines = lines if self.scope.by == "file" else []

    def _file_line(self, file: TakenFile, moved: set[ArticleRef]) -> Line:
        line = Line(f"{file.file} · {_minute(file.received_at)}")
        noted = list(self.book.noted(file.drops))
        line.counts[RECEIVED] = len(noted)
        for each in noted:
            if each.decided is not None and (each.decided != "store" or self.filed is None):
                line.counts[str(each.outcome)] += each.ref not in moved or each.own
        if self.filed is not None:
            known = {each.ref for each in noted if not each.own}
            filed = self.filed.filed(file.drops)
            line.counts.update(each.outcome for ref, each in filed.items() if ref in known)
            self._find_in_file(noted, filed, moved)
        for each in noted:
            if each.decided is None and not self.is_filed(self.open[each.ref]):
                line.counts[self.state_of(self.open[each.ref])] += 1
        return line

    def _find_in_file(
        self, noted: list[Noted], filed: dict[ArticleRef, Filed], moved: set[ArticleRef]
    ) -> None:
        """Differences that the counts of their hour don't show, since they cancel out."""
        known = {(finding.drop_id, finding.article_id) for finding in self.ledger.findings}
        for each, found in differences(noted, filed):
            if each.ref not in moved and (each.ref.drop_id, each.ref.article_id) not in known:
                self.ledger.findings.append(finding_of_difference(each, found))

    def _in_scope(self, ref: ArticleRef) -> bool:
        entry = self.open[ref]
        return entry.hour >= self.scope.since and self.matches(entry.file)

    def _others(self) -> None:
        mine = str(self.book.inbox_id)
        for row in [] if self.filed is None else self.filed.tally.rows:
            if row.inbox_id != mine:
                self.ledger.others.setdefault(row.inbox_id, Counter())[row.outcome] += row.articles
            elif row.hour < self.book.since:
                before = "received before the ledger began"
                self.ledger.others.setdefault(before, Counter())[row.outcome] += row.articles


def _grouped(parts: Iterable[tuple[str, Counter[str]]]) -> list[Line]:
    lines: dict[str, Line] = {}
    for key, counts in parts:
        lines.setdefault(key, Line(key)).counts.update(counts)
    return list(lines.values())


def _hour(hour: int) -> str:
    return datetime.fromtimestamp(hour * 3600, UTC).strftime("%Y-%m-%d %H:00")


def _minute(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M")
