"""Doctor's checks of the server, each on a real one that is broken on purpose."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from pydantic import SecretStr
from redis import Redis

from services.bus import scripts
from services.bus.connect import client
from services.bus.keys import ENRICHMENT, Keys
from services.bus.server import EmbeddedServer
from services.bus.service import ALIVE_TTL
from services.console.doctor import permissions, server
from services.console.doctor.catalogue import CHECKS, chosen
from services.console.doctor.checks import Server, ServerCheck, Surroundings
from services.console.doctor.examining import examine
from services.settings import Settings
from tests.console.doctor.kit import is_green, is_red, look, said
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.console.doctor.findings import Finding

KEYS = Keys("news")
CONFIG = {
    "appendonly": "yes",
    "appendfsync": "everysec",
    "maxmemory": "0",
    "maxmemory-policy": "noeviction",
    "maxclients": "1000",
}
"""How every test finds the server."""


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """A server that the tests may break."""
    started = EmbeddedServer(tmp_path_factory.mktemp("broken"))
    started.start()
    yield started
    started.stop()


@pytest.fixture
def admin(own_server: EmbeddedServer) -> Iterator[Redis]:
    """A client that may do everything; what it configures is undone."""
    with Redis.from_url(own_server.url, decode_responses=True) as connection:
        yield connection
        connection.replicaof("NO", "ONE")
        connection.config_set(*[word for pair in CONFIG.items() for word in pair])
        connection.flushall()


@pytest.fixture
def desk(own_server: EmbeddedServer, tmp_path: Path) -> Settings:
    return Settings(redis_url=SecretStr(own_server.url), inbox=tmp_path)


def as_user(admin: Redis, desk: Settings, *rules: str) -> Settings:
    """The desk under a user of the server with less rights."""
    command: Any = admin.execute_command
    command("ACL", "SETUSER", "weak", "reset", "on", ">pw", *rules)
    assert desk.redis_url is not None
    port = desk.redis_url.get_secret_value().rpartition(":")[2]
    return desk.model_copy(update={"redis_url": SecretStr(f"redis://weak:pw@127.0.0.1:{port}")})


def told(look_at: Any, desk: Settings, **facts: Any) -> Finding:
    """What a check makes of a server that says other things of itself."""

    async def asked() -> Finding:
        assert desk.redis_url is not None
        url = desk.redis_url.get_secret_value()
        async with client(url) as redis:
            real = Server(url, redis, Surroundings(desk), await redis.info("everything"), 0.001)
            ping = facts.pop("ping_seconds", real.ping_seconds)
            info = {name: v for name, v in {**real.info, **facts}.items() if v is not None}
            finding: Finding = await look_at(replace(real, info=info, ping_seconds=ping))
            return finding

    return asyncio.run(asked())


def test_every_check_of_a_healthy_server_is_green(desk: Settings) -> None:
    checks = chosen(["server"])
    for result in examine(checks, Surroundings(desk)):
        assert is_green(result.finding), result.check.name


# --- reachable --------------------------------------------------------------------------------
def test_without_a_server_its_checks_say_so_and_the_others_still_run(desk: Settings) -> None:
    away = SecretStr(f"redis://:secret@127.0.0.1:{free_port()}/0")
    settings = desk.model_copy(update={"redis_url": away})
    checks = chosen(["server", "streams", "folders.rights", "settings.unknown"])
    results = examine(checks, Surroundings(settings, environ={}))
    found = {result.check.name: result.finding for result in results}
    assert list(found) == [check.name for check in checks]
    assert is_red(found["server.reachable"], "failure", "does not answer")
    assert "secret" not in said(found["server.reachable"])
    assert {f.state for name, f in found.items() if name.startswith("streams")} == {"unknown"}
    assert is_green(found["folders.rights"])
    assert is_green(found["settings.unknown"])


def test_where_no_server_was_ever_started_it_says_how_to_start_one(tmp_path: Path) -> None:
    finding = look("server.reachable", Settings(inbox=tmp_path))
    assert is_red(finding, "failure", "runtime.json")
    assert f"wiredesk up {tmp_path}" in finding.advice[0]


def test_a_wrong_password_is_told_from_a_server_that_is_away(desk: Settings) -> None:
    assert desk.redis_url is not None
    wrong = re.sub(r":[^:@]*@", ":wrong@", desk.redis_url.get_secret_value())
    finding = look("server.reachable", desk.model_copy(update={"redis_url": SecretStr(wrong)}))
    assert is_red(finding, "failure", "refused the login")


@pytest.mark.usefixtures("own_server")
def test_an_address_that_is_none_is_told(desk: Settings) -> None:
    wrong = desk.model_copy(update={"redis_url": SecretStr("localhost:6379")})
    assert is_red(look("server.reachable", wrong), "failure", "does not answer")


def test_a_replica_is_no_server_for_a_desk(admin: Redis, desk: Settings) -> None:
    admin.replicaof("127.0.0.1", str(free_port()))
    assert is_red(look("server.reachable", desk), "failure", "a replica takes no writes")
    assert is_red(look("server.permissions", desk), "failure", "refused (READONLY)", "XADD")


def test_a_server_that_answers_slowly_is_too_far_away(desk: Settings) -> None:
    slow = told(server._reachable, desk, ping_seconds=0.08)
    assert is_red(slow, "warning", "80.0 ms")


# --- version ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({"server_name": None, "redis_version": "6.2.14"}, "failure"),
        ({"server_name": None, "redis_version": "7.0.0"}, "ok"),
        ({"server_name": None, "redis_version": "8.6.2"}, "ok"),
        ({"server_name": "valkey", "valkey_version": "7.2.5", "redis_version": "7.2.4"}, "ok"),
        ({"server_name": "other", "redis_version": "unstable"}, "unknown"),
    ],
)
def test_servers_older_than_redis_7_are_refused(
    desk: Settings, facts: dict[str, Any], state: str
) -> None:
    finding = told(server._version, desk, **facts)
    assert finding.state == state
    assert str(facts.get("valkey_version", facts["redis_version"])) in said(finding)


# --- permissions ------------------------------------------------------------------------------
def test_commands_that_a_user_may_not_use_are_named(admin: Redis, desk: Settings) -> None:
    weak = as_user(admin, desk, "~*", "+@all", "-xautoclaim", "-eval", "-xgroup|create")
    finding = look("server.permissions", weak)
    assert is_red(finding, "failure", "refused (NOPERM)", "XAUTOCLAIM", "EVAL", "XGROUP CREATE")
    refused = said(finding).partition("(NOPERM): ")[2].partition(" | ")[0].split(", ")
    assert sorted(refused) == ["EVAL", "XAUTOCLAIM", "XGROUP CREATE"]


def test_a_user_of_another_namespace_is_refused(admin: Redis, desk: Settings) -> None:
    weak = as_user(admin, desk, "~other:*", "+@all")
    assert is_red(look("server.permissions", weak), "failure", "NOPERM", "SET", "XADD")


def test_a_full_server_refuses_the_writes(admin: Redis, desk: Settings) -> None:
    admin.config_set("maxmemory", "1")
    finding = look("server.permissions", desk)
    assert is_red(finding, "failure", "refused (OOM)", "XADD")
    assert "GET" not in said(finding).replace("XGETID", "").split("OOM): ")[1].split(", ")


def test_nothing_is_left_of_the_trial(admin: Redis, desk: Settings) -> None:
    assert is_green(look("server.permissions", desk))
    assert admin.keys("*") == []


def test_a_trial_that_is_cut_short_leaves_nothing_for_long(
    admin: Redis, desk: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_removal = tuple(trial for trial in permissions.TRIALS if trial[0] != "DEL")
    monkeypatch.setattr(permissions, "TRIALS", without_removal)
    look("server.permissions", desk)
    left = [int(admin.ttl(key)) for key in admin.keys("*")]
    assert left
    assert all(0 < life <= permissions.LIFE for life in left)


def test_every_command_of_the_scripts_is_tried() -> None:
    folder = Path(scripts.__file__).parent
    text = "".join(path.read_text() for path in folder.rglob("*.lua"))
    used = set(re.findall(r"redis\.p?call\('(\w+)'", text))
    assert used
    assert used - {trial[0] for trial in permissions.TRIALS} == set()


CALLS = {
    "delete": "DEL",
    "hscan_iter": "HSCAN",
    "pipeline": "MULTI",
    "scan_iter": "SCAN",
    "xpending_range": "XPENDING",
}
"""What redis-py's methods are called where it isn't the command's name."""

