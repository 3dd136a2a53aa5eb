"""The script that builds the table, on small sources of invented places; the supplement."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from services.enrichment.knowledge import build_entities
from services.enrichment.knowledge.entity_sources import BadSourceError, Entry, Lands, common_words
from services.enrichment.knowledge.entity_supplement import SUPPLEMENT, supplement
from services.enrichment.linking import Candidate, Knowledge
from services.enrichment.linking.table import load_table

if TYPE_CHECKING:
    from pathlib import Path

    from services.enrichment.linking.table import EntityTable

ARCADIA = {
    "id": "wd:Q9001", "type": "country", "name": "Arcadia", "iso2": "XA", "geonames": "901",
    "aliases": ["Arcadia", "the Kingdom of Arcadia", "Аркадия"], "demonym": "Arcadian",
    "capital": "Meadow",
}  # fmt: skip
BORDURIA = {
    "id": "wd:Q9002", "type": "country", "name": "Borduria", "iso2": "XB", "geonames": "902",
    "aliases": ["Borduria", "7"], "demonym": "Bordurian", "capital": "",
}  # fmt: skip
ENTITIES: list[dict[str, Any]] = [
    ARCADIA,
    BORDURIA,
    {"id": "gn:11", "type": "city", "name": "Meadow", "aliases": ["Meadow", "Meado", "Zembla",
     "Lakeside", "me a do"], "cc": "XA", "pop": 2_000_000, "capital": True},
    {"id": "gn:12", "type": "city", "name": "Lakeside", "aliases": ["Lakeside"], "cc": "XB",
     "pop": 50_000, "capital": False},
    {"id": "gn:13", "type": "city", "name": "Stonebridge", "aliases": ["Stonebridge", "Stonbrig"],
     "cc": "XB", "pop": 60_000, "capital": False},
    {"id": "wd:Q9003", "type": "person", "name": "Maria Lindqvist", "src": ["eps-leaders"],
     "aliases": ["Maria Lindqvist", "Lindqvist"], "roles": ["President of Arcadia"]},
    {"id": "wd:Q9004", "type": "person", "name": "Jan Veld", "src": ["eps-world"],
     "aliases": ["Jan Veld"], "roles": ["Representative of the Assembly"]},
    {"id": "wd:Q9005", "type": "org", "name": "Veld", "aliases": ["Veld", "veld shops"],
     "desc": "Arcadian retail chain", "kind": "company/brand"},
    {"id": "wd:Q9006", "type": "org", "name": "Target", "aliases": ["Target"],
     "desc": "multinational chain", "kind": "company/brand"},
    {"id": "wd:Q9007", "type": "org", "name": "Stonebridge", "aliases": ["Stonebridge"],
     "desc": "town in Borduria", "kind": "company/brand"},
    {"id": "wd:Q9008", "type": "media", "name": "The Meadow Post", "cc": "XA", "state": None,
     "aliases": ["The Meadow Post", "Meadow Post"]},
    {"id": "petr:UN", "type": "intl", "name": "Un", "aliases": ["Un"], "cameo": "IGO"},
]  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Sources with two countries and who and what is in them."""
    for folder in ("knowledge", "topics"):
        (tmp_path / folder).mkdir()
    with gzip.open(tmp_path / "knowledge" / "entities.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(entity) + "\n" for entity in ENTITIES)
    with gzip.open(tmp_path / "topics" / "topics_train.jsonl.gz", "wt") as file:
        rows = [{"ds": "wcep", "t": "Rebels hit the target ."}] * 6
        rows += [{"ds": "huff", "t": "meadow of stonebridge"}] * 9
        file.writelines(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "knowledge" / "world-leaders-wikidata.csv").write_text(
        "countryid,country,position,positionLabel,officeholder,officeholderLabel\n"
        "Q9001,Arcadia,Q1,President,Q9003,Maria Lindqvist\n"
    )
    (tmp_path / "knowledge" / "foreign-ministers-wikidata.csv").write_text(
        "person,name,country,countryLabel\nQ9004,Jan Veld,Q9001,A\nQ9004,Jan Veld,Q9002,B\n"
    )
    return tmp_path


def a_supplement(path: Path, **changes: Any) -> Path:
    """A supplement with these sections, the others empty."""
    sections = ("country_id", "country", "demonym", "city", "international", "organisation")
    sections += ("outlet", "company", "region", "person")  # type: ignore[assignment]  # longer
    content = {name: changes.get(name, {}) for name in sections}
    file = path / "supplement.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
    return file


@pytest.fixture
def table(data: Path, monkeypatch: pytest.MonkeyPatch) -> EntityTable:
    """The table of those sources, with an empty supplement, built by the command."""
    empty = a_supplement(data)
    monkeypatch.setattr(build_entities, "supplement", lambda entries: supplement(entries, empty))
    out = data / "entities.npz"
    build_entities.main(["--data", str(data), "--date", "2026-01-02", "--out", str(out)])
    return load_table(out)


def found(table: EntityTable, name: str) -> list[tuple[str, str]]:
    return [(c.key, c.kind) for c in Knowledge(table).candidates(name)]


def test_countries_are_found_by_their_names_in_any_script(table: EntityTable) -> None:
    assert found(table, "Arcadia") == found(table, "Аркадия") == [("wd:Q9001", "country")]
    assert found(table, "the Kingdom of Arcadia") == [("wd:Q9001", "country")]


def test_demonyms_are_entries_of_their_own_with_their_country_and_plural(
    table: EntityTable,
) -> None:
    (people,) = Knowledge(table).candidates("Arcadians")
    assert (people.key, people.type, people.country) == ("norp:arcadian", "NORP", "wd:Q9001")


def test_a_large_city_keeps_names_like_its_own_and_those_that_are_nobody_elses(
    table: EntityTable,
) -> None:
    assert found(table, "Meado") == [("gn:11", "capital")]
    assert found(table, "Zembla") == [("gn:11", "capital")]
    assert found(table, "Lakeside") == [("gn:12", "city")]
    assert found(table, "me a do") == []
    assert found(table, "Stonbrig") == []  # too small for names in other languages


def test_a_town_among_the_companies_gives_its_id_to_the_city(table: EntityTable) -> None:
    assert found(table, "Stonebridge") == [("wd:Q9007", "city")]


def test_junk_is_left_out(table: EntityTable) -> None:
    for name in ("7", "Un", "veld shops"):
        assert found(table, name) == []


def test_names_of_companies_that_are_words_or_peoples_names_are_weak(table: EntityTable) -> None:
    knowledge = Knowledge(table)
    assert [c.weak for c in knowledge.candidates("Target")] == [True]
    assert [c.weak for c in knowledge.candidates("Veld")] == [True]
    assert [c.weak for c in knowledge.candidates("Meadow")] == [False]  # a lower-cased set


def test_a_company_belongs_to_the_country_that_its_description_names(table: EntityTable) -> None:
    (shop,) = Knowledge(table).candidates("Veld")
    assert shop.country == "wd:Q9001"


def test_office_holders_get_the_country_of_their_office_unless_there_are_two(
    table: EntityTable,
) -> None:
    knowledge = Knowledge(table)
    (president,) = knowledge.candidates("Maria Lindqvist")
    (member,) = knowledge.candidates("Jan Veld")
    assert (president.country, member.country) == ("wd:Q9001", None)
    assert president.weight > member.weight


def test_the_same_data_gives_the_same_bytes(data: Path) -> None:
    outs = [data / "one.npz", data / "other.npz"]
    entries = [Entry(Candidate("", "Arcadia", "GPE", "country", wikidata="Q1", iso_country="XA"))]
    empty = a_supplement(data)
    for out in outs:
        known = supplement([*entries], empty)
        with out.open("wb") as file:
            build_entities.to_table(known, {"version": "1", "notices": []}).save(file)
    assert outs[0].read_bytes() == outs[1].read_bytes()


def entry(name: str, kind: Any, code: str, **more: Any) -> Entry:
    made = Entry(Candidate("", name, "GPE", kind, **more), code)
    made.add([name])
    return made


def test_a_supplement_names_and_numbers_the_largest_city_of_the_country(tmp_path: Path) -> None:
    cities = [
        entry("Meadow", "city", "XA", weight=10),
        entry("Meadow", "city", "XA", weight=99),
        entry("Meadow", "city", "XB", weight=500),
    ]
    file = a_supplement(tmp_path, city={"XA": {"Q1": ["Meadow", "Old Meadow"]}})
    made = supplement(cities, file)
    assert [e.candidate.wikidata for e in made] == [None, "Q1", None]
    assert list(made[1].names) == ["Meadow", "Old Meadow"]


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"city": {"XA": {"Q1": ["Nowhere"]}}}, "city XA Nowhere"),
        ({"city": {"XA": {"Q2": ["Meadow"]}}}, "Q3 in table"),
        ({"country": {"XZ": ["Zembla"]}}, "country XZ: 0 in the table"),
    ],
)
def test_a_supplement_that_contradicts_the_table_is_refused(
    tmp_path: Path, section: dict[str, Any], message: str
) -> None:
    known = [entry("Meadow", "city", "XA", weight=10, wikidata="Q3")]
    with pytest.raises(BadSourceError, match=message):
        supplement(known, a_supplement(tmp_path, **section))


