"""What a JSON file starts with, and subject codes in one spelling."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.readers.json_head import JsonHead, Kind, json_head, keys_of
from services.ingest.readers.subjects import MAX_SUBJECTS, distinct, subject

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le")


@pytest.mark.parametrize(
    ("head", "kind", "keys", "whole"),
    [
        (b'{"a": 1, "b": {"c": 2}}', "object", {"a", "b"}, True),
        (b' \n{"a": {"x": [1, {"y": 2}]}, "d": "cut he', "object", {"a", "d"}, False),
        (b'[{"a": 1}, {"b": 2}]', "array", {"a"}, True),
        (b'[\n {"a": [1, 2], "b', "array", {"a"}, False),
        (b'{"a": 1}\n{"b": 2}\n', "lines", {"a"}, True),
        (b'{"a": 1} {"b": 2}', "lines", {"a"}, True),
        (b'{"a": 1}\n', "object", {"a"}, True),
        (b"{}", "object", set(), True),
        (b"[]", "array", set(), True),
        (b'{"a\\"b": "}", "c": "\\\\"}', "object", {'a"b', "c"}, True),
        (b'{"a": NaN, "b": tru', "object", {"a", "b"}, False),
        (b'{"\\u00e9t\\u00e9": 1}', "object", {"été"}, True),
    ],
)
def test_the_first_object_tells_kind_and_keys(
    head: bytes, kind: Kind, keys: set[str], *, whole: bool
) -> None:
    assert json_head(head) == JsonHead(kind, frozenset(keys), whole)
    assert keys_of(head) == frozenset(keys)


@pytest.mark.parametrize(
    "head", [b"", b" ", b"{hello}", b"[1] A note", b"[1, 2]", b'"text"', b"prose", b"{", b"[[{}]]"]
)
def test_what_starts_no_object_is_none(head: bytes) -> None:
    assert json_head(head) is None
    assert keys_of(head) is None


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_of_json_is_seen_through(encoding: str) -> None:
    assert keys_of('{"uri": "x", "été": 2}'.encode(encoding)) == frozenset({"uri", "été"})


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), min_size=1))
def test_the_keys_are_those_that_a_parser_finds(document: dict[str, object]) -> None:
    assert keys_of(json.dumps(document).encode()) == document.keys()


@given(st.dictionaries(st.sampled_from("abc"), st.text(max_size=5), min_size=1), st.integers(1, 60))
def test_a_cut_head_has_some_of_the_keys(document: dict[str, object], cut: int) -> None:
    found = keys_of(json.dumps(document).encode()[:cut])
    assert found is None or found <= document.keys()


@given(st.binary(max_size=200))
def test_it_never_raises(head: bytes) -> None:
    keys_of(head)


@given(st.text(alphabet='{}[]":,\\ua1 \n', max_size=60))
def test_it_never_raises_for_what_is_nearly_json(text: str) -> None:
    keys_of(text.encode())


@pytest.mark.parametrize(
    ("code", "scheme"),
    [
        ("medtop:20000593", None),
        ("MEDTOP:20000593", "x"),
        ("http://cv.iptc.org/newscodes/mediatopic/20000593", None),
        ("https://cv.iptc.org/newscodes/mediatopic/20000593/", None),
        ("20000593", "http://cv.iptc.org/newscodes/mediatopic/"),
        ("20000593", "medtop"),
        (" 20000593 ", "MediaTopic"),
    ],
)
def test_a_media_topic_has_one_spelling(code: str, scheme: str | None) -> None:
    found = subject(code, "election", scheme)
    assert found.code == "medtop:20000593"
    assert found.scheme == scheme


@pytest.mark.parametrize(
    ("code", "scheme"),
    [
        ("04000000", "IptcSubjectCode"),
        ("20000593", None),
        ("medtop:2000", None),
        ("subj:04000000", None),
    ],
)
def test_other_codes_stay_as_given(code: str, scheme: str | None) -> None:
    assert subject(code, None, scheme).code == code


def test_blank_subjects_and_repeats_are_left_out() -> None:
    given_subjects = [subject("a"), subject(None, " "), subject("a"), subject(None, "b\x00")]
    assert [(s.code, s.name) for s in distinct(given_subjects)] == [("a", None), (None, "b")]


def test_subjects_are_bounded() -> None:
    assert len(distinct(subject(str(n)) for n in range(MAX_SUBJECTS + 5))) == MAX_SUBJECTS
