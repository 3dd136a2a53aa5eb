"""Where the records of a dump are: lines, arrays, pages; broken ones, long ones, and going on."""

from __future__ import annotations

import gzip
import json
import resource
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.readers.base import BadRecord, Limits, ReadArticle, Resume
from services.ingest.readers.dumps.frames import Bytes
from services.ingest.readers.dumps.json_array import Elements
from services.ingest.readers.dumps.reader import is_lines
from services.ingest.readers.registry import read_file
from tests.readers.streams import (
    all_of,
    articles,
    assert_goes_on,
    headlines,
    one_way,
    pieces,
    repeated,
)
from tests.readers.support import source

SAMPLES = sorted((Path(__file__).parent / "samples" / "dumps").iterdir())
every_sample = pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)


def record(number: int, **more: Any) -> dict[str, Any]:
    return {"title": f"Story {number}", "text": f'Text {number} with {{[\\"]}} in it.', **more}


def lines(*records: Any, end: str = "\n") -> bytes:
    return "".join(json.dumps(each) + end for each in records).encode()


ONE, TWO, THREE = (json.dumps(record(number)).encode() for number in (1, 2, 3))


def page(*records: Any, **more: Any) -> bytes:
    return json.dumps({**more, "articles": records}, indent=1).encode()


ARRAYS = {
    "compact": b"[" + b",".join([ONE, TWO, THREE]) + b"]",
    "pretty": json.dumps([record(1), record(2), record(3)], indent=2).encode(),
    "line by line": b"[\n" + b",\n".join([ONE, TWO, THREE]) + b"\n]",
    "page": page(record(1), record(2), record(3), status="ok"),
    "page in a page": b'{"response": {"n": 3,\n "facets": [{"n": 1}],\n "docs": [%b, %b, %b]}}'
    % (ONE, TWO, THREE),
    "two lists": b'{"news": [%b],\n "tags": ["a", ["b"]],\n "blogs": [%b, %b]}' % (ONE, TWO, THREE),
    "two pages": page(record(1), record(2)) + page(record(3)),
    "objects": b"\n".join(json.dumps(record(n), indent=1).encode() for n in (1, 2, 3)),
    "objects without a break": b'{"title":"Story 1",\n"text":"x"}' + TWO + THREE,
    "two arrays": b"[" + ONE + b"]\n[" + TWO + b", " + THREE + b"]",
    "pages in an array": b"[" + page(record(1), record(2)) + b"," + page(record(3)) + b"]",
    "mark and white space": b"\xef\xbb\xbf \r\n[%b,\n%b,%b]\n\n" % (ONE, TWO, THREE),
    "comma at the end": b"[%b, %b, %b, ]" % (ONE, TWO, THREE),
    "lines": lines(record(1), record(2), record(3)),
    "lines with CR LF": lines(record(1), record(2), record(3), end="\r\n"),
    "lines with commas": lines(record(1), record(2), record(3), end=",\n"),
    "lines with blank ones": b"\n\n" + lines(record(1), record(2), record(3), end="\n \n\n\n"),
    "no line end": b"\n".join([ONE, TWO, THREE]),
    "lines of pages": lines({"articles": [record(1), record(2)]}, {"articles": [record(3)]}),
    "one line, one page": lines({"status": "ok", "articles": [record(1), record(2), record(3)]}),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_three_records_in_any_frame(name: str) -> None:
    """Whatever the chunks are, and from any record on."""
    data = ARRAYS[name]
    whole = assert_goes_on(lambda: source(data))
    assert headlines(whole) == ["Story 1", "Story 2", "Story 3"]
    for narrow in pieces(data):
        assert all_of(narrow) == whole
    assert assert_goes_on(lambda: one_way(data)) == whole


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
@pytest.mark.parametrize("name", ["compact", "lines", "page"])
def test_wide_encodings(name: str, encoding: str) -> None:
    data = ARRAYS[name].decode().encode(encoding)
    whole = assert_goes_on(lambda: source(data))
    assert headlines(whole) == ["Story 1", "Story 2", "Story 3"]
    assert headlines(all_of(one_way(data, piece=3))) == headlines(whole)


def test_a_fault_in_a_wide_encoding_is_said() -> None:
    data = lines(record(1)).decode().encode("utf-16") + b"\x00\xd8" * 3
    *before, reason = all_of(source(data))
    assert headlines(before) == ["Story 1"]
    assert reason == f"the text is not valid UTF-16 at byte {len(data) - 6}"


@every_sample
def test_samples_in_any_chunks_and_from_any_record_on(path: Path) -> None:
    data = path.read_bytes()
    pages = "of_api_pages" in path.name  # a page that must be refused is refused as a whole
    whole = assert_goes_on(lambda: source(data, path.name), refusing=not pages)
    for narrow in pieces(data):
        assert all_of(narrow) == whole


def test_locators_count_from_one() -> None:
    def found(name: str) -> list[str]:
        return [each.locator for each in articles(source(ARRAYS[name]))]

    assert found("lines") == ["line 1", "line 2", "line 3"]
    assert found("lines with blank ones") == ["line 3", "line 7", "line 11"]
    assert found("pretty") == ["item 1", "item 2", "item 3"]
    assert found("lines of pages") == ["line 1 item 1", "line 1 item 2", "line 2"]
    assert found("one line, one page") == ["item 1", "item 2", "item 3"]


def test_one_record_is_the_file_itself() -> None:
    for data in (lines(record(1)), json.dumps(record(1), indent=1).encode()):
        (article,) = articles(source(data))
        assert article.locator == ""
        assert article.info.format == "application/json by field names"


def test_equal_records_are_all_given() -> None:
    """Which is a duplicate of which isn't the reader's to say."""
    assert len(articles(source(lines(*[record(1)] * 5)))) == 5


# --- broken ones among good ones -------------------------------------------------------------


def test_a_bad_line_costs_no_other() -> None:
    data = lines(record(1)) + b'{"title": "x", oops}\n' + lines(record(2))
    one, bad, two = all_of(source(data))
    assert isinstance(bad, BadRecord)
    assert bad.reason.startswith("not valid JSON at line 1, column 16 of it")
    assert bad.locator == "line 2"
    assert headlines([one, two]) == ["Story 1", "Story 2"]


FAULTS = {
    "no comma": '{"title": "x" "text": "y"}',
    "no value": '{"title": , "text": "y"}',
    "no colon": '{"title" "x"}',
    "a bracket too few": '{"title": "x", "tags": ["a", "b"}',
    "a bracket too many": '{"title": "x", "tags": "a"]}',
    "wrong bracket": '{"title": "x", "tags": ["a"}}',
    "a quote too many": '{"title": "a "b", "text": "y"}',
    "a quote too few": '{"title": "x, "text": "y"}',
    "quotes in pairs": '{"title": "a "quoted" word"}',
    "quote and bracket": '{"title": "x, "tags": ["a", "text": "y"}',
    "python": "{'title': None}",
    "a word": "oops",
    "a number": "17",
    "a list": '["a", ["b"]]',
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("join", [", ", ",\n", ",\n    "])
def test_a_bad_item_costs_no_other(fault: str, join: str) -> None:
    """Where brackets or quotes are wrong, what follows shows where the next item starts."""
    items = [json.dumps(record(1)), FAULTS[fault], *(json.dumps(record(n)) for n in (2, 3))]
    data = f"[{join.join(items)}]".encode()
    whole = assert_goes_on(lambda: source(data))
    assert [name for name in headlines(whole) if str(name).startswith("Story")] == [
        "Story 1",
        "Story 2",
        "Story 3",
    ]
    assert len(whole) == 4
    assert isinstance(whole[1], BadRecord)
    for narrow in pieces(data):
        assert all_of(narrow) == whole


@pytest.mark.parametrize("name", ["compact", "pretty", "page", "two lists", "objects", "lines"])
def test_records_before_a_cut_stand(name: str) -> None:
    data = ARRAYS[name]
    for end in range(40, len(data)):
        found = all_of(source(data[:end]))
        whole = [each for each in found if isinstance(each, ReadArticle)]
        complete = [n for n in (1, 2, 3) if f"Text {n} with".encode() in data[: end - 20]]
        assert len(whole) >= len(complete) - 1
        unseen = name in ("objects", "lines") and data[:end].rstrip().endswith(b"}")
        if len(whole) < 3 and not unseen:
            assert isinstance(found[-1], str | BadRecord), f"nothing said of the cut at {end}"


def test_a_cut_is_told_with_its_place() -> None:
    data = ARRAYS["compact"]
    *_, reason = all_of(source(data[:-20]))
    cut = len(data) - 20
    assert reason == (
        f"the JSON ends too early, at byte {cut}: after item 2 a bracket or a quote is missing"
    )


def test_what_looks_broken_in_a_text_is_not() -> None:
    """Brackets, escapes and line ends in texts mislead nobody."""
    texts = [
        "}, {",
        '"}, {"title": "',
        "\\",
        '\\"',
        "[[[{{{",
        "]]]}}}",
        'line\n}\n{"title": "x"',
        "tab\t\u2028",
        'ends with },{"',
    ]
    data = json.dumps([{"title": f"T{n}", "text": each} for n, each in enumerate(texts)]).encode()
    found = articles(source(data))
    assert [article.headline for article in found] == [f"T{n}" for n in range(len(texts))]
    for narrow in pieces(data):
        assert len(articles(narrow)) == len(texts)


def test_line_ends_within_a_text_are_read_leniently() -> None:
    data = b'[{"title": "A", "text": "One.\nTwo } three."}, {"title": "B", "text": "C."}]'
    first, second = articles(source(data))
    assert first.body == ("One.", "Two } three.")
    assert "not strictly JSON" in first.info.warnings[0]
    assert second.headline == "B"


# --- lines or not ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ('{"title": "x"}', True),
        ('{"title": "x"}\n{"title": "y"}', True),
        ('{"title": "x\n{"title": "y"}', True),
        ('{"title": "x"\n\n{"title": "y"}', True),
        ('{\n  "title": "x"', False),
        ('{"title": "x",\n "text": "y"}', False),
        ('{"title": "x", "text": "' + "y" * 9000, True),
        ('{"articles": [{"title": "x", "text": "' + "y" * 9000, False),
        ('[{"title": "x"}]', False),
        ("", False),
    ],
)
def test_lines_are_told_by_the_first_two(head: str, expected: bool) -> None:  # noqa: FBT001  (a table)
    assert is_lines(head, Limits()) is expected


