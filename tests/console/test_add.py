"""``wiredesk add``: what is dropped is followed to its receipt, or it is said why not."""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid5

import pytest
from rich.console import Console
from typer.testing import CliRunner

from schemas.events import Timings
from services.bus.errors import StopWorking
from services.bus.keys import ENRICHMENT, Keys, receipts_stage
from services.console.add import PATIENCE, SHOWN, SignOfLife, Timer, run_add
from services.console.main import app
from services.console.progress import LongFile, long_files
from services.console.receipts import REJECTIONS_SHOWN, ReceiptSearch, read_head
from services.ingest.presence import MARKER
from services.ingest.receipts import Receipt, ReceiptArticle
from services.settings import Settings
from tests.console.test_progress import entry, worker
from tests.factories import NAMESPACE, article_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from redis import Redis

    from schemas.events import OutcomeKind

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def desk(tmp_path: Path) -> Settings:
    (tmp_path / "inbox").mkdir()
    return Settings(inbox=tmp_path / "inbox")


def written(folder: Path, name: str, text: str = "The lamp turns.") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def settle(desk: Settings, name: str, *outcomes: OutcomeKind, archived: str | None = None) -> Path:
    """What ingest does with a file of the inbox: archives it with a receipt beside it."""
    kind = "done" if set(outcomes) - {"rejected"} else "rejected"
    folder = desk.done if kind == "done" else desk.rejected
    folder.mkdir(exist_ok=True)
    source, target = desk.inbox / name, folder / (archived or name)
    data = source.read_bytes()
    source.rename(target)
    articles = [
        ReceiptArticle(
            position=position,
            article_id=article_id(position),
            revision=1,
            locator=f"line {position}",
            outcome=outcome,
            reason=f"no text {position}" if outcome == "rejected" else None,
            advice="Add some." if outcome == "rejected" else None,
            headline='"rejected" it says',
            timings=Timings(received_at=NOON, filed_at=NOON),
        )
        for position, outcome in enumerate(outcomes, start=1)
    ]
    receipt = Receipt(
        drop_id=uuid5(NAMESPACE, name),
        inbox_id=NAMESPACE,
        file=name,
        size=len(data),
        content_sha256=hashlib.sha256(data).hexdigest(),
        received_at=NOON,
        settled_at=NOON,
        archived_as=f"{kind}/{target.name}",
        summary=Counter(outcomes),
        articles=(),
    )
    path = target.with_name(target.name + ".receipt.json")
    path.write_bytes(b"".join(receipt.written(articles)))
    return path


@dataclass
class Ingest:
    """Stands for ingest: at each question it does the next thing, and tells how far it is."""

    steps: list[Callable[[], Any]] = field(default_factory=list)
    says: list[Sequence[LongFile] | None] = field(default_factory=list)
    asked: int = 0

    def __call__(self) -> Sequence[LongFile] | None:
        self.asked += 1
        if self.steps:
            self.steps.pop(0)()
        return self.says.pop(0) if self.says else []


