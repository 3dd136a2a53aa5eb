"""A desk on one screen: which lines there are, and which of them where there is little room."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.text import Text

from services.bus.board import INTERVAL
from services.bus.keys import CHANGE_STREAMS, DEAD_STREAM, INGEST_GROUP_PREFIX
from services.console.addresses import api_addresses
from services.console.progress import duration, line_of_file, long_files
from services.console.status_cells import Cell, Column, Glyphs, Rows, number, table
from services.console.status_facts import (
    BAD,
    GOOD,
    IDLE,
    WARNING,
    LedgerNow,
    health_addresses,
    stages_now,
)

if TYPE_CHECKING:
    from services.bus.board import Rates, Sight
    from services.bus.overview import GroupState, StreamState
    from services.bus.receipt_notes import ReceiptNote

WIDE = 100
"""Columns from which on there is room for the streams' own rates."""

BARS, WIDE_BARS = 12, 30
"""Bars of a sparkline on a narrow and on a wide terminal."""

OLD = 60.0
"""Seconds from which on an oldest age is coloured: a stage that keeps up has under a few."""

AIRY = 30
"""Lines from which on sections have an empty line between them."""

AWAY_LINES = 3
"""Lines of why the server isn't there: the longest reason says what to do at its end."""

PRINTED = 40
"""Lines of a view where there is no screen to fit: a few of everything."""


@dataclass(frozen=True, slots=True)
class View:
    """What is shown. ``sight`` was seen at ``at``; ``away``: why it isn't seen any more.

    ``bar_seconds``: what one bar of a sparkline stands for.
    """

    where: str
    now: datetime
    sight: Sight | None = None
    at: datetime | None = None
    away: str | None = None
    ledger: LedgerNow | None = None
    hint: str = ""
    bar_seconds: float = INTERVAL


@dataclass(frozen=True, slots=True)
class Section:
    """Lines that belong together.

    ``head`` is always shown; of ``rows`` at least ``least``, as long as there is room.
    """

    head: list[Text]
    rows: list[Text]
    least: int


