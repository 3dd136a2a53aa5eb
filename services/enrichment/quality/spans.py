"""How well names are found: WikiGold and WNUT-17, step by step of the rules.

The sets have their own types. WikiGold: PERSON is PER, ORG is ORG, and GPE, LOC and
FAC are LOC; its MISC (and our peoples, works, events, products) count for nothing on
either side.  WNUT-17: PERSON is person, ORG is corporation or group (which are one
here), GPE, LOC and FAC are location, PRODUCT is product, WORK_OF_ART is creative-work.
A name is right when its start, its end and its type are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.enrichment.annotators.entities import mentions_of, resolve
from services.enrichment.annotators.gazetteer import Gazetteer
from services.enrichment.annotators.mentions import clean, plain_words, without_noise
from services.enrichment.annotators.votes import with_one_type_each
from services.enrichment.quality.metrics import add, compare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from services.enrichment.annotators.mentions import Named
    from services.enrichment.annotators.recogniser import Found, Recogniser
    from services.enrichment.linking import Candidate
    from services.enrichment.quality.evalsets import Marked
    from services.enrichment.quality.metrics import Counts, Span

WIKIGOLD = {"PERSON": "PER", "ORG": "ORG", "GPE": "LOC", "LOC": "LOC", "FAC": "LOC"}
WNUT17 = {
    "PERSON": "person",
    "ORG": "body",
    "GPE": "location",
    "LOC": "location",
    "FAC": "location",
    "PRODUCT": "product",
    "WORK_OF_ART": "creative-work",
}
GOLD_NAMES = {"corporation": "body", "group": "body"}
NOT_COUNTED = frozenset({"MISC"})


class _Nothing:
    """A table without a row, to see what the table does."""

    version = "none"

    def candidates(self, _name: str) -> Sequence[Candidate]:
        return ()

    def refresh(self) -> bool:
        return False


WITHOUT_TABLE = Gazetteer(_Nothing())  # type: ignore[arg-type]  # all of Knowledge that is asked for here


def _raw(_text: str, found: Sequence[Found], _gazetteer: Gazetteer) -> list[Span]:
    return [(item.start, item.end, item.label) for item in found]


def _cleaned(text: str, found: Sequence[Found], _gazetteer: Gazetteer) -> list[Span]:
    return _spans(clean(text, found, WITHOUT_TABLE))


def _voted(text: str, found: Sequence[Found], _gazetteer: Gazetteer) -> list[Span]:
    return _typed(text, found, WITHOUT_TABLE)


def _typed(text: str, found: Sequence[Found], gazetteer: Gazetteer) -> list[Span]:
    names = with_one_type_each(text, clean(text, found, gazetteer), gazetteer)
    return _spans(without_noise(text, names, gazetteer, plain_words(text)))


def _marked(text: str, found: Sequence[Found], gazetteer: Gazetteer) -> list[Span]:
    names, _ = mentions_of(text, found, gazetteer)
    return _spans(names)


def _whole(text: str, found: Sequence[Found], gazetteer: Gazetteer) -> list[Span]:
    entities = resolve(text, found, gazetteer)
    return [(m.start, m.end, entity.type) for entity in entities for m in entity.mentions]


def _spans(names: Iterable[Named]) -> list[Span]:
    return [(name.start, name.end, name.type) for name in names]


STEPS: dict[str, Callable[[str, Sequence[Found], Gazetteer], list[Span]]] = {
    "model alone": _raw,
    "+ cleaning": _cleaned,
    "+ votes in the document": _voted,
    "+ knowledge table": _typed,
    "+ propagation, acronyms, look-up": _marked,
    "+ joining and linking (all)": _whole,
}
"""The rules, each with those before it."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Counts by type after one step."""

    step: str
    counts: Mapping[str, Counts]


def measure(
    documents: Sequence[Marked],
    recogniser: Recogniser,
    gazetteer: Gazetteer,
    types: Mapping[str, str],
) -> list[Measured]:
    """The figures after each step of the rules."""
    found = recogniser.find([document.text for document in documents])
    return [
        Measured(
            step,
            add(
                compare(_gold(document), _said(run(document.text, seen, gazetteer), types))
                for document, seen in zip(documents, found, strict=True)
            ),
        )
        for step, run in STEPS.items()
    ]


def _gold(document: Marked) -> set[Span]:
    return {
        (start, end, GOLD_NAMES.get(label, label))
        for start, end, label in document.spans
        if label not in NOT_COUNTED
    }


def _said(spans: Iterable[Span], types: Mapping[str, str]) -> set[Span]:
    return {(start, end, types[label]) for start, end, label in spans if label in types}


def scored(
    documents: Sequence[Marked],
    recogniser: Recogniser,
    gazetteer: Gazetteer,
    types: Mapping[str, str],
) -> list[tuple[float, bool]]:
    """Each entity's confidence, and whether most of its mentions are right."""
    found = recogniser.find([document.text for document in documents])
    pairs = []
    for document, seen in zip(documents, found, strict=True):
        gold = _gold(document)
        for entity in resolve(document.text, seen, gazetteer):
            if entity.type in types:
                kind = types[entity.type]
                right = sum((m.start, m.end, kind) in gold for m in entity.mentions)
                pairs.append((entity.confidence or 0.0, 2 * right > len(entity.mentions)))
    return pairs
