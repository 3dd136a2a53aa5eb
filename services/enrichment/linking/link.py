"""Which entry of the table each cluster of a document means, or none.

A name by itself is right in six cases of ten; so the type must fit, the document must speak
for it where the name alone doesn't say enough, and where two fit there is no link.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from services.enrichment.annotators.names import person_tokens
from services.enrichment.linking.context import KNOWN_EVERYWHERE, LARGE_CITY, Context
from services.enrichment.linking.model import Link

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.enrichment.linking.knowledge import Knowledge
    from services.enrichment.linking.model import Candidate, Cluster

KNOWN_WITH_COUNTRY = 500
"""Weight of a person or body that is meant when its country is named too."""

MARGIN = 0.9
"""By how much the best place must lead: eight times the inhabitants, or the context."""

COUNTRY_SCORE, REGION_SCORE = 8.0, 7.0
"""Log10 of the inhabitants of a middling country and of a state or province."""

CAPITAL_BONUS, INSIDE_BONUS, REGION_BONUS = 1.5, 2.0, 3.0
"""On log10 of the inhabitants: for a capital; where the country is named; where a state or
province of it is named, which says more."""

SMALL_TOWN = 100_000
"""Inhabitants below which a place is linked only where its country is named: the table has no
villages, and the name may be one."""

_FITTING: Final[Mapping[str, frozenset[str]]] = {
    "PERSON": frozenset({"PERSON"}),
    "GPE": frozenset({"GPE", "LOC"}),
    "LOC": frozenset({"LOC", "GPE"}),
    "ORG": frozenset({"ORG"}),
    "NORP": frozenset({"NORP"}),
    "PRODUCT": frozenset({"PRODUCT", "ORG"}),
    "FAC": frozenset({"FAC", "LOC"}),
    "EVENT": frozenset({"EVENT"}),
    "WORK_OF_ART": frozenset({"WORK_OF_ART"}),
    "LAW": frozenset({"LAW"}),
}
"""Types of entries that a cluster's type admits. A newspaper may pass for a work of art; see
:func:`_admits`."""

_OFFICE_WORDS = frozenset(
    {"congress", "senate", "house", "republican", "republicans", "democrat", "democrats", "gop"}
    | {"democratic", "parliament", "assembly", "council", "court"}
)

# Roughly how often links of a sort are right where the cluster's type is, by the development
# half of the linking sets (see measure_linking) and rounded; few links of a sort are in them, so
# these order the sorts rather than measure them. A team named by its city is a wrong type, which
# only the text can tell.
USER, COUNTRY, SURE_PLACE, PLACE, FULL_NAME, VARIANT_NAME, SURNAME, SURE_BODY, BODY = (
    *(0.99, 0.98, 0.95, 0.9, 0.97, 0.95, 0.88),
    *(0.95, 0.85),
)


def link(clusters: Sequence[Cluster], knowledge: Knowledge) -> list[Link | None]:
    """The link of each cluster, None where nobody can be sure."""
    options = [_options(cluster, knowledge) for cluster in clusters]
    context = Context(clusters, options)
    return [
        _decide(index, cluster, options[index], context, knowledge)
        for index, cluster in enumerate(clusters)
    ]


def _admits(cluster: Cluster, candidate: Candidate) -> bool:
    if candidate.kind == "user":
        return True
    if cluster.type == "WORK_OF_ART" and candidate.kind == "outlet":
        return True
    return candidate.type in _FITTING.get(cluster.type, ())


def _options(cluster: Cluster, knowledge: Knowledge) -> Sequence[Candidate]:
    """Entries that bear the fullest name; those of a shorter one only where it is no part.

    "Bank of Arcadia", also called "Arcadia", isn't Arcadia; but "United Nations" is UN.
    """
    fullest = len(cluster.names[0].split()) if cluster.names else 0
    for name in cluster.names:
        found = [c for c in knowledge.candidates(name) if _admits(cluster, c)]
        if cluster.type == "PERSON" and not found:
            found = [c for c in knowledge.people(name) if _admits(cluster, c)]
        same_length = len(name.split()) >= fullest or cluster.type == "PERSON"
        found = [c for c in found if same_length or c.abbreviation or c.kind == "user"]
        if found:
            return found
    return ()


def _decide(
    index: int,
    cluster: Cluster,
    found: Sequence[Candidate],
    context: Context,
    knowledge: Knowledge,
) -> Link | None:
    if found and found[0].kind == "user":
        return Link(found[0], USER)
    if cluster.type == "PERSON":
        return _person(index, cluster, found, context, knowledge)
    if not found:
        return None
    if cluster.type in {"GPE", "LOC", "FAC"}:
        return _place(index, found, context)
    if cluster.type == "NORP":
        return Link(found[0], COUNTRY) if len(found) == 1 else None
    return _body(index, cluster, found, context)


def _place(index: int, found: Sequence[Candidate], context: Context) -> Link | None:
    """The place with the best score, where it leads by a margin."""
    scored = sorted(((_score(index, c, context), c.key, c) for c in found), reverse=True)
    score, _, best = scored[0]
    if len(scored) > 1 and score - scored[1][0] < MARGIN:
        return None
    if best.weak and not _speaks_for(index, best, found, context):
        return None
    if best.kind == "country":
        return Link(best, COUNTRY)
    if best.kind in {"capital", "region"} or best.weight >= LARGE_CITY:
        return Link(best, SURE_PLACE)
    if best.weight < SMALL_TOWN and not context.names(best.country, index):
        return None
    return Link(best, PLACE)


def _score(index: int, candidate: Candidate, context: Context) -> float:
    if candidate.kind == "country":
        return COUNTRY_SCORE + (INSIDE_BONUS if context.places(candidate.key, index) else 0.0)
    country = candidate.country
    if candidate.kind == "region":
        return REGION_SCORE + (REGION_BONUS if context.places(country, index) else 0.0)
    score = math.log10(max(candidate.weight, 1))
    score += CAPITAL_BONUS if candidate.kind == "capital" else 0.0
    if context.states(country, index):
        return score + REGION_BONUS
    # A place abroad names many a large country by the way: a town of it must be at its centre.
    near = context.centre if candidate.weight < SMALL_TOWN else context.names
    return score + (INSIDE_BONUS if near(country, index) else 0.0)


def _speaks_for(index: int, best: Candidate, found: Sequence[Candidate], context: Context) -> bool:
    """Whether the document decides for a name like Georgia, country and state."""
    if best.kind == "country":
        rivals = [c.country for c in found if c is not best]
        return context.names(best.key, index) or context.abroad(rivals, index)
    return context.places(best.country, index)


def _person(
    index: int,
    cluster: Cluster,
    found: Sequence[Candidate],
    context: Context,
    knowledge: Knowledge,
) -> Link | None:
    name = cluster.names[0]
    if len(person_tokens(name)) < 2:  # noqa: PLR2004 (a first name and a surname)
        return _surname(index, name, found, context, knowledge)
    fitting = [c for c in found if _is_known(index, c, context)]
    if len(fitting) != 1:
        return None
    exact = fitting[0] in knowledge.candidates(name)
    return Link(fitting[0], FULL_NAME if exact else VARIANT_NAME)


def _is_known(index: int, candidate: Candidate, context: Context) -> bool:
    """Whether the document says enough for this person to be meant by a full name."""
    if candidate.weight >= KNOWN_EVERYWHERE:
        return True
    if not context.names(candidate.country, index):
        return False
    return candidate.weight >= KNOWN_WITH_COUNTRY or not _OFFICE_WORDS.isdisjoint(context.words)


def _surname(
    index: int,
    name: str,
    found: Sequence[Candidate],
    context: Context,
    knowledge: Knowledge,
) -> Link | None:
    """The only one of the table with this surname, if known everywhere and in their country.

    "Weak" are surnames that the news gives to many people.
    """
    bearers = knowledge.surname(name) or found
    if len(bearers) != 1 or bearers[0].weight < KNOWN_EVERYWHERE or bearers[0].weak:
        return None
    return Link(bearers[0], SURNAME) if context.names(bearers[0].country, index) else None


def _body(
    index: int, cluster: Cluster, found: Sequence[Candidate], context: Context
) -> Link | None:
    """An organisation: known everywhere, or the only one and in its country."""
    known = [c for c in found if c.weight >= KNOWN_EVERYWHERE]
    if len(known) == 1 and (not known[0].weak or context.home(known[0].country, index)):
        return Link(known[0], SURE_BODY)
    if len(found) != 1 or found[0].weak:
        return None
    only, several = found[0], len(cluster.names[0].split()) > 1
    return Link(only, BODY) if several or context.names(only.country, index) else None
