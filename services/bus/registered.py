"""Which consumer groups are registered subscribers, and what the janitor grants each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from services.bus.keys import Keys, Stream


@dataclass(frozen=True, slots=True)
class Registered:
    """One registered subscriber of one stream.

    ``limit``: entries that it may be behind before old ones are trimmed all the same.
    ``since``: when it was registered (ISO 8601).  ``lost``: the first entry that was trimmed
    before it had seen it; None again once it has caught up.
    """

    limit: int
    since: str
    lost: str | None = None

    def as_json(self) -> bytes:
        """The document that is kept; the trim script reads and writes it, too."""
        return orjson.dumps({"limit": self.limit, "since": self.since})


async def registered(redis: Redis, keys: Keys, stream: Stream) -> dict[str, Registered]:
    """The registered subscribers of a stream by their names."""
    prefix = f"{stream.name}/"
    kept: Any = await redis.hgetall(keys.subscribers())
    found = {}
    for field, raw in kept.items():
        name = field.decode()
        if name.startswith(prefix):
            known = orjson.loads(raw)
            found[name.removeprefix(prefix)] = Registered(
                int(known["limit"]), known["since"], known.get("lost")
            )
    return found
