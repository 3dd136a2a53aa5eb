"""Facets, topics, stories, changes and the first page over HTTP."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from services.media_topics import media_topics
from tests.api.library import (
    BRIDGE,
    FOLLOW_UP,
    HARBOUR,
    LONG,
    REPRINT,
    STORM,
    STORY,
    TWIN,
    UNKNOWN,
)
from tests.api.test_articles import ids, of

if TYPE_CHECKING:
    from tests.api.client import Client


def test_the_first_page_says_what_there_is(client: Client) -> None:
    answer = client.json("/v1")
    assert (answer["name"], answer["version"]) == ("wiredesk", version("wiredesk"))
    described = client.json("/v1/openapi.json")["paths"]
    links = set(answer["links"].values()) - {"/v1/openapi.json", "/v1/events", "/v1/desk"}
    assert links <= set(described)


def test_facets_count_what_a_query_finds(client: Client) -> None:
    found = client.json("/v1/facets", q="ferries")
    assert (found["counted"], found["complete"]) == (3, True)
    assert set(found["facets"]) == {"topic", "entity", "source", "language"}
    assert found["facets"]["language"] == [{"key": "en", "name": "en", "count": 3}] or (
        found["facets"]["language"][0]["key"] == "en"
    )
    sources = {one["key"]: one["count"] for one in found["facets"]["source"]}
    assert sources == {"Quay Press": 2, "Example Wire": 1}


def test_the_key_of_a_facet_finds_as_many_articles_as_it_counts(client: Client) -> None:
    found = client.json("/v1/facets")
    for name, values in found["facets"].items():
        for value in values:
            hits = client.json("/v1/articles", **{name: value["key"]})["items"]
            assert len(hits) == value["count"], (name, value)


def test_facets_can_be_chosen_and_cut(client: Client) -> None:
    found = client.json("/v1/facets", facet=["day", "entity"], limit=1)
    assert set(found["facets"]) == {"day", "entity"}
    assert found["facets"]["day"][0]["key"] == "2026-03-02"
    assert found["facets"]["day"][0]["count"] == 5
    assert len(found["facets"]["entity"]) == 1


def test_a_facet_that_there_is_not_is_refused(client: Client) -> None:
    told = client.problem(400, "/v1/facets", {"facet": "mood"})
    assert told["errors"][0]["at"].startswith("query: facet")


def nodes(items: Any) -> dict[str, Any]:
    """Every node of a tree, by its code."""
    found: dict[str, Any] = {}
    for item in items:
        found |= {item["code"]: item} | nodes(item["children"])
    return found


def test_topics_are_the_whole_vocabulary_as_a_tree(client: Client) -> None:
    tree = client.json("/v1/topics")
    found = nodes(tree["items"])
    assert set(found) == {*media_topics(), "user:ports"}
    assert tree["version"] == media_topics().version
    assert [node["level"] for node in tree["items"]] == [1] * 17 + [None]
    for code, node in found.items():
        assert node["level"] == media_topics().level(code)
        assert all(child["level"] == node["level"] + 1 for child in node["children"])


def test_topics_count_their_articles(client: Client) -> None:
    found = nodes(client.json("/v1/topics")["items"])
    assert found["medtop:04000000"]["articles"] == 4
    assert (found["user:ports"]["name"], found["user:ports"]["articles"]) == (
        "Ports and harbours",
        1,
    )


def test_stories_of_several_articles_are_listed(client: Client) -> None:
    (story,) = client.json("/v1/stories")["items"]
    assert story == {
        "id": str(STORY),
        "headline": "Harbour of Riverton closes for repairs",
        "articles": 2,
        "sources": 2,
        "first_at": "2026-03-02T13:00:00Z",
        "last_at": "2026-03-02T14:00:00Z",
    }
    assert client.json("/v1/stories", articles=3)["items"] == []
    assert client.json(f"/v1/stories/{STORY}") == story


def test_the_articles_of_a_story_come_in_pages(client: Client) -> None:
    first = client.json(f"/v1/stories/{STORY}/articles", limit=1)
    assert ids(first) == of(REPRINT)
    second = client.json(f"/v1/stories/{STORY}/articles", limit=1, cursor=first["next"])
    assert ids(second) == of(HARBOUR)
    assert second["next"] is None


def test_an_unknown_story_is_not_found(client: Client) -> None:
    for below in ("", "/articles"):
        told = client.problem(404, f"/v1/stories/{UNKNOWN}{below}")
        assert told["detail"] == "There is no story of this id."


def test_changes_tell_of_every_article_how_it_stands(client: Client) -> None:
    answer = client.json("/v1/changes")
    states = {one["id"]: one["state"] for one in answer["items"]}
    live = dict.fromkeys(of(HARBOUR, REPRINT, FOLLOW_UP, BRIDGE, LONG), "live")
    assert states == live | {str(STORM): "withdrawn", str(TWIN): "duplicate"}
    assert len(answer["items"]) == len(states)


def test_whoever_comes_back_for_changes_sees_the_rest(client: Client) -> None:
    every = client.json("/v1/changes")["items"]
    seen: list[Any] = []
    after: dict[str, str] = {}
    for _ in range(len(every) + 1):
        answer = client.json("/v1/changes", limit=2, **after)
        after = {"after": answer["next"]}
        seen += answer["items"]
        if not answer["items"]:
            break
    assert seen == every
    assert client.json("/v1/changes", **after)["next"] == after["after"]


def test_a_cursor_of_a_page_is_none_of_changes(client: Client) -> None:
    page = client.json("/v1/articles", limit=1)["next"]
    change = client.json("/v1/changes", limit=1)["next"]
    for path, given in (
        ("/v1/changes", {"after": page}),
        ("/v1/articles", {"cursor": change}),
    ):
        told = client.problem(400, path, given)
        assert told["type"] == "urn:wiredesk:problem:bad-cursor"
