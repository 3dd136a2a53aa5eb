"""A stage as a real process, whose handler does to each article what its headline says.

``good …``        is enriched
``raise …``       raises
``kill …``        ends its process by SIGKILL
``reject …``      is rejected
``stop …``        raises StopWorking
``hold …``        is held until the test releases it, then enriched
``pause …``       is held by the first worker that gets it, later ones enrich it
``unavailable …`` raises Unavailable for as long as the test says so
``block …``       lets the event loop itself hang
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from services.bus import service
from services.bus.errors import Reject, StopWorking, Unavailable
from services.bus.keys import ENRICHMENT
from services.bus.watchdog import LoopGuard
from services.settings import Settings
from tests.bus.desk import enrich

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from redis.asyncio import Redis

    from schemas.article import RawArticle
    from services.bus.stage import Handler, Result

PAUSE = 0.01
HOLD_LIMIT = 30.0
"""Seconds after which a held handler gives up, so that a failed test ends."""


FILLS = "fills its batches"
"""What is said to workers whose stage is to fill its batches and to read ahead."""


class Control:
    """How a test and the handlers of its workers speak: small files in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def say(self, word: str) -> None:
        """Say something that :meth:`said` hears, in any process."""
        (self.folder / word).touch()

    def said(self, word: str) -> bool:
        """Whether it was said."""
        return (self.folder / word).exists()

    def first(self, word: str) -> bool:
        """Say it; whether nobody had before."""
        try:
            (self.folder / word).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def take_back(self, word: str) -> None:
        """Say it no longer."""
        (self.folder / word).unlink()

    def note_call(self, batch: Sequence[RawArticle]) -> None:
        """Write down a call of the handler."""
        line = json.dumps([os.getpid(), [raw.headline for raw in batch]])
        with (self.folder / "calls").open("a", encoding="utf-8") as out:
            out.write(line + "\n")

    def calls(self) -> list[list[str]]:
        """The headlines of each call of a handler, in order, over all workers."""
        try:
            lines = (self.folder / "calls").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        return [json.loads(line)[1] for line in lines]

    def times(self, headline: str) -> int:
        """How often handlers were called with this article."""
        return sum(headline in call for call in self.calls())


def make_handler(control: Control) -> Handler:
    """The handler described at the top."""

    def handle(batch: Sequence[RawArticle]) -> list[Result]:
        control.note_call(batch)
        return [_one(control, raw) for raw in batch]

    return handle


def _one(control: Control, raw: RawArticle) -> Result:
    word, _, rest = (raw.headline or "").partition(" ")
    if word == "reject":
        return Reject(f"no {rest} here", "send something else")
    act = _ACTS.get(word)
    if act is not None:
        act(control, raw)
    return enrich(raw)


def _raise(_control: Control, raw: RawArticle) -> None:
    raise ValueError(f"can't do {raw.headline}")


def _kill(_control: Control, _raw: RawArticle) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _stop(_control: Control, raw: RawArticle) -> None:
    raise StopWorking(f"{raw.headline} tells so")


def _hold(control: Control, _raw: RawArticle) -> None:
    control.say("held")
    deadline = time.monotonic() + HOLD_LIMIT
    while not control.said("go"):
        if time.monotonic() > deadline:
            raise TimeoutError("nobody said go: the test has failed meanwhile")
        time.sleep(PAUSE)


def _pause(control: Control, raw: RawArticle) -> None:
    if control.first("paused"):
        _hold(control, raw)


def _unavailable(control: Control, _raw: RawArticle) -> None:
    if control.said("unavailable"):
        raise Unavailable("the store is locked")


def _block(control: Control, _raw: RawArticle) -> None:
    control.say("block the loop")


_ACTS: dict[str, Callable[[Control, RawArticle], None]] = {
    "raise": _raise,
    "kill": _kill,
    "stop": _stop,
    "hold": _hold,
    "pause": _pause,
    "unavailable": _unavailable,
    "block": _block,
}


def _companion(control: Control) -> Callable[[Redis, asyncio.Event], object]:
    async def companion(_redis: Redis, stop: asyncio.Event) -> None:
        while not stop.is_set():
            if control.said("block the loop"):
                time.sleep(600)  # noqa: ASYNC251  (a loop that hangs is what is tested)
            await asyncio.sleep(PAUSE)

    return companion


def main(environ: dict[str, str], log: str, folder: str) -> None:
    """Run the stage in this process until it ends; its output goes to ``log``."""
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.environ.update(environ)
    # Half a minute is right for a night in production and too long for a test.
    service.LoopGuard = functools.partial(LoopGuard, 20, 0.1)  # type: ignore[assignment,attr-defined]  # replaced in the module that uses it
    settings = Settings()
    control = Control(Path(folder))
    service.prepare(ENRICHMENT.name, settings)
    code = service.run(
        ENRICHMENT,
        settings,
        lambda: _loaded(control),
        batch_size=settings.batch_size if control.said(FILLS) else None,
        companion=_companion(control),  # type: ignore[arg-type]
    )
    sys.exit(int(code))


def _loaded(control: Control) -> Handler:
    if control.said("no model"):
        raise StopWorking("the model is missing")
    return make_handler(control)


if __name__ == "__main__":
    main({}, sys.argv[1], sys.argv[2])
