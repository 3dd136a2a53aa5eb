"""Countries, their inhabitants, capitals, regions, big bodies: what corrects the model."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.enrichment.annotators.names import fold

if TYPE_CHECKING:
    from schemas.article import EntityType

PLACES_FILE = Path(__file__).parent.parent / "knowledge" / "places.json"


@dataclass(frozen=True, slots=True)
class Place:
    """What a name stands for.

    ``certain`` is False when people bear the name too (Jordan, Chad, Paris).
    """

    name: str
    type: EntityType
    certain: bool
    country: bool = False


class Gazetteer:
    """Looks names up; ``version`` goes into provenance."""

    def __init__(self, places: dict[str, Place], version: str) -> None:
        self._places = places
        self.version = version

    @classmethod
    def load(cls, path: Path = PLACES_FILE) -> Gazetteer:
        """The shipped table; ``OSError``, ``ValueError`` or ``KeyError`` when it is broken."""
        table: dict[str, Any] = json.loads(path.read_text("utf-8"))
        places: dict[str, Place] = {}
        for row in table["places"]:
            # Demonyms are entities of their own: "Chinese" is not China.
            country = row["qid"] is not None
            place = Place(row["name"], row["type"], certain=True, country=country)
            for name in (row["name"], *row["aliases"]):
                places[fold(name)] = place
        for name in table["also_people"]:
            known = places[name]
            places[name] = Place(known.name, known.type, certain=False, country=known.country)
        return cls(places, str(table["version"]))

    def get(self, folded: str) -> Place | None:
        """The place of a folded name."""
        return self._places.get(folded)

    def is_country(self, folded: str) -> bool:
        """Whether the folded name is a country's."""
        place = self._places.get(folded)
        return place is not None and place.country
