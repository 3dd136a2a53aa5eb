"""What the contract of readers says of what they give, as checks for every kind of test.

Used by the conformance suite, by the tests of hostile input of each format and by the fuzzing.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from services.ingest.readers.base import BadRecord, Limits, ReadArticle, Unreadable
from services.ingest.readers.registry import read_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from services.ingest.readers.base import Reader, Record, Resume, Source

Result = list[ReadArticle | BadRecord] | str

FAULT = " reader failed: "
"""Stands in the refusal that the registry makes of a reader's own fault."""


def attempt(reader: Reader, given_source: Source) -> Result:
    """What the reader yields, or the reason why it can't; any other error passes through."""
    try:
        return list(reader.read(given_source))
    except Unreadable as refusal:
        return f"{refusal.reason} / {refusal.advice}"


def all_of(given_source: Source, resume: Resume | None = None) -> list[Any]:
    """Every record of a file, as :func:`gathered` gives them."""
    return gathered(read_file(given_source, Limits(), resume))


def gathered(records: Iterable[Record]) -> list[Any]:
    """Every record, and the refusal as a last one: ``(reason, advice)``."""
    found: list[Any] = []
    try:
        found.extend(records)
    except Unreadable as refusal:
        found.append((refusal.reason, refusal.advice))
    return found


def strings(value: Any) -> Iterator[str]:
    """Every string anywhere in a result."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, BaseModel):
        yield from strings(value.model_dump())
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from strings(item)


def assert_contract(result: Result) -> None:
    """That what :func:`attempt` gave is articles or a refusal as the contract has them."""
    if isinstance(result, str):
        reason, _, advice = result.partition(" / ")
        assert reason
        assert advice
        return
    assert result, "neither an article nor a refusal"
    assert_records(result)


def assert_all(found: list[Any]) -> None:
    """That what :func:`gathered` gave keeps the contract, and is no fault of the reader."""
    assert found, "neither an article nor a refusal"
    refusals = [each for each in found if isinstance(each, tuple)]
    assert refusals in ([], found[-1:]), "a refusal that isn't the last"
    for reason, advice in refusals:
        assert reason
        assert advice
        assert FAULT not in reason, reason
    records = found[: len(found) - len(refusals)]
    assert_records(records)
    for record in records:
        assert isinstance(record, ReadArticle) or FAULT not in record.reason, record


def assert_records(records: list[Any]) -> None:
    """That records are numbered from 1 without a gap, and each keeps the contract."""
    assert [record.position for record in records] == list(range(1, len(records) + 1))
    for record in records:
        assert_record(record)


def assert_record(record: ReadArticle | BadRecord) -> None:
    """That one record keeps the contract."""
    for text in strings(asdict(record)):
        text.encode("utf-8")  # raises for a lone surrogate
        assert "\x00" not in text
    if isinstance(record, BadRecord):
        assert record.reason
        assert record.advice
        return
    assert record.headline or record.standfirst or record.body or record.withdrawn
    assert all(paragraph.strip() for paragraph in record.body)
    for moment in (record.published_at, record.updated_at, record.embargoed_until):
        assert moment is None or moment.tzinfo is not None
    assert all(entry.text.strip() for entry in record.set_apart)
