"""What earlier releases wrote is read, finished and filed by this one.

A release in the field leaves streams, a journal and a store behind, and its successor starts on
them.  ``tests.recorded.record`` has kept what each release wrote; here every recording is played
to today's code.
"""

from __future__ import annotations

import asyncio
import hashlib
import lzma
import re
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from structlog.testing import capture_logs

from services.bus.envelope import Event, Outgoing, read, write
from services.bus.groups import ensure_groups
from services.bus.keys import ENRICHED_STREAM, ENRICHMENT, INDEXER, OUTCOME_STREAM, RAW_STREAM
from services.bus.messages import software_version
from services.indexer.store.sqlite import SqliteStore
from services.ingest.journal import Journal
from tests.chaos.poisoned import RAISE
from tests.chaos.small_desk import SmallDesk, Worker, enrich
from tests.recorded.record import ALL_STREAMS, SUMS, sources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.article import EnrichedArticle, RawArticle
    from schemas.events import Outcome
    from services.bus.keys import Stream
    from services.bus.stage import Result

HERE = Path(__file__).parent
RECORDED = {
    "0.1.0": "d79786897c78e1f100481bb02bc2370823aa3e1078261e387b79b5eea80cc06c",
}
"""Each release and the SHA-256 of its list of sums. A line is added with each release, by
``python -m tests.recorded.record``; a line of a release that is out is never changed."""

LARGEST = 1_000_000
"""Bytes of a recording: a hundred of them still are small beside the models."""

releases = pytest.mark.parametrize("release", RECORDED)


def raw_events(release: str, stream: Stream) -> list[bytes]:
    return (HERE / release / f"{stream.name}.jsonl").read_bytes().splitlines()


def payloads(release: str, stream: Stream) -> list[Any]:
    found = [read(raw, stream.event) for raw in raw_events(release, stream)]
    assert all(isinstance(each, Event) for each in found)
    return [each.payload for each in found if isinstance(each, Event)]


def unpacked(release: str, name: str, folder: Path) -> Path:
    path = folder / name
    path.write_bytes(lzma.decompress((HERE / release / f"{name}.xz").read_bytes()))
    return path


def kinds(outcomes: Sequence[Outcome]) -> dict[tuple[str, str], str]:
    return {(str(out.drop.drop_id), str(out.article_id)): out.outcome for out in outcomes}


def filed(release: str) -> dict[tuple[str, str], str]:
    """What the store had decided, of the recorded outcomes."""
    every: list[Outcome] = payloads(release, OUTCOME_STREAM)
    return kinds([outcome for outcome in every if outcome.outcome != "rejected"])


def test_this_release_is_recorded() -> None:
    assert software_version() in RECORDED, (
        "a new release needs its recording: python -m tests.recorded.record "
        f"{software_version()}, then a line in RECORDED"
    )


@releases
def test_a_recording_is_never_changed(release: str) -> None:
    sums = (HERE / release / SUMS).read_bytes()
    assert hashlib.sha256(sums).hexdigest() == RECORDED[release]
    lines = [line.split("  ") for line in sums.decode().splitlines()]
    told = {name: digest for digest, name in lines}
    there = {path.name: path for path in (HERE / release).iterdir() if path.name != SUMS}
    found = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in there.items()}
    assert found == told
    assert sum(path.stat().st_size for path in there.values()) < LARGEST


@releases
def test_a_recording_shows_everything_that_can_happen_to_an_article(release: str) -> None:
    """Else what follows would prove little."""
    counted = Counter(outcome.outcome for outcome in payloads(release, OUTCOME_STREAM))
    assert {"indexed", "unchanged", "rejected"} <= set(counted)
    assert sum(counted.values()) == len(sources())
    for stream in ALL_STREAMS:
        assert raw_events(release, stream), stream.name


@releases
@pytest.mark.parametrize("stream", ALL_STREAMS, ids=lambda stream: stream.name)
def test_every_event_is_read_and_nothing_of_it_is_lost_when_it_is_written_again(
    release: str, stream: Stream
) -> None:
    for raw in raw_events(release, stream):
        before = orjson.loads(raw)
        event = read(raw, stream.event)
        assert isinstance(event, Event), event
        head = Outgoing(
            stream.event,
            before["id"],
            before["source"],
            before.get("subject"),
            datetime.fromisoformat(before["time"]),
            before.get("traceparent"),
        )
        again = orjson.loads(write(head, event.payload))
        assert _missing(before["data"], again["data"]) == []


