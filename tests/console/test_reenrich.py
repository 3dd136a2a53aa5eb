"""Stored articles are enriched again: all that were meant, once, and never before fresh ones."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from services.bus.errors import Unavailable
from services.bus.reenrich import WAITING_SHARE, drop_of
from services.console.main import app
from services.console.reenrich import preview
from services.console.reenrich_choice import MAX_IDS, BadChoice, Choice, is_older
from services.console.reenrich_runs import KEPT, Cancelled, Refused
from services.indexer.store.sqlite import SqliteStore
from tests.console.reenrich_kit import NEW, OLD, Killed, bench, fresh, publish, stored
from tests.factories import article_id, at, drop_id, make_drop, make_provenance

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from redis import Redis

    from schemas.article import Provenance
    from services.console.reenrich_runs import Run
    from services.settings import Settings
    from tests.console.reenrich_kit import Bench

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("redis")]

OLDER = Choice(model=("4",))
"""Everything that was made before the model of :data:`NEW`."""


def outcomes(desk: Bench, run: Run) -> dict[str, int]:
    return dict(desk.store.totals().get(str(run.run_id), {}))


# --- which articles -------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("3.7.1", "3.8.0"),
        ("3.7", "3.7.1"),
        ("3.9", "3.10"),
        ("2026-02-14", "2026-09-01"),
        ("medtop 2024", "medtop 2025"),
        ("2", "10"),
        ("1", "2"),
    ],
)
def test_versions_are_ordered_by_their_numbers(older: str, newer: str) -> None:
    assert is_older(older, newer)
    assert not is_older(newer, older)


def test_a_zero_at_the_end_makes_no_other_version() -> None:
    assert not is_older("3.8", "3.8.0")
    assert not is_older("3.8.0", "3.8")


def taken(choice: Choice, *made: Provenance) -> bool:
    return choice.checked().takes(stored(1, provenance=made))


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (Choice(model=("4",)), True),
        (Choice(model=("3.7.1",)), False),
        (Choice(model=("en_core_web_sm=4",)), True),
        (Choice(model=("en_core_web_md=4",)), False),
        (Choice(model=("entities=4",)), True),
        (Choice(annotator=("test-entities=2",)), True),
        (Choice(annotator=("entities=2",)), True),
        (Choice(annotator=("entities=1",)), False),
        (Choice(knowledge=("2026-09",)), True),
        (Choice(knowledge=("2025",)), False),
        (Choice(model=("4",), annotator=("entities=1",)), False),
        (Choice(annotator=("quotes=1",)), True),
        (Choice(annotator=("unheard-of=1",)), False),
        (Choice(everything=True), True),
    ],
)
def test_an_article_is_chosen_by_who_made_its_blocks(choice: Choice, *, expected: bool) -> None:
    """A block that was never made counts as older; a maker that had no part in it doesn't."""
    entities = make_provenance(
        "entities", model="en_core_web_sm", model_version=OLD, knowledge_version="2026-02-14"
    )
    assert taken(choice, entities) is expected


def test_what_failed_is_older_than_anything_and_what_was_skipped_than_nothing() -> None:
    choice = Choice(annotator=("entities=1",), model=("0.1",))
    assert taken(choice, make_provenance("entities", status="failed", reason="MemoryError: "))
    assert not taken(choice, make_provenance("entities", status="skipped", reason="no model"))


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (Choice(), "--all"),
        (Choice(annotator=("2",)), "NAME=VERSION"),
        (Choice(model=("entities=",)), "no version"),
        (Choice(annotator=("story=2",)), "stays"),
        (Choice(model=("duplicates=2",)), "stays"),
        (Choice(ids=(article_id(1),), source="Example Wire"), "leave"),
        (Choice(ids=tuple(article_id(n) for n in range(MAX_IDS + 1))), "at most"),
    ],
)
def test_conditions_that_can_not_be_meant_are_refused(choice: Choice, said: str) -> None:
    with pytest.raises(BadChoice, match=said):
        choice.checked()


# --- a run ------------------------------------------------------------------------------------
async def test_all_that_are_older_are_renewed_once_and_no_other(settings: Settings) -> None:
    articles = [stored(n, OLD if n % 3 else NEW) for n in range(1, 31)]
    async with bench(settings, articles) as desk:
        run = await desk.again(OLDER)
        older = [n for n in range(1, 31) if n % 3]
        assert desk.renewed(range(1, 31)) == older
        assert outcomes(desk, run) == {"updated": 20}
        assert (run.state, run.looked_at, run.chosen, run.flying) == ("done", 30, 20, ())
        assert sorted(await desk.sent()) == sorted(article_id(n) for n in older)


