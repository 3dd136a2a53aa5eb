"""What a document says about where it is set: the countries that speak for a candidate."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from services.enrichment.linking.person_names import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from services.enrichment.linking.model import Candidate, Cluster

Evidence = dict[str, list[int]]
"""Key of a country to the numbers of clusters, rising."""

KNOWN_EVERYWHERE = 1000
"""Weight of a person or body that needs no introduction."""

LARGE_CITY = 1_000_000
"""Inhabitants from which a city is meant wherever it is named, if no other one is near its
size."""

EVIDENT_CITY = 300_000
"""Inhabitants from which a city speaks for its country, if no other one is near its size."""

DOMINANCE = 10
"""How many times larger a city must be than the next one of its name, to be meant without
anything that speaks for its country."""


class Context:
    """Countries by the clusters that speak for them. A cluster is no evidence for itself.

    ``named``: the country itself or its people; ``places``: a place in it other than its
    capital, which often stands for its government; ``states``: a state or province of it;
    ``known``: all these, its capital, and who or what is known for the country.
    """

    def __init__(self, clusters: Sequence[Cluster], options: Sequence[Sequence[Candidate]]) -> None:
        self._named: Evidence = defaultdict(list)
        self._places: Evidence = defaultdict(list)
        self._states: Evidence = defaultdict(list)
        self._known: Evidence = defaultdict(list)
        for index, found in enumerate(options):
            self._add(index, found)
        self.words = frozenset(
            word
            for cluster in clusters
            for name in cluster.names
            for word in name[:LONGEST].lower().split()
        )

    def _add(self, index: int, found: Sequence[Candidate]) -> None:
        best = _certain(found)
        country = None if best is None else best.key if best.kind == "country" else best.country
        if best is None or country is None:
            return
        self._known[country].append(index)
        if best.kind in {"country", "demonym"}:
            self._named[country].append(index)
        if best.kind in {"city", "region"}:
            self._places[country].append(index)
        if best.kind == "region":
            self._states[country].append(index)

    def names(self, country: str | None, but: int) -> bool:
        """Whether the country or its people are named, or a place or somebody known for it."""
        return _other(self._known, country, but)

    def places(self, country: str | None, but: int) -> bool:
        """Whether a place in the country other than its capital is named."""
        return _other(self._places, country, but)

    def states(self, country: str | None, but: int) -> bool:
        """Whether a state or province of the country is named."""
        return _other(self._states, country, but)

    def abroad(self, countries: Iterable[str | None], but: int) -> bool:
        """Whether countries are named, but none of ``countries`` nor anything of theirs."""
        if any(self.names(country, but) for country in countries):
            return False
        return any(_other(self._named, country, but) for country in self._named)

    def home(self, country: str | None, but: int) -> bool:
        """Whether no other country has more that speaks for it than this one."""
        own, others = self._counts(country, but)
        return own > 0 and own >= others

    def centre(self, country: str | None, but: int) -> bool:
        """Whether this country has more that speaks for it than any other one."""
        own, others = self._counts(country, but)
        return own > others

    def _counts(self, country: str | None, but: int) -> tuple[int, int]:
        """Clusters that speak for the country, and the most that speak for another one."""
        counts = {key: sum(index != but for index in found) for key, found in self._known.items()}
        own = counts.pop(country or "", 0)
        return own, max(counts.values(), default=0)


def _other(evidence: Evidence, country: str | None, but: int) -> bool:
    return any(index != but for index in evidence.get(country or "", ()))


def _certain(found: Sequence[Candidate]) -> Candidate | None:
    """The candidate that needs no context."""
    if not found:
        return None
    first, rest = found[0], found[1:]
    if first.weak:
        return None
    if first.kind in {"city", "capital"}:
        big = first.weight >= EVIDENT_CITY or first.kind == "capital"
        return first if big and all(first.weight >= DOMINANCE * c.weight for c in rest) else None
    if first.kind in {"country", "demonym", "region"}:
        return first if all(first.weight >= DOMINANCE * c.weight for c in rest) else None
    return first if first.weight >= KNOWN_EVERYWHERE and not rest else None
