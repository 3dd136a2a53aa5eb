"""Build ``entities.npz``, the table of who and what names mean.

    python -m services.enrichment.knowledge.build_entities --data DIR --date DAY

``DIR`` holds ``knowledge/`` (countries, cities, politicians, companies, outlets, office-holders)
and ``topics/topics_train.jsonl.gz`` (its texts tell which names are also words).
``supplement.yaml`` beside this file adds what they lack.  Only names, codes, ids and weights are
written.
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.enrichment.knowledge.entity_sources import (
    KNOWN_EVERYWHERE,
    common_words,
    read,
    shared_surnames,
)
from services.enrichment.knowledge.entity_supplement import supplement
from services.enrichment.linking.forms import form, is_abbreviation
from services.enrichment.linking.person_names import person_key, surname_key
from services.enrichment.linking.table import ABBREVIATION, TABLE_FILE, WEAK, make_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.enrichment.knowledge.entity_sources import Entry
    from services.enrichment.linking.table import EntityTable

NOTICES = (
    "Wikidata, CC0",
    "GeoNames (cities), CC BY 4.0, https://www.geonames.org",
    "name-suggestion-index (companies and brands), BSD-3-Clause",
    "country-codes (datasets/country-codes), PDDL",
)


def build(data: Path, day: date) -> EntityTable:
    """The whole table; the same data gives the same bytes."""
    news = data / "topics" / "topics_train.jsonl.gz"
    entries = supplement(read(data / "knowledge", common_words(news)))
    known = [
        e
        for e in entries
        if e.candidate.type == "PERSON" and e.candidate.weight >= KNOWN_EVERYWHERE
    ]
    facts = {"version": day.isoformat(), "notices": list(NOTICES)}
    return to_table(entries, facts, shared_surnames(news, known))


def to_table(
    entries: Sequence[Entry], facts: dict[str, Any], shared: frozenset[str] = frozenset()
) -> EntityTable:
    """``entries`` as columns, countries first; surnames in ``shared`` are weak."""
    ordered = sorted(entries, key=lambda e: e.candidate.kind != "country")
    aliases, people, surnames = [], [], []
    for index, entry in enumerate(ordered):
        is_person = entry.candidate.type == "PERSON"
        for name, flags in entry.names.items():
            short = ABBREVIATION if is_abbreviation(name) else 0
            aliases.append((form(name), index, flags | short))
            if is_person and " " in person_key(name):
                people.append((person_key(name), index, 0))
        if is_person:
            surname = surname_key(entry.candidate.name)
            surnames.append((surname, index, WEAK if surname in shared else 0))
    candidates, codes = [e.candidate for e in ordered], [e.code for e in ordered]
    return make_table(candidates, codes, aliases, people, surnames, facts)


def main(arguments: Sequence[str] | None = None) -> None:
    """Build and write the table."""
    parser = argparse.ArgumentParser(description="Build entities.npz.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--date", type=date.fromisoformat, required=True)
    parser.add_argument("--out", type=Path, default=TABLE_FILE)
    options = parser.parse_args(arguments)
    table = build(options.data, options.date)
    with options.out.open("wb") as file:
        table.save(file)


if __name__ == "__main__":
    main()