async def test_asked_again_it_finds_nothing_more_to_do(settings: Settings) -> None:
    async with bench(settings, [stored(n) for n in range(1, 11)]) as desk:
        first = await desk.again(OLDER)
        second = await desk.again(OLDER)
        assert (second.looked_at, second.chosen) == (10, 0)
        assert second.run_id != first.run_id
        assert len(await desk.sent()) == 10


async def test_receipts_and_first_outcomes_stay(settings: Settings) -> None:
    """What a run tells is under an inbox that is none: no ingest is concerned."""
    async with bench(settings, [stored(1)]) as desk:
        before = desk.store.outcome(stored(1).drop.drop_id, article_id(1))
        run = await desk.again(OLDER)
        assert desk.store.outcome(stored(1).drop.drop_id, article_id(1)) == before
        made = desk.store.outcome(drop_of(run.run_id, article_id(1)), article_id(1))
        assert made is not None
        assert made.drop.inbox_id == run.run_id
        held = desk.store.get(article_id(1))
        assert held is not None
        assert held.drop == stored(1).drop


async def test_sources_times_and_ids_narrow_it_down(settings: Settings) -> None:
    articles = [stored(n, provider="Other" if n > 5 else "Example Wire") for n in range(1, 11)]
    async with bench(settings, articles) as desk:
        await desk.again(Choice(source="other", until=at(8)))
        assert desk.renewed(range(1, 11)) == [6, 7]
        await desk.again(Choice(ids=(article_id(2), article_id(9))))
        assert desk.renewed(range(1, 11)) == [2, 6, 7, 9]


async def test_withdrawn_and_hidden_articles_are_passed_over(settings: Settings) -> None:
    twin = stored(2, content_hash=stored(1).content_hash)
    gone = stored(3)
    drop = make_drop(drop_id=drop_id(33), received_at=at(33))
    withdrawal = stored(3, status="withdrawn", drop=drop)
    async with bench(settings, [stored(1), twin, gone, withdrawal]) as desk:
        run = await desk.again(Choice(ids=tuple(article_id(n) for n in (1, 2, 3))))
        assert await desk.sent() == [article_id(1)]
        assert outcomes(desk, run) == {"updated": 1}


async def test_a_look_beforehand_counts_and_changes_nothing(settings: Settings) -> None:
    async with bench(settings, [stored(n, OLD if n > 4 else NEW) for n in range(1, 31)]) as desk:
        seen = preview(desk.store, OLDER)
        assert (seen.looked_at, seen.chosen) == (30, 26)
        assert seen.made["entities", f"test-entities 1, en_core_web_sm {OLD}"] == 26
        assert desk.runs().all() == []
        assert await desk.sent() == []


async def test_a_dead_letter_ends_its_article_and_not_the_run(settings: Settings) -> None:
    async with bench(settings, [stored(n) for n in range(1, 11)]) as desk:
        desk.bad = {article_id(4)}
        run = await desk.again(OLDER)
        assert (run.state, run.buried) == ("done", 1)
        assert outcomes(desk, run) == {"updated": 9}


# --- fresh news first ---------------------------------------------------------------------------
async def test_a_fresh_file_waits_behind_a_few_articles_of_a_run(settings: Settings) -> None:
    """Enrichment is as slow as can be: one message whenever the run looks whether there is room."""
    most = settings.bulk_backlog // WAITING_SHARE
    async with bench(settings, [stored(n) for n in range(1, 101)]) as desk:
        dropped: list[int] = []
        progress = _with(desk, lambda: _drop_at(desk, dropped, (20, 47, 80)))
        await progress.work()
        assert len(dropped) == 3
        for number, place in zip((901, 902, 903), dropped, strict=True):
            assert desk.store.get(article_id(number)) is not None
            assert desk.done.index(article_id(number)) - place <= most


async def test_while_fresh_articles_queue_up_a_run_stands_still(settings: Settings) -> None:
    async with bench(settings, [stored(n) for n in range(1, 51)]) as desk:
        await publish(desk, *(fresh(n) for n in range(900, 900 + settings.bulk_backlog)))
        runs = desk.runs()
        progress = desk.progress(runs.begin(OLDER), runs)
        for _ in range(20):
            await progress._step()  # steps without the sleep in which enrichment works
            desk.now += timedelta(seconds=1)
        assert await desk.sent() == []
        assert (await progress.work()).state == "done"
        assert {desk.done.index(article_id(n)) for n in range(900, 960)} == set(range(60))