class Screen:
    """Draws views for one size of terminal."""

    def __init__(self, glyphs: Glyphs, width: int, height: int = PRINTED) -> None:
        self._glyphs = glyphs
        self._width = width
        self._height = height

    def lines(self, view: View) -> list[Text]:
        """No more lines than the terminal has, none wider than it is."""
        head = self._title(view)
        if view.sight is None:
            return self._fitted(head)
        sections = self._sections(view, view.sight)
        gap = 1 if self._height >= AIRY else 0
        room = self._height - len(head)
        shown = _shares(sections, room - gap * len(sections))
        lines = list(head)
        for section, count in zip(sections, shown, strict=True):
            lines += [Text("")] * gap + section.head + section.rows[:count]
        return self._fitted(lines)

    def _fitted(self, lines: list[Text]) -> list[Text]:
        for line in lines:
            line.truncate(self._width)  # what no cutting of cells could make fit
        return lines[: self._height]

    # --- the top ---------------------------------------------------------------------------
    def _title(self, view: View) -> list[Text]:
        glyphs, clock = self._glyphs, f"{view.now.astimezone():%H:%M:%S}"
        right = f"{view.hint}  {clock}" if view.hint else clock
        left = glyphs.fit(f"Wiredesk  {glyphs.shown(view.where)}", self._width - len(right) - 2)
        title = Text(left, "bold", no_wrap=True)
        title.append(" " * (self._width - title.cell_len - len(right)))
        title.append(right)
        return [title, *self._away(view)]

    def _away(self, view: View) -> list[Text]:
        if view.away is None:
            return [] if view.sight is not None else [Text("Looking for the desk", IDLE)]
        seen = "It has not been seen yet."
        if view.at is not None:
            ago = duration((view.now - view.at).total_seconds())
            seen = f"This is how it was {ago} ago, at {view.at.astimezone():%H:%M:%S}."
        why = wrap(self._glyphs.shown(view.away), max(20, self._width - 2))[:AWAY_LINES]
        lines = [f"SERVER AWAY. {seen} Looking again.", *(f"  {line}" for line in why)]
        return [Text(self._glyphs.fit(line, self._width), BAD) for line in lines]

    # --- sections ----------------------------------------------------------------------------
    def _sections(self, view: View, sight: Sight) -> list[Section]:
        files = self._long_files(view, sight)
        receipts, dead = self._receipts(view, sight), self._dead(view, sight)
        return [
            self._stages(view, sight),
            self._groups(view, sight),
            *([files] if files.rows else []),
            Section([self._ledger(view), self._sources(sight)], [], 0),
            receipts,
            dead,
            Section(self._addresses(sight), [], 0),
        ]

    def _stages(self, view: View, sight: Sight) -> Section:
        wide = self._width >= WIDE
        bars = WIDE_BARS if wide else BARS
        stages = stages_now(sight.state, sight.rates)
        columns = (
            Column("STAGE"),
            Column("WORKERS", right=True),
            Column("STATE", flexible=True),
            Column("DONE", right=True, extra=60),
            Column("DEAD", right=True, extra=WIDE),
            Column("A MINUTE", right=True),
            Column(_span(bars, view), extra=72),
        )
        rows: Rows = [
            (
                Cell(stage.name),
                Cell(str(stage.workers)),
                Cell(self._glyphs.shown(stage.state), stage.style),
                Cell(number(stage.done, self._glyphs)),
                Cell(number(stage.failed, self._glyphs), BAD if stage.failed else ""),
                Cell(self._rate(stage.rates)),
                Cell(self._bars(stage.rates, bars), "cyan"),
            )
            for stage in stages
        ]
        lines = table(columns, rows, self._width, self._glyphs)
        for stage in stages:
            said = [f"  {self._glyphs.shown(why)}" for why in stage.why]
            lines += [Text(self._glyphs.fit(line, self._width), stage.style) for line in said]
        return Section(lines, [], 0)

    def _rate(self, rates: Rates) -> str:
        rate = rates.per_minute
        return self._glyphs.none if rate is None else f"{rate:,.0f}"

    def _bars(self, rates: Rates, width: int) -> str:
        # The last bar goes on: it would always look like a fall.
        return self._glyphs.sparkline(rates.recent[:-1], width)

    def _groups(self, view: View, sight: Sight) -> Section:
        columns = (
            Column("STREAM"),
            Column("ENTRIES", right=True, extra=60),
            Column("A MINUTE", right=True, extra=WIDE),
            Column(_span(BARS, view), extra=WIDE),
            Column("GROUP", flexible=True),
            Column("LAG", right=True),
            Column("PENDING", right=True),
            Column("OLDEST", right=True),
        )
        rows: Rows = []
        for stream in sight.state.streams:
            rates = sight.rates[stream.stream.name]
            start = (
                Cell(stream.stream.name),
                Cell(f"{stream.length:,}"),
                Cell(self._rate(rates)),
                Cell(self._bars(rates, BARS), "cyan"),
            )
            again = (Cell(""),) * len(start)
            rows += [
                (*(again if at else start), *cells) for at, cells in enumerate(self._of(stream))
            ]
        head, *lines = table(columns, rows, self._width, self._glyphs)
        return Section([head], lines, 4)

    def _of(self, stream: StreamState) -> Rows:
        """What stands behind a stream: a row for each group, the stages' first."""
        nobody = Cell(self._glyphs.none, IDLE)
        if stream.groups:
            groups = sorted(stream.groups, key=lambda group: (not group.ours, -(group.lag or 0)))
            return [self._group(group) for group in groups]
        # Streams that nobody reads are shown where they are news themselves: dead letters.
        if stream.stream in CHANGE_STREAMS and not stream.length:
            return []
        return [(nobody, Cell(""), Cell(""), Cell(""))]

    def _group(self, group: GroupState) -> tuple[Cell, ...]:
        age = group.oldest_seconds
        oldest = Cell(self._glyphs.none if age is None else _age(age))
        if age is not None and age >= OLD:
            oldest = Cell(oldest.text, WARNING)
        lag = "?" if group.lag is None else f"{group.lag:,}"
        name = self._glyphs.shown(group.name)
        if group.name.startswith(INGEST_GROUP_PREFIX):
            # An inbox's id; its first characters tell one from another.
            name = name[: len(INGEST_GROUP_PREFIX) + 8]
        elif not group.ours:
            name = f"{name} (subscriber)"
        return (Cell(name), Cell(lag), Cell(f"{group.pending:,}"), oldest)

    def _long_files(self, view: View, sight: Sight) -> Section:
        lines = [
            self._glyphs.shown(line_of_file(file, view.now))
            for file in long_files(sight.state.workers)
        ]
        head = [Text("LONG FILES", "bold")] if lines else []
        return Section(head, [Text(self._glyphs.fit(line, self._width)) for line in lines], 2)

    def _ledger(self, view: View) -> Text:
        ledger = view.ledger
        if ledger is None:
            return self._labelled(
                "LEDGER", ["not told yet by a running ingest; now: wiredesk ledger"], IDLE
            )
        if ledger.unaccounted:
            lost = f"{ledger.unaccounted:,} UNACCOUNTED: wiredesk ledger"
        else:
            lost = "none unaccounted"
        parts = [f"{ledger.received:,} received", f"{ledger.in_flight:,} in flight", lost]
        if ledger.checked is not None:
            balanced = datetime.fromtimestamp(ledger.checked, UTC)
            parts.append(f"balanced {duration((view.now - balanced).total_seconds())} ago")
        return self._labelled("LEDGER", parts, BAD if ledger.unaccounted else GOOD)

    def _sources(self, sight: Sight) -> Text:
        parts = [
            f"{self._glyphs.fit(self._glyphs.shown(name or '(no source)'), 30)} {count}"
            for name, count in sight.sources
        ]
        return self._labelled("SOURCES", parts or ["none yet"], "" if parts else IDLE)

    def _labelled(self, label: str, parts: list[str], style: str) -> Text:
        line = Text(f"{label}  ", "bold", no_wrap=True)
        line.append(self._glyphs.joined(parts, self._width - len(label) - 2), style)
        return line

    def _receipts(self, view: View, sight: Sight) -> Section:
        if not sight.receipts:
            return Section([self._labelled("RECEIPTS", ["none yet"], IDLE)], [], 0)
        columns = (
            Column("RECEIPTS"),
            Column("FILE", flexible=True),
            Column("TOOK", right=True),
            Column("OUTCOMES"),
        )
        rows: Rows = [self._receipt(view, receipt) for receipt in sight.receipts]
        head, *lines = table(columns, rows, self._width, self._glyphs)
        return Section([head], lines, 2)

    def _receipt(self, view: View, receipt: ReceiptNote) -> tuple[Cell, ...]:
        counts = sorted(receipt.summary.items(), key=lambda each: (-each[1], each[0]))
        said = ", ".join(f"{count:,} {outcome}" for outcome, count in counts)
        rejected = bool(receipt.summary.get("rejected")) or not receipt.summary
        took = (receipt.settled_at - receipt.received_at).total_seconds()
        return (
            Cell(_clock(receipt.settled_at, view.now), IDLE),
            Cell(self._glyphs.shown(receipt.file)),
            Cell(_age(max(0.0, took))),
            # Seven kinds of outcomes at most, of which a receipt mostly has one or two.
            Cell(
                self._glyphs.fit(said or "no articles", max(12, self._width // 2)),
                WARNING if rejected else "",
            ),
        )

    def _dead(self, view: View, sight: Sight) -> Section:
        count = sum(each.length for each in sight.state.streams if each.stream == DEAD_STREAM)
        if not count:
            return Section([self._labelled("DEAD LETTERS", ["none"], GOOD)], [], 0)
        columns = (
            Column(f"{count:,} DEAD LETTER{'' if count == 1 else 'S'}"),
            Column("STAGE"),
            Column("FILE", flexible=True),
            Column("REASON", flexible=True),
        )
        rows: Rows = [
            (
                Cell(_clock(note.died_at, view.now), IDLE),
                Cell(self._glyphs.shown(note.stage)),
                Cell(self._glyphs.shown(note.file or self._glyphs.none)),
                Cell(self._glyphs.shown(_reason(note.error_type, note.reason)), BAD),
            )
            for note in sight.dead
        ]
        head, *lines = table(columns, rows, self._width, self._glyphs)
        return Section([head], lines, 2)

    def _addresses(self, sight: Sight) -> list[Text]:
        workers = sight.state.workers
        shown = self._glyphs.shown
        lines = [
            self._labelled("API", [shown(address) for address in api_addresses(workers)], ""),
            self._labelled("HEALTH", [shown(each) for each in health_addresses(workers)], ""),
        ]
        known = (api_addresses(workers), health_addresses(workers))
        return [line for line, there in zip(lines, known, strict=True) if there]


def _shares(sections: list[Section], room: int) -> list[int]:
    """How many rows of each section are shown: first the least of each, then in turns."""
    left = room - sum(len(section.head) for section in sections)
    shown = [0] * len(sections)
    for limit in (lambda section: min(section.least, len(section.rows)), lambda s: len(s.rows)):
        while left > 0:
            open_ = [at for at, each in enumerate(sections) if shown[at] < limit(each)]
            if not open_:
                break
            for at in open_[:left]:
                shown[at] += 1
                left -= 1
    return shown


def _span(bars: int, view: View) -> str:
    """The headline of a sparkline: how far back it goes."""
    return f"LAST {duration(bars * view.bar_seconds)}".upper().ljust(bars)


def _age(seconds: float) -> str:
    """Seconds to a tenth below a minute, then in the unit that fits."""
    return f"{seconds:.1f} s" if seconds < 60 else duration(seconds)  # noqa: PLR2004  # a minute


def _clock(when: datetime, now: datetime) -> str:
    """The time of day here; the day, where it was longer ago than one."""
    local = when.astimezone()
    return f"{local:%H:%M:%S}" if now - when < timedelta(days=1) else f"{local:%d %b %Y}"


def _reason(kind: str, reason: str | None) -> str:
    first = (reason or "").split("\n", 1)[0]
    return first if kind == "Reject" and first else f"{kind}: {first}" if first else kind
