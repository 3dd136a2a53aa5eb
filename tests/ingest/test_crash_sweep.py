"""A crash before any side effect: the next run finishes exactly what was begun."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

import pytest

from services.ingest import parts
from services.ingest.files import Files
from tests.ingest.desk_kit import Crash, CrashAt, Kit, make_settings

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from schemas.article import Drop

CONTENT = {
    "single.txt": "Harbour closed\nThe harbour is closed.",
    "deep/er/two.txt": "One\nbody\n---\nTwo\nbody\n---\nOne\nbody",
    "mixed.txt": "Good\nbody\n---\nbad: no title",
    "wrong.txt": "unreadable",
    "long.txt": "\n---\n".join(f"Story {number}\nbody" for number in range(7)),
}
REJECTED = ("wrong.txt",)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that ``long.txt`` crosses in three parts."""
    monkeypatch.setattr(parts, "PART_RECORDS", 3)


class OtherDisk(Files):
    """The archive lies on another file system: nothing can be linked there from the inbox."""

    def link_out(self, path: bytes, target: bytes) -> None:
        raise OSError(18, "Invalid cross-device link", path, None, target)


async def play(kit: Kit) -> None:
    """All that the desk does for these files, from the first scan to the last receipt."""
    await kit.open()
    for _ in range(8):
        await kit.finish()
        kit.hand.advance(kit.settings.redrive_interval * 10)


def run_until_done(kit: Kit, crash_at: int | None) -> list[str]:
    """Play, crash once at the given effect, play again; returns the effects of the first run."""
    with CrashAt(crash_at) as effects:
        try:
            asyncio.run(play(kit))
        except Crash:
            assert crash_at is not None
        kit.desk.close()
    asyncio.run(play(kit))
    kit.desk.close()
    return effects.names


def check_everything(kit: Kit) -> None:
    receipts = {receipt.file: receipt for receipt in kit.receipts()}
    assert len(kit.receipts()) == len(receipts) == len(CONTENT)
    assert kit.files_in(kit.inbox) == []
    for name, text in CONTENT.items():
        receipt = receipts[name]
        digest = hashlib.sha256(text.encode()).hexdigest()
        assert receipt.content_sha256 == digest
        kind = "rejected" if name in REJECTED else "done"
        assert receipt.archived_as == f"{kind}/{name}"
        archived = (kit.settings.done if kind == "done" else kit.settings.rejected) / name
        assert hashlib.sha256(archived.read_bytes()).hexdigest() == digest
        assert receipt.note is None
    hidden = [path for path in kit.inbox.rglob(".wiredesk-*") if path.is_file()]
    assert hidden == []


def check_bus(kit: Kit) -> None:
    """Each (drop, article) has been published at least once, always with the same revision."""
    revisions: dict[tuple[object, object], set[int]] = {}
    for article in kit.bus.all_published:
        key = (article.drop.drop_id, article.article_id)
        revisions.setdefault(key, set()).add(article.revision)
    assert all(len(found) == 1 for found in revisions.values())
    receipts = {receipt.drop_id: receipt for receipt in kit.receipts()}
    sent = {(_file(article.drop), article.article_id) for article in kit.bus.all_published}
    sent |= {(_file(out.drop), out.article_id) for out in kit.bus.reported}
    assert {drop_id for drop_id, _ in sent} <= set(receipts)
    promised = {
        (receipt.drop_id, article.article_id)
        for receipt in receipts.values()
        for article in receipt.articles
    }
    assert sent == promised


def _file(drop: Drop) -> UUID:
    return drop.part_of or drop.drop_id


def number_of_effects(tmp_path: Path, files: type[Files]) -> int:
    kit = make_kit(tmp_path / "count", files)
    return len(run_until_done(kit, None))


def make_kit(folder: Path, files: type[Files]) -> Kit:
    kit = Kit(make_settings(folder / "inbox"), files=files)
    for name, text in CONTENT.items():
        kit.drop(name, text)
    return kit


@pytest.mark.parametrize("files", [Files, OtherDisk])
def test_a_crash_before_any_effect_changes_nothing_about_the_end(
    tmp_path: Path, files: type[Files]
) -> None:
    total = number_of_effects(tmp_path, files)
    assert total > 30
    for number in range(1, total + 1):
        kit = make_kit(tmp_path / str(number), files)
        names = run_until_done(kit, number)
        try:
            check_everything(kit)
            check_bus(kit)
        except AssertionError as error:
            raise AssertionError(f"after a crash at effect {number} ({names[-1]})") from error


def test_what_is_swept_names_every_step(tmp_path: Path) -> None:
    """The sweep covers the journal, the bus, the archive and the receipts, on both ways to move."""
    linked = run_until_done(make_kit(tmp_path / "linked", Files), None)
    copied = run_until_done(make_kit(tmp_path / "copied", OtherDisk), None)
    assert {
        "ingest.journal.migrate",
        "ingest.journal.identify",
        "ingest.presence.mark",
        "ingest.journal.take",
        "ingest.bus.publish",
        "ingest.bus.report",
        "ingest.journal.published",
        "ingest.journal.settle",
        "ingest.journal.plan",
        "ingest.archive.mkdir",
        "ingest.receipt.write",
        "ingest.archive.link",
        "ingest.archive.capture",
        "ingest.archive.unlink",
        "ingest.receipt.rename",
        "ingest.journal.archived",
    } <= set(linked)
    assert {"ingest.archive.copy", "ingest.archive.rename"} <= set(copied)
