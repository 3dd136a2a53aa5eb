"""The server of deploy/k8s/components/redis, as its pod would start it."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError
from redis.retry import Retry

from services.bus.server import find_program
from services.settings import Settings
from tests.deploy.k8s import built
from tests.deploy.test_k8s_pods import bytes_of
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "a pass'word with $signs"  # noqa: S105  (an example)
MOUNTS = {
    "/run/secrets/redis": "secret",
    "/etc/valkey": "config",
    "/data": "data",
    "/tmp": "tmp",  # noqa: S108  (in the container)
}
"""Folders of the container, and where the test has them."""


def container() -> dict[str, Any]:
    return built("single").pod("redis").container("redis")


def configuration() -> str:
    (found,) = (
        each["data"]["valkey.conf"]
        for each in built("single").of("ConfigMap")
        if "valkey.conf" in each["data"]
    )
    return str(found)


def here(text: str, root: Path) -> str:
    """A text with the container's folders where the test has them."""
    # All at once: the test's own folders may lie in /tmp.
    return re.sub("|".join(MOUNTS), lambda found: str(root / MOUNTS[found[0]]), text)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pod's volumes, with the Secret and the ConfigMap in theirs."""
    root = tmp_path_factory.mktemp("pod")
    for name in MOUNTS.values():
        (root / name).mkdir()
    (root / "secret" / "password").write_text(PASSWORD, encoding="utf-8")
    # A path for its socket, and no port that another test may have.
    moved = here(configuration(), root).replace("port 6379", f"port 0\nunixsocket {root}/socket")
    (root / "config" / "valkey.conf").write_text(moved, encoding="utf-8")
    programs = root / "programs"
    programs.mkdir()
    (programs / "valkey-server").symlink_to(find_program())
    return root


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The container's own command."""
    command = [here(word, root) for word in container()["command"]]
    process = subprocess.Popen(
        command, env={"PATH": f"{root}/programs:/usr/bin:/bin"}, stdout=subprocess.DEVNULL
    )
    yield process
    process.terminate()
    assert process.wait(10) == 0, "SIGTERM reaches the server, and it ends in peace"


def connected(root: Path, password: str | None = PASSWORD) -> Redis:
    return Redis(
        unix_socket_path=str(root / "socket"), password=password, retry=Retry(NoBackoff(), 0)
    )


@pytest.fixture
def client(root: Path, server: subprocess.Popen[bytes]) -> Iterator[Redis]:
    def answers() -> bool:
        assert server.poll() is None
        with connected(root) as redis:
            try:
                return bool(redis.ping())
            except RedisError:
                return False

    wait_until(answers, "the server answers")
    with connected(root) as redis:
        yield redis


def test_it_keeps_what_it_is_told_and_never_forgets_to_make_room(client: Redis) -> None:
    found: Any = client.config_get("*")
    assert found["appendonly"] == "yes"
    assert found["maxmemory-policy"] == "noeviction"
    assert found["dir"].endswith("/data")
    assert found["save"] == ""


def test_half_of_the_pods_memory_is_left_for_rewriting_the_file(client: Redis) -> None:
    found: Any = client.config_get("maxmemory")
    limit = bytes_of(container()["resources"]["limits"]["memory"])
    assert 0 < int(found["maxmemory"]) <= limit / 2


def test_what_is_kept_for_replay_fits_beside_all_else() -> None:
    """19 kB an enriched event (docs/retention.md); half of the memory is for the rest."""
    (limit,) = (
        line.split()[1] for line in configuration().splitlines() if line.startswith("maxmemory ")
    )
    assert limit == "1gb"
    entries = int(built("single").settings()["WIREDESK_RETAIN_ENTRIES"])
    assert entries < Settings().retain_entries
    assert entries * 19_000 <= 1024**3 / 2


def test_the_password_is_asked_for_and_stands_in_no_command_line(
    client: Redis, root: Path, server: subprocess.Popen[bytes]
) -> None:
    assert client.ping()
    with connected(root, None) as stranger, pytest.raises(AuthenticationError):
        stranger.ping()
    line = Path(f"/proc/{server.pid}/cmdline").read_bytes()
    assert b"valkey-server" in line, "the shell became the server"
    assert PASSWORD.encode() not in line
    assert (root / "tmp" / "password.conf").stat().st_mode & 0o077 == 0


def test_the_file_system_beside_the_volumes_is_not_written(client: Redis, root: Path) -> None:
    client.set("key", "value")
    client.bgrewriteaof()
    wait_until(
        lambda: not client.info("persistence")["aof_rewrite_in_progress"], "the file is rewritten"
    )
    client.delete("key")
    assert {path.name for path in root.iterdir()} == {*MOUNTS.values(), "programs", "socket"}
    assert (root / "data" / "appendonlydir").is_dir()


def test_the_probe_asks_with_the_password_and_wants_an_answer() -> None:
    """PING of a server that loads its file is answered by an error, which is no PONG."""
    for probe in ("startupProbe", "readinessProbe"):
        shell, option, script = container()[probe]["exec"]["command"]
        assert (shell, option) == ("sh", "-c")
        words = shlex.split(script)
        assert words[0].startswith("REDISCLI_AUTH=")
        assert words[1:] == ["valkey-cli", "ping", "|", "grep", "-q", "PONG"]
    seconds = container()["startupProbe"]
    assert seconds["periodSeconds"] * seconds["failureThreshold"] >= 600
