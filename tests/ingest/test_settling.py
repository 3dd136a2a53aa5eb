"""Outcomes that come back: whose they are, how often they come, what they set in motion."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from services.bus.errors import Unavailable
from services.ingest.waits import FEW_OUTCOMES, LINGER, MANY_FILES, linger
from tests.ingest.desk_kit import Kit, named, opened, outcome_for
from tests.wait import wait_until

if TYPE_CHECKING:
    from schemas.events import Outcome

OTHER = UUID("00000000-0000-5000-8000-0000000000bb")


def changed_drop(outcome: Outcome, **over: Any) -> Outcome:
    return outcome.model_copy(update={"drop": outcome.drop.model_copy(update=over)})


def test_a_file_stays_in_the_inbox_until_its_last_outcome(kit: Kit) -> None:
    async def scenario() -> None:
        async with opened(kit):
            path = kit.drop("two.txt", "One\nbody\n---\nTwo\nbody")
            await kit.take()
            first, second = [outcome_for(article) for article in kit.bus.published]
            kit.desk.settle([second])
            await kit.steps()
            assert path.exists()
            assert kit.receipts() == []
            kit.desk.settle([first])
            await kit.steps()
            assert not path.exists()
            assert kit.receipt().summary == {"indexed": 2}

    asyncio.run(scenario())


def test_the_first_outcome_of_an_article_stands(kit: Kit) -> None:
    async def scenario() -> None:
        async with opened(kit):
            kit.drop("two.txt", "One\nbody\n---\nTwo\nbody")
            await kit.take()
            one, two = kit.bus.published
            first = outcome_for(one, "updated")
            assert list(kit.desk.settle([first, first])) == [None, None]
            kit.desk.settle([outcome_for(one, "unchanged"), outcome_for(two)])
            kit.desk.settle([outcome_for(one, "unchanged")])
            await kit.steps()
            kit.desk.settle([outcome_for(one, "superseded"), outcome_for(two)])
            await kit.steps()
            assert [article.outcome for article in kit.receipt().articles] == ["updated", "indexed"]

    asyncio.run(scenario())


def test_outcomes_of_other_inboxes_and_unknown_drops_are_passed_over(kit: Kit) -> None:
    async def scenario() -> None:
        async with opened(kit):
            path = kit.drop("a.txt")
            await kit.take()
            (article,) = kit.bus.published
            outcome = outcome_for(article)
            foreign = changed_drop(outcome, inbox_id=OTHER)
            unknown = changed_drop(outcome, drop_id=OTHER)
            stranger = outcome.model_copy(update={"article_id": OTHER})
            assert len(kit.desk.settle([foreign, unknown, stranger])) == 3
            await kit.steps()
            assert path.exists()
            kit.desk.settle([foreign, outcome])
            await kit.steps()
            assert kit.receipt().summary == {"indexed": 1}

    asyncio.run(scenario())


def test_settling_from_many_threads_at_once_loses_nothing(kit: Kit) -> None:
    async def scenario() -> None:
        async with opened(kit):
            for number in range(24):
                kit.drop(f"{number}.txt", f"Story {number}")
            await kit.take()
            batches = [[outcome_for(article)] for article in kit.bus.published]
            threads = [threading.Thread(target=kit.desk.settle, args=(each,)) for each in batches]
            for thread in threads:
                thread.start()
            for thread in threads:
                await asyncio.to_thread(thread.join)
            await kit.steps()
            assert len(kit.receipts()) == 24
            assert kit.files_in(kit.inbox) == []

    asyncio.run(scenario())


def test_a_desk_that_does_not_own_the_folder_takes_no_outcome(kit: Kit) -> None:
    """The stage keeps them then, and the owner gets them."""

    async def scenario() -> None:
        async with opened(kit):
            kit.drop("a.txt")
            await kit.take()
        outcome = outcome_for(kit.bus.published[0])
        with pytest.raises(Unavailable):
            kit.desk.settle([outcome])
        with pytest.raises(Unavailable):
            _ = kit.desk.inbox_id

    asyncio.run(scenario())


def test_an_outcome_wakes_the_desk_that_waits(kit: Kit) -> None:
    """With an hour between scans, only the outcome itself can bring the receipt."""
    kit.settings = kit.settings.model_copy(update={"scan_interval": 3600.0, "settle_time": 0.0})

    async def scenario() -> None:
        kit.drop("a.txt")
        async with opened(kit):
            stop, drain = asyncio.Event(), asyncio.Event()
            running = asyncio.create_task(kit.desk.run(stop, drain))
            await asyncio.to_thread(wait_until, lambda: kit.bus.waiting, "the article is published")
            await asyncio.to_thread(kit.bus.deliver, kit.desk)
            await asyncio.to_thread(wait_until, kit.receipts, "the receipt is there")
            stop.set()
            await running

    asyncio.run(scenario())


def test_draining_takes_no_new_file_and_ends_with_the_last_drop(kit: Kit) -> None:
    kit.settings = kit.settings.model_copy(update={"scan_interval": 0.02, "settle_time": 0.0})

    async def scenario() -> None:
        async with opened(kit):
            kit.drop("a.txt")
            await kit.take()
            stop, drain = asyncio.Event(), asyncio.Event()
            drain.set()
            running = asyncio.create_task(kit.desk.run(stop, drain))
            kit.drop("late.txt", "too late")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.shield(running), 0.2)
            await asyncio.to_thread(kit.bus.deliver, kit.desk)
            await asyncio.wait_for(running, 30)
            assert kit.files_in(kit.inbox) == ["late.txt"]
            assert kit.receipt().file == "a.txt"

    asyncio.run(scenario())


def test_stop_ends_the_run_with_drops_in_flight(kit: Kit) -> None:
    async def scenario() -> None:
        async with opened(kit):
            kit.drop("a.txt")
            await kit.take()
            stop, drain = asyncio.Event(), asyncio.Event()
            running = asyncio.create_task(kit.desk.run(stop, drain))
            drain.set()
            stop.set()
            await asyncio.wait_for(running, 30)
            assert kit.files_in(kit.inbox) == ["a.txt"]

    asyncio.run(scenario())


# --- sending again ---------------------------------------------------------------------------


def test_a_drop_without_outcome_is_read_and_published_again_after_the_redrive_interval(
    kit: Kit, logs: list[Any]
) -> None:
    async def scenario() -> None:
        async with opened(kit):
            kit.drop("a.txt")
            await kit.take()
            kit.bus.lose_everything()
            kit.hand.advance(29)
            await kit.steps()
            assert len(kit.bus.all_published) == 1
            kit.hand.advance(1)
            await kit.steps()
            first, second = kit.bus.all_published
            assert (first.drop, first.article_id) == (second.drop, second.article_id)
            assert first.revision == second.revision
            kit.bus.deliver(kit.desk)
            await kit.steps()
            assert kit.receipt().summary == {"indexed": 1}
        assert len(named(logs, "file.redriven")) == 1

    asyncio.run(scenario())


def test_only_what_has_no_outcome_is_published_again(kit: Kit) -> None:
    async def scenario() -> None:
        async with opened(kit):
            kit.drop("two.txt", "One\nbody\n---\nTwo\nbody")
            await kit.take()
            one, two = kit.bus.published
            kit.desk.settle([outcome_for(one)])
            kit.hand.advance(30)
            await kit.steps()
            assert [each.article_id for each in kit.bus.all_published[2:]] == [two.article_id]

    asyncio.run(scenario())


def test_the_pauses_between_redrives_grow_to_eight_times_the_setting(kit: Kit) -> None:
    async def scenario() -> None:
        pauses = []
        async with opened(kit):
            kit.drop("a.txt")
            await kit.take()
            last = kit.hand.seconds
            for _ in range(600):
                before = len(kit.bus.all_published)
                kit.hand.advance(5)
                await kit.steps()
                if len(kit.bus.all_published) > before:
                    pauses.append(kit.hand.seconds - last)
                    last = kit.hand.seconds
        assert pauses[:6] == [30, 60, 120, 240, 240, 240]

    asyncio.run(scenario())


def test_a_restarted_desk_keeps_drop_ids_and_revisions(kit: Kit) -> None:
    async def scenario() -> None:
        async with opened(kit):
            kit.drop("a.txt")
            await kit.take()
            inbox_id = kit.desk.inbox_id
            kit.bus.lose_everything()
            await kit.reopen()
            assert kit.desk.inbox_id == inbox_id
            kit.hand.advance(30)
            await kit.finish()
            drops = {article.drop.drop_id for article in kit.bus.all_published}
            assert len(kit.bus.all_published) == 2
            assert drops == {kit.receipt().drop_id}
            assert len({article.revision for article in kit.bus.all_published}) == 1

    asyncio.run(scenario())


def test_the_same_file_dropped_again_is_a_new_drop(kit: Kit) -> None:
    async def scenario() -> None:
        async with opened(kit):
            kit.drop("a.txt", "same words")
            await kit.finish()
            kit.drop("a.txt", "same words")
            await kit.finish()
            first, second = kit.receipts()
            assert first.drop_id != second.drop_id
            assert first.received_at != second.received_at
            assert first.articles[0].article_id == second.articles[0].article_id

    asyncio.run(scenario())


def test_a_report_that_could_not_be_made_is_made_later(kit: Kit) -> None:
    async def scenario() -> None:
        async with opened(kit):
            path = kit.drop("bad.txt", "unreadable")
            kit.bus.down = True
            await kit.take()
            assert path.exists()
            kit.bus.down = False
            kit.hand.advance(60)
            await kit.finish()
            assert len(kit.bus.reported) == 1
            assert kit.receipt().archived_as == "rejected/bad.txt"

    asyncio.run(scenario())


def test_what_a_newer_version_no_longer_finds_is_reported_not_waited_for_for_ever(
    kit: Kit,
) -> None:
    async def scenario() -> None:
        async with opened(kit):
            kit.drop("two.txt", "One\nbody\n---\nTwo\nbody")
            await kit.take()
            kit.bus.lose_everything()
            working = kit.read
            kit.read = lambda source, limits, _: list(working(source, limits))[:1]
            await kit.reopen()
            kit.hand.advance(30)
            await kit.finish()
            told = [article.outcome for article in kit.receipt().articles]
            assert told == ["indexed", "rejected"]
            assert "no longer yields" in (kit.receipt().articles[1].reason or "")

    asyncio.run(scenario())


def test_before_anything_was_published_a_newer_versions_reading_replaces_the_older(
    kit: Kit,
) -> None:
    async def scenario() -> None:
        async with opened(kit):
            kit.drop("two.txt", "One\nbody\n---\nTwo\nbody")
            kit.bus.down = True
            await kit.take()
            kit.bus.down = False
            working = kit.read
            kit.read = lambda source, limits, _: list(working(source, limits))[1:]
            await kit.reopen()
            kit.hand.advance(60)
            await kit.finish()
            assert [article.headline for article in kit.receipt().articles] == ["Two"]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("recorded", "on_their_way", "waited"),
    [(3, MANY_FILES, [LINGER]), (3, MANY_FILES - 1, []), (FEW_OUTCOMES, 1000, [])],
)
def test_outcomes_gather_only_while_few_come_and_many_are_on_their_way(
    recorded: int, on_their_way: int, waited: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("services.ingest.waits.time.sleep", slept.append)
    linger(recorded, on_their_way)
    assert slept == waited
