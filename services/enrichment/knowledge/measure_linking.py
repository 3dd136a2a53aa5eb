"""How often links are right: on gold mentions of two public sets, each split into two halves.

    python -m services.enrichment.knowledge.measure_linking --data DIR [--wrong]

``DIR`` holds ``rss-500.jsonl`` and ``kore50.jsonl``.  The gold says where names are and which
Wikidata entry they mean; their types come from spaCy, as in an article.  Each sentence is a
document of its own, so that little speaks for anything: real articles say more.  Look at
mistakes (``--wrong``) of the development half only.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from services.enrichment.linking import Cluster, Knowledge, link
from services.enrichment.models import load_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from spacy.language import Language

    from schemas.article import EntityType

FILES = ("rss-500.jsonl", "kore50.jsonl")

_GOLD_TYPES: Final[Mapping[str, EntityType]] = {
    "Q215627": "PERSON",
    "Q43229": "ORG",
    "Q27096213": "GPE",
    "Q2221906": "GPE",
    "Q6256": "GPE",
    "Q515": "GPE",
}
"""For mentions that spaCy doesn't see: person, organisation, place, country, city."""


@dataclass(slots=True)
class Tally:
    """Mentions counted by what became of them."""

    right: int = 0
    wrong: int = 0
    abstained: int = 0
    nil_linked: int = 0
    nil_left: int = 0
    mistyped: int = 0
    unjudged: int = 0
    by_confidence: dict[float, list[int]] = field(default_factory=dict)

    def count(
        self, gold: str | None, linked: str | None, confidence: float, *, typed: bool
    ) -> bool:
        """Count one mention; False for a wrong link. ``typed``: spaCy's type fits the gold's."""
        if linked is None:
            if gold is None:
                self.nil_left += 1
            else:
                self.abstained += 1
            return True
        if not linked.startswith("Q"):
            self.unjudged += 1
            return True
        self.by_confidence.setdefault(confidence, []).append(int(linked == gold))
        if linked == gold:
            self.right += 1
        elif not typed and gold is not None:
            self.mistyped += 1
        elif gold is None:
            self.nil_linked += 1
        else:
            self.wrong += 1
        return linked == gold

    def lines(self) -> Iterator[str]:
        """The figures, for reading."""
        linked = self.right + self.wrong + self.nil_linked + self.mistyped
        known = self.right + self.wrong + self.abstained + self.mistyped
        typed = self.right + self.wrong
        yield (
            f"  precision {self.right / max(linked, 1):.3f} ({self.right} of {linked} links; "
            f"{self.nil_linked} of the others are of names that the gold leaves open)"
        )
        yield (
            f"  of links whose mention is in the gold with a type that fits: {self.right} of "
            f"{typed} right ({self.right / max(typed, 1):.3f}); the wrong type (a team by its "
            f"city's name, a party by its state's): {self.mistyped}"
        )
        yield f"  not judged, as the entry has no Wikidata id (towns): {self.unjudged}"
        yield f"  recall {self.right / max(known, 1):.3f} of {known}, abstained {self.abstained}"
        for confidence, hits in sorted(self.by_confidence.items(), reverse=True):
            yield f"    confidence {confidence}: {sum(hits)} of {len(hits)} right"


def part_of(text: str) -> str:
    """``dev`` or ``test``, by a hash of the text: the same on every machine."""
    return "test" if hashlib.sha256(text.encode()).digest()[0] % 2 else "dev"


def clusters_of(row: Mapping[str, Any], nlp: Language) -> tuple[list[Cluster], list[int]]:
    """The clusters of a sentence, and the one of each gold mention."""
    text = row["text"]
    found = {(ent.start_char, ent.end_char): ent.label_ for ent in nlp(text).ents}
    index: dict[tuple[str, str], int] = {}
    mentions = []
    for label in row["labels"]:
        start, end = label["span"]
        fallback = _GOLD_TYPES.get(label["type"].split("|")[-1], "ORG")
        kind = found.pop((start, end), None) or _overlapping(found, start, end) or fallback
        mentions.append(index.setdefault((kind, text[start:end]), len(index)))
    for (start, end), kind in found.items():
        index.setdefault((kind, text[start:end]), len(index))
    return [Cluster(kind, (name,)) for kind, name in index], mentions  # type: ignore[arg-type]  # spaCy's labels


def _overlapping(found: Mapping[tuple[int, int], str], start: int, end: int) -> str | None:
    return next((kind for (s, e), kind in found.items() if s < end and start < e), None)


def _fits(kind: EntityType, gold: str) -> bool:
    """Whether spaCy's type and the gold's are the same sort of thing."""
    types = {_GOLD_TYPES.get(part) for part in gold.split("|")}
    place = {"GPE", "LOC", "FAC"}
    return kind in types or bool(kind in place and types & place) or types == {None}


def measure(
    path: Path, nlp: Language, knowledge: Knowledge
) -> tuple[dict[str, Tally], list[tuple[str, str]]]:
    """Figures for ``dev`` and ``test``, and the wrong links of ``dev`` as (text, what)."""
    tallies, wrong = {"dev": Tally(), "test": Tally()}, []
    for line in path.read_text("utf-8").splitlines():
        row = json.loads(line)
        clusters, mentions = clusters_of(row, nlp)
        links = link(clusters, knowledge)
        part = part_of(row["text"])
        for label, number in zip(row["labels"], mentions, strict=True):
            gold = label["entity_id"] if label["entity_id"].startswith("Q") else None
            chosen = links[number]
            qid = chosen.candidate.wikidata or chosen.candidate.key if chosen else None
            typed = _fits(clusters[number].type, label["type"])
            right = tallies[part].count(
                gold, qid, chosen.confidence if chosen else 0.0, typed=typed
            )
            if not right and part == "dev" and chosen is not None:
                name = clusters[number]
                wrong.append(
                    (
                        row["text"],
                        f"{name.names[0]} ({name.type}): {qid}, gold {label['name']} {gold}",
                    )
                )
    return tallies, wrong


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure linking.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--wrong", action="store_true", help="show the wrong links of dev")
    options = parser.parse_args(arguments)
    nlp, knowledge = load_model(None).nlp, Knowledge.load()
    for file in FILES:
        tallies, wrong = measure(options.data / file, nlp, knowledge)
        for part, tally in tallies.items():
            print("\n".join([f"{file} {part}", *tally.lines()]))  # noqa: T201 (a report for people)
        for text, what in wrong if options.wrong else ():
            print(f"  {what}\n      {text}")  # noqa: T201


if __name__ == "__main__":
    main()
