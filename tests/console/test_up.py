"""``wiredesk up FOLDER`` left running, and the commands beside it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest

from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

WIREDESK = Path(sys.executable).with_name("wiredesk")
STORY = """Harbour bridge opens to trams

By Mara Ellison

Riverton opened its harbour bridge to trams on Monday. Mayor Tobias Wren said that
the city had waited for eleven years. The line links the old mill to the north gate.
"""
QUICK = {
    "WIREDESK_SETTLE_TIME": "0.1",
    "WIREDESK_SCAN_INTERVAL": "0.1",
    "WIREDESK_LOG_FORMAT": "json",
    "WIREDESK_ANNOTATORS": '["language"]',
    "WIREDESK_WORKERS": "2",
    # Any free port: another desk may run beside these tests.
    "WIREDESK_API_PORT": "0",
    "WIREDESK_DROP": "true",
    "WIREDESK_DROP_PORT": "0",
}
WORKERS = ["enrichment", "enrichment", "indexer", "ingest"]
"""The stages of the signs of life of a whole desk."""


def environ() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("WIREDESK_")}
    return {**kept, **QUICK}


class Up:
    """A running ``wiredesk up``."""

    def __init__(self, inbox: Path, log: IO[bytes]) -> None:
        self.inbox = inbox
        self.process = subprocess.Popen(
            [str(WIREDESK), "up", str(inbox)],
            env=environ(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another ``wiredesk`` command on the same folder."""
        return subprocess.run(
            [str(WIREDESK), *arguments, "--inbox", str(self.inbox)],
            capture_output=True,
            text=True,
            check=False,
            env=environ(),
            timeout=60,
        )

    def status(self) -> dict[str, Any]:
        done = self.run("status", "--json")
        return dict(json.loads(done.stdout)) if done.returncode == 0 else {"workers": []}

    def stages(self) -> list[str]:
        """The stage of each worker that is alive."""
        return sorted(worker["stage"] for worker in self.status()["workers"])


def drop(inbox: Path, name: str, text: str) -> None:
    part = inbox / f"{name}.part"
    part.write_text(text)
    part.rename(inbox / name)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("up")
    with (folder / "log").open("wb") as log:
        running = Up(folder / "inbox", log)
        try:
            wait_until(running.inbox.is_dir, "the inbox", 60)
            drop(running.inbox, "bridge.txt", STORY)
            # Before asking who works: each time takes a process of its own from those that start.
            receipt = running.inbox / "done" / "bridge.txt.receipt.json"
            wait_until(receipt.exists, "the receipt of bridge.txt", 60)
            wait_until(lambda: running.stages() == WORKERS, "all workers", 60)
            yield running
        finally:
            running.process.kill()
            running.process.wait()


def test_status_shows_streams_workers_and_the_store(up: Up) -> None:
    status = up.status()
    assert {worker["stage"] for worker in status["workers"]} == {"ingest", "enrichment", "indexer"}
    assert status["articles"] == 1
    assert status["dead"] == 0
    groups = {group["group"]: group for s in status["streams"] for group in s["groups"]}
    assert groups["enrichment"]["pending"] == groups["indexer"]["pending"] == 0
    readable = up.run("status").stdout
    assert "enrichment" in readable
    assert "articles in the store: 1" in readable


def test_the_desk_view_is_served_where_status_and_up_say(up: Up) -> None:
    """With the workers and the receipt of the file that was dropped."""
    (address,) = up.status()["api"]
    assert f"API and page: {address}" in up.run("status").stdout
    said = f"API and page: {address}\n"
    wait_until(lambda: said in (up.inbox.parent / "log").read_text(), "`up` says the address")

    def desk() -> dict[str, Any]:
        with urlopen(f"{address}/v1/desk", timeout=10) as answer:  # noqa: S310  (our own server)
            return dict(json.load(answer))

    wait_until(lambda: desk()["receipts"], "the receipt in the desk view")
    view = desk()
    assert view["server"] == "up"
    assert sorted(worker["stage"] for worker in view["workers"]) == WORKERS
    assert [receipt["file"] for receipt in view["receipts"]] == ["bridge.txt"]
    assert view["receipts"][0]["summary"] == {"indexed": 1}
    assert view["articles"] == 1


def test_search_and_show_find_the_article(up: Up) -> None:
    found = json.loads(up.run("search", "harbour trams", "--json").stdout)
    assert [hit["headline"] for hit in found] == ["Harbour bridge opens to trams"]
    shown = up.run("show", found[0]["article_id"][:8])
    assert "Harbour bridge opens to trams" in shown.stdout
    assert json.loads(up.run("search", "zeppelin", "--json").stdout) == []
    assert up.run("show", "ffff").returncode == 1


def test_tail_follows_enriched_events_with_filters(up: Up) -> None:
    line = up.run("tail", "--from-beginning", "--count", "1", "--language", "en", "--json").stdout
    assert json.loads(line)["headline"] == "Harbour bridge opens to trams"
    readable = up.run("tail", "--from-beginning", "--count", "1").stdout
    assert "Harbour bridge opens to trams" in readable


