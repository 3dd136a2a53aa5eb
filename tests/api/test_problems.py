"""Errors are problem documents, and say nothing that isn't the asker's business."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from starlette.exceptions import HTTPException

from services.bus.errors import StopWorking, Unavailable
from services.indexer.api.problems import (
    KIND_OF_STATUS,
    MAX_ERRORS,
    TITLES,
    answer_for,
    problem_response,
    request_id,
    unavailable,
)
from services.observability import configure
from services.serving.problem import PROBLEM_JSON, FieldProblem, Problem
from services.settings import Settings
from tests.api.client import asking, problem_of, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.api.client import Client

PRIVATE = "The minister resigned over /srv/desk/store"


@pytest.fixture
def failing(tmp_path: Path) -> Iterator[Client]:
    """A desk with a route for each error that a route may raise."""
    settings = Settings(state_dir=tmp_path)
    errors: dict[str, Exception] = {
        "bug": KeyError(PRIVATE),
        "unavailable": Unavailable(PRIVATE),
        "stop": StopWorking(PRIVATE),
        "teapot": HTTPException(418, PRIVATE),
        "upstream": HTTPException(502, PRIVATE),
        "host": HTTPException(403, PRIVATE, {"X-Why": "host"}),
    }

    with serving(settings) as app, asking(app) as client:

        @app.get("/failing/{name}")
        async def fail(name: str) -> None:
            raise errors[name]

        yield client


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What is logged."""
    out = io.StringIO()
    configure(Settings(log_format="json"), "api-test", out)
    yield out
    configure(Settings(), "tests")


@pytest.mark.parametrize(
    ("name", "status", "kind"),
    [
        ("bug", 500, "internal"),
        ("unavailable", 503, "unavailable"),
        ("stop", 503, "unavailable"),
        ("teapot", 418, "bad-request"),
        ("upstream", 502, "internal"),
        ("host", 403, "forbidden"),
    ],
)
def test_an_error_tells_nothing_of_what_it_was_about(
    failing: Client, name: str, status: int, kind: str
) -> None:
    answer = failing.get(f"/failing/{name}")
    told = problem_of(answer, status)
    assert told["type"] == f"urn:wiredesk:problem:{kind}"
    assert told["title"] == TITLES[kind]
    assert "minister" not in answer.text
    assert "/srv" not in answer.text


def test_what_nobody_foresaw_is_logged_with_its_place_but_not_its_words(
    failing: Client, log: io.StringIO
) -> None:
    answer = failing.get("/failing/bug")
    (line,) = [json.loads(line) for line in log.getvalue().splitlines() if "api.failed" in line]
    assert line["request_id"] == answer.headers["x-request-id"]
    assert line["error_type"] == "KeyError"
    assert "test_problems.py" in line["at"]
    assert "minister" not in log.getvalue()


def test_why_the_store_is_not_there_is_in_the_log_only(failing: Client, log: io.StringIO) -> None:
    answer = failing.get("/failing/unavailable")
    assert int(answer.headers["retry-after"]) > 0
    (line,) = [json.loads(line) for line in log.getvalue().splitlines() if "api.unavail" in line]
    assert line["event"] == "api.unavailable"
    assert line["reason"] == PRIVATE


def test_headers_of_an_error_are_kept(failing: Client) -> None:
    assert failing.get("/failing/host").headers["x-why"] == "host"


@pytest.mark.parametrize("path", ["/v2", "/v1/", "/v1/article", "/v1/articles/"])
def test_an_address_that_nothing_is_served_at(failing: Client, path: str) -> None:
    told = failing.problem(404, path)
    assert told["detail"].startswith("Nothing is served at this address.")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_nothing_can_be_changed_over_http(failing: Client, method: str) -> None:
    answer = failing.request(method, "/v1/articles")
    problem_of(answer, 405)
    assert answer.headers["allow"] == "GET, HEAD"


def test_a_problem_can_be_sent_by_a_middleware() -> None:
    answer = problem_response(429, "too-many", "Slower.", headers={"retry-after": "3"})
    assert (answer.status_code, answer.media_type) == (429, PROBLEM_JSON)
    assert answer.headers["retry-after"] == "3"
    told = Problem.model_validate_json(bytes(answer.body))
    assert (told.detail, told.instance, told.errors) == ("Slower.", None, ())


def test_an_answer_names_some_wrong_parameters_at_most() -> None:
    errors = [FieldProblem(at="query", detail=str(n)) for n in range(100)]
    answer = problem_response(400, "bad-parameter", errors=errors)
    assert len(Problem.model_validate_json(bytes(answer.body)).errors) == MAX_ERRORS


def test_every_kind_of_a_status_has_a_title() -> None:
    assert set(KIND_OF_STATUS.values()) <= set(TITLES)


def test_unavailable_says_when_to_try_again() -> None:
    answer = unavailable("Starting.", "some-id")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert json.loads(bytes(answer.body))["instance"] == "urn:uuid:some-id"


def test_a_request_keeps_its_id() -> None:
    scope: dict[str, Any] = {}
    assert request_id(scope) == request_id(scope)
    assert request_id(scope) != request_id({})
    answer = answer_for(ValueError(PRIVATE), request_id(scope))
    assert json.loads(bytes(answer.body))["instance"] == f"urn:uuid:{request_id(scope)}"
