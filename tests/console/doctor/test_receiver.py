"""Doctor's check of the receiver's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.settings import Settings
from tests.console.doctor.kit import but, is_green, is_red, look

if TYPE_CHECKING:
    from pathlib import Path

KEYS = "wire AKWIRE 0123456789abcdef0123456789abcdef\n"
TOKEN = f"newswire 0123456789ab sha256={'0' * 64}\n"


@pytest.fixture
def desk(tmp_path: Path) -> Settings:
    return Settings(inbox=tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "file"
    made.write_text(KEYS, encoding="utf-8")
    made.chmod(0o600)
    return made


def test_without_a_receiver_there_is_nothing_to_look_at(desk: Settings) -> None:
    assert is_green(look("settings.receiver", desk))


def test_a_receiver_for_this_machine_alone_needs_no_token(desk: Settings) -> None:
    assert is_green(look("settings.receiver", but(desk, drop=True)))


def test_a_receiver_that_others_reach_needs_one(desk: Settings, file: Path) -> None:
    open_to_all = but(desk, drop_host="0.0.0.0")  # noqa: S104  (asked about, not bound)
    finding = look("settings.receiver", open_to_all)
    assert is_red(finding, "failure", "wiredesk drop-token")
    file.write_text(TOKEN, encoding="utf-8")
    finding = look("settings.receiver", but(open_to_all, drop_tokens_file=file))
    assert is_green(finding)
    assert finding.found[0].endswith("; 1 senders")


@pytest.mark.parametrize("name", ["drop_tokens_file", "drop_s3_keys_file"])
def test_a_file_that_is_wrong_or_away_is_told(desk: Settings, file: Path, name: str) -> None:
    file.write_text("no line of ours\n", encoding="utf-8")
    assert is_red(look("settings.receiver", but(desk, **{name: file})), "failure", "line 1")
    file.unlink()
    assert is_red(look("settings.receiver", but(desk, **{name: file})), "failure", "No such file")


def test_keys_that_everybody_may_read_are_told(desk: Settings, file: Path) -> None:
    settings = but(desk, drop_s3_keys_file=file)
    assert is_green(look("settings.receiver", settings))
    file.chmod(0o644)
    assert is_red(look("settings.receiver", settings), "warning", "everybody on this machine")
