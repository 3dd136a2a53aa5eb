"""A server in memory: streams, groups, pending messages, markers, and what our scripts do to them.

The real ``Scripts``, ``Stage`` and ``Publisher`` run on it unchanged: it stands where their
client stands, and knows each Lua script by its text.  What a script does is written here a
second time, in Python; ``test_fakes`` holds both against each other on a real server.

Every write is kept for a while, so that the last of them can be lost as with
``appendfsync everysec``; a client can be cut off, crashed or frozen at any of its calls.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal, cast

from redis.exceptions import ConnectionError as Cut
from redis.exceptions import ResponseError

from tests.ingest.desk_kit import Crash

if TYPE_CHECKING:
    from collections.abc import Sequence

Blow = Literal["crash", "cut", "freeze"]
"""What befalls a client at a call: its process dies; its connection is cut; its process stands
still until it is woken."""

KEPT_WRITES = 8
"""Writes that can be lost at most: about what a desk writes for two articles."""

NAMES = ("publish", "begin", "give_back", "hand_off", "acknowledge", "bury")


@cache
def name_of(source: str) -> str:
    """Which script has this text."""
    folder = files("services.bus.scripts")
    texts = {folder.joinpath(f"{name}.lua").read_text(encoding="utf-8"): name for name in NAMES}
    return texts[source]


@dataclass
class Group:
    """A consumer group: the last entry that it was given, and who has what."""

    delivered: int = 0
    pending: dict[str, str] = field(default_factory=dict)

    def copy(self) -> Group:
        return Group(self.delivered, dict(self.pending))


@dataclass
class Stream:
    """Entries in order, and the groups that read them."""

    entries: dict[str, bytes] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)

    def copy(self) -> Stream:
        groups = {name: group.copy() for name, group in self.groups.items()}
        return Stream(dict(self.entries), groups)

    def unread(self, group: str) -> list[str]:
        """Ids that the group has not been given."""
        last = self.groups[group].delivered
        return [entry_id for entry_id in self.entries if number(entry_id) > last]


def number(entry_id: str) -> int:
    """The first part of an id; the second is always 0 here."""
    return int(entry_id.partition("-")[0])


Value = str | dict[str, Any] | Stream


class FakeServer:
    """See the module. Its methods are the few commands that our scripts and the desk use."""

    def __init__(self) -> None:
        self.data: dict[str, Value] = {}
        self._last = 0
        self._before: deque[dict[str, Value]] = deque(maxlen=KEPT_WRITES)

    # --- faults ------------------------------------------------------------------
    def lose_everything(self) -> None:
        """What FLUSHALL does."""
        self.data = {}
        self._before.clear()

    def lose_writes(self, count: int) -> int:
        """Go back to before the last ``count`` writes; returns how many were lost."""
        lost = min(count, len(self._before))
        for _ in range(lost):
            self.data = self._before.pop()
        return lost

    def about_to_write(self) -> None:
        """Keep what there is now: called before each atomic write."""
        self._before.append(
            {
                key: value if isinstance(value, str) else cast("Value", value.copy())
                for key, value in self.data.items()
            }
        )

    # --- streams --------------------------------------------------------------------
    def stream(self, key: str) -> Stream:
        """A stream, made if it isn't there."""
        return cast("Stream", self.data.setdefault(key, Stream()))

    def xadd(self, key: str, event: bytes) -> str:
        """Ids grow past any loss, as those of a server whose clock goes forward do."""
        self._last += 1
        entry_id = f"{self._last}-0"
        self.stream(key).entries[entry_id] = event
        return entry_id

    def xack(self, key: str, group: str, entry_id: str) -> int:
        found = self.stream(key).groups.get(group)
        return int(found is not None and found.pending.pop(entry_id, None) is not None)

    def make_group(self, key: str, group: str) -> ResponseError | None:
        """``XGROUP CREATE`` in a pipeline: its error, if any, is the answer."""
        if group in self.stream(key).groups:
            return ResponseError("BUSYGROUP Consumer Group name already exists")
        self.about_to_write()
        self.stream(key).groups[group] = Group()
        return None

    def give_new(self, key: str, group: str, consumer: str, count: int) -> dict[str, bytes]:
        """``XREADGROUP … >``; nothing where the group is gone."""
        stream = self.stream(key)
        if group not in stream.groups:
            return {}
        taken = stream.unread(group)[:count]
        if taken:
            self.about_to_write()
            # The copy that was kept is of the old objects; these are still the server's own.
            stream.groups[group].delivered = number(taken[-1])
            stream.groups[group].pending.update(dict.fromkeys(taken, consumer))
        return {entry_id: stream.entries[entry_id] for entry_id in taken}

    def claim(self, key: str, group: str, consumer: str, entry_id: str) -> dict[str, bytes]:
        """``XAUTOCLAIM … COUNT 1`` of an entry that has been idle long enough."""
        stream = self.stream(key)
        self.about_to_write()
        stream.groups[group].pending[entry_id] = consumer
        return {entry_id: stream.entries[entry_id]}

    # --- strings and hashes ---------------------------------------------------------------
    def get(self, key: str) -> str | None:
        return cast("str | None", self.data.get(key))

    def texts(self, key: str) -> dict[str, Any]:
        return cast("dict[str, Any]", self.data.setdefault(key, {}))

    def hash(self, key: str) -> dict[str, int]:
        return cast("dict[str, int]", self.data.setdefault(key, {}))


