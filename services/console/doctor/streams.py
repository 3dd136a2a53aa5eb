"""Checks of the streams: groups there and alive, nothing old, nothing lost, nobody left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.events import DeadLetter
from services.bus.agreement import noted
from services.bus.budget import advice_for, halts
from services.bus.envelope import Unreadable, read
from services.bus.groups import group_info
from services.bus.keys import (
    CHANGE_STREAMS,
    DATA_FIELD,
    DEAD_STREAM,
    ENRICHMENT,
    INDEXER,
    RAW_STREAM,
    STREAMS,
    is_ours,
    receipts_stage,
)
from services.bus.overview import oldest_seconds, server_ms, workers_of
from services.bus.registered import registered
from services.console.doctor.checks import ServerCheck
from services.console.doctor.figures import time_of
from services.console.doctor.findings import (
    Finding,
    failure,
    graded,
    judged,
    merged,
    ok,
    warning,
)
from services.console.doctor.lost import lost_before_read, passed_over
from services.console.doctor.stores import inbox_id_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.bus.keys import StageSpec, Stream
    from services.bus.registered import Registered
    from services.console.doctor.checks import Server, ServerLook

OLD_WARN, OLD_FAIL = 300.0, 3600.0
"""Seconds that an article may wait at one stage: five minutes is the longest batch that isn't
ended (handler_timeout); news that is an hour old is none."""

ABANDONED_CLAIMS = 4
"""Claim times without a lease after which nobody takes a message over any more."""

DEAD_SHOWN = 1000
"""Dead letters counted at most: more of them in a day need no exact number."""

DEAD_DAY = 24 * 3600
"""Seconds: dead letters of the last day are told; older ones somebody has seen."""


def stages_of(server: Server) -> Sequence[StageSpec]:
    """The stages of the desk; ingest's group only where its journal tells which inbox it is."""
    inbox_id = inbox_id_of(server.settings)
    own = () if inbox_id is None else (receipts_stage(inbox_id),)
    return (ENRICHMENT, INDEXER, *own)


async def groups_of(server: Server, spec: StageSpec) -> dict[str, dict[str, Any]]:
    """``XINFO GROUPS`` of the stream that a stage reads, by the groups' names."""
    found = await group_info(server.redis, server.keys.stream(spec.reads))
    return {group["name"].decode(): group for group in found}


def in_each(look: ServerLook, nothing: str = "") -> ServerLook:
    """A look at every partition, as one finding."""

    async def looked(server: Server) -> Finding:
        places = [server.at(keys.partition) for keys in server.keys.each()]
        found = [await look(place) for place in places]
        return found[0] if len(found) == 1 else merged(found, nothing)

    return looked


# --- partitions -------------------------------------------------------------------------------
async def _partitions(server: Server) -> Finding:
    note, given = await noted(server.redis, server.keys), server.keys.partitions
    if note.number == given:
        return ok(f"WIREDESK_PARTITIONS is {given}, as the desk has them")
    told = f"the desk has {note.number}, and WIREDESK_PARTITIONS says {given}"
    if not note.change and not await server.redis.exists(server.keys.stream(RAW_STREAM)):
        return ok(f"{told}: it will have {given}, nothing was there yet")
    return failure(
        f"{told}: what is said here is of other partitions than those that are read",
        f"set it to {note.number}; to change the number see docs/partitions.md",
    )


# --- groups -----------------------------------------------------------------------------------
async def _groups(server: Server) -> Finding:
    return merged([await _there(server, spec) for spec in stages_of(server)], "")


async def _there(server: Server, spec: StageSpec) -> Finding:
    key = server.keys.stream(spec.reads)
    if spec.group in await groups_of(server, spec):
        return ok(f"{spec.group} reads {key}")
    entries = int(await server.redis.xlen(key))
    running = await workers_of(server.redis, server.keys, spec)
    advice = f"restart {spec.name}: it makes its group anew, from the first entry"
    if entries or running:
        return failure(f"{spec.group} has no group on {key}, with {entries} entries", advice)
    return warning(
        f"{spec.group} has no group on {key}: {spec.name} never ran here",
        f"start it: wiredesk up {server.settings.inbox}, or wiredesk run {spec.name}",
    )


async def _begin(server: Server) -> Finding:
    findings = [
        await _begun(server, spec, groups[spec.group])
        for spec in (ENRICHMENT, INDEXER)
        if spec.group in (groups := await groups_of(server, spec))
    ]
    return merged(findings, "no group yet: nothing can have been passed over")


async def _begun(server: Server, spec: StageSpec, group: dict[str, Any]) -> Finding:
    skipped, looked = await passed_over(server, spec, group)
    if not skipped:
        return ok(f"{spec.group}: of {looked} entries that lie behind it none was passed over")
    key = server.keys.stream(spec.reads)
    return failure(
        f"{spec.group} passed over {len(skipped)} of {looked} entries of {key} (the first: "
        f"{skipped[0]}): its group was made at $ or moved ahead, by hand",
        f"XGROUP SETID {key} {spec.group} 0, which is harmless: what has gone on is not done "
        "again; or wait, ingest sends unsettled files again",
    )