def test_tail_shows_what_comes_only_if_it_passes_the_filter(up: Up) -> None:
    following = subprocess.Popen(
        [str(WIREDESK), "tail", "--count=1", "--json", "--language=en", f"--inbox={up.inbox}"],
        stdout=subprocess.PIPE,
        text=True,
        env=environ(),
    )
    texts = {
        "fr.txt": "Le pont du port\n\nLe maire a ouvert le pont du port lundi matin devant la "
        "foule, et la ville attendait ce jour depuis onze ans.\n",
        "en.txt": "Orchard planted by the old mill\n\nVolunteers planted an orchard beside the old "
        "mill on Sunday, and the town hopes for apples in three years.\n",
    }
    received: list[str] = []
    for round_number in range(40):
        for name, text in texts.items():
            drop(up.inbox, f"{round_number}-{name}", text.replace(".", f" {round_number}.", 1))
        try:
            received.append(following.communicate(timeout=1)[0])
            break
        except subprocess.TimeoutExpired:
            # It may not have been listening yet: drop another pair.
            continue
    assert json.loads(received[0])["detected_language"]["code"] == "en"


def test_add_drops_files_and_says_what_became_of_each(up: Up, tmp_path: Path) -> None:
    good, bad, part = (tmp_path / name for name in ("tram.txt", "image.txt", "late.txt.part"))
    good.write_text(STORY.replace("trams", "buses"))
    bad.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    part.write_text("half")
    done = up.run("add", str(good), "--move")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["tram.txt: 1 indexed (done/tram.txt)"]
    assert not good.exists()
    again = up.run("add", str(bad), str(part))
    assert again.returncode == 1
    refused, rejected, reason = again.stdout.splitlines()
    assert refused == f"{part}: not dropped: hidden and temporary names are ignored"
    assert rejected == "image.txt: 1 rejected (rejected/image.txt)"
    assert reason.startswith("  record 1: ")
    assert bad.exists()


def test_a_file_that_comes_by_http_has_its_receipt_at_the_address_it_was_given(up: Up) -> None:
    lines = (up.inbox.parent / "log").read_text().splitlines()
    logged = [json.loads(line) for line in lines if line.startswith("{")]
    (address,) = (line["url"] for line in logged if line["event"] == "receiver.ready")
    text = STORY.replace("trams", "ferries").encode()
    asked = Request(f"{address}/v1/drop?name=ferry.txt", text)  # noqa: S310  (our own server)
    with urlopen(asked, timeout=10) as answer:  # noqa: S310
        assert answer.status == 202
        told = json.load(answer)

    def receipt() -> dict[str, Any] | None:
        with urlopen(f"{address}{told['receipt']}", timeout=10) as answer:  # noqa: S310
            return dict(json.load(answer)) if answer.status == 200 else None

    wait_until(receipt, "the receipt of what came by HTTP", 60)
    settled = receipt()
    assert settled is not None
    assert (settled["file"], settled["content_sha256"]) == (told["file"], told["sha256"])
    assert settled["summary"] == {"indexed": 1}


def test_two_desks_on_one_folder_are_refused_with_the_reason(up: Up) -> None:
    second = subprocess.run(
        [str(WIREDESK), "up", str(up.inbox)],
        capture_output=True,
        text=True,
        check=False,
        env=environ(),
        timeout=60,
    )
    assert second.returncode == 78
    assert "another Wiredesk already runs" in second.stderr
    # The first one is untouched, and still found.
    assert up.stages() == WORKERS


def test_a_killed_service_is_started_again(up: Up) -> None:
    """One of two workers of a stage; the other one goes on."""

    def workers() -> set[int]:
        alive = up.status()["workers"]
        return {worker["pid"] for worker in alive if worker["stage"] == "enrichment"}

    before = workers()
    killed = min(before)
    os.kill(killed, signal.SIGKILL)

    def replaced() -> bool:
        # The sign of life of the killed one lasts some seconds longer.
        now = workers() - {killed}
        return len(now) == 2 and before - {killed} < now

    wait_until(replaced, "a new enrichment worker", 60)


def test_ctrl_c_drains_and_stops(tmp_path: Path) -> None:
    """What was taken gets its receipt; everything has ended; nothing is left running."""
    with (tmp_path / "log").open("wb") as log:
        running = Up(tmp_path / "inbox", log)
        wait_until(running.inbox.is_dir, "the inbox", 60)
        drop(running.inbox, "0.txt", STORY)
        receipt = running.inbox / "done" / "0.txt.receipt.json"
        wait_until(receipt.exists, "the receipt of the first file", 60)
        wait_until(lambda: running.stages() == WORKERS, "all workers", 60)
        pids = [worker["pid"] for worker in running.status()["workers"]]
        for number in range(1, 20):
            drop(running.inbox, f"{number}.txt", STORY.replace("eleven", str(number)))
        done = running.inbox / "done"
        wait_until(lambda: len([*done.glob("*.receipt.json")]) > 1, "a receipt of these", 60)
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(90) == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    left = {path.name for path in running.inbox.iterdir() if path.is_file()}
    settled = {path.name for path in done.iterdir() if not path.name.endswith(".json")}
    assert left | settled == {f"{number}.txt" for number in range(20)}
    assert all((done / f"{name}.receipt.json").exists() for name in settled)
    assert "desk.stopped" in (tmp_path / "log").read_text()
