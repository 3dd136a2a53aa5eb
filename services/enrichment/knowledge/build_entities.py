"""Build ``entities.npz``, the table of who and what names mean.

    python -m services.enrichment.knowledge.build_entities --data DIR --date DAY

``DIR`` holds ``entities.jsonl.gz`` (countries, cities, politicians, companies, outlets),
``world-leaders-wikidata.csv`` and ``foreign-ministers-wikidata.csv``.  ``supplement.yaml``
beside this file adds what they lack.  Only names, codes, ids and weights are written.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import yaml

from services.enrichment.annotators.names import is_junk
from services.enrichment.linking.forms import form, is_abbreviation
from services.enrichment.linking.model import Candidate
from services.enrichment.linking.person_names import person_key, surname_key
from services.enrichment.linking.table import ABBREVIATION, TABLE_FILE, WEAK, make_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from schemas.article import EntityType
    from services.enrichment.linking.model import Kind
    from services.enrichment.linking.table import EntityTable

SUPPLEMENT = Path(__file__).with_name("supplement.yaml")

NOTICES = (
    "Wikidata, CC0",
    "GeoNames (cities), CC BY 4.0, https://www.geonames.org",
    "name-suggestion-index (companies and brands), BSD-3-Clause",
    "country-codes (datasets/country-codes), PDDL",
)

KNOWN_EVERYWHERE, KNOWN_WITH_COUNTRY, KNOWN_LOCALLY, OBSCURE = 1000, 500, 200, 10
"""Weights of people and bodies; ``linking.link`` says what each may be linked by."""

LARGE_CITY = 300_000
"""Inhabitants from which a city's names in other languages are kept, too."""

_LARGE_STATES: Final = frozenset(
    "US GB FR DE IT ES PL UA RU CN JP IN PK BD ID KR KP TR IR IQ IL SA EG NG ZA ET KE BR MX AR CA "
    "AU VE CO SY AF BY KZ NL SE GR HU CU VN TH PH MM".split()  # noqa: SIM905 (forty codes read better so)
)
"""States whose leaders are known all over the world."""

_TYPES: Final[Mapping[str, EntityType]] = {
    "international": "ORG",
    "organisation": "ORG",
    "outlet": "ORG",
    "region": "LOC",
    "city": "GPE",
    "country": "GPE",
    "demonym": "NORP",
    "person": "PERSON",
}
_STATES = frozenset({"US", "CA", "AU", "GB", "DE", "ES"})
"""Countries whose regions of the supplement are states or provinces: GPE, not LOC."""

_MULTINATIONAL = re.compile(
    r"multinational|airline|automo|manufactur|technology|aerospace|software|oil and gas|"
    r"investment bank|telecommunications|media company|pharmaceutical|conglomerate|consumer",
    re.IGNORECASE,
)
_LEADER = re.compile(
    r"president of|prime minister|chancellor of|king of|queen of|monarch|minister of|emir|"
    r"secretary of state|foreign minister|minister for|secretary-general|us president|"
    r"us vice president|premier of|sultan|supreme leader",
    re.IGNORECASE,
)
_CITY_NAME = re.compile(r"^[A-ZÀ-ÞĀ-Ž'’]|^[А-ЯІЇЄҐЎ]")


class BadSourceError(ValueError):
    """A source, or the supplement, isn't as it must be."""


@dataclass(slots=True)
class Entry:
    """One entry on its way into the table; ``names``: each with its flags."""

    candidate: Candidate
    code: str | None = None
    names: dict[str, int] = field(default_factory=dict)

    def add(self, names: Iterable[str], flags: int = 0) -> None:
        """Further names; "~" before one says that it has other meanings."""
        for raw in names:
            name = raw.removeprefix("~")
            weak = WEAK if raw.startswith("~") else 0
            self.names.setdefault(name, flags | weak)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _qid(text: object) -> str | None:
    found = re.search(r"Q\d+$", str(text or ""))
    return found[0] if found else None


def _usable(names: Iterable[str]) -> Iterator[str]:
    """Names without junk: numbers, one letter, lower case, glosses in brackets."""
    for raw in names:
        name = raw.split(" (")[0].strip()
        name = name.removeprefix("the ")
        if len(form(name)) > 1 and not is_junk(name) and not name.isdecimal():
            yield name


def _country(raw: Mapping[str, Any]) -> Entry:
    qid = _qid(raw["id"])
    candidate = Candidate(
        raw["id"] if qid else "", raw["name"], "GPE", "country",
        wikidata=qid, geonames=raw["geonames"], iso_country=raw["iso2"], weight=10**8,
    )  # fmt: skip
    entry = Entry(candidate, raw["iso2"])
    entry.add(_usable([raw["name"], *raw["aliases"]]))
    return entry