def _missing(before: Any, after: Any, path: str = "data") -> list[str]:
    """What ``before`` says and ``after`` doesn't."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            gap for key in before for gap in _missing(before[key], after.get(key), f"{path}.{key}")
        ]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = zip(before, after, strict=True)
        return [gap for n, pair in enumerate(pairs) for gap in _missing(*pair, f"{path}[{n}]")]
    return [] if before == after else [path]


class Line:
    """Enrichment and indexer of today, with a store of its own, over a server in memory."""

    def __init__(self, folder: Path) -> None:
        self.desk = SmallDesk(folder)
        self.desk.settings.state.mkdir(parents=True)
        self.desk.store = SqliteStore(self.desk.settings.store)
        self.workers = [
            Worker(self.desk, ENRICHMENT, enrich_or_raise),
            Worker(self.desk, INDEXER, self.desk.store.file),
        ]

    async def run(self, stream: Stream, events: Sequence[bytes]) -> None:
        """Put events on a stream, and let everybody work until nothing is left."""
        await ensure_groups(self.workers[0].client, self.desk.keys)  # type: ignore[arg-type]  # stands for a client
        for event in events:
            self.desk.server.xadd(self.desk.keys.stream(stream), event)
        for worker in self.workers:
            await worker.deliver(len(events) + 1)
            while pending := self.desk.pending(worker):
                await worker.claim(pending[0])

    def outcomes(self) -> dict[tuple[str, str], str]:
        return {
            (data["drop"]["drop_id"], data["article_id"]): data["outcome"]
            for _, data in self.desk.events(OUTCOME_STREAM)
        }


def enrich_or_raise(articles: Sequence[RawArticle]) -> Sequence[Result]:
    """Enrichment without a model, which the poison of the recording raises in as before."""
    if any(RAISE in article.text for article in articles):
        raise RuntimeError("poisoned on purpose")
    return enrich(articles)


@releases
def test_raw_articles_that_were_waiting_are_enriched_and_filed(
    release: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        with capture_logs():
            line = Line(tmp_path)
            await line.run(RAW_STREAM, raw_events(release, RAW_STREAM))
        found = line.outcomes()
        raws: list[RawArticle] = payloads(release, RAW_STREAM)
        assert set(found) == {(str(raw.drop.drop_id), str(raw.article_id)) for raw in raws}
        assert {key: kind for key, kind in found.items() if kind != "rejected"} == filed(release)
        assert kinds(list(line.desk.store.outcomes())) == filed(release)
        line.desk.store.close()

    asyncio.run(scenario())


@releases
def test_enriched_articles_that_were_waiting_are_filed(release: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        with capture_logs():
            line = Line(tmp_path)
            await line.run(ENRICHED_STREAM, raw_events(release, ENRICHED_STREAM))
        assert line.outcomes() == filed(release)
        line.desk.store.close()

    asyncio.run(scenario())


@releases
def test_an_old_journal_is_settled_by_old_outcomes(release: str, tmp_path: Path) -> None:
    journal = Journal(unpacked(release, "journal.sqlite3", tmp_path))
    waiting = {row.drop_id for row in journal.in_state("taken", "published")}
    assert len(waiting) > 10
    settled = journal.settle(payloads(release, OUTCOME_STREAM))
    assert set(settled) == waiting
    assert journal.in_state("taken", "published") == []
    counted: Counter[str] = Counter()
    for row in journal.settled_files(100):
        counted.update(journal.counts(row.drop_id))
    outcomes = Counter(outcome.outcome for outcome in payloads(release, OUTCOME_STREAM))
    assert counted == outcomes
    # What comes a second time, as after a lost acknowledgement, changes nothing.
    assert journal.settle(payloads(release, OUTCOME_STREAM)) == []
    journal.close()


@releases
def test_an_old_store_is_read_and_says_again_what_it_said(release: str, tmp_path: Path) -> None:
    articles: list[EnrichedArticle] = payloads(release, ENRICHED_STREAM)
    with SqliteStore(unpacked(release, "store.sqlite3", tmp_path)) as store:
        assert kinds(list(store.outcomes())) == filed(release)
        count = store.count()
        for article in articles:
            held = store.get(article.article_id)
            assert held is not None
            assert held.text == article.text
        again = store.file(articles)
        assert kinds(again) == filed(release)
        assert store.count() == count


def test_a_recording_names_no_machine() -> None:
    home = re.compile(rb"/(home|root|Users|tmp)/")
    for path in HERE.glob("[0-9]*/*"):
        data = path.read_bytes()
        plain = lzma.decompress(data) if path.suffix == ".xz" else data
        assert home.search(plain) is None, path
