"""Any order of faults: whatever happens to a desk, nothing is lost and nothing is filed twice.

Hypothesis plays the world: it drops, changes and takes away files, lets processes work, freezes
and kills them before and after each call, cuts their connections, lets the server forget its
last writes or everything.  After each step the books must be right, and once everybody is left
in peace everything must come to its end.  The last tests break the desk on purpose: a machine
that doesn't notice proves nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from structlog.testing import capture_logs

from services.bus.keys import DEAD_STREAM, ENRICHED_STREAM, INDEXER, OUTCOME_STREAM, RAW_STREAM
from services.indexer.store import sqlite_write
from services.ingest.archive import Archive
from services.ingest.receipts import Receipt
from services.ingest.taking import Taker
from tests.chaos.fakes import FakeScripts, Fate, number
from tests.chaos.small_desk import KILLS, RAISES, REFUSED, SmallDesk, Worker
from tests.ingest.desk_kit import outcome_for

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sequence

    from services.bus.keys import StageSpec

EXAMPLES = int(os.environ.get("WIREDESK_TEST_EXAMPLES", "25"))
MOST_EXAMPLES = 100
"""In which a fault must be found; the rarest (a store that forgets) takes about ten."""

STEPS = 30
SHRINK = bool(os.environ.get("WIREDESK_TEST_SHRINK"))
"""Whether a failure is made smaller, which takes minutes: for whoever looks for its cause."""

QUIET = settings(
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    print_blob=False,
    phases=list(Phase) if SHRINK else [Phase.generate],
)
MEMORY = Path("/dev/shm")  # noqa: S108  (a folder of our own is made in it; quick where there is one)

STORIES = ("harbour", "bridge", "orchard")
BODIES = ("It is closed.", "It is open.", "It is for sale.")
POISON = (RAISES, KILLS, REFUSED, "bad:")
POISONED, WITHDRAWN = 0.2, 0.15
FORGETS_ALL = 6
"""From this many writes on, the server forgets everything."""

seeds = st.integers(0, 2**16)
fates = st.none() | st.builds(
    Fate, st.sampled_from(["crash", "cut", "freeze"]), st.integers(1, 4), st.booleans()
)
workers = st.integers(0, 4)
"""Two of enrichment, two indexers, and the stage that brings the outcomes back."""

Pair = tuple[str, str]
"""A drop and an article."""


class DeskMachine(RuleBasedStateMachine):
    """See the module's docstring."""

    def __init__(self, disk: Path | None = None, **over: Any) -> None:
        """``disk``: where the desk's folders are, else in memory; ``over``: more settings."""
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp(dir=disk or (MEMORY if MEMORY.is_dir() else None)))
        self.desk = SmallDesk(self.folder, over=over)
        self.run(self.desk.open())
        self.names, self.moments = iter(range(10**9)), iter(range(10**9))
        self.wanted: Counter[str] = Counter()
        """SHA-256 of what was dropped and not taken away again: how many files of each."""
        self.reported: dict[Pair, str] = {}
        self.settled: dict[tuple[str, int], str] = {}
        self.forgetful = False
        """Whether the server has ever lost a write."""
        self.robbed = False
        """Whether a file was taken away or changed before its receipt."""
        self.broken = False
        """Whether the books were found wrong: what comes after it proves nothing."""

    def run(self, step: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(step)

    # --- people and time ------------------------------------------------------------
    @initialize(seed=seeds)
    def an_ordinary_day(self, seed: int) -> None:
        """Files and some work before anything goes wrong."""
        for number_of_file in range(3):
            self.drop_file(seed + number_of_file)
        self.shift(seed % 4)

    @rule(seed=seeds)
    def drop_file(self, seed: int) -> None:
        content = contents(seed)
        path = self.desk.settings.inbox / f"{next(self.names):05d}.txt"
        path.write_text(content)
        self._has_its_time(path)
        self.wanted[sha256(content.encode())] += 1

    @precondition(lambda self: self.desk.files_left())
    @rule(seed=seeds, how=st.sampled_from(["written", "replaced", "taken"]))
    def change_file(self, seed: int, how: str) -> None:
        names = sorted(name for name in self.desk.files_left() if not name.startswith("."))
        if not names:
            return  # a crash has left the one file under its hidden name: nobody's to touch
        path = self.desk.settings.inbox / names[seed % len(names)]
        self.wanted[sha256(path.read_bytes())] -= 1
        self.robbed = True
        if how == "taken":
            path.unlink()
            return
        content = contents(seed)
        self.wanted[sha256(content.encode())] += 1
        if how == "written":
            path.write_text(content)
        else:
            part = path.with_suffix(".part")
            part.write_text(content)
            part.replace(path)
        self._has_its_time(path)

    def _has_its_time(self, path: Path) -> None:
        """Files are taken in the order of their times: the same in every run."""
        moment = next(self.moments)
        os.utime(path, ns=(moment, moment))

    @rule(seconds=st.sampled_from([60.0, 24 * 3600.0]))
    def time_passes(self, seconds: float) -> None:
        self.desk.hand.advance(seconds)

    @rule(seconds=st.sampled_from([-86_400.0, -3600.0, 3600.0, 86_400.0]))
    def the_clock_is_set(self, seconds: float) -> None:
        """Only what people read of times may change by it."""
        self.desk.hand.set_by += seconds

    # --- work ------------------------------------------------------------------------
    @rule(stages=st.integers(0, 3))
    def shift(self, stages: int) -> None:
        """Nobody is hurt: ingest, then so many of the other stages, do what is to be done."""
        for _ in range(2):
            self.run(self.desk.ingest_step())
            self.desk.hand.advance(self.desk.settings.settle_time)
        for who in range(stages):
            self._deliver(self._worker(who * 2), 4, None)

    @rule(who=workers, count=st.integers(1, 4), fate=fates)
    def works(self, who: int, count: int, fate: Fate | None) -> None:
        self._deliver(self._worker(who), count, fate)

    @rule(who=workers, count=st.integers(1, 4), fate=fates)
    def works_too(self, who: int, count: int, fate: Fate | None) -> None:
        """The same again: half of what happens should be work."""
        self._deliver(self._worker(who), count, fate)

    def _deliver(self, worker: Worker, count: int, fate: Fate | None) -> None:
        if worker.work is None:
            spared = bool(self.desk.last_chances(worker.spec))
            self.run(self.desk.deliver(worker, count, None if spared else fate))

    @rule(who=workers, which=seeds, fate=fates)
    def claims(self, who: int, which: int, fate: Fate | None) -> None:
        worker = self._worker(who)
        pending = self.desk.pending(worker)
        if pending and worker.work is None:
            entry_id = pending[which % len(pending)]
            spared = entry_id in self.desk.last_chances(worker.spec)
            self.run(self.desk.claim(worker, entry_id, None if spared else fate))

    @rule(who=workers)
    def wakes_up(self, who: int) -> None:
        worker = self._worker(who)
        if worker.work is not None:
            self.run(self.desk.wake(worker))

    @rule(seed=seeds, who=st.integers(0, 3), call=st.integers(1, 3), after=st.booleans())
    def is_overtaken(self, seed: int, who: int, call: int, *, after: bool) -> None:
        """It stands still in its work, a colleague does it instead, then it wakes up."""
        self.drop_file(seed)
        self.shift(1 if who > 1 else 0)
        worker, colleague = self._worker(who), self._worker(who ^ 1)
        if colleague.work is None:
            self._deliver(worker, 4, Fate("freeze", call, after))
            if worker.work is not None:
                for entry_id in self.desk.pending(worker):
                    self.run(self.desk.claim(colleague, entry_id))
                    # Poison may have killed it.
                    colleague = self._worker(who ^ 1)
                self.run(self.desk.wake(worker))

    # --- faults --------------------------------------------------------------------------
    @rule(who=workers)
    def is_killed(self, who: int) -> None:
        self.run(self.desk.restart(self._worker(who)))

    @rule(at=st.integers(1, 16))
    def ingest_crashes(self, at: int) -> None:
        """Before its ``at``-th effect; where it has fewer, it does its work."""
        self.desk.hand.advance(self.desk.settings.settle_time)
        self.run(self.desk.ingest_step(at))

    @rule(call=st.integers(1, 3), after=st.booleans())
    def ingest_is_cut_off(self, call: int, *, after: bool) -> None:
        self.desk.publisher_client.meets(Fate("cut", call, after))

    @rule(count=st.integers(1, FORGETS_ALL))
    def the_server_forgets(self, count: int) -> None:
        if count < FORGETS_ALL:
            self.forgetful |= bool(self.desk.server.lose_writes(count))
        else:
            self.desk.server.lose_everything()
            self.forgetful = True

    def _worker(self, who: int) -> Worker:
        return self.desk.everyone()[who]

    # --- what must hold ---------------------------------------------------------------
    @invariant()
    def the_books_are_right(self) -> None:
        self.broken = True
        self.nothing_stands_twice()
        self.an_outcome_stays_what_it_was()
        self.everything_is_somewhere()
        self.every_file_is_somewhere()
        self.broken = False

    def nothing_stands_twice(self) -> None:
        for stream in (RAW_STREAM, ENRICHED_STREAM, OUTCOME_STREAM):
            pairs = [pair_of(data) for _, data in self.desk.events(stream)]
            assert len(pairs) == len(set(pairs)), f"an article stands twice in {stream.name}"

    def an_outcome_stays_what_it_was(self) -> None:
        """In the store, in the journal, and the one in the other."""
        for outcome in self.desk.store.outcomes():
            pair = (str(outcome.drop.drop_id), str(outcome.article_id))
            first = self.reported.setdefault(pair, outcome.outcome)
            assert first == outcome.outcome, "an outcome was reported otherwise before"
        for row in self._entries():
            if row["outcome"] is not None:
                key = (row["drop_id"], row["position"])
                assert self.settled.setdefault(key, row["kind"]) == row["kind"]
                filed = self.reported.get((row["drop_id"], row["article_id"]))
                if row["own"] is None and row["kind"] != "rejected":
                    assert filed == row["kind"], "a receipt will say what the store doesn't"

    def everything_is_somewhere(self) -> None:
        """What has no outcome yet can be pointed at: on the server, or in the desk's own list."""
        for row in self._entries():
            if row["outcome"] is not None or not row["published"]:
                continue
            assert row["drop"] in self.desk.desk._taker.flights, "nobody will look after it"
            if not self.forgetful:
                self._is_under_way(row["drop_id"], row["article_id"])

    def _is_under_way(self, drop_id: str, article_id: str) -> None:
        at = self.desk.server.get(f"{{news}}:at:{drop_id}:{article_id}")
        assert at is not None, "an article has no place"
        name, _, entry_id = at.partition(":")
        key = f"{{news}}:{name}"
        assert entry_id in self.desk.server.stream(key).entries, "its place is empty"
        group = {
            "raw": "enrichment",
            "enriched": "indexer",
            "outcomes": self.desk.receipts.spec.group,
        }[name]
        held = self.desk.server.stream(key).groups[group]
        waiting = entry_id in held.pending or number(entry_id) > held.delivered
        assert waiting, f"an article was acknowledged in {name} and went nowhere"

    def every_file_is_somewhere(self) -> None:
        found = Counter(sha256(path.read_bytes()) for path in self._files())
        missing = {digest: n for digest, n in self.wanted.items() if found[digest] < n}
        assert not missing, "a dropped file is neither in the inbox nor in the archive"

    def teardown(self) -> None:
        """Everything must come to its end."""
        try:
            if not self.broken:
                self.run(self.desk.run_until_quiet())
                self._is_conserved()
        finally:
            self.run(self.desk.close())
            self.runner.close()
            shutil.rmtree(self.folder)

    def _is_conserved(self) -> None:
        self.nothing_stands_twice()
        self.an_outcome_stays_what_it_was()
        assert self.desk.files_left() == []
        archived = Counter(sha256(path.read_bytes()) for path in self._files())
        assert archived == +self.wanted, "archived files differ from dropped ones"
        rows = self._entries()
        assert all(row["kind"] is not None for row in rows), "an article has no outcome"
        told = self._told_by_receipts()
        journaled = Counter((row["drop_id"], row["article_id"], row["kind"]) for row in rows)
        assert told == journaled, "the receipts differ from the journal"
        self._receipts_equal_store(rows)
        self._nothing_is_left_on_the_server()

    def _receipts_equal_store(self, rows: Sequence[dict[str, Any]]) -> None:
        accepted = {
            (row["drop_id"], row["article_id"]): row["kind"]
            for row in rows
            if row["own"] is None and row["kind"] != "rejected"
        }
        if self.robbed and self.forgetful:
            # Filed, forgotten by the server, and its file gone: nobody can say so any more.
            assert accepted.items() <= self.reported.items()
        else:
            assert accepted == self.reported, "the receipts differ from the store"

    def _nothing_is_left_on_the_server(self) -> None:
        for worker in self.desk.everyone():
            assert self.desk.pending(worker) == []
            book = self.desk.server.hash(self.desk.keys.attempts(worker.spec))
            stream = self.desk.server.stream(worker.key)
            assert not set(book) & set(stream.entries), "attempts are left of what is done"
        if not self.forgetful:
            dead = len(self.desk.events(DEAD_STREAM))
            streamed = [data for _, data in self.desk.events(OUTCOME_STREAM)]
            buried = [data for data in streamed if data.get("stage") in {"enrichment", "indexer"}]
            assert dead == len(buried), "dead letters and their outcomes differ"

    def _told_by_receipts(self) -> Counter[tuple[str, str, str]]:
        told: Counter[tuple[str, str, str]] = Counter()
        for path in self._archive("*.receipt.json"):
            receipt = Receipt.model_validate_json(path.read_bytes())
            told.update(
                (str(line.drop_id or receipt.drop_id), str(line.article_id), line.outcome)
                for line in receipt.articles
            )
        return told

    def _files(self) -> list[Path]:
        """The dropped files, each once, though a crash may leave it two names for a while."""
        inbox = [path for path in self.desk.settings.inbox.iterdir() if path.is_file()]
        archived = [path for path in self._archive("*.txt") if not path.name.startswith(".")]
        return list({path.stat().st_ino: path for path in [*inbox, *archived]}.values())

    def _archive(self, pattern: str) -> list[Path]:
        folders = (self.desk.settings.done, self.desk.settings.rejected)
        return [path for folder in folders for path in folder.rglob(pattern)]

    def _entries(self) -> list[dict[str, Any]]:
        """The journal's articles."""
        journal = self.desk.desk._owned()
        rows = journal._query(
            "SELECT a.*, json_extract(a.outcome, '$.outcome') AS kind FROM articles a", ()
        )
        flights = {str(drop_id): drop_id for drop_id in self.desk.desk._taker.flights}
        return [{**dict(row), "drop": flights.get(row["drop_id"])} for row in rows]


def contents(seed: int) -> str:
    """One to three records of a few stories, so that versions, copies and withdrawals meet."""
    pick = random.Random(seed)  # noqa: S311  (repeatable, not secret)
    return "\n---\n".join(_record(pick) for _ in range(pick.randint(1, 3)))


def _record(pick: random.Random) -> str:
    if pick.random() < POISONED:
        return f"{pick.choice(POISON)} everything {pick.randint(1, 3)}\nbody"
    story, version = pick.choice(STORIES), pick.randint(1, 4)
    status = "\nstatus: withdrawn" if pick.random() < WITHDRAWN else ""
    return f"News of {story}\nid: {story}\nversion: {version}{status}\n{pick.choice(BODIES)}"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def pair_of(data: dict[str, Any]) -> Pair:
    return data["drop"]["drop_id"], data["article_id"]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No pause before another try, and no log."""
    monkeypatch.setattr("services.bus.patience.FIRST_PAUSE", 0.0)
    with capture_logs():
        yield


def test_whatever_happens_everything_is_conserved() -> None:
    run_state_machine_as_test(
        DeskMachine, settings=settings(QUIET, max_examples=EXAMPLES, stateful_step_count=STEPS)
    )


# --- a desk that is broken on purpose ------------------------------------------------------


def acknowledge_without_forwarding(patch: pytest.MonkeyPatch) -> None:
    """A message is acknowledged and what follows from it isn't written."""

    def hand_off(self: FakeScripts, keys: list[str], args: list[Any]) -> list[int]:
        return [self.server.xack(keys[0], args[0], entry_id) for entry_id in args[5::2]]

    patch.setattr(FakeScripts, "hand_off", hand_off)


def forward_what_was_claimed_away(patch: pytest.MonkeyPatch) -> None:
    """A worker that wakes up late hands off although another did."""
    whole = FakeScripts.hand_off

    def hand_off(self: FakeScripts, keys: list[str], args: list[Any]) -> list[int]:
        reads, _attempts, writes, *markers = keys
        crossed = whole(self, keys, args)
        for marker, entry_id, event in zip(markers, args[5::2], args[6::2], strict=True):
            late = not crossed.pop(0)
            if late and entry_id in self.server.stream(reads).entries:
                self.server.data[marker] = f"{args[3]}:{self.server.xadd(writes, event)}"
        return [1] * len(markers)

    patch.setattr(FakeScripts, "hand_off", hand_off)


def publish_without_a_marker(patch: pytest.MonkeyPatch) -> None:
    """What is sent again is added again."""

    def publish(self: FakeScripts, keys: list[str], args: list[Any]) -> list[int]:
        streams = int(args[4])
        markers, events = keys[2 + streams :], args[5 + streams :]
        for marker, event in zip(markers, events, strict=True):
            self.server.data[marker] = f"{args[1]}:{self.server.xadd(keys[0], event)}"
        return [1] * len(markers)

    patch.setattr(FakeScripts, "publish", publish)


def report_before_filing(patch: pytest.MonkeyPatch) -> None:
    """The indexer's outcome is on its way before the store has the article."""
    open_desk = SmallDesk._worker

    def worker(self: SmallDesk, spec: StageSpec) -> Worker:
        made = open_desk(self, spec)
        if spec is INDEXER:
            made.stage._handler = lambda articles: [outcome_for(each) for each in articles]
        return made

    patch.setattr(SmallDesk, "_worker", worker)


def forget_what_was_reported(patch: pytest.MonkeyPatch) -> None:
    """The store files a message that comes again as if it were new."""
    patch.setattr(sqlite_write, "reported", lambda *_about: None)


def count_no_attempts(patch: pytest.MonkeyPatch) -> None:
    """A message that kills its workers is tried for ever."""
    whole = FakeScripts.begin

    def begin(self: FakeScripts, keys: list[str], args: list[Any]) -> list[int]:
        return [min(count, 1) for count in whole(self, keys, args)]

    patch.setattr(FakeScripts, "begin", begin)


def take_up_nothing_after_a_death(patch: pytest.MonkeyPatch) -> None:
    """Ingest that starts again doesn't look after what it had sent."""
    patch.setattr(Taker, "load", lambda _self: None)


def archive_without_a_look(patch: pytest.MonkeyPatch) -> None:
    """The original goes although its copy isn't there."""
    patch.setattr(Archive, "_place", lambda *_what: None)


MUTATIONS: dict[Callable[[pytest.MonkeyPatch], None], str] = {
    acknowledge_without_forwarding: "was acknowledged in|not quiet",
    forward_what_was_claimed_away: "stands twice",
    publish_without_a_marker: "stands twice",
    report_before_filing: "what the store doesn't",
    forget_what_was_reported: "was reported otherwise|differ from the store",
    count_no_attempts: "not quiet",
    take_up_nothing_after_a_death: "nobody will look after it|has no outcome",
    archive_without_a_look: "neither in the inbox nor|differ from dropped",
}
"""What is broken: what the machine says."""


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_the_machine_notices_what_is_broken(
    mutation: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mutation(monkeypatch)
    budget = settings(
        QUIET,
        max_examples=MOST_EXAMPLES,
        stateful_step_count=STEPS,
        phases=[Phase.generate],
        report_multiple_bugs=False,
    )
    with pytest.raises(AssertionError, match=MUTATIONS[mutation]):
        run_state_machine_as_test(DeskMachine, settings=budget)
