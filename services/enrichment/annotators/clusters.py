"""Names of one document that mean the same: surname to full name, acronym to long name.

Names are joined only when there is one candidate.  Of two people with one surname, a
bare surname is the one who has been introduced so far; after both have been, it is
neither: which of them is meant, only the sense tells.  Nothing is joined across
documents here.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from services.enrichment.annotators.names import fold, person_tokens, spelling
from services.enrichment.annotators.organisations import leaders
from services.enrichment.linking.person_names import person_key
from services.enrichment.linking.transliterate import latin

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from services.enrichment.annotators.gazetteer import Gazetteer
    from services.enrichment.annotators.mentions import Named

Tokens = tuple[str, ...]


MOST_BEARERS = 8
"""Bearers of one surname among whom a bare one is looked for; a list of a hundred Johnsons
would take quadratic time."""


def cluster(
    names: Sequence[Named], gazetteer: Gazetteer, declared: Mapping[str, str]
) -> list[list[Named]]:
    """The occurrences grouped by who they mean, groups by their first occurrence.

    ``declared``: folded acronyms to the folded long names that the text gives them.
    """
    people = _PeopleOf((_latin(name.text), name.start) for name in names if name.type == "PERSON")
    bodies = leaders(((n.text, n.folded) for n in names if n.type == "ORG"), dict(declared))
    groups: dict[tuple[str, str], list[Named]] = defaultdict(list)
    for name in names:
        groups[_identity(name, people, bodies, gazetteer)].append(name)
    return list(groups.values())


def _identity(
    name: Named, people: _PeopleOf, bodies: Mapping[str, str], gazetteer: Gazetteer
) -> tuple[str, str]:
    """What occurrences of one entity have in common."""
    if name.type == "PERSON":
        leader = people.leader(person_tokens(_latin(name.text)), name.start)
        return "PERSON", " ".join(leader) or name.folded
    place = gazetteer.get(name.text)
    if place is not None and place.type == name.type:
        return name.type, fold(place.name)
    if name.type == "ORG":
        return "ORG", bodies.get(name.folded, name.folded)
    return name.type, name.folded


def _latin(name: str) -> str:
    """The name in Latin letters: "Зеленський" joins Zelensky."""
    return name if name.isascii() else latin(name)


class _PeopleOf:
    """The full names of a document, and to which of them a shorter name belongs."""

    def __init__(self, names: Iterable[tuple[str, int]]) -> None:
        self._first: dict[Tokens, int] = {}
        for name, start in names:
            self._first.setdefault(person_tokens(name), start)
        self._leaders: dict[Tokens, Tokens] = {}
        # Longest first, so that "Alexander G. Lukashenko" leads "Alexander Lukashenko".
        full = sorted((tokens for tokens in self._first if len(tokens) > 1), key=len, reverse=True)
        self._by_surname: dict[str, list[Tokens]] = defaultdict(list)
        self._by_first: dict[tuple[str, str], list[Tokens]] = defaultdict(list)
        self._by_key: dict[str, Tokens] = {}
        for tokens in full:
            self._leaders[tokens] = self._same_full_name(tokens) or self._new(tokens)
        self._introduced = self._introductions()
        self._by_part = self._parts()
        for tokens in self._first:
            self._leaders.setdefault(tokens, self._only_bearer(tokens) or tokens)

    def leader(self, tokens: Tokens, start: int) -> Tokens:
        """The fullest name of the person that ``tokens``, standing at ``start``, mean."""
        if len(tokens) == 1 and self._leaders.get(tokens) == tokens:
            return self._introduced_bearer(tokens, start) or tokens
        return self._leaders.get(tokens, tokens)

    def _introductions(self) -> dict[Tokens, int]:
        """Where each full name, in any of its forms, stands first."""
        first: dict[Tokens, int] = {}
        for tokens, leader in self._leaders.items():
            first[leader] = min(first.get(leader, self._first[tokens]), self._first[tokens])
        return first

    def _introduced_bearer(self, tokens: Tokens, start: int) -> Tokens | None:
        """The only one of several bearers of a surname who has been named in full before."""
        surname = self._by_surname.get(spelling(tokens[0]), ())
        before = [full for full in surname[:MOST_BEARERS] if self._introduced[full] < start]
        return before[0] if len(before) == 1 and len(surname) <= MOST_BEARERS else None

    def _new(self, tokens: Tokens) -> Tokens:
        surname, first = spelling(tokens[-1]), tokens[0]
        self._by_surname[surname].append(tokens)
        for given in dict.fromkeys((first, first[0])):
            self._by_first[surname, given].append(tokens)
        self._by_key[person_key(" ".join(tokens))] = tokens
        return tokens

    def _same_full_name(self, tokens: Tokens) -> Tokens | None:
        """The one person of a fuller name, or of another spelling, whom this name fits."""
        known = self._by_key.get(person_key(" ".join(tokens)))
        if known is not None:
            return known
        candidates = self._by_first[spelling(tokens[-1]), tokens[0]][: MOST_BEARERS + 1]
        fitting = [each for each in candidates if _compatible(each, tokens)]
        return fitting[0] if len(fitting) == 1 and len(candidates) <= MOST_BEARERS else None

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
