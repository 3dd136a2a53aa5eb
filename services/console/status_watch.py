"""``wiredesk status --watch``: the desk on the terminal, renewed until told to stop.

On a terminal it takes the screen as a pager does and gives it back as it was, however it ends.
Anywhere else (a file, a pipe, a terminal that can't place its cursor) it prints one view after
the other.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import termios
import time
import tty
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live

from services.bus.board import Board
from services.bus.connect import cancel, server_url, without_password
from services.bus.errors import StopWorking
from services.console.status_cells import glyphs_of
from services.console.status_facts import read_ledger
from services.console.status_view import Screen, View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from services.bus.board import Sight
    from services.console.status_facts import LedgerNow
    from services.settings import Settings

BAR_LOOKS = 5
"""Looks that one bar of a sparkline stands for: at two seconds each, ten."""

LEDGER_EVERY = 10.0
"""Seconds between two questions for the ledger, which ingest balances once a minute."""

DRAW_EVERY = 1.0
"""Seconds after which the screen is drawn anew without news: the clock and the ages go on."""

HINT = "q: quit"


class Watch:
    """Looks at a desk and shows it. ``every``: seconds between two looks."""

    def __init__(self, settings: Settings, console: Console, every: float) -> None:
        self._settings = settings
        self._console = console
        self._every = every
        self._glyphs = glyphs_of(console.encoding)
        self._board = Board(settings, fresh_for=0.0, interval=every * BAR_LOOKS, closer=True)
        self._sight: Sight | None = None
        self._at: datetime | None = None
        self._ledger: LedgerNow | None = None
        self._ledger_due = 0.0
        self._stop = asyncio.Event()
        self._changed = asyncio.Event()
        self._live: Live | None = None
        self.on_screen = console.is_terminal and not console.is_dumb_terminal

    def stop(self) -> None:
        """End as soon as possible; may be called by a signal or a key."""
        self._stop.set()
        self._changed.set()

    async def run(self) -> None:
        """Look and show until :meth:`stop`."""
        looking = asyncio.create_task(self._look())
        try:
            if self.on_screen:
                await self._draw(looking)
            else:
                await self._print(looking)
        finally:
            await cancel(looking)
            await self._board.close()

    # --- looking -------------------------------------------------------------------------
    async def _look(self) -> None:
        while True:
            sight = await self._board.look()
            if sight is not None:
                self._sight, self._at = sight, datetime.now(UTC)
                await self._ask_ledger(sight)
            self._changed.set()
            await asyncio.sleep(self._every)

    async def _ask_ledger(self, sight: Sight) -> None:
        now = time.monotonic()
        if now >= self._ledger_due:
            self._ledger_due = now + LEDGER_EVERY
            # What ingest told before is kept, with its age, while none tells.
            told = await asyncio.to_thread(read_ledger, sight.state.workers)
            self._ledger = told or self._ledger

    def _view(self) -> View:
        return View(
            where=self._where(),
            now=datetime.now(UTC),
            sight=self._sight,
            at=self._at,
            away=self._board.away,
            ledger=self._ledger,
            bar_seconds=self._board.interval,
            hint=HINT if self.on_screen and sys.stdin.isatty() else "",
        )

    def _where(self) -> str:
        if self._settings.redis_url is None:
            return str(self._settings.inbox)
        with suppress(StopWorking):
            return f"{self._settings.namespace} at {without_password(server_url(self._settings))}"
        return self._settings.namespace

    # --- showing ---------------------------------------------------------------------------
    async def _draw(self, looking: asyncio.Task[None]) -> None:
        live = Live(console=self._console, screen=True, auto_refresh=False, transient=True)
        with _keys(self.stop), _signals(self), live:
            self._live = live
            while not self._stop.is_set():
                self._show()
                await self._next(looking, DRAW_EVERY)

    def _show(self) -> None:
        if self._live is not None:
            size = self._console.size
            lines = Screen(self._glyphs, size.width, size.height).lines(self._view())
            self._live.update(Group(*lines), refresh=True)

    def redraw(self) -> None:
        """Draw at once: the terminal has another size."""
        self._changed.set()

    def suspend(self) -> None:
        """Give the terminal back while the process is stopped (Ctrl-Z), and take it again."""
        if self._live is not None:
            self._live.stop()
        os.kill(os.getpid(), signal.SIGSTOP)
        if self._live is not None:
            self._live.start()
        self._changed.set()

    async def _print(self, looking: asyncio.Task[None]) -> None:
        with _signals(self):
            await self._next(looking, None)
            while not self._stop.is_set():
                for line in Screen(self._glyphs, self._console.width).lines(self._view()):
                    self._console.print(line, no_wrap=True, overflow="crop", crop=True)
                self._console.print()
                await self._next(looking, None)

    async def _next(self, looking: asyncio.Task[None], seconds: float | None) -> None:
        """Wait for news, a stop, or ``seconds``; raises what ended the looking."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), seconds)
        self._changed.clear()
        if looking.done():
            looking.result()


@contextmanager
def _signals(watch: Watch) -> Iterator[None]:
    """Ctrl-C and SIGTERM end it in peace; a new size is drawn; Ctrl-Z gives the terminal back."""
    loop = asyncio.get_running_loop()
    handlers: dict[signal.Signals, Callable[[], None]] = {
        signal.SIGINT: watch.stop,
        signal.SIGTERM: watch.stop,
        signal.SIGHUP: watch.stop,
        signal.SIGWINCH: watch.redraw,
    }
    if watch.on_screen:
        handlers[signal.SIGTSTP] = watch.suspend
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)


@contextmanager
def _keys(stop: Callable[[], None]) -> Iterator[None]:
    """Hear ``q`` at once, and show no key that is pressed; then leave the terminal as it was."""
    if not sys.stdin.isatty():
        yield
        return
    keyboard = sys.stdin.fileno()
    loop = asyncio.get_running_loop()

    def pressed() -> None:
        keys = os.read(keyboard, 1024)
        if not keys:
            loop.remove_reader(keyboard)  # the terminal is gone
        if b"q" in keys.lower():
            stop()

    before = termios.tcgetattr(keyboard)
    tty.setcbreak(keyboard)
    loop.add_reader(keyboard, pressed)
    try:
        yield
    finally:
        loop.remove_reader(keyboard)
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


def watch(settings: Settings, console: Console, every: float) -> None:
    """Show the desk of the settings until told to stop."""

    async def run() -> None:
        await Watch(settings, console, every).run()

    asyncio.run(run())
