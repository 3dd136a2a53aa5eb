"""Which events a subscriber wants: by type, entity, topic, source and language.

One filter serves Server-Sent Events, webhooks and ``wiredesk tail``.  Within one
condition any value will do; every condition that is given must hold.

What a condition can be said of:

* ``wiredesk.article.enriched.v1``: all of them.
* ``wiredesk.article.filed.v1`` tells what became of an article, not what it is about:
  it passes only where nothing but types is asked for.
* ``wiredesk.entities.changed.v1`` is about entities: the condition on entities holds or
  doesn't, the others don't concern it.
* ``wiredesk.story.merged.v1`` is about no single article: no condition but the type
  concerns it.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, fields
from difflib import get_close_matches
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from schemas.events import DEAD, ENRICHED, ENTITIES_CHANGED, FILED, RECEIVED, STORY_MERGED
from services.media_topics import media_topics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from schemas.article import EnrichedArticle

OFFERED = (ENRICHED, FILED, STORY_MERGED, ENTITIES_CHANGED)
"""The types that subscribers may ask for, the usual one first."""

DEFAULT_TYPES = frozenset({ENRICHED.full_name})

MAX_VALUES = 100
"""Values of one condition: more than anybody types, and each costs time with every event."""

MAX_CHARS = 300
"""Characters of one value: the longest name of an entity that is kept has fewer."""

_QID = re.compile(r"q[1-9]\d*")
_BARE_TOPIC = re.compile(r"\d{8}")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_MARKS = re.compile(r"[\u0300-\u036f]")


class BadFilter(ValueError):  # noqa: N818  (named for what it is, like the store's BadQuery)
    """A filter that can't be made; the message says why, and what would do."""


@lru_cache(16_384)
def fold(name: str) -> str:
    """``name`` for comparing: case, accents, width and doubled spaces don't count."""
    if not name.isascii():
        plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
        name = _MARKS.sub("", plain)
    return " ".join(name.casefold().split())


def entity_key(entity: str) -> str:
    """An entity as a filter names it: folded, and a bare QID as the key that it has."""
    folded = fold(entity)
    return f"wd:{folded}" if _QID.fullmatch(folded) else folded


@dataclass(frozen=True, slots=True)
class Traits:
    """What filters look at in one event; made once, however many filters there are.

    All but ``type`` is folded.  ``entities``: keys and names.  ``topics``: codes and names.
    """

    type: str
    entities: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    source: str | None = None
    language: str | None = None


def traits_of(event: Mapping[str, Any]) -> Traits:
    """The traits of a CloudEvent as parsed from JSON. Never raises, whatever is in it."""
    kind, data = _text(event.get("type")), event.get("data")
    if not isinstance(data, dict):
        return Traits(kind)
    if kind == ENTITIES_CHANGED.full_name:
        keys = data.get("keys")
        named = [*(keys if isinstance(keys, list) else ()), data.get("into"), data.get("name")]
        return Traits(kind, entities=_folded(named))
    language = data.get("detected_language")
    return Traits(
        kind,
        entities=_folded(_each(data.get("entities"), "key", "name")),
        topics=_folded(_each(data.get("topics"), "code", "name")),
        source=fold(_text(data.get("provider"))) or None,
        language=fold(_text(language.get("code"))) if isinstance(language, dict) else None,
    )


