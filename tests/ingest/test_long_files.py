"""A long file is read, journaled, published and settled part by part, beside other files."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from services.ingest import parts
from services.ingest.desk import IN_FLIGHT
from services.ingest.readers.base import BadRecord, Progress, ReadArticle, Resume, Unreadable
from services.ingest.works import TELL_EVERY
from tests.ingest.desk_kit import INFO, Kit, make_settings, named, opened, outcome_for, read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from schemas.article import RawArticle
    from services.ingest.readers.base import Limits, Source

SIZE = parts.PART_RECORDS


def records(number: int, name: str = "Story") -> str:
    return "\n---\n".join(f"{name} {each}\nbody of {name} {each}" for each in range(1, number + 1))


def headlines(kit: Kit) -> list[str | None]:
    return [article.headline for article in kit.bus.published]


def per_drop(kit: Kit) -> Counter[object]:
    return Counter(article.drop.drop_id for article in kit.bus.published)


async def until_filed(kit: Kit, rounds: int = 40) -> None:
    """Take, settle, archive, until nothing is on its way."""
    await kit.take()
    for _ in range(rounds):
        kit.bus.deliver(kit.desk)
        await kit.steps()
        if not kit.desk._taker.flights and not kit.desk._taker.works:
            return
    raise AssertionError("still on its way")


# --- parts -------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, SIZE - 1, SIZE])
def test_a_file_of_few_records_is_one_drop(kit: Kit, number: int) -> None:
    async def scenario() -> None:
        async with opened(kit):
            kit.drop("few.txt", records(number))
            await until_filed(kit)
        assert len(per_drop(kit)) == 1
        assert all(article.drop.part_of is None for article in kit.bus.published)
        assert kit.receipt().summary == {"indexed": number}

    asyncio.run(scenario())


@pytest.mark.parametrize("number", [SIZE + 1, 2 * SIZE, 3 * SIZE + 7])
def test_a_long_file_crosses_in_parts_that_name_the_first(kit: Kit, number: int) -> None:
    async def scenario() -> None:
        async with opened(kit):
            kit.drop("long.txt", records(number))
            await until_filed(kit)
        published = kit.bus.published
        assert [article.drop.position for article in published] == list(range(1, number + 1))
        first = published[0].drop.drop_id
        assert {article.drop.part_of for article in published[:SIZE]} == {None}
        assert {article.drop.part_of for article in published[SIZE:]} == {first}
        assert max(per_drop(kit).values()) <= SIZE
        received = list(dict.fromkeys(article.drop.received_at for article in published))
        assert received == sorted(received)
        assert len(received) == len(per_drop(kit))

    asyncio.run(scenario())


def test_the_receipt_of_a_long_file_lists_every_record_once_in_order(kit: Kit) -> None:
    number = 2 * SIZE + 5

    async def scenario() -> None:
        async with opened(kit):
            kit.drop("long.txt", records(number) + "\n---\nbad: no title\n---\nLast\nbody")
            await until_filed(kit)
        receipt = kit.receipt()
        assert [each.position for each in receipt.articles] == list(range(1, number + 3))
        assert receipt.articles[number].reason == "no title"
        assert receipt.summary == {"indexed": number + 1, "rejected": 1}
        assert receipt.drop_id == kit.bus.published[0].drop.drop_id
        assert receipt.archived_as == "done/long.txt"
        assert receipt.settled_at >= receipt.received_at

    asyncio.run(scenario())


def test_an_article_that_comes_again_in_a_later_part_crosses_again(kit: Kit) -> None:
    """Publish-once is per part: a newer version at the end of a long file is not lost."""
    text = (
        "Old\nid: x\nversion: 1\nbody\n---\n" + records(SIZE) + "\n---\nNew\nid: x\nversion: 2\nb"
    )

    async def scenario() -> None:
        async with opened(kit):
            kit.drop("versions.txt", text)
            await until_filed(kit)
        versions = [each for each in kit.bus.published if each.revision in (1, 2)]
        assert [each.headline for each in versions] == ["Old", "New"]
        assert versions[0].article_id == versions[1].article_id

    asyncio.run(scenario())


def test_a_long_file_of_nothing_but_bad_records_goes_to_rejected(kit: Kit) -> None:
    async def scenario() -> None:
        async with opened(kit):
            kit.drop("bad.txt", "\n---\n".join(f"bad: number {n}" for n in range(SIZE + 3)))
            await until_filed(kit)
        assert kit.receipt().archived_as == "rejected/bad.txt"
        assert kit.receipt().summary == {"rejected": SIZE + 3}

    asyncio.run(scenario())


def test_what_makes_the_file_unreadable_midway_rejects_only_the_rest(kit: Kit) -> None:
    def breaks(source: Source, limits: Limits, resume: Resume | None = None) -> Iterator[Any]:
        yield from read(source, limits, resume)
        raise Unreadable("the gzip data ends too early", "Copy it again.")

    kit.read = breaks

    async def scenario() -> None:
        async with opened(kit):
            kit.drop("cut.txt", records(SIZE + 2))
            await until_filed(kit)
        receipt = kit.receipt()
        assert receipt.summary == {"indexed": SIZE + 2, "rejected": 1}
        assert receipt.articles[-1].reason == "the gzip data ends too early"
        assert receipt.articles[-1].position == SIZE + 3

    asyncio.run(scenario())


# --- fairness ----------------------------------------------------------------------------------


def test_a_long_file_stops_while_its_articles_wait_and_a_bulletin_passes(kit: Kit) -> None:
    async def scenario() -> None:
        async with opened(kit):
            kit.bus.has_bulk_room = False
            kit.drop("bulk.txt", records(10 * SIZE))
            await kit.take()
            assert len(kit.bus.published) == SIZE
            kit.drop("bulletin.txt", "Harbour closed\nAt once.")
            await kit.take()
            assert headlines(kit)[SIZE:] == ["Harbour closed"]
            kit.bus.has_bulk_room = True
            await until_filed(kit)
            assert len(kit.bus.published) == 10 * SIZE + 1

    asyncio.run(scenario())


def test_a_long_file_stops_while_much_of_it_is_anywhere_on_its_way(tmp_path: Path) -> None:
    """Enrichment has room, and what comes behind it is slow."""
    kit = Kit(make_settings(tmp_path / "inbox", bulk_backlog=SIZE))

    async def scenario() -> None:
        async with opened(kit):
            kit.drop("bulk.txt", records(20 * SIZE))
            await kit.take()
            on_their_way = len(kit.bus.published)
            assert IN_FLIGHT * SIZE <= on_their_way <= (IN_FLIGHT + 1) * SIZE
            kit.drop("bulletin.txt", "Harbour closed\nAt once.")
            await kit.take()
            assert headlines(kit)[on_their_way:] == ["Harbour closed"]
            await until_filed(kit)
            assert len(kit.bus.published) == 20 * SIZE + 1

    asyncio.run(scenario())


def test_parts_of_long_files_take_turns_with_each_other_and_with_new_files(kit: Kit) -> None:
    async def scenario() -> None:
        async with opened(kit):
            kit.drop("a.txt", records(4 * SIZE, "A"))
            kit.drop("b.txt", records(4 * SIZE, "B"))
            await kit.take()
            order = [str(headline)[0] for headline in headlines(kit)[::SIZE]]
            assert order == ["A", "B"] * 4

    asyncio.run(scenario())


def test_more_long_files_than_places_wait_for_one_and_all_are_read(tmp_path: Path) -> None:
    kit = Kit(make_settings(tmp_path / "inbox", reader_processes=2))
    open_at_once = []

    async def scenario() -> None:
        async with opened(kit):
            for name in "abcd":
                kit.drop(f"{name}.txt", records(3 * SIZE, name))
            kit.drop("e.txt", "Bulletin\nbody")
            for _ in range(200):
                kit.hand.advance(1)
                await kit.desk.step()
                kit.bus.deliver(kit.desk)
                open_at_once.append(len(kit.desk._taker.works.open))
            assert len(kit.receipts()) == 5
            # The first parts of four are one call; then a second part of one of them comes first.
            assert "Bulletin" in headlines(kit)[: 5 * SIZE + 1]
        assert max(open_at_once) <= 2
        assert len(kit.bus.published) == 4 * 3 * SIZE + 1

    asyncio.run(scenario())


class Stuck:
    """A reader that works on ``slow.txt`` without giving anything until ``done`` is set."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.done = False

    def __call__(
        self, source: Source, limits: Limits, resume: Resume | None = None
    ) -> Iterator[ReadArticle | BadRecord | Progress]:
        while source.name.startswith("slow") and not self.done:
            self.kit.hand.advance(0.25)
            yield Progress(None)
        yield from read(source, limits, resume)


