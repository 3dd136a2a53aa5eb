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
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError
from redis.retry import Retry

from services.bus.keys import ENRICHMENT, RAW_STREAM, Keys
from services.bus.server import find_program
from services.settings import Settings
from tests.deploy.k8s import Pod, built, composed
from tests.deploy.test_k8s_pods import bytes_of
from tests.docs.markdown import document
from tests.repo.lock_check import ROOT
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "0123456789abcdef" * 3
MOUNTS = {
    "/run/secrets/redis": "secret",
    "/etc/valkey": "config",
    "/data": "data",
    "/tmp": "tmp",  # noqa: S108  (in the container)
}
"""Folders of the container, and where the test has them."""


@pytest.fixture(scope="module", params=["password", "users"])
def pod(request: pytest.FixtureRequest) -> Pod:
    """The server's pod, with one password for all, and with users."""
    build = built("single") if request.param == "password" else composed("single", ["users"])
    return build.pod("redis")


def who_may_log_in(pod: Pod) -> str | None:
    """The user whose password is the Secret's ``password``."""
    return "operator" if "--aclfile" in pod.container("redis")["command"] else None


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


def users_file(root: Path) -> str:
    """The users with passwords, as docs/kubernetes.md makes them."""
    (block,) = (b for b in document("docs/kubernetes.md").blocks if "users: passwords" in b.marks)
    made, _, _ = block.code.partition("kubectl create secret")
    script = re.sub(r'"\$\(openssl rand -hex 24\)"', f'"{PASSWORD}"', made)
    script = script.replace("> users.acl", f"> {root}/users.acl")
    subprocess.run(["sh", "-ec", script], cwd=ROOT, check=True, timeout=60)
    return (root / "users.acl").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def root(pod: Pod, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pod's volumes, with the Secret and the ConfigMap in theirs."""
    root = tmp_path_factory.mktemp("pod")
    for name in MOUNTS.values():
        (root / name).mkdir()
    contents = {"password": PASSWORD, "users.acl": users_file(tmp_path_factory.mktemp("made"))}
    (mounted,) = (each["secret"] for each in pod.spec["volumes"] if "secret" in each)
    for item in mounted["items"]:
        (root / "secret" / item["path"]).write_text(contents[item["key"]], encoding="utf-8")
    # A path for its socket, and no port that another test may have.
    moved = here(configuration(), root).replace("port 6379", f"port 0\nunixsocket {root}/socket")
    (root / "config" / "valkey.conf").write_text(moved, encoding="utf-8")
    programs = root / "programs"
    programs.mkdir()
    (programs / "valkey-server").symlink_to(find_program())
    return root


@pytest.fixture(scope="module")
def server(pod: Pod, root: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The container's own command."""
    command = [here(word, root) for word in pod.container("redis")["command"]]
    path = f"{root}/programs:/usr/bin:/bin"
    process = subprocess.Popen(
        ["env", f"PATH={path}", *command], env={"PATH": path}, stdout=subprocess.DEVNULL
    )
    yield process
    process.terminate()
    assert process.wait(10) == 0, "SIGTERM reaches the server, and it ends in peace"


def connected(root: Path, user: str | None, password: str | None = PASSWORD) -> Redis:
    return Redis(
        unix_socket_path=str(root / "socket"),
        username=user,
        password=password,
        retry=Retry(NoBackoff(), 0),
    )


@pytest.fixture
def client(pod: Pod, root: Path, server: subprocess.Popen[bytes]) -> Iterator[Redis]:
    """As the operator, or as the one user there is."""
    user = who_may_log_in(pod)

    def answers() -> bool:
        assert server.poll() is None
        with connected(root, user) as redis:
            try:
                return bool(redis.ping())
            except RedisError:
                return False

    wait_until(answers, "the server answers")
    with connected(root, user) as redis:
        yield redis


def test_it_keeps_what_it_is_told_and_never_forgets_to_make_room(client: Redis) -> None:
    found: Any = client.config_get("*")
    assert found["appendonly"] == "yes"
    assert found["maxmemory-policy"] == "noeviction"
    assert found["dir"].endswith("/data")
    assert found["save"] == ""


def test_half_of_the_pods_memory_is_left_for_rewriting_the_file(pod: Pod, client: Redis) -> None:
    found: Any = client.config_get("maxmemory")
    limit = bytes_of(pod.container("redis")["resources"]["limits"]["memory"])
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
    for password in (None, "wrong"):
        with connected(root, None, password) as stranger, pytest.raises(AuthenticationError):
            stranger.ping()
    line = Path(f"/proc/{server.pid}/cmdline").read_bytes()
    assert b"valkey-server" in line, "it is the container's first process, and hears SIGTERM"
    assert PASSWORD.encode() not in line
    for path in (root / "tmp").iterdir():
        assert path.stat().st_mode & 0o077 == 0


def test_nothing_is_written_beside_the_volumes(client: Redis, root: Path) -> None:
    client.set("{news}:receipts", "value")
    client.delete("{news}:receipts")
    assert {path.name for path in root.iterdir()} == {*MOUNTS.values(), "programs", "socket"}
    assert (root / "data" / "appendonlydir").is_dir()
    assert {path.name for path in (root / "tmp").iterdir()} <= {"password.conf"}


def test_with_users_each_may_do_its_own_and_keda_may_look_and_no_more(
    pod: Pod, client: Redis, root: Path
) -> None:
    if who_may_log_in(pod) is None:
        assert client.acl_whoami() == "default"
        return
    keys = Keys("news")
    stream = keys.stream(RAW_STREAM)
    client.xgroup_create(stream, ENRICHMENT.group, id="0", mkstream=True)
    for user in ("ingest", "enrichment", "indexer", "keda"):
        with connected(root, user) as redis:
            assert redis.ping()
            assert redis.xinfo_groups(stream)
    with connected(root, "keda") as keda:
        with pytest.raises(NoPermissionError):
            keda.xrange(stream)
        with pytest.raises(NoPermissionError):
            keda.xadd(stream, {"field": "value"})
    client.delete(stream)


def test_the_probe_asks_with_the_password_and_wants_an_answer(pod: Pod) -> None:
    """PING of a server that loads its file is answered by an error, which is no PONG."""
    user = who_may_log_in(pod)
    as_user = [] if user is None else ["--user", user]
    for probe in ("startupProbe", "readinessProbe"):
        shell, option, script = pod.container("redis")[probe]["exec"]["command"]
        assert (shell, option) == ("sh", "-c")
        words = shlex.split(script)
        assert words[0].startswith("REDISCLI_AUTH=")
        assert words[1:] == ["valkey-cli", *as_user, "ping", "|", "grep", "-q", "PONG"]
    starting = pod.container("redis")["startupProbe"]
    assert starting["periodSeconds"] * starting["failureThreshold"] >= 600
