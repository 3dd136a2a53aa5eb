"""The clock is set while a desk works: it waits as long as before, and keeps its order."""

from __future__ import annotations

import asyncio
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from services.bus.keys import RAW_STREAM
from tests.chaos.small_desk import SmallDesk

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

HOUR, DAY = 3600.0, 86_400.0
jumps = pytest.mark.parametrize("jump", [-DAY, -HOUR, HOUR, DAY])


def play(folder: Path, scenario: Callable[[SmallDesk], Awaitable[None]]) -> None:
    """A scenario with a desk in one process."""

    async def run() -> None:
        desk = SmallDesk(folder)
        await desk.open()
        try:
            await scenario(desk)
        finally:
            await desk.close()

    with capture_logs():
        asyncio.run(run())


async def take(desk: SmallDesk, name: str, text: str) -> None:
    (desk.settings.inbox / name).write_text(text)
    await desk.ingest_step()
    desk.hand.advance(desk.settings.settle_time)
    await desk.ingest_step()


@jumps
def test_drops_keep_the_order_in_which_they_came(tmp_path: Path, jump: float) -> None:
    """Versions of a story are ordered by it: the later drop is the later version."""

    async def scenario(desk: SmallDesk) -> None:
        for number in range(3):
            await take(desk, f"{number}.txt", f"Ferry\nid: ferry\nIt runs {number} times.")
            desk.hand.set_by += jump
            await desk.kill_ingest()
        articles = [data for _, data in desk.events(RAW_STREAM)]
        received = [datetime.fromisoformat(data["drop"]["received_at"]) for data in articles]
        revisions = [data["revision"] for data in articles]
        assert all(one < next_one for one, next_one in pairwise(received))
        assert all(one < next_one for one, next_one in pairwise(revisions))
        await desk.run_until_quiet()
        (held,) = {outcome.article_id for outcome in desk.store.outcomes()}
        article = desk.store.get(held)
        assert article is not None
        assert "It runs 2 times." in article.text
        assert [outcome.outcome for outcome in desk.store.outcomes()] == [
            "indexed",
            "updated",
            "updated",
        ]

    play(tmp_path, scenario)


@jumps
def test_what_is_lost_is_sent_again_after_the_same_time(tmp_path: Path, jump: float) -> None:
    async def scenario(desk: SmallDesk) -> None:
        await take(desk, "a.txt", "Ferry\nbody")
        desk.hand.set_by += jump
        desk.server.lose_everything()
        desk.hand.advance(desk.settings.redrive_interval - 5)
        await desk.ingest_step()
        assert desk.events(RAW_STREAM) == [], "not yet"
        desk.hand.advance(5)
        await desk.ingest_step()
        assert len(desk.events(RAW_STREAM)) == 1
        await desk.run_until_quiet()
        assert desk.files_left() == []

    play(tmp_path, scenario)


@jumps
def test_files_stand_still_for_as_long_as_ever(tmp_path: Path, jump: float) -> None:
    async def scenario(desk: SmallDesk) -> None:
        (desk.settings.inbox / "a.txt").write_text("Ferry\nbody")
        await desk.ingest_step()
        desk.hand.set_by += jump
        desk.hand.advance(desk.settings.settle_time / 2)
        await desk.ingest_step()
        assert desk.events(RAW_STREAM) == [], "it may still be written to"
        desk.hand.advance(desk.settings.settle_time / 2)
        await desk.ingest_step()
        assert len(desk.events(RAW_STREAM)) == 1

    play(tmp_path, scenario)


@jumps
def test_drops_that_were_archived_are_not_forgotten_too_early(tmp_path: Path, jump: float) -> None:
    """They are kept for a quarter of a year; a clock that is a day wrong takes a day off it."""

    async def scenario(desk: SmallDesk) -> None:
        await take(desk, "a.txt", "Ferry\nbody")
        await desk.run_until_quiet()
        desk.hand.set_by += jump
        desk.desk._next_prune = 0.0
        await desk.ingest_step()
        assert len(desk.desk._owned().in_state("archived")) == 1

    play(tmp_path, scenario)
