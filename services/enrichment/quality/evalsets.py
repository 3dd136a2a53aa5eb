"""The evaluation sets that figures are measured on, read from where they lie.

They are no part of the repository.  Each set is split into *dev*, which may be
looked at while rules are written, and *test*, which may not; a document's part
is decided by a CRC-32 of its text, so it stays when documents are added.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from services.enrichment.quality.detokenise import join

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from services.enrichment.quality.metrics import Span

Split = Literal["dev", "test"]

_DOCUMENT_START = "-DOCSTART-"


@dataclass(frozen=True, slots=True)
class Marked:
    """A text with the names that annotators marked in it."""

    text: str
    spans: tuple[Span, ...]
    entities: tuple[str | None, ...] = ()
    """Who each span means (a Wikidata id), where the set says so."""


def split_of(text: str) -> Split:
    """Dev or test: half and half."""
    return "dev" if zlib.crc32(text.encode()) % 2 == 0 else "test"


Sentence = list[tuple[str, str]]
"""Tokens with their BIO labels."""


def _sentences(path: Path, token: int, label: int) -> Iterator[Sentence]:
    """Sentences of a file with one token a line and a blank line between sentences."""
    sentence: Sentence = []
    for line in path.read_text("utf-8").split("\n"):
        columns = line.split("\t")
        if len(columns) > max(token, label):
            sentence.append((columns[token], columns[label]))
        elif sentence:
            yield sentence
            sentence = []
    if sentence:
        yield sentence


def _marked(sentences: Sequence[Sentence], between: str = " ") -> Marked:
    """One document of its sentences."""
    text, spans = "", []
    for sentence in sentences:
        text += between if text else ""
        joined, places = join([token for token, _ in sentence])
        for first, last, label in _chunks([label for _, label in sentence]):
            spans.append((len(text) + places[first][0], len(text) + places[last][1], label))
        text += joined
    return Marked(text, tuple(spans))


def _chunks(labels: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """First token, last token and type of each name that BIO labels mark."""
    start: int | None = None
    for index, label in enumerate([*labels, "O"]):
        kind = labels[start][2:] if start is not None else ""
        if start is not None and label != f"I-{kind}":
            yield start, index - 1, kind
            start = None
        if start is None and label != "O":
            start = index


def wikigold(path: Path) -> list[Marked]:
    """WikiGold's documents (145): PER, ORG, LOC and MISC. CC BY 4.0."""
    documents: list[list[Sentence]] = [[]]
    for sentence in _sentences(path, token=1, label=2):
        if sentence[0][0] == _DOCUMENT_START:
            documents.append([])
        else:
            documents[-1].append(sentence)
    return [_marked(document) for document in documents if document]


def wnut17(path: Path) -> list[Marked]:
    """WNUT-17's posts (test part), each a document. CC BY 4.0."""
    return [_marked([sentence]) for sentence in _sentences(path, token=0, label=1)]


def linked_people(path: Path, person_type: str = "Q215627") -> list[Marked]:
    """Sentences of a linking set with the people in them who have a Wikidata id."""
    documents = []
    for line in path.read_text("utf-8").splitlines():
        row: dict[str, Any] = json.loads(line)
        people = [
            label
            for label in row["labels"]
            if person_type in label["type"].split("|") and label["entity_id"].startswith("Q")
        ]
        spans = tuple((*label["span"], "PERSON") for label in people)
        ids = tuple(label["entity_id"] for label in people)
        documents.append(Marked(row["text"], spans, ids))
    return documents


def part(documents: Iterable[Marked], split: Split) -> list[Marked]:
    """The documents of one part."""
    return [document for document in documents if split_of(document.text) == split]
