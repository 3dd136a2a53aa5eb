"""Record what a release writes: the events of every stream, a journal in mid-flight, a store.

``python -m tests.recorded.record RELEASE``, from the top of the repository, writes
``tests/recorded/RELEASE``; then ``test_recorded.RECORDED`` gets its line.  A recording is made
once, when a release is made, and never changed: ``test_recorded`` plays it to every later one.

The articles are the seeds and the samples of our own in ``tests/golden/articles``, and a few
that are made to be refused, to be copies, and to join two stories.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import lzma
import shutil
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis

from services.bus.changes import publish_pending
from services.bus.keys import (
    CHANGE_STREAMS,
    DATA_FIELD,
    ENRICHMENT,
    INDEXER,
    RAW_STREAM,
    STREAMS,
    Keys,
    receipts_stage,
)
from services.bus.kinship import KinIndex
from services.bus.messages import software_version
from services.bus.publisher import Publisher
from services.bus.scripts import Scripts
from services.bus.server import EmbeddedServer
from services.enrichment.pipeline import Enricher
from services.indexer.store.sqlite import SqliteStore
from services.ingest.desk import IngestDesk
from services.ingest.identity import assemble
from services.ingest.readers.registry import read_file
from services.settings import Settings
from tests.bus.desk import running
from tests.chaos.poisoned import RAISE, poisoned
from tests.wait import until

if TYPE_CHECKING:
    from services.bus.keys import StageSpec, Stream
    from services.bus.stage import Handler

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ALL_STREAMS = (*STREAMS, *CHANGE_STREAMS)
SUMS = "SHA256SUMS"
NO_EVENT = b"not an event"
"""What somebody else's program might add to a stream: it becomes a dead letter without article."""

FERRY = """Ferry to Orrin runs again after storm

Ferry captain Mara Ellison took the first boat from Fenwick to Orrin on Tuesday. The harbour of
Fenwick had been closed for nine days, said harbour master Tobias Wren. Some 400 islanders waited.
"""
ORCHARD = """Orchard planted on the old airfield of Marl

Gardener Ines Okafor and 60 pupils planted 300 apple trees in Marl on Tuesday. The airfield has
stood empty since the garrison left, mayor Pavel Lindqvist said. They hope for fruit in four years.
"""
OURS: dict[str, str] = {
    "ferry.txt": FERRY,
    "orchard.txt": ORCHARD,
    "both.txt": "Ferry runs, orchard planted: the week in Fenwick and Marl\n\n"
    + FERRY.partition("\n\n")[2]
    + "\n"
    + ORCHARD.partition("\n\n")[2],
    "again.txt": FERRY,
    "empty.txt": "",
    "poison.txt": f"Lamp post painted green in Marl\n\n{RAISE} The council chose the colour.\n",
}


def sources() -> dict[str, bytes]:
    """The files of a recording: name and bytes."""
    folders = (ROOT / "seeds", ROOT / "tests/golden/articles")
    found = {path.name: path.read_bytes() for each in folders for path in each.glob("*.txt")}
    return found | {name: text.encode() for name, text in OURS.items()}


