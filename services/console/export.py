"""``wiredesk export``: articles of the store into a file that is there whole or not at all."""

from __future__ import annotations

import gzip
import os
import secrets
import signal
import stat
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, cast

from services.indexer.export import JsonLines, MissingPyarrow, Parquet, articles, export

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from services.indexer.export import Writer
    from services.indexer.store.base import ArticleStore, Query

Format = Literal["jsonl", "parquet"]

STANDARD_OUTPUT = "-"
JSON_NAMES = (".jsonl", ".ndjson")
PARQUET_NAMES = (".parquet", ".pq")
PACKED = (".gz", ".zst")

GZIP_LEVEL, ZSTD_LEVEL = 6, 3
"""The programs' own defaults: more takes several times as long for some hundredths of the size."""

TELL_EVERY = 0.5
"""Seconds between two lines of progress: often enough to see that it goes on."""


class CannotExport(ValueError):  # noqa: N818  (named for what is the matter)
    """What was asked for can't be written; the message says why, and what to do."""


def run_export(store: ArticleStore, query: Query, target: str, given: Format | None = None) -> int:
    """Write all that ``query`` finds to ``target`` (``-``: standard output); how many there were.

    A file appears under its name when all is written and on the disk, and replaces an earlier
    one only then.  :class:`CannotExport` for what the caller can mend, before anything is
    written; ``BadQuery`` as the store says.
    """
    if target == STANDARD_OUTPUT:
        if given == "parquet":
            raise CannotExport("Parquet can't be written to standard output; name a file")
        count = _write(store, query, JsonLines(sys.stdout.buffer))
        sys.stdout.buffer.flush()
        return count
    path = Path(target)
    wanted = given or format_of(path)
    with written_whole(path) as raw, ExitStack() as stack:
        if wanted == "parquet":
            return _write(store, query, _parquet(raw))
        return _write(store, query, JsonLines(stack.enter_context(_packed(path, raw))))


def format_of(path: Path) -> Format:
    """What the file's name says; :class:`CannotExport` where it says nothing."""
    endings = [ending.lower() for ending in path.suffixes]
    if endings and endings[-1] in PACKED:
        endings.pop()
    elif endings and endings[-1] in PARQUET_NAMES:
        return "parquet"
    if endings and endings[-1] in JSON_NAMES:
        return "jsonl"
    names = ", ".join((*JSON_NAMES, f"{JSON_NAMES[0]}.gz", f"{JSON_NAMES[0]}.zst", ".parquet"))
    raise CannotExport(f"{path.name} ends with none of {names}; say --format jsonl or parquet")


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """A stream for what is to stand at ``path``; only there once everything has been written.

    Whatever ends it early leaves the folder as it was.
    """
    path = path.resolve()
    _check_place(path)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _check_place(path: Path) -> None:
    if not path.parent.is_dir():
        raise CannotExport(f"there is no folder {path.parent}")
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        raise CannotExport(f"{path} is no file that could be replaced; - is standard output")


@contextmanager
def _packed(path: Path, raw: BinaryIO) -> Iterator[BinaryIO]:
    """A stream that packs as the name says."""
    if path.suffix.lower() == ".gz":
        # Without name and time: the same articles give the same bytes.
        with gzip.GzipFile("", "wb", GZIP_LEVEL, raw, mtime=0) as stream:
            yield cast("BinaryIO", stream)
    elif path.suffix.lower() == ".zst":
        try:
            import zstandard  # noqa: PLC0415  (comes with the extra for ingest)
        except ImportError as error:
            raise CannotExport(
                "Zstandard needs its package: pip install zstandard; or end the name with .gz"
            ) from error
        packer = zstandard.ZstdCompressor(level=ZSTD_LEVEL)
        with packer.stream_writer(raw, closefd=False) as zstd:
            yield cast("BinaryIO", zstd)
    else:
        yield raw


def _parquet(raw: BinaryIO) -> Writer:
    try:
        return Parquet(raw)
    except MissingPyarrow as error:
        raise CannotExport(str(error)) from error


def _write(store: ArticleStore, query: Query, writer: Writer) -> int:
    progress = Progress(sys.stderr)
    try:
        return export(articles(store, query), writer, progress.tell)
    finally:
        progress.end()


class Progress:
    """A line on a terminal that says how far it is; nothing elsewhere."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream if stream.isatty() else None
        self._started = self._told = time.monotonic()
        self._shown = False

    def tell(self, count: int) -> None:
        """Show the number of articles, if it is time to."""
        now = time.monotonic()
        if self._stream is None or now - self._told < TELL_EVERY:
            return
        rate = count / (now - self._started)
        self._stream.write(f"\r{count:,} articles, {rate:,.0f} a second \x1b[K")
        self._stream.flush()
        self._told, self._shown = now, True

    def end(self) -> None:
        """Take the line away."""
        if self._stream is not None and self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


@contextmanager
def ending_cleanly() -> Iterator[None]:
    """SIGTERM and a closed terminal end the export as Ctrl-C does: nothing half is left."""
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, signal.default_int_handler) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