async def test_what_is_in_flight_is_bounded_where_the_indexer_stands_still(
    settings: Settings,
) -> None:
    async with bench(settings, [stored(n) for n in range(1, 51)]) as desk:
        runs = desk.runs()
        sizes: list[int] = []
        progress = desk.progress(runs.begin(OLDER), runs, most=20)

        async def sleep(_seconds: float) -> None:
            sizes.append(len(progress.run.flying))
            desk.now += timedelta(seconds=1)
            await desk.step()

        progress.sleep = sleep
        await progress.work()
        assert max(sizes) <= 20


def _with(desk: Bench, each: Callable[[], Any]) -> Any:
    runs = desk.runs()
    progress = desk.progress(runs.begin(OLDER), runs)
    pump = progress.sleep

    async def sleep(seconds: float) -> None:
        await each()
        await pump(seconds)

    progress.sleep = sleep
    return progress


async def _drop_at(desk: Bench, dropped: list[int], moments: tuple[int, ...]) -> None:
    if len(dropped) < len(moments) and len(desk.done) >= moments[len(dropped)]:
        await publish(desk, fresh(901 + len(dropped)))
        dropped.append(len(desk.done))


# --- any end, and on again ------------------------------------------------------------------------
async def test_killed_at_any_point_it_goes_on_and_sends_nothing_twice(settings: Settings) -> None:
    """Before and after each sending and each writing of its position."""
    kills = 0
    for kill_at in (1, 2, 3, 6, 9, 12, 16, 20, 23, 27):
        async with bench(settings, [stored(n) for n in range(1, 11)]) as desk:
            desk.kill_at = kill_at
            try:
                await desk.again(OLDER)
            except Killed:
                kills += 1
                desk.silence()
            desk.kill_at = None
            run = await desk.again(OLDER, "second")
            sent = await desk.sent()
            assert sorted(sent) == sorted(article_id(n) for n in range(1, 11)), kill_at
            assert desk.renewed(range(1, 11)) == list(range(1, 11))
            assert run.flying == ()
        settings.store.unlink()
    assert kills == 10


async def test_a_server_that_lost_everything_is_sent_it_again(settings: Settings) -> None:
    async with bench(settings, [stored(n) for n in range(1, 41)]) as desk:
        lost: list[bool] = []

        async def lose() -> None:
            if len(desk.done) == 11 and not lost:
                lost.append(True)
                await desk.redis.flushall()

        run = await _with(desk, lose).work()
        assert lost
        assert run.state == "done"
        assert desk.renewed(range(1, 41)) == list(range(1, 41))
        assert outcomes(desk, run) == {"updated": 40}


async def test_what_is_away_is_waited_for(settings: Settings) -> None:
    async with bench(settings, [stored(n) for n in range(1, 6)]) as desk:
        runs = desk.runs()
        told: list[str | None] = []
        progress = desk.progress(runs.begin(OLDER), runs, tell=told.append)
        room, answers = progress.resender.room, iter((True, True, False))

        async def away() -> int:
            if next(answers, False):
                raise Unavailable("server: gone for lunch")
            return await room()

        progress.resender.room = away  # type: ignore[method-assign]  # it is the test's
        assert (await progress.work()).state == "done"
        assert told[:2] == ["server: gone for lunch"] * 2
        assert told[-1] is None


async def test_only_one_process_works_on_a_run(settings: Settings) -> None:
    async with bench(settings, [stored(1)]) as desk:
        run = desk.runs("first").begin(OLDER)
        with pytest.raises(Refused, match="in work"):
            desk.runs("second").begin(OLDER)
        desk.silence()
        assert desk.runs("second").begin(OLDER).run_id == run.run_id


async def test_a_process_that_was_taken_for_dead_hears_of_it(settings: Settings) -> None:
    """Stopped for a minute, say: its next write is refused, and it sends nothing more."""
    async with bench(settings, [stored(n) for n in range(1, 30)]) as desk:
        first = desk.runs("first")
        slow = desk.progress(first.begin(OLDER), first)
        desk.silence()
        desk.runs("second").resume()
        with pytest.raises(Refused, match="elsewhere"):
            await slow.work()


async def test_other_conditions_wait_until_a_run_is_finished(settings: Settings) -> None:
    async with bench(settings, [stored(1)]) as desk:
        desk.runs().begin(OLDER)
        with pytest.raises(Refused, match="isn't finished"):
            desk.runs().begin(Choice(everything=True))


