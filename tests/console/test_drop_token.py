"""``wiredesk drop-token``: what it shows, and what the receiver then knows."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from services.console.main import app
from services.ingest.receiver.keys import keys_in, tokens_in
from services.serving.tokens import TOKEN_SHAPE, TokenBook

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

    from services.serving.tokens import Holder


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["drop-token", *arguments])


def holder(token: str, text: str) -> Holder | None:
    return TokenBook(tokens_in(text, "tokens")).holder(token, datetime.now(UTC))


def test_it_shows_the_token_and_the_line_that_knows_it() -> None:
    result = run("newswire", "--expires", "90d")
    assert result.exit_code == 0
    token, line, _ = result.output.splitlines()
    assert TOKEN_SHAPE.fullmatch(token)
    known = holder(token, line)
    assert known is not None
    assert (known.name, known.scopes) == ("newswire", frozenset({"drop"}))
    assert token not in line
    kept = tokens_in(line, "tokens")["newswire"]
    assert kept.expires_at is not None
    assert (kept.expires_at - kept.created_at).days == 90


def test_it_adds_the_line_to_the_file_for_its_owner_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tokens"
    monkeypatch.setenv("WIREDESK_DROP_TOKENS_FILE", str(path))
    one = run("newswire", "--add").output.splitlines()[0]
    path.write_text(path.read_text(encoding="utf-8").rstrip("\n"), encoding="utf-8")
    two = json.loads(run("photo", "--add", "--json").output)["token"]
    text = path.read_text(encoding="utf-8")
    names = [known.name for token in (one, two) if (known := holder(token, text))]
    assert names == ["newswire", "photo"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = run("photo", "--add")
    assert again.exit_code != 0
    assert path.read_text(encoding="utf-8") == text


def test_an_s3_key_has_an_id_and_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "keys"
    monkeypatch.setenv("WIREDESK_DROP_S3_KEYS_FILE", str(path))
    told = json.loads(run("wire", "--s3", "--add", "--json").output)
    (key,) = keys_in(path.read_text(encoding="utf-8"), path).values()
    assert (key.name, key.id, key.secret) == (
        "wire",
        told["aws_access_key_id"],
        told["aws_secret_access_key"],
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["a b"], "can't be a name"),
        (["wire", "--expires", "soon"], "--expires is a number and a unit"),
        (["wire", "--s3", "--expires", "1d"], "has no end"),
        (["wire", "--add"], "WIREDESK_DROP_TOKENS_FILE"),
        (["wire", "--s3", "--add"], "WIREDESK_DROP_S3_KEYS_FILE"),
    ],
)
def test_what_cant_be_made_is_refused_with_the_reason(arguments: list[str], reason: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert reason in result.stderr
