"""The label schemes of spaCy's models, mapped to the entity types of the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast, get_args

from schemas.article import EntityType

if TYPE_CHECKING:
    from services.enrichment.annotators.gazetteer import Gazetteer

TYPES: frozenset[str] = frozenset(get_args(EntityType)) - {"DATE", "MONEY"}
"""Labels that are kept: ordinals are no entities of the contract, and dates and money are
found by patterns of their own (annotator ``values``)."""

_WIKINER = {"PER": "PERSON", "LOC": "LOC", "ORG": "ORG", "MISC": "MISC"}
"""What models trained on WikiNER (French, German, …) say. Their LOC is any place."""


def known_type(label: str, name: str, gazetteer: Gazetteer) -> EntityType | None:
    """The contract's type of a name with this label; None where it has none.

    A MISC is kept only where the table knows what it is, and a LOC of the smaller
    scheme is a GPE where the table says so.
    """
    mapped = _WIKINER.get(label, label)
    if mapped in {"MISC", "LOC"}:
        place = gazetteer.get(name)
        if place is not None and (mapped == "MISC" or place.type == "GPE"):
            return place.type
    return cast("EntityType", mapped) if mapped in TYPES else None
