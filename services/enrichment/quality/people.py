"""Whether mentions of one person get one key: B³ over mentions that annotators marked.

The mentions are given (their text and place are the set's), so this measures joining
and linking, not finding.  Compared is the usual baseline: equal strings are one person.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from services.enrichment.annotators.entities import resolve
from services.enrichment.annotators.recogniser import Found
from services.enrichment.quality.evalsets import Marked
from services.enrichment.quality.metrics import b_cubed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from services.enrichment.annotators.gazetteer import Gazetteer
    from services.enrichment.quality.metrics import Clustering


@dataclass(frozen=True, slots=True)
class PeopleMeasured:
    """B³ of our keys and of equal strings."""

    ours: Clustering
    strings: Clustering


def measure(documents: Sequence[Marked], gazetteer: Gazetteer) -> PeopleMeasured:
    """All people of the documents, across documents."""
    ours: list[tuple[str, str]] = []
    strings: list[tuple[str, str]] = []
    for number, document in enumerate(documents):
        keys = _keys(document, gazetteer, f"document{number}")
        for (start, end, _), who in zip(document.spans, document.entities, strict=True):
            if who is not None:
                ours.append((who, keys.get((start, end), f"missed {number} {start}")))
                strings.append((who, document.text[start:end]))
    return PeopleMeasured(b_cubed(ours), b_cubed(strings))


def _keys(document: Marked, gazetteer: Gazetteer, name: str) -> dict[tuple[int, int], str]:
    """The key of each marked span: of the entity with a mention inside of it."""
    found = [Found(start, end, label) for start, end, label in sorted(document.spans)]
    entities = resolve(document.text, found, gazetteer, document=name)
    mentions = [(m.start, m.end, entity.key) for entity in entities for m in entity.mentions]
    return {
        (start, end): key
        for start, end, _ in document.spans
        for first, last, key in mentions
        if start <= first and last <= end
    }


def golden(folder: Path) -> list[Marked]:
    """The people of articles of our own writing: ``NAME.txt`` and ``NAME.gold.yaml``.

    A surface is taken where it stands in the text exactly as often as the marking says,
    longer ones first; so "Price" is not looked for inside of "Ned Price".
    """
    return [
        _golden(path.read_text("utf-8"), yaml.safe_load(path.with_suffix(".gold.yaml").read_text()))
        for path in sorted(folder.glob("*.txt"))
    ]


def _golden(text: str, gold: dict[str, Any]) -> Marked:
    wanted: Counter[tuple[str, str]] = Counter()
    for entity in gold.get("entities", ()):
        if entity["type"] == "PERSON":
            who = entity.get("key") or entity["name"]
            for surface, times in entity["mentions"].items():
                wanted[surface, who] += times
    spans: list[tuple[int, int, str, str]] = []
    for (surface, who), times in sorted(wanted.items(), key=lambda item: -len(item[0][0])):
        places = _places(text, surface, [span[:2] for span in spans])
        if len(places) == times:
            spans += [(start, start + len(surface), "PERSON", who) for start in places]
    spans.sort()
    marks = tuple((start, end, label) for start, end, label, _ in spans)
    return Marked(text, marks, tuple(who for *_, who in spans))


def _places(text: str, surface: str, taken: Sequence[tuple[int, int]]) -> list[int]:
    found, start = [], text.find(surface)
    while start >= 0:
        end = start + len(surface)
        beside = text[start - 1 : start] + text[end : end + 1]
        free = not any(first < end and start < last for first, last in taken)
        if free and not any(char.isalnum() for char in beside):
            found.append(start)
        start = text.find(surface, end)
    return found
