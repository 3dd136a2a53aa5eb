"""Every hostile file at once, in a real desk, between bulletins: only they become news.

What is asked of each is in ``hostile``; what is asked of all of them together is here.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from services.bus.keys import STREAMS
from services.ingest.names import shown
from tests.chaos import hostile_packed, hostile_texts, hostile_xml
from tests.chaos.harness import KEYS, Attack, attacked, quick_client
from tests.chaos.hostile import MIB, Bait, Hostile
from tests.chaos.watching import Watch, listening, watched
from tests.chaos.wire import Wire

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(420)]

CANARY = "quartermaster-7731-lantern"
"""Stands in the file that must not be read, and nowhere else."""

READER_TIMEOUT = 3.0
"""Seconds, instead of 30: some files are meant to bring the reader to its limit."""

READER_MEMORY = 640 * MIB
EXPANDED = 1024 * MIB
"""Bytes, instead of 16 GiB: the bombs are larger, and unpacking takes seconds and not minutes."""

PARENT_MIB = 320.0
"""Memory that ingest itself may take whatever is dropped: 70 at rest, and some articles of 8 MiB on
their way through it at once, each several times (as text, as JSON, in the call to the server)."""

BULLETIN_SECONDS, MOSTLY = 30.0, 8.0
"""For a bulletin that is dropped behind slow hostile files, with all services on two cores; for
most of them. Each file that gives nothing keeps the last free place for five seconds at most."""

SETTLE_SECONDS = 240.0
BETWEEN, LAST = 40, 6
"""A bulletin for so many hostile files, and so many more behind them, one by one."""

LARGE = 4 * MIB
"""Bytes above which a file isn't left in the folder that pytest keeps."""

SETTINGS = {
    "WIREDESK_READER_TIMEOUT": str(READER_TIMEOUT),
    "WIREDESK_READER_MEMORY_BYTES": str(READER_MEMORY),
    "WIREDESK_MAX_EXPANDED_BYTES": str(EXPANDED),
}
IGNORED = {
    "fifo.txt": "no regular file: never read",
    "link.txt": "a link: never read",
    "folder-link": "a link: never read",
}
Content = tuple[int, str]
CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8e\x8f\xaa-\xae]")
"""What a terminal obeys, or what turns a line around, in a log of UTF-8: all but line breaks."""


@dataclass
class Siege:
    """What one run left behind, for the tests below."""

    attack: Attack
    bait: Bait
    files: list[Hostile]
    bulletins: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    """Seconds from drop to receipt of the bulletins that came last, while others were read."""
    unread: list[int] = field(default_factory=list)
    """How many hostile files had no receipt yet when each of those was filed."""
    dropped: Counter[Content] = field(default_factory=Counter)
    archived: Counter[Content] = field(default_factory=Counter)
    receipts: dict[str, dict[str, Any]] = field(default_factory=dict)
    log: bytes = b""
    leaks: list[str] = field(default_factory=list)
    pids: list[dict[str, int]] = field(default_factory=list)
    trees: list[set[Path]] = field(default_factory=list)
    watch: Watch | None = None
    connections: list[Any] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def inbox(self) -> Path:
        return self.attack.settings.inbox

    def outcomes(self, name: str) -> Counter[str]:
        """Of the records of a file, by kind."""
        return Counter(line["outcome"] for line in self.receipts[name]["articles"])

    def filed(self) -> set[str]:
        """The headlines of what was indexed."""
        return {
            str(line.get("headline"))
            for receipt in self.receipts.values()
            for line in receipt["articles"]
            if line["outcome"] == "indexed"
        }

    def lines(self) -> list[dict[str, Any]]:
        """The log, line by line."""
        return [json.loads(line) for line in self.log.splitlines()]


@pytest.fixture(scope="module")
def siege(tmp_path_factory: pytest.TempPathFactory, run_seed: int) -> Siege:
    """One desk, every file, a bulletin before, some between and some after."""
    folder = tmp_path_factory.mktemp("siege")
    desk, outside, canary = folder / "desk", folder / "outside", folder / "canary.txt"
    desk.mkdir()
    outside.mkdir()
    canary.write_text(f"Canary\n\n{CANARY}\n")
    with listening() as listener, attacked(desk, environ=SETTINGS) as attack:
        bait = Bait(canary, listener.url, outside)
        files = [*hostile_texts.files(bait), *hostile_packed.files(bait), *hostile_xml.files(bait)]
        run = Siege(attack, bait, files, connections=listener.connections)
        besiege(run, Wire(run_seed))
        look_at_what_is_left(run)
    run.log = (desk / "services.log").read_bytes()
    run.leaks += secret_in(desk)
    shutil.rmtree(run.attack.settings.state)  # half a gigabyte that pytest would keep
    return run


