"""One typed function for each multi-step change of Redis; each is one atomic script.

Every script starts with ``#!lua``: the server then refuses it as a whole when
memory is short or the keys lie in different slots, before its first write, and
never half-way (a script is not rolled back).  Each may be sent again when its
reply was lost: what was done is not done twice.
"""

from __future__ import annotations

import secrets
from copy import copy
from typing import TYPE_CHECKING, Any

from redis.exceptions import ResponseError

from services.bus.keys import (
    DATA_FIELD,
    ENRICHED_STREAM,
    INGEST_GROUP_PREFIX,
    OUTCOME_STREAM,
    RAW_STREAM,
    STREAMS,
    Keys,
    StageSpec,
    Stream,
)
from services.bus.scripts.given import (
    Again,
    ArticleRef,
    Burial,
    Counted,
    Crossing,
    Limits,
    Trimmed,
)
from services.bus.scripts.sending import Call, Common, Sender
from services.effects import effect

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from redis.asyncio import Redis


ATTEMPTS_TTL = 30 * 24 * 3600
"""Seconds that attempt counts outlive the last attempt: longer than anything stays pending."""

RECENT_TTL = 24 * 3600
"""Seconds that it is remembered how the last articles of a stage went: what died the day before
says nothing of now."""

NOT_HALTED = -1
"""What ``next_probe`` answers where the stage isn't stopped."""

BURIED_TTL = 120 * 24 * 3600
"""Seconds that the ledger's list of what stages rejected is kept: longer than dead letters (a
quarter), so that one that is tried again is found in it."""

BEGUN_TTL = 900
"""Seconds that a lost answer can be asked for again: TCP gives up an unheard peer after that."""

NO_STREAM = "no such key"

REWOUND_AT_ONCE = 1000
"""Pending messages, the oldest first, whose idle times are looked at: more than the workers of a
stage hold at a time."""

COUNTED_AT_ONCE = 500
"""Entries that one call counts: the server does nothing else meanwhile, for about a millisecond."""


def new_call() -> str:
    """A name for a call that may have to be sent several times."""
    return secrets.token_hex(8)


