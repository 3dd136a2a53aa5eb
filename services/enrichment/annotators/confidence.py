"""How sure it is that something is a name of the type that it was given.

A logistic model of what is known about the entity's mentions.  Its weights were fitted
on the development half of WikiGold with ``python -m services.enrichment.quality``'s
reader, and rounded; the quality report prints how its figures compare with the share
that is right.  It says nothing about *who* is meant: that is ``link_confidence``.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log2
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schemas.article import EntityType

DIGITS = 3
LOWEST, HIGHEST = 0.02, 0.99
"""Nothing is sure, and nothing is hopeless that is said at all."""

MOST_COUNTED = 8
"""Further mentions of one name say nothing new."""

_OTHER = -0.6
_BASE: dict[EntityType, float] = {
    "PERSON": -0.9,
    "ORG": -1.7,
    "GPE": -0.4,
    "LOC": -0.9,
    "FAC": -1.2,
    "NORP": 0.2,
}
"""The logit of a name seen once, of one word, that no table knows."""

_AGREEMENT, _COUNT, _WORDS, _KNOWN, _LINKED = 1.2, 0.15, 0.7, 1.6, 1.0


@dataclass(frozen=True, slots=True)
class Signs:
    """What speaks for an entity.

    ``agreement``: share of its mentions that the model saw as this type, of those it saw
    at all; ``seen``: how many it saw; ``several_words``: its fullest name has more than one.
    """

    type: EntityType
    agreement: float
    seen: int
    several_words: bool
    known: bool
    linked: bool


def confidence(signs: Signs) -> float:
    """0 to 1."""
    logit = (
        _BASE.get(signs.type, _OTHER)
        + _AGREEMENT * signs.agreement
        + _COUNT * log2(1 + min(signs.seen, MOST_COUNTED))
        + _WORDS * signs.several_words
        + _KNOWN * signs.known
        + _LINKED * signs.linked
    )
    return round(min(max(1 / (1 + exp(-logit)), LOWEST), HIGHEST), DIGITS)
