"""What docs/api.md shows works as it is written there."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from services.settings import Settings
from tests.api.client import problem_of
from tests.api.library import HARBOUR, STORY
from tests.repo.lock_check import ROOT

if TYPE_CHECKING:
    import httpx

    from tests.api.client import Client

TEXT = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"<!-- example: ([\w-]+) -->\n```sh\n(.*?)\n```", TEXT, re.DOTALL))
BASE = "http://127.0.0.1:8420"


def run(client: Client, name: str) -> httpx.Response:
    """The answer to an example, with ids that are there in the place of its words in capitals."""
    known = {"ARTICLE": str(HARBOUR), "STORY": str(STORY)}
    command = EXAMPLES[name]
    if "NEXT" in command:
        known["NEXT"] = client.json("/v1/articles", limit=2)["next"]
    for word, value in known.items():
        command = command.replace(word, value)
    url, data = parsed(command)
    assert url.startswith(BASE)
    joined = f"{url}?{'&'.join(data)}" if data else url
    return client.get(joined.removeprefix(BASE))


def parsed(command: str) -> tuple[str, list[str]]:
    """The address that curl asks, and what it puts behind it."""
    words = iter(shlex.split(command))
    assert next(words) == "curl"
    url, data, get = "", [], False
    for word in words:
        if word == "-G":
            get = True
        elif word == "-d":
            data.append(next(words))
        elif word == "--data-urlencode":
            name, _, value = next(words).partition("=")
            data.append(urlencode({name: value}))
        elif word != "-s":
            url = word
    assert get or not data, "curl would send a POST"
    return url, data


@pytest.mark.parametrize("name", sorted(set(EXAMPLES) - {"problem"}))
def test_the_example_is_answered(client: Client, name: str) -> None:
    answer = run(client, name)
    assert answer.status_code == 200, answer.text
    given: dict[str, Any] = answer.json()
    assert given.get("items", ["something"]), "an example that finds nothing shows nothing"


def test_the_examples_find_what_the_text_says(client: Client) -> None:
    found = run(client, "words").json()["items"]
    assert all(item["matches"] for item in found)
    assert run(client, "article").json()["highlights"]
    assert set(run(client, "facets").json()["facets"]) == {"source", "day"}
    assert run(client, "versions").json()["items"][0]["number"] == 1


def test_the_example_of_a_problem_is_one(client: Client) -> None:
    told = problem_of(run(client, "problem"), 400)
    assert told["errors"]


def test_the_table_of_filters_is_whole(client: Client) -> None:
    rows = re.findall(r"^\| (`.*?`) \|", TEXT, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    document = client.json("/v1/openapi.json")
    parameters = document["paths"]["/v1/articles"]["get"]["parameters"]
    assert named == {one["name"] for one in parameters} - {"cursor"}


def test_every_path_of_reading_has_an_example(client: Client) -> None:
    shown = " ".join(EXAMPLES.values()).replace("person:ana%20petrova", "KEY")
    for path in client.json("/v1/openapi.json")["paths"]:
        if path in {"/v1/events", "/v1/desk", "/v1/stories/{story_id}"}:
            continue
        wanted = re.sub(r"\{number\}", "1", path)
        wanted = re.sub(r"\{key\}", "KEY", wanted)
        wanted = re.sub(r"\{story_id\}", "STORY", wanted)
        wanted = re.sub(r"\{article_id\}", "ARTICLE", wanted)
        assert BASE + wanted in shown, path


def test_the_address_and_the_settings_of_the_text_are_there() -> None:
    fields = Settings.model_fields
    assert f"http://{fields['api_host'].default}:{fields['api_port'].default}" == BASE
    for name in re.findall(r"WIREDESK_([A-Z_]+)", TEXT):
        assert name.lower() in fields
