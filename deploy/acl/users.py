"""The users of the server, each with the least rights: ``python -m deploy.acl.users > users.acl``.

What each may do stands here once, by commands and keys; the file beside is made from it, and a
test holds the two together and runs every service under its own user on a real server.

A script is allowed to be sent with any of the desk's keys: the server then checks each command
*inside* it against the user again, so that it does no more than its sender might.
"""  # noqa: INP001  (deploy/ is a folder of files, no package)

from __future__ import annotations

import sys
from dataclasses import dataclass

CONNECTION = "hello auth ping select client|setname time info cluster|slots"
"""What a client library says for itself, and what tells the server's time, memory and slots.

Not CLIENT SETINFO, which Redis 7.0 doesn't know: some libraries send it to tell their name, go on
when it is refused, and leave a line in ACL LOG. From 7.2 on it may be added.
"""

SCRIPTED = "scan script|load multi exec"
"""What has no key of its own: SCAN tells names of keys, never what is in them."""

LOOK_AT_STREAM = "xinfo|stream xinfo|groups xinfo|consumers xlen xrange xrevrange xpending exists"

WORK_AS_GROUP = "xreadgroup xautoclaim xclaim xack xgroup|create xgroup|delconsumer"

STREAMS = ("raw", "enriched", "outcomes", "dead", "stories", "entities")

ALL = "*"
"""All keys of the desk."""


@dataclass(frozen=True)
class Grant:
    """Commands on keys (without their hash tag): ``R`` to read, ``W`` to write, or both."""

    commands: str
    keys: str
    how: str = ""

    def selector(self, namespace: str) -> str:
        """As an ACL selector; the keys of all partitions."""
        mode = f"%{self.how}~" if self.how else "~"
        tags = (f"{{{namespace}}}", f"{{{namespace}/*}}")
        keys = [f"{mode}{tag}:{key}" for key in self.keys.split() for tag in tags]
        return "(" + " ".join([*(f"+{each}" for each in self.commands.split()), *keys]) + ")"


def _of_every_service(group: str) -> tuple[Grant, ...]:
    """What every stage does around its stream; ``group`` as a pattern."""
    mine = f"attempts:{group} recent:{group} halted:{group} shares:{group}"
    return (
        Grant("eval evalsha", ALL),
        Grant("get set expire exists", "at:* begun:* partitions"),
        Grant("hget hset hdel hexists hgetall hincrby exists expire pexpire del", mine),
        Grant("lpush ltrim lrange", f"recent:{group}"),
        # What it rejects, for the ledger, and the letter and the outcome that tell of it.
        Grant("hset expire", "buried:*", "W"),
        Grant("xadd", "dead outcomes", "W"),
        # Its sign of life; it sees the others'.
        Grant("set del", f"alive:{group}:*", "W"),
        Grant("get", "alive:*", "R"),
        # The janitor in it: whom it must not trim past, and what it trimmed.
        Grant("hget hset hgetall hexists", "subscribers"),
        Grant("hset", "trimmed", "W"),
        # Groups are made by whoever comes first, with their streams.
        Grant("xgroup|create xinfo|groups", "raw enriched outcomes"),
    )


def _janitor(streams: str) -> Grant:
    return Grant("xtrim", streams, "W")


INGEST = (
    *_of_every_service("ingest:*"),
    Grant("xadd", "raw", "W"),
    Grant(f"{WORK_AS_GROUP} xgroup|destroy", "outcomes"),
    Grant(LOOK_AT_STREAM, "raw enriched outcomes", "R"),
    Grant("hscan hdel", "buried:*"),
    Grant("lpush ltrim expire", "receipts", "W"),
    _janitor("outcomes"),
)

