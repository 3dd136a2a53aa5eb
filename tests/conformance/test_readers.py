"""What must hold for every reader (the contract in ``services/ingest/readers/base.py``)."""

from __future__ import annotations

import io
import socket
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.ingest.readers.base import (
    BadRecord,
    Limits,
    Reader,
    Resume,
    Source,
    Unreadable,
)
from services.ingest.readers.registry import READERS, read_file, reader_for
from services.ingest.readers.sniff import HEAD_BYTES
from tests.golden.make_golden import samples
from tests.readers.contract import Result, all_of, assert_all, assert_contract, attempt
from tests.readers.support import LEAD, MORE, TRAPS, source

SEEDS = sorted((Path(__file__).parents[2] / "seeds").glob("*.txt"))

SAMPLES: tuple[bytes, ...] = (
    *(trap.text.encode() for trap in TRAPS),
    *(path.read_bytes() for path in SEEDS),
    f"---\ntitle: Ferry\nauthor: Ines Varga\n---\n# Ferry\n\n{LEAD}\n\n- {MORE}\n".encode(),
    f"Ferry\r\n\r\n{LEAD}\x00\x07\r\n".encode("utf-16"),
    "Le ferry a été réparé à l’été\n\nDéjà vu".encode("cp1252"),
    b"broken \xff\xfe\xfd",
    b"\xff\xd8\xff\xe0 picture",
    b"",
    b" \n ",
)

FILES = tuple(samples())
"""One for each thing that a format can do; see ``tests/readers/samples``."""

every_file = pytest.mark.parametrize(
    "path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}"
)
every_reader = pytest.mark.parametrize("kind", READERS, ids=lambda kind: kind.name)
every_sample = pytest.mark.parametrize("data", SAMPLES, ids=range(len(SAMPLES)))


@every_reader
def test_it_says_who_it_is(kind: type[Reader]) -> None:
    assert kind.name
    assert kind.version
    assert [other.name for other in READERS].count(kind.name) == 1


@every_reader
@every_sample
def test_records_come_in_order_with_clean_strings(kind: type[Reader], data: bytes) -> None:
    assert_contract(attempt(kind(Limits()), source(data)))


@every_reader
@given(data=st.binary(max_size=600))
@settings(deadline=None, max_examples=60)
def test_any_bytes_give_articles_or_a_refusal(kind: type[Reader], data: bytes) -> None:
    assert_contract(attempt(kind(Limits()), source(data)))


@every_reader
@given(text=st.text(max_size=400), encoding=st.sampled_from(["utf-8", "utf-16", "utf-32-be"]))
@settings(deadline=None, max_examples=60)
def test_any_text_gives_articles_or_a_refusal(kind: type[Reader], text: str, encoding: str) -> None:
    data = text.encode(encoding, "surrogatepass")
    assert_contract(attempt(kind(Limits()), source(data)))