def test_a_name_of_the_supplement_is_no_longer_a_companys(tmp_path: Path) -> None:
    shop = Entry(Candidate("", "Apple Shop", "ORG", "company", wikidata="Q5"), "XA")
    shop.add(["Apple Shop", "Apple"])
    file = a_supplement(tmp_path, company={"XA": {"Q6": ["Apple"]}})
    old, new = supplement([shop], file)
    assert list(old.names) == ["Apple Shop"]
    assert (new.candidate.wikidata, new.candidate.kind) == ("Q6", "company")


def test_an_entry_of_both_is_the_supplements_with_the_names_of_both(tmp_path: Path) -> None:
    known = Entry(Candidate("", "M. Lindqvist", "PERSON", "person", wikidata="Q7"), None)
    known.add(["M. Lindqvist"])
    file = a_supplement(tmp_path, person={"XA": {"Q7": ["Maria Lindqvist"], "-1": ["Jan Veld"]}})
    one, other = supplement([known], file)
    assert (one.candidate.name, one.code) == ("Maria Lindqvist", "XA")
    assert list(one.names) == ["Maria Lindqvist", "M. Lindqvist"]
    assert other.candidate.wikidata is None


def test_a_country_that_the_table_lacks_comes_with_its_id(tmp_path: Path) -> None:
    file = a_supplement(tmp_path, country_id={"XK": "Q8"}, country={"XK": ["Zembla"]})
    (made,) = supplement([], file)
    assert (made.candidate.iso_country, made.candidate.wikidata) == ("XK", "Q8")


def test_a_description_of_two_countries_says_nothing() -> None:
    lands = Lands([ARCADIA, BORDURIA])
    assert lands.code_in("chain of shops in Borduria") == "XB"
    assert lands.code_in("Arcadian maker of lamps") == "XA"
    assert lands.code_in("bank in Arcadia and Borduria") is None
    assert lands.code_in("bank") is None


def test_words_are_counted_where_case_means_something(data: Path) -> None:
    words = common_words(data / "topics" / "topics_train.jsonl.gz")
    assert "target" in words
    assert "meadow" not in words


def test_no_id_stands_twice_in_the_shipped_supplement() -> None:
    content = yaml.safe_load(SUPPLEMENT.read_text("utf-8"))
    ids = [*content["country_id"].values(), *content["international"]]
    for section in ("organisation", "outlet", "company", "region", "person", "city"):
        for rows in content[section].values():
            ids += rows
    wikidata = [name for name in ids if name.startswith("Q")]
    assert len(wikidata) > 350
    assert sorted(set(wikidata)) == sorted(wikidata)
    assert all(name.startswith(("Q", "-")) for name in ids)