def _city(raw: Mapping[str, Any]) -> Entry:
    kind: Kind = "capital" if raw["capital"] else "city"
    candidate = Candidate(
        raw["id"], raw["name"], "GPE", kind,
        wikidata=_qid(raw.get("wikidata")), geonames=raw["id"][3:], weight=raw["pop"],
    )  # fmt: skip
    large = raw["capital"] or raw["pop"] >= LARGE_CITY
    further = [n for n in raw["aliases"] if large and _CITY_NAME.match(n)]
    entry = Entry(candidate, raw["cc"])
    entry.add(_usable([raw["name"], *further]))
    return entry


def _person(raw: Mapping[str, Any], country: str | None) -> Entry:
    known = any(_LEADER.search(role) for role in raw["roles"])
    congress = "us-congress" in raw["src"]
    weight = OBSCURE
    if known:
        weight = KNOWN_EVERYWHERE if country in _LARGE_STATES else KNOWN_WITH_COUNTRY
    elif congress:
        weight = KNOWN_LOCALLY
    candidate = Candidate(
        raw["id"], raw["name"], "PERSON", "person", wikidata=_qid(raw["id"]), weight=weight
    )
    entry = Entry(candidate, "US" if congress else country)
    entry.add(_usable([raw["name"], *raw["aliases"]]))
    return entry


def _company(raw: Mapping[str, Any]) -> Entry:
    weight = KNOWN_WITH_COUNTRY if _MULTINATIONAL.search(raw["desc"]) else KNOWN_LOCALLY
    candidate = Candidate(
        raw["id"], raw["name"], "ORG", "company", wikidata=_qid(raw["id"]), weight=weight
    )
    entry = Entry(candidate)
    # Its lower-case aliases are spellings that map makers typed, and the brands of others.
    entry.add(_usable([raw["name"], *raw["aliases"]]))
    return entry


def _outlet(raw: Mapping[str, Any]) -> Entry:
    weight = KNOWN_EVERYWHERE if raw.get("verified") else KNOWN_LOCALLY
    candidate = Candidate(
        raw["id"], raw["name"], "ORG", "outlet", wikidata=_qid(raw["id"]), weight=weight
    )
    entry = Entry(candidate, raw.get("cc"))
    entry.add(_usable([raw["name"], *raw["aliases"]]))
    return entry


def _countries_of_people(data: Path) -> dict[str, str]:
    """Wikidata id of an office-holder to that of the country; none for those of several."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, person, country in (
        ("world-leaders-wikidata.csv", "officeholder", "countryid"),
        ("foreign-ministers-wikidata.csv", "person", "country"),
    ):
        with (data / name).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                found[row[person]].add(row[country])
    return {person: min(states) for person, states in found.items() if len(states) == 1}


def read(data: Path) -> list[Entry]:
    """The entries of the shared sources, countries first."""
    raws = list(_rows(data / "entities.jsonl.gz"))
    countries = [_country(raw) for raw in raws if raw["type"] == "country"]
    codes = {entry.candidate.wikidata: entry.code for entry in countries}
    homes = _countries_of_people(data)
    makers = {"city": _city, "org": _company, "media": _outlet}
    others = []
    for raw in raws:
        if raw["type"] == "person":
            others.append(_person(raw, codes.get(homes.get(raw["id"][3:]))))
        elif raw["type"] in makers:
            others.append(makers[raw["type"]](raw))
    demonyms = [entry for raw in raws if raw["type"] == "country" for entry in _demonym(raw)]
    return [*countries, *demonyms, *others]


def _demonym(raw: Mapping[str, Any]) -> Iterator[Entry]:
    for name in re.split(r",| or ", raw["demonym"] or ""):
        if name.strip():
            entry = Entry(Candidate("", name.strip(), "NORP", "demonym", weight=10**8), raw["iso2"])
            entry.add([name.strip(), *_plural(name.strip())])
            yield entry


def _plural(name: str) -> list[str]:
    """Russian, Russians; but Chinese, French and British stay as they are."""
    return [name + "s"] if name.endswith(("n", "i")) else []


def supplement(entries: list[Entry], path: Path = SUPPLEMENT) -> list[Entry]:
    """``entries`` with what the supplement says of them, and its own ones."""
    content: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text("utf-8"))
    by_qid = {e.candidate.wikidata: e for e in entries if e.candidate.wikidata}
    added: list[Entry] = []
    for code, qid in content["country_id"].items():
        _set_country_id(entries, code, qid, content["country"])
    for code, names in content["country"].items():
        _rename(_only(entries, "country", code), names)
    replaced = set(content["demonym"])
    kept = [e for e in entries if e.candidate.kind != "demonym" or e.code not in replaced]
    for code, names in content["demonym"].items():
        entry = Entry(Candidate("", names[0], "NORP", "demonym", weight=10**8), code)
        entry.add(names)
        added.append(entry)
    for code, rows in content["city"].items():
        for qid, names in rows.items():
            _name_city(entries, code, qid, names)
    claims: set[str] = set()
    for kind, code, qid, names in _bodies(content):
        known = by_qid.get(qid)
        candidate = Candidate(
            "", names[0].removeprefix("~"), _type(kind, code), cast("Kind", kind),
            wikidata=qid, weight=_weight(kind),
        )  # fmt: skip
        entry = Entry(candidate, code)
        entry.add(names)
        if known is not None:
            kept.remove(known)
            entry.add(known.names)
        added.append(entry)
        claims |= {form(name) for name in entry.names if kind != "region"}
    for entry in kept:
        if entry.candidate.kind in {"company", "outlet"}:
            entry.names = {n: f for n, f in entry.names.items() if form(n) not in claims}
    return [*kept, *added]


def _bodies(content: Mapping[str, Any]) -> Iterator[tuple[str, str | None, str | None, list[str]]]:
    """(kind, country code, Wikidata id, names) of each entry that isn't of a country or city."""
    for qid, names in content["international"].items():
        yield "international", None, qid, names
    for kind in ("organisation", "outlet", "region", "person"):
        for code, rows in content[kind].items():
            for qid, names in rows.items():
                yield kind, code, None if qid.startswith("-") else qid, names


