"""Articles over HTTP: search, the whole article, versions, near-duplicates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.api import library
from tests.api.library import BRIDGE, FOLLOW_UP, HARBOUR, LONG, REPRINT, STORM, TWIN, UNKNOWN

if TYPE_CHECKING:
    from uuid import UUID

    from tests.api.client import Client

SEARCHABLE = [LONG, BRIDGE, FOLLOW_UP, REPRINT, HARBOUR]
"""What a search can find, newest first."""


def ids(answer: Any) -> list[str]:
    return [item["id"] for item in answer["items"]]


def of(*articles: UUID) -> list[str]:
    return [str(article) for article in articles]


def test_without_conditions_every_article_comes_newest_first(client: Client) -> None:
    answer = client.json("/v1/articles")
    assert ids(answer) == of(*SEARCHABLE)
    assert answer["next"] is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"q": "ferries"}, {FOLLOW_UP, HARBOUR, REPRINT}),
        ({"q": '"run again, said"'}, {FOLLOW_UP}),
        ({"q": "paragr*"}, {LONG}),
        ({"q": "paragraph OR pont"}, {LONG, BRIDGE}),
        ({"q": "ferries NOT mayor"}, {FOLLOW_UP}),
        ({"q": "zebra"}, set()),
        ({"entity": "person:ana petrova"}, {FOLLOW_UP, HARBOUR, REPRINT}),
        ({"entity": "A. Petrova"}, {FOLLOW_UP, HARBOUR, REPRINT}),
        ({"topic": "medtop:04000000"}, {LONG, FOLLOW_UP, HARBOUR, REPRINT}),
        ({"topic": "user:ports"}, {LONG}),
        ({"source": "quay press"}, {FOLLOW_UP, REPRINT}),
        ({"language": "fr"}, {BRIDGE}),
        ({"language": "FR"}, {BRIDGE}),
        ({"since": "2026-03-02T16:00:00Z"}, {BRIDGE, LONG}),
        ({"until": "2026-03-02T17:00:00+03:00"}, {HARBOUR}),
        ({"since": "2026-03-03"}, set()),
        ({"story": str(library.STORY)}, {HARBOUR, REPRINT}),
        ({"copy_of": str(HARBOUR)}, {REPRINT}),
        ({"source": "Quay Press", "q": "mayor"}, {REPRINT}),
    ],
)
def test_a_search_gives_what_matches_every_condition(
    client: Client, given: dict[str, str], expected: set[UUID]
) -> None:
    assert set(ids(client.json("/v1/articles", **given))) == set(of(*expected))


def test_a_plus_sign_that_nobody_escaped_is_still_a_zone(client: Client) -> None:
    answer = client.json("/v1/articles?until=2026-03-02T17:00:00+03:00")
    assert ids(answer) == of(HARBOUR)


def test_an_article_in_a_list_shows_what_it_is_about(client: Client) -> None:
    (shown,) = client.json("/v1/articles", copy_of=str(HARBOUR))["items"]
    assert shown["headline"] == "Harbour of Riverton shut"
    assert shown["source"] == "Quay Press"
    assert shown["language"] == "en"
    assert shown["listed_at"] == shown["published_at"] == "2026-03-02T14:00:00Z"
    assert shown["topics"] == [{"code": library.ECONOMY.code, "name": library.ECONOMY.name}]
    assert shown["story"] == str(library.STORY)
    assert shown["copy_of"] == str(HARBOUR)
    assert shown["excerpt"].startswith("Mayor Ana Petrova closed")


def test_matches_are_offsets_into_the_excerpt(client: Client) -> None:
    (shown,) = client.json("/v1/articles", q="petrova ferries NOT mayor")["items"]
    found = [shown["excerpt"][at["start"] : at["end"]] for at in shown["matches"]]
    assert found == ["Ferries", "Petrova"]


def test_markup_in_an_article_is_text_and_stays_as_it_is(client: Client) -> None:
    (shown,) = client.json("/v1/articles", q="petrova NOT mayor")["items"]
    assert "<b>Ana Petrova</b> & the port" in shown["excerpt"]


def test_the_order_can_be_said(client: Client) -> None:
    newest = client.json("/v1/articles", q="ferries", order="newest")
    assert ids(newest) == of(FOLLOW_UP, REPRINT, HARBOUR)
    best = client.json("/v1/articles", q="ferries", order="relevance", limit=1)
    assert len(best["items"]) == 1
    assert best["next"] is None


def test_an_article_comes_whole_with_where_it_stands(client: Client) -> None:
    view = client.json(f"/v1/articles/{HARBOUR}")
    assert (view["id"], view["state"], view["versions"]) == (str(HARBOUR), "live", 2)
    assert view["duplicate_of"] is None
    article = view["article"]
    assert article["revision"] == 2
    assert article["provenance"][0]["annotator"] == "test-language"
    for entity in article["entities"]:
        for mention in entity["mentions"]:
            assert article["text"][mention["start"] : mention["end"]] == mention["text"]


def test_words_are_marked_in_the_whole_text(client: Client) -> None:
    view = client.json(f"/v1/articles/{HARBOUR}", q='riverton "quay wall" -zebra')
    marked = [view["article"]["text"][at["start"] : at["end"]] for at in view["highlights"]]
    assert set(marked) == {"Riverton", "quay wall"}
    assert client.json(f"/v1/articles/{HARBOUR}")["highlights"] == []


def test_words_that_are_nowhere_mark_nothing(client: Client) -> None:
    assert client.json(f"/v1/articles/{HARBOUR}", q="zebra")["highlights"] == []


def test_words_that_cannot_be_searched_for_are_refused(client: Client) -> None:
    for path in ("/v1/articles", "/v1/facets", f"/v1/articles/{HARBOUR}"):
        told = client.problem(400, path, {"q": "NOT zebra"})
        assert told["type"] == "urn:wiredesk:problem:bad-query"
        assert "something to find" in told["detail"]


def test_a_duplicate_can_be_read_and_says_of_which(client: Client) -> None:
    view = client.json(f"/v1/articles/{TWIN}")
    assert (view["state"], view["duplicate_of"]) == ("duplicate", str(BRIDGE))
    assert view["article"]["headline"] == "Le pont de Riverton"


@pytest.mark.parametrize("below", ["", "/versions", "/versions/1", "/near-duplicates"])
def test_of_a_withdrawn_article_nothing_is_told(client: Client, below: str) -> None:
    answer = client.get(f"/v1/articles/{STORM}{below}")
    told = client.problem(410, f"/v1/articles/{STORM}{below}")
    assert told["type"] == "urn:wiredesk:problem:withdrawn"
    assert "secret" not in answer.text
    assert "confirmed" not in answer.text


@pytest.mark.parametrize("below", ["", "/versions", "/versions/1", "/near-duplicates"])
def test_an_unknown_article_is_not_found(client: Client, below: str) -> None:
    told = client.problem(404, f"/v1/articles/{UNKNOWN}{below}")
    assert told["detail"] == "There is no article of this id."


def test_what_is_no_id_is_a_wrong_parameter(client: Client) -> None:
    told = client.problem(400, "/v1/articles/riverton")
    assert told["errors"][0]["at"] == "path: article_id"
    assert "riverton" not in str(told)


def test_versions_are_listed_oldest_first_and_can_be_read(client: Client) -> None:
    first, second = client.json(f"/v1/articles/{HARBOUR}/versions")["items"]
    assert (first["number"], first["headline"]) == (1, "Harbour to close")
    assert (second["number"], second["revision"], second["withdrawn"]) == (2, 2, False)
    assert client.json(f"/v1/articles/{HARBOUR}/versions/1")["headline"] == "Harbour to close"
    now = client.json(f"/v1/articles/{HARBOUR}/versions/2")
    assert now == client.json(f"/v1/articles/{HARBOUR}")["article"]


def test_a_version_that_never_was_is_not_found(client: Client) -> None:
    told = client.problem(404, f"/v1/articles/{HARBOUR}/versions/3")
    assert told["detail"] == "There is no version of this number."
    for number in ("0", "-1", "one", str(2**31)):
        client.problem(400, f"/v1/articles/{HARBOUR}/versions/{number}")


def test_near_duplicates_are_the_copies_and_those_that_the_article_names(client: Client) -> None:
    near = client.json(f"/v1/articles/{HARBOUR}/near-duplicates")
    assert ids(near) == of(FOLLOW_UP, REPRINT)
    assert near["next"] is None


def test_a_copy_lists_its_original_as_other_lists_show_it(client: Client) -> None:
    (shown,) = client.json(f"/v1/articles/{REPRINT}/near-duplicates")["items"]
    listed = {one["id"]: one for one in client.json("/v1/articles")["items"]}
    assert shown == listed[str(HARBOUR)]


def test_near_duplicates_that_no_search_finds_are_left_out(client: Client) -> None:
    named = client.json(f"/v1/articles/{FOLLOW_UP}")["article"]["near_duplicates"]
    assert {one["article_id"] for one in named} == set(of(REPRINT, STORM, UNKNOWN))
    assert ids(client.json(f"/v1/articles/{FOLLOW_UP}/near-duplicates")) == of(REPRINT)
