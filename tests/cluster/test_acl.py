"""deploy/acl: every service works under its own user, and none may do what isn't its business."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from deploy.acl import users
from services.bus.keys import STREAMS
from tests.cluster.nodes import PASSWORD, USERS, Node

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from redis import Redis


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A server with the users of deploy/acl."""
    node = Node(tmp_path_factory.mktemp("server"), ("acllog-max-len 1000",), users=True)
    try:
        node.start()
        yield node
    finally:
        node.stop()


def denied(server: Node) -> set[tuple[str, str, str]]:
    """(user, reason, what) of every refusal since the last look."""
    found = server.ask("ACL", "LOG")
    server.ask("ACL", "LOG", "RESET")
    names = (b"username", b"reason", b"object")
    return {tuple(each[name].decode() for name in names) for each in found}


def test_the_file_is_what_the_table_says() -> None:
    assert USERS.read_text() == users.text(), "python -m deploy.acl.users > deploy/acl/users.acl"


def test_it_is_written_for_any_namespace() -> None:
    command = [sys.executable, "-m", "deploy.acl.users", "sports"]
    written = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert written == users.text("sports")
    assert "{news" not in written


def test_nobody_can_log_in_before_having_a_password(tmp_path: Path) -> None:
    assert ">" not in USERS.read_text()
    assert "nopass" not in USERS.read_text()
    node = Node(tmp_path, users=True)
    node.start()
    try:
        node.ask("ACL", "SETUSER", "indexer", "resetpass")
        for user in ("default", "indexer"):
            with node.client(user) as redis, pytest.raises(AuthenticationError):
                redis.ping()
    finally:
        node.stop()


# --- what they may not --------------------------------------------------------------------------
def keys(*streams: str) -> list[str]:
    """Keys of streams, at home and in a partition."""
    return [f"{tag}:{stream}" for stream in streams for tag in ("{news}", "{news/1}")]


FORBIDDEN = [
    # A subscriber reads, and changes nothing but its own group's place.
    *[("subscriber", f"XADD {key} * a 1") for key in keys("raw", "enriched", "outcomes", "dead")],
    *[("subscriber", f"XRANGE {key} - +") for key in keys("raw", "dead")],
    *[("subscriber", f"XDEL {key} 1-1") for key in keys("enriched")],
    ("subscriber", "XGROUP CREATE {news}:enriched other 0"),
    ("subscriber", "XGROUP DESTROY {news}:enriched indexer"),
    ("subscriber", "HGETALL {news}:subscribers"),
    ("subscriber", "EVAL return 0"),
    ("subscriber", "SCAN 0"),
    # Ingest writes letters and can't read them; it knows nothing of what articles are like.
    *[("ingest", f"XRANGE {key} - +") for key in keys("dead")],
    *[("ingest", f"XADD {key} * a 1") for key in keys("enriched")],
    ("ingest", "EVAL return_redis.call('XRANGE',KEYS[1],'-','+') 1 {news}:dead"),
    ("ingest", "GET {news}:kin:dup1:ids"),
    # Enrichment doesn't make outcomes of its own… but for what it rejects; and receives nothing.
    *[("enrichment", f"XADD {key} * a 1") for key in keys("raw")],
    *[("enrichment", f"XREADGROUP GROUP indexer a STREAMS {key} >") for key in keys("enriched")],
    *[("enrichment", f"XTRIM {key} MINID 9-9") for key in keys("enriched", "dead", "outcomes")],
    # The indexer ends what came, and begins nothing.
    *[("indexer", f"XADD {key} * a 1") for key in keys("raw", "enriched", "stories")],
    *[("indexer", f"XTRIM {key} MINID 9-9") for key in keys("raw", "outcomes")],
    ("indexer", "DEL {news}:dead"),
    # Nobody is let out of the desk, or near the server.
    *[
        (user, words)
        for user in users.USERS
        for words in (
            "GET plain",
            "GET {newsroom}:raw",
            "FLUSHALL",
            "FLUSHDB",
            "CONFIG SET appendonly no",
            "ACL LIST",
            "KEYS *",
            "SHUTDOWN",
            "CLIENT KILL TYPE normal",
            "REPLICAOF NO ONE",
            "MONITOR",
            "FUNCTION LIST",
        )
    ],
]


@pytest.fixture(scope="module")
def clients(server: Node) -> Iterator[dict[str, Redis]]:
    """A connection of each user."""
    made = {user: server.client(user) for user in users.USERS}
    yield made
    for each in made.values():
        each.close()


INSIDE = re.compile("ACL failure in script|user executing the script can't")
"""What Valkey, and what Redis says of a command that a script may not."""


def answered(redis: Redis, command: list[str]) -> object:
    """The answer to a command, or the error."""
    try:
        return redis.execute_command(*command)  # type: ignore[no-untyped-call]
    except RedisError as error:
        return error


@pytest.mark.parametrize("user", users.USERS)
def test_what_is_not_a_user_s_business_is_refused(
    server: Node, clients: dict[str, Redis], user: str
) -> None:
    mine = [words for name, words in FORBIDDEN if name == user]
    assert mine
    for words in mine:
        command = [word.replace("return_", "return ") for word in words.split()]
        answer = answered(clients[user], command)
        refused = isinstance(answer, NoPermissionError) or INSIDE.search(str(answer))
        assert refused, f"{user}: {words}: {answer}"
    assert {name for name, _, _ in denied(server)} == {user}


def test_without_a_user_nobody_gets_in(server: Node) -> None:
    with server.client("default") as redis, pytest.raises(AuthenticationError):
        redis.ping()


def test_the_table_names_every_stream() -> None:
    assert {stream.name for stream in STREAMS} <= {*users.STREAMS}
    assert PASSWORD not in USERS.read_text()