def besiege(run: Siege, wire: Wire) -> None:
    """Drop everything, and wait until all of it has its receipt."""
    attack = run.attack
    for name in attack.desk.children:
        attack.run_until(lambda name=name: attack.ready(name), f"{name} works")  # type: ignore[misc]  # bound now
    run.pids.append(pids(attack))
    run.trees.append(tree(run))
    started = time.monotonic()
    with watched(attack) as run.watch:
        drop_what_is_ignored(run)
        for number, file in enumerate(file for file in run.files if not file.slow):
            if number % BETWEEN == 0:
                drop_bulletin(run, wire)
            drop(run, file)
        attack.run_until(lambda: has_all(run), "a receipt for every quick file", SETTLE_SECONDS)
        for file in run.files:
            if file.slow:
                drop(run, file)
        for _ in range(LAST):
            run.waits.append(wait_for_bulletin(run, drop_bulletin(run, wire)))
            run.unread.append(sum(run.dropped.values()) - len(attack._receipt_paths()))
        attack.run_until(lambda: has_all(run), "a receipt for every file", SETTLE_SECONDS)
        run.seconds = time.monotonic() - started
        attack.run_until(attack.quiet, "nothing pending")
    run.pids.append(pids(attack))


def look_at_what_is_left(run: Siege) -> None:
    """Note it, and remove what is large: pytest keeps the folders of some runs."""
    run.receipts = {receipt["file"]: receipt for receipt in run.attack.receipts()}
    run.trees.append(tree(run))
    for path in sorted(run.inbox.glob("*/**/*")):
        if path.is_file() and not path.name.endswith(".receipt.json"):
            if not path.is_relative_to(run.attack.settings.state):
                run.archived[content(path)] += 1
            if path.stat().st_size > LARGE:
                path.unlink()
    with quick_client(run.attack.url) as redis:
        for stream in STREAMS:
            entries: Any = redis.xrange(KEYS.stream(stream))
            run.leaks += [str(stream) for _, fields in entries if holds_secret(*fields.values())]


def drop(run: Siege, file: Hostile) -> None:
    """Put a file of whatever name into the inbox at once."""
    staged = run.bait.canary.parent / "staged"
    file.write(staged)
    run.dropped[content(staged)] += 1
    os.rename(os.fsencode(staged), os.fsencode(run.inbox) + b"/" + file.name)  # noqa: PTH104  (a name of bytes)


def drop_bulletin(run: Siege, wire: Wire) -> str:
    article = wire.article()
    drop(run, Hostile(article.name.encode(), lambda: [article.data]))
    run.bulletins.append(article.name)
    return article.name


def wait_for_bulletin(run: Siege, name: str) -> float:
    """Seconds until it is filed."""
    started = time.monotonic()
    receipt = run.attack.settings.done / f"{name}.receipt.json"
    run.attack.run_until(receipt.exists, f"the bulletin {name} is filed")
    return time.monotonic() - started


def has_all(run: Siege) -> bool:
    return len(run.attack._receipt_paths()) >= sum(run.dropped.values())


def drop_what_is_ignored(run: Siege) -> None:
    """What is never read: links, a FIFO, a hidden and a temporary name."""
    os.mkfifo(run.inbox / "fifo.txt")
    (run.inbox / "link.txt").symlink_to(run.bait.canary)
    (run.inbox / "folder-link").symlink_to(run.bait.outside)
    (run.inbox / ".hidden.txt").write_text("Hidden\n\nIt is hidden.\n")
    (run.inbox / "half.txt.part").write_text("Half\n\nIt is half.\n")


def pids(attack: Attack) -> dict[str, int]:
    return {name: child.process.pid for name, child in attack.desk.children.items()}


def tree(run: Siege) -> set[Path]:
    """Whatever there is beside the inbox, and the paths that hostile names could lead to."""
    desk = run.attack.folder
    beside = {path for path in desk.parent.rglob("*") if not path.is_relative_to(run.inbox)}
    names = ("escaped.txt", "escaped", "member-2.txt")
    places = (Path("/"), Path.home(), Path.cwd(), *desk.parents)
    return beside | {path for place in places for name in names if (path := place / name).exists()}


