"""The same asked of several partitions of a desk, and names that tell them apart."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from services.bus.positions import entry_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from services.bus.keys import Keys

AnswerT = TypeVar("AnswerT")


async def in_each(
    places: Sequence[Keys], ask: Callable[[Keys], Awaitable[AnswerT]]
) -> list[AnswerT]:
    """The answers of these partitions, in their order; all are asked at once.

    Raises what the first of them raised, once all have answered.
    """
    if len(places) == 1:
        return [await ask(places[0])]
    answers = await asyncio.gather(*(ask(keys) for keys in places), return_exceptions=True)
    found: list[AnswerT] = []
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
        found.append(answer)
    return found


def named(keys: Keys, entry: str) -> str:
    """What an entry is called where entries of all partitions are named: its id, at home.

    In another partition ``id/partition``: two partitions may give the same id.
    """
    return f"{entry}/{keys.partition}" if keys.partition else entry


def place_of(keys: Keys, name: str) -> tuple[Keys, str]:
    """Partition and id of an entry that is called so; ``ValueError`` where there is none."""
    entry, _, partition = name.partition("/")
    return keys.at(int(partition or 0)), entry


def by_age(name: str) -> tuple[int, int, int]:
    """Sorts entries of all partitions by their names, the oldest first."""
    entry, _, partition = name.partition("/")
    return (*entry_id(entry), int(partition or 0))
