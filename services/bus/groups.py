"""Consumer groups: made by us, from the beginning of the stream, before anything else.

FastStream would make a group at ``$`` when it first reads: what was published
before would never be delivered, with a lag of 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redis.exceptions import ResponseError

from services.bus.keys import ENRICHMENT, INDEXER, Keys, StageSpec

if TYPE_CHECKING:
    from redis.asyncio import Redis


async def ensure_groups(redis: Redis, keys: Keys, *more: StageSpec) -> None:
    """Create the groups of every stage (and of ``more``) at entry 0, with their streams.

    Called before the first publish as well as before the first read.
    """
    for spec in (ENRICHMENT, INDEXER, *more):
        try:
            await redis.xgroup_create(keys.stream(spec.reads), spec.group, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise


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
    """Whether the stage's group is there (not after FLUSHALL, or on an empty server)."""
    groups = await group_info(redis, keys.stream(spec.reads))
    return any(group["name"].decode() == spec.group for group in groups)
