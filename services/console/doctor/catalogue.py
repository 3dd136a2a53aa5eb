"""All checks, in the order in which they are shown, and the table of them for the docs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.console.doctor import (
    folders,
    receiver,
    server,
    settings,
    software,
    stores,
    streams,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.console.doctor.checks import Check

CHECKS: tuple[Check, ...] = (
    *server.CHECKS,
    *streams.CHECKS,
    *folders.CHECKS,
    *stores.CHECKS,
    *software.CHECKS,
    *settings.CHECKS,
    *receiver.CHECKS,
)


class NoSuchCheck(ValueError):  # noqa: N818  (named for what is wrong, not for where)
    """Neither a check nor an area is called so; the message names those there are."""


def chosen(names: Iterable[str]) -> list[Check]:
    """The checks of these names or areas, in their usual order; all where none is named."""
    wanted = list(names)
    known = {check.name for check in CHECKS} | {check.area for check in CHECKS}
    for name in wanted:
        if name not in known:
            areas = ", ".join(dict.fromkeys(check.area for check in CHECKS))
            there = ", ".join(check.name for check in CHECKS)
            raise NoSuchCheck(f"no check '{name[:64]}'; areas: {areas}; checks: {there}")
    return [c for c in CHECKS if not wanted or c.name in wanted or c.area in wanted]


def table() -> str:
    """The checks as a Markdown table, for docs/doctor.md."""
    rows = [
        f"| `{check.name}` | {check.looks_at} | {check.limits} | {check.why} |" for check in CHECKS
    ]
    head = ["| check | what it looks at | when it isn't ok | why it matters |", "|---|---|---|---|"]
    return "\n".join([*head, *rows])
