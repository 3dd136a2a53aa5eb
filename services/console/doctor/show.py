"""What checks found, as a person reads it at 80 columns, and as one JSON document."""

from __future__ import annotations

import textwrap
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rich.text import Text

from services.console.doctor.findings import STATES, worst
from services.observability import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from services.console.doctor.examining import Result
    from services.console.doctor.findings import Finding, State

WIDTH = 80
"""Columns at most: an ssh session's. Wider lines are harder to read, not easier."""

COLOURS: dict[State, str] = {
    "ok": "green",
    "unknown": "magenta",
    "warning": "yellow",
    "failure": "bold red",
}

EXIT: dict[State, int] = {"ok": 0, "warning": 1, "failure": 2, "unknown": 3}
"""Exit codes as monitoring plugins have them, so that Nagios and its kin can run doctor."""


def exit_code(results: Sequence[Result]) -> int:
    """0 all well, 1 warnings, 2 failures, 3 where something could only not be looked at."""
    return EXIT[worst(result.finding.state for result in results)]


def as_document(results: Sequence[Result]) -> dict[str, Any]:
    """The results as JSON-ready data. ``seconds``: how long each check took."""
    return {
        "state": worst(result.finding.state for result in results),
        "checks": [
            {
                "check": result.check.name,
                "state": result.finding.state,
                "looked_at": result.check.looks_at,
                "found": list(result.finding.found),
                "why": result.check.why,
                "advice": list(result.finding.advice),
                "seconds": round(result.seconds, 3),
            }
            for result in results
        ],
    }


def show(results: Sequence[Result], console: Console) -> None:
    """One line for each check by area, then what isn't ok in full, the worst last."""
    for area, of_area in groupby(results, key=lambda result: result.check.area):
        console.print(Text(area, style="bold"))
        for result in of_area:
            _line(result, console)
    for same in _told_together(results):
        console.print()
        _in_full(same, console)
    console.print()
    console.print(_sum(results))


def _told_together(results: Sequence[Result]) -> list[list[Result]]:
    """What isn't ok, the worst last; checks that found the very same, such as nothing, together."""
    together: dict[Finding, list[Result]] = {}
    for result in results:
        if result.finding.state != "ok":
            together.setdefault(result.finding, []).append(result)
    return sorted(together.values(), key=lambda same: STATES.index(same[0].finding.state))


def _line(result: Result, console: Console) -> None:
    state = result.finding.state
    head = f"  {state:<8} {result.check.name.partition('.')[2]:<15} "
    room = WIDTH - len(head)
    found = printable(result.finding.found[0]) if result.finding.found else ""
    more = f" (+{len(result.finding.found) - 1})" if len(result.finding.found) > 1 else ""
    shown = textwrap.shorten(found, room - len(more), placeholder=" …") + more
    # Names that stand in findings may be longer than a line without a blank.
    text = Text(f"{head}{shown}"[:WIDTH])
    text.stylize(COLOURS[state], 2, 2 + len(state))
    console.print(text, soft_wrap=True)


def _in_full(same: Sequence[Result], console: Console) -> None:
    finding = same[0].finding
    names = ", ".join(result.check.name for result in same)
    head = f"{finding.state}: "
    for number, line in enumerate(textwrap.wrap(names, WIDTH - len(head))):
        lead = head if number == 0 else " " * len(head)
        console.print(Text(f"{lead}{line}", style=COLOURS[finding.state]), soft_wrap=True)
    for line in finding.found:
        _paragraph(console, "  found  ", line)
    if len(same) == 1:
        _paragraph(console, "  why    ", same[0].check.why)
    for line in finding.advice:
        _paragraph(console, "  do     ", line)


def _paragraph(console: Console, label: str, text: str) -> None:
    # Commands and paths are to be copied: they are broken at blanks only.
    lines = textwrap.wrap(
        printable(text),
        WIDTH - len(label),
        break_long_words=False,
        break_on_hyphens=False,
    )
    for number, line in enumerate(lines or [""]):
        lead = label if number == 0 else " " * len(label)
        console.print(Text(f"{lead}{line}"), soft_wrap=True)


def _sum(results: Sequence[Result]) -> Text:
    counts = Counter(result.finding.state for result in results)
    parts = [_number(counts[state], state) for state in STATES]
    longest = max((result.seconds for result in results), default=0.0)
    return Text(f"{len(results)} checks: {', '.join(parts)} ({longest:.1f} s)")


def _number(count: int, state: State) -> str:
    plural = "s" if state in {"warning", "failure"} and count != 1 else ""
    return f"{count} {state}{plural}"
