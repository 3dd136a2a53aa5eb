"""How many enrichment processes run, and how they are told apart."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from services.console import supervisor
from services.console.supervisor import Child, Desk, cores, modules_of, worker_names
from services.settings import Settings
from tests.wait import wait_until

if TYPE_CHECKING:
    from redis import Redis

WIREDESK = Path(sys.executable).with_name("wiredesk")


@pytest.mark.parametrize(
    ("workers", "names"),
    [
        (1, ["enrichment"]),
        (3, ["enrichment", "enrichment-2", "enrichment-3"]),
    ],
)
def test_each_worker_has_a_name_and_runs_the_same_module(workers: int, names: list[str]) -> None:
    settings = Settings(workers=workers)
    assert worker_names(settings) == names
    modules = modules_of(settings)
    assert list(modules) == ["indexer", *names, "ingest"]
    assert {modules[name] for name in names} == {"services.enrichment"}


def test_the_receiver_is_one_of_a_desks_processes_where_the_settings_want_it() -> None:
    assert "receiver" not in modules_of(Settings(workers=1))
    modules = modules_of(Settings(workers=1, drop=True))
    assert list(modules) == ["indexer", "enrichment", "ingest", "receiver"]
    assert modules["receiver"] == "services.ingest.receiver"


def test_without_a_setting_there_is_one_worker_for_each_core(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervisor, "cores", lambda: 4)
    assert len(worker_names(Settings())) == 4


def test_only_the_cores_that_the_process_may_use_are_counted() -> None:
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)
    assert cores() == len(allowed)


def test_what_ends_again_and_again_is_started_after_ever_longer_pauses(tmp_path: Path) -> None:
    """Up to the longest; one that ran for a while begins with the first again."""
    ended = subprocess.Popen([sys.executable, "-I", "-S", "-c", "raise SystemExit(3)"])
    ended.wait()
    child = Child("indexer", ended, started=0.0)
    due = []
    for _ in range(8):
        Desk._ended(child, now=100.0)
        assert child.due is not None
        due.append(round(child.due - 100.0, 1))
    assert due == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    running = subprocess.Popen([sys.executable, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE)
    try:
        desk = Desk(Settings(inbox=tmp_path), modules={"a": "services.a"})
        child.process, child.started = running, time.monotonic() - supervisor.STEADY - 1
        desk.children["indexer"] = child
        desk.look()
        assert child.pause == supervisor.FIRST_PAUSE
    finally:
        running.communicate()


def test_a_desk_runs_everything_unless_it_is_told_otherwise(tmp_path: Path) -> None:
    settings = Settings(inbox=tmp_path, workers=2)
    assert list(Desk(settings).modules) == ["indexer", "enrichment", "enrichment-2", "ingest"]
    assert list(Desk(settings, modules={"a": "services.a"}).modules) == ["a"]


def test_what_a_service_is_given_holds_for_all_of_its_workers(tmp_path: Path) -> None:
    given = {"enrichment": {"ODD": "1"}, "*": {"ALL": "1"}, "ingest": {"OTHER": "1"}}
    desk = Desk(Settings(inbox=tmp_path, workers=2), environ=given)
    for name in ("enrichment", "enrichment-2"):
        environ = desk._environ(name)
        assert (environ["ODD"], environ["ALL"]) == ("1", "1")
        assert "OTHER" not in environ


def test_several_of_every_service_are_told_apart_and_one_may_be_given_its_own(
    tmp_path: Path,
) -> None:
    """``ingest-2`` gets what ingests get; what it alone is given comes before that."""
    names = ("ingest", "ingest-2", "indexer", "indexer-3", "other-2")
    given = {"ingest": {"ODD": "1"}, "indexer-3": {"ODD": "3"}, "ingest-2": {"ODD": "2"}}
    desk = Desk(Settings(inbox=tmp_path), environ=given, modules=dict.fromkeys(names, "services.x"))
    found = {name: desk._environ(name).get("ODD") for name in names}
    assert found == {
        "ingest": "1",
        "ingest-2": "2",
        "indexer": None,
        "indexer-3": "3",
        "other-2": None,
    }


def test_run_enrichment_runs_as_many_processes_as_it_is_told(
    redis: Redis, redis_url: str, tmp_path: Path
) -> None:
    """Each shows its own sign of life; a signal ends them all, with code 0."""
    environ = {
        **{key: value for key, value in os.environ.items() if not key.startswith("WIREDESK_")},
        "WIREDESK_REDIS_URL": redis_url,
        "WIREDESK_INBOX": str(tmp_path / "inbox"),
        "WIREDESK_ANNOTATORS": '["language"]',
    }
    command = [str(WIREDESK), "run", "enrichment", "--workers", "2"]
    with (tmp_path / "log").open("wb") as log:
        running = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
        try:
            wait_until(lambda: len(redis.keys("*:alive:enrichment:*")) == 2, "two workers", 60)
            running.send_signal(signal.SIGTERM)
            assert running.wait(30) == 0
        finally:
            running.kill()
    assert redis.keys("*:alive:enrichment:*") == []
    assert not (tmp_path / "inbox").exists()
