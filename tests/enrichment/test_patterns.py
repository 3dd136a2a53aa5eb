"""Patterns that begin with letters find what the plain ones would."""

from __future__ import annotations

import re

import pytest

from services.enrichment.patterns import by_first_letter

WORDS = ("innings", "inning", "season", "striker", "kick", "home run", "cup")
TEXT = (
    "An inning, INNINGS and Strikers: the \u0130nn\u0131ng of a \u017feason, a \u212aick-off, "
    "a recup; Cup of a HOME RUN, strikerless, cup"
)


BEHIND = r"(?<!\w.)"


@pytest.mark.parametrize("any_case", [False, True])
def test_it_finds_the_words_that_a_list_of_them_finds(*, any_case: bool) -> None:
    plain = re.compile(rf"\b(?:{'|'.join(WORDS)})\b", re.IGNORECASE if any_case else 0)
    fast = re.compile(rf"(?:{by_first_letter(WORDS, behind=BEHIND, any_case=any_case)})\b")
    found = [match.span() for match in plain.finditer(TEXT)]
    assert [match.span() for match in fast.finditer(TEXT)] == found
    assert len(found) == (8 if any_case else 2)


def test_a_word_may_hold_what_means_something_in_a_pattern() -> None:
    assert re.fullmatch(by_first_letter(["U.S.", "a+"]), "U.S.")
    assert not re.fullmatch(by_first_letter(["U.S.", "a+"]), "UxSx")
