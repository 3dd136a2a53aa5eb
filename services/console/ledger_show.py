"""The ledger as a person or a program reads it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from services.console.ledger_model import IN_FLIGHT, OUTCOMES, RECEIVED, UNACCOUNTED
from services.observability import printable

if TYPE_CHECKING:
    from collections import Counter

    from rich.console import Console

    from services.console.ledger_model import Finding, Ledger, Line

COLUMNS = (RECEIVED, *OUTCOMES, IN_FLIGHT, UNACCOUNTED)

SHORT = {
    RECEIVED: "recvd",
    "indexed": "index",
    "updated": "updat",
    "unchanged": "same",
    "duplicate": "dupl",
    "superseded": "super",
    "withdrawn": "withd",
    "rejected": "rejec",
    IN_FLIGHT: "flight",
    UNACCOUNTED: "LOST",
}
"""Headings of at most six letters: nine numbers and a name fit 80 columns."""

NAMED = 20
"""Articles named on a terminal; ``--json`` names all."""

OTHERS = 3
"""Inboxes told that aren't this one's: each run of ``wiredesk reenrich`` counts as one."""

NUMBER_WIDTH = 8
"""Columns of a terminal that a number takes, with its space."""

LEAST_KEY = 16
"""Characters of a file's or source's name that are shown in any case: as long as an hour is."""


def as_document(ledger: Ledger) -> dict[str, Any]:
    """The ledger as JSON-ready data."""
    return {
        "inbox_id": str(ledger.inbox_id),
        "balanced": ledger.balanced,
        "total": _counts(ledger.total.counts),
        "lines": [{"key": line.key, **_counts(line.counts)} for line in ledger.lines],
        "in_flight": dict(ledger.waiting),
        "rejected": {
            "at_reading": ledger.rejected_at_reading,
            "by_stages": ledger.rejected_by_stages,
            "listed_by_server": ledger.counted_by_server,
        },
        "others": {name: dict(counts) for name, counts in ledger.others.items()},
        "unaccounted": [
            {**asdict(found), "article_id": str(found.article_id), "drop_id": str(found.drop_id)}
            for found in ledger.findings
        ],
        "problems": ledger.problems,
        "not_looked_at": ledger.missing,
    }


def _counts(counts: Counter[str]) -> dict[str, int]:
    return {state: counts[state] for state in COLUMNS}


def show(ledger: Ledger, console: Console) -> None:
    """Print the ledger."""
    if ledger.lines:
        _show_lines(ledger, console)
    else:
        _show_total(ledger, console)
    largest = sorted(ledger.others.items(), key=lambda each: -sum(each[1].values()))
    for name, counts in largest[:OTHERS]:
        said = ", ".join(f"{counts[kind]} {kind}" for kind in OUTCOMES if counts[kind])
        _say(console, f"left out, inbox {name}: {said}")
    if len(largest) > OTHERS:
        _say(console, f"… and {len(largest) - OTHERS} more, smaller ones; --json has all")
    for finding in ledger.findings[:NAMED]:
        _show_finding(finding, console)
    if len(ledger.findings) > NAMED:
        _say(console, f"… and {len(ledger.findings) - NAMED} more; --json names all")
    for problem in ledger.problems:
        _say(console, f"! {problem}")
    for missing in ledger.missing:
        _say(console, f"not looked at: {missing}")
    _say(console, verdict(ledger))


def verdict(ledger: Ledger) -> str:
    """The last line."""
    counts = ledger.total.counts
    sides = f"{counts[RECEIVED]} received, {ledger.total.explained} explained"
    if ledger.amiss:
        number = len(ledger.findings)
        named = f"; {number} article{'' if number == 1 else 's'} named above" if number else ""
        return f"DOES NOT BALANCE: {sides}{named}"
    if ledger.missing:
        return f"not balanced: {sides}, but not everything could be looked at"
    return f"balanced: {sides}"


def _show_total(ledger: Ledger, console: Console) -> None:
    counts = ledger.total.counts
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="dim")
    for state in COLUMNS:
        if state != UNACCOUNTED or counts[state]:
            name = state.replace("_", " ") if state == RECEIVED else f"  {state.replace('_', ' ')}"
            table.add_row(name, f"{counts[state]:,}", _evidence(ledger, state))
    console.print(table)


def _evidence(ledger: Ledger, state: str) -> str:
    """Who counted it."""
    if state == RECEIVED:
        return "counted by ingest"
    if state == IN_FLIGHT:
        return ", ".join(f"{number} {where}" for where, number in sorted(ledger.waiting.items()))
    if state == "rejected":
        return _evidence_of_rejections(ledger)
    return ""


def _evidence_of_rejections(ledger: Ledger) -> str:
    stages, listed = ledger.rejected_by_stages, ledger.counted_by_server
    parts = [f"{ledger.rejected_at_reading} by ingest"] if ledger.rejected_at_reading else []
    if stages:
        if listed is None:
            said = "known from receipts"
        elif listed < stages:
            said = f"{listed} in the server's list, {stages - listed} from receipts only"
        else:
            said = "in the server's list, too"
        parts.append(f"{stages} by stages ({said})")
    return ", ".join(parts)


def _show_lines(ledger: Ledger, console: Console) -> None:
    shown = [
        state
        for state in COLUMNS
        if state in {RECEIVED, IN_FLIGHT}
        or any(line.counts[state] for line in (ledger.total, *ledger.lines))
    ]
    table = Table(box=None, pad_edge=False)
    width = max(LEAST_KEY, console.width - NUMBER_WIDTH * len(shown) - 2)
    table.add_column("", max_width=width, overflow="ellipsis", no_wrap=True)
    for state in shown:
        table.add_column(SHORT[state], justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for line in (*ledger.lines, ledger.total):
        _add(table, line, shown, checked=not ledger.missing)
    console.print(table)


def _add(table: Table, line: Line, shown: list[str], *, checked: bool) -> None:
    numbers = (str(line.counts[state]) for state in shown)
    table.add_row(Text(printable(line.key)), *numbers, "!" if checked and not line.balances else "")


def _show_finding(finding: Finding, console: Console) -> None:
    where = "" if finding.file is None else f" · {finding.file}"
    if finding.position is not None:
        where += f" · {finding.locator or f'record {finding.position}'}"
    _say(console, f"! article {finding.article_id}{where}")
    _say(console, f"    {finding.problem}")
    seen = f"; last seen: {finding.last_seen}" if finding.last_seen else ""
    _say(console, f"    drop {finding.drop_id}{seen}")
    _say(console, f"    what to do: {finding.advice}")


def _say(console: Console, text: str) -> None:
    console.print(Text(printable(text)), soft_wrap=True)
