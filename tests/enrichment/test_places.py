"""What the knowledge table says of a name's type, before anybody knows who is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.enrichment.annotators.gazetteer import Gazetteer
from services.enrichment.linking import Knowledge
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
        ("America", "United States"),
        ("PRC", "China"),
        ("People’s Republic of China", "China"),
        ("Côte d'Ivoire", "Ivory Coast"),
        ("Kiev", "Kyiv"),
        ("the Netherlands", "Netherlands"),
    ],
)
def test_a_country_or_capital_is_known_by_its_names(name: str, usual: str) -> None:
    place = gazetteer().get(name)
    assert place is not None
    assert (place.name, place.type) == (usual, "GPE")


@pytest.mark.parametrize(("name", "usual"), [("Chinese", "Chinese"), ("Belarusians", "Belarusian")])
def test_a_people_is_kept_apart_from_its_country(name: str, usual: str) -> None:
    place = gazetteer().get(name)
    assert place is not None
    assert (place.name, place.type, place.country) == (usual, "NORP", False)


@pytest.mark.parametrize("name", ["Jordan", "Chad", "Georgia", "Paris", "Washington", "Chelsea"])
def test_names_that_people_bear_too_are_uncertain(name: str) -> None:
    place = gazetteer().get(name)
    assert place is not None
    assert not place.certain
    assert not place.unmistakable


@pytest.mark.parametrize("name", ["Belarus", "China", "Kyiv", "Norway", "Beijing", "Russian"])
def test_other_countries_capitals_and_peoples_are_certain(name: str) -> None:
    place = gazetteer().get(name)
    assert place is not None
    assert place.certain
    assert place.unmistakable


@pytest.mark.parametrize(("name", "is_one"), [("Jordan", True), ("China", True), ("Kyiv", False)])
def test_countries_are_told_from_cities(name: str, is_one: bool) -> None:  # noqa: FBT001 (a parameter of the test)
    assert gazetteer().is_country(name) is is_one


@pytest.mark.parametrize("name", ["NATO", "BelTA", "United Nations", "New York Times"])
def test_bodies_are_unmistakable_when_they_are_not_written_like_a_word(name: str) -> None:
    place = gazetteer().get(name)
    assert place is not None
    assert place.type == "ORG"
    assert place.unmistakable


@pytest.mark.parametrize("name", ["Apple", "Target", "Hill"])
def test_a_body_called_like_a_word_says_nothing_by_itself(name: str) -> None:
    place = gazetteer().get(name)
    assert place is None or not place.unmistakable


@pytest.mark.parametrize("name", ["", "Arcadia Wobbly", "x" * 5_000_000, "Vladimir Putin"])
def test_other_strings_and_people_are_no_places(name: str) -> None:
    assert gazetteer().get(name) is None


def test_a_users_alias_counts_from_the_moment_it_is_written(tmp_path: Path) -> None:
    file = tmp_path / "aliases.yaml"
    file.write_text("[]\n")
    own = Gazetteer(Knowledge.load(file))
    assert own.get("Riverton Reds") is None
    before = own.version
    file.write_text("- {name: Riverton Reds, type: ORG}\n")
    own.refresh()
    place = own.get("Riverton Reds")
    assert place is not None
    assert (place.type, place.certain) == ("ORG", True)
    assert own.version != before
