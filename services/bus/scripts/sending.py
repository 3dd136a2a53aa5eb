"""Running scripts: one by one, or several in one round trip.

A round trip costs more than what most scripts do.  So what a batch hands on is sent together:
each script stays one atomic step by itself, and together they are no transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from services.effects import effect, spared

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from redis.asyncio import Redis
    from redis.commands.core import AsyncScript

SENT_AT_ONCE, BYTES_AT_ONCE = 100, 1_000_000
"""Scripts of one round trip at most, and bytes of their events after which no more is added: more
saves nothing, keeps other clients waiting for milliseconds, and is in memory twice."""


@dataclass(frozen=True, slots=True)
class Call:
    """One run of the script ``script``; ``effect`` names it, ``size``: bytes of its event."""

    script: str
    effect: str
    keys: list[str]
    args: list[Any]
    size: int = 0


class Sender:
    """Runs the scripts of this package over one connection pool."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self._loaded: dict[str, AsyncScript] = {}

    def _script(self, name: str) -> AsyncScript:
        if name not in self._loaded:
            source = files(__package__).joinpath(f"{name}.lua").read_text(encoding="utf-8")
            self._loaded[name] = self.redis.register_script(source)
        return self._loaded[name]

    async def _run(self, name: str, keys: Sequence[str], args: Sequence[Any]) -> Any:
        return await self._script(name)(keys=list(keys), args=list(args))

    async def _call(self, call: Call) -> bool:
        effect(call.effect)
        return bool(await self._run(call.script, call.keys, call.args))

    async def _send(self, calls: Sequence[Call], answers: list[bool]) -> None:
        """Run each of ``calls``, in order and in few round trips; add their answers to ``answers``.

        Where one fails, what was answered before it is in ``answers``, and the same call sends
        what lies behind those (again: each script may be).
        """
        for part in parts(calls[len(answers) :]):
            sent = part[: spared(len(part))]
            for call in sent:
                effect(call.effect)
            for answer in await self._round_trip(sent) if sent else ():
                if isinstance(answer, Exception):
                    raise answer
                answers.append(bool(answer))
            for call in part[len(sent) :]:  # only where this process is to die at the first of them
                effect(call.effect)

    async def _round_trip(self, calls: Sequence[Call]) -> list[Any]:
        """What each script answered, or the error that it ended with."""
        pipe = self.redis.pipeline(transaction=False)
        told: set[tuple[str, str]] = set()
        for call in calls:
            script = self._script(call.script)
            # The text goes along once for each slot: the server then knows the rest by its
            # digest, also when it has just been started again.
            about = (call.script, call.keys[0].partition("}")[0])
            how = ("EVALSHA", script.sha) if about in told else ("EVAL", script.script)
            told.add(about)
            pipe.execute_command(*how, len(call.keys), *call.keys, *call.args)
        answers: list[Any] = await pipe.execute(raise_on_error=False)
        return answers


def parts(calls: Sequence[Call]) -> Iterator[Sequence[Call]]:
    """``calls`` in order, as many at a time as go in one round trip."""
    start = size = 0
    for end, call in enumerate(calls):
        if end - start >= SENT_AT_ONCE or size > BYTES_AT_ONCE:
            yield calls[start:end]
            start, size = end, 0
        size += call.size
    if start < len(calls):
        yield calls[start:]
