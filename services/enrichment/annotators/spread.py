"""Mark the occurrences of names that the model missed.

It misses names in headlines, in capitals, in lists and in odd sentences.  What it
found for sure elsewhere in the same document is looked up there, and so are the
countries, peoples and bodies that the table knows, and acronyms that the text declares.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from itertools import islice
from typing import TYPE_CHECKING

from services.enrichment.annotators.context import (
    courted,
    in_title_case,
    is_told_of,
    speaks,
    starts_sentence,
)
from services.enrichment.annotators.intervals import Intervals, spans_of
from services.enrichment.annotators.labels import TYPES
from services.enrichment.annotators.lookup import known_names
from services.enrichment.annotators.mentions import Named, before_state, surnames
from services.enrichment.annotators.names import WORDS_FIRST, fold, person_tokens
from services.enrichment.annotators.organisations import GENERIC

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from services.enrichment.annotators.gazetteer import Gazetteer
    from services.enrichment.annotators.recogniser import Found

_WORD = re.compile(r"[^\W_]+(?:['’.\-][^\W_]+)*")

_SMALL = r"[a-z]++(?>(?:['’.\-][a-z]++)*)(?![^\W_]|['’.\-][^\W_])"
_NO_SMALL_WORD = re.compile(rf"[\W_]*+(?:{_SMALL}[\W_]*+)*+({_WORD.pattern})?+")
"""The next word that is not in small letters alone; those before it are passed over at once."""

_STEM = re.compile(r"['’]|(?<=[^\W_])-(?=[A-Z])")
"""What may follow a name inside of a word: "Putin's", "China-Russia"."""

_SEAM = re.compile(
    r"(?<=[^\W\d_]{3}[a-zß-öø-ÿ])(?=[A-ZÀ-ÖØ-Þ][a-z]{2})|^(?i:anti|pro|non|ex|pre|post)-|(?<=[a-z.])-(?=[A-Z])"
)
"""Where a second name may start in a word: "contentLukashenko", "anti-Chinese", "China-Russia"."""

MOST_ADDED = 100_000
"""Occurrences that are added at most: those of a book of a million words. Five megabytes of
"U.S." would take half a minute."""

FEWEST_LETTERS = 4
"""Letters of a name in mixed case that is spread; shorter ones are words too often."""

FEWEST_BARE = 3
"""Letters of a surname that is looked for by itself: May, Xi's given name, but not Li or Ma."""

CERTAIN_COUNT = 2
"""Occurrences after which a one-word name counts as certain."""


def spread(
    text: str,
    names: Sequence[Named],
    found: Sequence[Found],
    gazetteer: Gazetteer,
    words: Collection[str],
) -> list[Named]:
    """``names`` and the occurrences that the model missed, by rising offset.

    ``found`` is all that the model saw: inside of what it took for a date, an amount or a name
    that is kept, nothing is added.  ``words``: those
    that the text has in small letters.
    """
    wanted = _by_first_word(_certain(names, gazetteer))
    others = [item for item in found if item.label not in TYPES]  # dates, amounts
    taken = Intervals(spans_of(names, others))
    added = []
    for start, end, name in islice(_occurrences(text, wanted), MOST_ADDED):
        if taken.free(start, end) and _is_name_here(text, start, end, words):
            first = before_state(text, start, end, gazetteer) if name.type == "GPE" else start
            first = first if taken.free(first, end) else start
            added.append(Named(first, end, text[first:end], name.folded, name.type))
    names = sorted([*names, *added], key=lambda item: item.start)
    known = known_names(text, Intervals(spans_of(names, others)), gazetteer)
    return sorted([*names, *known], key=lambda item: item.start)


def _is_name_here(text: str, start: int, end: int, words: Collection[str]) -> bool:
    """Whether it isn't the word that it looks like: "Price rises", but "Price said"."""
    word = text[start:end].casefold()
    if speaks(text, end) or is_told_of(text, end) or courted(text, start):
        return True
    if word in WORDS_FIRST:
        return False
    return word not in words or not (
        starts_sentence(text, start) or in_title_case(text, start, end)
    )


def _certain(names: Sequence[Named], gazetteer: Gazetteer) -> dict[str, Named]:
    """Surface form to the name it stands for."""
    counts = Counter(name.folded for name in names)
    borne = surnames(names)
    bodies = {name.folded.split()[0] for name in names if name.type == "ORG" and " " in name.text}
    bodies -= GENERIC
    certain: dict[str, Named] = {}
    for name in names:
        place = gazetteer.get(name.text)
        sure = (
            " " in name.text
            or counts[name.folded] >= CERTAIN_COUNT
            or name.folded in borne
            or name.folded in bodies
            or (name.type == "ORG" and name.text.isupper())  # an acronym
            or (place is not None and (place.certain or place.unmistakable))
            or (place is not None and place.type == name.type == "GPE")
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
            if len(last) >= FEWEST_BARE and not taken and not last.islower():
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
    for start, word in _words(text, wanted):
        for first in _starts(word):
            rest = word[first:]
            forms = wanted.get(rest)
            if forms is None and not rest.isalpha():
                forms = wanted.get(_STEM.split(rest, maxsplit=1)[0])
            at = start + first
            hit = forms.longest(text, at) if forms is not None and at >= after else None
            if hit is not None:
                after, name = hit
                yield at, after, name


def _words(text: str, wanted: Collection[str]) -> Iterator[tuple[int, str]]:
    """The words that a form may begin with: where they stand, and they themselves."""
    if any(map(str.islower, wanted)):
        for found in _WORD.finditer(text):
            if not found[0].islower() or found[0] in wanted:
                yield found.start(), found[0]
        return
    for found in _NO_SMALL_WORD.finditer(text):
        word = found[1]
        if word is not None and not word.islower():
            yield found.start(1), word


def _starts(word: str) -> tuple[int, ...]:
    """Where a name may start in a word: at its start, and behind a fused "content" or "anti-"."""
    seam = (
        _SEAM.search(word)
        if not word.isalpha() or not (word.isupper() or word[1:].islower())
        else None
    )
    return (0, seam.end()) if seam else (0,)
