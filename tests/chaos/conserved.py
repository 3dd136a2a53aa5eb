"""The invariant: every article in exactly one outcome, nothing lost, nothing twice."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from services.bus.keys import ENRICHED_STREAM, ENRICHMENT, INDEXER
from services.indexer.store.opening import open_store
from tests.chaos.harness import about, quick_client

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chaos.harness import Attack

VOLATILE = frozenset(
    {"drop", "revision", "ingested_at", "enriched_at", "provenance", "revision_basis"}
)
"""What may differ between two runs: who took it and when."""


def assert_conserved(attack: Attack, *, emptied: bool = False, deleted: bool = False) -> None:
    """Everything that was dropped is in its place, exactly once.

    ``emptied``: the server lost everything on the way, so its streams tell only
    of what came after; folder, receipts and store must be whole all the same.
    ``deleted``: streams were deleted by hand while the others stayed.
    """
    _every_file_in_its_place(attack)
    _one_receipt_each(attack)
    _receipts_equal_store(attack)
    _nothing_pending(attack)
    _nothing_twice(attack, emptied=emptied, deleted=deleted)
    if not emptied:
        _outcomes_equal_receipts(attack)


def _every_file_in_its_place(attack: Attack) -> None:
    left = [path.name for path in attack.settings.inbox.iterdir() if path.is_file()]
    assert left == [], "files left in the inbox"
    wanted = Counter((file.name, file.sha256) for file in attack.dropped)
    found = Counter((_dropped_name(path), _sha256(path)) for path in _archived(attack))
    assert found == wanted, "archived files differ from dropped ones"


def _archived(attack: Attack) -> list[Path]:
    folders = (attack.settings.done, attack.settings.rejected)
    return [
        path
        for folder in folders
        for path in folder.glob("**/*")
        if path.is_file() and not path.name.endswith(".receipt.json")
    ]


def _dropped_name(path: Path) -> str:
    # No two files were dropped under one name, so none may have been renamed.
    return path.name


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _one_receipt_each(attack: Attack) -> None:
    receipts = attack.receipts()
    names = Counter(receipt["file"] for receipt in receipts)
    assert names == Counter(file.name for file in attack.dropped), "receipts differ from drops"
    by_name = {receipt["file"]: receipt for receipt in receipts}
    for file in attack.dropped:
        outcomes = [line["outcome"] for line in by_name[file.name]["articles"]]
        assert len(outcomes) == file.records, f"{file.name}: {outcomes}"
        assert set(outcomes) <= file.may_become, f"{file.name} became {by_name[file.name]}"


def _receipts_equal_store(attack: Attack) -> None:
    """What receipts call accepted is in the store, and nothing else is."""
    accepted = {
        line["article_id"]
        for receipt in attack.receipts()
        for line in receipt["articles"]
        if line["outcome"] in {"indexed", "updated", "unchanged"}
    }
    first = Counter(
        line["article_id"]
        for receipt in attack.receipts()
        for line in receipt["articles"]
        if line["outcome"] == "indexed"
    )
    assert all(count == 1 for count in first.values()), "an article was indexed twice"
    assert set(first) == accepted, "an article was accepted but never indexed"
    with open_store(attack.settings) as store:
        assert store.count() == len(accepted), "the store holds more or less than was accepted"
        held = {(str(o.drop.drop_id), str(o.article_id)): o.outcome for o in store.outcomes()}
    for receipt in attack.receipts():
        for line in receipt["articles"]:
            if line["outcome"] != "rejected":
                assert held[_drop_id(receipt, line), line["article_id"]] == line["outcome"]


def _drop_id(receipt: dict[str, Any], line: dict[str, Any]) -> str:
    """The drop that a record crossed in: of a long file, each part is one."""
    return str(line.get("drop_id", receipt["drop_id"]))


def _nothing_pending(attack: Attack) -> None:
    assert attack.quiet()
    with quick_client(attack.url) as redis:
        for keys in attack.keys.each():
            for spec in (ENRICHMENT, INDEXER):
                assert redis.hlen(keys.attempts(spec)) == 0, f"attempts left in {spec.name}"


def _nothing_twice(attack: Attack, *, emptied: bool, deleted: bool) -> None:
    events = attack.events(ENRICHED_STREAM)
    if deleted:
        # An article whose outcome was deleted with its stream, before ingest had it, crosses again:
        # as the same event, so that a subscriber can tell.
        ids = {(one, event["id"]) for one, event in zip(about(events), events, strict=True)}
        assert len(ids) == len(set(about(events))), "an article's events have different ids"
    else:
        enriched = about(events)
        assert len(enriched) == len(set(enriched)), "an enriched event stands twice in the stream"
    outcomes = about(attack.outcomes())
    assert len(outcomes) == len(set(outcomes)), "an outcome stands twice in the stream"
    _revisions_rise(attack.outcomes())
    assert attack.subscriber is not None
    seen = [event["id"] for event in attack.subscriber.events]
    if not emptied:
        # A server that forgot everything sends again what it sent, under the same ids.
        assert len(seen) == len(set(seen)), "a subscriber saw an event twice"
        stored = [event["id"] for event in attack.events(ENRICHED_STREAM)]
        assert sorted(seen) == sorted(stored), "a subscriber missed an event"


def _revisions_rise(outcomes: list[dict[str, Any]]) -> None:
    """In the order of filing: one of several indexers may be overtaken on its way to the stream."""
    revisions: dict[str, list[int]] = defaultdict(list)
    for event in sorted(outcomes, key=lambda event: event["data"]["timings"]["filed_at"]):
        if event["data"]["outcome"] in {"indexed", "updated"}:
            revisions[event["data"]["article_id"]].append(event["data"]["revision"])
    for article_id, found in revisions.items():
        assert found == sorted(set(found)), f"revisions of {article_id} don't rise: {found}"


def _outcomes_equal_receipts(attack: Attack) -> None:
    streamed = {
        (data["drop"]["drop_id"], data["article_id"]): data["outcome"]
        for data in (event["data"] for event in attack.outcomes())
    }
    told = {
        (_drop_id(receipt, line), line["article_id"]): line["outcome"]
        for receipt in attack.receipts()
        for line in receipt["articles"]
    }
    assert streamed == told, "receipts and outcome events differ"


def contents(attack: Attack) -> dict[str, dict[str, Any]]:
    """What the store holds, without what depends on the run."""
    with open_store(attack.settings) as store:
        ids = {outcome.article_id for outcome in store.outcomes()}
        articles = [store.get(article_id) for article_id in ids]
    return {
        str(article.article_id): {
            key: value
            for key, value in article.model_dump(mode="json").items()
            if key not in VOLATILE
        }
        for article in articles
        if article is not None
    }