class Recorder:
    """A desk in this process over a server of its own; each stage runs when it is told to."""

    def __init__(self, folder: Path, url: str) -> None:
        fields: dict[str, Any] = {
            "redis_url": url,
            "inbox": folder / "inbox",
            "settle_time": 0.01,
            "claim_after": 0.5,
            "poll_interval": 50,
            "max_attempts": 2,
        }
        self.settings = Settings.model_validate(fields)
        self.keys = Keys(self.settings.namespace)
        self.url = url
        self.made: dict[str, bytes] = {}

    async def record(self) -> None:
        """Let everything happen once; :attr:`made` holds the files of the recording."""
        async with Redis.from_url(self.url) as redis:
            desk = await self._publish(redis)
            try:
                await self._work(redis, desk)
            finally:
                desk.close()
            for stream in ALL_STREAMS:
                self.made[f"{stream.name}.jsonl"] = await self._events(redis, stream)

    async def _publish(self, redis: Redis) -> IngestDesk:
        """Ingest everything; the journal is kept as it is now, with nothing settled."""
        files = sources()
        self.settings.inbox.mkdir(parents=True)
        for name, data in files.items():
            (self.settings.inbox / name).write_bytes(data)
        publisher = Publisher(self.settings, redis)
        desk = IngestDesk(self.settings, publisher, read_file, assemble)
        assert await desk.acquire(asyncio.Event())
        publisher.receipts = receipts_stage(desk.inbox_id)

        async def all_published() -> bool:
            await desk.step()
            return len(desk._owned().in_state("published", "settled")) == len(files)

        await until(all_published, "everything is published")
        self.made["journal.sqlite3.xz"] = packed(self.settings.state / "journal.sqlite3")
        return desk

    async def _work(self, redis: Redis, desk: IngestDesk) -> None:
        await redis.xadd(self.keys.stream(RAW_STREAM), {DATA_FIELD: NO_EVENT})
        enricher = Enricher(self.settings, KinIndex(self.url, self.settings))
        await self._run(redis, ENRICHMENT, poisoned(enricher.enrich))
        with SqliteStore(self.settings.store) as store:
            await self._run(redis, INDEXER, store.file)
            store.merge(["person:tobias_wren"], "person:mara_ellison", force=True)
            scripts = Scripts(redis, self.keys, self.settings.marker_ttl)
            assert await publish_pending(store, scripts) > 0, "no change of an entity"
        self.made["store.sqlite3.xz"] = packed(self.settings.store)
        await self._run(redis, receipts_stage(desk.inbox_id), desk.settle)

        async def archived() -> bool:
            await desk.step()
            return not desk._owned().in_state("taken", "published", "settled")

        await until(archived, "every file has its receipt")

    async def _run(self, redis: Redis, spec: StageSpec, handler: Handler) -> None:
        """Run a stage until it has done all that its stream holds."""
        key = self.keys.stream(spec.reads)

        async def done() -> bool:
            groups = {group["name"].decode(): group for group in await redis.xinfo_groups(key)}
            own = groups[spec.group]
            return int(own["pending"]) == 0 and own["lag"] == 0

        async with running(self.settings, handler, spec):
            await until(done, f"{spec.name} is done", timeout=120)

    async def _events(self, redis: Redis, stream: Stream) -> bytes:
        entries: Any = await redis.xrange(self.keys.stream(stream))
        events = [fields[DATA_FIELD.encode()] for _, fields in entries]
        assert events, f"nothing was written to {stream.name}"
        return b"".join(anywhere(event) + b"\n" for event in events if event != NO_EVENT)


def anywhere(event: bytes) -> bytes:
    """``event`` without the folders of the machine that recorded it: stacks name them."""
    for folder, shown in ((ROOT, b"/opt/wiredesk"), (Path(sys.base_prefix), b"/usr")):
        event = event.replace(str(folder).encode(), shown)
    return event


def packed(path: Path) -> bytes:
    """A copy of a SQLite file in use, whole and compressed."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        with closing(sqlite3.connect(path)) as database:
            database.execute("VACUUM INTO ?", (str(copy),))
        return lzma.compress(copy.read_bytes(), preset=9)


def keep(release: str, made: dict[str, bytes]) -> str:
    """Write a recording; the SHA-256 of its list of sums."""
    folder = HERE / release
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, data in made.items():
        (folder / name).write_bytes(data)
    lines = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(made.items())]
    sums = "".join(lines).encode()
    (folder / SUMS).write_bytes(sums)
    return hashlib.sha256(sums).hexdigest()


def main(release: str) -> None:
    """Record this release."""
    if release != software_version():
        raise SystemExit(f"this is {software_version()}, not {release}")
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedServer(Path(folder) / "server")
        server.start()
        try:
            recorder = Recorder(Path(folder), server.url)
            asyncio.run(recorder.record())
        finally:
            server.stop()
    digest = keep(release, recorder.made)
    sizes = {name: len(data) for name, data in recorder.made.items()}
    sys.stdout.write(f"{json.dumps(sizes)}\nRECORDED: {release!r}: {digest!r}\n")


if __name__ == "__main__":
    main(sys.argv[1])
