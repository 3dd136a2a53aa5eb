"""A stream in one partition, as who reads several of them side by side names it.

At home it is the stream itself (``enriched``); elsewhere one of its event, called ``enriched/2``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.bus.keys import Stream

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.bus.keys import Keys


def line_of(stream: Stream, partition: int) -> Stream:
    """A stream in a partition."""
    return Stream(f"{stream.name}/{partition}", stream.event) if partition else stream


def lines_of(keys: Keys, streams: Iterable[Stream]) -> tuple[Stream, ...]:
    """Each stream in each partition that it lies in."""
    return tuple(
        line_of(stream, here.partition) for stream in streams for here in keys.each(stream)
    )


def stream_of(line: Stream) -> Stream:
    """The stream that a line is of, under its own name."""
    return Stream(line.name.partition("/")[0], line.event)


def keys_of(keys: Keys, line: Stream) -> Keys:
    """The keys of the partition that a line lies in."""
    return keys.at(int(line.name.partition("/")[2] or 0))


def key_of(keys: Keys, line: Stream) -> str:
    """The key of a line's entries."""
    return keys_of(keys, line).stream(stream_of(line))


def by_partition(keys: Keys, lines: Iterable[Stream]) -> list[tuple[Keys, tuple[Stream, ...]]]:
    """The lines of each partition, in their order: what may be asked for at one moment."""
    found: dict[Keys, list[Stream]] = {}
    for line in lines:
        found.setdefault(keys_of(keys, line), []).append(line)
    return [(here, tuple(mine)) for here, mine in found.items()]
