"""The AsyncAPI document, judged by AsyncAPI's own JSON Schema."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from schemas.generate import ASYNCAPI_FILE, GENERATED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.node.conftest import Node


def test_the_document_is_valid_asyncapi(node: Node) -> None:
    result = node.run("asyncapi.mjs", GENERATED / ASYNCAPI_FILE)

    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "valid AsyncAPI 3.0.0"


def _no_title(document: dict[str, Any]) -> None:
    del document["info"]["title"]


def _no_protocol(document: dict[str, Any]) -> None:
    del document["servers"]["redis"]["protocol"]


def _unknown_action(document: dict[str, Any]) -> None:
    document["operations"]["ingest.send.raw"]["action"] = "shout"


def _unknown_field(document: dict[str, Any]) -> None:
    document["channels"]["raw"]["colour"] = "blue"


def _other_version(document: dict[str, Any]) -> None:
    document["asyncapi"] = "9.0.0"


@pytest.mark.parametrize(
    "spoil", [_no_title, _no_protocol, _unknown_action, _unknown_field, _other_version]
)
def test_a_spoilt_document_is_refused(
    node: Node, tmp_path: Path, spoil: Callable[[dict[str, Any]], None]
) -> None:
    document = json.loads((GENERATED / ASYNCAPI_FILE).read_text(encoding="utf-8"))
    spoil(document)
    spoilt = tmp_path / "spoilt.json"
    spoilt.write_text(json.dumps(document), encoding="utf-8")

    result = node.run("asyncapi.mjs", spoilt)

    assert result.returncode == 1
    assert result.stderr
