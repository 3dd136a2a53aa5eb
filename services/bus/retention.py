"""What may be trimmed, and when: by age or number, and only what every group is done with.

Never MAXLEN: it drops unread and pending entries without a word.  A janitor
runs in each service over the streams it looks after; two at once do no harm.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from services.bus.groups import group_info
from services.bus.keys import (
    DEAD_STREAM,
    ENRICHED_STREAM,
    ENRICHMENT,
    ENTITY_STREAM,
    INDEXER,
    OUTCOME_STREAM,
    RAW_STREAM,
    STORY_STREAM,
    Keys,
    StageSpec,
    Stream,
    is_ours,
)
from services.bus.positions import entry_id, written
from services.bus.registered import Registered, registered
from services.observability import get_logger

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from services.bus.scripts import Scripts
    from services.settings import Settings

log = get_logger(__name__)

GONE_AFTER_CLAIMS = 20
"""A consumer is deleted when idle for this many claim times: a live one reads twice a second."""

COUNTED_A_SWEEP = 50_000
"""Entries beyond those kept that one sweep removes at most: above any rate seen, within a second of
the server's time."""

PROTECTED = (ENRICHMENT.group, INDEXER.group)
"""Groups that are never trimmed over, however far behind. An inbox's own group isn't among
them: a deleted inbox would hold its outcomes for ever, and a living one gets lost outcomes
again by reading its files again."""


class Janitor:
    """Trims the streams that a stage looks after, and forgets its dead consumers."""

    def __init__(self, spec: StageSpec, settings: Settings, redis: Redis, scripts: Scripts) -> None:
        self._spec = spec
        self._settings = settings
        self._redis = redis
        self._scripts = scripts
        self._keys = Keys.of(settings)

    def _retention(self, stream: Stream) -> float:
        return {
            RAW_STREAM.name: self._settings.retain_raw,
            ENRICHED_STREAM.name: self._settings.retain_enriched,
            OUTCOME_STREAM.name: self._settings.retain_outcomes,
            DEAD_STREAM.name: self._settings.retain_dead,
            STORY_STREAM.name: self._settings.retain_changes,
            ENTITY_STREAM.name: self._settings.retain_changes,
        }[stream.name]

    async def sweep(self) -> int:
        """One round; the number of entries removed."""
        removed = forgotten = 0
        # The server's clock, by which the entries have their ids: this host's may be set wrong.
        seconds, micros = await self._redis.time()
        now = seconds + micros / 1_000_000
        for stream in self._spec.trims:
            for keys in self._keys.each(stream):
                removed += await self._trim(stream, keys, now)
            await self._look_after_subscribers(stream)
        idle_ms = int(self._settings.claim_after * 1000 * GONE_AFTER_CLAIMS)
        for keys in self._keys.each(self._spec.reads):
            await self._scripts.at(keys).rewind(self._spec)
            forgotten += await self._scripts.at(keys).drop_consumers(self._spec, idle_ms)
        await self._forget_inboxes()
        log.debug("janitor.swept", removed=removed, consumers_forgotten=forgotten)
        return removed

    async def _trim(self, stream: Stream, keys: Keys, now: float) -> int:
        """Trim a stream in one partition; the number of entries removed."""
        by_age = (max(0, int((now - self._retention(stream)) * 1000)), 0)
        horizon = max(by_age, await self._by_number(stream, keys))
        limit, parts = self._settings.subscriber_limit, len(self._keys.each(stream))
        trimmed = await self._scripts.at(keys).trim(
            stream, written(horizon), limit, PROTECTED, parts
        )
        for name in trimmed.left_behind:
            log.error("subscriber.trimmed_over", stream=stream.name, group=name)
        return trimmed.removed

    async def _by_number(self, stream: Stream, keys: Keys) -> tuple[int, int]:
        """The id below which there are more entries than are kept for replay; zero: none are."""
        # Articles are spread evenly, so that each partition keeps its part of them.
        kept = -(-self._settings.retain_entries // len(self._keys.each(stream)))
        excess = await self._redis.xlen(keys.stream(stream)) - kept
        if stream == DEAD_STREAM or excess <= 0:
            return (0, 0)
        last = await self._scripts.at(keys).nth_entry(stream, min(excess, COUNTED_A_SWEEP))
        if last is None:  # trimmed meanwhile
            return (0, 0)
        ms, number = entry_id(last)
        return (ms, number + 1)

    async def _forget_inboxes(self) -> None:
        """Delete the groups of inboxes that are gone, which would hold outcomes up to the limit.

        After the time that outcomes are kept for, nothing is left that such a group could want:
        an inbox that does come back makes its group anew, and reads its open files again.
        """
        if OUTCOME_STREAM not in self._spec.trims:
            return
        idle_ms = int(self._settings.retain_outcomes * 1000)
        forgotten: set[str] = set()
        for keys in self._keys.each(OUTCOME_STREAM):
            forgotten.update(await self._scripts.at(keys).drop_inboxes(self._spec, idle_ms))
        for name in sorted(forgotten):
            log.warning("inbox.forgotten", group=name)

    async def _look_after_subscribers(self, stream: Stream) -> None:
        """Make groups of registered subscribers that are gone anew, and report laggards."""
        limits: dict[str, int] = {}
        lags: Counter[str] = Counter()
        at_home = await registered(self._redis, self._keys.at(0), stream)
        for keys in self._keys.each(stream):
            known = await registered(self._redis, keys, stream)
            for name in at_home.keys() - known.keys():
                await self._join(stream, keys, name, at_home[name])
            limits |= {name: subscriber.limit for name, subscriber in known.items()}
            for name in known:
                if await self._scripts.at(keys).resubscribe(stream, name):
                    log.warning("subscriber.restored", stream=stream.name, group=name)
            for group in await group_info(self._redis, keys.stream(stream)):
                lags[group["name"].decode()] += (group["lag"] or 0) + group["pending"]
        for name, behind in lags.items():
            limit = limits.get(name, self._settings.subscriber_limit)
            if not is_ours(name) and behind > limit // 2:
                log.warning(
                    "subscriber.behind",
                    stream=stream.name,
                    group=name,
                    entries=behind,
                    limit=limit,
                )

    async def _join(self, stream: Stream, keys: Keys, name: str, entry: Registered) -> None:
        """Register a subscriber in a partition that came after it did: from its beginning."""
        scripts = self._scripts.at(keys)
        await scripts.subscribe(stream, name, entry.as_json(), "0", adopt=True)
        log.warning("subscriber.restored", stream=stream.name, group=name)

    async def run(self) -> None:
        """Sweep until cancelled; a server that is away is met again at the next round."""
        while True:
            try:
                await self.sweep()
            except RedisError as error:
                log.warning("janitor.failed", error=str(error))
            await asyncio.sleep(self._settings.janitor_interval)
