"""What a document says about where it is set: the countries that speak for a candidate."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.enrichment.linking.model import Candidate, Cluster

KNOWN_EVERYWHERE = 1000
"""Weight of a person or body that needs no introduction."""

LARGE_CITY = 1_000_000
"""Inhabitants from which a city is meant wherever it is named, if no other one is near its
size."""

DOMINANCE = 10
"""How many times larger a city must be than the next one of its name, to be meant without
anything that speaks for its country."""


class Context:
    """Countries by the clusters that speak for them.

    ``named``: by the country itself or its people; ``inside``: by a place in it, or by somebody
    who is known for it.  A cluster is no evidence for itself.
    """

    def __init__(self, clusters: Sequence[Cluster], options: Sequence[Sequence[Candidate]]) -> None:
        self._named: dict[str, set[int]] = defaultdict(set)
        self._inside: dict[str, set[int]] = defaultdict(set)
        self._regions: dict[str, set[int]] = defaultdict(set)
        for index, found in enumerate(options):
            self._add(index, found)
        self.words = {
            word for cluster in clusters for name in cluster.names for word in name.lower().split()
        }

    def _add(self, index: int, found: Sequence[Candidate]) -> None:
        best = _certain(found)
        if best is None:
            return
        if best.kind == "country":
            self._named[best.key].add(index)
        elif best.country is None:
            return
        elif best.kind == "demonym":
            self._named[best.country].add(index)
        else:
            self._inside[best.country].add(index)
            if best.kind == "region":
                self._regions[best.country].add(index)

    def names(self, country: str | None, but: int) -> bool:
        """Whether another cluster than ``but`` is the country, its people, or inside it."""
        if country is None:
            return False
        return any(
            i != but for i in (*self._named.get(country, ()), *self._inside.get(country, ()))
        )

    def inside(self, country: str | None, but: int) -> bool:
        """Whether another cluster is a place in the country or known for it."""
        return country is not None and any(i != but for i in self._inside.get(country, ()))

    def region_of(self, country: str | None, but: int) -> bool:
        """Whether a state or province of the country is named."""
        return country is not None and any(i != but for i in self._regions.get(country, ()))

    def foreign(self, countries: set[str | None], but: int) -> bool:
        """Whether other countries are named and none of ``countries``."""
        if any(self.names(country, but) for country in countries):
            return False
        return any(any(i != but for i in found) for found in self._named.values())


def _certain(found: Sequence[Candidate]) -> Candidate | None:
    """The candidate that needs no context."""
    if not found:
        return None
    first, rest = found[0], found[1:]
    if first.weak:
        return None
    if first.kind in {"city", "capital"}:
        big = first.weight >= LARGE_CITY or first.kind == "capital"
        return first if big and all(first.weight >= DOMINANCE * c.weight for c in rest) else None
    if first.kind in {"country", "demonym", "region"}:
        return first if all(first.weight >= DOMINANCE * c.weight for c in rest) else None
    return first if first.weight >= KNOWN_EVERYWHERE and not rest else None
