"""Groups of mentions become entities: key, canonical name, link, relations, scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.annotations import Relation
from schemas.article import Entity
from services.enrichment.annotators.confidence import Signs, confidence
from services.enrichment.annotators.names import fold, person_tokens, spelling
from services.enrichment.annotators.salience import salience
from services.enrichment.linking import Cluster, link, person_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schemas.article import EntityType
    from services.enrichment.annotators.gazetteer import Gazetteer
    from services.enrichment.annotators.mentions import Named
    from services.enrichment.annotators.salience import Layout
    from services.enrichment.linking import Candidate, Knowledge, Link

LINK_DIGITS = 3


@dataclass(slots=True)
class _Draft:
    """An entity in the making."""

    key: str
    name: str
    type: EntityType
    link: Link | None
    named: list[Named]


def entities_of(
    groups: Sequence[Sequence[Named]], gazetteer: Gazetteer, where: Layout, document: str
) -> tuple[Entity, ...]:
    """The entities, by first mention; groups that turn out to be one are one.

    ``document`` is a short name of the article that the keys of people known by one
    name only carry.
    """
    clusters = [_cluster(group, gazetteer, where) for group in groups]
    links = _sure(clusters, link(clusters, gazetteer.knowledge))
    drafts: dict[str, _Draft] = {}
    for group, known, found in zip(groups, clusters, links, strict=True):
        made = _draft(group, known, found, document)
        drafts.setdefault(
            made.key, _Draft(made.key, made.name, made.type, made.link, [])
        ).named += made.named
    for each in drafts.values():
        each.named.sort(key=lambda name: name.start)
    most = max((_told(each.named, where) for each in drafts.values()), default=0)
    ordered = sorted(drafts.values(), key=lambda each: each.named[0].start)
    return tuple(_entity(each, gazetteer, where, most) for each in ordered)


def _sure(clusters: Sequence[Cluster], links: Sequence[Link | None]) -> list[Link | None]:
    """No link for a bare surname that people of this document bear: it was joined to none."""
    tokens = [person_tokens(each.names[0]) if each.type == "PERSON" else () for each in clusters]
    borne = {spelling(each[-1]) for each in tokens if len(each) > 1}
    return [
        None if len(mine) == 1 and spelling(mine[0]) in borne else found
        for mine, found in zip(tokens, links, strict=True)
    ]


def _told(named: Iterable[Named], where: Layout) -> int:
    return len(where.told([name.start for name in named]))


def _cluster(group: Sequence[Named], gazetteer: Gazetteer, where: Layout) -> Cluster:
    kind = group[0].type
    names = _by_fullness(group, is_person=kind == "PERSON")
    place = gazetteer.get(names[0])
    if place is not None and place.type == kind and place.certain and place.name not in names:
        names.insert(0, place.name)
    lead = any(where.in_title(name.start) or where.in_lead(name.start) for name in group)
    return Cluster(type=kind, names=tuple(names), count=len(group), lead=lead)


def _by_fullness(group: Sequence[Named], *, is_person: bool) -> list[str]:
    """The distinct names, the fullest first.

    Of equally full ones the one in mixed case, then the most frequent, then the first.
    """
    counts: dict[str, int] = {}
    for name in group:
        spaced = " ".join(name.text.split())
        counts[spaced] = counts.get(spaced, 0) + 1
    if len(counts) == 1:
        return list(counts)
    return sorted(
        counts,
        key=lambda name: (
            -(len(person_tokens(name)) if is_person else len(name.split())),
            name.isupper() and " " in name,
            -counts[name],
        ),
    )


def _draft(group: Sequence[Named], known: Cluster, found: Link | None, document: str) -> _Draft:
    if found is not None:
        candidate = found.candidate
        return _Draft(candidate.key, candidate.name, candidate.type, found, list(group))
    key = key_of(known.type, known.names[0], document)
    return _Draft(key, known.names[0], known.type, None, list(group))


def key_of(kind: EntityType, name: str, document: str) -> str:
    """The key of an entity that isn't linked: type and name, the same in every document.

    A person known by one name only is somebody of this document: ``person:price~1a2b3c``
    never meets the Price of another one, nor ``person:ned price``.
    """
    if kind != "PERSON":
        return f"{kind.lower()}:{fold(name)}"
    key = person_key(name) or fold(name)
    return f"person:{key}" if " " in key or not document else f"person:{key}~{document}"


def _entity(made: _Draft, gazetteer: Gazetteer, where: Layout, most: int) -> Entity:
    candidate = made.link.candidate if made.link else None
    named = made.named
    # Checked all at once: a call for each of hundreds of mentions would take twice the time.
    return Entity.model_validate(
        {
            "key": made.key,
            "name": made.name,
            "type": made.type,
            "mentions": [{"start": n.start, "end": n.end, "text": n.text} for n in named],
            "count": len(named),
            "salience": salience(made.type, [name.start for name in named], most, where),
            "confidence": confidence(_signs(made, gazetteer)),
            "wikidata": candidate.wikidata if candidate else None,
            "geonames": candidate.geonames if candidate else None,
            "iso_country": candidate.iso_country
            if candidate and candidate.kind == "country"
            else None,
            "link_confidence": round(made.link.confidence, LINK_DIGITS) if made.link else None,
            "relations": _relations(candidate, gazetteer.knowledge) if candidate else (),
        }
    )


def _signs(made: _Draft, gazetteer: Gazetteer) -> Signs:
    seen = [name.seen for name in made.named if name.seen is not None]
    place = gazetteer.get(made.named[0].text)
    return Signs(
        type=made.type,
        agreement=seen.count(made.type) / len(seen) if seen else 0.5,
        seen=len(seen),
        several_words=any(" " in name.text for name in made.named),
        known=place is not None and place.type == made.type,
        linked=made.link is not None,
    )


def _relations(candidate: Candidate, knowledge: Knowledge) -> tuple[Relation, ...]:
    """What a people, a capital, a city or a region has to do with its country."""
    kinds = {
        "demonym": "demonym_of",
        "capital": "capital_of",
        "city": "part_of",
        "region": "part_of",
    }
    kind = kinds.get(candidate.kind)
    country = knowledge.get(candidate.country) if kind and candidate.country else None
    if kind is None or country is None or country.key == candidate.key:
        return ()
    return (Relation(kind=kind, key=country.key, name=country.name),)
