"""Groups from pairs: whatever order the pairs are found in, the groups are the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID


def groups_of(pairs: Iterable[frozenset[UUID]]) -> list[tuple[UUID, ...]]:
    """What the pairs connect: each group by rising id, groups by their lowest."""
    elder: dict[UUID, UUID] = {}

    def root(one: UUID) -> UUID:
        while elder.setdefault(one, one) != one:
            elder[one] = elder[elder[one]]  # halves the way for the next one
            one = elder[one]
        return one

    for pair in pairs:
        first, *others = sorted(map(root, pair))
        for other in others:
            elder[other] = first
    groups: dict[UUID, list[UUID]] = {}
    for one in sorted(elder):
        groups.setdefault(root(one), []).append(one)
    return [tuple(group) for group in groups.values()]