def test_a_file_that_gives_nothing_for_long_holds_up_nobody(kit: Kit) -> None:
    stuck = Stuck(kit)
    kit.read = stuck

    async def scenario() -> None:
        async with opened(kit):
            kit.drop("slow.txt", "Slow\nbody")
            kit.hand.advance(5)
            for _ in range(40):
                await kit.desk.step()
                kit.hand.advance(1)
            assert kit.bus.published == []
            kit.drop("quick.txt", "Quick\nbody")
            for _ in range(10):
                await kit.desk.step()
                kit.hand.advance(1)
            assert headlines(kit) == ["Quick"]
            stuck.done = True
            for _ in range(10):
                await kit.desk.step()
                kit.hand.advance(1)
            assert headlines(kit) == ["Quick", "Slow"]

    asyncio.run(scenario())


def test_many_slow_files_leave_a_place_for_the_quick(tmp_path: Path) -> None:
    kit = Kit(make_settings(tmp_path / "inbox", reader_processes=2))
    stuck = Stuck(kit)
    kit.read = stuck

    async def scenario() -> None:
        async with opened(kit):
            for number in range(5):
                kit.drop(f"slow {number}.txt", f"Slow {number}\nbody")
            kit.hand.advance(5)
            for _ in range(80):
                await kit.desk.step()
                kit.hand.advance(1)
            kit.drop("quick.txt", "Quick\nbody")
            for _ in range(20):
                await kit.desk.step()
                kit.hand.advance(1)
            assert headlines(kit) == ["Quick"]
            stuck.done = True
            for _ in range(20):
                await kit.desk.step()
                kit.hand.advance(1)
            assert sorted(map(str, headlines(kit))) == ["Quick", *(f"Slow {n}" for n in range(5))]

    asyncio.run(scenario())


