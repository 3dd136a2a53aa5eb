"""Running scripts: one by one, or several in one round trip.

A round trip costs more than what most scripts do, and so does a script beside what it does with
one message.  So what a batch hands on is sent together, and some messages of it are one run of a
script: what becomes of each is one atomic step, and together the runs are no transaction.
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

TOGETHER = 16
"""Messages of one run at most: the server does nothing else meanwhile, for about half a
millisecond, and more would save next to nothing."""


@dataclass(frozen=True, slots=True)
class Common:
    """What the script ``script`` is given in front of its messages; ``effect`` names each."""

    script: str
    effect: str
    keys: list[str]
    args: list[Any]


@dataclass(slots=True)  # not frozen, which takes twice as long to make: there is one per message
class Call:
    """One message for a script: its own keys and arguments. ``size``: bytes of its event.

    Those that share one object ``common`` may go in one run.
    """

    common: Common
    keys: tuple[str, ...]
    args: tuple[Any, ...]
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
        common = call.common
        effect(common.effect)
        keys, args = [*common.keys, *call.keys], [*common.args, *call.args]
        (answer,) = await self._run(common.script, keys, args)
        return bool(answer)

    async def _send(self, calls: Sequence[Call], answers: list[bool]) -> None:
        """Run each of ``calls``, in order and in few round trips; add their answers to ``answers``.

        Where one fails, what was answered before it is in ``answers``, and the same call sends
        what lies behind those (again: each script may be).
        """
        for part in parts(calls[len(answers) :]):
            sent = part[: spared(len(part))]
            for call in sent:
                effect(call.common.effect)
            for answer in await self._round_trip(sent) if sent else ():
                if isinstance(answer, Exception):
                    raise answer
                answers.append(bool(answer))
            for call in part[len(sent) :]:  # only where this process is to die at the first of them
                effect(call.common.effect)

    async def _round_trip(self, calls: Sequence[Call]) -> list[Any]:
        """What was answered for each, or the error that its run ended with."""
        pipe = self.redis.pipeline(transaction=False)
        told: set[tuple[str, str]] = set()
        runs = list(together(calls))
        for run in runs:
            common = run[0].common
            script = self._script(common.script)
            # The text goes along once for each slot: the server then knows the rest by its
            # digest, also when it has just been started again.
            about = (common.script, common.keys[0].partition("}")[0])
            how = ("EVALSHA", script.sha) if about in told else ("EVAL", script.script)
            told.add(about)
            keys = [*common.keys, *(key for call in run for key in call.keys)]
            own = (arg for call in run for arg in call.args)
            pipe.execute_command(*how, len(keys), *keys, *common.args, *own)
        answers: list[Any] = []
        for run, answer in zip(runs, await pipe.execute(raise_on_error=False), strict=True):
            answers += [answer] * len(run) if isinstance(answer, Exception) else answer
        return answers


def together(calls: Sequence[Call]) -> Iterator[Sequence[Call]]:
    """``calls`` in order, as many at a time as go in one run of a script."""
    start = 0
    for end, call in enumerate(calls):
        if end - start >= TOGETHER or call.common is not calls[start].common:
            yield calls[start:end]
            start = end
    if start < len(calls):
        yield calls[start:]


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
