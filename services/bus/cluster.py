"""A client of a Redis Cluster: each command goes to the node that has its keys' slot.

All keys of a desk begin with a hash tag (``{news}`` or ``{news/3}``), so the first word of a
command that begins with one tells its slot; what has no key (PING, TIME, INFO) goes to the node of
the ``home`` tag.  Behind it stands one ordinary client for each tag, over connections that
find the slot's master anew after a failover or a move (see ``seeking``): while a slot is on
its way to another node, commands fail as if the server were away, and are tried again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NoReturn

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from redis.asyncio.connection import ConnectionPool


def tag_of(words: Iterable[Any]) -> str | None:
    """The hash tag of the first word of a command that begins with one; None where none does."""
    for word in words:
        text = word.decode("utf-8", "replace") if isinstance(word, bytes) else word
        if isinstance(text, str) and text[:1] == "{":
            tag, closed, _ = text[1:].partition("}")
            if closed and tag:
                return tag
    return None


class ClusterRedis(Redis):
    """Like a client of one server, for commands whose keys have one hash tag each."""

    def __init__(self, home: str, pool_of: Callable[[str], ConnectionPool]) -> None:
        """``pool_of``: connections to the master of a hash tag's slot."""
        self._home = home
        self._pool_of = pool_of
        self._parts: dict[str, Redis] = {}
        super().__init__(connection_pool=self._part(home).connection_pool)

    def _part(self, tag: str | None) -> Redis:
        name = tag or self._home
        if name not in self._parts:
            self._parts[name] = Redis.from_pool(self._pool_of(name))
        return self._parts[name]

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run a command where its keys are."""
        if args[0] == "SCRIPT LOAD":
            # Scripts are known to a node, not to the cluster, and this has no key.
            told = [self._told(part, args, options) for part in self._parts.values()]
            return (await asyncio.gather(*told))[0]
        return await self._told(self._part(tag_of(args[1:])), args, options)

    @staticmethod
    async def _told(part: Redis, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        return await part.execute_command(*args, **options)  # type: ignore[no-untyped-call]  # redis-py's

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:  # noqa: FBT001, FBT002  (redis-py's signature)
        """Commands to be sent together; in a transaction all keys must have one hash tag."""
        return _ClusterPipeline(self, transaction, shard_hint)

    def client(self) -> Redis:
        """A client of one connection, to the home node."""
        return self._part(None).client()

    def pubsub(self, **_options: Any) -> NoReturn:
        """Not used by a desk, and not to be sent to one node by mistake."""
        raise NotImplementedError("no pub/sub over a cluster")

    async def aclose(self, close_connection_pool: bool | None = None) -> None:  # noqa: FBT001  (redis-py's signature)
        """Close the connections to all nodes."""
        for part in self._parts.values():
            await part.aclose(close_connection_pool)

    async def run(
        self, commands: Sequence[tuple[Any, Any]], *, transaction: bool, raise_on_error: bool
    ) -> list[Any]:
        """The answers to some commands, in their order; those of one hash tag go together."""
        found = [tag_of(args[1:]) for args, _ in commands]
        first = next((tag for tag in found if tag is not None), self._home)
        places: dict[str, list[int]] = {}
        for place, tag in enumerate(found):
            places.setdefault(tag or first, []).append(place)
        if transaction and len(places) > 1:
            raise RedisError(f"one transaction over several hash tags: {', '.join(places)}")
        answers: list[Any] = [None] * len(commands)
        for tag, mine in places.items():
            async with self._part(tag).pipeline(transaction=transaction) as pipe:
                for place in mine:
                    args, options = commands[place]
                    pipe.execute_command(*args, **options)
                got = await pipe.execute(raise_on_error=raise_on_error)
            for place, answer in zip(mine, got, strict=True):
                answers[place] = answer
        return answers


class _ClusterPipeline(Pipeline):
    """Collects commands as redis-py's does, and lets the client send them."""

    def __init__(
        self,
        cluster: ClusterRedis,
        transaction: bool,  # noqa: FBT001  (redis-py's signature)
        shard_hint: str | None,
    ) -> None:
        self._cluster = cluster
        pool, callbacks = cluster.connection_pool, cluster.response_callbacks
        super().__init__(pool, callbacks, transaction, shard_hint)

    async def execute(self, raise_on_error: bool = True) -> list[Any]:  # noqa: FBT001, FBT002  (redis-py's signature)
        """Send what was collected; the answers."""
        commands, self.command_stack = self.command_stack, []
        return await self._cluster.run(
            commands, transaction=self.is_transaction, raise_on_error=raise_on_error
        )