NO_COMMANDS = {"aclose", "close", "execute", "execute_command", "register_script"}


def test_every_command_of_the_services_is_tried() -> None:
    sources = [*Path(scripts.__file__).parents[1].rglob("*.py")]
    text = "".join(path.read_text("utf-8") for path in sources)
    called = set(re.findall(r"(?:redis|pipe)\.([a-z_]+)\(", text)) - NO_COMMANDS
    assert {"xrange", "xclaim", "hgetall", "delete"} <= called
    commands = {CALLS.get(name, name.upper().partition("_")[0]) for name in called}
    assert commands - {trial[0] for trial in permissions.TRIALS} == set()


# --- persistence ------------------------------------------------------------------------------
def test_a_server_without_an_append_only_file_forgets(admin: Redis, desk: Settings) -> None:
    admin.config_set("appendonly", "no")
    finding = look("server.persistence", desk)
    assert is_red(finding, "failure", "appendonly is off")
    assert "CONFIG SET appendonly yes" in finding.advice[0]


def test_an_append_only_file_that_is_never_synced_is_told(admin: Redis, desk: Settings) -> None:
    admin.config_set("appendfsync", "no")
    assert is_red(look("server.persistence", desk), "warning", "appendfsync no")


def test_where_config_is_forbidden_info_tells(admin: Redis, desk: Settings) -> None:
    managed = as_user(admin, desk, "~*", "+@all", "-config")
    for name in ("server.persistence", "server.eviction", "server.memory", "server.disk"):
        assert is_green(look(name, managed))
    admin.config_set("appendonly", "no", "maxmemory-policy", "allkeys-lru")
    assert look("server.persistence", managed).state == "failure"
    assert look("server.eviction", managed).state == "failure"


