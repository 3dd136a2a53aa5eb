"""Names of one document that mean the same: surname to full name, acronym to long name.

Names are joined only when there is one candidate: of two people with one surname,
a bare surname is neither.  Nothing is joined across documents here.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from services.enrichment.annotators.names import fold, person_tokens, spelling

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from services.enrichment.annotators.gazetteer import Gazetteer
    from services.enrichment.annotators.mentions import Named

Tokens = tuple[str, ...]

_SMALL_WORDS = frozenset({"of", "and", "for", "the", "in", "on", "de", "la", "du", "des"})

FEWEST_INITIALS = 3
"""Letters of an acronym that is joined to its long name; two-letter ones fit too much."""


def cluster(names: Sequence[Named], gazetteer: Gazetteer) -> list[list[Named]]:
    """The occurrences grouped by who they mean, groups by their first occurrence."""
    people = _PeopleOf(name.text for name in names if name.type == "PERSON")
    acronyms = _acronyms(name for name in names if name.type == "ORG")
    groups: dict[tuple[str, str], list[Named]] = defaultdict(list)
    for name in names:
        groups[_identity(name, people, acronyms, gazetteer)].append(name)
    return list(groups.values())


def _identity(
    name: Named, people: _PeopleOf, acronyms: dict[str, str], gazetteer: Gazetteer
) -> tuple[str, str]:
    """What occurrences of one entity have in common."""
    if name.type == "PERSON":
        return "PERSON", " ".join(people.leader(person_tokens(name.text))) or name.folded
    if name.type in {"GPE", "NORP"}:
        place = gazetteer.get(name.folded)
        if place is not None and place.type == name.type:
            return name.type, fold(place.name)
    if name.type == "ORG":
        return "ORG", acronyms.get(name.folded, name.folded)
    return name.type, name.folded


def _acronyms(organisations: Iterable[Named]) -> dict[str, str]:
    """Folded acronym to the folded long name, where exactly one long name fits."""
    long_names: dict[str, set[str]] = defaultdict(set)
    short: set[str] = set()
    for name in organisations:
        words = name.folded.split()
        if len(words) == 1 and name.text.replace(".", "").isupper():
            short.add(name.folded)
        elif len(words) >= FEWEST_INITIALS:
            for initials in _initials(words):
                long_names[initials].add(name.folded)
    return {
        acronym: next(iter(long_names[acronym]))
        for acronym in short
        if len(acronym) >= FEWEST_INITIALS and len(long_names[acronym]) == 1
    }


def _initials(words: Sequence[str]) -> set[str]:
    return {
        "".join(word[0] for word in words),
        "".join(word[0] for word in words if word not in _SMALL_WORDS),
    }


class _PeopleOf:
    """The full names of a document, and to which of them a shorter name belongs."""

    def __init__(self, names: Iterable[str]) -> None:
        every = dict.fromkeys(person_tokens(name) for name in names)
        self._leaders: dict[Tokens, Tokens] = {}
        # Longest first, so that "Alexander G. Lukashenko" leads "Alexander Lukashenko".
        full = sorted((tokens for tokens in every if len(tokens) > 1), key=len, reverse=True)
        self._by_surname: dict[str, list[Tokens]] = defaultdict(list)
        for tokens in full:
            self._leaders[tokens] = self._same_full_name(tokens) or self._new(tokens)
        self._by_part = self._parts()
        for tokens in every:
            self._leaders.setdefault(tokens, self._only_bearer(tokens) or tokens)

    def leader(self, tokens: Tokens) -> Tokens:
        """The fullest name of the person that ``tokens`` mean."""
        return self._leaders.get(tokens, tokens)

    def _new(self, tokens: Tokens) -> Tokens:
        self._by_surname[spelling(tokens[-1])].append(tokens)
        return tokens

    def _same_full_name(self, tokens: Tokens) -> Tokens | None:
        candidates = self._by_surname[spelling(tokens[-1])]
        fitting = [known for known in candidates if _compatible(known, tokens)]
        return fitting[0] if len(fitting) == 1 else None

    def _parts(self) -> dict[str, dict[Tokens, None]]:
        """Each part of each full name (by its spelling) to those who bear it."""
        parts: dict[str, dict[Tokens, None]] = defaultdict(dict)
        for candidates in self._by_surname.values():
            for full in candidates:
                for token in full:
                    parts[spelling(token)][full] = None
        return parts

    def _only_bearer(self, tokens: Tokens) -> Tokens | None:
        """Who alone bears this surname; else who alone bears this part of a name."""
        if len(tokens) == 1:
            surname = self._by_surname.get(spelling(tokens[0]), [])
            if surname:
                return surname[0] if len(surname) == 1 else None
            bearers = list(self._by_part.get(spelling(tokens[0]), ()))
            return bearers[0] if len(bearers) == 1 else None
        return None


def _compatible(long: Tokens, short: Tokens) -> bool:
    """One person by two full names: first names equal or an initial, the middle ones left out.

    The surnames are known to match by spelling. First names must be equal: John and Joan,
    Martin and Martina Novak are two people.
    """
    first, other = long[0], short[0]
    if first != other and not (len(other) == 1 and first.startswith(other)):
        return False
    rest = iter(long[1:-1])
    return all(
        any(known == token or (len(token) == 1 and known.startswith(token)) for known in rest)
        for token in short[1:-1]
    )
