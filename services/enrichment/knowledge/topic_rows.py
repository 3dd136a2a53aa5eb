"""The rows that the topic model learns from and is measured on, and who may see which.

``topics_train.jsonl.gz`` has rows ``{ds, t: text, y: [codes], x: year or section}`` from
Wikipedia's Current Events portal and from HuffPost, ``cptall-en-US.json`` the IPTC Media Topics;
MN-DS (https://zenodo.org/records/7394851) is read where somebody supplies its CSV.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import zlib
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from services.enrichment.knowledge.weak_labels import weak_labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

TEST_FROM = "2019"
"""Current Events of this year and later are measured on and never learnt from."""

CALIBRATE_ON = "2018"
"""Current Events of this year calibrate the scores: the last year that isn't measured on."""

CEP_MONTH = "2015"
"""CEP-2015 holds events of September of this year, which the portal has too."""

SAME_EVENT = 0.6
"""Share of the shorter sentence's words from which two of one year tell one event. 415 of CEP's
428 have such a partner in the portal's 2015: both come from the same page."""

DEFINITION_WEIGHT = 2.0
"""An IPTC definition counts as this many rows: it is what the class means."""

HEADLINE_WEIGHT = 0.5
"""A HuffPost headline counts half: whole, micro-F1 was .01 lower on CEP-2015, .003 lower on
held-out Current Events and .02 higher on HuffPost's own."""

WEAK_WEIGHT = 0.5
"""A label that comes from key words counts half: one in several is wrong."""

BESIDE_WEIGHT = 0.25
"""A label from key words beside an editor's: at half weight it came first where his should."""

MNDS_WEIGHT = 3.0
"""An article of MN-DS counts as three rows: a whole article, labelled by hand."""

_MNDS_LEVEL_1 = {
    "labour": "09",
    "labor": "09",
    "religion and belief": "12",
    "religion": "12",
}
"""Names of MN-DS (British, of 2020) that are not those of the release at hand."""

_CSV_FIELD_LIMIT = 1024 * 1024
"""Characters of one field: the longest article of MN-DS has some 100,000."""


class Part(Enum):
    """What a row is for."""

    LEARN = "learn"
    CALIBRATE = "calibrate"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Row:
    """One text with its level-1 codes (two digits), its weight and what it is for."""

    text: str
    labels: frozenset[str]
    weight: float
    part: Part
    source: str
    group: str = ""
    """Year or section: rows of one group may stand in one pseudo-article."""
    weak: frozenset[str] = frozenset()
    """Classes that only key words speak for; none of ``labels``."""


def part_of(text: str, parts: int) -> int:
    """A number below ``parts`` that depends on the text alone."""
    return zlib.crc32(text.encode()) % parts


def _part(source: str, extra: str, text: str) -> Part:
    if source.startswith("wcep"):
        if extra >= TEST_FROM:
            return Part.TEST
        return Part.CALIBRATE if extra == CALIBRATE_ON else Part.LEARN
    if source == "huff3":
        return Part.TEST
    return {0: Part.TEST, 1: Part.CALIBRATE}.get(part_of(text, 10), Part.LEARN)


def read_rows(path: Path, events: EventWords | None = None) -> Iterator[Row]:
    """All rows, also those without a label; ``events`` are left out altogether.

    An unlabelled row is for learning whatever its year: nobody is measured on it.  What is
    measured on has no weak labels: figures are of labels that somebody else gave.
    """
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            raw: dict[str, Any] = json.loads(line)
            source, text, extra = raw["ds"], raw["t"], str(raw["x"])
            if events and source.startswith("wcep") and events.tell(text, extra):
                continue
            gold = frozenset(raw["y"])
            part = _part(source, extra, text) if gold else Part.LEARN
            known = part is not Part.TEST and source != "huff"
            weak = weak_labels(text) - gold if known else frozenset()
            weight = HEADLINE_WEIGHT if source.startswith("huff") else 1.0
            yield Row(text, gold, weight, part, source, extra, weak)


class EventWords:
    """The events of CEP-2015, to keep their like out of what is learnt."""

    def __init__(self, sentences: list[str]) -> None:
        self._events = [words for words in map(_content, sentences) if words]

    @classmethod
    def load(cls, path: Path) -> EventWords:
        """The events in CEP's JSON file."""
        return cls([event["description"] for event in json.loads(path.read_text("utf-8"))])

    def tell(self, text: str, year: str) -> bool:
        """Whether ``text`` tells one of them."""
        if year != CEP_MONTH:
            return False
        words = _content(text)
        return any(
            len(words & event) >= SAME_EVENT * min(len(words), len(event)) for event in self._events
        )


def _content(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z]{3,}", text.lower()))


def read_definitions(path: Path) -> tuple[list[Row], dict[str, str], str]:
    """Definitions of all active Media Topics as rows, level-1 names, the release's date."""
    scheme: dict[str, Any] = json.loads(path.read_text("utf-8"))
    concepts = {item["uri"]: item for item in scheme["conceptSet"] if "retired" not in item}
    rows: list[Row] = []
    for item in concepts.values():
        top = item
        while "broader" in top:
            top = concepts[top["broader"][0]]
        # A few concepts have no name or no definition in this language.
        text = f"{item['prefLabel'].get('en-US', '')}. {item['definition'].get('en-US', '')}"
        code = top["qcode"].removeprefix("medtop:")[:2]
        rows.append(Row(text, frozenset({code}), DEFINITION_WEIGHT, Part.LEARN, "iptc"))
    names = {
        item["qcode"]: item["prefLabel"]["en-US"]
        for item in concepts.values()
        if "broader" not in item
    }
    return rows, dict(sorted(names.items())), str(scheme["dateReleased"])[:10]


def read_mnds(path: Path, names: Mapping[str, str]) -> Iterator[Row]:
    """The articles of MN-DS's CSV: columns ``category_level_1``, ``title`` and ``content``.

    ``names`` are the level-1 names by code.  A tenth is measured on, a tenth calibrates.
    Raises ``ValueError`` for a missing column or a category that IPTC doesn't have.
    """
    codes = {name: code.removeprefix("medtop:")[:2] for code, name in names.items()}
    codes |= _MNDS_LEVEL_1
    csv.field_size_limit(_CSV_FIELD_LIMIT)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        missing = {"category_level_1", "title", "content"} - set(reader.fieldnames or ())
        if missing:
            raise ValueError(f"{path}: no column {', '.join(sorted(missing))}")
        for raw in reader:
            category = raw["category_level_1"].strip().lower()
            if category not in codes:
                raise ValueError(f"{path}:{reader.line_num}: no Media Topic is called {category!r}")
            text = f"{raw['title']}\n\n{raw['content']}"
            part = {0: Part.TEST, 1: Part.CALIBRATE}.get(part_of(text, 10), Part.LEARN)
            yield Row(text, frozenset({codes[category]}), MNDS_WEIGHT, part, "mnds")