@every_reader
@given(
    base=st.sampled_from(SAMPLES),
    cuts=st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=6)), max_size=6),
)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_damaged_samples_give_articles_or_a_refusal(
    kind: type[Reader], base: bytes, cuts: list[tuple[int, bytes]]
) -> None:
    for at, junk in cuts:
        base = base[:at] + junk + base[at + len(junk) // 2 :]
    assert_contract(attempt(kind(Limits()), source(base)))


@every_reader
@given(head=st.binary(max_size=300), name=st.text(max_size=30))
@settings(deadline=None)
def test_claiming_never_raises(kind: type[Reader], head: bytes, name: str) -> None:
    assert kind(Limits()).claims(head, name) in (True, False)


@every_reader
@every_sample
def test_the_result_depends_on_the_bytes_alone(
    kind: type[Reader], data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither name nor time nor zone nor place changes it."""
    first = attempt(kind(Limits()), source(data, "story.txt"))
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    monkeypatch.chdir("/")
    assert attempt(kind(Limits()), source(data, "other.md")) == first


@every_reader
@every_sample
def test_nothing_else_is_opened(
    kind: type[Reader], data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only ``source.open()``: no other file, no network."""
    attempt(kind(Limits()), source(data))  # zone files and code pages are loaded once

    def forbidden(*_args: object, **_kwargs: object) -> NoReturn:
        pytest.fail("a reader reached outside its source")

    monkeypatch.setattr("builtins.open", forbidden)
    monkeypatch.setattr(io, "open", forbidden)
    monkeypatch.setattr(socket.socket, "connect", forbidden)
    assert_contract(attempt(kind(Limits()), source(data)))


@every_reader
def test_every_stream_that_it_opens_is_closed(kind: type[Reader]) -> None:
    opened: list[io.BytesIO] = []

    def open_stream() -> BinaryIO:
        opened.append(io.BytesIO(SAMPLES[0]))
        return opened[-1]

    attempt(kind(Limits()), Source("story.txt", len(SAMPLES[0]), open_stream))
    assert opened
    assert all(stream.closed for stream in opened)


@every_reader
def test_a_file_that_cannot_be_read_now_is_an_os_error(kind: type[Reader]) -> None:
    def gone() -> BinaryIO:
        raise FileNotFoundError("removed meanwhile")

    with pytest.raises(OSError, match="removed meanwhile"):
        attempt(kind(Limits()), Source("story.txt", 10, gone))


@every_reader
def test_no_article_is_larger_than_the_limit(kind: type[Reader]) -> None:
    """An archive or a dump may be; each of its records may not, and is named with its size."""
    limits = Limits(article_bytes=5)
    data = next((f.read_bytes() for f in FILES if reader_of(f) == kind.name), b"# Ferry sails")
    result = attempt(kind(limits), source(data))
    if isinstance(result, str):
        assert "5 bytes" in result
    else:
        assert all(isinstance(record, BadRecord) for record in result)


@pytest.mark.parametrize(
    ("head", "name", "reader"),
    [
        (b"The ferry sails", "story.txt", "plain"),
        (b"The ferry sails", "story.md", "markdown"),
        (b"# The ferry sails", "story.txt", "markdown"),
        (b"---\ntitle: x\n---\n", "noname", "markdown"),
        (b"The ferry sails", "story.jpg", "plain"),
    ],
)
def test_the_reader_is_chosen_by_content_first(head: bytes, name: str, reader: str) -> None:
    assert reader_for(head, name, Limits()).name == reader


@given(st.binary(max_size=400), st.sampled_from(["a.txt", "a.md", "a", "a.jpg"]))
@settings(deadline=None)
def test_reading_a_file_gives_articles_or_a_refusal(data: bytes, name: str) -> None:
    try:
        result: Result = list(read_file(source(data, name), Limits()))
    except Unreadable as refusal:
        result = f"{refusal.reason} / {refusal.advice}"
    assert_contract(result)


def test_a_reader_s_own_fault_is_a_refusal_that_keeps_its_cause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A bug on one file must not stop the folder."""

    def faulty(*_args: object) -> NoReturn:
        raise IndexError("tuple index out of range")

    monkeypatch.setattr("services.ingest.readers.plain.analyse", faulty)
    with pytest.raises(Unreadable, match="the plain reader failed: IndexError") as refusal:
        list(read_file(source(b"The ferry sails"), Limits()))
    assert isinstance(refusal.value.__cause__, IndexError)


# --- every sample of every format ----------------------------------------------------------------


def reader_of(path: Path) -> str:
    return reader_for(path.read_bytes()[:HEAD_BYTES], path.name, Limits()).name


def from_file(path: Path) -> Source:
    return source(path.read_bytes(), path.name)


def test_every_reader_has_samples() -> None:
    """What has no sample has no golden file, and no row in the table of formats."""
    assert {reader_of(path) for path in FILES} >= {kind.name for kind in READERS} - {"plain"}


@every_file
def test_a_sample_is_claimed_by_one_reader_alone(path: Path) -> None:
    """Text is what nobody else claims; all others know their own and no others."""
    head = path.read_bytes()[:HEAD_BYTES]
    claims = [kind.name for kind in READERS if kind(Limits()).claims(head, path.name)]
    special = [name for name in claims if name != "plain"]
    assert len(special) <= 1
    assert claims


@every_file
def test_a_sample_keeps_the_contract(path: Path) -> None:
    assert_all(all_of(from_file(path)))


@every_file
def test_reading_goes_on_after_any_record_as_if_it_had_not_stopped(path: Path) -> None:
    whole = all_of(from_file(path))
    for number, record in enumerate(whole[:-1], start=1):
        if isinstance(record, tuple):
            break
        resume = Resume(record.position, record.checkpoint)
        assert all_of(from_file(path), resume) == whole[number:], f"after record {number}"


@every_file
def test_a_record_that_is_to_be_passed_over_is_not_parsed(path: Path) -> None:
    """It brought the reader down before: it is rejected, or reading stops there."""
    whole = [record for record in all_of(from_file(path)) if not isinstance(record, tuple)]
    for record in whole[:-1][:1]:
        resume = Resume(record.position, record.checkpoint, "it took too long")
        first = all_of(from_file(path), resume)[0]
        reason = first[0] if isinstance(first, tuple) else first.reason
        assert "it took too long" in reason
        if not isinstance(first, tuple):
            assert first.position == record.position + 1


class OneWay(io.RawIOBase):
    """A stream that can't be sought, as one that is unpacked while it is read."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._stream = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._stream.readinto(buffer)


@every_file
def test_a_stream_of_unknown_length_that_cannot_be_sought_gives_the_same(path: Path) -> None:
    data = path.read_bytes()
    one_way = Source(path.name, None, lambda: io.BufferedReader(OneWay(data)))
    seen = [shown(record) for record in all_of(one_way)]
    assert seen == [shown(record) for record in all_of(from_file(path))]


def shown(record: Any) -> Any:
    """All of a record but where reading could go on, which a stream may not know."""
    return record if isinstance(record, tuple) else asdict(record) | {"checkpoint": None}


@every_file
def test_a_sample_in_another_place_time_and_zone_gives_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = all_of(from_file(path))
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    monkeypatch.chdir("/")
    assert all_of(from_file(path)) == first


@every_file
def test_a_sample_is_read_through_its_source_alone(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_source = from_file(path)
    all_of(given_source)  # zone files and tables are loaded once

    def forbidden(*_args: object, **_kwargs: object) -> NoReturn:
        pytest.fail("a reader reached outside its source")

    monkeypatch.setattr("builtins.open", forbidden)
    monkeypatch.setattr(io, "open", forbidden)
    monkeypatch.setattr(socket.socket, "connect", forbidden)
    all_of(given_source)


@given(
    path=st.sampled_from(FILES),
    cuts=st.lists(st.tuples(st.integers(0, 6000), st.binary(max_size=6)), max_size=5),
    end=st.integers(0, 20_000),
)
@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])
def test_a_damaged_sample_gives_articles_or_a_refusal(
    path: Path, cuts: list[tuple[int, bytes]], end: int
) -> None:
    data = path.read_bytes()[: max(end, 1)]
    for at, junk in cuts:
        data = data[:at] + junk + data[at + len(junk) // 2 :]
    assert_all(all_of(source(data, path.name)))
