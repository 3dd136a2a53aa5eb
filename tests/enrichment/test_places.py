"""The table of countries, peoples and capitals, and the script that builds it."""

from __future__ import annotations

import csv
import gzip
import json
from typing import TYPE_CHECKING

import pytest

from services.enrichment.annotators.gazetteer import PLACES_FILE, Gazetteer
from services.enrichment.annotators.names import fold
from services.enrichment.knowledge import build_places
from tests.enrichment.kit import gazetteer

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "usual"),
    [
        ("Belarus", "Belarus"),
        ("Republic of Belarus", "Belarus"),
        ("U.S.", "United States"),
        ("US", "United States"),
        ("United Kingdom", "United Kingdom"),
        ("PRC", "China"),
        ("People’s Republic of China", "China"),
        ("Ivory Coast", "Ivory Coast"),
        ("Côte d'Ivoire", "Ivory Coast"),
        ("Kiev", "Kyiv"),
        ("the Netherlands", "Netherlands"),
        ("Holland", "Netherlands"),
    ],
)
def test_a_country_or_capital_is_known_by_its_names(name: str, usual: str) -> None:
    place = gazetteer().get(fold(name))
    assert place is not None
    assert (place.name, place.type) == (usual, "GPE")


@pytest.mark.parametrize(
    ("name", "usual"),
    [("Chinese", "Chinese"), ("Belarusians", "Belarusian"), ("Britons", "British")],
)
def test_a_people_is_kept_apart_from_its_country(name: str, usual: str) -> None:
    place = gazetteer().get(fold(name))
    assert place is not None
    assert (place.name, place.type) == (usual, "NORP")


@pytest.mark.parametrize("name", ["Jordan", "Chad", "Georgia", "Paris", "Washington"])
def test_names_that_people_bear_too_are_uncertain(name: str) -> None:
    place = gazetteer().get(fold(name))
    assert place is not None
    assert not place.certain


@pytest.mark.parametrize("name", ["Belarus", "China", "Kyiv", "Norway", "Beijing", "Russian"])
def test_other_place_names_are_certain(name: str) -> None:
    place = gazetteer().get(fold(name))
    assert place is not None
    assert place.certain


def test_every_member_of_the_table_has_a_code_and_countries_have_an_id() -> None:
    table = json.loads(PLACES_FILE.read_text("utf-8"))
    assert any("PDDL" in notice for notice in table["notices"])
    assert any("CC BY 4.0" in notice for notice in table["notices"])
    assert all(len(place["iso2"]) == 2 for place in table["places"])
    assert sum(place["qid"] is not None for place in table["places"]) > 240
    names = [fold(n) for place in table["places"] for n in (place["name"], *place["aliases"])]
    assert len(names) == len(set(names))
    assert "" not in names


def test_the_table_is_built_from_country_codes_and_people(tmp_path: Path) -> None:
    columns = ["ISO3166-1-Alpha-2", "UNTERM English Short", "UNTERM English Formal"]
    columns += ["official_name_en", "CLDR display name", "Capital", "wikidata_id"]
    rows = [
        ["XA", "Arcadia (the)", "the Kingdom of Arcadia", "Arcadia", "Arcadia", " Meadow", "w/Q1"],
        ["XB", "Borduria", "", "Borduria", "Borduria", "Borduria", "w/Q2"],
        ["", "Nowhere", "", "", "", "", ""],
    ]
    with (tmp_path / "country-codes.csv").open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    entities = [
        {"type": "country", "iso2": "XA", "demonym": "Arcadian", "name": "Arcadia"},
        {"type": "person", "name": "Anna Meadow"},
        {"type": "person", "name": "Philip of Borduria"},
    ]
    with gzip.open(tmp_path / "entities.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(entity) + "\n" for entity in entities)
    out = tmp_path / "places.json"
    build_places.main(["--data", str(tmp_path), "--date", "2026-01-02", "--out", str(out)])
    table = json.loads(out.read_text())
    assert table["version"] == "2026-01-02"
    assert table["also_people"] == ["meadow"]  # and not Borduria, of which Philip only is
    assert [(p["name"], p["type"], p["aliases"], p["qid"]) for p in table["places"]] == [
        ("Arcadia", "GPE", ["Kingdom of Arcadia"], "Q1"),
        ("Borduria", "GPE", [], "Q2"),
        ("Meadow", "GPE", [], None),
        ("Arcadian", "NORP", ["Arcadians"], None),
    ]
    built = Gazetteer.load(out)
    assert built.version == "2026-01-02"
    meadow = built.get("meadow")
    assert meadow is not None
    assert not meadow.certain
