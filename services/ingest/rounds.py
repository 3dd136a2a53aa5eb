"""Several files' work in step, so that what each must have on disk costs one sync for all."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Result = TypeVar("Result")

Steps: TypeAlias = Generator[bytes, None, Result]
"""Work that yields each folder (absolute path) whose names must be on disk before it goes on.
Where that fails, the ``OSError`` is raised at the yield."""


def in_step(works: Iterable[Steps[Result]], sync: Callable[[bytes], None]) -> list[Result]:
    """Do ``works``: each up to the folder it waits for, then each folder is synced once; again.

    Returns their results in order.  What one of them raises ends all, as a crash would.
    """
    results: dict[int, Result] = {}
    going: list[tuple[int, Steps[Result], OSError | None]]
    going = [(number, work, None) for number, work in enumerate(works)]
    while going:
        waiting: list[tuple[int, Steps[Result], bytes]] = []
        for number, work, failed in going:
            try:
                folder = next(work) if failed is None else work.throw(failed)
            except StopIteration as end:
                results[number] = end.value
            else:
                waiting.append((number, work, folder))
        failures = {folder: _synced(folder, sync) for folder in {each[2] for each in waiting}}
        going = [(number, work, failures[folder]) for number, work, folder in waiting]
    return [results[number] for number in sorted(results)]


def _synced(folder: bytes, sync: Callable[[bytes], None]) -> OSError | None:
    try:
        sync(folder)
    except OSError as error:
        return error
    return None
