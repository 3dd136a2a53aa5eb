"""A dead letter that is sent again: its new outcome replaces the old, in journal and receipt."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import shutil
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from schemas.article import Retry
from services.ingest import parts
from services.ingest.files import Files
from services.ingest.journal import KEEP_ARCHIVED_MS, Journal
from services.ingest.waits import Clock
from tests.ingest.desk_kit import (
    Crash,
    CrashAt,
    Kit,
    make_settings,
    named,
    opened,
    outcome_for,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from schemas.article import RawArticle
    from schemas.events import Outcome


def refuse(article: RawArticle) -> Outcome:
    """What enrichment reports of a dead letter."""
    return outcome_for(
        article, "rejected", stage="enrichment", reason="a bug", advice="wiredesk dead retry"
    )


def later(article: RawArticle, number: int = 1, kind: str = "indexed", **over: Any) -> Outcome:
    """The outcome of the ``number``-th retry of an article."""
    at = article.drop.received_at + timedelta(hours=number)
    drop = article.drop.model_copy(
        update={"retry": Retry(number=number, at=at, stage="enrichment")}
    )
    return outcome_for(article, kind, drop=drop, **over)


def refused(article: RawArticle, number: int) -> Outcome:
    """The rejection of the ``number``-th retry."""
    return later(article, number, "rejected", stage="enrichment", reason="a bug", advice="look")


async def tell(kit: Kit, *outcomes: Outcome) -> None:
    """The stage hands outcomes to the desk, which then does what follows from them."""
    kit.desk.settle(outcomes)
    await kit.steps()


def rejecting(kit: Kit, *only: int) -> Kit:
    """A kit whose articles at these positions (none: all) are rejected the first time."""

    def decide(article: RawArticle) -> Outcome:
        refuses = not only or article.drop.position in only
        return refuse(article) if refuses else outcome_for(article)

    kit.bus.decide = decide
    return kit


def test_a_file_that_was_rejected_moves_to_done_with_a_receipt_that_says_so(
    kit: Kit, logs: list[Any]
) -> None:
    async def scenario() -> None:
        async with opened(rejecting(kit)):
            kit.drop("sub/a.txt")
            await kit.finish()
            assert kit.receipt().archived_as == "rejected/sub/a.txt"
            (article,) = kit.bus.published
            kit.hand.advance(3600)
            await tell(kit, later(article))

    asyncio.run(scenario())
    receipt = kit.receipt()
    assert (receipt.archived_as, receipt.summary) == ("done/sub/a.txt", {"indexed": 1})
    assert receipt.revised_at is not None
    assert receipt.revised_at > receipt.settled_at
    (line,) = receipt.articles
    assert (line.outcome, line.reason) == ("indexed", None)
    assert line.retry is not None
    assert (line.retry.number, line.retry.stage) == (1, "enrichment")
    assert kit.files_in(kit.settings.done) == ["sub/a.txt"]
    assert kit.files_in(kit.settings.rejected) == []
    assert [each["archived_as"] for each in named(logs, "file.receipt_revised")] == [
        "done/sub/a.txt"
    ]


def test_a_file_that_was_done_stays_where_it_is_and_its_receipt_is_written_again(kit: Kit) -> None:
    async def scenario() -> None:
        async with opened(rejecting(kit, 2)):
            kit.drop("two.txt", "One\nbody\n---\nTwo\nbody")
            await kit.finish()
            assert kit.receipt().summary == {"indexed": 1, "rejected": 1}
            await tell(kit, later(kit.bus.published[1], kind="unchanged"))

    asyncio.run(scenario())
    receipt = kit.receipt()
    assert receipt.archived_as == "done/two.txt"
    assert receipt.summary == {"indexed": 1, "unchanged": 1}
    assert [line.retry is None for line in receipt.articles] == [True, False]


def test_a_retry_that_fails_again_leaves_the_file_rejected_and_says_how_often(kit: Kit) -> None:
    async def scenario() -> None:
        async with opened(rejecting(kit)):
            kit.drop("a.txt")
            await kit.finish()
            (article,) = kit.bus.published
            await tell(kit, refused(article, 1))
            await tell(kit, refused(article, 2))

    asyncio.run(scenario())
    receipt = kit.receipt()
    assert (receipt.archived_as, receipt.summary) == ("rejected/a.txt", {"rejected": 1})
    assert receipt.articles[0].retry is not None
    assert receipt.articles[0].retry.number == 2


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_the_latest_retry_counts_in_whatever_order_they_come_and_however_often(
    tmp_path: Path, order: Sequence[int]
) -> None:
    kit = Kit(make_settings(tmp_path / "inbox"))

    async def scenario() -> None:
        async with opened(kit):
            kit.bus.decide = outcome_for
            kit.drop("a.txt")
            await kit.take()
            (article,) = kit.bus.published
            told = [refuse(article), refused(article, 1), refused(article, 2), later(article, 3)]
            for number in (*order, *order):
                await tell(kit, told[number])

    asyncio.run(scenario())
    receipt = kit.receipt()
    assert (receipt.archived_as, receipt.summary) == ("done/a.txt", {"indexed": 1})
    assert receipt.articles[0].retry is not None
    assert receipt.articles[0].retry.number == 3


def test_a_first_outcome_never_replaces_another_first_one(kit: Kit) -> None:
    async def scenario() -> None:
        async with opened(rejecting(kit)):
            kit.drop("a.txt")
            await kit.finish()
            await tell(kit, outcome_for(kit.bus.published[0]))

    asyncio.run(scenario())
    assert kit.receipt().summary == {"rejected": 1}
    assert kit.receipt().revised_at is None


def test_what_ingest_rejected_itself_is_not_replaced(kit: Kit) -> None:
    """Such a record never crossed, so no dead letter can be about it."""

    async def scenario() -> None:
        async with opened(kit):
            kit.drop("a.txt", "bad: no title")
            await kit.finish()
            (outcome,) = kit.bus.reported
            drop = outcome.drop.model_copy(
                update={"retry": Retry(number=1, at=outcome.drop.received_at, stage="ingest")}
            )
            await tell(kit, outcome.model_copy(update={"drop": drop, "outcome": "indexed"}))

    asyncio.run(scenario())
    assert kit.receipt().summary == {"rejected": 1}


def test_a_retry_before_the_rejection_was_heard_of_makes_one_receipt(kit: Kit) -> None:
    async def scenario() -> None:
        async with opened(kit):
            kit.drop("a.txt")
            await kit.take()
            await tell(kit, later(kit.bus.published[0]))

    asyncio.run(scenario())
    assert (kit.receipt().archived_as, kit.receipt().revised_at) == ("done/a.txt", None)


def test_an_outcome_that_comes_while_the_receipt_is_written_is_not_forgotten(kit: Kit) -> None:
    """Settled, not yet archived: the disk was full."""

    async def scenario() -> None:
        async with opened(rejecting(kit)):
            kit.drop("a.txt")
            await kit.take()
            (article,) = kit.bus.published
            kit.desk.settle([refuse(article)])
            kit.desk.settle([later(article)])
            await kit.steps()

    asyncio.run(scenario())
    assert (kit.receipt().archived_as, kit.receipt().summary) == ("done/a.txt", {"indexed": 1})


def test_a_file_whose_name_is_taken_in_done_gets_another(kit: Kit) -> None:
    async def scenario() -> None:
        async with opened(rejecting(kit)):
            kit.drop("a.txt", "One\nbody")
            await kit.finish()
            (article,) = kit.bus.published
            kit.bus.decide = outcome_for
            kit.drop("a.txt", "Another\nbody")
            await kit.finish()
            await tell(kit, later(article))

    asyncio.run(scenario())
    names = kit.files_in(kit.settings.done)
    assert len(names) == 2
    assert sorted(f"done/{name}" for name in names) == sorted(
        str(receipt.archived_as) for receipt in kit.receipts()
    )
    for receipt in kit.receipts():
        archived = kit.settings.done / str(receipt.archived_as).removeprefix("done/")
        assert hashlib.sha256(archived.read_bytes()).hexdigest() == receipt.content_sha256


def test_a_file_that_somebody_took_out_of_the_archive_gets_its_receipt_where_it_was(
    kit: Kit,
) -> None:
    async def scenario() -> None:
        async with opened(rejecting(kit)):
            kit.drop("a.txt")
            await kit.finish()
            shutil.rmtree(kit.settings.rejected)
            await tell(kit, later(kit.bus.published[0]))

    asyncio.run(scenario())
    assert (kit.receipt().archived_as, kit.receipt().summary) == ("rejected/a.txt", {"indexed": 1})


def test_of_a_long_file_an_article_of_any_part_can_be_sent_again(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "PART_RECORDS", 2)

    async def scenario() -> None:
        async with opened(rejecting(kit)):
            kit.drop("long.txt", "\n---\n".join(f"Story {n}\nbody" for n in range(5)))
            for _ in range(4):
                await kit.finish()
            assert kit.receipt().archived_as == "rejected/long.txt"
            await tell(kit, later(kit.bus.published[-1]))

    asyncio.run(scenario())
    receipt = kit.receipt()
    assert receipt.archived_as == "done/long.txt"
    assert receipt.summary == {"rejected": 4, "indexed": 1}


# --- crashes -----------------------------------------------------------------------------------
class OtherDisk(Files):
    """Nothing can be linked: a file that moves is copied."""

    def link(self, source: bytes, target: bytes, folder: int | None) -> None:
        assert folder is None or folder > 2  # an open one, or none
        raise OSError(18, "Invalid cross-device link", source, None, target)


def crashed(folder: Path, files: type[Files], number: int | None) -> tuple[Kit, list[str]]:
    kit = rejecting(Kit(make_settings(folder / "inbox"), files=files))
    kit.drop("sub/a.txt", "One\nbody")
    asyncio.run(first_half(kit))
    (article,) = kit.bus.published
    with CrashAt(number) as effects:
        try:
            asyncio.run(second_half(kit, article))
        except Crash:
            assert number is not None
        kit.desk.close()
    asyncio.run(second_half(kit, article))
    kit.desk.close()
    return kit, effects.names


async def first_half(kit: Kit) -> None:
    async with opened(kit):
        await kit.finish()


async def second_half(kit: Kit, article: RawArticle) -> None:
    await kit.open()
    await tell(kit, later(article))


@pytest.mark.parametrize("files", [Files, OtherDisk])
def test_a_crash_before_any_step_of_the_move_leaves_one_file_and_one_true_receipt(
    tmp_path: Path, files: type[Files]
) -> None:
    _, names = crashed(tmp_path / "count", files, None)
    steps = {"ingest.journal.plan_move", "ingest.receipt.replace", "ingest.archive.forget"}
    assert steps <= set(names)
    for number in range(1, len(names) + 1):
        kit, _ = crashed(tmp_path / str(number), files, number)
        receipt = kit.receipt()
        assert (receipt.archived_as, receipt.summary) == ("done/sub/a.txt", {"indexed": 1}), number
        assert kit.files_in(kit.settings.done) == ["sub/a.txt"], number
        assert kit.files_in(kit.settings.rejected) == [], number
        hidden = [path for path in kit.inbox.rglob(".wiredesk-*") if path.is_file()]
        assert hidden == [], number


# --- keeping ------------------------------------------------------------------------------------
def test_a_drop_is_remembered_for_a_quarter_after_its_last_retry(tmp_path: Path) -> None:
    """Else a retry of a letter that is almost a quarter old would find nobody who remembers."""
    kit = rejecting(Kit(make_settings(tmp_path / "inbox")))

    async def scenario() -> None:
        async with opened(kit):
            kit.drop("a.txt")
            await kit.finish()
            kit.hand.advance(KEEP_ARCHIVED_MS / 1000 - 3600)
            await tell(kit, refused(kit.bus.published[0], 1))

    asyncio.run(scenario())
    clock = kit.hand.clock
    path = kit.settings.state / "journal.sqlite3"
    shifted = Clock(clock.monotonic, lambda: clock.now() + timedelta(days=1))
    with closing(Journal(path, shifted)) as journal:
        assert journal.prune() == 0
    much_later = Clock(clock.monotonic, lambda: clock.now() + timedelta(days=91))
    with closing(Journal(path, much_later)) as journal:
        assert journal.prune() == 1
