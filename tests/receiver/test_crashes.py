"""A receiver that is killed before any of its steps: no half file, no lost file, no second one."""

from __future__ import annotations

import http.client
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.receiver.kit import STORY
from tests.receiver.served import Process, served
from tests.wait import wait_until

if TYPE_CHECKING:
    from pathlib import Path

KEY = {"Idempotency-Key": "one"}

STEPS = (
    "receiver.book.make",
    "receiver.book.prune",
    "receiver.part.open",
    "receiver.part.sync",
    "receiver.book.add",
    "receiver.land.rename",
    "receiver.land.sync",
    "receiver.answer",
)
"""All that a receiver does to the world for its first upload, in this order."""

NOTED = STEPS.index("receiver.land.rename")
"""From here on the upload is in the book: it has to land."""


def send(process: Process) -> int | None:
    """The status that an upload is answered with; None where the receiver dies."""
    try:
        return process.ask("POST", "/v1/drop?name=story.html", STORY, KEY).status
    except (OSError, http.client.HTTPException):
        return None


def swept(process: Process) -> bool:
    return "receiver.book.prune" in (
        (process.settings.inbox.parent / "effects").read_text(encoding="utf-8")
    )


def test_the_steps_are_these(tmp_path: Path) -> None:
    with served(tmp_path, {"WIREDESK_EFFECT_LOG": str(tmp_path / "effects")}) as process:
        assert process.url
        wait_until(lambda: swept(process), "the first sweep is over")
        assert send(process) == 202
        text = (tmp_path / "effects").read_text(encoding="utf-8")
        assert tuple(line.split()[1] for line in text.splitlines()) == STEPS


@pytest.mark.parametrize("number", range(STEPS.index("receiver.part.open") + 1, len(STEPS) + 1))
def test_a_kill_before_any_step_is_made_good_by_the_next_run(tmp_path: Path, number: int) -> None:
    environ = {
        "WIREDESK_KILL_AT": str(number),
        "WIREDESK_EFFECT_LOG": str(tmp_path / "effects"),
    }
    with served(tmp_path, environ) as first:
        assert first.url
        wait_until(lambda: swept(first), "the first sweep is over")
        assert send(first) is None, "it died before it had answered"
        first.wait()
        step = STEPS[number - 1]
        assert set(first.taken().values()) <= {STORY}, f"no half file after {step}"
    with served(tmp_path) as second:
        assert second.url
        wait_until(lambda: not second.hidden(), "what was left is seen to")
        assert len(second.taken()) == (number > NOTED), step
        assert send(second) == 202
        assert list(second.taken().values()) == [STORY], "once, and whole"
        assert second.hidden() == []


SENDERS, FILES, KILLS = 4, 8, 3


class Relay:
    """Whichever receiver serves now; senders come again until they were answered."""

    def __init__(self, process: Process) -> None:
        self.process = process

    def send_all(self, names: list[str]) -> None:
        for name in names:
            self.send(name)

    def send(self, name: str) -> None:
        answered = False
        while not answered:
            try:
                reply = self.process.ask(
                    "POST",
                    f"/v1/drop?name={name}",
                    name.encode() * 5000,
                    {"Idempotency-Key": name},
                )
            except (OSError, http.client.HTTPException, AssertionError):
                continue  # killed, or not there yet
            # 409: the connection broke, and the receiver hasn't noticed it yet.
            answered = reply.status == 202


def came(relay: Relay, least: int) -> bool:
    return len(relay.process.taken()) >= least


def test_whoever_tries_again_has_each_file_in_once_however_often_it_is_killed(
    tmp_path: Path,
) -> None:
    names = [f"{sender}-{number}.txt" for sender in range(SENDERS) for number in range(FILES)]
    relay = Relay(Process(tmp_path))
    with ThreadPoolExecutor(SENDERS) as senders:
        sent = [senders.submit(relay.send_all, names[at::SENDERS]) for at in range(SENDERS)]
        try:
            for kill in range(1, KILLS + 1):
                wait_until(partial(came, relay, kill * len(names) // (KILLS + 2)), "some came")
                relay.process.kill()
                relay.process = Process(tmp_path)
            for each in sent:
                each.result(60)
        finally:
            relay.process.kill()
    with served(tmp_path) as last:
        assert last.url
        wait_until(lambda: not last.hidden(), "what was left is seen to")
        contents = Counter(last.taken().values())
        assert contents == Counter(name.encode() * 5000 for name in names)
