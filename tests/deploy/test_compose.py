"""docker-compose.yml holds together: with itself, the images, Prometheus, Grafana, the settings.

Run for real by tests/compose/run, wherever Docker answers.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

import pytest

from services.bus.health import MORE_PORTS
from services.settings import Settings
from services.settings_doc import COMPOSE_BEGIN, COMPOSE_END
from tests.deploy.compose_file import (
    BODY,
    FILE,
    HEAD,
    ONE_SHOTS,
    OURS,
    ROOT,
    TEXT,
    listens,
    mounts,
    read,
    running,
    seconds,
    services,
    size,
    used,
)
from tests.deploy.promql import DEPLOY

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENT = ROOT / "docs" / "compose.md"


def head_defaults() -> dict[str, str]:
    """The variables that the head tells of, each with its default (``""``: none is told)."""
    found: dict[str, str] = {}
    for line in HEAD.splitlines():
        for name, default in re.findall(r"\b((?:WIREDESK|POSTGRES)_[A-Z_]+)([^W]*)", line):
            told = re.search(r"\(([^()]*)\)", default)
            found.setdefault(name, told[1] if told else "")
    return found


def settings() -> set[str]:
    return {f"WIREDESK_{name.upper()}" for name in Settings.model_fields}


# --- variables ------------------------------------------------------------------------------------
def test_each_variable_is_a_setting_or_told_of_at_the_top() -> None:
    assert set(used()) <= settings() | set(head_defaults())


def test_what_is_told_of_at_the_top_is_used() -> None:
    assert set(head_defaults()) - settings() <= set(used())


@pytest.mark.parametrize("name", sorted(set(used()) - settings() - {"POSTGRES_PASSWORD"}))
def test_each_default_is_the_same_wherever_it_is_used_and_at_the_top(name: str) -> None:
    """Else a port would be published that nobody listens on."""
    (default,) = used()[name]
    told = re.search(rf"\b{name}\b[^W]*", HEAD)
    assert told is not None
    assert f"({default}" in told[0] or f"{default})" in told[0]


def test_no_setting_is_handed_on_under_another_default_than_its_own() -> None:
    """A default of Compose's own would hide the README's; these have reasons."""
    given = {name for name in used() if name in settings()}
    assert given == {
        "WIREDESK_REDIS_URL",  # the server of the file
        "WIREDESK_HEALTH_HOST",  # Prometheus is another container
        "WIREDESK_WORKERS",  # one to a container
        "WIREDESK_DROP_HOST",  # published from its container, and refused without senders
        "WIREDESK_DROP_TOKENS_FILE",  # one for the console and the receiver
        "WIREDESK_DROP_PORT",  # named where it is published, with the setting's own default
        "WIREDESK_API_PORT",  # named where it is published, with the setting's own default
    }
    for name in ("api_port", "drop_port"):
        assert used()[f"WIREDESK_{name.upper()}"] == {str(Settings.model_fields[name].default)}


@pytest.mark.parametrize("environ", [{}, dict.fromkeys(used(), "7")], ids=["empty", "full"])
def test_no_variable_is_left_that_is_not_understood(environ: dict[str, str]) -> None:
    document = read(environ)
    assert "${" not in str(document)
    assert document["services"].keys() == services().keys()


def test_hosts_and_ports_come_from_the_environment() -> None:
    """Where all share one network, two desks or another server may be beside it."""
    ports = {
        f"WIREDESK_{name}_PORT": str(10_000 + number)
        for number, name in enumerate(
            (
                "REDIS", "POSTGRES", "PROMETHEUS", "GRAFANA", "API", "DROP",
                "INGEST_HEALTH", "ENRICHMENT_HEALTH", "INDEXER_HEALTH", "RECEIVER_HEALTH",
            )
        )
    }  # fmt: skip
    binds = {f"WIREDESK_{name}_BIND": "127.0.0.1" for name in ("REDIS", "PROMETHEUS", "GRAFANA")}
    changed = read(ports | binds)["services"]
    listening = chain.from_iterable(listens(name, told) for name, told in changed.items())
    assert {str(port) for port in listening} == set(ports.values())
    assert changed["ingest"]["environment"]["WIREDESK_REDIS_URL"] == "redis://redis:10000/0"
    assert changed["redis"]["command"][:2] == ["--bind", "127.0.0.1"]
    assert "--web.listen-address=127.0.0.1:10002" in changed["prometheus"]["command"]
    assert changed["grafana"]["environment"]["PROMETHEUS_URL"] == "http://prometheus:10002"


# --- ports ----------------------------------------------------------------------------------------
def test_no_two_services_listen_on_one_port() -> None:
    """They share an address where containers share a network."""
    taken = Counter(chain.from_iterable(listens(*each) for each in services().items()))
    # Scaled workers take the next ones.
    (first,) = listens("enrichment", services()["enrichment"])
    taken.update(range(first + 1, first + MORE_PORTS + 1))
    assert [port for port, count in taken.items() if count > 1] == []
    assert len(taken) == 10 + MORE_PORTS


def test_each_service_is_published_once_and_on_this_machine_alone() -> None:
    published = [port for told in services().values() for port in told.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert len({port.rsplit(":", 1)[0] for port in published}) == len(published) == 6


def test_what_is_published_is_what_is_listened_on() -> None:
    for name, told in services().items():
        inside = {int(port.rpartition(":")[2]) for port in told.get("ports", [])}
        assert inside <= set(listens(name, told)), name


def test_what_may_be_scaled_is_published_nowhere() -> None:
    assert "ports" not in services()["enrichment"]
    assert "container_name" not in TEXT


# --- each service ---------------------------------------------------------------------------------
@pytest.mark.parametrize("name", running())
def test_each_is_started_again_limited_looked_at_and_its_log_rotated(name: str) -> None:
    told = services()[name]
    assert told["restart"] == "unless-stopped"
    limits = told["deploy"]["resources"]["limits"]
    assert size(limits["memory"]) > 0
    # No more than any machine has: Docker refuses to start what wants more cores than there are.
    assert 0 < float(limits["cpus"]) <= 1
    assert limits["pids"] > 0
    assert told["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert seconds(told["healthcheck"]["timeout"]) <= seconds(told["healthcheck"]["interval"])
    assert set(told["logging"]["options"]) == {"max-size", "max-file"}
    assert "no-new-privileges:true" in told["security_opt"]


@pytest.mark.parametrize("name", sorted(ONE_SHOTS))
def test_what_ends_by_itself_is_not_started_again(name: str) -> None:
    told = services()[name]
    assert told["restart"] == "no"
    assert told["healthcheck"] == {"disable": True}
    assert set(told["deploy"]["resources"]["limits"]) == {"memory", "cpus", "pids"}


@pytest.mark.parametrize("name", [*OURS, "receiver"])
def test_ours_are_nobody_and_write_only_to_their_volumes(name: str) -> None:
    told = services()[name]
    assert told["user"] == "1000:1000"
    assert told["read_only"] is True
    assert told["cap_drop"] == ["ALL"]
    assert "cap_add" not in told
    assert any(each.startswith("/tmp") for each in told["tmpfs"])  # noqa: S108  (in a container)


@pytest.mark.parametrize("name", OURS)
def test_ours_have_time_to_finish_and_wait_for_the_server(name: str) -> None:
    told = services()[name]
    graceful = Settings.model_fields["graceful_timeout"].default
    assert seconds(told["stop_grace_period"]) > graceful
    assert told["depends_on"]["redis"] == {"condition": "service_healthy"}


def test_the_receiver_takes_files_in_while_the_server_is_away() -> None:
    assert "redis" not in services()["receiver"]["depends_on"]


def test_postgresql_is_waited_for_where_it_runs() -> None:
    waited = services()["indexer"]["depends_on"]["postgres"]
    assert waited == {"condition": "service_healthy", "required": False}
    assert services()["postgres"]["profiles"] == ["postgres"]


def test_ours_are_asked_by_the_check_of_their_image() -> None:
    """The command is there and takes its options; nothing answers on this machine's behalf."""
    for name in OURS:
        command = services()[name]["healthcheck"]["test"]
        assert command[:2] == ["CMD", "python3"]
        arguments = [sys.executable, *command[2:], "--help"]
        assert subprocess.run(arguments, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("name", running())
def test_a_health_that_is_looked_at_seldom_is_looked_at_often_at_the_start(name: str) -> None:
    """`up --wait` comes back with the first look that is well."""
    told = services()[name]["healthcheck"]
    assert seconds(told["start_interval"]) <= 1 < seconds(told["interval"])
    assert seconds(told["start_period"]) >= 60


def test_only_those_that_open_the_store_have_its_password() -> None:
    have = {
        name
        for name, told in services().items()
        if "WIREDESK_STORE_URL" in told.get("environment", {})
    }
    assert have == {"indexer", "wiredesk"}


# --- images ---------------------------------------------------------------------------------------
def test_each_image_is_built_here_or_chosen_by_a_variable() -> None:
    targets = set(
        re.findall(
            r"^FROM .* AS ([\w-]+)$", (DEPLOY / "Dockerfile").read_text("utf-8"), re.MULTILINE
        )
    )
    built = set()
    for told in services().values():
        if "build" in told:
            assert told["build"]["target"] in targets
            assert (ROOT / told["build"]["dockerfile"]).is_file()
            assert told["image"] == f"wiredesk-{told['build']['target']}"
            built.add(told["image"])
    others = {told["image"] for told in services().values()} - built
    chosen = {image for name in used() if name.endswith("_IMAGE") for image in used()[name]}
    assert others <= chosen
    assert built == {f"wiredesk-{name}" for name in OURS}


def test_arguments_of_the_build_are_some_that_the_dockerfile_takes() -> None:
    taken = set(re.findall(r"^ARG (\w+)", (DEPLOY / "Dockerfile").read_text("utf-8"), re.MULTILINE))
    for told in services().values():
        assert set(told.get("build", {}).get("args", {})) <= taken


# --- the server -----------------------------------------------------------------------------------
def test_the_server_keeps_what_it_has_and_never_forgets_for_want_of_room() -> None:
    command = services()["redis"]["command"]
    options = dict(zip(command[::2], command[1::2], strict=True))
    assert options["--appendonly"] == "yes"
    assert options["--maxmemory-policy"] == "noeviction"
    limit = services()["redis"]["deploy"]["resources"]["limits"]["memory"]
    # Rewriting the file takes as much again, at the worst.
    assert size(limit) >= 2 * size(options["--maxmemory"])
    assert "redis-data:/data" in services()["redis"]["volumes"]


def test_ingest_has_room_for_its_readers() -> None:
    limit = services()["ingest"]["deploy"]["resources"]["limits"]["memory"]
    fields = Settings.model_fields
    readers = fields["reader_processes"].default * fields["reader_memory_bytes"].default
    assert size(limit) > readers + 256 * 1024**2


# --- folders and volumes --------------------------------------------------------------------------
def test_each_volume_is_declared_and_used() -> None:
    named = {source for _, source, _ in mounts() if "/" not in source}
    assert named == set(read({})["volumes"])


def test_what_is_mounted_from_the_repository_is_there_and_is_not_written_to() -> None:
    for name, source, rest in mounts():
        if source.startswith("./") and source != "./inbox":
            assert (ROOT / source).exists(), source
            assert rest.endswith(":ro"), f"{name}: {source}"


def test_the_console_sees_what_the_services_write() -> None:
    """`ledger` holds the journal, the store and the server against each other."""
    seen = {(source, rest) for name, source, rest in mounts() if name == "wiredesk"}
    for service in ("ingest", "indexer"):
        assert {(source, rest) for name, source, rest in mounts() if name == service} <= seen


# --- the inbox that Docker makes ------------------------------------------------------------------
def prepared(tmp_path: Path, uid_map: str, owner: str) -> str:
    """What `prepare` would do to an inbox: the command, with what it asks the system replaced."""
    inbox, users, log = tmp_path / "inbox", tmp_path / "uid_map", tmp_path / "log"
    inbox.mkdir()
    users.write_text(uid_map, encoding="utf-8")
    for name, body in (("stat", f"echo {owner}"), ("chown", f'echo "$@" > {log}')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    *shell, script = services()["prepare"]["command"]
    script = script.replace("/proc/self/uid_map", str(users)).replace("/inbox", str(inbox))
    environ = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "OWNER": services()["prepare"]["environment"]["OWNER"],
    }
    subprocess.run([*shell, script], env=environ, check=True)
    return log.read_text("utf-8").strip().replace(str(inbox), "/inbox") if log.exists() else ""


WHOLE_MACHINE = "         0          0 4294967295\n"
ROOTLESS = "         0       1000          1\n         1     100000      65536\n"


def test_an_inbox_of_root_s_is_given_to_the_services(tmp_path: Path) -> None:
    assert prepared(tmp_path, WHOLE_MACHINE, "0") == "1000:1000 /inbox"


def test_an_inbox_of_somebody_s_is_left_alone(tmp_path: Path) -> None:
    assert prepared(tmp_path, WHOLE_MACHINE, "1001") == ""


def test_where_root_is_only_you_nothing_is_taken_from_you(tmp_path: Path) -> None:
    assert prepared(tmp_path, ROOTLESS, "0") == ""


# --- the document ---------------------------------------------------------------------------------
def test_what_the_document_runs_is_there() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for profile in re.findall(r"--profile (\w+)", text + HEAD):
        assert any(profile in told.get("profiles", []) for told in services().values()), profile
    for name in re.findall(r"(?:--scale |run --rm )(\w+)", text + HEAD):
        assert name in services()
    for name in re.findall(r"\bWIREDESK_[A-Z_]+", text):
        assert name in settings() | set(head_defaults()), name
    assert (ROOT / "tests" / "compose" / "run").stat().st_mode & 0o111


def test_the_list_of_settings_lies_between_its_markers() -> None:
    made = BODY.partition(COMPOSE_BEGIN)[2].partition(COMPOSE_END)[0]
    assert made.count("WIREDESK_") > 50
    assert FILE.name == "docker-compose.yml"
