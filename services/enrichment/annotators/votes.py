"""One type for each name of a document.

The model labels every occurrence by itself: in one article "Belarus" may be an
organisation twice and a country ten times, "Jinping" a product.  Here all
occurrences of one name vote; what the table knows, what the people of the same
document are called and the name's own words vote with them.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from services.enrichment.annotators.context import (
    courted,
    has_result,
    is_locative,
    is_on_sport,
    is_team,
    is_told_of,
    speaks,
)
from services.enrichment.annotators.heads import type_by_head
from services.enrichment.annotators.mentions import retyped, surnames
from services.enrichment.annotators.names import person_tokens, spelling
from services.enrichment.annotators.organisations import GENERIC

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from schemas.article import EntityType
    from services.enrichment.annotators.gazetteer import Gazetteer, Place
    from services.enrichment.annotators.mentions import Named

    Votes = dict[EntityType, int]

_RANK: tuple[EntityType, ...] = (
    "PERSON",
    "GPE",
    "ORG",
    "NORP",
    "LOC",
    "FAC",
    "EVENT",
    "LAW",
    "WORK_OF_ART",
    "PRODUCT",
    "LANGUAGE",
)
"""Who wins a tie: by the F-score that the model's makers give for the type, but people
before places, as a name that is taken for a place at times is mostly a person."""

_PLAYER = re.compile(r"[A-Z][a-z'’-]+ [A-Z][a-z'’-]+")
"""What the model takes for a product in an article on a match: first name and surname."""

_CLUB = re.compile(r" (?:city|town|united|county|wanderers|athletic|albion|hotspur)$")
"""Last words of clubs' names, where an article is on a match."""


def with_one_type_each(text: str, names: Sequence[Named], gazetteer: Gazetteer) -> list[Named]:
    """The same occurrences; each name has the type that its document votes for."""
    votes: dict[str, Votes] = {}
    for name in names:
        own = votes.setdefault(name.folded, {})
        for kind in (name.type, *_told_by_context(text, name, gazetteer)):
            own[kind] = own.get(kind, 0) + 1
    people, bodies = _surnames(names), _first_words_of_bodies(names)
    written = {name.folded: name.text for name in reversed(names)}
    types = {
        folded: _elect(
            folded,
            count,
            people,
            gazetteer.get(written[folded]),
            short_of_body=folded in bodies,
        )
        for folded, count in votes.items()
    }
    return _teams(text, [_typed(name, types[name.folded]) for name in names], gazetteer)


def _typed(name: Named, kind: EntityType) -> Named:
    return name if name.type == kind else name._replace(type=kind)


def _told_by_context(text: str, name: Named, gazetteer: Gazetteer) -> Sequence[EntityType]:
    """What stands around the name votes with what the model says."""
    if " " in name.text:
        return ("PERSON", "PERSON") if is_told_of(text, name.end) else ()
    if speaks(text, name.end) or courted(text, name.start):
        return ("PERSON",) if name.type == "PERSON" else ()
    if is_locative(text, name.start):
        place = gazetteer.get(name.text)
        if place is not None and place.type == "GPE":
            return ("GPE", "GPE")
    return ()


def _surnames(names: Sequence[Named]) -> Counter[str]:
    """How often a person of two or more names has this last name (by its spelling)."""
    tokens = (person_tokens(name.text) for name in names if name.type == "PERSON")
    return Counter(spelling(parts[-1]) for parts in tokens if len(parts) > 1)


def _elect(
    folded: str,
    count: Votes,
    people: Counter[str],
    place: Place | None,
    *,
    short_of_body: bool,
) -> EntityType:
    tally = dict(count)
    if place is not None and not _is_language(place, count):
        if place.certain or place.unmistakable:
            return place.type
        tally[place.type] = tally.get(place.type, 0) + place.votes
    bearers = people[spelling(folded)] if " " not in folded else 0
    if bearers and place is None:
        return "PERSON"  # "Carder" is Angela Carder, whatever the model makes of her
    if short_of_body and place is None:
        tally["ORG"] = tally.get("ORG", 0) + 2
    if bearers:
        # One more than they are, so that one "Xi Jinping" outvotes one product "Jinping".
        tally["PERSON"] = tally.get("PERSON", 0) + bearers + 1
    elected = max(tally, key=lambda kind: (tally[kind], -_RANK.index(kind)))
    return (None if place else type_by_head(folded.split(), elected)) or elected


def _first_words_of_bodies(names: Sequence[Named]) -> frozenset[str]:
    """``nordlys`` of "Nordlys ASA", ``halden`` of "Halden Ferries", unless generic."""
    words = (name.folded.split() for name in names if name.type == "ORG" and " " in name.text)
    return frozenset(parts[0] for parts in words if parts[0] not in GENERIC)


def _is_language(place: Place, count: Votes) -> bool:
    """Whether it is the language "Russian": the model never saw a people in the name."""
    return place.type == "NORP" and set(count) == {"LANGUAGE"}


def _teams(text: str, names: list[Named], gazetteer: Gazetteer) -> list[Named]:
    """Cities that play are clubs: "Chelsea beat Liverpool". Countries stay countries.

    "In Liverpool" stays the city, in the same article, too.
    """
    if not is_on_sport(text):
        return names
    people = surnames(names)
    playing = {
        name.folded
        for name in names
        if _may_be_a_club(name, people, gazetteer) and is_team(text, name.start, name.end)
    }
    players = playing if has_result(text) else ()
    return [_as_team(text, _as_player(name, players), playing, gazetteer) for name in names]


def _may_be_a_club(name: Named, people: Collection[str], gazetteer: Gazetteer) -> bool:
    if name.type not in {"GPE", "PERSON"} or gazetteer.is_country(name.text):
        return False
    is_city = gazetteer.get(name.text) is not None
    return name.type == "GPE" or (is_city and name.folded not in people)


def _as_player(name: Named, playing: Collection[str]) -> Named:
    """A "product" called like a person, in an article on a match of clubs."""
    is_player = playing and name.type == "PRODUCT" and _PLAYER.fullmatch(name.text)
    return retyped(name, "PERSON") if is_player else name


def _as_team(text: str, name: Named, playing: Collection[str], gazetteer: Gazetteer) -> Named:
    if name.folded in playing:
        return name if is_locative(text, name.start) else retyped(name, "ORG")
    if name.type == "GPE" and _CLUB.search(name.folded):
        return retyped(name, "ORG")
    if name.type == "PERSON" and gazetteer.is_country(name.text):
        return retyped(name, "GPE") if is_team(text, name.start, name.end) else name
    return name
