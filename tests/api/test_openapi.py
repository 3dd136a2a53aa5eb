"""The OpenAPI document is whole, current, and says what the routes do."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from services.indexer.api import openapi
from services.serving.problem import PROBLEM_JSON
from tests.api.library import HARBOUR, LONG, STORY
from tests.api.test_answers import PATHS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.api.client import Client

EVERYWHERE = {"400", "401", "403", "413", "429", "431", "500", "503"}


@pytest.fixture(scope="module")
def document(client: Client) -> Any:
    return client.json("/v1/openapi.json")


def operations(document: Any) -> Iterator[tuple[str, Any]]:
    for path, methods in document["paths"].items():
        assert set(methods) == {"get"}
        yield path, methods["get"]


def references(node: Any) -> Iterator[str]:
    """Every ``$ref`` below a node."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "$ref" and isinstance(value, str):
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def at(document: Any, reference: str) -> Any:
    """What a reference leads to; ``KeyError`` where it leads nowhere."""
    for part in reference.removeprefix("#/").split("/"):
        document = document[part]
    return document


def test_it_is_of_version_3_1_and_every_reference_leads_somewhere(document: Any) -> None:
    assert document["openapi"].startswith("3.1.")
    found = set(references(document))
    assert found
    for reference in found:
        assert at(document, reference)


def test_every_schema_is_a_json_schema_and_is_used(document: Any) -> None:
    used = set(references(document))
    for name, schema in document["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert f"#/components/schemas/{name}" in used


def test_every_operation_has_a_name_of_its_own_and_is_explained(document: Any) -> None:
    named = [operation["operationId"] for _, operation in operations(document)]
    assert len(named) == len(set(named))
    tags = {tag["name"] for tag in document["tags"]}
    for _, operation in operations(document):
        assert re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", operation["operationId"])
        assert operation["summary"]
        assert operation["description"]
        assert set(operation["tags"]) <= tags


def test_every_parameter_is_explained(document: Any) -> None:
    for path, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            assert parameter["description"], (path, parameter["name"])


def test_the_filters_of_articles_show_how_they_are_written(document: Any) -> None:
    parameters = document["paths"]["/v1/articles"]["get"]["parameters"]
    shown = {one["name"] for one in parameters if one["schema"].get("examples")}
    assert shown >= {"q", "entity", "topic", "source", "language", "since", "until"}


def test_every_error_is_a_problem_document(document: Any) -> None:
    for path, operation in operations(document):
        answers = operation["responses"]
        assert set(answers) >= EVERYWHERE, path
        assert "422" not in answers
        assert ("404" in answers) == ("{" in path)
        for status, answer in answers.items():
            if status >= "400":
                assert list(answer["content"]) == [PROBLEM_JSON], (path, status)


def test_withdrawn_articles_are_declared_where_they_can_be_met(document: Any) -> None:
    gone = {path for path, operation in operations(document) if "410" in operation["responses"]}
    assert gone == {path for path in document["paths"] if path.startswith("/v1/articles/{")}


def test_tokens_are_declared(document: Any) -> None:
    scheme = document["components"]["securitySchemes"]["bearer"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    for _, operation in operations(document):
        assert {"bearer": []} in operation["security"]


@pytest.mark.parametrize(
    "path", [*(path for path in PATHS if not path.endswith(".json")), f"/v1/articles/{LONG}?q=quay"]
)
def test_answers_are_as_their_schema_says(client: Client, document: Any, path: str) -> None:
    bare = path.partition("?")[0]
    operation = next(
        operation
        for template, operation in operations(document)
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), bare)
    )
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    whole = {**schema, "components": document["components"]}
    Draft202012Validator(whole).validate(client.get(path).json())


def test_examples_of_answers_are_as_their_schema_says(document: Any) -> None:
    shown = 0
    for _, operation in operations(document):
        content = operation["responses"]["200"].get("content", {}).get("application/json", {})
        if "example" in content:
            whole = {**content["schema"], "components": document["components"]}
            Draft202012Validator(whole).validate(content["example"])
            shown += 1
    assert shown >= 10


def test_ids_of_the_library_are_real(client: Client) -> None:
    assert client.json(f"/v1/articles/{HARBOUR}")["article"]["story"]["id"] == str(STORY)


def test_the_pages_that_draw_documentation_from_elsewhere_are_off(client: Client) -> None:
    for path in ("/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect"):
        client.problem(404, path)


def test_the_kept_document_is_current() -> None:
    assert openapi.main(["--check"]) == 0


def test_a_document_that_is_not_current_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "openapi.json"
    assert openapi.main(["--check"], file) == 1
    assert capsys.readouterr().err == "openapi.json is not current: run make generated\n"
    assert openapi.main([], file) == 0
    assert openapi.main(["--check"], file) == 0
    assert json.loads(file.read_text(encoding="utf-8"))["openapi"].startswith("3.1.")
    file.write_text("{}", encoding="utf-8")
    assert openapi.main(["--check"], file) == 1
