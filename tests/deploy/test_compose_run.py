"""What tests/compose/run is made of, as far as it needs no engine: its override, and its judge."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from services.settings import Settings
from tests.chaos.wire import Wire
from tests.compose import __main__ as command
from tests.compose import engine
from tests.compose.desk import seeds
from tests.compose.engine import ROOT, Compose
from tests.compose.judge import EVENTS, Judged, tell, told
from tests.compose.one_network import HOLDER, override
from tests.compose.steps import STEPS
from tests.deploy.compose_file import services

if TYPE_CHECKING:
    from pathlib import Path


class Loader(yaml.SafeLoader):
    """Reads Compose's ``!reset`` as the value that it resets to."""


Loader.add_constructor("!reset", lambda _loader, node: ("reset", node.value))


def overridden() -> dict[str, Any]:
    """The override of our own file, as Compose reads it."""
    text = override({"services": services()}, "some-image")
    document: dict[str, Any] = yaml.load(text, Loader)  # noqa: S506  (a SafeLoader of our own)
    return document["services"]  # type: ignore[no-any-return]  # of a YAML file


# --- the override ---------------------------------------------------------------------------------
def test_every_service_joins_the_one_network() -> None:
    joined = overridden()
    assert set(joined) == {*services(), HOLDER}
    for name in services():
        assert joined[name]["network_mode"] == f"service:{HOLDER}"
        assert joined[name]["ports"] == ("reset", [])


def test_each_name_is_an_address_there_and_nothing_comes_in_or_goes_out() -> None:
    holder = overridden()[HOLDER]
    assert holder["network_mode"] == "none"
    assert set(holder["extra_hosts"]) == {f"{name}:127.0.0.1" for name in services()}


def test_only_what_is_built_has_a_network_to_be_built_with() -> None:
    joined = overridden()
    built = {name for name, told in services().items() if "build" in told}
    assert {name for name in services() if "build" in joined[name]} == built
    assert all(joined[name]["build"] == {"network": "host"} for name in built)


def test_the_file_itself_is_used_and_no_setting_of_this_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WIREDESK_REDIS_URL", "redis://elsewhere:6379/0")
    monkeypatch.setenv("WIREDESK_REDIS_IMAGE", "redis:7")
    compose = Compose("some", tmp_path, {"WIREDESK_SETTLE_TIME": "0.5"}, one_network=False)
    asked = compose.command("ps")
    assert asked[asked.index("--file") + 1] == str(ROOT / "docker-compose.yml")
    environ = compose.environment()
    given = {name: value for name, value in environ.items() if name.startswith("WIREDESK_")}
    assert given == {"WIREDESK_REDIS_IMAGE": "redis:7", "WIREDESK_SETTLE_TIME": "0.5"}


# --- the judge ------------------------------------------------------------------------------------
def test_the_judge_hears_of_every_file_what_was_dropped(tmp_path: Path) -> None:
    wire = Wire(7)
    files = [*seeds(), wire.article(), wire.dump(5), wire.binary()]
    tell(tmp_path, files)
    assert told(tmp_path) == files


def test_the_judge_looks_at_the_desk_of_its_settings(tmp_path: Path) -> None:
    """At its folders, and with what the subscriber noted: no desk is started for it."""
    (tmp_path / "work").mkdir()
    files = seeds()
    tell(tmp_path / "work", files)
    (tmp_path / "work" / EVENTS).write_text("one\ntwo\n", encoding="utf-8")
    settings = Settings(inbox=tmp_path / "inbox", redis_url="redis://127.0.0.1:1/0")
    judged = Judged(settings, tmp_path / "work")
    assert not judged.settled()
    for file in files:
        receipt = settings.done / f"{file.name}.receipt.json"
        receipt.parent.mkdir(parents=True, exist_ok=True)
        receipt.write_text("{}", encoding="utf-8")
    assert judged.settled()
    assert judged.url == "redis://127.0.0.1:1/0"
    assert judged.subscriber is not None
    assert [event["id"] for event in judged.subscriber.events] == ["one", "two"]


# --- the command ----------------------------------------------------------------------------------
def test_where_no_docker_answers_nothing_is_tried_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An end with 0 would be taken for a desk that held."""
    monkeypatch.setattr(command, "answers", lambda: False)
    monkeypatch.setattr(sys, "argv", ["run"])
    assert command.main() == command.NO_DOCKER != 0
    assert "nothing was tried" in capsys.readouterr().err


def test_no_engine_is_one_that_doesn_t_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert not engine.answers()


def test_every_step_can_be_asked_for_by_itself() -> None:
    assert command.parsed(["--only", "kills", "--only", "postgres"]).only == ["kills", "postgres"]
    assert next(iter(STEPS)) == "seeds"
    with pytest.raises(SystemExit):
        command.parsed(["--only", "something else"])


def test_it_starts_from_anywhere(tmp_path: Path) -> None:
    done = subprocess.run(
        [ROOT / "tests" / "compose" / "run", "--help"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "seeds through" in done.stdout
