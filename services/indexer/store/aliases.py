"""What merged entities mean for an article, and which merges make sense; for every store.

An entity whose key was merged is shown under the key that holds now, with that
one's name, type and links.  Where several entities of one article have become one:

* it stands where the first of them stood; mentions are united, in the order of the text;
* ``count`` is the sum (of the mentions, where an entity has no count), less the mentions
  that were counted twice;
* salience and confidence are the highest: together they are no less than the best part;
* links are those of the key that holds, else of the part that has some; relations are
  united, those to itself left out;
* a link that an operator made is sure (``link_confidence`` 1), unless the entity was
  linked by enrichment under this very key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from schemas.article import EntityType
from services.indexer.store.entities import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from schemas.annotations import Quote, Relation
    from schemas.article import EnrichedArticle, Entity, Mention

_QID = re.compile(r"[Qq][1-9]\d*", re.ASCII)
_WIKIDATA = "wd:"


@dataclass(frozen=True, slots=True)
class Target:
    """An entity that others were merged into, as articles show it; None: nobody has told."""

    key: str
    name: str | None = None
    type: str | None = None
    wikidata: str | None = None
    geonames: str | None = None
    iso_country: str | None = None


def full_key(given: str) -> str:
    """A key as typed: ``q184`` is ``wd:Q184``; others stay, but for spaces around them."""
    key = given.strip()
    bare = key[len(_WIKIDATA) :] if key[: len(_WIKIDATA)].lower() == _WIKIDATA else key
    return _WIKIDATA + bare.upper() if _QID.fullmatch(bare) else key


def linked(key: str) -> Target:
    """What a key itself says: its Wikidata or GeoNames id, else its type."""
    scheme, _, rest = key.partition(":")
    if scheme == "wd" and _QID.fullmatch(rest):
        return Target(key, wikidata=rest)
    if scheme == "gn" and rest.isascii() and rest.isdigit():
        return Target(key, geonames=rest)
    kind = scheme.upper()
    return Target(key, type=kind if kind in get_args(EntityType) else None)


def check_key(key: str) -> None:
    """Raise :class:`Refused` for what can be no entity's key."""
    if not key:
        raise Refused("an empty key names no entity")
    if "\0" in key:
        # Databases and command lines take it for the end of a text.
        raise Refused("a key with a NUL in it can't be merged")


def check_merge(key: str, into: str, root_of: Callable[[str], str]) -> bool:
    """Whether merging ``key`` into ``into`` changes anything; raises :class:`Refused`.

    ``root_of`` gives the end of a key's chain: itself where it isn't merged.
    """
    if key == into:
        raise Refused(f"'{key}' can't be merged into itself")
    held, end = root_of(key), root_of(into)
    if held != key:
        if held == end:
            return False
        raise Refused(
            f"'{key}' is part of '{held}' already; split '{key}' first, or merge '{held}'"
        )
    if end == key:
        raise Refused(f"'{into}' is part of '{key}' already; split '{into}' first")
    return True


def check_types(key: str, found: str | None, into: str, wanted: str | None) -> None:
    """Raise :class:`Refused` where both types are known and differ."""
    if found is not None and wanted is not None and found != wanted:
        raise Refused(f"'{key}' is of type {found}, '{into}' of type {wanted}; --force merges them")


def unknown(key: str, alike: Sequence[str]) -> Refused:
    """The refusal of a key that no article has; ``alike``: keys that may be meant."""
    meant = "; did you mean " + " or ".join(f"'{each}'" for each in alike) + "?" if alike else ""
    return Refused(f"no article has the entity key '{key}'{meant} (--force takes it all the same)")


def keys_in(article: EnrichedArticle) -> list[str]:
    """Every entity key that ``article`` shows, each once."""
    keys: dict[str, None] = {}
    for entity in article.entities:
        keys[entity.key] = None
        keys |= dict.fromkeys(relation.key for relation in entity.relations)
    keys |= {quote.speaker: None for quote in article.quotes if quote.speaker is not None}
    return list(keys)