# --- long ones ----------------------------------------------------------------------------


def test_a_line_above_the_limit_is_refused_with_both_numbers() -> None:
    long = record(2, pad="x" * 3000)
    limits = Limits(article_bytes=1000)
    one, bad, three = all_of(source(lines(record(1), long, record(3))), limits)
    assert isinstance(bad, BadRecord)
    size = len(json.dumps(long)) + 1
    assert bad.reason == f"line 2 is longer than the limit: {size} bytes, the limit is 1000 bytes"
    assert headlines([one, three]) == ["Story 1", "Story 3"]


def test_an_item_above_the_limit_is_refused_with_both_numbers() -> None:
    long = record(2, pad="x" * 3000)
    limits = Limits(article_bytes=1000)
    one, bad, three = all_of(source(json.dumps([record(1), long, record(3)]).encode()), limits)
    assert isinstance(bad, BadRecord)
    size = len(json.dumps(long))
    assert bad.reason == f"item 2 is longer than the limit: {size} bytes, the limit is 1000 bytes"
    assert headlines([one, three]) == ["Story 1", "Story 3"]


def peak() -> int:
    """The most memory that this process ever had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


LONG = b"The ferry sails. " * 4096


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (b'{"title":"A","text":"B."}\n{"title":"big","text":"', b'"}\n{"title":"C","text":"D."}\n'),
        (b'[{"title":"A","text":"B."},{"title":"big","text":"', b'"},{"title":"C","text":"D."}]'),
    ],
    ids=["line", "item"],
)
def test_half_a_gigabyte_in_one_string_passes_in_flat_memory(start: bytes, end: bytes) -> None:
    small = all_of(repeated(start, LONG, 200, end))
    before = peak()
    found = all_of(repeated(start, LONG, 512 * 1024 * 1024 // len(LONG), end))
    assert headlines(small[::2]) == headlines(found[::2]) == ["A", "C"]
    assert isinstance(found[1], BadRecord)
    assert "is longer than the limit" in found[1].reason
    assert peak() - before < 32


@pytest.mark.parametrize(
    ("start", "part", "end"),
    [
        (b'{"title":"A","text":"B."}\n', b"\n" * 65536, b'{"title":"C","text":"D."}\n'),
        (b'[{"title":"A","text":"B."},', b" \n" * 32768, b'{"title":"C","text":"D."}]'),
    ],
    ids=["blank lines", "white space"],
)
def test_much_of_nothing_between_two_records(start: bytes, part: bytes, end: bytes) -> None:
    assert headlines(all_of(repeated(start, part, 1000, end))) == ["A", "C"]


@pytest.mark.parametrize("nested", [b"[", b'{"a":', b'[{"a":'])
@pytest.mark.parametrize("closed", [True, False])
def test_deep_nesting_ends_in_a_reason(nested: bytes, closed: bool) -> None:  # noqa: FBT001  (a table)
    closing = {b"[": b"]", b'{"a":': b"}", b'[{"a":': b"}]"}[nested]
    deep = nested * 100_000 + b"1" + (closing * 100_000 if closed else b"")
    data = b'[{"title":"A","text":"B."},{"title":"deep","x":' + deep + b'},{"title":"C"}]'
    found = all_of(source(data))
    assert headlines(found[:1]) == ["A"]
    if closed:
        assert headlines(found[2:]) == ["C"]
        assert isinstance(found[1], BadRecord)
        assert "nested too deeply" in found[1].reason
    else:
        assert "too early" in str(headlines(found)[-1])


def test_nesting_without_end_is_refused() -> None:
    found = all_of(repeated(b'[{"title":"A"},{"x":', b"[" * 65536, 2000, b""))
    assert headlines(found[:1]) == ["A"]
    assert "nested more than 1000000 deep" in str(found[-1])


def test_crossed_brackets_take_no_quadratic_time() -> None:
    """Eight megabytes of them, each of which closes another than the last one."""
    data = b'[{"title":"A"},{"x":' + b"[" * 900_000 + b"}" * 900_000 + b"]" * 900_000 + b"}]"
    assert headlines(all_of(source(data)))[0] == "A"


def test_a_hundred_thousand_lines_are_streamed() -> None:
    part = lines(*(record(n) for n in range(100)))
    count = 0
    before = 0
    for found in read_file(repeated(b"", part, 1000, b""), Limits()):
        count += 1
        if count == 5000:
            before = peak()
        assert found.position == count
    assert count == 100_000
    assert peak() - before < 16


# --- within other files, and going on there ----------------------------------------------------


def test_a_stream_that_breaks_off_gives_what_came_before() -> None:
    packed = gzip.compress(lines(*(record(n, pad=str(n) * 50) for n in range(200))), mtime=0)
    found = all_of(source(packed[:-500], "x.jsonl.gz"))
    assert len(found) > 100
    assert found[-1] == f"the gzip data ends too early, at byte {len(packed) - 500}"
    assert all(isinstance(each, ReadArticle) for each in found[:-1])


def test_going_on_reads_nothing_that_lies_before() -> None:
    data = bytearray(lines(record(1), record(2), record(3)))
    first = articles(source(bytes(data)))[0]
    data[12:14] = b'""'  # as if it brought the reader down
    assert isinstance(all_of(source(bytes(data)))[0], BadRecord)
    rest = list(read_file(source(bytes(data)), Limits(), Resume(1, first.checkpoint)))
    assert headlines(list(rest)) == ["Story 2", "Story 3"]


def test_going_on_without_a_checkpoint_reads_from_the_start() -> None:
    data = lines(record(1), record(2), record(3))
    assert headlines(list(read_file(source(data), Limits(), Resume(2)))) == ["Story 3"]


def test_the_first_record_can_be_refused() -> None:
    data = lines(record(1), record(2))
    bad, good = read_file(source(data), Limits(), Resume(0, None, "it took too long"))
    assert isinstance(bad, BadRecord)
    assert (bad.reason, bad.locator) == ("it took too long", "line 1")
    assert headlines([good]) == ["Story 2"]


def test_a_page_on_one_line_that_must_be_refused_is_refused_as_a_whole() -> None:
    """It can't be parsed; within a page that was parsed, one record is refused."""
    data = lines({"articles": [record(1), record(2)]}, {"articles": [record(3), record(4)]})
    first, second, *_ = all_of(source(data))
    assert isinstance(first, ReadArticle)
    assert isinstance(second, ReadArticle)
    resume = Resume(1, first.checkpoint, "it took too long")
    assert headlines(all_of(source(data), resume=resume)) == [
        "it took too long",
        "Story 3",
        "Story 4",
    ]
    resume = Resume(2, second.checkpoint, "it took too long")
    assert headlines(all_of(source(data), resume=resume)) == ["it took too long"]


