"""Parsed ninjs documents as records: the item itself, and the articles associated with it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from services.ingest.readers.base import BadRecord, ReadArticle, Record, Unreadable
from services.ingest.readers.lines import clean
from services.ingest.readers.ninjs.editions import MODELS, Edition, edition_of
from services.ingest.readers.ninjs.item import Item, Text, item_of
from services.ingest.readers.ninjs.parsing import bounded, too_deep
from services.ingest.readers.ninjs.salvage import salvage
from services.ingest.readers.ninjs.schema import Check, Fault, validate
from services.ingest.readers.ninjs.story import associated_texts, story_of
from services.ingest.readers.notes import Notes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from schemas.article import ReaderInfo
    from services.ingest.readers.ninjs.schema import Path

_BARE_BODIES: Final = ("body", "text", "content")
"""What providers call a body where the schema has no such field."""

_ADVICE: Final = "Ask its provider for an item with a headline or a text."


def to_record(
    document: Mapping[str, Any],
    *,
    position: int,
    locator: str,
    info: ReaderInfo,
    checkpoint: str | None = None,
) -> ReadArticle | BadRecord:
    """A parsed ninjs item as the one record that it is in a dump; never raises.

    ``info`` says who reads, and what there is to say already; its format becomes the version of
    ninjs that is found.  Articles that are associated with the item are named in a warning: to
    have them as records, too, take :func:`to_records`.
    """
    first, *others = to_records(
        document, position=position, locator=locator, info=info, checkpoint=checkpoint
    )
    if others and isinstance(first, ReadArticle):
        notes = Notes()
        notes.add(f"{len(others)} associated articles left out", *first.info.warnings)
        said = first.info.model_copy(update={"warnings": notes.warnings()})
        first = replace(first, info=said)
    return replace(first, checkpoint=checkpoint)


def to_records(
    document: Mapping[str, Any],
    *,
    position: int,
    locator: str,
    info: ReaderInfo,
    checkpoint: str | None = None,
) -> list[Record]:
    """A parsed ninjs item as records, at least one; ``position`` is the first one's.  Never raises.

    First is the item itself, if it has any text (or is withdrawn), then come the articles
    associated with it.  The last record carries the ``checkpoint``, which is behind them all.
    """
    notes = Notes()
    notes.add(*info.warnings)
    try:
        found = _records(bounded(document, notes), locator, info, notes)
    except Unreadable as error:
        found = [BadRecord(0, error.reason, error.advice, locator)]
    except RecursionError:
        refusal = too_deep()
        found = [BadRecord(0, refusal.reason, refusal.advice, locator)]
    numbered: list[Record] = [replace(each, position=position + n) for n, each in enumerate(found)]
    numbered[-1] = replace(numbered[-1], checkpoint=checkpoint)
    return numbered


def _records(
    document: dict[str, Any], locator: str, info: ReaderInfo, notes: Notes
) -> list[Record]:
    edition = edition_of(document)
    item, faults = _read(document, edition, notes)
    if edition.warning:
        notes.add(edition.warning)
    info = info.model_copy(update={"format": edition.media_type})
    inner = list(associated_texts(item))
    records: list[Record] = []
    if not inner or _has_own_text(item):
        records.append(_record(item, locator, info, notes, faults))
        notes, faults_left = Notes(), []
    else:
        faults_left = faults
        notes.add("a package without a text of its own: read are the articles associated with it")
    below = _by_article(faults, {path for _, path in inner})
    for associated, path in inner:
        place = f"{locator} association {clean(associated.name)[:60]}".strip()
        own = faults_left or below.get(path, [])
        records.append(_record(associated.item, place, info, notes, own))
        notes, faults_left = Notes(), []
    return records


def _by_article(faults: Iterable[Fault], paths: set[Path]) -> dict[Path, list[Fault]]:
    """The faults within each associated article, with their paths there."""
    found: dict[Path, list[Fault]] = {}
    for fault in faults:
        for end in range(2, len(fault.path), 2):
            if fault.path[:end] in paths:
                inner = replace(fault, path=fault.path[end:])
                found.setdefault(fault.path[:end], []).append(inner)
    return found


def _read(document: dict[str, Any], edition: Edition, notes: Notes) -> tuple[Item, list[Fault]]:
    """The item, and what its schema refuses of it."""
    model, faults = validate(edition.model, document, Check(edition.known_minor))
    loosely_checked = edition.major == 2 and edition.known_minor == 0  # noqa: PLR2004  (ninjs 2.0)
    if faults or model is None or (loosely_checked and document.get("associations")):
        model = salvage(edition.model, document)
    item = item_of(model) if model is not None else Item()
    strange = [
        fault.path[0] for fault in faults if fault.kind == "unknown" and len(fault.path) == 1
    ]
    for major, other in MODELS.items():
        names = [str(key) for key in strange if other.knows(str(key))]
        if names and major != edition.major and (found := salvage(other, document)) is not None:
            item = item.filled(item_of(found))
            notes.add(f"read as of ninjs {major}.x: {', '.join(names)[:200]}")
    return _with_bare_body(item, document, strange, notes), faults


def _with_bare_body(
    item: Item, document: Mapping[str, Any], strange: Iterable[Any], notes: Notes
) -> Item:
    if item.bodies:
        return item
    for key in _BARE_BODIES:
        value = document.get(key)
        if key in strange and isinstance(value, str) and value.strip():
            notes.add(f"{key}: read as the body")
            return replace(item, bodies=(Text(value),))
    return item


def _has_own_text(item: Item) -> bool:
    """Whether an item is more than the wrapper of others; a headline alone names the package."""
    texts = (*item.bodies, *item.descriptions)
    withdrawn = item.status in ("canceled", "withheld")
    return withdrawn or any(text.value.strip() for text in texts)


def _record(
    item: Item, locator: str, info: ReaderInfo, notes: Notes, faults: Iterable[Fault]
) -> Record:
    try:
        story = story_of(item, notes)
    except Unreadable as error:
        return BadRecord(0, error.reason, error.advice, locator)
    # The item's own story first: of the schema's complaints there may be hundreds.
    notes.add(*map(str, faults))
    if not (story.headline or story.body) and not (story.withdrawn and story.provider_id):
        reason = f"an item of type {item.kind or 'unknown'} without any text"
        said = "; ".join(note for note in notes.warnings()[:3])
        return BadRecord(0, f"{reason}: {said}" if said else reason, _ADVICE, locator)
    said_all = info.model_copy(update={"warnings": notes.warnings()})
    return replace(story.article(said_all), locator=locator)
