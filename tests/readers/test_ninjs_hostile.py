"""ninjs that is broken or made to break a reader: articles or a typed error, nothing else."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.ingest.readers.base import (
    BadRecord,
    Limits,
    ReadArticle,
    Record,
    Resume,
    Source,
    Unreadable,
)
from services.ingest.readers.ninjs.parsing import MAX_NESTING, MAX_VALUES
from services.ingest.readers.ninjs.reader import NinjsReader
from services.ingest.readers.ninjs.records import to_records
from services.ingest.readers.notes import MAX_CHARS, MAX_NOTES
from tests.readers.contract import assert_records
from tests.readers.ninjs_support import VERSIONS, Maker, damaged
from tests.readers.support import source
from tests.readers.test_ninjs import FLAT, INFO, LEAD

SAMPLES = [path.read_bytes() for path in sorted(Path(__file__).parent.glob("samples/ninjs/*"))]
DOCUMENTS = [json.loads(data) for data in SAMPLES]
PACKAGE = Path(__file__).parent / "samples" / "ninjs" / "3.0_composite_of_stories.json"

many = settings(
    deadline=None,
    max_examples=300,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def read(data: bytes, limits: Limits | None = None) -> list[Record] | Unreadable:
    try:
        return list(NinjsReader(limits or Limits()).read(source(data, "item.json")))
    except Unreadable as refusal:
        return refusal


def article(data: bytes) -> ReadArticle:
    found = read(data)
    assert isinstance(found, list), found
    (record,) = found
    assert isinstance(record, ReadArticle), record
    return record


def assert_sound(found: list[Record] | Unreadable) -> None:
    if isinstance(found, Unreadable):
        assert found.reason
        assert found.advice
        return
    assert found
    assert_records(found)
    for record in found:
        if isinstance(record, ReadArticle):
            assert len(record.info.warnings) <= MAX_NOTES
            assert all(len(warning) <= MAX_CHARS for warning in record.info.warnings)


def with_text(**fields: Any) -> bytes:
    return json.dumps({**FLAT, **fields}).encode()


def test_of_a_key_that_comes_twice_the_last_counts_and_it_is_said() -> None:
    found = article(with_text()[:-1] + b', "headline": "Second", "headline": "Third"}')
    assert found.headline == "Third"
    said = "headline: comes more than once in an object; the last one counts"
    assert said in found.info.warnings


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity"])
def test_numbers_that_json_lacks_are_left_out(number: bytes) -> None:
    found = article(with_text()[:-1] + b', "urgency": ' + number + b"}")
    assert found.urgency is None
    assert f"{number.decode()} is no JSON: taken as null" in found.info.warnings


@pytest.mark.parametrize("number", [b"9" * 5000, b"1e999", b"-1e999", b"3.7", b"99", b"-1", b"1e2"])
def test_numbers_out_of_range_are_left_out(number: bytes) -> None:
    found = article(with_text()[:-1] + b', "urgency": ' + number + b', "wordcount": 1e400}')
    assert found.urgency is None
    assert any(warning.startswith("urgency") for warning in found.info.warnings)


@pytest.mark.parametrize("version", ["9" * 30, "1.2", "-3", "v2", "", " "])
def test_a_version_that_is_no_number_is_none(version: str) -> None:
    assert article(with_text(version=version)).version is None


def test_halves_of_surrogate_pairs_are_replaced_in_values_and_names() -> None:
    data = b'{"uri": "x\\ud800", "headline": "A \\udc00 B", "versioncreated": "", '
    data += (
        b'"body_text": "Pair \\ud83d\\ude00.", "renditions": {"a\\udfff": {"href": "h\\ud800"}}}'
    )
    found = article(data)
    assert (found.headline, found.body) == ("A \ufffd B", ("Pair \U0001f600.",))
    assert any("surrogate" in warning for warning in found.info.warnings)
    assert_sound([found])


def test_raw_line_breaks_within_strings_are_let_pass() -> None:
    found = article(with_text(body_text="One.@@Two.").replace(b"@@", b"\n\n"))
    assert found.body == ("One.", "Two.")
    assert any("control characters" in warning for warning in found.info.warnings)


@pytest.mark.parametrize("levels", [MAX_NESTING, 500, 100_000])
@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_deep_nesting_is_refused(levels: int, opening: bytes) -> None:
    closing = {b"[": b"]", b'{"a":': b"}"}[opening]
    data = with_text()[:-1] + b', "altids": ' + opening * levels + b"1" + closing * levels + b"}"
    found = read(data)
    refusal = found if isinstance(found, Unreadable) else found[0]
    assert isinstance(refusal, BadRecord | Unreadable)
    assert "nested too deeply" in refusal.reason


def test_items_within_items_are_read_as_deep_as_the_limit() -> None:
    document: dict[str, Any] = {**FLAT, "uri": "x:0"}
    for level in range(1, MAX_NESTING // 2 - 1):
        document = {**FLAT, "uri": f"x:{level}", "bad": 1, "associations": {"a": document}}
    found = read(json.dumps(document).encode())
    assert isinstance(found, list)
    assert len(found) == MAX_NESTING // 2 - 1
    assert_sound(found)


def test_too_many_values_are_refused() -> None:
    found = read(with_text(subject=[1] * MAX_VALUES))
    assert isinstance(found, list)
    assert isinstance(found[0], BadRecord)
    assert "too many values" in found[0].reason


def test_thousands_of_faults_cost_no_more_than_a_receipt_holds() -> None:
    found = article(with_text(subject=[1] * (MAX_VALUES - 100)))
    assert found.body == (LEAD,)
    assert_sound([found])


def test_a_body_of_nearly_the_limit_is_read() -> None:
    paragraph = "A sentence of a story that goes on and on.\n\n"
    found = article(with_text(body_text=paragraph * (8_000_000 // len(paragraph) // 2)))
    assert len(found.body) == 8_000_000 // len(paragraph) // 2


def test_more_than_the_limit_is_refused_with_both_numbers() -> None:
    found = read(with_text(), Limits(article_bytes=100))
    assert isinstance(found, Unreadable)
    assert f"{len(with_text())} bytes" in found.reason
    assert "100 bytes" in found.reason


def test_a_body_of_too_many_lines_is_a_bad_record() -> None:
    found = read(with_text(body_text="x\n" * 200_001))
    assert isinstance(found, list)
    assert isinstance(found[0], BadRecord)
    assert "too many lines" in found[0].reason


@pytest.mark.parametrize("cut", range(1, 400, 7))
def test_a_cut_file_says_where_it_ends(cut: int) -> None:
    data = json.dumps(FLAT, indent=1).encode()
    found = read(data[: max(1, len(data) - cut)])
    assert isinstance(found, Unreadable)
    assert "line " in found.reason
    assert "column " in found.reason


def test_a_fault_in_the_middle_is_told_by_line_and_column() -> None:
    found = read(b'{\n "uri": "x",\n "headline": tru\n}')
    assert isinstance(found, Unreadable)
    assert found.reason == "not valid JSON at line 3, column 14: Expecting value"


def test_a_stream_that_cannot_seek_and_whose_size_is_unknown_is_read() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_args: object) -> int:
            raise OSError("not seekable")

    for data in (with_text(), PACKAGE.read_bytes()):
        pipe = Source("item.json", None, lambda data=data: Pipe(data))  # type: ignore[misc]
        assert list(NinjsReader(Limits()).read(pipe)) == read(data)


@pytest.mark.parametrize("after", [0, 1, 2])
def test_reading_goes_on_after_any_record(after: int) -> None:
    data = PACKAGE.read_bytes()
    rest = list(NinjsReader(Limits()).resume(source(data), Resume(after)))
    assert [*list(NinjsReader(Limits()).read(source(data)))[:after], *rest] == read(data)


def test_lines_go_on_at_the_checkpoint_and_refuse_the_record_after_it() -> None:
    lines = [with_text(uri=f"x:{n}", headline=f"Number {n}", body_text=LEAD * 200) for n in "123"]
    data = b"\n".join(lines)
    first, *others = list(NinjsReader(Limits()).read(source(data)))
    resumed = NinjsReader(Limits()).resume(source(data), Resume(1, first.checkpoint))
    assert list(resumed) == others
    again = Resume(1, first.checkpoint, refuse="it brought the reader down")
    refused, last = list(NinjsReader(Limits()).resume(source(data), again))
    assert isinstance(refused, BadRecord)
    assert refused.reason == "it brought the reader down"
    assert last == others[1]


JUNK: tuple[Any, ...] = (None, True, 0, -1.5, "", "x", "\ud800", [], {}, [[]], [{}], {"value": {}})


@pytest.mark.parametrize("document", DOCUMENTS, ids=range(len(DOCUMENTS)))
def test_a_wrong_type_in_any_field_gives_articles_or_a_refusal(document: dict[str, Any]) -> None:
    for key in document:
        for junk in (*JUNK, Decimal("1.5")):
            assert_sound(to_records({**document, key: junk}, position=1, locator="", info=INFO))


@given(st.data(), st.sampled_from(VERSIONS))
@many
def test_documents_of_any_schema_damaged_give_articles_or_a_refusal(
    data: st.DataObject, version: str
) -> None:
    document = data.draw(damaged(Maker(version).documents()))
    assert_sound(read(json.dumps(document).encode()))


@given(data=st.data())
@many
def test_samples_damaged_by_value_give_articles_or_a_refusal(data: st.DataObject) -> None:
    document = data.draw(damaged(st.sampled_from(DOCUMENTS)))
    assert_sound(read(json.dumps(document).encode()))


@given(
    base=st.sampled_from(SAMPLES),
    cuts=st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=6)), max_size=6),
)
@many
def test_samples_damaged_by_byte_give_articles_or_a_refusal(
    base: bytes, cuts: list[tuple[int, bytes]]
) -> None:
    for at, junk in cuts:
        base = base[:at] + junk + base[at + len(junk) // 2 :]
    assert_sound(read(base))
