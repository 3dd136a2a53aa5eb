"""Where a record without an outcome stands: on its way, waiting for its turn, or lost.

A record may be nowhere on the server for a while and not be lost: before it is sent, and after
the server forgot it, until ingest sends it again.  It counts as lost once that is long overdue,
or where it can be seen that nothing will bring it on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from services.ingest.taking import MOST_REDRIVE_DOUBLINGS

if TYPE_CHECKING:
    from services.bus.ledger import Place
    from services.ingest.ledger_book import OpenEntry

LATE_INTERVALS = 3
"""Times ``redrive_interval`` after which a record that wasn't sent again is overdue: one for the
look that was just missed, two for a server that came back meanwhile."""

SECONDS_PER_DROP = 0.5
"""What each drop that is due may take before it is this one's turn: a long file is read again to
the part that is missing."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What else must be known to tell. Times are seconds since 1970.

    ``ingest_since``: since when ingest owns the inbox; None where it isn't running.
    ``has_room``: whether ingest may publish.  ``due``: drops that wait to be sent again.
    """

    now: float
    redrive_interval: float
    ingest_since: float | None
    has_room: bool = True
    due: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a record stands: in words, and what is wrong with that, if anything is."""

    where: str
    trouble: str | None = None
    advice: str | None = None


def standing(entry: OpenEntry, place: Place, at: Circumstances) -> Standing:
    """Where ``entry`` stands, which ``place`` was found of."""
    if place.is_on_its_way:
        what = (
            "outcome on its way to ingest" if place.has_outcome else f"on the {place.stream} stream"
        )
        return Standing(f"{what}, {place.state}")
    if place.state == "done":
        return _stuck(place)
    return _unsent(entry, place, at)


def _stuck(place: Place) -> Standing:
    where = f"entry {place.entry_id} of the {place.stream} stream, acknowledged"
    if place.has_outcome:
        trouble = "ingest acknowledged its outcome and its journal doesn't have it"
    else:
        trouble = "its message was acknowledged and led to nothing"
    advice = (
        "`wiredesk dead list` shows whether its message was unreadable; if it isn't there, drop "
        "the file again"
    )
    return Standing(where, trouble, advice)


def _unsent(entry: OpenEntry, place: Place, at: Circumstances) -> Standing:
    due = due_at(entry, at)
    where = "not sent yet" if entry.attempts == 0 else "not on the server any more"
    if place.stream:
        where += f" (was entry {place.entry_id} of the {place.stream} stream)"
    if at.ingest_since is None:
        return Standing(f"{where}; ingest sends it when it runs again")
    if not at.has_room:
        return Standing(f"{where}; ingest sends it when there is room on the raw stream")
    if not is_overdue(entry, at):
        return Standing(f"{where}; ingest sends it at {_time(due)}" if entry.attempts else where)
    return Standing(
        where,
        f"ingest should have sent it at {_time(due)} and hasn't",
        "the log's lines `file.waiting` and `inbox.waiting` say what ingest waits for; if there "
        "are none, start ingest anew: it reads the file again",
    )


def due_at(entry: OpenEntry, at: Circumstances) -> float:
    """When ingest sends the drop of ``entry`` (again), as :mod:`services.ingest.taking` does."""
    if entry.sent_at is None:
        due = entry.received_at / 1000
    else:
        doublings = min(max(0, entry.attempts - 1), MOST_REDRIVE_DOUBLINGS)
        due = entry.sent_at / 1000 + at.redrive_interval * 2**doublings
    # After its start ingest first waits whether an outcome comes by itself.
    started = 0.0 if at.ingest_since is None else at.ingest_since + at.redrive_interval
    return max(due, started)


def is_overdue(entry: OpenEntry, at: Circumstances) -> bool:
    """Whether ingest runs, could send it, and hasn't for long."""
    if at.ingest_since is None or not at.has_room:
        return False
    patience = LATE_INTERVALS * at.redrive_interval + SECONDS_PER_DROP * at.due
    return at.now > due_at(entry, at) + patience


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
