"""The knowledge table: what it knows, how it is read, and what happens when it is broken."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from services.bus.errors import StopWorking
from services.enrichment.knowledge.entity_supplement import SUPPLEMENT
from services.enrichment.linking import Candidate, Knowledge, WrongTableError
from services.enrichment.linking.forms import form, hashed, own_key, without_legal_form
from services.enrichment.linking.table import TABLE_FILE, Column, load_table, make_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.article import EntityType


@cache
def knowledge() -> Knowledge:
    """The shipped table, read once."""
    return Knowledge.load()


def keys(name: str, kind: EntityType | None = None) -> list[str]:
    return [c.key for c in knowledge().candidates(name) if kind in {None, c.type}]


COUNTRIES = {
    "Q184": ["Belarus", "Republic of Belarus", "Беларусь", "Białoruś", "Byelorussia"],
    "Q148": ["China", "PRC", "People's Republic of China", "People’s Republic of China", "Китай"],
    "Q159": ["Russia", "Russian Federation", "Россия"],
    "Q212": ["Ukraine", "the Ukraine", "Україна"],
    "Q232": ["Kazakhstan", "Казахстан"],
    "Q30": ["United States", "U.S.", "US", "USA", "U.S.A.", "America", "the United States"],
    "Q145": ["United Kingdom", "UK", "U.K.", "Britain", "Great Britain"],
    "Q836": ["Myanmar", "Burma"],
    "Q43": ["Turkey", "Türkiye", "Turkiye"],
    "Q1008": ["Ivory Coast", "Côte d'Ivoire"],
    "Q865": ["Taiwan"],
    "Q1246": ["Kosovo"],
    "Q1030": ["Namibia"],
    "Q219060": ["Palestine", "State of Palestine"],
}
PLACES = {
    "Q2280": ["Minsk", "Минск", "Мінск"],
    "Q1899": ["Kyiv", "Kiev", "Київ", "Киев"],
    "Q956": ["Beijing", "Peking"],
    "Q649": ["Moscow", "Москва"],
    "Q46": ["Europe"],
    "Q7204": ["Middle East"],
    "Q7835": ["Crimea"],
    "Q21": ["England"],
    "Q1439": ["Texas"],
    "Q1156": ["Mumbai", "Bombay"],
    "Q60": ["New York City"],
    "Q36600": ["The Hague"],
}
PEOPLE = {
    "Q2866": ["Alexander Lukashenko", "Alyaksandr Lukashenka", "Aljaksandr Łukašenka",
              "Александр Лукашенко", "Lukashenko, Alexander", "President Alexander Lukashenko"],
    "Q15031": ["Xi Jinping", "President Xi Jinping", "Jinping Xi"],
    "Q7747": ["Vladimir Putin", "Wladimir Putin", "Vladimir Poutine", "Владимир Путин"],
    "Q3874799": ["Volodymyr Zelensky", "Volodymyr Zelenskyy", "Vladimir Zelenskiy",
                 "Володимир Зеленський"],
    "Q7821917": ["Antony Blinken", "Secretary Antony Blinken", "Tony Blinken"],
    "Q6279": ["Joe Biden", "Joseph R. Biden Jr."],
    "Q6383803": ["Keir Starmer", "Sir Keir Starmer"],
    "Q10648": ["Gordon Brown"],
}  # fmt: skip
BODIES = {
    "Q1065": ["United Nations", "UN", "U.N.", "the United Nations"],
    "Q458": ["European Union", "EU"],
    "Q7184": ["NATO", "Nato", "North Atlantic Treaty Organization"],
    "Q7817": ["WHO", "World Health Organization"],
    "Q7804": ["IMF", "International Monetary Fund"],
    "Q7795": ["OPEC", "Opec"],
    "Q130879": ["Reuters"],
    "Q40469": ["AP", "Associated Press", "The Associated Press"],
    "Q48340": ["CNN"],
    "Q9684": ["The New York Times", "New York Times"],
    "Q789915": ["State Department", "US Department of State", "U.S. State Department"],
    "Q2283": ["Microsoft", "Microsoft Corp.", "Microsoft Corporation"],
    "Q312": ["Apple", "Apple Inc."],
}


@pytest.mark.parametrize(
    ("qid", "name"),
    [
        (qid, name)
        for group in (COUNTRIES, PLACES)
        for qid, names in group.items()
        for name in names
    ],
)
def test_places_are_known_by_their_names(qid: str, name: str) -> None:
    assert f"wd:{qid}" in keys(name)


@pytest.mark.parametrize(
    ("qid", "name"), [(qid, name) for qid, names in BODIES.items() for name in names]
)
def test_organisations_are_known_by_their_names(qid: str, name: str) -> None:
    assert keys(name, "ORG")[:1] == [f"wd:{qid}"]


@pytest.mark.parametrize(
    ("qid", "name"), [(qid, name) for qid, names in PEOPLE.items() for name in names]
)
def test_people_are_known_across_spellings_and_scripts(qid: str, name: str) -> None:
    assert [c.key for c in knowledge().people(name)] == [f"wd:{qid}"]


@pytest.mark.parametrize("name", ["BelTA", "Belarusian Telegraph Agency", "БелТА", "BELTA"])
def test_a_body_without_a_sure_id_is_known_by_type_and_name(name: str) -> None:
    (agency,) = knowledge().candidates(name)
    assert (agency.key, agency.wikidata, agency.country) == ("org:belta", None, "wd:Q184")
    assert knowledge().get("org:belta") == knowledge().get(agency.key)


def test_a_person_without_a_sure_id_too() -> None:
    (spokesman,) = knowledge().people("Ned Price")
    assert (spokesman.key, spokesman.wikidata) == ("person:ned price", None)
    assert knowledge().get("person:ned price") is not None


@pytest.mark.parametrize(
    ("name", "usual", "country"),
    [
        ("Belarusian", "Belarusian", "wd:Q184"),
        ("Belarusians", "Belarusian", "wd:Q184"),
        ("Americans", "American", "wd:Q30"),
        ("Chinese", "Chinese", "wd:Q148"),
        ("Britons", "British", "wd:Q145"),
        ("Swedes", "Swedish", "wd:Q34"),
        ("Kazakhs", "Kazakh", "wd:Q232"),
    ],
)
def test_a_demonym_is_an_entry_of_its_own_that_knows_its_country(
    name: str, usual: str, country: str
) -> None:
    (people,) = [c for c in knowledge().candidates(name) if c.type == "NORP"]
    assert (people.name, people.kind, people.country) == (usual, "demonym", country)
    assert people.key == f"norp:{usual.lower()}"
    assert people.wikidata is None


def test_a_country_has_all_its_codes_and_a_city_its_country() -> None:
    belarus, minsk = knowledge().get("wd:Q184"), knowledge().get("wd:Q2280")
    assert belarus is not None
    assert (belarus.iso_country, belarus.geonames, belarus.country) == ("BY", "630336", None)
    assert minsk is not None
    assert (minsk.kind, minsk.geonames, minsk.country) == ("capital", "625144", "wd:Q184")
    assert minsk.iso_country is None


def test_cities_without_a_wikidata_id_have_that_of_geonames() -> None:
    (city,) = knowledge().candidates("Baranovichi")
    assert city.key == f"gn:{city.geonames}"
    assert knowledge().get(city.key) == city


@pytest.mark.parametrize("name", ["who", "Who", "us", "Us", "Un", "ap", "it", "imf"])
def test_a_short_abbreviation_is_found_only_in_capitals(name: str) -> None:
    assert not [c for c in knowledge().candidates(name) if c.abbreviation]


@pytest.mark.parametrize(
    "name",
    ["", " ", "7", "2023", "a", ".", "…", "A" * 5000, "\x00", "\u0301\u0301", "monday of never"],
)
def test_what_is_no_name_is_nobodys(name: str) -> None:
    assert not knowledge().candidates(name)
    assert not knowledge().people(name)


@given(st.text(max_size=80))
def test_any_text_may_be_looked_up(name: str) -> None:
    for candidate in (*knowledge().candidates(name), *knowledge().people(name)):
        assert knowledge().get(candidate.key) is not None


@pytest.mark.parametrize("key", ["", "wd:", "wd:Q", "wd:Qx", "wd:Q99999999999999", "gn:x", "x"])
def test_an_unknown_key_has_no_entry(key: str) -> None:
    assert knowledge().get(key) is None


def test_every_entry_is_found_by_its_key_and_its_name() -> None:
    """A sample over the whole table: no key collides, no name is lost."""
    table = load_table()
    lost = []
    for entry in range(0, len(table), 997):
        candidate = table.candidate(entry)
        if candidate.kind in {"company", "outlet"}:
            continue  # a name that the supplement claims is taken from them
        if table.entry_of(candidate.key) is None or candidate.key not in keys(candidate.name):
            lost.append(candidate)
    assert not lost


def test_wikidata_ids_of_the_seeds_agree_with_the_shared_sources() -> None:
    wanted = {"Q2866": "Alexander Lukashenko", "Q15031": "Xi Jinping", "Q7747": "Vladimir Putin",
              "Q3874799": "Volodymyr Zelensky", "Q7821917": "Antony Blinken", "Q184": "Belarus",
              "Q148": "China", "Q159": "Russia", "Q2280": "Minsk", "Q1899": "Kyiv",
              "Q956": "Beijing", "Q232": "Kazakhstan", "Q212": "Ukraine", "Q46": "Europe",
              "Q30": "United States"}  # fmt: skip
    found = {qid: knowledge().get(f"wd:{qid}") for qid in wanted}
    assert {qid: c and c.name for qid, c in found.items()} == wanted


def test_the_table_names_its_sources() -> None:
    notices = " ".join(load_table().facts["notices"])
    for source in ("Wikidata", "GeoNames", "name-suggestion-index", "country-codes"):
        assert source in notices
    notice = (Path(__file__).parents[2] / "NOTICE").read_text("utf-8")
    assert "knowledge/entities.npz" in notice


def test_version_and_digest_are_for_provenance() -> None:
    assert knowledge().version.startswith("entities 20")
    assert len(knowledge().sha256) == 64


def test_the_file_is_small_and_quick_to_read() -> None:
    assert TABLE_FILE.stat().st_size < 6_000_000
    best = min(_seconds(load_table) for _ in range(3))
    assert best < 0.3


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def test_the_table_takes_little_memory() -> None:
    """Each worker holds one; measured in a fresh process, after the imports."""
    script = (
        "import resource\n"
        "from services.enrichment.linking import Knowledge\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak(); knowledge = Knowledge.load(); print(peak() - before)\n"
    )
    here = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=here, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(here)},
    )  # fmt: skip
    assert int(done.stdout) < 25_000  # kilobytes


def arrays() -> dict[str, Any]:
    with np.load(TABLE_FILE) as content:
        return dict(content)


def rewritten(path: Path, **changes: Any) -> Path:
    """The shipped table with some of its columns changed (None: left out)."""
    content = {k: v for k, v in (arrays() | changes).items() if v is not None}
    buffer = io.BytesIO()
    np.savez(buffer, **content)
    file = path / "entities.npz"
    file.write_bytes(buffer.getvalue())
    return file


def facts(**changes: Any) -> Any:
    known = json.loads(str(arrays()["facts"]))
    return np.array(json.dumps(known | changes))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kinds", None),
        ("kinds", np.zeros(3, dtype=np.uint8)),
        ("facts", np.array("no json")),
        ("facts", np.array("{}")),
        ("aliases_entries", np.full(5, 2**31, dtype=np.uint32)),
        ("aliases_hashes", None),
        ("names", np.zeros(7, dtype=np.uint8)),
        ("ends", np.zeros(0, dtype=np.uint32)),
    ],
)
def test_a_damaged_table_stops_the_start(tmp_path: Path, name: str, value: Any) -> None:
    file = rewritten(tmp_path, **{name: value})
    with pytest.raises(WrongTableError, match="Reinstall"):
        load_table(file)
    with pytest.raises(StopWorking, match=r"entities\.npz"):
        Knowledge.load(table=file)


def test_a_table_of_another_format_says_so(tmp_path: Path) -> None:
    with pytest.raises(WrongTableError, match="format 99, this software reads format"):
        load_table(rewritten(tmp_path, facts=facts(format=99)))


@pytest.mark.parametrize("size", [0, 1, 100, 100_000, -100, -1])
def test_a_table_cut_short_stops_the_start(tmp_path: Path, size: int) -> None:
    content = TABLE_FILE.read_bytes()
    file = tmp_path / "entities.npz"
    file.write_bytes(content[: size if size >= 0 else len(content) + size])
    with pytest.raises(WrongTableError, match="can't be read"):
        load_table(file)


def test_a_flipped_byte_is_found(tmp_path: Path) -> None:
    content = bytearray(TABLE_FILE.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file = tmp_path / "entities.npz"
    file.write_bytes(content)
    with pytest.raises(WrongTableError):
        load_table(file)


def test_a_missing_table_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(StopWorking, match="can't be read"):
        Knowledge.load(table=tmp_path / "none.npz")


def test_the_same_table_is_written_as_the_same_bytes() -> None:
    one, other = io.BytesIO(), io.BytesIO()
    table = load_table()
    table.save(one)
    table.save(other)
    assert one.getvalue() == other.getvalue()


def test_names_with_one_hash_stand_side_by_side() -> None:
    column = Column.of([("b", 2, 0), ("a", 1, 1), ("a", 3, 0), ("a", 1, 2)])
    assert column.find("a") == [(1, 1), (3, 0)]
    assert column.find("b") == [(2, 0)]
    assert column.find("c") == []


def test_a_small_table_finds_its_entries() -> None:
    rows = [
        Candidate("", "Arcadia", "GPE", "country", wikidata="Q1", iso_country="XA"),
        Candidate("", "Meadow", "GPE", "city", geonames="7", weight=5),
    ]
    aliases = [("arcadia", 0, 0), ("meadow", 1, 2)]
    table = make_table(rows, ["XA", "XA"], aliases, [], [], {"version": "1", "notices": []})
    (city,) = Knowledge(table).candidates("Meadow")
    assert (city.key, city.country, city.weak, city.weight) == ("gn:7", "wd:Q1", True, 5)


def test_a_hash_is_the_same_on_every_machine() -> None:
    assert hashed("minsk") == 0x11E049508BF616B0  # else a shipped table finds nothing


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("The New York Times", "new york times"),
        ("U.N.", "un"),
        ("Guinea-Bissau", "guinea bissau"),
        ("St. Louis", "st louis"),
        ("Washington, D.C.", "washington, d.c"),
        ("Łódź", "lodz"),
        ("Минск", "minsk"),
        ("People’s  Republic", "people's republic"),
    ],
)
def test_the_form_of_a_name(name: str, plain: str) -> None:
    assert form(name) == plain


@pytest.mark.parametrize(
    ("name", "plain"),
    [("microsoft corp", "microsoft"), ("acme co, inc", "acme"), ("inc", "inc"), ("un", "un")],
)
def test_a_companys_name_without_its_legal_form(name: str, plain: str) -> None:
    assert without_legal_form(name) == plain


def test_a_key_of_ones_own() -> None:
    assert own_key("PERSON", "Dr. Ned Price") == "person:ned price"
    assert own_key("ORG", "The Hill") == "org:hill"


def test_the_shipped_table_was_built_with_this_supplement() -> None:
    """Each name of it finds its entry: the table is built anew when the supplement changes."""
    content = yaml.safe_load(SUPPLEMENT.read_text("utf-8"))
    rows = dict(content["international"])
    for section in ("organisation", "outlet", "company", "region", "person", "city"):
        for entries in content[section].values():
            rows |= {qid: names for qid, names in entries.items() if qid.startswith("Q")}
    lost = [
        (qid, name)
        for qid, names in rows.items()
        for name in (raw.removeprefix("~") for raw in names)
        if f"wd:{qid}" not in keys(name)
    ]
    assert not lost
