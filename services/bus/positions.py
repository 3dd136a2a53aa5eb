"""Where in the streams somebody is: entry ids as numbers, and positions over several streams.

A position is written as one word, e.g. ``e1772452800000-0_o1772452800003-1``; of a stream in
another partition than the desk's home as ``e2.1772452800000-0``.  It is opaque to subscribers: they
hand it back as they got it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from services.bus.keys import ENRICHED_STREAM, ENTITY_STREAM, OUTCOME_STREAM, STORY_STREAM
from services.bus.lines import line_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from services.bus.keys import Stream

EntryId = tuple[int, int]
"""Milliseconds since 1970 by the server's clock, and a number within that millisecond."""

Start = Literal["beginning", "now"] | datetime
"""Where a subscriber begins: with the oldest event that is kept, with what comes, or at a time."""

FIRST: EntryId = (0, 0)
"""Before every entry."""

MAX_SEQ = 2**64 - 1
"""The last number within a millisecond. No server comes near it, so an id with it is a point
between entries: never the id of one."""

MAX_MS = 2**63 - 1
"""Milliseconds that are taken from outside; a server would take twice that, nobody has them."""

LETTERS: Mapping[str, Stream] = {
    "e": ENRICHED_STREAM,
    "n": ENTITY_STREAM,
    "o": OUTCOME_STREAM,
    "s": STORY_STREAM,
}
"""How a position names the streams that subscribers may read."""

MOST_PARTS = 4096
"""Parts of a position that are looked at: four streams in as many partitions as there may be."""

_PART = re.compile(r"([enos])(?:([1-9]\d{0,3})\.)?(\d{1,19})-(\d{1,20})")
_ZONE_OF_A_QUERY = re.compile(r"(T.*) (\d\d:?\d\d)$")
"""A plus sign that nobody escaped comes out of a query string as a space."""

_LETTER = {stream.name: letter for letter, stream in LETTERS.items()}


class BadPosition(ValueError):  # noqa: N818  (named for what it is, like BadFilter)
    """What was given is no position or no start; the message says what would do."""


def entry_id(raw: bytes | str) -> EntryId:
    """An entry id as the server writes it."""
    text = raw.decode() if isinstance(raw, bytes) else raw
    ms, _, seq = text.partition("-")
    return int(ms), int(seq or 0)


def written(entry: EntryId) -> str:
    """An entry id as the server reads it."""
    return f"{entry[0]}-{entry[1]}"


def just_before(ms: int) -> EntryId:
    """The point before every entry of a millisecond."""
    return (ms - 1, MAX_SEQ) if ms > 0 else FIRST


def between(entry: EntryId) -> bool:
    """Whether this is a point between entries, not the id of one."""
    return entry == FIRST or entry[1] == MAX_SEQ


def time_of(entry: EntryId) -> datetime:
    """When the entry was added, by the server's clock; the last time there is, for later ones."""
    try:
        return datetime.fromtimestamp(entry[0] / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.max.replace(tzinfo=UTC)


def start_of(text: str, now: datetime) -> Start:
    """``beginning``, ``now`` or a time in ISO 8601 (UTC unless it says another zone)."""
    if text == "beginning":
        return "beginning"
    if text == "now":
        return "now"
    try:
        time = datetime.fromisoformat(_ZONE_OF_A_QUERY.sub(r"\1+\2", text))
    except ValueError:
        raise BadPosition(
            "where to start is beginning, now, or a time such as 2026-11-20T10:00Z"
        ) from None
    time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    if time > now:
        raise BadPosition(f"{text} lies in the future; now begins with what comes next")
    if time.year < 1970:  # noqa: PLR2004  (where the server's ids begin)
        return "beginning"
    return time


def point_of(time: datetime) -> EntryId:
    """The point before every entry that was added at ``time`` or later."""
    return just_before(int(time.timestamp() * 1000))


@dataclass(frozen=True, slots=True)
class Position:
    """The last entry seen of each stream in each partition, by the line's name."""

    at: Mapping[str, EntryId]

    @classmethod
    def parse(cls, text: str) -> Position:
        """What ``str`` wrote; :class:`BadPosition` for anything else."""
        parts = [_PART.fullmatch(part) for part in text.split("_", MOST_PARTS)]
        at = {
            line_of(LETTERS[part[1]], int(part[2] or 0)).name: (int(part[3]), int(part[4]))
            for part in parts
            if part is not None and int(part[3]) <= MAX_MS and int(part[4]) <= MAX_SEQ
        }
        if len(at) != len(parts):
            raise BadPosition(
                "this is no position of this feed: give back the id of the last event as it came, "
                "or none"
            )
        return cls(at)

    def over(self, streams: Iterable[Stream]) -> Position:
        """The position over just these lines.

        One that it doesn't know (a further type, or partition) is begun at the earliest point
        of the others, so that whoever asks for it misses nothing of it.
        """
        earliest = min(self.at.values(), default=FIRST)
        point = just_before(earliest[0])
        return Position({stream.name: self.at.get(stream.name, point) for stream in streams})

    def __str__(self) -> str:
        """One word, the same for the same position."""
        named = sorted((*_named(name), written(entry)) for name, entry in self.at.items())
        return "_".join(
            f"{letter}{partition}.{entry}" if partition else letter + entry
            for letter, partition, entry in named
        )


def _named(line: str) -> tuple[str, int]:
    """Letter and partition of a line."""
    stream, _, partition = line.partition("/")
    return _LETTER[stream], int(partition or 0)
