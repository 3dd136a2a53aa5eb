"""The values that linking takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

if TYPE_CHECKING:
    from schemas.article import EntityType

Kind = Literal[
    "country",
    "capital",
    "city",
    "region",
    "person",
    "company",
    "outlet",
    "international",
    "organisation",
    "demonym",
    "event",
    "user",
]
"""What an entry of the table is. ``region``: parts of the world, states and provinces, seas,
rivers; ``international``: bodies of several states; ``organisation``: other bodies (parliaments,
ministries, parties, clubs, universities); ``user``: of the user's own file."""

KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry of the table that a name may mean.

    ``key`` is the entity key of the contract.  ``weight`` orders candidates of one kind: the
    inhabitants of a city; 1000 for a person or body known all over the world, 500 for one that
    is known with its country, less for the rest.  ``country`` is the key of the country that it
    belongs to: a city's, a person's, of which a demonym is derived.  ``abbreviation`` and
    ``weak`` are about the name that was looked up: an acronym; a word with other meanings.
    """

    key: str
    name: str
    type: EntityType
    kind: Kind
    wikidata: str | None = None
    geonames: str | None = None
    iso_country: str | None = None
    weight: int = 0
    country: str | None = None
    abbreviation: bool = False
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Cluster:
    """The mentions of one document that mean one thing.

    ``names`` are the distinct names, the fullest first; ``count`` is the number of mentions;
    ``lead`` is true when it is named in the title or in the first paragraph.
    """

    type: EntityType
    names: tuple[str, ...]
    count: int = 1
    lead: bool = False


class Link(NamedTuple):
    """What a cluster means, and how likely that is right (0 to 1)."""

    candidate: Candidate
    confidence: float