def rekeyed(article: EnrichedArticle, holds: Mapping[str, Target]) -> EnrichedArticle:
    """``article`` with the keys that hold now; ``holds``: what merged keys mean."""
    if not holds:
        return article
    targets = {target.key: target for target in holds.values()}
    entities = tuple(
        _plain(parts[0], holds)
        if target is None or [part.key for part in parts] == [target.key]
        else _joined(target, parts, holds)
        for target, parts in _grouped(article.entities, holds, targets)
    )
    quotes = tuple(_quote(quote, holds) for quote in article.quotes)
    return article.model_copy(update={"entities": entities, "quotes": quotes})


def _grouped(
    entities: Sequence[Entity], holds: Mapping[str, Target], targets: Mapping[str, Target]
) -> list[tuple[Target | None, list[Entity]]]:
    """``entities`` that are one now, side by side where the first of them stood.

    What no merge is about stays by itself, whatever its key is.
    """
    groups: list[tuple[Target | None, list[Entity]]] = []
    places: dict[str, list[Entity]] = {}
    for entity in entities:
        target = holds.get(entity.key) or targets.get(entity.key)
        if target is not None and target.key in places:
            places[target.key].append(entity)
            continue
        groups.append((target, [entity]))
        if target is not None:
            places[target.key] = groups[-1][1]
    return groups


def _plain(entity: Entity, holds: Mapping[str, Target]) -> Entity:
    if all(relation.key not in holds for relation in entity.relations):
        return entity
    return entity.model_copy(update={"relations": _relations(entity.key, [entity], holds)})


def _joined(target: Target, parts: Sequence[Entity], holds: Mapping[str, Target]) -> Entity:
    """The one entity that ``parts`` of an article are."""
    key = target.key
    # What enrichment said under the key itself counts before what it said of the others.
    ordered = sorted(parts, key=lambda part: part.key != key)
    mentions = _mentions(parts)
    update: dict[str, Any] = {
        "key": key,
        "name": target.name or ordered[0].name,
        "type": target.type or ordered[0].type,
        "mentions": mentions,
        "count": _count(parts, len(mentions)),
        "salience": _highest(part.salience for part in parts),
        "confidence": _highest(part.confidence for part in parts),
        "relations": _relations(key, ordered, holds),
    }
    for field in ("wikidata", "geonames", "iso_country"):
        update[field] = getattr(target, field) or _told(ordered, field)
    update["link_confidence"] = _link_confidence(key, ordered, update)
    for field in ("date", "money"):
        update[field] = _told(ordered, field)
    return ordered[0].model_copy(update=update)


def _told(parts: Iterable[Entity], field: str) -> Any:
    """What the first part that says something has in ``field``."""
    return next((value for p in parts if (value := getattr(p, field)) is not None), None)


def _highest(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _mentions(parts: Sequence[Entity]) -> tuple[Mention, ...]:
    every = {(m.start, m.end, m.text): m for part in parts for m in part.mentions}
    return tuple(every[place] for place in sorted(every))


def _count(parts: Sequence[Entity], mentions: int) -> int | None:
    """How often they are named in all; None where no part says more than its mentions."""
    if all(part.count is None for part in parts):
        return None
    listed = sum(len(part.mentions) for part in parts)
    named = sum(part.count or len(part.mentions) for part in parts)
    return max(1, mentions, named - (listed - mentions))


def _link_confidence(key: str, ordered: Sequence[Entity], links: Mapping[str, Any]) -> float | None:
    if ordered[0].key == key and ordered[0].link_confidence is not None:
        return ordered[0].link_confidence
    return 1.0 if links["wikidata"] or links["geonames"] else None


def _relations(
    key: str, parts: Sequence[Entity], holds: Mapping[str, Target]
) -> tuple[Relation, ...]:
    found: dict[tuple[str, str], Relation] = {}
    for relation in (relation for part in parts for relation in part.relations):
        target = holds.get(relation.key)
        shown = relation
        if target is not None:
            update = {"key": target.key, "name": target.name or relation.name}
            shown = relation.model_copy(update=update)
        if shown.key != key:
            found.setdefault((shown.kind, shown.key), shown)
    return tuple(found.values())


def _quote(quote: Quote, holds: Mapping[str, Target]) -> Quote:
    target = None if quote.speaker is None else holds.get(quote.speaker)
    if target is None:
        return quote
    update = {"speaker": target.key, "speaker_name": target.name or quote.speaker_name}
    return quote.model_copy(update=update)
