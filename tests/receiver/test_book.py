"""The book of uploads: durable, shared by processes, honest about what is wrong with its file."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from services.bus.errors import StopWorking, Unavailable
from services.ingest.receiver.book import KEEP_MS, Book, KeyUsed, Upload

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ONE = Upload("a" * 20, "story~a.xml", "wire", 5, "0" * 64, 1000, key="k1", target="story.xml")


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    made = Book(tmp_path / "uploads.sqlite3")
    yield made
    made.close()


def test_an_upload_is_found_by_id_key_and_target(book: Book) -> None:
    book.add(ONE)
    assert (
        book.find(ONE.id) == book.by_key("wire", "k1") == book.last_to("wire", "story.xml") == ONE
    )
    assert book.find("b" * 20) is None
    assert book.by_key("other", "k1") is None, "a key is its sender's own"
    assert book.last_to("other", "story.xml") is None


def test_another_process_sees_it_and_so_does_the_next_run(book: Book, tmp_path: Path) -> None:
    book.add(ONE)
    second = Book(tmp_path / "uploads.sqlite3")
    assert second.find(ONE.id) == ONE
    second.close()


def test_a_key_is_used_once(book: Book) -> None:
    book.add(ONE)
    with pytest.raises(KeyUsed):
        book.add(replace(ONE, id="b" * 20, file="story~b.xml"))
    book.add(replace(ONE, id="c" * 20, file="story~c.xml", sender="other"))
    book.add(replace(ONE, id="d" * 20, file="story~d.xml", key=None))
    assert book.find("b" * 20) is None


def test_the_last_put_under_a_name_counts(book: Book) -> None:
    book.add(replace(ONE, key=None))
    later = replace(ONE, id="b" * 20, file="story~b.xml", key=None, received_at=2000)
    book.add(later)
    assert book.last_to("wire", "story.xml") == later


def test_uploads_of_long_ago_are_forgotten(book: Book) -> None:
    book.add(ONE)
    assert book.prune(ONE.received_at + KEEP_MS) == 0
    assert book.prune(ONE.received_at + KEEP_MS + 1) == 1
    assert book.find(ONE.id) is None


def test_a_closed_book_says_later(book: Book) -> None:
    book.close()
    with pytest.raises(Unavailable):
        book.find(ONE.id)
    with pytest.raises(Unavailable):
        book.add(ONE)


def test_a_file_that_is_no_book_is_named(tmp_path: Path) -> None:
    path = tmp_path / "uploads.sqlite3"
    path.write_bytes(b"this is no database, and long enough to be looked at" * 40)
    with pytest.raises(StopWorking, match="move the file away"):
        Book(path)


def test_a_book_of_a_newer_release_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "uploads.sqlite3"
    Book(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StopWorking, match="newer"):
        Book(path)


def test_a_folder_that_isnt_there_is_waited_for(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        Book(tmp_path / "away" / "uploads.sqlite3")