def test_no_more_files_are_open_than_there_are_reading_processes(tmp_path: Path) -> None:
    """Not even to read a drop again: one too many would wait for the others, and they for it."""
    kit = Kit(make_settings(tmp_path / "inbox", reader_processes=2, redrive_interval=1.0))
    stuck = Stuck(kit)
    opened_now, most = [0], [0]

    def counting(source: Source, limits: Limits, resume: Resume | None = None) -> Iterator[Any]:
        opened_now[0] += 1
        most[0] = max(most[0], opened_now[0])
        try:
            yield from stuck(source, limits, resume)
        finally:
            opened_now[0] -= 1

    kit.read = counting

    async def scenario() -> None:
        async with opened(kit):
            kit.drop("first.txt", "First\nbody")
            await kit.take()
            kit.bus.marks.clear()
            kit.drop("slow 1.txt", "Slow 1\nbody")
            kit.drop("slow 2.txt", "Slow 2\nbody")
            for _ in range(60):
                await kit.desk.step()
                kit.hand.advance(1)
            stuck.done = True
            for _ in range(60):
                await kit.desk.step()
                kit.hand.advance(1)
            assert headlines(kit).count("First") >= 2
            assert {"Slow 1", "Slow 2"} <= set(headlines(kit))
        assert most == [2]

    asyncio.run(scenario())


