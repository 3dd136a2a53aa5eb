"""Countries, their inhabitants, capitals, regions, big bodies: what corrects the model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from services.enrichment.annotators.names import MAX_NAME, fold

if TYPE_CHECKING:
    from schemas.article import EntityType
    from services.enrichment.linking import Candidate, Knowledge

CACHE = 16_384
"""Names remembered: those of some hundred articles, about 3 MB."""

_CERTAIN_KINDS = frozenset({"country", "capital", "demonym", "region", "international", "user"})
"""Kinds whose names hardly anybody else bears, unless the table calls the name weak."""

_PEOPLE_TOO = """
chad colombo congo douglas french georgetown georgia german hamilton israel jamestown jersey
jordan kingston lima male manila martinique paris plymouth polish santiago sofia stanley sucre
us valley victoria washington wellington virginia carolina dakota montana alberta florence
adelaide sydney austin houston dallas lincoln jackson madison phoenix charlotte milan kent devon
chester lancaster york berlin london cairo troy savannah brooklyn chelsea nelson holland ireland
england brittany lorraine normandy cork bath reading nice orange mobile split tours delaware
maryland idaho
"""
_ALSO_PEOPLE = frozenset(_PEOPLE_TOO.split())
"""Places that people are called after, or that are words. Our own list; the table's weak names
are added to it."""

LARGE_CITY = 100_000
"""Inhabitants."""

_BODIES = frozenset({"international", "outlet", "organisation", "user"})

_VOTES = {"city": 1, "organisation": 1, "outlet": 1, "company": 1}


@dataclass(frozen=True, slots=True)
class Place:
    """What a name stands for.

    ``certain`` is False when people bear the name too (Jordan, Chad, Paris), or when it
    is a word; then it has ``votes`` beside the model's own.  ``unmistakable``: written like
    this it is a name wherever it stands (Belarus, BelTA, NATO).  ``large``: a city that
    "in" says enough of (Reading).
    """

    name: str
    type: EntityType
    certain: bool
    country: bool = False
    unmistakable: bool = False
    large: bool = False
    votes: int = 2


class Gazetteer:
    """What the knowledge table says of a name's type, people left out."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._get = lru_cache(CACHE)(self._look_up)

    @property
    def version(self) -> str:
        """Of the table and of the user's aliases: goes into provenance."""
        return self._knowledge.version

    @property
    def knowledge(self) -> Knowledge:
        """The table itself."""
        return self._knowledge

    def refresh(self) -> None:
        """Read the user's aliases again when they changed."""
        if self._knowledge.refresh():
            self._get.cache_clear()

    def get(self, name: str) -> Place | None:
        """What the name, as written, stands for."""
        return self._get(name) if len(name) <= MAX_NAME else None

    def is_country(self, name: str) -> bool:
        """Whether the name is a country's."""
        place = self.get(name)
        return place is not None and place.country

    def _look_up(self, name: str) -> Place | None:
        found = [each for each in self._knowledge.candidates(name) if each.type != "PERSON"]
        if not found:
            return None
        best = next((each for each in found if each.kind in _CERTAIN_KINDS), found[0])
        certain = best.kind in _CERTAIN_KINDS and not best.weak
        certain = certain and fold(name) not in _ALSO_PEOPLE
        return Place(
            name=best.name,
            type=best.type,
            certain=certain,
            country=best.kind == "country",
            unmistakable=_is_unmistakable(name, best, certain=certain),
            large=best.kind == "city" and best.weight >= LARGE_CITY,
            votes=_VOTES.get(best.kind, 2),
        )


_INNER_CAPITAL = re.compile(r"[a-z][A-Z]")


def _is_unmistakable(name: str, best: Candidate, *, certain: bool) -> bool:
    if best.type in {"GPE", "NORP"}:
        return certain
    if best.kind not in _BODIES or best.weak:
        return False
    # Not "Time", "Variety" or "People": one word in plain letters may start a sentence.
    return " " in name or name.isupper() or _INNER_CAPITAL.search(name) is not None
