"""The official ninjs schemas, documents made from them, and documents damaged at random."""

from __future__ import annotations

import copy
import json
import re
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import jsonschema
from hypothesis import strategies as st
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from jsonschema.exceptions import ValidationError

Json = Any
Path_ = tuple[str | int, ...]
Wrap: TypeAlias = "Callable[[Json], Json]"
"""Puts a value into a document, at one place of it."""

SCHEMAS = Path(__file__).parent / "samples" / "ninjs_schemas"
VERSIONS = ("1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "2.0", "2.1", "2.2", "3.0", "3.1")

MAX_DEPTH = 4
"""Levels of associated items in a generated document: what holds for two holds for all."""

GEOJSON = "https://geojson.org/schema/GeoJSON.json"
"""The ninjs schemas refer to it; it isn't theirs, and here it stands for any object."""


@cache
def schema(version: str) -> dict[str, Json]:
    """The official schema of a version."""
    loaded: dict[str, Json] = json.loads((SCHEMAS / f"ninjs-schema_{version}.json").read_text())
    return loaded


@cache
def validator(version: str) -> jsonschema.protocols.Validator:
    """The official schema of a version, ready to be asked; it reaches nothing on the network."""
    contents = schema(version)
    geojson = Resource.from_contents({"type": "object"}, default_specification=DRAFT7)
    registry: Registry[Any] = Registry().with_resource(GEOJSON, geojson)
    return jsonschema.validators.validator_for(contents)(contents, registry=registry)


def verdict(version: str, document: Json) -> tuple[set[Path_], set[Path_]]:
    """The fields that the official schema refuses; and the places at which it is vague.

    There it says no more than that none of several alternatives fits.
    """
    fields: set[Path_] = set()
    vague: set[Path_] = set()
    for error in validator(version).iter_errors(document):
        path = tuple(error.absolute_path)
        if error.validator == "anyOf":
            vague.add(path)
        fields.update(_named(version, error, path))
    return fields, vague


def _named(version: str, error: ValidationError, path: Path_) -> Iterator[Path_]:
    if error.validator == "required":
        found = re.match("'([^']+)' is a required", error.message)
        assert found
        # Draft 3 states it at the property, which is then part of the path already.
        yield path if error.validator_value is True else (*path, found[1])
    elif error.validator in ("additionalProperties", "unevaluatedProperties"):
        known, patterns = _known(version, error.schema)
        instance: dict[str, Json] = dict(error.instance)  # type: ignore[arg-type]
        for key in instance:
            if key not in known and not any(re.search(p, key) for p in patterns):
                yield (*path, key)
    else:
        yield path


def _known(version: str, part: Any) -> tuple[set[str], set[str]]:
    known, patterns = set(part.get("properties", ())), set(part.get("patternProperties", ()))
    if part.get("$ref") == "#/$defs/ninjsType":
        known |= set(schema(version)["$defs"]["ninjsType"]["properties"])
    return known, patterns


# --- Documents of a schema -----------------------------------------------------------------


class Maker:
    """Makes documents that a schema accepts (nearly always), as a hypothesis strategy."""

    def __init__(self, version: str) -> None:
        self.root = schema(version)
        self.integral_floats = not version.startswith("1.") and version != "2.0"

    def documents(self) -> st.SearchStrategy[Json]:
        """Whole items."""
        return self.values(self.root, 0)

    def places(self) -> Iterator[tuple[str, Json]]:
        """For each place of the schema, values for it, each in a document that is otherwise valid.

        Among the values are all that the schema asks for and all that it excludes: types, bounds,
        words, keys that are missing, unknown or not together with others.
        """
        pending: list[tuple[str, Json, Wrap]] = [("", self.root, lambda value: value)]
        while pending:
            name, given, wrap = pending.pop()
            part = self._resolved(given)
            if part is None:
                continue
            for value in self._probes(part):
                yield name, wrap(value)
            if name.count("/") <= MAX_DEPTH and name.count("associations") <= 1:
                pending += list(self._below(name, part, wrap))

    def _below(self, name: str, part: Json, wrap: Wrap) -> Iterator[tuple[str, Json, Wrap]]:
        if "items" in part:
            yield f"{name}/0", part["items"], lambda value: wrap([value])
        least = self._least(part)
        named = dict(part.get("properties", {}))
        named |= {f"{_prefix(p)}x": inner for p, inner in part.get("patternProperties", {}).items()}
        for key, inner in named.items():
            others = {other for group in _alternatives(part) if key in group for other in group}
            around = {k: v for k, v in least.items() if k not in others}
            yield f"{name}/{key}", inner, _within(wrap, around, key)

    def _least(self, part: Json) -> dict[str, Json]:
        """The least object that ``part`` accepts."""
        required = part.get("required", [])
        keys = set(required) if isinstance(required, list) else set()
        keys |= {k for k, v in part.get("properties", {}).items() if v.get("required") is True}
        keys |= {min(group) for group in _alternatives(part)}
        return {key: self._some(part["properties"][key]) for key in sorted(keys)}

    def _some(self, given: Json) -> Json:
        part = self._resolved(given) or {"type": "object"}
        if part.get("type") == "object":
            return self._least(part)
        return "2024" if "pattern" in part else "x"

    def _probes(self, part: Json) -> Iterator[Json]:
        yield from (None, True, 0, 1, -1, 10, 101, 1.5, 2.0, "", "x", "2024-02", [], [1], {})
        yield from part.get("enum", ())
        for version in VERSIONS if "enum" in part else ():
            yield from _kinds(version)
        if part.get("type", "object") == "object":
            yield from self._objects_about(part)

    def _objects_about(self, part: Json) -> Iterator[Json]:
        least = self._least(part)
        yield least
        for key in least:
            yield {k: v for k, v in least.items() if k != key}
        for key in KEYS:
            yield {**least, key: "x"}
        together = sorted({key for group in _alternatives(part) for key in group})
        for count in range(len(together) + 1):
            for keys in combinations(together, count):
                others = {k: v for k, v in least.items() if k not in together}
                yield {**others, **{key: self._some(part["properties"][key]) for key in keys}}

    def values(self, part: Json, depth: int) -> st.SearchStrategy[Json]:
        """Values of the schema's ``part``."""
        part = self._resolved(part)
        if part is None:
            return st.just({"type": "Point"})
        if "enum" in part:
            return st.sampled_from(part["enum"])
        if "pattern" in part:
            return st.sampled_from(["2024", "2024-02", "2024-02-29T10:00:00Z", "-12024-01-31"])
        return self._typed(part, depth)

    def _resolved(self, part: Json) -> Json:
        merged = dict(part)
        while reference := merged.pop("$ref", None):
            if reference.startswith("https://geojson.org"):
                return None
            target = self.root
            for step in reference.partition("#")[2].strip("/").split("/"):
                target = target[step] if step else target
            properties = {**target.get("properties", {}), **merged.get("properties", {})}
            merged = {**target, **{k: v for k, v in merged.items() if k != "type"}}
            if target is self.root and "$ref" in target:
                merged["$ref"] = target["$ref"]
            merged["properties"] = properties
        return merged

    def _typed(self, part: Json, depth: int) -> st.SearchStrategy[Json]:
        kind = part.get("type", "object")
        if kind == "string":
            return st.text(max_size=6) | st.sampled_from(["2024-02-04T09:30:00Z", "x", "a:b"])
        if kind in ("number", "integer"):
            low, high = part.get("minimum", -5), part.get("maximum", 10**6)
            whole = st.integers(low, high)
            if kind == "number":
                return whole | st.floats(low, high)
            return whole | whole.map(float) if self.integral_floats else whole
        if kind == "array":
            items = part.get("items", {"type": "string"})
            return st.lists(self.values(items, depth + 1), max_size=2)
        return self._objects(part, depth)

    def _objects(self, part: Json, depth: int) -> st.SearchStrategy[Json]:
        return _objects(self, _Part(part), depth)


class _Part:
    """A part of a schema that hypothesis doesn't print: it would be fifty kilobytes."""

    def __init__(self, schema: dict[str, Json]) -> None:
        self.schema = schema


@st.composite
def _objects(draw: st.DrawFn, maker: Maker, opaque: _Part, depth: int) -> Json:
    part = opaque.schema
    properties = dict(part.get("properties", {}))
    if depth > MAX_DEPTH:
        properties.pop("associations", None)
    chosen = _required(draw, part)
    if properties:
        more = min(5, len(properties))
        chosen |= set(draw(st.lists(st.sampled_from(sorted(properties)), max_size=more)))
    for group in _alternatives(part):
        if len(chosen & group) > 1:
            chosen -= group - {min(group & chosen)}
    made = {key: draw(maker.values(properties[key], depth + 1)) for key in sorted(chosen)}
    if depth <= MAX_DEPTH:
        for pattern, inner in part.get("patternProperties", {}).items():
            for key in draw(st.lists(_matching(pattern), max_size=1)):
                made[key] = draw(maker.values(inner, depth + 1))
    return made


def _required(draw: st.DrawFn, part: Json) -> set[str]:
    stated = part.get("required", [])
    chosen = set(stated) if isinstance(stated, list) else set()
    chosen |= {
        key for key, inner in part.get("properties", {}).items() if inner.get("required") is True
    }
    for group in _alternatives(part):
        chosen.add(draw(st.sampled_from(sorted(group))))
    return chosen


def _alternatives(part: Json) -> list[set[str]]:
    groups = [part["oneOf"]] if "oneOf" in part else []
    groups += [inner["oneOf"] for inner in part.get("anyOf", ()) if "oneOf" in inner]
    return [{key for option in group for key in option["required"]} for group in groups]


def _within(wrap: Wrap, least: dict[str, Json], key: str) -> Wrap:
    return lambda value: wrap({**least, key: value})


def _kinds(version: str) -> list[str]:
    """The types that items of a version may have."""
    root = schema(version)
    kinds = root.get("$defs", {}).get("newsObjectType") or root.get("properties", {}).get("type")
    return list((kinds or {}).get("enum", ()))


def _prefix(pattern: str) -> str:
    """How the names start that a pattern of the schemas matches."""
    return pattern.partition("[")[0].removeprefix("^")


def _matching(pattern: str) -> st.SearchStrategy[str]:
    prefix = _prefix(pattern)
    endings = ["main", "xhtml", "text", "A1-ü"] + (["_x"] if "_]" in pattern else [])
    return st.sampled_from([prefix + ending for ending in endings])


# --- Damage --------------------------------------------------------------------------------

JUNK: st.SearchStrategy[Json] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 200),
    st.floats(allow_nan=False, allow_infinity=False, width=16),
    st.text(max_size=4),
    st.sampled_from(["canceled", "composite", "component", "planning", "full", "complete", "2024"]),
    st.sampled_from(["[]", "{}", "[{}]", "[null]", '{"name": "x"}', '[{"name": "x"}]']).map(
        json.loads
    ),
)