# --- going on ----------------------------------------------------------------------------------


def test_a_restart_goes_on_after_the_last_part_with_the_checkpoint(kit: Kit) -> None:
    asked: list[Resume | None] = []

    def remembering(source: Source, limits: Limits, resume: Resume | None = None) -> Iterator[Any]:
        asked.append(resume)
        for record in read(source, limits, resume):
            assert isinstance(record, ReadArticle)
            yield ReadArticle(
                position=record.position,
                headline=record.headline,
                body=record.body,
                info=INFO,
                checkpoint=f"after {record.position}",
            )

    kit.read = remembering

    async def scenario() -> None:
        async with opened(kit):
            kit.bus.has_bulk_room = False
            kit.drop("long.txt", records(3 * SIZE))
            await kit.take()
            await kit.reopen()
            kit.bus.has_bulk_room = True
            await until_filed(kit)
        assert asked == [None, Resume(SIZE, f"after {SIZE}")]
        assert [article.drop.position for article in kit.bus.all_published] == list(
            range(1, 3 * SIZE + 1)
        )

    asyncio.run(scenario())


def test_a_part_without_outcomes_is_read_again_alone(kit: Kit) -> None:
    async def scenario() -> None:
        async with opened(kit):
            kit.drop("long.txt", records(3 * SIZE))
            await kit.take()
            second = {a.article_id for a in kit.bus.published if SIZE < a.drop.position <= 2 * SIZE}
            lost = [out for out in kit.bus.waiting if out.article_id in second]
            kit.bus.waiting = [out for out in kit.bus.waiting if out.article_id not in second]
            kit.bus.deliver(kit.desk)
            before = len(kit.bus.all_published)
            kit.bus.marks.clear()
            kit.hand.advance(kit.settings.redrive_interval * 2)
            await kit.steps()
            again = kit.bus.all_published[before:]
            assert {article.article_id for article in again} == second
            assert {a.drop.drop_id for a in again} == {out.drop.drop_id for out in lost}
            await until_filed(kit)
            assert kit.receipt().summary == {"indexed": 3 * SIZE}

    asyncio.run(scenario())


@pytest.mark.parametrize("how", ["removed", "changed"])
def test_a_long_file_that_goes_away_midway_says_what_was_not_read(kit: Kit, how: str) -> None:
    async def scenario() -> None:
        async with opened(kit):
            kit.bus.has_bulk_room = False
            path = kit.drop("long.txt", records(3 * SIZE))
            await kit.take()
            if how == "removed":
                path.unlink()
            else:
                path.write_text("Another file")
            kit.bus.has_bulk_room = True
            await until_filed(kit)
        receipts = kit.receipts()
        long = next(each for each in receipts if each.articles[0].headline == "Story 1")
        assert long.summary == {"indexed": SIZE, "rejected": 1}
        assert long.articles[-1].position == SIZE + 1
        assert long.articles[-1].reason == (
            f"not read beyond record {SIZE}: the file was {how} meanwhile"
        )
        assert long.note is not None
        assert long.archived_as is None
        others = [each.articles[0].headline for each in receipts if each is not long]
        assert others == ([] if how == "removed" else ["Another file"])

    asyncio.run(scenario())


def test_a_disk_that_fails_midway_is_waited_for_and_the_rest_is_read(kit: Kit) -> None:
    broken = [True]

    def failing(source: Source, limits: Limits, resume: Resume | None = None) -> Iterator[Any]:
        for record in read(source, limits, resume):
            if record.position == SIZE + 10 and broken:
                raise OSError(5, "Input/output error")
            yield record

    kit.read = failing

    async def scenario() -> None:
        async with opened(kit):
            kit.drop("long.txt", records(2 * SIZE))
            await kit.take()
            assert len(kit.bus.published) == SIZE
            broken.clear()
            kit.hand.advance(120)
            await until_filed(kit)
        assert [a.drop.position for a in kit.bus.published] == list(range(1, 2 * SIZE + 1))
        assert kit.receipt().summary == {"indexed": 2 * SIZE}

    asyncio.run(scenario())