class Scripts(Sender):
    """The scripts of one partition of a desk over one connection pool; see ``Keys``."""

    def __init__(self, redis: Redis, keys: Keys, marker_ttl: float) -> None:
        super().__init__(redis)
        self.keys = keys
        self._ttl = max(1, int(marker_ttl))

    def at(self, keys: Keys) -> Scripts:
        """The same over the keys of another partition."""
        other = copy(self)
        other.keys = keys
        return other

    async def publish(self, target: Stream, ref: ArticleRef, event: bytes) -> bool:
        """Add ``event`` once per (drop, article); False if it was on its way already."""
        here = self.keys.holding(ref.article_id)
        return await self._call(_published(here, self._publishing(target, here), ref, event))

    async def publish_all(
        self, target: Stream, events: Sequence[tuple[ArticleRef, bytes]], added: list[bool]
    ) -> None:
        """:meth:`publish` each of ``events``, in order; ``added`` takes the answers.

        Where it raises, ``added`` has the answers so far; called again with it, it goes on there.
        """
        commons: dict[int, Common] = {}
        calls = []
        for ref, event in events:
            # In the partition of the article, whichever this one is.
            here = self.keys.holding(ref.article_id)
            if here.partition not in commons:
                commons[here.partition] = self._publishing(target, here)
            calls.append(_published(here, commons[here.partition], ref, event))
        await self._send(calls, added)

    def _publishing(self, target: Stream, here: Keys) -> Common:
        keys = [here.stream(target), here.noted(), *(here.stream(stream) for stream in STREAMS)]
        args = [DATA_FIELD, target.name, self._ttl, here.partitions, len(STREAMS)]
        args += [stream.name for stream in STREAMS]
        return Common("publish", f"bus.publish.{target.name}", keys, args)

    async def announce(self, target: Stream, change_id: UUID, event: bytes) -> bool:
        """Add the ``event`` of a change once; False if it had been added before."""
        effect(f"bus.announce.{target.name}")
        keys = [self.keys.announced(change_id), self.keys.stream(target)]
        return bool(await self._run("announce", keys, [DATA_FIELD, event, self._ttl]))

    async def begin(
        self, spec: StageSpec, entries: Sequence[tuple[str, ArticleRef]], call: str | None = None
    ) -> list[int]:
        """Count an attempt on each entry; 0 for one whose article has already gone on.

        ``call``: from :func:`new_call`, the same for every time that one counting is sent.
        """
        effect(f"bus.begin.{spec.name}")
        keys = [self.keys.attempts(spec), self.keys.begun(call or new_call())]
        keys += [self.keys.marker(*ref.spelt) for _, ref in entries]
        ids = [entry_id for entry_id, _ in entries]
        args = [spec.reads.name, ATTEMPTS_TTL, BEGUN_TTL, *ids]
        return [int(count) for count in await self._run("begin", keys, args)]

    async def give_back(self, spec: StageSpec, entry_ids: Sequence[str]) -> None:
        """Take back attempts that were counted and not made (the handler said: not now)."""
        effect(f"bus.give_back.{spec.name}")
        await self._run("give_back", [self.keys.attempts(spec)], entry_ids)

    async def hand_off(self, spec: StageSpec, entry_id: str, ref: ArticleRef, event: bytes) -> bool:
        """Acknowledge and forward in one step; False if somebody else had done it."""
        common = self._handing_off(spec, self.keys)
        return await self._call(_handed_off(self.keys, common, entry_id, ref, event))

    async def cross_all(
        self, spec: StageSpec, crossings: Sequence[Crossing], crossed: list[bool]
    ) -> None:
        """:meth:`hand_off` or :meth:`acknowledge` each, in order; ``crossed`` takes the answers.

        Each in its own partition, whichever this one is.
        Where it raises, ``crossed`` has the answers so far; called again with it, it goes on there.
        """
        commons: dict[tuple[int, bool], Common] = {}
        calls = []
        for each in crossings:
            here, goes_on = self.keys.at(each.partition), each.event is not None
            common = commons.get((each.partition, goes_on))
            if common is None:
                make = self._handing_off if goes_on else _acknowledging
                common = commons[each.partition, goes_on] = make(spec, here)
            if each.event is None:
                calls.append(Call(common, (), (each.entry_id,)))
            else:
                calls.append(_handed_off(here, common, each.entry_id, each.ref, each.event))
        await self._send(calls, crossed)

    def _handing_off(self, spec: StageSpec, here: Keys) -> Common:
        if spec.writes is None:
            raise ValueError(f"stage {spec.name} writes no stream")
        keys = [here.stream(spec.reads), here.attempts(spec), here.stream(spec.writes)]
        args = [spec.group, spec.reads.name, DATA_FIELD, spec.writes.name, self._ttl]
        return Common("hand_off", f"bus.hand_off.{spec.name}", keys, args)

    async def acknowledge(self, spec: StageSpec, entry_id: str) -> bool:
        """Acknowledge a message that leads to no other."""
        return await self._call(Call(_acknowledging(spec, self.keys), (), (entry_id,)))

    async def bury(self, spec: StageSpec, dead: Stream, outcomes: Stream, burial: Burial) -> bool:
        """Move a message to the dead letters and report its outcome, in one step."""
        effect(f"bus.bury.{spec.name}")
        keys = [self.keys.stream(spec.reads), self.keys.attempts(spec), self.keys.stream(dead)]
        args: list[Any] = [spec.group, burial.entry_id, spec.reads.name]
        args += [DATA_FIELD, burial.dead_letter]
        if burial.outcome is not None and burial.ref is not None:
            marker = self.keys.marker(*burial.ref.spelt)
            keys += [self.keys.stream(outcomes), marker]
            args += [burial.outcome, outcomes.name, self._ttl]
            if burial.counted is not None:
                keys.append(self.keys.buried(burial.counted.inbox_id, burial.counted.day))
                args += [*burial.counted.entry(burial.ref), BURIED_TTL]
        return bool(await self._run("bury", keys, args))

    async def whereabouts(
        self, refs: Sequence[ArticleRef], groups: Sequence[str]
    ) -> list[tuple[str, Any]]:
        """Marker ('' for none) and state of each article, all at one moment; changes nothing.

        ``groups``: who reads the raw, the enriched and the outcome stream.
        """
        streams = (RAW_STREAM, ENRICHED_STREAM, OUTCOME_STREAM)
        keys = [self.keys.stream(stream) for stream in streams]
        keys += [self.keys.marker(*ref.spelt) for ref in refs]
        args = [*(stream.name for stream in streams), *groups]
        found = [part.decode() for part in await self._run("whereabouts", keys, args)]
        return list(zip(found[::2], found[1::2], strict=True))

    async def trim(
        self,
        stream: Stream,
        horizon_id: str,
        limit: int,
        protected: Sequence[str],
        partitions: int = 1,
    ) -> Trimmed:
        """Remove what is older than the horizon and needed by no group.

        ``limit``, and that of a registered subscriber, is over so many partitions.
        """
        keys = [self.keys.stream(stream), self.keys.subscribers(), self.keys.trimmed()]
        try:
            args = [horizon_id, limit, stream.name, partitions, *protected]
            removed, *names = await self._run("trim", keys, args)
        except ResponseError as error:
            if NO_STREAM in str(error):
                return Trimmed(0)
            raise
        return Trimmed(int(removed), tuple(name.decode() for name in names))

    async def subscribe(
        self, stream: Stream, group: str, document: bytes, start: str, *, adopt: bool
    ) -> str:
        """Register a subscriber and make its group, behind ``start``, in one step.

        ``made``; ``adopted`` or ``exists`` where a group of that name was there, made by hand,
        and may or may not be taken; ``registered`` where it is one already.
        """
        keys = [self.keys.stream(stream), self.keys.subscribers()]
        args = [f"{stream.name}/{group}", group, document, start, int(adopt)]
        answer: bytes = await self._run("subscribe", keys, args)
        return answer.decode()

    async def unsubscribe(self, stream: Stream, group: str) -> bool:
        """Forget a subscriber and its group; False where neither was there."""
        keys = [self.keys.stream(stream), self.keys.subscribers()]
        return bool(await self._run("unsubscribe", keys, [f"{stream.name}/{group}", group]))

    async def resubscribe(self, stream: Stream, group: str) -> bool:
        """Make a registered subscriber's group at the beginning if it is gone; True if it was."""
        keys = [self.keys.stream(stream), self.keys.subscribers()]
        return bool(await self._run("resubscribe", keys, [f"{stream.name}/{group}", group]))

    async def count_entries(self, stream: Stream, after: str, until: str) -> int:
        """Entries behind one id and up to another, counted in the server in small steps."""
        counted, key = 0, self.keys.stream(stream)
        while True:
            number, last = await self._run("count", [key], [f"({after}", until, COUNTED_AT_ONCE])
            counted += int(number)
            if int(number) < COUNTED_AT_ONCE:
                return counted
            after = last.decode()

    async def nth_entry(self, stream: Stream, number: int) -> str | None:
        """Id of the ``number``-th oldest entry; None where there are fewer."""
        after, key = "-", self.keys.stream(stream)
        while number > 0:
            step = min(number, COUNTED_AT_ONCE)
            counted, last = await self._run("count", [key], [after, "+", step])
            if int(counted) < step:
                return None
            after, number = f"({last.decode()}", number - step
        return after.removeprefix("(")

    async def spend(self, group: str, limits: Limits, passed: int, died: bytes = b"") -> int:
        """Note that articles of a stage passed, and that then one is to die.

        2 where this stopped the stage, 1 where it was stopped already: the article doesn't
        die.  Else 0.
        """
        effect(f"bus.spend.{group.partition(':')[0]}")
        args = [limits.window, limits.percent, limits.in_a_row, RECENT_TTL, ATTEMPTS_TTL]
        keys = [self.keys.recent(group), self.keys.halted(group)]
        return int(await self._run("spend", keys, [*args, passed, died]))

    async def next_probe(self, group: str, lease: float) -> str | bool:
        """After which entry to look for a message to try; False: not now, True: no need any more.

        Nobody else gets a turn for ``lease`` seconds.
        """
        answer = await self._run("next_probe", [self.keys.halted(group)], [lease, ATTEMPTS_TTL])
        return answer.decode() if isinstance(answer, bytes) else answer == NOT_HALTED

    async def probed(
        self, group: str, entry_id: str, *, passed: bool | None, enough: int, pause: float
    ) -> bool:
        """Note how a trial went; True where it ended the stop. The next is due in ``pause`` s.

        ``passed`` is None where there was none to try.
        """
        how = {True: "passed", False: "failed", None: "nothing"}[passed]
        effect(f"bus.probed.{group.partition(':')[0]}")
        keys = [self.keys.halted(group), self.keys.recent(group)]
        return bool(await self._run("probed", keys, [how, enough, pause, entry_id]))

    async def retry(self, dead: Stream, again: Again) -> str | None:
        """Take a dead letter away and add its message to the stream that it was read from.

        Both or neither; the new entry's id, None where the letter isn't there any more.
        """
        effect(f"bus.retry.{again.target.name}")
        keys = [self.keys.stream(dead), self.keys.stream(again.target)]
        args: list[Any] = [again.letter_id, DATA_FIELD, again.event]
        if again.ref is not None:
            keys.append(self.keys.marker(*again.ref.spelt))
            args += [again.target.name, self._ttl]
            if again.counted is not None:
                keys.append(self.keys.buried(again.counted.inbox_id, again.counted.day))
                args.append(again.counted.entry(again.ref)[0])
        added: bytes = await self._run("retry", keys, args)
        return added.decode() or None

    async def share(
        self, spec: StageSpec, consumer: str, lease: float, given_up: Sequence[int] = ()
    ) -> tuple[list[int], list[int]]:
        """Renew a worker's leases of partitions; its partitions, and which of them to give up.

        ``given_up``: those that it is done with.  For ``lease`` seconds from when it was asked
        nobody else is given what is the worker's; 0: it leaves, with everything.
        """
        args = [consumer, self.keys.partitions, int(lease * 1000), *given_up]
        found = [int(each) for each in await self._run("share", [self.keys.shares(spec)], args)]
        end = found.index(-1)
        return found[:end], found[end + 1 :]

    async def note(self, said: str, says: str) -> bool:
        """Change how many partitions are noted; False where somebody else has."""
        return bool(await self._run("note", [self.keys.at(0).noted()], [said, says]))

    async def fence(self, number: int, says: str) -> bool:
        """Tell this partition what the change of this number says; False where a later one has."""
        return bool(await self._run("fence", [self.keys.noted()], [number, says]))

    async def drop_consumers(self, spec: StageSpec, idle_ms: int) -> int:
        """Delete a stage's consumers that are idle for long and have nothing pending."""
        key = self.keys.stream(spec.reads)
        return int(await self._run("drop_consumers", [key], [spec.group, idle_ms]))

    async def drop_inboxes(self, spec: StageSpec, idle_ms: int) -> list[str]:
        """Delete the groups of inboxes but ``spec``'s that nobody reads with; their names."""
        key = self.keys.stream(spec.reads)
        names = await self._run("drop_inboxes", [key], [INGEST_GROUP_PREFIX, spec.group, idle_ms])
        return [name.decode() for name in names]

    async def rewind(self, spec: StageSpec) -> int:
        """Have pending messages age again where the server's clock was set back; how many."""
        key = self.keys.stream(spec.reads)
        return int(await self._run("rewind", [key], [spec.group, REWOUND_AT_ONCE]))


__all__ = [
    "Again",
    "ArticleRef",
    "Burial",
    "Counted",
    "Crossing",
    "Limits",
    "Scripts",
    "Trimmed",
    "new_call",
]


def _published(here: Keys, common: Common, ref: ArticleRef, event: bytes) -> Call:
    return Call(common, (here.marker(*ref.spelt),), (event,), len(event))


def _handed_off(here: Keys, common: Common, entry_id: str, ref: ArticleRef, event: bytes) -> Call:
    return Call(common, (here.marker(*ref.spelt),), (entry_id, event), len(event))


def _acknowledging(spec: StageSpec, here: Keys) -> Common:
    keys = [here.stream(spec.reads), here.attempts(spec)]
    return Common("acknowledge", f"bus.acknowledge.{spec.name}", keys, [spec.group])
