"""White space made one space, in texts of any length and in little memory."""

from __future__ import annotations

import re
import sys
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.readers import lines
from services.ingest.readers.lines import clean, one_spaced

TEXTS = st.text(st.sampled_from("ab \n\t\x1c\x85\xa0\u2003\u3000é😀"), max_size=60)


@given(TEXTS, st.integers(1, 9))
def test_the_pieces_make_what_splitting_the_whole_would(text: str, piece: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "PIECE", piece)
        assert one_spaced(text) == " ".join(text.split())


def test_white_space_is_the_same_for_patterns_and_for_splitting() -> None:
    """Else a piece could end where no word does."""
    every = [chr(code) for code in range(sys.maxunicode + 1)]
    assert [c for c in every if re.match(r"\s", c)] == [c for c in every if not c.split()]


@pytest.mark.parametrize("word", ["a ", "A. ", "\n\ta"])
def test_a_long_text_of_short_words_takes_little_memory(word: str) -> None:
    text = word * (4 * 1024 * 1024 // len(word))
    tracemalloc.start()
    cleaned = clean(text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert cleaned.count(" ") == text.count(word) - 1
    assert peak < 64 * 1024 * 1024
