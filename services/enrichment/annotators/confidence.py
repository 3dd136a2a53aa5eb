"""How sure it is that something is a name of the type that it was given.

A logistic model of what is known about the entity's mentions.  Its weights are those of a
logistic regression over 1,591 entities of the development half of WikiGold (both
English models), rounded; peoples and what WikiGold doesn't mark are estimates.  The
quality report prints how its figures compare with the share that is right there and
elsewhere: on posts of social networks (WNUT-17) it promises too much.  It says nothing
about *who* is meant: that is ``link_confidence``.
"""

from __future__ import annotations

from math import exp, log2
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from schemas.article import EntityType

DIGITS = 3
LOWEST, HIGHEST = 0.02, 0.99
"""Nothing is sure, and nothing is hopeless that is said at all."""

MOST_COUNTED = 8
"""Further mentions of one name say nothing new."""

_OTHER = -2.5
_BASE: dict[EntityType, float] = {
    "PERSON": -1.9,
    "ORG": -2.9,
    "GPE": -1.8,
    "LOC": -2.5,
    "FAC": -3.4,
    "NORP": -1.0,
}
"""The logit of a name seen once, of one word, that no table knows."""

_AGREEMENT, _COUNT, _WORDS, _KNOWN, _LINKED = 1.15, 0.4, 1.4, 1.55, 0.5


class Signs(NamedTuple):
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
