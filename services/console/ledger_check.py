"""What the journal and the store say of the same articles, one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from services.bus.scripts import ArticleRef
from services.console.ledger_model import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from services.indexer.store.tallies import Filed
    from services.ingest.ledger_book import Noted, OpenEntry

RESTORED = (
    "if the store was restored from a backup, drop the file again (it lies in the archive, see its "
    "receipt): what the store has stays as it is"
)

NEWER = "if the journal was restored from a backup, nothing is lost: the article is in the store"

CONTRADICTED = (
    "the store's word counts for searches, the receipt's for whoever dropped the file; drop the "
    "file again, and its new receipt says what holds"
)


def ref_of(filed: Filed) -> ArticleRef:
    """Which article of which drop an outcome in the store is of."""
    return ArticleRef(UUID(filed.drop_id), UUID(filed.article_id))


def differences(
    noted: Iterable[Noted], filed: dict[ArticleRef, Filed]
) -> Iterator[tuple[Noted, Filed | None]]:
    """Records with an outcome of which the store says another thing, each with what it says.

    Ingest's own outcomes of records that it sent to nobody aren't the store's to know.
    """
    for each in noted:
        if each.own or each.decided is None:
            continue
        found = filed.get(each.ref)
        told = each.outcome if each.decided == "store" else None
        if (None if found is None else found.outcome) != told:
            yield each, found


def strangers(
    noted: Iterable[Noted], filed: dict[ArticleRef, Filed]
) -> Iterator[tuple[ArticleRef, Filed]]:
    """What the store has of drops of which the journal has no such article."""
    known = {each.ref for each in noted if not each.own}
    return ((ref, each) for ref, each in filed.items() if ref not in known)


def finding_of_difference(noted: Noted, filed: Filed | None) -> Finding:
    """The two sides contradict each other."""
    if filed is None:
        problem = f"its receipt says {noted.outcome}, and the store has no outcome of it"
        advice = RESTORED
    else:
        problem = f"its receipt says {noted.outcome}, the store {filed.outcome}"
        advice = CONTRADICTED
    return finding_of(noted, problem, advice, "settled")


def finding_of_stranger(ref: ArticleRef, filed: Filed) -> Finding:
    """The store has what ingest never received."""
    return Finding(
        problem=f"the store has it as {filed.outcome}, and ingest's journal doesn't know it",
        article_id=ref.article_id,
        drop_id=ref.drop_id,
        advice=NEWER,
        last_seen="in the store",
    )


def finding_of(
    record: Noted | OpenEntry, problem: str, advice: str, last_seen: str | None
) -> Finding:
    """A finding about a record of the journal."""
    return Finding(
        problem=problem,
        article_id=record.ref.article_id,
        drop_id=record.ref.drop_id,
        advice=advice,
        file=record.file,
        position=record.position,
        locator=record.locator,
        last_seen=last_seen,
    )
