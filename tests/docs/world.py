"""Runs documents: one terminal for each, at the desk that it names."""

from __future__ import annotations

import shutil
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from services.bus.server import EmbeddedServer
from tests.docs import desks
from tests.docs.markdown import PROGRAMS, Block, document, typed
from tests.docs.shape import differs
from tests.docs.terminal import (
    PATIENCE,
    DocumentError,
    Ports,
    Printed,
    Terminal,
    environment,
    stand,
)
from tests.docs.treatment import How, Treatment, desk_of, treatment
from tests.docs.warm import client, start
from tests.node.conftest import NODE
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

QUICK_START = "docs/quick-start.md"
"""Whoever follows it has a desk that runs; other documents go on there."""

QUICK = frozenset({How.RUN, How.STAYS})


def quickly(_: Block, treated: Treatment) -> bool:
    """What the suite runs."""
    return treated.how in QUICK


@dataclass
class World:
    """A folder with a warm console and a server; ``wanted`` says which blocks are run.

    ``more``: what else is in the environment of a document.
    """

    folder: Path
    wanted: Callable[[Block, Treatment], bool] = quickly
    patience: float = PATIENCE
    ports: Ports = field(default_factory=Ports)
    more: dict[str, dict[str, str]] = field(default_factory=dict)
    _running: Future[Terminal] | None = None
    _started: int = 0

    def __enter__(self) -> Self:
        self._tools = self.folder / "tools"
        self._tools.mkdir()
        # Not in our folder, whose path may be too long for a socket.
        self._short = Path(tempfile.mkdtemp(prefix="wiredesk-docs-"))
        address = self._short / "warm"
        self._warm = start(address)
        program = self._tools / "wiredesk"
        program.write_text(client(address), encoding="utf-8")
        program.chmod(0o755)
        self._server = EmbeddedServer(self.folder / "server")
        self._server.start()
        self._one_more = ThreadPoolExecutor(1)
        # It takes the longest, and most of that is waiting: others go on meanwhile.
        wait_until(lambda: address.exists() or self._warm.poll(), "the console is loaded")
        self._running = self._one_more.submit(self._quick_start)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self._running is not None and self._running.exception() is None:
                self._running.result().close()
        finally:
            self._one_more.shutdown()
            self._warm.kill()
            self._warm.wait(10)
            self._server.stop()
            shutil.rmtree(self._short)

    def running(self) -> Terminal:
        """The desk of the quick start, once all of it was run."""
        assert self._running is not None
        return self._running.result(4 * self.patience)

    def _quick_start(self) -> Terminal:
        terminal = self.at("fresh", folder_of(QUICK_START))
        terminal.__enter__()
        try:
            self._started = self._type(QUICK_START, terminal)
        except BaseException:
            # What went wrong first is told, not that the rest ended badly after that.
            with suppress(DocumentError):
                terminal.close()
            raise
        return terminal

    def at(self, desk: str, name: str, **more: str) -> Terminal:
        """A terminal of its own at a desk, in a folder of this name."""
        folder = stand(self.folder / name, self._tools)
        if desk == "running":
            news = self.running().folder / "news"
            (folder / "news").symlink_to(news)
            more |= {"WIREDESK_INBOX": str(news)}
        elif desk in desks.PREPARED:
            more |= desks.prepare(desk, folder, self._server.url)
        environ = environment(folder, self._tools, self.ports, **more)
        return Terminal(folder, environ, self.ports)

    def run(self, name: str) -> int:
        """Run a document; how many blocks that were. :class:`DocumentError` names the place."""
        if name == QUICK_START:
            self.running()
            return self._started
        desk = desk_of(document(name).blocks)
        with self.at(desk, folder_of(name), **self.more.get(name, {})) as terminal:
            return self._type(name, terminal)

    def _type(self, name: str, terminal: Terminal) -> int:
        ran = 0
        for block in document(name).blocks:
            treated = treatment(block)
            if self.wanted(block, treated):
                self._block(block, treated, terminal)
                ran += 1
        return ran

    def _block(self, block: Block, treated: Treatment, terminal: Terminal) -> None:
        try:
            if treated.how is How.STAYS:
                terminal.stay(program_of(block, terminal), treated.until, self.patience)
            elif block.language == "console":
                self._console(block, treated, terminal)
            else:
                exported = "".join(f"export {k}={v!r}\n" for k, v in treated.environ.items())
                self._one(exported + program_of(block, terminal), treated, terminal)
        except DocumentError as error:
            raise DocumentError(f"{block.place}: {error}") from error
        except AssertionError as error:
            raise DocumentError(f"{block.place}: {error}") from error

    def _one(self, code: str, treated: Treatment, terminal: Terminal) -> Printed:
        ended, printed = terminal.run(code, self.patience)
        if ended not in treated.codes:
            told = f"{printed.out[-3000:]}\n{printed.err[-3000:]}"
            raise DocumentError(f"ended with {ended}:\n{code}\n{told}")
        return printed

    def _console(self, block: Block, treated: Treatment, terminal: Terminal) -> None:
        """Each command by itself; what is shown below it must be what it prints."""
        for one in typed(block):
            printed = self._one(one.command, treated, terminal)
            if not one.shown:
                continue
            wrong = differs(one.shown, printed.out + printed.err)
            if wrong is not None:
                raise DocumentError(
                    f"{one.command!r} doesn't print {wrong!r} there, but\n"
                    f"{printed.out}{printed.err}"
                )


def folder_of(name: str) -> str:
    """Where a document is tried out."""
    return name.removesuffix(".md").replace("/", "-")


def program_of(block: Block, terminal: Terminal) -> str:
    """What runs a block: itself, or the interpreter of its language."""
    if block.language not in PROGRAMS:
        return block.code
    suffix, interpreter = {"python": ("py", "python"), "js": ("mjs", f'"{NODE}"')}[block.language]
    file = terminal.folder / f"example-{block.line}.{suffix}"
    file.write_text(terminal.ports.moved(block.code), encoding="utf-8")
    return f"{interpreter} {file.name}"
