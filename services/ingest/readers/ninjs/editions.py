"""Which version of ninjs a document is, and whether it is ninjs at all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from services.ingest.readers.ninjs.v1 import Ninjs1
from services.ingest.readers.ninjs.v2 import Ninjs2
from services.ingest.readers.ninjs.v3 import Ninjs3

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MEDIA_TYPE: Final = "application/vnd.iptc.ninjs"

Model = type[Ninjs1] | type[Ninjs2] | type[Ninjs3]
MODELS: Final[dict[int, Model]] = {1: Ninjs1, 2: Ninjs2, 3: Ninjs3}

_VERSION: Final = re.compile(r"\s*(\d{1,3})\.(\d{1,3})(?:\.\d+)?\s*")
_SCHEMA: Final = re.compile(r"ninjs-schema_(\d{1,3})\.(\d{1,3})")

_WEAK: Final = frozenset({
    "uri", "type", "version", "language", "headline", "byline", "by", "title", "located",
    "urgency", "subject", "subjects", "people", "places", "slugline", "genre", "name", "profile",
    "mimetype", "organisations", "events", "objects", "person", "place", "organisation", "event",
    "object", "expires", "standard", "wordcount", "rel",
})  # fmt: skip
"""Keys that other JSON has, too; the others (``pubstatus``, ``body_xhtml``) are ninjs's own."""


@dataclass(frozen=True, slots=True)
class Edition:
    """The version of a document: what it says of itself, and what it is held against.

    ``minor`` is None where only the major version can be told; ``known_minor`` is the newest
    schema that isn't newer than the document.
    """

    major: int
    minor: int | None
    warning: str | None = None

    @property
    def model(self) -> Model:
        """The model of the major version."""
        return MODELS[self.major]

    @property
    def known_minor(self) -> int:
        """The minor version of the schema that the document is held against."""
        newest = self.model.newest
        return newest if self.minor is None else min(self.minor, newest)

    @property
    def media_type(self) -> str:
        """What the receipt calls it, e.g. ``application/vnd.iptc.ninjs 2.1``."""
        return f"{MEDIA_TYPE} {self.major}.{'x' if self.minor is None else self.minor}"


def edition_of(document: Mapping[str, Any]) -> Edition:
    """The version that ``document`` states, else the one whose fields it has."""
    stated = _stated(document)
    if stated is None:
        return _by_fields(document, "the version isn't stated")
    major, minor = stated
    if major not in MODELS:
        return _by_fields(document, f"ninjs {major}.{minor} is no version that is known")
    newest = MODELS[major].newest
    if minor > newest:
        warning = f"ninjs {major}.{minor} is newer than what is known: checked as {major}.{newest}"
        return Edition(major, minor, warning)
    return Edition(major, minor)


def _stated(document: Mapping[str, Any]) -> tuple[int, int] | None:
    for text, pattern in _statements(document):
        found = pattern.search(text[:200]) if pattern is _SCHEMA else pattern.fullmatch(text[:20])
        if found:
            return int(found[1]), int(found[2])
    return None


def _statements(document: Mapping[str, Any]) -> Iterable[tuple[str, re.Pattern[str]]]:
    """Where a document may say its version, the plainest first."""
    for key in ("standard", "$standard"):
        standard = document.get(key)
        if isinstance(standard, dict):
            version = standard.get("version")
            if isinstance(version, int | float) and not isinstance(version, bool):
                version = str(version)
            if isinstance(version, str):
                yield version, _VERSION
            if isinstance(standard.get("schema"), str):
                yield standard["schema"], _SCHEMA
    if isinstance(document.get("$schema"), str):
        yield document["$schema"], _SCHEMA


def _by_fields(document: Mapping[str, Any], why: str) -> Edition:
    scores = {major: _score(model, document) for major, model in MODELS.items()}
    best = max(scores.values())
    # An item that any of them could be is most likely one of the version that most are in.
    fitting = [major for major in (1, 2, 3) if scores[major] == best]
    also = f" (or {', '.join(f'{major}.x' for major in fitting[1:])})" if fitting[1:] else ""
    warning = f"{why}: read as ninjs {fitting[0]}.x{also}, by the names of its fields"
    return Edition(fitting[0], None, warning)


def _score(model: Model, document: Mapping[str, Any]) -> int:
    score = 0
    for key, value in document.items():
        score += 4 * model.knows(key)
        # Nested names tell 2.x ("contenttype") from 3.x ("contentType").
        for each in value[:3] if isinstance(value, list) and model.knows(key) else ():
            if isinstance(each, dict) and model is not Ninjs1:
                score += ("contentType" if model is Ninjs3 else "contenttype") in each
    return score


def looks_like(document: object) -> bool:
    """Whether a JSON value is a ninjs item, going by the names of its fields."""
    if not isinstance(document, dict):
        return False
    for key in ("standard", "$standard"):
        standard = document.get(key)
        if isinstance(standard, dict) and "ninjs" in str(standard.get("name")).casefold():
            return True
    return _stated(document) is not None or names_fit(document)


def names_fit(keys: Iterable[str]) -> bool:
    """Whether ``keys`` (or those that are seen of a longer object) are a ninjs item's.

    It has a ``uri`` and a key that only ninjs has, or two of those, and most of its keys are known.
    """
    names = frozenset(keys)
    known = {key for key in names if any(model.knows(key) for model in MODELS.values())}
    own = len(known - _WEAK)
    return own >= (1 if "uri" in names else 2) and len(known) * 2 >= len(names)