def _type(kind: str, code: str | None) -> EntityType:
    return "GPE" if kind == "region" and code in _STATES else _TYPES[kind]


def _weight(kind: str) -> int:
    return 10**7 if kind == "region" else KNOWN_EVERYWHERE


def _set_country_id(
    entries: list[Entry], code: str, qid: str, names: Mapping[str, Sequence[str]]
) -> None:
    for entry in entries:
        if entry.candidate.kind == "country" and entry.code == code:
            entry.candidate = replace(entry.candidate, wikidata=qid)
            return
    country = Candidate(
        "", names[code][0], "GPE", "country", wikidata=qid, iso_country=code, weight=10**8
    )
    entries.append(Entry(country, code))


def _only(entries: Sequence[Entry], kind: str, code: str) -> Entry:
    found = [e for e in entries if e.candidate.kind == kind and e.code == code]
    if len(found) != 1:
        raise BadSourceError(f"{kind} {code}: {len(found)} in the table, one is expected")
    return found[0]


def _rename(entry: Entry, names: Sequence[str]) -> None:
    """The supplement's names before the table's."""
    others, entry.names = entry.names, {}
    entry.candidate = replace(entry.candidate, name=names[0].removeprefix("~"))
    entry.add(names)
    for name, flags in others.items():
        entry.names.setdefault(name, flags)


def _name_city(entries: Sequence[Entry], code: str, qid: str, names: Sequence[str]) -> None:
    """Give the most populous city of this name its Wikidata id."""
    wanted = {form(name) for name in names}
    found = [
        e
        for e in entries
        if e.code == code
        and e.candidate.kind in {"city", "capital"}
        and any(form(name) in wanted for name in e.names)
    ]
    if not found:
        raise BadSourceError(f"city {code} {names[0]} ({qid}): not in the table")
    first = max(found, key=lambda e: (form(e.candidate.name) in wanted, e.candidate.weight))
    if first.candidate.wikidata not in {None, qid}:
        raise BadSourceError(f"city {code} {names[0]}: {qid}, {first.candidate.wikidata} in table")
    first.candidate = replace(first.candidate, wikidata=qid)
    _rename(first, names)


def build(data: Path, day: date) -> EntityTable:
    """The whole table; the same data gives the same bytes."""
    entries = supplement(read(data))
    order = {"country": 0, "demonym": 1}
    entries.sort(key=lambda e: order.get(e.candidate.kind, 2))
    aliases, people, surnames = [], [], []
    for index, entry in enumerate(entries):
        for name, flags in entry.names.items():
            short = ABBREVIATION if is_abbreviation(name) else 0
            aliases.append((form(name), index, flags | short))
            if entry.candidate.type == "PERSON" and " " in person_key(name):
                people.append((person_key(name), index, 0))
        if entry.candidate.type == "PERSON":
            surnames.append((surname_key(entry.candidate.name), index, 0))
    facts = {"version": day.isoformat(), "notices": list(NOTICES)}
    return make_table(
        [e.candidate for e in entries], [e.code for e in entries], aliases, people, surnames, facts
    )


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