def test_a_journal_that_takes_no_write_midway_loses_no_part(kit: Kit) -> None:
    async def scenario() -> None:
        async with opened(kit):
            kit.bus.has_bulk_room = False
            kit.drop("long.txt", records(3 * SIZE))
            await kit.take()
            connection = kit.desk._owned()._connection
            connection.execute("PRAGMA query_only = ON")
            kit.bus.has_bulk_room = True
            await kit.desk.step()
            connection.execute("PRAGMA query_only = OFF")
            kit.hand.advance(120)
            await until_filed(kit)
        assert kit.receipt().summary == {"indexed": 3 * SIZE}

    asyncio.run(scenario())


def test_draining_ends_only_when_a_long_file_is_read_and_filed(kit: Kit) -> None:
    async def deliver(stop: asyncio.Event) -> None:
        while not stop.is_set():
            kit.bus.deliver(kit.desk)
            await asyncio.sleep(0)

    async def scenario() -> None:
        async with opened(kit):
            kit.drop("long.txt", records(3 * SIZE))
            kit.bus.has_bulk_room = False
            await kit.take()
            kit.bus.has_bulk_room = True
            stop, drain, over = asyncio.Event(), asyncio.Event(), asyncio.Event()
            drain.set()
            delivering = asyncio.create_task(deliver(over))
            await kit.desk.run(stop, drain)
            over.set()
            await delivering
        assert kit.receipt().summary == {"indexed": 3 * SIZE}

    asyncio.run(scenario())


# --- what is told ------------------------------------------------------------------------------


def test_progress_is_told_while_a_long_file_is_read(kit: Kit, logs: list[Any]) -> None:
    def telling(source: Source, limits: Limits, resume: Resume | None = None) -> Iterator[Any]:
        for record in read(source, limits, resume):
            yield Progress(record.position * 10)
            yield record

    kit.read = telling

    async def scenario() -> None:
        async with opened(kit):
            path = kit.drop("long.txt", records(4 * SIZE))
            kit.bus.has_bulk_room = False
            await kit.take()
            kit.bus.deliver(kit.desk)
            assert kit.desk.details() == {
                "progress": [
                    {
                        "file": "long.txt",
                        "drop_id": str(kit.bus.published[0].drop.drop_id),
                        "offset": (SIZE + 1) * 10,
                        "size": path.stat().st_size,
                        "records": SIZE,
                        "settled": SIZE,
                        "since": kit.bus.published[0].drop.received_at.isoformat(),
                    }
                ]
            }
            assert named(logs, "file.progress") == []
            kit.hand.advance(TELL_EVERY)
            kit.bus.has_bulk_room = True
            await kit.desk.step()
            (line,) = named(logs, "file.progress")
            assert (line["file"], line["records"]) == ("long.txt", 2 * SIZE)
            await until_filed(kit)
            assert kit.desk.details() == {"progress": []}

    asyncio.run(scenario())


def test_what_enrichment_rejects_of_a_later_part_is_in_the_receipt(kit: Kit) -> None:
    def decide(article: RawArticle) -> Any:
        if article.drop.position == SIZE + 2:
            return outcome_for(article, "rejected", stage="enrichment", reason="r", advice="a")
        return outcome_for(article)

    kit.bus.decide = decide

    async def scenario() -> None:
        async with opened(kit):
            kit.drop("long.txt", records(2 * SIZE))
            await until_filed(kit)
        rejected = [each for each in kit.receipt().articles if each.outcome == "rejected"]
        assert [(each.position, each.stage) for each in rejected] == [(SIZE + 2, "enrichment")]

    asyncio.run(scenario())