async def test_cancelled_it_stops_and_what_is_on_its_way_arrives(settings: Settings) -> None:
    async with bench(settings, [stored(n) for n in range(1, 61)]) as desk:

        async def cancel() -> None:
            if len(desk.done) == 10:
                desk.runs("operator").cancel()

        with pytest.raises(Cancelled):
            await _with(desk, cancel).work()
        await desk.drain()
        renewed = desk.renewed(range(1, 61))
        assert 10 < len(renewed) < 50
        assert len(await desk.sent()) == len(renewed)
        (run,) = desk.runs().all()
        assert run.state == "cancelled"
        with pytest.raises(Refused, match="unfinished"):
            desk.runs().resume()


async def test_an_interrupted_run_may_be_resumed_at_once(settings: Settings) -> None:
    async with bench(settings, [stored(n) for n in range(1, 11)]) as desk:
        runs = desk.runs("first")
        runs.release(runs.begin(OLDER))
        second = desk.runs("second")
        assert (await desk.progress(second.resume(), second).work()).state == "done"
        assert desk.renewed(range(1, 11)) == list(range(1, 11))


async def test_old_runs_are_forgotten(settings: Settings) -> None:
    async with bench(settings, []) as desk:
        for _ in range(KEPT + 5):
            await desk.again(OLDER)
        assert len(desk.runs().all()) == KEPT


async def test_without_waiting_it_ends_when_all_are_sent(settings: Settings) -> None:
    async with bench(settings, [stored(n) for n in range(1, 11)]) as desk:
        runs = desk.runs()
        run = await desk.progress(runs.begin(OLDER), runs).work(wait=False)
        assert (run.state, run.chosen, len(run.flying)) == ("done", 10, 10)
        await desk.drain()
        assert desk.renewed(range(1, 11)) == list(range(1, 11))


# --- the command ----------------------------------------------------------------------------------
class Stages(threading.Thread):
    """Stages that work while a command runs."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(daemon=True)
        self._settings = settings
        self.over = threading.Event()

    def run(self) -> None:
        asyncio.run(self._pump())

    async def _pump(self) -> None:
        async with bench(self._settings, []) as desk:
            while not self.over.is_set():
                if not await desk.step():
                    await asyncio.sleep(0.01)


@pytest.fixture
def command(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, redis: Redis
) -> Callable[..., tuple[int, str, str]]:
    """Runs ``wiredesk reenrich`` as it is typed; gives exit code, output and errors."""
    del redis  # empties the server
    assert settings.redis_url is not None
    monkeypatch.setenv("WIREDESK_REDIS_URL", settings.redis_url.get_secret_value())
    monkeypatch.setenv("COLUMNS", "160")
    settings.store.parent.mkdir(parents=True)
    with SqliteStore(settings.store) as store:
        store.file([stored(n, OLD if n > 2 else NEW) for n in range(1, 31)])

    def run(*arguments: str) -> tuple[int, str, str]:
        typed = ["reenrich", *arguments, "--inbox", str(settings.inbox)]
        done = CliRunner().invoke(app, typed)
        return done.exit_code, done.stdout, done.stderr

    return run


def test_what_an_operator_types_and_sees(
    command: Callable[..., tuple[int, str, str]], settings: Settings
) -> None:
    code, shown, _ = command("--model-older-than", "4", "--dry-run")
    assert code == 0
    assert "28 of 30 articles: model older than 4" in shown
    stages = Stages(settings)
    stages.start()
    try:
        code, shown, _ = command("--model-older-than", "4")
        assert code == 0, shown
        assert "28 taken: 28 updated" in shown
        code, shown, _ = command("--ids", f"{article_id(1)},{str(article_id(2))[:8]}", "--json")
        assert json.loads(shown)["outcomes"] == {"updated": 2}
    finally:
        stages.over.set()
        stages.join(30)
    code, shown, _ = command("--status")
    assert code == 0
    assert "28 of 30" in shown
    assert "2 ids" in shown
    code, shown, _ = command("--status", "--json")
    assert [run["state"] for run in json.loads(shown)] == ["done", "done"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ((), "which articles?"),
        (("--resume",), "no run is unfinished"),
        (("--cancel",), "no run is unfinished"),
        (("--annotator-older-than", "2"), "NAME=VERSION"),
        (("--ids", "zz"), "no article's id begins with 'zz'"),
    ],
)
def test_what_can_not_be_done_is_said(
    command: Callable[..., tuple[int, str, str]], typed: tuple[str, ...], said: str
) -> None:
    code, _, error = command(*typed)
    assert code == 1
    assert said in error


def test_without_a_store_there_is_nothing_to_enrich(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["reenrich", "--all", "--inbox", str(tmp_path)])
    assert done.exit_code != 0
