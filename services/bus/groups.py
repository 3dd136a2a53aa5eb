"""Consumer groups: made by us, from the beginning of the stream, before anything else.

FastStream would make a group at ``$`` when it first reads: what was published
before would never be delivered, with a lag of 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redis.exceptions import ResponseError

from services.bus.keys import ENRICHMENT, INDEXER, Keys, StageSpec
from services.bus.partitions import in_each

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.asyncio import Redis


async def ensure_groups(
    redis: Redis, keys: Keys, *more: StageSpec, places: Sequence[Keys] | None = None
) -> None:
    """Create the groups of every stage (and of ``more``) at entry 0, with their streams.

    In every partition, or in ``places``.  Called before the first publish as well as before the
    first read.
    """
    pipe = redis.pipeline(transaction=False)
    for here in keys.each() if places is None else places:
        for spec in (ENRICHMENT, INDEXER, *more):
            pipe.xgroup_create(here.stream(spec.reads), spec.group, id="0", mkstream=True)
    for answer in await pipe.execute(raise_on_error=False):
        if isinstance(answer, Exception) and "BUSYGROUP" not in str(answer):
            raise answer


async def group_info(redis: Redis, key: str) -> list[dict[str, Any]]:
    """``XINFO GROUPS``, or an empty list where the stream doesn't exist."""
    try:
        groups: list[dict[str, Any]] = await redis.xinfo_groups(key)
    except ResponseError as error:
        if "no such key" in str(error):
            return []
        raise
    return groups


async def has_group(redis: Redis, keys: Keys, spec: StageSpec) -> bool:
    """Whether the stage's group is there, in every partition.

    It isn't after FLUSHALL, or on an empty server.
    """

    async def has(here: Keys) -> bool:
        groups = await group_info(redis, here.stream(spec.reads))
        return any(group["name"].decode() == spec.group for group in groups)

    return all(await in_each(keys.each(), has))


async def waiting_for(redis: Redis, keys: Keys, spec: StageSpec) -> int:
    """Messages that wait for a stage or are in work there, in all partitions."""

    async def waiting(here: Keys) -> int:
        key = here.stream(spec.reads)
        for group in await group_info(redis, key):
            if group["name"].decode() == spec.group:
                # The lag is unknown (None) after entries were deleted by hand: then at most all.
                lag = group["lag"]
                number = await redis.xlen(key) if lag is None else lag
                return int(number) + int(group["pending"])
        return 0

    return sum(await in_each(keys.each(), waiting))
