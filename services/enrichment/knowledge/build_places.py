"""Build ``places.json``: countries, their demonyms and capitals, in English.

    python -m services.enrichment.knowledge.build_places --data DIR --date DAY

``DIR`` holds ``country-codes.csv`` (names, ISO codes, capitals, Wikidata ids) and
``entities.jsonl.gz`` (demonyms; people, for telling which place names people bear
too).  Only names, codes and ids are written.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.enrichment.annotators.gazetteer import PLACES_FILE
from services.enrichment.annotators.names import fold, person_tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NOTICES = (
    "country-codes (datasets/country-codes), PDDL",
    "Wikidata, CC0",
    "GeoNames (ids, capitals), CC BY 4.0, https://www.geonames.org",
)

# What newspapers write and the tables lack, by ISO code. Our own list.
_NEWSPAPER_NAMES: dict[str, tuple[str, ...]] = {
    "US": ("United States", "U.S.", "US", "USA", "U.S.A.", "United States of America"),
    "GB": ("United Kingdom", "U.K.", "UK", "Britain", "Great Britain"),
    "CN": ("China", "PRC", "Mainland China"),
    "AE": ("United Arab Emirates", "UAE", "U.A.E.", "Emirates"),
    "RU": ("Russia", "Russian Federation"),
    "KR": ("South Korea", "ROK"),
    "KP": ("North Korea", "DPRK"),
    "NL": ("Netherlands", "Holland"),
    "CZ": ("Czech Republic", "Czechia"),
    "CI": ("Ivory Coast",),
    "MM": ("Myanmar", "Burma"),
    "TR": ("Turkey", "Türkiye"),
    "CD": ("DR Congo", "DRC", "Democratic Republic of Congo", "Democratic Republic of the Congo"),
    "CV": ("Cape Verde", "Cabo Verde"),
    "SZ": ("Eswatini", "Swaziland"),
    "MK": ("North Macedonia", "Macedonia"),
    "VA": ("Vatican", "Vatican City", "Holy See"),
    "PS": ("Palestine",),
    "BA": ("Bosnia and Herzegovina", "Bosnia", "Bosnia & Herzegovina"),
    "HK": ("Hong Kong",),
    "MO": ("Macao", "Macau"),
}
_NEWSPAPER_CAPITALS: dict[str, tuple[str, ...]] = {
    "US": ("Washington", "Washington, D.C.", "Washington D.C.", "Washington DC"),
    "UA": ("Kyiv", "Kiev"),
    "CN": ("Beijing", "Peking"),
    "MM": ("Naypyidaw", "Nay Pyi Taw"),
    "KZ": ("Astana", "Nur-Sultan"),
    "BE": ("Brussels",),
    "MN": ("Ulaanbaatar", "Ulan Bator"),
    "IL": ("Jerusalem",),
}
_MORE_OF_A_PEOPLE: dict[str, tuple[str, ...]] = {
    "British": ("Briton", "Britons"),
    "Swedish": ("Swede", "Swedes"),
    "Danish": ("Dane", "Danes"),
    "Finnish": ("Finn", "Finns"),
    "Polish": ("Poles",),
    "Turkish": ("Turks",),
    "Spanish": ("Spaniard", "Spaniards"),
    "Saudi Arabian": ("Saudi", "Saudis"),
    "Argentinean": ("Argentine", "Argentines", "Argentinian", "Argentinians"),
    "Kirghiz": ("Kyrgyz",),
    "Kazakhstani": ("Kazakh", "Kazakhs"),
    "Uzbekistani": ("Uzbek", "Uzbeks"),
    "Tadzhik": ("Tajik", "Tajiks"),
    "Slovene": ("Slovenian", "Slovenians"),
    "Serbian": ("Serb", "Serbs"),
    "Croatian": ("Croat", "Croats"),
    "Bosnian": ("Bosniak", "Bosniaks"),
    "Ecuadorean": ("Ecuadorian", "Ecuadorians"),
}
# Words of English, given names and surnames that the table of politicians lacks.
_ALSO_WORDS = frozenset(
    {"chad", "jordan", "georgia", "male", "lima", "victoria", "sofia", "us", "polish", "jersey"}
    | {"paris", "stanley", "hamilton", "kingston", "washington", "israel", "santiago", "martinique"}
    | {"georgetown", "jamestown", "plymouth", "douglas", "road town", "valley", "german", "french"}
    | {"colombo", "sucre", "nelson", "drc", "rok", "west island", "manila", "wellington", "congo"}
)


def _countries(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["ISO3166-1-Alpha-2"]]


def _entities(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _names(row: dict[str, str], newspaper: Sequence[str]) -> list[str]:
    """The country's names, the one that newspapers use first."""
    formal = [row["UNTERM English Short"], row["UNTERM English Formal"], row["official_name_en"]]
    plain = [name.split(" (")[0].removeprefix("the ").rstrip("*") for name in formal]
    return _distinct([*newspaper, row["CLDR display name"], *plain])