# --- whatever comes -----------------------------------------------------------------------


@given(
    path=st.sampled_from(SAMPLES),
    cuts=st.lists(st.tuples(st.integers(0, 2500), st.binary(max_size=6)), min_size=1, max_size=5),
    piece=st.integers(1, 300),
)
@settings(deadline=None, max_examples=300)
def test_damaged_dumps_give_records_or_reasons_in_any_chunks(
    path: Path, cuts: list[tuple[int, bytes]], piece: int
) -> None:
    data = path.read_bytes()
    for at, junk in cuts:
        data = data[:at] + junk + data[at + len(junk) // 2 :]
    found = all_of(source(data))
    assert found
    assert not any("reader failed" in str(each) for each in found if isinstance(each, str))
    assert headlines(all_of(one_way(data, piece=piece))) == headlines(found)


@given(text=st.text(alphabet='[]{}",:\\\n a1', max_size=60), piece=st.integers(1, 9))
@settings(deadline=None, max_examples=500)
def test_framing_never_depends_on_the_chunks(text: str, piece: int) -> None:
    data = b'[{"title":"A"},' + text.encode() + b',{"title":"B"}]'

    def frames(given_piece: int) -> list[tuple[int, bytes | None, int]]:
        stream = Bytes(one_way(data, piece=given_piece), "utf-8")
        found: list[tuple[int, bytes | None, int]] = []
        try:
            found.extend((f.number, f.data, f.end) for f in Elements(stream, 10_000, ()).frames())
        except Exception as error:  # noqa: BLE001  (only to compare it)
            found.append((0, str(error).encode(), 0))
        finally:
            stream.close()
        return found

    assert frames(piece) == frames(100_000)
