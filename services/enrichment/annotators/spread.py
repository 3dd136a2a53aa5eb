"""Mark the other occurrences of names that were found once with certainty.

The model misses names in headlines, in capitals and in odd sentences.  What it
found for sure elsewhere in the same document is looked up there.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from services.enrichment.annotators.mentions import Named
from services.enrichment.annotators.names import fold, is_junk, person_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.enrichment.annotators.gazetteer import Gazetteer
    from services.enrichment.annotators.recogniser import Found

_WORD = re.compile(r"[^\W_]+(?:['’.\-][^\W_]+)*")

_QUOTE = re.compile(r"['’]")

FEWEST_LETTERS = 4
"""Letters of a name in mixed case that is spread; shorter ones are words too often."""

CERTAIN_COUNT = 2
"""Occurrences after which a one-word name counts as certain."""


def spread(
    text: str, names: Sequence[Named], found: Sequence[Found], gazetteer: Gazetteer
) -> list[Named]:
    """``names`` and the occurrences that the model missed, by rising offset.

    ``found`` is all that the model saw: inside of it nothing is added.
    """
    wanted = _by_first_word(_certain(names, gazetteer))
    if not wanted:
        return list(names)
    taken = _Intervals([(item.start, item.end) for item in found])
    plain_words = {word for word in _WORD.findall(text) if word.islower()}
    added: list[Named] = []
    for start, end, name in _occurrences(text, wanted):
        if taken.free(start, end) and name.text.casefold() not in plain_words:
            added.append(Named(start, end, text[start:end], name.folded, name.type))
    return sorted([*names, *added], key=lambda item: item.start)


def _certain(names: Sequence[Named], gazetteer: Gazetteer) -> dict[str, Named]:
    """Surface form to the name it stands for."""
    counts = Counter(name.folded for name in names)
    surnames = {
        parts[-1]
        for parts in (person_tokens(name.text) for name in names if name.type == "PERSON")
        if len(parts) > 1
    }
    certain: dict[str, Named] = {}
    for name in names:
        place = gazetteer.get(name.folded)
        sure = (
            " " in name.text
            or counts[name.folded] >= CERTAIN_COUNT
            or name.folded in surnames
            or (place is not None and place.certain)
        )
        if sure and (len(name.text) >= FEWEST_LETTERS or name.text.isupper()):
            certain.setdefault(name.text, name)
            certain.setdefault(name.text.upper(), name)
    return {**_bare_surnames(names), **certain}


def _bare_surnames(names: Sequence[Named]) -> dict[str, Named]:
    """The last words of full names: "Price" of "Ned Price"."""
    forms: dict[str, Named] = {}
    otherwise = {name.folded for name in names if name.type != "PERSON"}
    for name in names:
        last = name.text.split()[-1]
        parts = person_tokens(name.text)
        if name.type == "PERSON" and len(parts) > 1 and fold(last) == parts[-1]:
            surname = Named(name.start, name.end, last, fold(last), "PERSON")
            taken = surname.folded in otherwise  # Washington, in an article on George Washington
            if len(last) >= FEWEST_LETTERS and not taken and not is_junk(last):
                forms.setdefault(last, surname)
                forms.setdefault(last.upper(), surname)
    return forms


class _Forms:
    """The wanted forms that start with one word, looked up by length: one look a length.

    A document may name thousands of Johns; trying each at every "John" would take
    quadratic time.
    """

    def __init__(self) -> None:
        self._forms: dict[str, Named] = {}
        self._lengths: tuple[int, ...] = ()

    def add(self, form: str, name: Named) -> None:
        self._forms[form] = name
        self._lengths = tuple(sorted({*self._lengths, len(form)}, reverse=True))

    def longest(self, text: str, start: int) -> tuple[int, Named] | None:
        """End and name of the longest form that stands at ``start`` as whole words."""
        for length in self._lengths:
            name = self._forms.get(text[start : start + length])
            if name is not None and not text[start + length : start + length + 1].isalnum():
                return start + length, name
        return None


def _by_first_word(certain: dict[str, Named]) -> dict[str, _Forms]:
    forms: dict[str, _Forms] = defaultdict(_Forms)
    for form, name in certain.items():
        first = _WORD.match(form)
        if first is not None:
            forms[first[0]].add(form, name)
    return dict(forms)


def _occurrences(text: str, wanted: dict[str, _Forms]) -> Iterator[tuple[int, int, Named]]:
    """Whole-word occurrences of the forms, without overlap, the longest at each place."""
    after = 0
    for word in _WORD.finditer(text):
        start = word.start()
        # "Putin's" starts the form "Putin", too.
        forms = wanted.get(word[0]) or wanted.get(_QUOTE.split(word[0], maxsplit=1)[0])
        hit = forms.longest(text, start) if forms is not None and start >= after else None
        if hit is not None:
            after, name = hit
            yield start, after, name


class _Intervals:
    """Which parts of the text the model has spoken for."""

    def __init__(self, intervals: Sequence[tuple[int, int]]) -> None:
        self._starts = [start for start, _ in intervals]
        self._ends = [end for _, end in intervals]

    def free(self, start: int, end: int) -> bool:
        """True when nothing overlaps ``[start, end)``; the intervals rise and don't overlap."""
        before = bisect_right(self._starts, start) - 1
        if before >= 0 and self._ends[before] > start:
            return False
        after = before + 1
        return after >= len(self._starts) or self._starts[after] >= end
