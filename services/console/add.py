"""``wiredesk add``: drop files, follow them, say what became of each."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from redis.exceptions import RedisError
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.text import Text

from services.bus.connect import probe, server_url
from services.bus.errors import StopWorking
from services.bus.keys import Keys, receipts_stage
from services.bus.overview import workers_of
from services.console.dropping import Dropped, NotDropped, drop
from services.console.progress import LongFile, long_files
from services.console.receipts import FoundReceipt, ReceiptSearch
from services.ingest.presence import inbox_id_of
from services.observability import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from uuid import UUID

    from rich.console import Console
    from rich.progress import TaskID

    from services.settings import Settings

ACCEPTED, REFUSED, CANT_WAIT = 0, 1, 2
"""Exit codes: all was accepted; something was rejected or not dropped; nobody to wait for."""

PATIENCE = 5.0
"""Seconds without a sign of an ingest after which waiting ends: longer than a restart takes."""

LOOK_EVERY = 0.2
"""Seconds between two looks for receipts: at once for a person, nothing for the disk. Where a
look takes long (very many receipts) four times as long as that."""

ASK_EVERY = 1.0
"""Seconds between two looks at ingest's sign of life, which is renewed about as often."""


@dataclass(frozen=True, slots=True)
class Timer:
    """``now`` tells seconds that never go back, ``sleep`` lets some pass."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Ask(Protocol):
    """Asks how far ingest is."""

    def __call__(self) -> Sequence[LongFile] | None:
        """The long files in work; None where no ingest of this inbox shows a sign of life."""


@dataclass(frozen=True, slots=True)
class SignOfLife:
    """Asks the server for the sign of life of the ingest that owns the inbox."""

    settings: Settings

    def __call__(self) -> Sequence[LongFile] | None:
        """See :class:`Ask`."""
        inbox_id = inbox_id_of(os.fsencode(self.settings.inbox))
        if inbox_id is None:
            return None
        try:
            workers = asyncio.run(self._workers(server_url(self.settings), inbox_id))
        except (StopWorking, RedisError, OSError):
            return None
        return long_files(workers) if workers else None

    async def _workers(self, url: str, inbox_id: UUID) -> tuple[dict[str, object], ...]:
        async with probe(url) as redis:
            keys = Keys.of(self.settings)
            return await workers_of(redis, keys, receipts_stage(inbox_id))


def run_add(
    paths: Sequence[Path],
    settings: Settings,
    console: Console,
    *,
    move: bool = False,
    wait: bool = True,
    ask: Ask | None = None,
    timer: Timer | None = None,
) -> int:
    """Drop ``paths`` and (``wait``) follow them to their receipts; the exit code.

    Raises :class:`StopWorking` when there is no inbox.
    """
    if not settings.inbox.is_dir():
        raise StopWorking(
            f"no inbox at {settings.inbox}; start `wiredesk up FOLDER`, give --inbox FOLDER, or "
            "set WIREDESK_INBOX"
        )
    search = ReceiptSearch.begin(settings)
    code, dropped = _drop_all(paths, settings, console, move=move)
    if not wait or not dropped:
        for each in dropped:
            _say(console, f"{each.file}: dropped")
        return code
    waiting = Waiting(dropped, search, ask or SignOfLife(settings), console, timer or Timer())
    result = waiting.run()
    return code or result


def _drop_all(
    paths: Sequence[Path], settings: Settings, console: Console, *, move: bool
) -> tuple[int, list[Dropped]]:
    code, dropped = ACCEPTED, []
    for path in paths:
        try:
            each = drop(path, settings, move=move)
        except NotDropped as error:
            code = REFUSED
            _say(console, f"{path}: not dropped: {error}", "red")
            continue
        dropped.append(each)
        if each.file != path.name:
            _say(console, f"{path}: dropped as {each.file}", "dim")
        if each.left:
            _say(console, f"{path}: still there: {each.left}", "yellow")
    return code, dropped


@dataclass
class Waiting:
    """Waits for the receipts of what was dropped, and shows how far each file is."""

    dropped: list[Dropped]
    search: ReceiptSearch
    ask: Ask
    console: Console
    timer: Timer
    _left: dict[str, Dropped] = field(default_factory=dict)
    _bars: dict[str, TaskID] = field(default_factory=dict)

    def run(self) -> int:
        """Until every file has its receipt, or nobody is there who could write one."""
        self._left = {each.file: each for each in self.dropped}
        with _progress(self.console) as progress:
            for each in self.dropped:
                self._bars[each.file] = progress.add_task(each.file, total=each.size, said="waits")
            try:
                code = self._wait(progress)
            except KeyboardInterrupt:
                self._give_up("no longer waited for")
                return CANT_WAIT
        if self._left:
            self._give_up("no ingest is running for this inbox, or its server can't be reached")
        return code

    def _wait(self, progress: Progress) -> int:
        code = ACCEPTED
        seen = self.timer.now()
        ask_at = seen
        while self._left:
            started = self.timer.now()
            for receipt in self.search.look(self._left.values()):
                code = max(code, self._received(receipt, progress))
            looked = self.timer.now()
            if self._left and looked >= ask_at:
                files = self.ask()
                ask_at = self.timer.now() + ASK_EVERY
                if files is not None:
                    seen = self.timer.now()
                    self._show(files, progress)
                elif self.timer.now() - seen > PATIENCE:
                    return code or CANT_WAIT
            if self._left:
                self.timer.sleep(max(LOOK_EVERY, 4 * (looked - started)))
        return code

    def _received(self, receipt: FoundReceipt, progress: Progress) -> int:
        del self._left[receipt.file]
        progress.remove_task(self._bars.pop(receipt.file))
        progress.refresh()  # else a line is printed above a bar that isn't there any more
        for line in receipt.lines():
            _say(self.console, line, "" if receipt.accepted else "yellow")
        return ACCEPTED if receipt.accepted else REFUSED

    def _show(self, files: Sequence[LongFile], progress: Progress) -> None:
        for each in files:
            bar = self._bars.get(each.file)
            if bar is not None:
                said = f"{each.records:,} records, {each.settled:,} settled"
                progress.update(bar, completed=each.offset, said=said, refresh=True)

    def _give_up(self, why: str) -> None:
        names = list(itertools.islice(self._left, SHOWN))
        more = f" and {len(self._left) - SHOWN:,} more" if len(self._left) > SHOWN else ""
        reason = f"{why}; stays in the inbox until it is taken: {', '.join(names)}{more}"
        _say(self.console, reason, "yellow")


SHOWN = 10
"""Files named when waiting ends early."""


def _progress(console: Console) -> Progress:
    """Bars on a terminal; elsewhere nothing but the lines at the end."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TextColumn("{task.fields[said]}", markup=False),
    )
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _say(console: Console, line: str, style: str = "") -> None:
    console.print(Text(printable(line), style=style), soft_wrap=True)
