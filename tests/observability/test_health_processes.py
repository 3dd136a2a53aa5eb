"""Health of real processes: red when a loop stalls, and not only when a process dies."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.bus.desk import Desk, articles, at_server, changed
from tests.observability.stalling import indexer_main, ingest_main, stage_main
from tests.wait import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from services.bus.server import EmbeddedServer
    from services.settings import Settings
    from tests.bus.processes import Worker, Workers
    from tests.bus.worker import Control


@pytest.fixture
def seen(settings: Settings) -> Settings:
    """Settings with which each service serves its health on any free port."""
    return changed(settings, health=True, health_port=0)


def url_of(worker: Worker) -> str:
    """Where a process serves its health."""
    wait_until(lambda: worker.lines("health.serving") or not worker.alive, "health is served")
    assert worker.alive, worker.output()
    return str(worker.lines("health.serving")[0]["url"])


def asked(url: str, path: str) -> tuple[int, dict[str, Any]]:
    """Status and checks."""
    try:
        with urllib.request.urlopen(url + path, timeout=5) as answer:  # noqa: S310  (our own)
            return answer.status, json.load(answer)["checks"]
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)["checks"]


def becomes(url: str, path: str, status: int) -> dict[str, Any]:
    """The checks, once the answer has this status."""
    found: list[dict[str, Any]] = []

    def is_so() -> bool:
        got, checks = asked(url, path)
        found[:] = [checks]
        return got == status

    wait_until(is_so, f"{path} becomes {status}", 15)
    return found[0]


def failing(checks: dict[str, Any]) -> dict[str, str]:
    """Names and reasons of the checks that failed."""
    return {name: check["reason"] for name, check in checks.items() if not check["ok"]}


def metric(url: str, name: str) -> float:
    with urllib.request.urlopen(f"{url}/metrics", timeout=5) as answer:  # noqa: S310  (our own)
        lines = answer.read().decode().splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(name))


def test_a_stalled_loop_turns_health_red_while_the_process_lives(
    desk: Desk, seen: Settings, control: Control, workers: Workers
) -> None:
    worker = workers.start(seen, stage_main)
    url = url_of(worker)
    becomes(url, "/readyz", 200)
    control.say("block the loop")
    wait_until(lambda: control.said("stalled"), "the loop stands still")
    checks = becomes(url, "/livez", 503)
    assert failing(checks) == {"loop": "no turn for more than 0.5 s"}
    assert checks["loop"]["age_seconds"] >= 0.5
    assert "loop" in failing(becomes(url, "/readyz", 503))
    assert metric(url, "wiredesk_loop_age_seconds") >= 0.5
    assert metric(url, 'wiredesk_ready{stage="enrichment"}') == 0
    assert worker.alive, "nothing but its health tells of it so far"
    control.say("go on")
    becomes(url, "/livez", 200)
    becomes(url, "/readyz", 200)
    desk.publish(*articles("good 1"))
    wait_until(desk.settled, "it works on")
    assert worker.stop() == 0


def test_a_batch_that_hangs_turns_health_red(
    desk: Desk, seen: Settings, control: Control, workers: Workers
) -> None:
    """The loop turns all the while. The watchdog ends the process at its own next look."""
    for number in range(4):
        desk.publish(*articles(f"hold {number}"))
        worker = workers.start(changed(seen, handler_timeout=1.0), stage_main)
        statuses = statuses_to_the_end(worker)
        assert statuses[0] == 200
        assert worker.code() == 70
        if statuses[-1] == 503:
            break
        # It ended itself in the very moment in which it turned red, before anybody asked.
    assert statuses[-1] == 503
    assert control.said("held")


def statuses_to_the_end(worker: Worker) -> list[int]:
    """What ``/livez`` said, until it was red or nobody answered any more."""
    url = url_of(worker)
    statuses: list[int] = []

    def is_red() -> bool:
        try:
            statuses.append(asked(url, "/livez")[0])
        except OSError:
            return True  # it has ended itself
        return statuses[-1] == 503

    wait_until(is_red, "red, before it ends itself", 10)
    return statuses


def test_the_api_s_own_loop_is_looked_at_too(
    desk: Desk, seen: Settings, control: Control, workers: Workers
) -> None:
    """It runs in a thread of the indexer: the stage's loop turns on beside it."""
    worker = workers.start(changed(seen, api=True, api_port=0), indexer_main)
    url = url_of(worker)
    becomes(url, "/readyz", 200)
    control.say("block the API")
    wait_until(lambda: control.said("stalled"), "the API's loop stands still")
    # On a busy machine the other loop may be late for a moment, too.
    wait_until(lambda: set(failing(asked(url, "/livez")[1])) == {"api"}, "only the API's is red")
    control.say("go on")
    becomes(url, "/readyz", 200)
    assert worker.stop() == 0
    assert desk.redis.keys(desk.keys.alive_pattern()) == []


def test_while_it_waits_for_the_server_it_lives_and_says_why_it_isn_t_ready(
    own_server: EmbeddedServer, settings: Settings, workers: Workers
) -> None:
    own_server.stop()
    seen = at_server(settings, own_server, connect_timeout=30.0, health=True, health_port=0)
    worker = workers.start(seen, stage_main)
    url = url_of(worker)
    wait_until(lambda: worker.lines("server.waiting"), "it waits")
    assert asked(url, "/livez")[0] == 200
    status, checks = asked(url, "/readyz")
    assert (status, failing(checks)) == (503, {"started": "waiting for the server"})
    own_server.start()
    becomes(url, "/readyz", 200)
    own_server.stop()
    # A message in hand waits for it, too, and may hear of it first.
    wait_until(lambda: "server" in failing(asked(url, "/readyz")[1]), "it is said to be away")
    checks = becomes(url, "/readyz", 503)
    assert failing(checks)["server"].startswith("the server doesn't answer: ")
    assert asked(url, "/livez")[0] == 200, "a restart wouldn't help"
    worker.kill()


def test_a_standby_lives_and_isn_t_ready_until_it_owns_the_folder(
    desk: Desk, seen: Settings, workers: Workers, tmp_path: Path
) -> None:
    first = workers.start(seen, ingest_main)
    assert not failing(becomes(url_of(first), "/readyz", 200))
    second = workers.start(seen, ingest_main)
    url = url_of(second)
    wait_until(lambda: second.lines("inbox.standby"), "it stands by")
    assert asked(url, "/livez")[0] == 200
    checks = becomes(url, "/readyz", 503)
    assert failing(checks) == {
        "started": "standing by",
        "folder": "another ingest owns the inbox; this one waits",
    }
    assert first.stop() == 0
    becomes(url, "/readyz", 200)
    wait_until(lambda: desk.redis.keys(desk.keys.alive_pattern()), "its sign of life")
    (key,) = desk.redis.keys(desk.keys.alive_pattern())
    assert json.loads(str(desk.redis.get(key), "utf-8"))["health"] == url  # type: ignore[arg-type]
    (tmp_path / "inbox").rename(tmp_path / "elsewhere")
    checks = becomes(url, "/readyz", 503)
    assert "the inbox is not there" in failing(checks)["folder"]
    assert asked(url, "/livez")[0] == 200
    (tmp_path / "elsewhere").rename(tmp_path / "inbox")
    becomes(url, "/readyz", 200)
    assert second.stop() == 0
