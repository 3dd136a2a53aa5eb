"""Sights of desks for the tests of ``wiredesk status``, and a screen to show them on."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from rich.console import Console

from services.bus.board import DeadNote, Rates, Sight
from services.bus.budget import Halt
from services.bus.keys import CHANGE_STREAMS, DEAD_STREAM, STREAMS
from services.bus.overview import GroupState, Overview, StreamState
from services.bus.receipt_notes import ReceiptNote
from services.console.status_cells import glyphs_of
from services.console.status_view import Screen, View
from tests.factories import NOON, article_id

if TYPE_CHECKING:
    from rich.text import Text

HOSTILE = "[red]x[/red]\x1b[2J\r\nforged\u202e"
NOW = NOON + timedelta(minutes=5)
GROUPS = {"raw": "enrichment", "enriched": "indexer", "outcomes": "ingest:5c1e0000-aaaa"}


def worker(stage: str, **over: Any) -> dict[str, Any]:
    """A sign of life."""
    facts = {"stage": stage, "host": "h", "pid": 7, "done": 12_345, "failed": 0, "version": "1"}
    return facts | {"waiting_for": None, "busy_seconds": None} | over


def workers(**over: Any) -> tuple[dict[str, Any], ...]:
    """One of each stage and a second one of enrichment."""
    stages = ("enrichment", "enrichment", "indexer", "ingest")
    return tuple(worker(stage, **over) for stage in stages)


def halt(group: str = "enrichment") -> Halt:
    return Halt(
        group=group,
        at=NOON,
        rule="in_a_row",
        row=50,
        dead=60,
        of=200,
        commonest=f"no {HOSTILE} model",
        times=48,
        last=(),
        passed=0,
        failed=1,
    )


def receipt(number: int, **over: Any) -> ReceiptNote:
    facts: dict[str, Any] = {
        "file": f"wire-{number}.xml",
        "received_at": NOON,
        "settled_at": NOON + timedelta(seconds=number),
        "articles": 4,
        "summary": {"indexed": 3, "rejected": 1},
    }
    return ReceiptNote.model_validate(facts | over)


def dead_note(number: int, **over: Any) -> DeadNote:
    facts: dict[str, Any] = {
        "entry_id": f"1-{number}",
        "stage": "enrichment",
        "error_type": "ValueError",
        "attempts": 3,
        "died_at": NOON + timedelta(seconds=number),
        "file": f"bad-{number}.xml",
        "article_id": article_id(number),
        "reason": "no text left after cleaning it and after all else that was tried",
    }
    return DeadNote(**(facts | over))


def sight(**over: Any) -> Sight:
    """A busy desk. ``workers``, ``halts``, ``subscribers`` (names) and what a sight has."""
    subscribers: tuple[str, ...] = over.pop("subscribers", ())
    dead: tuple[DeadNote, ...] = over.pop("dead", tuple(dead_note(n) for n in range(20)))
    streams = []
    for stream in (*STREAMS, *CHANGE_STREAMS):
        name = GROUPS.get(stream.name)
        groups = [GroupState(name, True, 1234, 8, 72.6)] if name else []
        if stream.name == "enriched":
            groups += [GroupState(each, False, None, 0, None) for each in subscribers]
        length = len(dead) if stream == DEAD_STREAM else 9_876_543 if name else 0
        streams.append(StreamState(stream, length, tuple(groups)))
    facts: dict[str, Any] = {
        "state": Overview(
            tuple(streams), over.pop("workers", workers(busy_seconds=0.4)), over.pop("halts", ())
        ),
        "rates": {
            s.name: Rates(100, 5432.1, tuple(range(40))) for s in (*STREAMS, *CHANGE_STREAMS)
        },
        "dead": dead,
        "receipts": tuple(receipt(number) for number in range(20)),
        "sources": (("Reuters", 210), ("AP", 120), (None, 8)),
    }
    return Sight(**(facts | over))


def view(**over: Any) -> View:
    facts: dict[str, Any] = {"where": "/srv/inbox", "now": NOW, "sight": sight(), "at": NOW}
    return View(**(facts | over))


def drawn(shown: View, width: int = 80, height: int = 24, encoding: str = "utf-8") -> list[Text]:
    """The lines of a view, each as it is (with what would be too wide)."""
    return Screen(glyphs_of(encoding), width, height).lines(shown)


def words(shown: View, width: int = 80, height: int = 24, encoding: str = "utf-8") -> list[str]:
    return [line.plain for line in drawn(shown, width, height, encoding)]


def printed(shown: View, width: int = 80, height: int = 24) -> str:
    """What a terminal is sent."""
    console = Console(width=width, height=height, force_terminal=True, color_system="standard")
    with console.capture() as captured:
        for line in drawn(shown, width, height):
            console.print(line)
    return captured.get()
