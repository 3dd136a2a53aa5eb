"""Entities over HTTP: by prefix, whole, their articles, company and days; keys in paths."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.api.library import ACCENTED, BRIDGE, FOLLOW_UP, HARBOUR, REPRINT, SLASHED, TRICKY
from tests.api.test_articles import ids, of

if TYPE_CHECKING:
    from tests.api.client import Client

ANA = "/v1/entities/person:ana%20petrova"


def path(key: str, below: str = "") -> str:
    """The path of an entity, its key written as the documentation says."""
    return f"/v1/entities/{quote(key, safe='')}{below}"


def test_entities_are_found_by_the_beginning_of_a_word(client: Client) -> None:
    found = client.json("/v1/entities", prefix="petr")["items"]
    assert [one["key"] for one in found] == ["person:ana petrova"]
    assert (found[0]["name"], found[0]["type"], found[0]["articles"]) == (
        "Ana Petrova",
        "PERSON",
        3,
    )


def test_a_type_narrows_them_and_a_limit_cuts_them(client: Client) -> None:
    every = client.json("/v1/entities", prefix="riv")["items"]
    assert [one["key"] for one in every] == ["gpe:riverton", "org:riverton port authority"]
    places = client.json("/v1/entities", prefix="riv", type="ORG")["items"]
    assert [one["key"] for one in places] == ["org:riverton port authority"]
    assert client.json("/v1/entities", prefix="riv", limit=1)["items"] == every[:1]


def test_a_prefix_is_needed_and_the_type_must_be_one(client: Client) -> None:
    assert client.problem(400, "/v1/entities")["errors"][0]["at"] == "query: prefix"
    told = client.problem(400, "/v1/entities", {"prefix": "riv", "type": "SHIP"})
    assert told["errors"][0]["at"] == "query: type"


def test_an_entity_comes_whole(client: Client) -> None:
    view = client.json(ANA)
    assert (view["key"], view["name"], view["articles"]) == ("person:ana petrova", "Ana Petrova", 3)
    assert view["names"][0] == {"name": "Ana Petrova", "articles": 3}
    assert view["merged"] == ["person:a. petrova"]
    assert view["url"] is None


def test_a_key_that_was_merged_leads_to_the_one_that_holds(client: Client) -> None:
    assert client.json(path("person:a. petrova"))["key"] == "person:ana petrova"
    assert client.json(path("PERSON:Ana Petrova"))["key"] == "person:ana petrova"


@pytest.mark.parametrize("key", [SLASHED, ACCENTED, TRICKY])
def test_a_key_may_hold_slashes_spaces_and_letters_of_any_kind(client: Client, key: str) -> None:
    assert client.json(path(key))["key"] == key
    assert ids(client.json(path(key, "/articles"))) == of(BRIDGE)
    assert client.json(path(key, "/timeline"))["items"] == [{"day": "2026-03-02", "articles": 1}]
    company = {one["key"] for one in client.json(path(key, "/co-mentions"))["items"]}
    assert company == {SLASHED, ACCENTED, TRICKY, "gpe:riverton"} - {key}


def test_a_slash_that_was_not_encoded_is_understood_where_it_can_be(client: Client) -> None:
    assert client.json("/v1/entities/org:quay%20a/b%20works")["key"] == SLASHED


def test_articles_of_an_entity_come_in_pages_and_by_time(client: Client) -> None:
    first = client.json(f"{ANA}/articles", limit=2)
    assert ids(first) == of(FOLLOW_UP, REPRINT)
    assert ids(client.json(f"{ANA}/articles", cursor=first["next"])) == of(HARBOUR)
    assert ids(client.json(f"{ANA}/articles", until="2026-03-02T14:00:00Z")) == of(HARBOUR)


def test_the_cursor_of_one_entity_is_refused_by_another(client: Client) -> None:
    first = client.json(f"{ANA}/articles", limit=1)
    told = client.problem(400, path("gpe:riverton", "/articles"), {"cursor": first["next"]})
    assert told["type"] == "urn:wiredesk:problem:bad-cursor"


def test_who_is_named_beside_an_entity_comes_most_often_first(client: Client) -> None:
    found = client.json(f"{ANA}/co-mentions")
    assert (found["counted"], found["complete"]) == (3, True)
    assert [(one["key"], one["articles"]) for one in found["items"]] == [
        ("gpe:riverton", 3),
        ("org:riverton port authority", 2),
    ]
    assert len(client.json(f"{ANA}/co-mentions", limit=1)["items"]) == 1


def test_the_days_of_an_entity(client: Client) -> None:
    assert client.json(f"{ANA}/timeline")["items"] == [{"day": "2026-03-02", "articles": 3}]
    assert client.json(f"{ANA}/timeline", since="2026-03-03")["items"] == []


@pytest.mark.parametrize("below", ["", "/articles", "/co-mentions", "/timeline"])
def test_an_unknown_entity_is_not_found_and_not_repeated(client: Client, below: str) -> None:
    told = client.problem(404, path("person:nobody <script>", below))
    assert told["detail"] == "There is no entity of this key."
    assert "script" not in str(told)


@pytest.mark.parametrize("key", ["", "%00", "a%ff", "%ed%a0%80", "x" * 401, "%1b[31m"])
def test_what_cannot_be_a_key_is_refused(client: Client, key: str) -> None:
    told = client.problem(400, f"/v1/entities/{key}")
    assert told["errors"][0]["at"] == "path: key"