# --- life -------------------------------------------------------------------------------------
async def _alive(server: Server) -> Finding:
    return merged([await _worked(server, spec) for spec in stages_of(server)], "")


async def _worked(server: Server, spec: StageSpec) -> Finding:
    running = await workers_of(server.redis, server.keys, spec)
    if not running:
        start = f"wiredesk up {server.settings.inbox}, or wiredesk run {spec.name}"
        return failure(f"{spec.name}: no worker runs", f"start it: {start}")
    waiting = [str(worker["waiting_for"]) for worker in running if worker.get("waiting_for")]
    found = f"{spec.name}: {len(running)} running"
    if waiting:
        return warning(
            f"{found}, {len(waiting)} of them waiting: {waiting[0]}",
            "mend what it waits for; it goes on by itself",
        )
    return ok(found)


async def _oldest(server: Server) -> Finding:
    now_ms = await server_ms(server.redis)
    findings = []
    for spec in stages_of(server):
        group = (await groups_of(server, spec)).get(spec.group)
        if group is not None:
            findings += [
                await _age(server, spec, group, now_ms),
                *await _abandoned(server, spec),
            ]
    return merged(findings, "no group yet: nothing is waiting")


async def _age(server: Server, spec: StageSpec, group: dict[str, Any], now_ms: int) -> Finding:
    key = server.keys.stream(spec.reads)
    age = await oldest_seconds(server.redis, key, group, now_ms)
    if age is None:
        return ok(f"{spec.group}: nothing waits")
    lag = "an unknown number" if group["lag"] is None else group["lag"]
    found = (
        f"{spec.group}: the oldest waits for {time_of(age)} ({age:.0f} s); {lag} not given out, "
        f"{group['pending']} in work"
    )
    return judged(
        graded(age, OLD_WARN, OLD_FAIL),
        found,
        f"see that {spec.name} runs and what it waits for (wiredesk status); more workers help "
        "where it only lags",
    )


async def _abandoned(server: Server, spec: StageSpec) -> list[Finding]:
    """Messages given out whose lease nobody has renewed and nobody has taken over."""
    idle = server.settings.claim_after * ABANDONED_CLAIMS
    key = server.keys.stream(spec.reads)
    found: list[Any] = await server.redis.xpending_range(
        key, spec.group, min="-", max="+", count=100, idle=int(idle * 1000)
    )
    if not found:
        return []
    longest = max(int(entry["time_since_delivered"]) for entry in found) / 1000
    return [
        failure(
            f"{spec.group}: {len(found)} messages (of the first 100) were given to a worker that "
            f"has not renewed them for up to {time_of(longest)}, and nobody took them over",
            f"restart {spec.name}: whoever lives takes over after "
            f"{server.settings.claim_after:g} s",
        )
    ]


async def _halted(server: Server) -> Finding:
    findings = [
        failure(
            f"{halt.group} was stopped by its failure budget: {halt.reason}", advice_for(halt.stage)
        )
        for halt in await halts(server.redis, server.keys)
    ]
    return merged(findings, "no stage is halted")


# --- loss -------------------------------------------------------------------------------------
async def _trim(server: Server) -> Finding:
    findings = [
        await _kept(server, spec)
        for spec in stages_of(server)
        if spec.group in await groups_of(server, spec)
    ]
    return merged(findings, "no group yet: nothing can have been trimmed over")


async def _kept(server: Server, spec: StageSpec) -> Finding:
    unread, hollow = await lost_before_read(server, spec)
    key = server.keys.stream(spec.reads)
    advice = (
        "let nothing else trim or delete on this server (XTRIM, XDEL, MAXLEN); ingest sends "
        f"unsettled files again within {server.settings.redrive_interval:g} s"
    )
    if unread or hollow:
        return failure(
            f"{key}: {unread} entries were removed before {spec.group} had read them, and "
            f"{hollow} that it has in work are gone",
            advice,
        )
    if unread is None:
        return ok(f"{spec.group}: has read nothing yet, or the server can't tell")
    return ok(f"{key}: nothing was removed that {spec.group} had not read")


async def _subscribers(server: Server) -> Finding:
    findings = []
    streams = (*STREAMS, *CHANGE_STREAMS)
    for stream in (s for s in streams if server.keys in server.keys.each(s)):
        known = await registered(server.redis, server.keys, stream)
        for group in await group_info(server.redis, server.keys.stream(stream)):
            name = group["name"].decode()
            entry = known.pop(name, None)
            if not is_ours(name):
                length = int(await server.redis.xlen(server.keys.stream(stream)))
                behind = (length if group["lag"] is None else group["lag"]) + group["pending"]
                findings.append(_behind(server, stream, name, entry, behind))
        findings += [_gone(stream, name) for name in known]
    return merged(findings, "no subscribers")


