"""What receipts say, where files end up, and that nothing is ever overwritten."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from services.ingest.receipts import Receipt
from tests.ingest.desk_kit import Kit, make_settings, named, opened, outcome_for

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.article import RawArticle
    from schemas.events import Outcome

OTHER = UUID("00000000-0000-5000-8000-0000000000aa")


def finish(kit: Kit) -> None:
    async def scenario() -> None:
        async with opened(kit):
            await kit.finish()

    asyncio.run(scenario())


def test_the_receipt_says_what_became_of_the_file_and_each_article(kit: Kit) -> None:
    text = "Quay wall moves\nBy four centimetres.\n---\nFerries stop\nFor nine days."
    kit.drop("harbour/monday.txt", text)
    finish(kit)
    receipt = kit.receipt()
    assert receipt.file == "harbour/monday.txt"
    assert receipt.size == len(text)
    assert receipt.content_sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert receipt.reader is not None
    assert (receipt.reader.format, receipt.reader.encoding) == ("text/simple", "utf-8")
    assert receipt.archived_as == "done/harbour/monday.txt"
    assert receipt.summary == {"indexed": 2}
    assert [article.headline for article in receipt.articles] == ["Quay wall moves", "Ferries stop"]
    assert [article.position for article in receipt.articles] == [1, 2]
    assert receipt.settled_at >= receipt.received_at
    published = {article.article_id: article for article in kit.bus.published}
    for article in receipt.articles:
        assert article.revision == published[article.article_id].revision
        assert article.timings.received_at == receipt.received_at
        assert article.trace_id is not None


def test_the_receipt_lies_beside_the_archived_file_whose_bytes_are_unchanged(kit: Kit) -> None:
    kit.drop("a/b/x.txt", b"Wind\r\nfrom the west\xff")
    finish(kit)
    archived = kit.settings.done / "a/b/x.txt"
    assert archived.read_bytes() == b"Wind\r\nfrom the west\xff"
    beside = archived.with_name("x.txt.receipt.json")
    assert Receipt.model_validate_json(beside.read_bytes()) == kit.receipt()
    assert json.loads(beside.read_text())["schema_version"] == 1


def test_every_kind_of_outcome_is_told_with_what_belongs_to_it(kit: Kit) -> None:
    wanted: list[dict[str, Any]] = [
        {"kind": "indexed"},
        {"kind": "updated"},
        {"kind": "unchanged"},
        {"kind": "duplicate", "of": OTHER},
        {"kind": "superseded", "by_revision": 7},
        {"kind": "withdrawn"},
        {"kind": "rejected", "stage": "enrichment", "reason": "no", "advice": "do"},
    ]

    def decide(article: RawArticle) -> Outcome:
        return outcome_for(article, **wanted[article.drop.position - 1])

    kit.bus.decide = decide
    kit.drop("all.txt", "\n---\n".join(f"Story {number}\nbody" for number in range(7)))
    finish(kit)
    receipt = kit.receipt()
    assert [article.outcome for article in receipt.articles] == [each["kind"] for each in wanted]
    assert receipt.articles[3].of == OTHER
    assert receipt.articles[4].by_revision == 7
    last = receipt.articles[6]
    assert (last.stage, last.reason, last.advice) == ("enrichment", "no", "do")
    assert receipt.archived_as == "done/all.txt"
    assert sum(receipt.summary.values()) == 7


def test_a_file_of_which_nothing_was_accepted_goes_to_rejected(kit: Kit) -> None:
    kit.bus.decide = lambda article: outcome_for(
        article, "rejected", stage="indexer", reason="store says no", advice="ask"
    )
    kit.drop("sub/no.txt")
    finish(kit)
    assert kit.receipt().archived_as == "rejected/sub/no.txt"
    assert (kit.settings.rejected / "sub/no.txt").exists()


def test_an_unreadable_file_is_rejected_with_reason_and_advice_and_reported(kit: Kit) -> None:
    path = kit.drop("broken.bin", "unreadable from the start")
    finish(kit)
    receipt = kit.receipt()
    (article,) = receipt.articles
    assert article.outcome == "rejected"
    assert (article.stage, article.reason) == ("ingest", "the file can't be read")
    assert article.advice == "Save it as text."
    assert receipt.archived_as == "rejected/broken.bin"
    assert not path.exists()
    assert [outcome.article_id for outcome in kit.bus.reported] == [article.article_id]


def test_the_same_unreadable_bytes_have_the_same_article_id_in_every_drop(kit: Kit) -> None:
    kit.drop("one.bin", "unreadable")
    kit.drop("two.bin", "unreadable")
    finish(kit)
    ids = {article.article_id for receipt in kit.receipts() for article in receipt.articles}
    assert len(ids) == 1
    assert len({receipt.drop_id for receipt in kit.receipts()}) == 2


def test_an_empty_file_is_rejected_not_waited_for(kit: Kit) -> None:
    kit.drop("empty.txt", b"")
    finish(kit)
    assert kit.receipt().archived_as == "rejected/empty.txt"


def test_a_bad_record_is_rejected_and_the_others_are_published(kit: Kit) -> None:
    kit.drop("mixed.txt", "First\nbody\n---\nbad: no title\n---\nThird\nbody")
    finish(kit)
    receipt = kit.receipt()
    told = [(article.position, article.outcome) for article in receipt.articles]
    assert told == [(1, "indexed"), (2, "rejected"), (3, "indexed")]
    assert receipt.articles[1].reason == "no title"
    assert receipt.articles[1].advice == "Mend the record."
    assert receipt.archived_as == "done/mixed.txt"


def test_a_file_without_a_single_article_is_rejected(kit: Kit) -> None:
    kit.read = lambda _source, _limits, _resume: iter(())
    kit.drop("feed.xml", "<feed/>")
    finish(kit)
    (article,) = kit.receipt().articles
    assert article.reason == "no article was found in the file"


@pytest.mark.parametrize("where", ["read", "assemble"])
def test_a_fault_of_ours_rejects_the_file_with_a_traceback_and_the_others_go_on(
    kit: Kit, logs: list[Any], where: str
) -> None:
    working = getattr(kit, where)

    def fails(*args: Any) -> Any:
        if "poison" in str(args[0]):
            raise KeyError("a fault")
        return working(*args)

    setattr(kit, where, fails)
    kit.drop("poison.txt", "poison\nbody")
    kit.drop("good.txt")
    finish(kit)
    by_file = {receipt.file: receipt for receipt in kit.receipts()}
    assert by_file["good.txt"].summary == {"indexed": 1}
    (article,) = by_file["poison.txt"].articles
    assert "KeyError" in (article.reason or "")
    assert any(line.get("exc_info") for line in logs)


def test_a_repeated_article_is_published_once_and_told_as_duplicate_or_unchanged(
    kit: Kit,
) -> None:
    records = [
        "Ferry late\nid: x\nby an hour",
        "Ferry late\nid: x\nby an hour",
        "Ferry very late\nid: x\nby two",
    ]
    kit.drop("feed.txt", "\n---\n".join(records))
    finish(kit)
    assert len(kit.bus.all_published) == 1
    receipt = kit.receipt()
    assert [article.outcome for article in receipt.articles] == [
        "indexed",
        "unchanged",
        "duplicate",
    ]
    assert receipt.articles[2].of == receipt.articles[0].article_id
    assert receipt.summary == {"indexed": 1, "unchanged": 1, "duplicate": 1}


def test_of_several_versions_in_one_file_the_newest_is_published(kit: Kit) -> None:
    records = [
        "Three dead\nid: x\nversion: 2",
        "Five dead\nid: x\nversion: 4",
        "Four dead\nid: x\nversion: 3",
    ]
    kit.drop("feed.txt", "\n---\n".join(records))
    finish(kit)
    assert [article.headline for article in kit.bus.all_published] == ["Five dead"]
    receipt = kit.receipt()
    told = [(article.outcome, article.by_revision) for article in receipt.articles]
    assert told == [("superseded", 4), ("indexed", None), ("superseded", 4)]


def test_a_cancellation_beside_the_story_in_one_file_wins_whichever_comes_first(kit: Kit) -> None:
    story, cancel = (
        "Mine sold\nid: x\nversion: 2\nbody",
        "KILL\nid: x\nversion: 2\nstatus: withdrawn",
    )

    async def scenario() -> None:
        async with opened(kit):
            kit.drop("after.txt", f"{story}\n---\n{cancel}")
            kit.drop("before.txt", f"{cancel}\n---\n{story}")
            await kit.finish()
            assert [article.status for article in kit.bus.published] == ["withdrawn", "withdrawn"]
            told = {
                article.headline: article.outcome
                for receipt in kit.receipts()
                for article in receipt.articles
            }
            assert told == {"Mine sold": "superseded", "KILL": "indexed"}

    asyncio.run(scenario())


def test_repeats_of_a_rejected_article_do_not_make_the_file_accepted(kit: Kit) -> None:
    kit.bus.decide = lambda article: outcome_for(article, "rejected", stage="indexer", reason="no")
    kit.drop("feed.txt", "Same\nid: x\n---\nSame\nid: x")
    finish(kit)
    assert kit.receipt().archived_as == "rejected/feed.txt"


def test_an_archived_file_is_never_overwritten(kit: Kit) -> None:
    async def scenario() -> None:
        async with opened(kit):
            for text in ("first", "second", "second"):
                kit.drop("wire.txt", text)
                await kit.finish()

    asyncio.run(scenario())
    archived = kit.files_in(kit.settings.done)
    assert "wire.txt" in archived
    contents = sorted((kit.settings.done / name).read_text() for name in archived)
    assert contents == ["first", "second", "second"]
    for receipt in kit.receipts():
        assert receipt.archived_as is not None
        name = receipt.archived_as.removeprefix("done/")
        assert name in {"wire.txt", f"wire~{receipt.drop_id.hex[:8]}.txt"}
        digest = hashlib.sha256((kit.settings.done / name).read_bytes()).hexdigest()
        assert digest == receipt.content_sha256


def test_a_receipts_name_that_is_taken_makes_the_file_go_elsewhere(kit: Kit) -> None:
    kit.drop("a.txt", "news")
    kit.drop("done/a.txt.receipt.json", "somebody's own file")
    finish(kit)
    assert (kit.settings.done / "a.txt.receipt.json").read_text() == "somebody's own file"
    (archived,) = kit.files_in(kit.settings.done)
    assert archived.startswith("a~")
    assert (kit.settings.done / f"{archived}.receipt.json").exists()


def test_a_dropped_file_that_is_named_like_a_receipt_is_a_file_like_any_other(kit: Kit) -> None:
    kit.drop("a.txt", "news")
    kit.drop("a.txt.receipt.json", "Not a receipt\nbut news")
    finish(kit)
    found = [
        Receipt.model_validate_json(path.read_bytes())
        for path in kit.settings.done.glob("*.receipt.json")
        if path.read_text().startswith("{")
    ]
    assert {receipt.file for receipt in found} == {"a.txt", "a.txt.receipt.json"}
    for receipt in found:
        archived = kit.inbox / (receipt.archived_as or "")
        assert hashlib.sha256(archived.read_bytes()).hexdigest() == receipt.content_sha256


def test_a_name_as_long_as_the_file_system_allows_is_archived_shortened(kit: Kit) -> None:
    name = "ü" * 125 + ".html"
    assert len(name.encode()) == 255
    kit.drop(name, "news")
    finish(kit)
    receipt = kit.receipt()
    assert receipt.file == name
    (archived,) = kit.files_in(kit.settings.done)
    assert archived.endswith(f"~{receipt.drop_id.hex[:8]}.html")
    assert archived.startswith("üüü")
    assert (kit.settings.done / archived).read_text() == "news"


def test_done_rejected_and_state_may_lie_elsewhere(tmp_path: Path) -> None:
    kit = Kit(
        make_settings(
            tmp_path / "inbox",
            done_dir=tmp_path / "archive" / "done",
            rejected_dir=tmp_path / "archive" / "no",
            state_dir=tmp_path / "state",
        )
    )
    kit.drop("a/good.txt")
    kit.drop("a/bad.txt", "unreadable")
    finish(kit)
    assert (tmp_path / "archive/done/a/good.txt").exists()
    assert (tmp_path / "archive/no/a/bad.txt").exists()
    assert (tmp_path / "state/journal.sqlite3").exists()


def test_emptied_sub_folders_are_left_as_they_are(kit: Kit) -> None:
    """Somebody may be about to write to them."""
    kit.drop("agency/today/a.txt")
    finish(kit)
    assert (kit.inbox / "agency/today").is_dir()


def test_the_line_of_a_file_without_trouble_is_information(kit: Kit, logs: list[Any]) -> None:
    kit.drop("good.txt", "First\nbody")
    finish(kit)
    (line,) = named(logs, "file.receipt")
    assert line["log_level"] == "info"
    assert not {"reason", "advice", "note"} & set(line)


def test_one_line_per_file_tells_counts_duration_and_ids(kit: Kit, logs: list[Any]) -> None:
    kit.drop("mixed.txt", "First\nbody\n---\nbad: no title")
    finish(kit)
    (line,) = named(logs, "file.receipt")
    receipt = kit.receipt()
    assert line["log_level"] == "warning", "a rejected record is worth a look"
    assert line["reason"] == receipt.articles[1].reason
    assert line["advice"] == receipt.articles[1].advice
    assert line["file"] == "mixed.txt"
    assert line["drop_id"] == str(receipt.drop_id)
    assert (line["indexed"], line["rejected"]) == (1, 1)
    assert line["duration_ms"] == receipt.duration_ms >= 0