KEYS = (
    *("uri", "headline", "headline_x", "body_", "body_x", "_", "", "urgency", "$standard", "name"),
    *("standard", "geometry_x", "versioncreated", "versionCreated", "pubstatus", "pubStatus"),
    *("value", "address", "role", "rel", "contactinfo", "contactInfo", "relevance", "expires"),
    *("associations", "renditions", "rightsinfo", "rightsInfo", "linkedrights", "encodedRights"),
    *("digitalsourcetype", "digitalSourceType", "ticker", "symbol", "startDate", "endDate"),
)


@st.composite
def damaged(draw: st.DrawFn, documents: st.SearchStrategy[Json]) -> Json:
    """A document with up to three values replaced, taken out, put in or renamed."""
    document = copy.deepcopy(draw(documents))
    for _ in range(draw(st.integers(1, 3))):
        places = list(_containers(document))
        if not places:
            return draw(JUNK)
        _damage(draw, draw(st.sampled_from(places)))
    return document


def _containers(value: Json) -> Iterator[Json]:
    pending = [value]
    while pending:
        here = pending.pop()
        if isinstance(here, dict | list):
            yield here
            pending.extend(here.values() if isinstance(here, dict) else here)


def _damage(draw: st.DrawFn, place: Json) -> None:
    keys: Sequence[Any] = sorted(place) if isinstance(place, dict) else range(len(place))
    action = draw(st.sampled_from(["put", "replace", "replace", "remove"]))
    if action == "put" or not keys:
        if isinstance(place, list):
            place.append(draw(JUNK))
        else:
            place[draw(st.sampled_from(KEYS))] = draw(JUNK)
    elif action == "replace":
        place[draw(st.sampled_from(keys))] = draw(JUNK)
    else:
        del place[draw(st.sampled_from(keys))]
