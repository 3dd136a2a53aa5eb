"""What docs/access.md says is so: its commands run, its paths and limits are the real ones."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from services.console.main import app
from services.indexer.api.access import guard
from services.indexer.api.access.rules import rule_of
from services.indexer.api.models import SCOPES
from services.indexer.api.server import OTHER_CLIENTS
from services.serving import sizes, table, tokens
from services.serving.protocol import HEAD_TIMEOUT
from services.settings import Settings
from tests.repo.lock_check import ROOT

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENT = (ROOT / "docs" / "access.md").read_text(encoding="utf-8")
KIB = 1024


def commands() -> list[list[str]]:
    blocks = re.findall(r"<!-- commands -->\n```sh\n(.*?)```", DOCUMENT, re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


def test_its_commands_run_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``serve`` is asked for its help only: it would go on."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inbox").mkdir()
    ran = 0
    for program, *arguments in commands():
        assert program == "wiredesk"
        asked = ["serve", "--help"] if arguments[0] == "serve" else arguments
        result = CliRunner().invoke(app, asked)
        assert result.exit_code == 0, (arguments, result.output)
        ran += 1
    assert ran == 6


def test_the_scopes_and_what_they_open_are_the_real_ones() -> None:
    rows = re.findall(r"^\| `(read|subscribe|operate)` \| (.*) \|$", DOCUMENT, re.MULTILINE)
    assert [scope for scope, _ in rows] == list(SCOPES)
    for scope, opens in rows[1:]:
        (path,) = re.findall(r"`(/v1/[a-z]+)`", opens)
        assert rule_of(path).scope == scope
    assert rule_of("/v1/articles").scope == "read"
    for path in ("/", "/static/app.js", "/v1/openapi.json"):
        assert rule_of(path).public


@pytest.mark.parametrize(
    "said",
    [
        f"`WIREDESK_API_RATE` a minute ({Settings.model_fields['api_rate'].default})",
        f"{guard.REFUSALS_PER_MINUTE} a minute, then only 429",
        f"| path and query | {sizes.MAX_TARGET // KIB} KiB | 414 |",
        f"| headers | {sizes.MAX_HEAD // KIB} KiB | 431 |",
        (
            f"({Settings.model_fields['api_max_request_bytes'].default // KIB} KiB), "
            f"also in chunks, within {sizes.BODY_TIMEOUT:g} s"
        ),
        f"| head of a request | within {HEAD_TIMEOUT:g} s |",
        (
            f"`WIREDESK_SSE_CLIENTS` ({Settings.model_fields['sse_clients'].default}), and "
            f"{OTHER_CLIENTS} connections"
        ),
        f"couldn't be read for {table.TRUSTED_FOR:g} s",
        f"to within {table.NOTE_USE_EVERY / 60:g} minutes",
        f"{tokens.SECRET_BYTES * 8} random bits",
        (
            f"<http://{Settings.model_fields['api_host'].default}:"
            f"{Settings.model_fields['api_port'].default}>"
        ),
    ],
)
def test_the_numbers_are_those_of_the_code(said: str) -> None:
    assert said in " ".join(DOCUMENT.split())


def test_every_setting_that_it_names_is_one() -> None:
    named = set(re.findall(r"WIREDESK_([A-Z_]+)", DOCUMENT))
    assert named <= {name.upper() for name in Settings.model_fields}
    assert {"API_HOST", "API_HOSTS", "API_PORT", "API_RATE"} <= named