@pytest.mark.parametrize("name", ["aof_last_write_status", "aof_last_bgrewrite_status"])
def test_a_write_or_rewrite_that_failed_is_told(desk: Settings, name: str) -> None:
    assert is_red(told(server._append_only, desk, **{name: "err"}), "failure", "failed")


@pytest.mark.parametrize(
    ("check", "name"),
    [(server._append_only, "aof_enabled"), (server._eviction, "maxmemory_policy")],
)
def test_what_a_server_does_not_tell_is_unknown(desk: Settings, check: Any, name: str) -> None:
    assert is_red(told(check, desk, **{name: None}), "unknown", "doesn't tell")


# --- memory and clients -----------------------------------------------------------------------
@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_a_server_that_evicts_drops_streams(admin: Redis, desk: Settings, policy: str) -> None:
    admin.config_set("maxmemory-policy", policy)
    assert is_red(look("server.eviction", desk), "failure", policy)


@pytest.mark.parametrize(("times", "state"), [(1.05, "failure"), (1.2, "warning"), (9.0, "ok")])
def test_memory_that_runs_short_is_told_with_its_share(
    admin: Redis, desk: Settings, times: float, state: str
) -> None:
    used = int(admin.info("memory")["used_memory"])
    admin.config_set("maxmemory", str(int(used * times)))
    finding = look("server.memory", desk)
    assert finding.state == state
    assert "% of maxmemory" in said(finding)


def test_without_a_limit_the_machine_s_memory_counts(desk: Settings) -> None:
    assert "no maxmemory" in said(look("server.memory", desk))
    full = told(server._memory, desk, total_system_memory=1_000_000, used_memory=950_000)
    assert is_red(full, "failure", "95 %")
    assert told(server._memory, desk, total_system_memory=None).state == "unknown"


