"""The user's own names: what the file may say, what a wrong one does, and reading it again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from services.bus.errors import StopWorking
from services.enrichment.linking import Cluster, Knowledge, link
from services.enrichment.linking.aliases import AliasFile
from services.enrichment.linking.table import load_table
from services.enrichment.watched_file import MAX_BYTES

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.article import EntityType

TABLE = load_table()

GOOD = """\
# Names of our desk.
- name: Example Corp
  type: ORG
  aliases: [Example, "Example & Sons"]
  wikidata: Q999001
- alias: the Lion of Exampleton
  means: wd:Q2866
- name: Jan Veld
  type: PERSON
  aliases:
    - Old Veld
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A good file."""
    path = tmp_path / "aliases.yaml"
    path.write_text(GOOD, "utf-8")
    return path


def keys(knowledge: Knowledge, name: str) -> list[str]:
    return [candidate.key for candidate in knowledge.candidates(name)]


def linked(knowledge: Knowledge, kind: EntityType, name: str) -> str | None:
    (found,) = link([Cluster(kind, (name,))], knowledge)
    return None if found is None else found.candidate.key


def rewrite(path: Path, text: str) -> None:
    """Replace the file as editors do: another inode, so that a change is never missed."""
    other = path.with_name("new.yaml")
    other.write_text(text, "utf-8")
    other.replace(path)


def refused(tmp_path: Path, text: str | bytes) -> str:
    """The message with which a start on this file ends."""
    path = tmp_path / "aliases.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(StopWorking) as stopped:
        Knowledge.load(path)
    return str(stopped.value)


# --- What the file may say -------------------------------------------------------


def test_a_name_and_its_aliases_are_known_by_the_given_id(file: Path) -> None:
    knowledge = Knowledge.load(file)
    for name in ("Example Corp", "Example", "example & sons", "EXAMPLE CORP"):
        assert keys(knowledge, name) == ["wd:Q999001"]
    corp = knowledge.get("wd:Q999001")
    assert corp is not None
    assert (corp.name, corp.type, corp.kind, corp.wikidata) == (
        "Example Corp",
        "ORG",
        "user",
        "Q999001",
    )


def test_a_nickname_means_somebody_of_the_table(file: Path) -> None:
    knowledge = Knowledge.load(file)
    (lion,) = knowledge.candidates("Lion of Exampleton")
    assert (lion.key, lion.name, lion.type) == ("wd:Q2866", "Alexander Lukashenko", "PERSON")
    assert keys(knowledge, "Alexander Lukashenko") == ["wd:Q2866"]


def test_somebody_without_an_id_is_known_by_type_and_name(file: Path) -> None:
    knowledge = Knowledge.load(file)
    assert keys(knowledge, "Old Veld") == ["person:jan veld"]
    assert [c.key for c in knowledge.people("Veld, Jan")] == ["person:jan veld"]


def test_user_names_win_over_the_table(tmp_path: Path) -> None:
    path = tmp_path / "aliases.yaml"
    path.write_text("- {name: Minsk Tractor Club, type: ORG, aliases: [Minsk]}\n", "utf-8")
    knowledge = Knowledge.load(path)
    assert keys(knowledge, "Minsk") == ["org:minsk tractor club"]
    assert keys(Knowledge(TABLE), "Minsk") == ["wd:Q2280"]


def test_a_user_name_is_linked_whatever_type_the_model_saw(file: Path) -> None:
    knowledge = Knowledge.load(file)
    kinds: tuple[EntityType, ...] = ("ORG", "PRODUCT", "PERSON", "GPE", "LAW")
    for kind in kinds:
        assert linked(knowledge, kind, "Example Corp") == "wd:Q999001"
    assert linked(Knowledge(TABLE), "ORG", "Example Corp") is None


def test_an_entry_of_the_table_may_be_renamed(tmp_path: Path) -> None:
    path = tmp_path / "aliases.yaml"
    path.write_text("- {name: Kiew, type: GPE, wikidata: Q1899}\n", "utf-8")
    knowledge = Knowledge.load(path)
    city = knowledge.get("wd:Q1899")
    assert city is not None
    assert (city.name, city.geonames, city.country) == ("Kiew", "703448", "wd:Q212")


def test_an_alias_may_mean_an_entry_of_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "aliases.yaml"
    path.write_text(
        "- {name: Jan Veld, type: PERSON}\n- {alias: The Gaffer, means: 'person:jan veld'}\n"
    )
    assert keys(Knowledge.load(path), "The Gaffer") == ["person:jan veld"]


def test_a_geonames_id_does_where_there_is_no_other(tmp_path: Path) -> None:
    path = tmp_path / "aliases.yaml"
    path.write_text("- {name: Exampleton, type: GPE, geonames: '424242'}\n")
    (town,) = Knowledge.load(path).candidates("Exampleton")
    assert (town.key, town.geonames) == ("gn:424242", "424242")


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "[]\n", "\n\n"])
def test_an_empty_file_is_a_file_without_aliases(tmp_path: Path, text: str) -> None:
    path = tmp_path / "aliases.yaml"
    path.write_text(text)
    assert keys(Knowledge.load(path), "Minsk") == ["wd:Q2280"]


# --- A wrong file at start -------------------------------------------------------


def test_each_bad_entry_is_named_with_its_line(tmp_path: Path) -> None:
    message = refused(
        tmp_path,
        "- name: Good\n  type: ORG\n- name: No Type\n- name: Wrong\n  type: COMPANY\n"
        "- alias: Nobody\n  means: wd:Q987654321\n",
    )
    assert "aliases.yaml:3: needs 'name' and 'type'" in message
    assert "aliases.yaml:4: type: " in message
    assert "aliases.yaml:6: means: no entry 'wd:Q987654321'" in message
    assert ":1:" not in message


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("- {name: A B, type: ORG, wikidata: 184}", "wikidata"),
        ("- {name: A B, type: ORG, wikidata: q184}", "wikidata"),
        ("- {name: A B, type: ORG, geonames: x}", "geonames"),
        ("- {name: A B, type: ORG, colour: red}", "colour"),
        ("- {name: 12, type: ORG}", "name"),
        ("- {name: '', type: ORG}", "name"),
        ("- {name: '...', type: ORG}", "has no letters"),
        ("- {alias: A B}", "needs 'name' and 'type'"),
        ("- {means: wd:Q184}", "needs an 'alias'"),
        ("- {alias: A B, means: Belarus}", "means"),
        ("- {alias: A B, means: wd:Q184, type: GPE}", "goes with 'alias'"),
        ("- Belarus", "an entry with 'name' or 'alias' is expected"),
        ("- {name: A B, type: ORG}\n- {name: C D, type: ORG, aliases: [a b]}", "already A B"),
    ],
)
def test_a_bad_entry_says_what_is_wrong_with_it(tmp_path: Path, entry: str, reason: str) -> None:
    message = refused(tmp_path, entry + "\n")
    assert reason in message
    assert f"aliases.yaml:{len(entry.splitlines())}" in message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("- name: Good\n  type: [ORG\n- name: x\n", 3),
        ("- name: a: b\n", 1),
        ("name: Good\ntype: ORG\n", 1),
        ("- &a [*a]\n", 1),
        ("just words\n", 1),
        ("- !!python/object/apply:os.system ['true']\n", 1),
    ],
)
def test_what_is_no_list_in_yaml_is_named_with_its_line(
    tmp_path: Path, text: str, line: int
) -> None:
    assert f"aliases.yaml:{line}:" in refused(tmp_path, text)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"\xff\xfe\x00bad", ":1: no text in UTF-8"),
        (b"- name: A B\n  type: \xc3\x28\n", ":2: no text in UTF-8"),
        (b"\x00\x01", ":1: no YAML"),
    ],
)
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, content: bytes, fault: str) -> None:
    assert fault in refused(tmp_path, content)


def test_a_mark_at_the_start_of_the_file_is_no_fault(tmp_path: Path) -> None:
    """Editors on Windows write one."""
    path = tmp_path / "aliases.yaml"
    path.write_text(GOOD, "utf-8-sig")
    assert keys(Knowledge.load(path), "Old Veld") == ["person:jan veld"]


def test_a_file_that_nests_without_end_is_refused(tmp_path: Path) -> None:
    assert "aliases.yaml" in refused(tmp_path, "[" * 1_000)


def test_a_missing_file_is_named_with_its_setting(tmp_path: Path) -> None:
    with pytest.raises(StopWorking, match=r"WIREDESK_ENTITY_ALIASES_FILE: .*none\.yaml"):
        Knowledge.load(tmp_path / "none.yaml")


def test_a_file_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "aliases.yaml"
    with path.open("wb") as sparse:
        sparse.truncate(MAX_BYTES + 1)
    with pytest.raises(StopWorking, match="larger than"):
        Knowledge.load(path)


def test_a_thousand_bad_entries_make_a_short_message(tmp_path: Path) -> None:
    message = refused(tmp_path, "- Belarus\n" * 1000)
    assert "and 980 more" in message
    assert len(message) < 10_000


# --- On change -------------------------------------------------------------------


def test_a_changed_file_is_read_again(file: Path) -> None:
    knowledge = Knowledge.load(file)
    before = knowledge.version
    assert not knowledge.refresh()
    rewrite(file, "- {name: Another Corp, type: ORG}\n")
    assert knowledge.refresh()
    assert keys(knowledge, "Another Corp") == ["org:another corp"]
    assert keys(knowledge, "Example Corp") == []
    assert knowledge.version != before
    assert not knowledge.refresh()


def test_names_looked_up_before_are_looked_up_anew(file: Path) -> None:
    knowledge = Knowledge.load(file)
    assert [c.key for c in knowledge.people("Jan Veld")] == ["person:jan veld"]
    rewrite(file, "- {name: Jan Veld, type: PERSON, wikidata: Q999002}\n")
    assert knowledge.refresh()
    assert [c.key for c in knowledge.people("Jan Veld")] == ["wd:Q999002"]
    assert knowledge.get("person:jan veld") is None


def test_a_file_written_anew_with_the_same_words_is_no_change(file: Path) -> None:
    knowledge = Knowledge.load(file)
    before = knowledge.version
    rewrite(file, GOOD)
    assert not knowledge.refresh()
    assert knowledge.version == before


@pytest.mark.parametrize("text", ["- name: [\n", "- Belarus\n", "\x00"])
def test_a_file_that_goes_bad_leaves_the_older_state_and_says_so(file: Path, text: str) -> None:
    knowledge = Knowledge.load(file)
    before = knowledge.version
    rewrite(file, text)
    with structlog.testing.capture_logs() as logs:
        assert not knowledge.refresh()
        assert not knowledge.refresh()
    assert [line["event"] for line in logs] == ["aliases.unreadable"]
    assert keys(knowledge, "Example Corp") == ["wd:Q999001"]
    assert knowledge.version == f"{before} (aliases file unreadable, older state kept)"
    rewrite(file, GOOD)
    knowledge.refresh()
    assert knowledge.version == before


def test_a_file_that_goes_away_too(file: Path) -> None:
    knowledge = Knowledge.load(file)
    file.unlink()
    assert not knowledge.refresh()
    assert keys(knowledge, "Example Corp") == ["wd:Q999001"]
    assert "unreadable" in knowledge.version
    file.write_text(GOOD, "utf-8")
    knowledge.refresh()
    assert "unreadable" not in knowledge.version


def test_an_edit_in_place_is_seen_by_its_time(file: Path) -> None:
    aliases = AliasFile(file)
    aliases.read(Knowledge(TABLE).get)
    assert not aliases.changed()
    found = file.stat()
    os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns + 1))
    assert aliases.changed()


def test_a_desk_without_a_file_never_changes() -> None:
    knowledge = Knowledge(TABLE)
    assert not knowledge.refresh()
    assert "aliases" not in knowledge.version


def test_the_version_depends_on_the_words_and_not_on_the_place(tmp_path: Path, file: Path) -> None:
    other = tmp_path / "elsewhere.yaml"
    other.write_text(GOOD, "utf-8")
    assert Knowledge.load(file).version == Knowledge.load(other).version


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_any_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / "aliases.yaml"
    path.write_bytes(content)
    try:
        AliasFile(path).read(Knowledge(TABLE).get)
    except StopWorking as error:
        message = str(error)
    else:
        return
    assert "aliases.yaml" in message
