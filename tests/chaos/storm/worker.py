"""A worker of a storm: ``python -m tests.chaos.storm.worker``.

Runs the service of WIREDESK_TEST_SERVICE; WIREDESK_TEST_RELEASE makes it write events as
another release would:

* ``older``: without the fields of annotations that the first release didn't know.  What an
  older worker passes on is complete all the same: unknown fields are kept (schemas.base).
* ``newer``: with fields that this release doesn't know, at every level.

WIREDESK_TEST_SOCKET_TIMEOUT (seconds) lets it give up a silent server sooner, so that a fault of
a short storm outlasts it as one of a long storm does.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import orjson

from services.bus import connect, messages, publisher
from services.bus.envelope import write
from services.bus.service import exit_with

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.events import Payload
    from services.bus.envelope import Outgoing

SERVICE, RELEASE = "WIREDESK_TEST_SERVICE", "WIREDESK_TEST_RELEASE"
SOCKET_TIMEOUT = "WIREDESK_TEST_SOCKET_TIMEOUT"

SINCE_THE_FIRST = frozenset(
    {
        "quotes",
        "summary",
        "reading_time",
        "near_duplicate_of",
        "near_duplicates",
        "story",
        "source",
    }
)
"""Fields that stages have come to add since the first release: of enriched articles (issue 4),
and of outcomes (issue 6)."""

UNKNOWN = {"of_a_later_release": {"kept": [1, "two", None]}}


def older(event: dict[str, Any]) -> dict[str, Any]:
    """An event as the first release wrote it."""
    data = {key: value for key, value in event["data"].items() if key not in SINCE_THE_FIRST}
    return {**event, "data": data}


def newer(event: dict[str, Any]) -> dict[str, Any]:
    """An event as a later release may write it."""
    return {**event, **UNKNOWN, "data": _with_unknown(event["data"])}


def _with_unknown(value: Any) -> Any:
    if isinstance(value, dict):
        return {**{key: _with_unknown(each) for key, each in value.items()}, **UNKNOWN}
    if isinstance(value, list):
        return [_with_unknown(each) for each in value]
    return value


SHAPES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {"older": older, "newer": newer}


def write_as(release: str) -> None:
    """Let this process write its events as ``release`` does."""
    shape = SHAPES[release]

    def shaped(head: Outgoing, payload: Payload) -> bytes:
        return orjson.dumps(shape(orjson.loads(write(head, payload))))

    for module in (messages, publisher):
        vars(module)["write"] = shaped


def main() -> int:
    """Run until stopped; the exit code."""
    release = os.environ.get(RELEASE, "this")
    if release != "this":
        write_as(release)
    connect.SOCKET_TIMEOUT = float(os.environ.get(SOCKET_TIMEOUT, connect.SOCKET_TIMEOUT))
    # Only the one that runs is imported: each loads what the others need not.
    match os.environ[SERVICE]:
        case "ingest":
            from services.ingest.__main__ import main as run  # noqa: PLC0415  (see above)
        case "enrichment":
            from tests.chaos.poisoned import main as run  # noqa: PLC0415  (see above)
        case _:
            from services.indexer.__main__ import main as run  # noqa: PLC0415  (see above)
    return run()


if __name__ == "__main__":
    exit_with(main())