def _behind(
    server: Server, stream: Stream, name: str, entry: Registered | None, behind: int
) -> Finding:
    limit = server.settings.subscriber_limit if entry is None else entry.limit
    # The limit is over all partitions of the stream, and each has its part of it.
    limit //= len(server.keys.each(stream))
    kind = "made by hand" if entry is None else "registered"
    found = f"{name} ({kind}) on {stream.name}: {behind:,} of {limit:,} entries behind"
    if entry is not None and entry.lost is not None:
        return failure(
            f"{found}; old ones were trimmed before it had read them",
            f"let {name} run and catch up, or give it more: wiredesk subscribers remove {name} "
            f"and add it again with --limit above {limit}",
        )
    if behind > limit // 2:  # the janitor reports it from there on, too
        return warning(
            f"{found}; at its limit old ones are trimmed all the same",
            f"let {name} run, remove it where nobody needs it (wiredesk subscribers remove "
            f"{name}), or raise its limit",
        )
    return ok(found)


def _gone(stream: Stream, name: str) -> Finding:
    return warning(
        f"{name} is registered on {stream.name}, and its group is gone",
        "wait a minute: the janitor makes it anew, at the beginning; it runs in the services",
    )


async def _dead(server: Server) -> Finding:
    key = server.keys.stream(DEAD_STREAM)
    since = await server_ms(server.redis) - DEAD_DAY * 1000
    recent: Any = await server.redis.xrevrange(key, min=f"{since}-0", count=DEAD_SHOWN)
    total = int(await server.redis.xlen(key))
    if not recent:
        return ok(f"none in the last day, {total} in all")
    more = "at least " if len(recent) == DEAD_SHOWN else ""
    return warning(
        f"{more}{len(recent)} in the last day, {total} in all; the newest: {_letter(recent[0][1])}",
        "wiredesk dead list; once the cause is mended: wiredesk dead retry",
    )


def _letter(fields: dict[bytes, bytes]) -> str:
    """Which stage gave up, and the kind of error: nothing of an article's content."""
    event = read(fields.get(DATA_FIELD.encode(), b""), DEAD_STREAM.event)
    letter = None if isinstance(event, Unreadable) else event.payload
    if not isinstance(letter, DeadLetter):
        return "one that can't be read"
    return f"{letter.stage}, {letter.error_type}"


CHECKS = (
    ServerCheck(
        name="streams.partitions",
        looks_at="how many partitions the desk has, and how many this command was told",
        limits="fails where they differ",
        why="The other checks look at the partitions that the setting names.",
        look=_partitions,
    ),
    ServerCheck(
        name="streams.groups",
        looks_at="the consumer group of each stage, on the stream that it reads",
        limits="fails where one is gone from a stream with entries or workers; warns where a stage "
        "never ran",
        why="Without its group a stage is given nothing.",
        look=in_each(_groups),
    ),
    ServerCheck(
        name="streams.begin",
        looks_at="whether a group was made at 0 and never moved ahead: of the oldest entries that "
        "lie behind it, is there one that it neither holds nor has handed on? The group's own "
        "figures can't tell, the markers of the articles can, for a week",
        limits="fails with the first such entry",
        why="A group made at $ skips what was there, and its lag says 0.",
        look=in_each(_begin),
    ),
    ServerCheck(
        name="streams.alive",
        looks_at="the workers' signs of life, and what they wait for",
        limits="fails where a stage has no worker; warns while one waits for something outside",
        why="What nobody works on waits.",
        look=_alive,
    ),
    ServerCheck(
        name="streams.oldest",
        looks_at="the age in seconds of the oldest message that each stage isn't done with, and "
        "messages whose lease nobody renews",
        limits=f"warns at {OLD_WARN:g} s, fails at {OLD_FAIL:g} s, or where a message was left "
        f"alone for {ABANDONED_CLAIMS} claim times",
        why="Counts look well when little comes; age tells that something is stuck.",
        look=in_each(_oldest),
    ),
    ServerCheck(
        name="streams.halted",
        looks_at="stages that their failure budget has stopped",
        limits="fails where there is one",
        why="A halted stage stays so until it is told to go on, or its probes pass.",
        look=_halted,
    ),
    ServerCheck(
        name="streams.trim",
        looks_at="whether entries were removed that a stage had not read, or that it has in work",
        limits="fails with the first",
        why="Our janitor never does that; another program that trims or deletes loses articles.",
        look=in_each(_trim),
    ),
    ServerCheck(
        name="streams.subscribers",
        looks_at="how far each subscriber is behind, of its limit",
        limits="warns at half of the limit, or where a registered one's group is gone; fails where "
        "one has lost events",
        why="At the limit the janitor trims over it, or it would fill the server.",
        look=in_each(_subscribers),
    ),
    ServerCheck(
        name="streams.dead",
        looks_at="dead letters of the last day",
        limits="warns with the first",
        why="Each is an article that nobody will see until somebody looks.",
        look=in_each(_dead),
    ),
)
