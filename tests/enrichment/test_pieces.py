"""Long and hostile texts are cut so that time and memory stay bounded, offsets kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.enrichment.annotators.pieces import MAX_MARKS, MAX_PIECE, MAX_READ, MAX_RUN, pieces

PARAGRAPH = "Ana Petrova closed the harbour of Riverton on Monday morning. " * 20


def test_an_article_is_read_in_one_piece() -> None:
    text = PARAGRAPH * 4
    assert list(pieces(text)) == [(0, len(text))]


def test_a_long_text_is_cut_between_paragraphs() -> None:
    text = "\n\n".join([PARAGRAPH] * 40)
    parts = list(pieces(text))
    assert "".join(text[start:end] for start, end in parts) == text
    assert all(end - start <= MAX_PIECE for start, end in parts)
    assert all(text[:start].endswith("\n\n") for start, _ in parts[1:])


def test_without_paragraphs_it_is_cut_between_sentences_then_words() -> None:
    sentences, words = "A b c d. " * 3000, "word " * 5000
    assert all(sentences[:start].endswith(". ") for start, _ in list(pieces(sentences))[1:])
    assert all(words[:start].endswith(" ") for start, _ in list(pieces(words))[1:])


def test_a_run_without_spaces_is_left_out_and_its_neighbours_are_read() -> None:
    text = "Ana Petrova " + "x" * (MAX_RUN + 1) + " met Joe"
    assert [text[start:end] for start, end in pieces(text)] == ["Ana Petrova ", " met Joe"]


def test_a_row_of_marks_is_left_out() -> None:
    text = "Ana" + " ." * MAX_MARKS + "Joe"
    assert [text[start:end] for start, end in pieces(text)] == ["Ana", "Joe"]


def test_nothing_is_read_of_white_space() -> None:
    assert list(pieces("")) == []
    assert list(pieces(" \n ")) == []


def test_reading_ends_at_the_limit() -> None:
    parts = list(pieces("word " * (MAX_READ // 2)))
    assert parts[-1][1] == MAX_READ


@given(st.text(alphabet="aB .,\n😀\x00é-", max_size=2000), st.integers(1, 30))
def test_pieces_rise_do_not_overlap_and_are_never_too_long(text: str, times: int) -> None:
    text = text * times
    end_before = 0
    for start, end in pieces(text):
        assert end_before <= start < end <= len(text)
        assert end - start <= MAX_PIECE
        end_before = end
