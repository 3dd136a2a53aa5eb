"""Whether the server lets us do what Wiredesk does: every command, tried on a key of its own."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from services.console.doctor.findings import failure, merged, ok

if TYPE_CHECKING:
    from services.console.doctor.checks import Server
    from services.console.doctor.findings import Finding

LIFE = 60
"""Seconds after which the server removes the keys of a trial that was cut short."""

SCRIPT = "return redis.call('EXISTS', KEYS[1])"

STREAM, OTHER = "stream", "other"
"""The two keys of a trial: a stream, and what isn't one."""

TRIALS: tuple[tuple[str, ...], ...] = (
    ("PING",),
    ("TIME",),
    ("INFO",),
    ("SCAN", "0", "MATCH", OTHER, "COUNT", "1"),
    ("EXISTS", OTHER),
    ("SET", OTHER, "1", "EX", str(LIFE)),
    ("GET", OTHER),
    ("MGET", OTHER),
    ("TYPE", OTHER),
    ("EXPIRE", OTHER, str(LIFE)),
    ("PEXPIRE", OTHER, str(LIFE * 1000)),
    ("TTL", OTHER),
    ("PTTL", OTHER),
    ("EVAL", SCRIPT, "1", OTHER),
    ("EVALSHA", "0" * 40, "1", OTHER),
    ("SCRIPT", "LOAD", SCRIPT),
    ("MULTI",),
    ("EXEC",),
    ("DEL", OTHER),
    ("HSET", OTHER, "a", "1"),
    ("HGET", OTHER, "a"),
    ("HMGET", OTHER, "a"),
    ("HGETALL", OTHER),
    ("HEXISTS", OTHER, "a"),
    ("HINCRBY", OTHER, "a", "1"),
    ("HLEN", OTHER),
    ("HVALS", OTHER),
    ("HSCAN", OTHER, "0"),
    ("HDEL", OTHER, "a"),
    ("LPUSH", OTHER, "1"),
    ("LTRIM", OTHER, "0", "0"),
    ("LRANGE", OTHER, "0", "0"),
    ("UNLINK", OTHER),
    ("XGROUP", "CREATE", STREAM, "g", "0", "MKSTREAM"),
    ("PEXPIRE", STREAM, str(LIFE * 1000)),
    ("XADD", STREAM, "1-1", "a", "1"),
    ("XLEN", STREAM),
    ("XRANGE", STREAM, "-", "+"),
    ("XREVRANGE", STREAM, "+", "-"),
    ("XINFO", "STREAM", STREAM),
    ("XINFO", "GROUPS", STREAM),
    ("XREAD", "COUNT", "1", "STREAMS", STREAM, "0"),
    ("XREADGROUP", "GROUP", "g", "c", "COUNT", "1", "STREAMS", STREAM, ">"),
    ("XINFO", "CONSUMERS", STREAM, "g"),
    ("XPENDING", STREAM, "g"),
    ("XCLAIM", STREAM, "g", "c", "0", "1-1", "JUSTID"),
    ("XAUTOCLAIM", STREAM, "g", "c", "0", "0", "COUNT", "1"),
    ("XACK", STREAM, "g", "1-1"),
    ("XDEL", STREAM, "1-1"),
    ("XTRIM", STREAM, "MINID", "1-1"),
    ("XGROUP", "SETID", STREAM, "g", "0"),
    ("XGROUP", "DELCONSUMER", STREAM, "g", "c"),
    ("XGROUP", "DESTROY", STREAM, "g"),
    ("DEL", STREAM),
)
"""Every command of ours and of the libraries', in an order in which each has something to do."""

_NOT_REFUSED = ("NOSCRIPT",)
"""Answers that say that the command may be used."""


async def tried(server: Server) -> Finding:
    """Try every command; say which are refused, and why."""
    token = secrets.token_hex(8)
    keys = {name: server.keys.trial(token, name) for name in (STREAM, OTHER)}
    refused: dict[str, list[str]] = {}
    # One connection, so that MULTI and EXEC are of one client.
    async with server.redis.client() as one:
        # Only whether it is refused counts; redis-py would make something of the answers.
        one.response_callbacks.clear()
        for trial in TRIALS:
            error = await _refusal(one, [keys.get(word, word) for word in trial])
            if error is not None:
                refused.setdefault(error, []).append(_name(trial))
    if not refused:
        return ok(f"{len({_name(trial) for trial in TRIALS})} commands tried, none refused")
    return merged([_refused(reason, names) for reason, names in refused.items()], "")


def _name(trial: tuple[str, ...]) -> str:
    """The command, with its sub-command where it has one."""
    return " ".join(trial[: 2 if trial[0] in {"XGROUP", "XINFO", "SCRIPT"} else 1])


async def _refusal(redis: Any, words: list[str]) -> str | None:
    """The first word of the error with which the server refuses a command; None: it doesn't."""
    try:
        await redis.execute_command(*words)
    except RedisError as error:
        said = _kind(error)
        return None if said in _NOT_REFUSED else said
    return None


def _kind(error: RedisError) -> str:
    """What redis-py has made an exception of, by the server's word for it where there is one."""
    known = {
        "NoPermissionError": "NOPERM",
        "OutOfMemoryError": "OOM",
        "ReadOnlyError": "READONLY",
        "NoScriptError": "NOSCRIPT",
    }
    made = type(error).__name__
    return known.get(made) or str(error).split(" ", 1)[0]


_ADVICE = {
    "NOPERM": "give the user of WIREDESK_REDIS_URL these commands on the keys of its namespace: "
    "ACL SETUSER NAME ~{NAMESPACE}:* +@all -@dangerous +info",
    "OOM": "the server is full: CONFIG SET maxmemory BYTES, or keep less (docs/retention.md)",
    "MISCONF": "its last save failed and it refuses writes: look into its log, free its disk",
    "READONLY": "it is a replica: point WIREDESK_REDIS_URL to the primary",
}


def _refused(reason: str, names: list[str]) -> Finding:
    """One finding for all commands that are refused for one reason."""
    shown = ", ".join(dict.fromkeys(names))
    advice = _ADVICE.get(reason, "look into the server's log")
    return failure(f"refused ({reason}): {shown}", advice)