def content(path: Path) -> Content:
    """A file's size and the digest of its first megabyte: enough to tell these apart."""
    with path.open("rb") as stream:
        return path.stat().st_size, hashlib.sha256(stream.read(MIB)).hexdigest()


def secret_in(folder: Path) -> list[str]:
    """The files that hold the secret."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return [str(path) for path in found if holds_secret(path.read_bytes())]


def holds_secret(*contents: bytes) -> bool:
    return any(CANARY.encode() in content for content in contents)


# --- what is asked of all of them ----------------------------------------------------------------


def test_every_file_has_its_outcome_with_a_reason_and_advice(siege: Siege) -> None:
    assert {shown(file.name) for file in siege.files} | set(siege.bulletins) == set(siege.receipts)
    for file in siege.files:
        receipt = siege.receipts[shown(file.name)]
        kinds = set(siege.outcomes(shown(file.name)))
        assert kinds, shown(file.name)
        assert kinds <= file.may_become, (shown(file.name), receipt["articles"][:3])
        refusals = [line for line in receipt["articles"] if line["outcome"] == "rejected"]
        assert all(line["reason"] and line["advice"] for line in refusals), shown(file.name)
        reasons = " ".join(line["reason"] for line in refusals)
        assert file.reason in reasons, (shown(file.name), reasons[:500])


def test_what_is_no_file_is_left_alone_and_said_once(siege: Siege) -> None:
    ignored = [line for line in siege.lines() if line["event"] == "file.ignored"]
    assert {line["file"]: line["reason"] for line in ignored} == IGNORED
    assert len(ignored) == len(IGNORED)
    left = {path.name for path in siege.inbox.iterdir()} - {"done", "rejected", ".wiredesk"}
    assert left == {*IGNORED, ".hidden.txt", "half.txt.part"}


def test_good_articles_beside_hostile_ones_are_filed(siege: Siege) -> None:
    filed = siege.filed()
    for name in siege.bulletins:
        assert siege.outcomes(name) == {"indexed": 1}
    assert {"zip-bomb", "zip-link", "tar-links", "After", "Dump 1", "Dump 1199"} <= filed
    assert siege.outcomes("dump.jsonl") == {
        "indexed": 1081,
        "unchanged": 19,  # the number that stands for a title in one of the broken lines
        "rejected": 100,
    }


def test_a_bulletin_that_comes_while_hostile_files_are_read_is_filed_within_seconds(
    siege: Siege,
) -> None:
    assert max(siege.waits) < BULLETIN_SECONDS, siege.waits
    assert statistics.median(siege.waits) < MOSTLY, siege.waits
    assert all(siege.unread), siege.unread


def test_nothing_outside_is_read(siege: Siege) -> None:
    """Not in the store, a receipt, the journal or the log, and in no stream."""
    assert siege.leaks == []
    assert CANARY not in json.dumps(siege.receipts)


def test_nobody_is_called(siege: Siege) -> None:
    assert siege.connections == []


def test_nothing_is_written_outside_and_the_originals_are_kept(siege: Siege) -> None:
    before, after = siege.trees
    assert after - before == set()
    assert siege.archived == siege.dropped


def test_no_service_ends(siege: Siege) -> None:
    before, after = siege.pids
    assert before == after
    assert not [line for line in siege.lines() if line["event"] == "service.ended"]


def test_memory_stays_within_its_limits(siege: Siege) -> None:
    assert siege.watch is not None
    readers, ingest = siege.watch.most("reader"), siege.watch.most("ingest")
    print(  # noqa: T201  (shown by -s and on failure)
        f"{len(siege.files)} files in {siege.seconds:.0f} s; bulletins waited "
        f"{', '.join(f'{each:.1f}' for each in siege.waits)} s "
        f"while {siege.unread} files were read; peaks in MiB: readers "
        f"{readers:.0f}, ingest {ingest:.0f}, enrichment {siege.watch.most('enrichment'):.0f}, "
        f"indexer {siege.watch.most('indexer'):.0f}"
    )
    assert 0 < readers <= READER_MEMORY / MIB
    assert 0 < ingest <= PARENT_MIB


def test_the_log_holds_nothing_that_a_terminal_obeys(siege: Siege) -> None:
    assert CONTROL.findall(siege.log) == []
    assert len(siege.lines()) > len(siege.files)
    faults = [line for line in siege.lines() if line["event"] == "reader.failed"]
    assert faults == [], "a refusal is none of our faults, and each fault is one to mend"