def traits_of_article(article: EnrichedArticle) -> Traits:
    """The traits of an enriched article that was read already."""
    return Traits(
        ENRICHED.full_name,
        entities=_folded(name for each in article.entities for name in (each.key, each.name)),
        topics=_folded(name for each in article.topics for name in (each.code, each.name)),
        source=fold(article.provider or "") or None,
        language=fold(article.detected_language.code),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _folded(values: Iterable[object]) -> frozenset[str]:
    return frozenset(fold(value) for value in values if isinstance(value, str) and value)


def _each(items: object, *names: str) -> list[object]:
    """The values under ``names`` of every object in a list."""
    if not isinstance(items, list):
        return []
    return [item.get(name) for item in items if isinstance(item, dict) for name in names]


@dataclass(frozen=True)
class EventFilter:
    """Which events pass; an empty condition holds for all.

    ``types`` are full names.  ``entities`` are keys (``wd:Q184``), QIDs or names; ``topics``
    are codes or names, those below them included; ``sources`` are providers; ``languages`` are
    codes of ISO 639.  The values are taken as they are: :meth:`of` checks what people give.
    """

    types: frozenset[str] = DEFAULT_TYPES
    entities: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()

    @classmethod
    def of(cls, **given: Iterable[str]) -> EventFilter:
        """A filter from what people give, by the fields' names; :class:`BadFilter` says why not.

        Types may be given in short (``enriched``, ``filed``, ``merged``, ``changed``).
        """
        unknown = given.keys() - {field.name for field in fields(cls)}
        if unknown:
            raise BadFilter(f"no such condition: {', '.join(sorted(unknown))}")
        values = {name: _values(name, some) for name, some in given.items()}
        return cls(
            types=frozenset(map(_type, values.get("types", ()))) or DEFAULT_TYPES,
            entities=values.get("entities", ()),
            topics=tuple(map(_topic, values.get("topics", ()))),
            sources=values.get("sources", ()),
            languages=tuple(map(_language, values.get("languages", ()))),
        )

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> EventFilter:
        """What :meth:`as_document` wrote."""
        return cls(
            types=frozenset(document.get("types", ())) or DEFAULT_TYPES,
            entities=tuple(document.get("entities", ())),
            topics=tuple(document.get("topics", ())),
            sources=tuple(document.get("sources", ())),
            languages=tuple(document.get("languages", ())),
        )

    def as_document(self) -> dict[str, list[str]]:
        """The filter as JSON-ready data; conditions that are not given are left out."""
        named = {field.name: sorted(getattr(self, field.name)) for field in fields(self)}
        return {name: values for name, values in named.items() if values}

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether a CloudEvent, as parsed from JSON, passes. Never raises."""
        return self.passes(traits_of(event))

    def passes(self, traits: Traits) -> bool:
        """Whether an event with these traits passes."""
        if traits.type not in self.types:
            return False
        if traits.type == STORY_MERGED.full_name:
            return True
        if self.entities and self._keys.isdisjoint(traits.entities):
            return False
        return traits.type == ENTITIES_CHANGED.full_name or self._article_passes(traits)

    def _article_passes(self, traits: Traits) -> bool:
        return (
            (not self.topics or not self._codes.isdisjoint(traits.topics))
            and (not self.sources or traits.source in self._sources)
            and (not self.languages or traits.language in self.languages)
        )

    @cached_property
    def _keys(self) -> frozenset[str]:
        return frozenset(map(entity_key, self.entities))

    @cached_property
    def _codes(self) -> frozenset[str]:
        return _with_children(frozenset(map(fold, self.topics)))

    @cached_property
    def _sources(self) -> frozenset[str]:
        return frozenset(map(fold, self.sources))


@lru_cache(256)
def _with_children(wanted: frozenset[str]) -> frozenset[str]:
    """Folded codes and names, with the codes of all topics below them."""
    tree = media_topics()
    below = {
        fold(code)
        for code in tree
        if any(
            fold(up) in wanted or fold(tree.name(up) or "") in wanted for up in tree.lineage(code)
        )
    }
    return wanted | below


def _values(name: str, given: Iterable[str]) -> tuple[str, ...]:
    """What was given for one condition, each once, without white space around it."""
    values = tuple(dict.fromkeys(value.strip() for value in given))
    one = {"entities": "entity"}.get(name, name.removesuffix("s"))
    if not all(values):
        raise BadFilter(f"{one} is empty; leave it out, or say which")
    if len(values) > MAX_VALUES:
        raise BadFilter(f"{one} is given {len(values)} times; at most {MAX_VALUES}")
    if any(len(value) > MAX_CHARS for value in values):
        raise BadFilter(f"{one} is longer than {MAX_CHARS} characters")
    return values


def _type(given: str) -> str:
    """The full name of a type that is offered."""
    for event in OFFERED:
        if given in {event.full_name, event.name, f"{event.about}.{event.name}"}:
            return event.full_name
    offered = ", ".join(event.full_name for event in OFFERED)
    if given in {DEAD.full_name, DEAD.name}:
        raise BadFilter(
            "dead letters are for operators and aren't sent to subscribers: see `wiredesk status`; "
            f"there are {offered}"
        )
    if given in {RECEIVED.full_name, RECEIVED.name}:
        raise BadFilter(f"articles are sent when they are enriched; there are {offered}")
    raise BadFilter(f"unknown type {_quoted(given)}; there are {offered}")


def _topic(given: str) -> str:
    """A topic's code, or the name of one that is known; ``user:NAME`` is taken as it is."""
    tree, folded = media_topics(), fold(given)
    if folded.startswith("user:"):
        return folded
    code = f"medtop:{folded}" if _BARE_TOPIC.fullmatch(folded) else folded
    if tree.knows(code):
        return code
    names = {fold(tree.name(each) or ""): each for each in tree}
    if folded in names:
        return given
    close = get_close_matches(folded, names, 3)
    meant = f"; did you mean {' or '.join(map(_quoted, close))}?" if close else ""
    raise BadFilter(
        f"unknown topic {_quoted(given)}{meant} Give a code or a name of the IPTC Media Topics, "
        "or user:NAME for a topic of the desk's own"
    )


def _language(given: str) -> str:
    """The language of a tag such as ``en`` or ``en-GB``: articles are told apart by it only."""
    code = fold(given).replace("_", "-").split("-")[0]
    if not _LANGUAGE.fullmatch(code):
        raise BadFilter(f"language {_quoted(given)} is no code of ISO 639, e.g. en or de")
    return code


def _quoted(given: str) -> str:
    """What was given, short enough for a line."""
    return f"'{given[:60]}…'" if len(given) > 60 else f"'{given}'"  # noqa: PLR2004  (its reason is in the docstring)
