"""What every answer has in common: ETags, gzip, HEAD, headers, CORS."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from services.indexer.api.answers import answer_of, takes_gzip
from services.indexer.api.app import with_cors
from tests.api.client import asking, problem_of
from tests.api.library import HARBOUR, LONG, STORY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

    from services.settings import Settings
    from tests.api.client import Client

PATHS = (
    "/v1",
    "/v1/articles",
    f"/v1/articles/{HARBOUR}",
    f"/v1/articles/{HARBOUR}/versions",
    f"/v1/articles/{HARBOUR}/versions/1",
    f"/v1/articles/{HARBOUR}/near-duplicates",
    "/v1/facets",
    "/v1/entities?prefix=ana",
    "/v1/entities/person:ana%20petrova",
    "/v1/entities/person:ana%20petrova/articles",
    "/v1/entities/person:ana%20petrova/co-mentions",
    "/v1/entities/person:ana%20petrova/timeline",
    "/v1/topics",
    "/v1/stories",
    f"/v1/stories/{STORY}",
    f"/v1/stories/{STORY}/articles",
    "/v1/changes",
    "/v1/openapi.json",
)
PLAIN = {"accept-encoding": "identity"}


@pytest.mark.parametrize("path", PATHS)
def test_what_a_client_has_already_is_not_sent_again(client: Client, path: str) -> None:
    first = client.get(path)
    assert first.status_code == 200
    assert first.headers["cache-control"] == "private, no-cache"
    again = client.get(path, headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["vary"] == first.headers["vary"]
    assert "content-type" not in again.headers


@pytest.mark.parametrize("path", PATHS)
def test_head_is_a_get_without_its_body(client: Client, path: str) -> None:
    got, headed = client.get(path), client.request("HEAD", path)
    assert headed.status_code == 200
    assert headed.content == b""
    differ = {"x-request-id"}
    assert {k: v for k, v in headed.headers.items() if k not in differ} == {
        k: v for k, v in got.headers.items() if k not in differ
    }


def test_head_of_an_error_has_no_body_either(client: Client) -> None:
    headed = client.request("HEAD", "/v1/articles?limit=0")
    assert headed.status_code == 400
    assert headed.content == b""


def test_another_answer_has_another_etag(client: Client) -> None:
    tags = {client.get("/v1/articles", {"limit": n}).headers["etag"] for n in (1, 2, 3)}
    assert len(tags) == 3
    answer = client.get("/v1/articles", {"limit": 1}, {"if-none-match": '"other"'})
    assert answer.status_code == 200


def test_large_answers_are_packed_for_those_who_take_it(client: Client) -> None:
    path = f"/v1/articles/{LONG}"
    packed, plain = (
        client.get(path, headers={"accept-encoding": "gzip"}),
        client.get(path, headers=PLAIN),
    )
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content  # httpx has unpacked it
    assert int(packed.headers["content-length"]) < len(plain.content) // 3
    assert "Accept-Encoding" in packed.headers["vary"]
    assert "Accept-Encoding" in plain.headers["vary"]


def test_packed_and_plain_bytes_have_tags_of_their_own_and_either_is_known(client: Client) -> None:
    path = f"/v1/articles/{LONG}"
    tags = {
        coding: client.get(path, headers={"accept-encoding": coding}).headers["etag"]
        for coding in ("gzip", "identity")
    }
    assert tags["gzip"] != tags["identity"]
    for known in tags.values():
        for coding in tags:
            answer = client.get(path, headers={"accept-encoding": coding, "if-none-match": known})
            assert answer.status_code == 304


def test_small_answers_are_not_packed(client: Client) -> None:
    answer = client.get("/v1", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    ("accept", "taken"),
    [
        ("", False),
        ("gzip", True),
        ("GZIP;q=0.5, br", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0, *", False),
        ("br, *;q=0.1", True),
        ("*;q=0", False),
        ("identity", False),
        ("x-gzip", True),
        ("notgzip", False),
        ("gzip;q=high", False),
    ],
)
def test_who_takes_gzip(accept: str, taken: bool) -> None:  # noqa: FBT001  (a table of cases)
    assert takes_gzip(accept) is taken


@pytest.mark.parametrize(
    ("known", "status"),
    [
        ("*", 304),
        ('W/"{tag}"', 304),
        ('"x", "{tag}-gzip" ,"y"', 304),
        ("{tag}", 200),
        ('"{tag}x"', 200),
        ('"', 200),
        ("", 200),
    ],
)
def test_tags_are_compared_as_http_says(known: str, status: int) -> None:
    tag = answer_of({}, b"news").headers["etag"].strip('"')
    answer = answer_of({"if-none-match": known.format(tag=tag)}, b"news")
    assert answer.status_code == status


def test_the_same_bytes_are_packed_the_same_way() -> None:
    body = b"quay wall " * 500
    one, other = (answer_of({"accept-encoding": "gzip"}, body) for _ in range(2))
    assert one.body == other.body
    assert gzip.decompress(bytes(one.body)) == body


def test_answers_carry_the_id_of_their_request(client: Client) -> None:
    ids = {client.get("/v1").headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3


@pytest.fixture
def open_to(library_settings: Settings, library_app: FastAPI) -> Iterator[Client]:
    """A desk that pages of one other origin may call."""
    origins = {"api_cors_origins": ("https://app.example.org",)}
    settings = library_settings.model_copy(update=origins)
    with asking(with_cors(library_app, settings)) as client:
        yield client


def test_pages_of_other_origins_may_not_call_unless_they_are_named(
    client: Client, library_app: FastAPI, library_settings: Settings
) -> None:
    assert with_cors(library_app, library_settings) is library_app
    answer = client.get("/v1", headers={"origin": "https://app.example.org"})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    asked = client.request(
        "OPTIONS",
        "/v1",
        headers={"origin": "https://a.example", "access-control-request-method": "GET"},
    )
    problem_of(asked, 405)


def test_an_origin_that_is_named_may_call(open_to: Client) -> None:
    origin = {"origin": "https://app.example.org"}
    answer = open_to.get("/v1", headers=origin)
    assert answer.headers["access-control-allow-origin"] == origin["origin"]
    assert "ETag" in answer.headers["access-control-expose-headers"]
    asked = open_to.request(
        "OPTIONS",
        "/v1",
        headers=origin
        | {
            "access-control-request-method": "GET",
            "access-control-request-headers": "authorization",
        },
    )
    assert asked.status_code == 200
    other = open_to.get("/v1", headers={"origin": "https://elsewhere.example"})
    assert "access-control-allow-origin" not in other.headers