ENRICHMENT = (
    *_of_every_service("enrichment"),
    Grant(f"{WORK_AS_GROUP} {LOOK_AT_STREAM}", "raw"),
    Grant("xadd", "enriched stories", "W"),
    Grant(f"{LOOK_AT_STREAM} type xgroup|create", "stories"),
    Grant("get set mget del expire hget hmget hset hdel hlen type exists", "kin:*"),
    _janitor("raw stories"),
)

INDEXER = (
    *_of_every_service("indexer"),
    Grant(f"{WORK_AS_GROUP} {LOOK_AT_STREAM}", "enriched"),
    # The page shows all streams; the feed reads them, webhooks are groups on them.
    Grant(f"{LOOK_AT_STREAM} xread", " ".join(STREAMS), "R"),
    Grant(f"{WORK_AS_GROUP} xgroup|destroy", "enriched outcomes stories entities"),
    Grant("xadd", "entities", "W"),
    Grant("set", "announced:*", "W"),
    Grant("hdel", "subscribers", "W"),
    Grant("hget hgetall", "trimmed", "R"),
    Grant("hgetall hget exists", "halted:*", "R"),
    Grant("lrange", "receipts", "R"),
    Grant(
        "get set del exists expire ttl hget hset hdel hgetall hvals hincrby "
        "xadd xdel xlen xrange xtrim",
        "webhook-*",
    ),
    _janitor("enriched dead entities"),
)

SUBSCRIBER = (
    # Its group is made by the operator (`wiredesk subscribers add`).
    Grant("xreadgroup xautoclaim xclaim xack xpending", "enriched outcomes stories entities"),
    Grant("xread xrange xrevrange xlen", "enriched outcomes stories entities", "R"),
    Grant("xinfo|stream xinfo|groups xinfo|consumers", "enriched outcomes stories entities", "R"),
)

OPERATOR = (
    Grant(
        "eval evalsha exists set get mget type expire pexpire ttl pttl del unlink "
        "hset hget hmget hgetall hexists hincrby hlen hvals hscan hdel "
        "lpush ltrim lrange "
        "xgroup|create xgroup|setid xgroup|delconsumer xgroup|destroy "
        "xadd xlen xrange xrevrange xinfo|stream xinfo|groups xinfo|consumers "
        "xread xreadgroup xpending xclaim xautoclaim xack xdel xtrim",
        ALL,
    ),
)

USERS: dict[str, tuple[Grant, ...]] = {
    "ingest": INGEST,
    "enrichment": ENRICHMENT,
    "indexer": INDEXER,
    "subscriber": SUBSCRIBER,
    "operator": OPERATOR,
}

MORE = {"operator": " +config|get"}
"""Rights without keys: ``wiredesk doctor`` looks at the append-only file's settings."""

OTHERS = (
    # A replica logs in at its master so (masteruser), and a sentinel at what it watches.
    "user replica on sanitize-payload -@all +psync +replconf +ping",
    (
        "user sentinel on sanitize-payload &* -@all +auth +client|getname +client|id "
        "+client|setname +command +hello +ping +role +publish +subscribe +psubscribe +info "
        "+multi +exec +slaveof +config|rewrite +client|kill +script|kill"
    ),
    # Whoever logs in without a name: nobody.
    "user default off resetpass resetkeys resetchannels -@all",
)


def line(name: str, namespace: str = "news") -> str:
    """A user's line in the file: without a password, so that nobody can log in until it has one."""
    selectors = " ".join(grant.selector(namespace) for grant in USERS[name])
    commands = " ".join(f"+{each}" for each in CONNECTION.split())
    if name != "subscriber":
        commands += " " + " ".join(f"+{each}" for each in SCRIPTED.split())
    start = "on sanitize-payload resetkeys resetchannels -@all"
    return f"user {name} {start} {commands}{MORE.get(name, '')} {selectors}"


def text(namespace: str = "news") -> str:
    """The whole file, for the desk of a namespace."""
    return "\n".join([*OTHERS, *(line(name, namespace) for name in USERS)]) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text(*sys.argv[1:2]))
