"""What is looked at from within a container of the desk: ``python -m tests.compose.judge``.

The server and the volumes can't be reached from outside, and need not: the console's image runs
this beside the desk, with this repository's tests mounted at ``/judge`` and the run's own folder
at ``/judge/work``.

    follow              read the enriched stream as a subscriber all the time; into events.jsonl
    streams             what the streams hold and what is pending, as JSON
    quiet               whether nothing is on its way: "quiet" or "busy"
    conserved           assert_conserved (tests/chaos) over everything that was dropped
    ask URL             what a service says over HTTP
    send URL TOKEN      send work/sent to the receiver
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

from services.bus.connect import server_url
from services.bus.keys import ENRICHED_STREAM, STREAMS, Keys
from services.settings import Settings
from tests.chaos.accounted import every_key_expires, no_file_is_half_done
from tests.chaos.conserved import assert_conserved
from tests.chaos.harness import Attack, Subscriber, quick_client
from tests.chaos.wire import Dropped
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WORK = Path("/judge/work")
DROPPED = "dropped"
"""Folder of the bytes that were dropped, by name."""
TOLD = "dropped.json"
EVENTS = "events.jsonl"
SENT = "sent"

QUIET = "quiet"

FOLLOW_EVERY = 0.2
"""Seconds between two looks at what the subscriber saw."""

CATCH_UP = 30.0
"""Seconds for the subscriber to see the last event."""


def tell(folder: Path, files: Sequence[Dropped]) -> None:
    """Write down what was dropped, for :func:`told`."""
    (folder / DROPPED).mkdir(exist_ok=True)
    for file in files:
        (folder / DROPPED / file.name).write_bytes(file.data)
    document = [[file.name, sorted(file.may_become), file.records] for file in files]
    (folder / TOLD).write_text(json.dumps(document), encoding="utf-8")


def told(folder: Path) -> list[Dropped]:
    """What :func:`tell` wrote down."""
    document = json.loads((folder / TOLD).read_text(encoding="utf-8"))
    return [
        Dropped(name, (folder / DROPPED / name).read_bytes(), frozenset(may_become), records)
        for name, may_become, records in document
    ]


class Judged(Attack):
    """A desk that others run: its folders, its server, and what was dropped there."""

    def __init__(self, settings: Settings, work: Path) -> None:
        # Not Attack's own: that would start a desk.
        self.settings = settings
        self.dropped = told(work)
        self.subscriber = Subscriber(self.url, self.keys)
        seen = (work / EVENTS).read_text(encoding="utf-8").splitlines()
        self.subscriber.events = [{"id": event_id} for event_id in seen]

    @property
    def keys(self) -> Keys:
        return Keys.of(self.settings)


def follow(settings: Settings, work: Path) -> int:
    """Note the ids of the events that a subscriber sees, until killed."""
    subscriber = Subscriber(server_url(settings), Keys.of(settings))
    subscriber.start()
    written = 0
    with (work / EVENTS).open("a", encoding="utf-8") as file:
        while True:
            new = subscriber.events[written:]
            written += len(new)
            file.write("".join(f"{event['id']}\n" for event in new))
            file.flush()
            time.sleep(FOLLOW_EVERY)


def streams(settings: Settings) -> int:
    """Write each stream's length, last entry and groups: what must come back with the server."""
    names = [keys.stream(stream) for keys in Keys.of(settings).each() for stream in STREAMS]
    with quick_client(server_url(settings)) as redis:
        found = {name: _stream(redis, name) for name in names}
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


def _stream(redis: Any, key: str) -> dict[str, Any]:
    if not redis.exists(key):
        return {}
    info = redis.xinfo_stream(key)
    groups = {
        group["name"].decode(): [group["pending"], group["last-delivered-id"].decode()]
        for group in redis.xinfo_groups(key)
    }
    return {"length": info["length"], "last": info["last-generated-id"].decode(), "groups": groups}


def quiet(settings: Settings, work: Path) -> int:
    """Say whether every file has its receipt and nothing is pending."""
    desk = Judged(settings, work)
    sys.stdout.write(QUIET if desk.settled() and desk.quiet() else "busy")
    return 0


def conserved(settings: Settings, work: Path) -> int:
    """Everything in its place, exactly once; ``AssertionError`` says what isn't."""

    def caught_up() -> bool:
        desk = Judged(settings, work)
        seen = len(desk.subscriber.events if desk.subscriber else ())
        return seen >= len(desk.events(ENRICHED_STREAM))

    wait_until(caught_up, "the subscriber has seen the last event", CATCH_UP)
    desk = Judged(settings, work)
    assert_conserved(desk)
    every_key_expires(desk)
    no_file_is_half_done(desk)
    records = sum(file.records for file in desk.dropped)
    sys.stdout.write(f"{len(desk.dropped)} files with {records} records are conserved\n")
    return 0


def ask(url: str) -> int:
    """Write what a service answers."""
    with urlopen(url, timeout=10) as answer:  # noqa: S310  (of the desk's own network)
        sys.stdout.write(answer.read().decode())
    return 0


def send(url: str, token: str, work: Path) -> int:
    """Send a file as a program elsewhere would; write the answer."""
    head = {"Authorization": f"Bearer {token}"}
    request = Request(url, (work / SENT).read_bytes(), head, method="PUT")  # noqa: S310  (see ask)
    with urlopen(request, timeout=10) as answer:  # noqa: S310  (see ask)
        sys.stdout.write(answer.read().decode())
    return 0


def main(arguments: list[str]) -> int:
    """Do what is asked; the exit code."""
    what, *rest = arguments
    settings = Settings()
    known: dict[str, Callable[[], int]] = {
        "follow": lambda: follow(settings, WORK),
        "streams": lambda: streams(settings),
        "quiet": lambda: quiet(settings, WORK),
        "conserved": lambda: conserved(settings, WORK),
        "ask": lambda: ask(rest[0]),
        "send": lambda: send(rest[0], rest[1], WORK),
    }
    return known[what]()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