def test_a_server_that_is_short_of_connections_is_told(admin: Redis, desk: Settings) -> None:
    admin.config_set("maxclients", "10")
    with ExitStack() as stack:
        assert desk.redis_url is not None
        url = desk.redis_url.get_secret_value()
        while int(admin.info("clients")["connected_clients"]) < 9:
            stack.enter_context(Redis.from_url(url)).ping()
        assert is_red(look("server.clients", desk), "failure", "10 of 10")
    assert told(server._clients, desk, connected_clients=850, maxclients=1000).state == "warning"


# --- clocks -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("seconds", "state"), [(-90.0, "failure"), (5.0, "warning"), (0.5, "ok"), (-3600.0, "failure")]
)
def test_a_clock_that_is_wrong_is_told_in_seconds(
    desk: Settings, seconds: float, state: str
) -> None:
    finding = look("server.clock", desk, now=lambda: time.time() + seconds)
    assert finding.state == state
    assert ("behind" if seconds > 0 else "ahead of") in said(finding)


def sign(admin: Redis, seconds: float, **more: object) -> None:
    """The sign of life of a worker whose clock is ahead by so much."""
    facts = {"stage": "enrichment", "pid": 1, "host": "far", "version": "1", "done": 0, "failed": 0}
    document = orjson.dumps({**facts, "time": time.time() + seconds, **more})
    admin.set(KEYS.alive(ENRICHMENT, "far-1-ab"), document, ex=ALIVE_TTL)


def test_a_worker_s_host_with_a_wrong_clock_is_named(admin: Redis, desk: Settings) -> None:
    sign(admin, -120.0)
    assert is_red(look("server.clock", desk), "failure", "worker host far is 2.0 min behind")
    sign(admin, 0.0)
    assert "worker host far" in said(look("server.clock", desk))


def test_a_worker_of_an_older_release_tells_no_time(admin: Redis, desk: Settings) -> None:
    document = orjson.dumps({"stage": "enrichment", "pid": 1, "host": "far"})
    admin.set(KEYS.alive(ENRICHMENT, "far-1-ab"), document, ex=ALIVE_TTL)
    assert is_green(look("server.clock", desk))


# --- disk -------------------------------------------------------------------------------------
def room(free: int, inodes: int = 10**6) -> Callable[[Path], Any]:
    """``statvfs`` of a disk with so many bytes free."""
    space = SimpleNamespace(f_bavail=free, f_frsize=1, f_files=10**7, f_favail=inodes)
    return lambda _folder: space


def test_a_server_whose_disk_is_nearly_full_is_told(
    own_server: EmbeddedServer, desk: Settings
) -> None:
    finding = look("server.disk", desk, space=room(100 * 1024**2))
    assert is_red(finding, "failure", "100.0 MiB free", str(own_server.folder))


def test_a_rewrite_needs_as_much_as_the_file_has(desk: Settings) -> None:
    scene_of_three_gib = room(3 * 1024**3)

    async def asked(size: int) -> Finding:
        assert desk.redis_url is not None
        url = desk.redis_url.get_secret_value()
        async with client(url) as redis:
            scene = Surroundings(desk, space=scene_of_three_gib)
            facts = {"aof_current_size": size}
            return await server._disk(Server(url, redis, scene, facts, 0.0))

    assert is_green(asyncio.run(asked(0)))
    assert is_red(asyncio.run(asked(2 * 1024**3)), "warning", "a rewrite needs 2.0 GiB")


def test_a_server_elsewhere_is_looked_after_there(desk: Settings) -> None:
    elsewhere = Server("redis://redis.example:6379", None, Surroundings(desk), {}, 0.0)  # type: ignore[arg-type]  # isn't asked
    assert is_green(asyncio.run(server._disk(elsewhere)))


def test_every_check_of_the_server_waits_for_no_longer_than_the_whole_may_take() -> None:
    assert all(check.seconds < 10 for check in CHECKS if isinstance(check, ServerCheck))