class FakeScripts:
    """The effects of our scripts, each as atomic as on a server: no other client runs meanwhile."""

    def __init__(self, server: FakeServer) -> None:
        self.server = server

    def run(self, name: str, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """What the script ``name`` answers."""
        self.server.about_to_write()
        return getattr(self, name)(list(keys), [_plain(arg) for arg in args])

    def publish(self, keys: list[str], args: list[Any]) -> list[int]:
        target, noted, *more = keys
        _field, name, _ttl, partitions, number_of_streams, *rest = args
        assert self.server.get(noted) is None, "these desks have one partition"
        assert partitions == "1"
        count = int(number_of_streams)
        known = dict(zip(rest[:count], more[:count], strict=True))
        each = zip(more[count:], rest[count:], strict=True)
        return [self._publish(marker, target, known, name, event) for marker, event in each]

    def _publish(
        self, marker: str, target: str, known: dict[str, str], name: str, event: bytes
    ) -> int:
        at = self.server.get(marker)
        if at is not None:
            where, _, entry_id = at.partition(":")
            key = known.get(where)
            if key is not None and entry_id in self.server.stream(key).entries:
                return 0
        self.server.data[marker] = f"{name}:{self.server.xadd(target, event)}"
        return 1

    def begin(self, keys: list[str], args: list[Any]) -> list[int]:
        attempts, answer, *markers = keys
        name, _ttl, _answer_ttl, *ids = args
        told = self.server.get(answer)
        if told is not None:
            return cast("list[int]", json.loads(told))
        counts: list[int] = []
        for marker, entry_id in zip(markers, ids, strict=True):
            at = self.server.get(marker)
            if at is not None and at != f"{name}:{entry_id}":
                counts.append(0)
                continue
            book = self.server.hash(attempts)
            book[entry_id] = book.get(entry_id, 0) + 1
            counts.append(book[entry_id])
        self.server.data[answer] = json.dumps(counts)
        return counts

    def give_back(self, keys: list[str], args: list[Any]) -> int:
        book = self.server.hash(keys[0])
        for entry_id in args:
            if entry_id in book:
                book[entry_id] -= 1
        return len(args)

    def hand_off(self, keys: list[str], args: list[Any]) -> list[int]:
        reads, attempts, writes, *markers = keys
        group, name, _field, target, _ttl, *rest = args
        crossed: list[int] = []
        for marker, entry_id, event in zip(markers, rest[::2], rest[1::2], strict=True):
            self.server.hash(attempts).pop(entry_id, None)
            was_pending = self.server.xack(reads, group, entry_id)
            goes_on = was_pending and self.server.get(marker) in {None, f"{name}:{entry_id}"}
            if goes_on:
                self.server.data[marker] = f"{target}:{self.server.xadd(writes, event)}"
            crossed.append(int(goes_on))
        return crossed

    def acknowledge(self, keys: list[str], args: list[Any]) -> list[int]:
        group, *ids = args
        for entry_id in ids:
            self.server.hash(keys[1]).pop(entry_id, None)
        return [self.server.xack(keys[0], group, entry_id) for entry_id in ids]

    def bury(self, keys: list[str], args: list[Any]) -> int:
        reads, attempts, dead, *more = keys
        group, entry_id, name, _field, letter, *reported = args
        self.server.hash(attempts).pop(entry_id, None)
        if self.server.xack(reads, group, entry_id) == 0:
            return 0
        if more:
            outcomes, marker, *books = more
            outcome, target, _ttl, *counted = reported
            at = self.server.get(marker)
            if at is None or at == f"{name}:{entry_id}":
                new = self.server.xadd(outcomes, outcome)
                self.server.data[marker] = f"{target}:{new}"
                for book in books:
                    self.server.texts(book)[counted[0]] = counted[1]
        self.server.xadd(dead, letter)
        return 1


@dataclass
class Fate:
    """What befalls a client, and when: at its ``call``-th script from now, before or after it."""

    blow: Blow
    call: int
    after: bool


class FakeClient:
    """One process' connection to the server, with a fate; where ``redis.asyncio.Redis`` stands."""

    def __init__(self, server: FakeServer) -> None:
        self.server = server
        self.fate: Fate | None = None
        self.frozen = asyncio.Event()
        self.woken = asyncio.Event()
        self._scripts = FakeScripts(server)
        self._calls = 0

    def meets(self, fate: Fate | None) -> None:
        """From now on count calls towards this fate."""
        self.fate = fate
        self._calls = 0

    def register_script(self, source: str) -> _Script:
        return _Script(self, name_of(source), source)

    def pipeline(self, *, transaction: bool) -> FakePipeline:
        assert not transaction, "each script is atomic by itself"
        return FakePipeline(self)

    async def run(self, name: str, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """Run a script, unless a fate strikes before it; the answer, unless one strikes after."""
        self._calls += 1
        fate = self.fate if self.fate and self.fate.call == self._calls else None
        if fate is not None and not fate.after:
            await self._meet(fate)
        answer = self._scripts.run(name, keys, args)
        if fate is not None and fate.after:
            await self._meet(fate)
        return answer

    async def _meet(self, fate: Fate) -> None:
        self.fate = None
        if fate.blow == "crash":
            raise Crash
        if fate.blow == "cut":
            raise Cut("the connection was cut")
        self.frozen.set()
        await self.woken.wait()
        self.frozen.clear()
        self.woken.clear()

    async def xinfo_groups(self, key: str) -> list[dict[str, Any]]:
        stream = self.server.stream(key)
        return [
            {
                "name": name.encode(),
                "pending": len(group.pending),
                "lag": len(stream.unread(name)),
            }
            for name, group in stream.groups.items()
        ]

    async def xlen(self, key: str) -> int:
        return len(self.server.stream(key).entries)


@dataclass(frozen=True)
class _Script:
    """A registered script; its digest is its name."""

    client: FakeClient
    sha: str
    script: str

    async def __call__(self, keys: Sequence[str], args: Sequence[Any]) -> Any:
        return await self.client.run(self.sha, keys, args)


class FakePipeline:
    """Scripts sent together: what befalls the client in mid-way leaves the first ones done."""

    def __init__(self, client: FakeClient) -> None:
        self._client = client
        self._known: set[str] = set()
        self._queue: list[tuple[str, Sequence[str], Sequence[Any]]] = []
        self._groups: list[tuple[str, str]] = []

    def execute_command(self, command: str, script: str, count: int, *rest: Any) -> None:
        """Queue a script; one that is named by its digest has been sent whole before."""
        name = name_of(script) if command == "EVAL" else script
        assert command == "EVAL" or name in self._known, f"NOSCRIPT {name}"
        self._known.add(name)
        self._queue.append((name, rest[:count], rest[count:]))

    def xgroup_create(self, key: str, group: str, **_options: Any) -> None:
        """Queue the making of a group; no script stands in the same queue."""
        self._groups.append((key, group))

    async def execute(self, *, raise_on_error: bool) -> list[Any]:
        """Run what is queued; whoever is cut off hears no answer, also not to what was done."""
        assert not raise_on_error, "an error's text would quote the event"
        if self._groups:
            assert not self._queue, "groups are made by themselves"
            return [self._client.server.make_group(*each) for each in self._groups]
        return [await self._client.run(*each) for each in self._queue]


def _plain(arg: Any) -> Any:
    """Arguments as a server has them: what is no event is text."""
    return arg if isinstance(arg, bytes) else str(arg)