class Clock:
    """Seconds that pass when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Ran:
    code: int
    output: str

    @property
    def lines(self) -> list[str]:
        return self.output.splitlines()


def add(desk: Settings, *paths: Path, ingest: Ingest | None = None, **over: Any) -> Ran:
    terminal, clock = over.pop("terminal", False), over.pop("clock", Clock())
    output = io.StringIO()
    console = Console(file=output, width=120, force_terminal=terminal, color_system=None)
    code = run_add(
        paths, desk, console, ask=ingest or Ingest(), timer=Timer(clock, clock.sleep), **over
    )
    return Ran(code, output.getvalue())


# --- Receipts ---------------------------------------------------------------------------------


def test_the_receipt_s_summary_is_a_line_and_all_accepted_is_zero(
    desk: Settings, tmp_path: Path
) -> None:
    story = written(tmp_path, "a.txt")
    ingest = Ingest([lambda: settle(desk, "a.txt", "indexed", "updated", "indexed")])
    ran = add(desk, story, ingest=ingest)
    assert (ran.code, ran.lines) == (0, ["a.txt: 2 indexed, 1 updated (done/a.txt)"])
    assert story.exists()


def test_a_rejection_is_one_with_place_reason_and_advice(desk: Settings, tmp_path: Path) -> None:
    story = written(tmp_path, "a.txt")
    ran = add(desk, story, ingest=Ingest([lambda: settle(desk, "a.txt", "indexed", "rejected")]))
    assert ran.code == 1
    assert ran.lines == [
        "a.txt: 1 indexed, 1 rejected (done/a.txt)",
        "  line 2: no text 2. Add some.",
    ]


def test_of_many_rejections_the_first_are_named_and_the_receipt_for_the_rest(
    desk: Settings, tmp_path: Path
) -> None:
    count = REJECTIONS_SHOWN + 1200
    outcomes: list[OutcomeKind] = ["rejected"] * count
    ran = add(
        desk,
        written(tmp_path, "a.txt"),
        ingest=Ingest([lambda: settle(desk, "a.txt", *outcomes)]),
    )
    assert ran.lines[0] == f"a.txt: {count:,} rejected (rejected/a.txt)"
    assert len(ran.lines) == 2 + REJECTIONS_SHOWN
    assert ran.lines[-1].startswith("  and 1,200 more: ")
    assert ran.lines[-1].endswith("rejected/a.txt.receipt.json")


def test_several_files_are_followed_in_whatever_order_they_settle(
    desk: Settings, tmp_path: Path
) -> None:
    paths = [written(tmp_path, f"{name}.txt", name) for name in "abc"]
    ingest = Ingest(
        [
            lambda: settle(desk, "b.txt", "indexed"),
            lambda: (settle(desk, "c.txt", "rejected"), settle(desk, "a.txt", "unchanged")),
        ]
    )
    ran = add(desk, *paths, ingest=ingest)
    assert ran.code == 1
    assert sorted(line.split(":")[0] for line in ran.lines if line[0] != " ") == [
        "a.txt",
        "b.txt",
        "c.txt",
    ]


def test_an_earlier_receipt_of_the_same_name_is_not_taken_for_this_one(
    desk: Settings, tmp_path: Path
) -> None:
    story = written(tmp_path, "a.txt")
    written(desk.inbox, "a.txt")
    settle(desk, "a.txt", "rejected")
    ingest = Ingest([lambda: settle(desk, "a.txt", "indexed", archived="a~0badcafe.txt")])
    assert add(desk, story, ingest=ingest).lines == ["a.txt: 1 indexed (done/a~0badcafe.txt)"]


def test_a_receipt_of_another_s_file_is_passed_over(desk: Settings, tmp_path: Path) -> None:
    def another() -> None:
        written(desk.inbox, "b.txt", "Somebody else's.")
        settle(desk, "b.txt", "rejected")
        (desk.rejected / "junk.receipt.json").write_text("{")

    ingest = Ingest([another, lambda: settle(desk, "a.txt", "indexed")])
    ran = add(desk, written(tmp_path, "a.txt"), ingest=ingest)
    assert (ran.code, ran.lines) == (0, ["a.txt: 1 indexed (done/a.txt)"])


def test_a_name_that_was_taken_is_said_and_followed(desk: Settings, tmp_path: Path) -> None:
    story = written(tmp_path, "a.txt")
    written(desk.inbox, "a.txt", "Mine.")
    ran = add(desk, story, ingest=Ingest([lambda: settle(desk, "a~2.txt", "indexed")]))
    assert ran.lines == [f"{story}: dropped as a~2.txt", "a~2.txt: 1 indexed (done/a~2.txt)"]


def test_the_head_of_a_huge_receipt_is_read_without_its_articles(
    desk: Settings, tmp_path: Path
) -> None:
    written(desk.inbox, "a.txt")
    outcomes: list[OutcomeKind] = ["indexed"] * 5000
    path = settle(desk, "a.txt", *outcomes)
    found = read_head(path)
    assert found is not None
    assert found.head.summary == {"indexed": 5000}
    assert found.head.articles == ()
    whole = Receipt.model_validate_json(path.read_bytes())
    assert found.head == whole.model_copy(update={"articles": ()})
    assert read_head(tmp_path / "missing.receipt.json") is None


def test_a_receipt_is_found_once(desk: Settings, tmp_path: Path) -> None:
    search = ReceiptSearch.begin(desk)
    ran = add(desk, written(tmp_path, "a.txt"), wait=False)
    assert ran.code == 0
    settle(desk, "a.txt", "indexed")
    digest = hashlib.sha256(b"The lamp turns.").hexdigest()
    dropped = type("D", (), {"file": "a.txt", "sha256": digest})()
    assert [found.file for found in search.look([dropped])] == ["a.txt"]
    assert search.look([dropped]) == []


# --- What isn't dropped or waited for -----------------------------------------------------------


def test_what_is_refused_is_said_and_the_others_are_followed(
    desk: Settings, tmp_path: Path
) -> None:
    part, story = written(tmp_path, "x.part"), written(tmp_path, "a.txt")
    ran = add(desk, part, story, ingest=Ingest([lambda: settle(desk, "a.txt", "indexed")]))
    assert ran.code == 1
    assert ran.lines == [
        f"{part}: not dropped: hidden and temporary names are ignored",
        "a.txt: 1 indexed (done/a.txt)",
    ]


def test_without_waiting_the_files_are_only_dropped(desk: Settings, tmp_path: Path) -> None:
    ingest = Ingest()
    ran = add(desk, written(tmp_path, "a.txt"), ingest=ingest, wait=False)
    assert (ran.code, ran.lines, ingest.asked) == (0, ["a.txt: dropped"], 0)


def test_nobody_to_wait_for_is_two_after_a_few_seconds_and_the_file_stays(
    desk: Settings, tmp_path: Path
) -> None:
    clock, ingest = Clock(), Ingest(says=[None] * 99)
    paths = [written(tmp_path, f"{number:02}.txt") for number in range(SHOWN + 3)]
    ran = add(desk, *paths, ingest=ingest, clock=clock)
    assert ran.code == 2
    (line,) = ran.lines
    assert line.startswith("no ingest is running")
    assert line.endswith(
        "00.txt, 01.txt, 02.txt, 03.txt, 04.txt, 05.txt, 06.txt, 07.txt, 08.txt, 09.txt and 3 more"
    )
    assert PATIENCE < clock.now < 2 * PATIENCE
    assert (desk.inbox / "00.txt").exists()


def test_an_ingest_that_restarts_meanwhile_is_waited_for(desk: Settings, tmp_path: Path) -> None:
    nothing: list[Callable[[], Any]] = [lambda: None] * 4
    ingest = Ingest([*nothing, lambda: settle(desk, "a.txt", "indexed")], [[], None, [], None])
    assert add(desk, written(tmp_path, "a.txt"), ingest=ingest).code == 0


def test_breaking_off_is_two_and_says_that_the_file_stays(desk: Settings, tmp_path: Path) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    ran = add(desk, written(tmp_path, "a.txt"), ingest=Ingest([interrupt]))
    assert (ran.code, len(ran.lines)) == (2, 1)
    assert ran.lines[0].endswith("stays in the inbox until it is taken: a.txt")


def test_without_an_inbox_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(StopWorking, match="no inbox at"):
        add(Settings(inbox=tmp_path / "nowhere"), written(tmp_path, "a.txt"))
    assert not (tmp_path / "nowhere").exists()


def test_a_hostile_name_is_no_command_to_the_terminal(desk: Settings, tmp_path: Path) -> None:
    story = written(tmp_path, "[red]\x1b[2J.txt")
    ran = add(desk, story, wait=False)
    assert "\x1b" not in ran.output
    assert "[red]\\x1b[2J.txt: dropped" in ran.output


# --- Progress ---------------------------------------------------------------------------------


def test_a_long_file_has_a_bar_with_bytes_records_and_outcomes(
    desk: Settings, tmp_path: Path
) -> None:
    big = written(tmp_path, "big.jsonl", "x" * 2048)
    far = long_files([worker(progress=[entry(file="big.jsonl", offset=1024, size=2048)])])
    ingest = Ingest([lambda: None, lambda: settle(desk, "big.jsonl", "indexed")], [far])
    ran = add(desk, big, ingest=ingest, terminal=True)
    assert "12,345 records, 12,300 settled" in ran.output
    assert "1.0/2.0 KiB" in ran.output
    assert "big.jsonl: 1 indexed (done/big.jsonl)" in ran.output


def test_elsewhere_than_on_a_terminal_there_is_no_bar(desk: Settings, tmp_path: Path) -> None:
    far = long_files([worker(progress=[entry(file="a.txt"), entry(file="other")])])
    ingest = Ingest([lambda: None, lambda: settle(desk, "a.txt", "indexed")], [far])
    ran = add(desk, written(tmp_path, "a.txt"), ingest=ingest)
    assert ran.lines == ["a.txt: 1 indexed (done/a.txt)"]


# --- The sign of life, on a real server ---------------------------------------------------------


def owned(settings: Settings) -> Settings:
    """The inbox as an ingest leaves it that has owned it once."""
    marker = settings.inbox / MARKER.decode()
    marker.parent.mkdir(parents=True)
    marker.write_text(f"{NAMESPACE}\n")
    return settings


def sign(redis: Redis, settings: Settings, key: str, **over: Any) -> None:
    redis.set(f"{key}", json.dumps(worker(**over)), ex=60)
    assert settings.namespace in key


def test_the_inbox_s_own_ingest_is_asked_for_its_long_files(
    redis: Redis, settings: Settings
) -> None:
    keys = Keys(settings.namespace)
    ask = SignOfLife(owned(settings))
    assert ask() is None
    sign(redis, settings, keys.alive(ENRICHMENT, "e"), stage="enrichment")
    other = receipts_stage(uuid5(NAMESPACE, "another inbox"))
    sign(redis, settings, keys.alive(other, "o"), progress=[entry(file="theirs")])
    assert ask() is None
    mine = keys.alive(receipts_stage(NAMESPACE), "m")
    sign(redis, settings, mine)
    assert ask() == []
    sign(redis, settings, mine, progress=[entry()])
    assert [file.file for file in ask() or []] == ["archive/big.jsonl"]


def test_no_marker_no_server_and_no_address_are_no_ingest(
    redis: Redis, settings: Settings, tmp_path: Path
) -> None:
    assert redis.ping()
    assert SignOfLife(settings)() is None
    away = settings.model_copy(
        update={"redis_url": Settings(redis_url="redis://127.0.0.1:1").redis_url}
    )
    assert SignOfLife(owned(away))() is None
    unset = Settings(inbox=tmp_path / "inbox")
    assert SignOfLife(unset)() is None


def test_the_command_drops_and_says_that_nobody_is_there(
    settings: Settings, redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert redis.ping()
    monkeypatch.setattr("services.console.add.PATIENCE", 0.1)
    settings.inbox.mkdir()
    story = written(tmp_path, "a.txt")
    done = CliRunner().invoke(app, ["add", str(story), "--inbox", str(settings.inbox)])
    assert done.exit_code == 2, done.output
    assert "no ingest is running" in done.output
    assert (settings.inbox / "a.txt").read_text() == story.read_text()
    done = CliRunner().invoke(
        app, ["add", str(story), "--inbox", str(settings.inbox), "--no-wait", "--move"]
    )
    assert (done.exit_code, story.exists()) == (0, False)