def _distinct(names: Iterable[str]) -> list[str]:
    seen: dict[str, str] = {}
    for name in names:
        if fold(name):
            seen.setdefault(fold(name), name.strip())
    return list(seen.values())


def _plural(name: str) -> list[str]:
    """Russian, Russians; but Chinese, French and British stay as they are."""
    return [name + "s"] if name.endswith(("n", "i")) else []


def _place(kind: str, names: Sequence[str], code: str, qid: str | None) -> dict[str, Any]:
    return {"name": names[0], "type": kind, "aliases": list(names[1:]), "iso2": code, "qid": qid}


def build(data: Path, day: date) -> dict[str, Any]:
    """The whole table; the same data gives the same bytes."""
    entities = _entities(data / "entities.jsonl.gz")
    demonyms = {
        e["iso2"]: e["demonym"] for e in entities if e["type"] == "country" and e["demonym"]
    }
    countries, capitals, peoples = [], [], []
    for row in _countries(data / "country-codes.csv"):
        code = row["ISO3166-1-Alpha-2"]
        qid = row["wikidata_id"].rsplit("/", 1)[-1] or None
        names = _names(row, _NEWSPAPER_NAMES.get(code, ()))
        countries.append(_place("GPE", names, code, qid))
        capital = _distinct([*_NEWSPAPER_CAPITALS.get(code, ()), row["Capital"]])
        capitals += [_place("GPE", capital, code, None)] if capital else []
        people = _distinct(demonyms.get(code, "").replace(" or ", ",").split(","))
        peoples += [
            _place("NORP", [name, *_plural(name), *_MORE_OF_A_PEOPLE.get(name, ())], code, None)
            for name in people
        ]
    places = _first_of_each_name([*countries, *capitals, *peoples])
    known = {fold(name) for place in places for name in (place["name"], *place["aliases"])}
    # "Philippe of Belgium": what follows the "of" is no name of the person's own.
    people_names = (e["name"].split(" of ")[0] for e in entities if e["type"] == "person")
    borne = {token for name in people_names for token in person_tokens(name)}
    return {
        "version": day.isoformat(),
        "notices": list(NOTICES),
        "also_people": sorted(known & (borne | _ALSO_WORDS)),
        "places": places,
    }


def _first_of_each_name(places: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each name once: a country before a capital (Luxembourg), a capital before a people."""
    taken: set[str] = set()
    kept = []
    for place in places:
        names = [n for n in (place["name"], *place["aliases"]) if fold(n) not in taken]
        if names:
            taken.update(map(fold, names))
            kept.append({**place, "name": names[0], "aliases": names[1:]})
    return kept


def main(arguments: Sequence[str] | None = None) -> None:
    """Build and write the table."""
    parser = argparse.ArgumentParser(description="Build places.json.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--date", type=date.fromisoformat, required=True)
    parser.add_argument("--out", type=Path, default=PLACES_FILE)
    options = parser.parse_args(arguments)
    table = build(options.data, options.date)
    text = json.dumps(table, ensure_ascii=False, indent=1, sort_keys=True)
    options.out.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
