"""What is fuzzed: one target for each reader, on bytes, with the samples as seeds."""

from __future__ import annotations

import io
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from services.ingest.readers.base import Budget, Limits, Resume, Source, Unreadable
from services.ingest.readers.registry import READERS, reader_for
from services.ingest.readers.sniff import HEAD_BYTES
from tests.golden.make_golden import samples
from tests.readers.contract import assert_all, gathered

if TYPE_CHECKING:
    from services.ingest.readers.base import Reader

FOUND = Path(__file__).parent / "found"
"""Inputs that once broke a reader, named ``<reader>-<what was wrong>``."""

LIMITS = Limits(article_bytes=1024 * 1024, expanded_bytes=64 * 1024 * 1024, members=1000)
"""Small, so that an input of some kilobytes can come to each of them."""

LONGEST_INPUT = 20_000
"""Bytes: room for every structure of a format, and thousands of inputs a minute."""

SLOWEST = 10.0
"""Seconds that one input may take: a hundred times what the slowest sample takes on a full machine.
More means that the time grows faster than the input."""

TARGETS: dict[str, type[Reader]] = {kind.name: kind for kind in READERS}


class TooSlow(AssertionError):  # noqa: N818  (named for what is the case)
    """An input took longer than :data:`SLOWEST`."""


def source(data: bytes, name: str = "input") -> Source:
    """The bytes as a file, with a budget of their own."""
    return Source(name, len(data), lambda: io.BytesIO(data), budget=Budget(LIMITS.expanded_bytes))


def check(target: str, data: bytes) -> None:
    """That the reader makes of ``data`` what the contract allows, in time, and can go on anywhere.

    Raises ``AssertionError``, or whatever the reader let through.
    """
    reader = TARGETS[target](LIMITS)
    started = time.monotonic()
    claimed = reader.claims(data[:HEAD_BYTES], "input")
    found = gathered(reader.read(source(data)))
    assert_all(found)
    # One place for each input, chosen by its bytes so that a finding repeats. (What another reader
    # claims was never begun by this one, so that there is nothing to go on with.)
    cut = found[zlib.crc32(data) % len(found)]
    if claimed and not isinstance(cut, tuple):
        rest = gathered(reader.resume(source(data), Resume(cut.position, cut.checkpoint)))
        assert rest == found[cut.position :], f"read on after record {cut.position}"
    took = time.monotonic() - started
    if took > SLOWEST:
        raise TooSlow(f"{took:.1f} s for {len(data)} bytes")


def seeds(target: str) -> list[Path]:
    """The samples that this reader reads, and what was found before."""
    own = [path for path in samples() if reader_of(path) == target]
    return [*own, *sorted(FOUND.glob(f"{target}-*"))]


def reader_of(path: Path) -> str | None:
    """The name of the reader that takes this file."""
    head = path.read_bytes()[:HEAD_BYTES]
    try:
        return reader_for(head, path.name, LIMITS).name
    except Unreadable:
        return None
