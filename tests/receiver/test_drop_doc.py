"""What docs/drop.md shows works as it is written there, and what it says is so."""

from __future__ import annotations

import asyncio
import configparser
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from services.console.main import ServiceName
from services.ingest.receiver import app, body, landing, uploads
from services.ingest.receiver.document import document
from services.ingest.receiver.naming import ID_SHAPE
from services.serving import table
from services.serving.sizes import MAX_HEAD, MAX_TARGET
from services.settings import Settings
from tests.ingest.desk_kit import Kit, make_settings
from tests.receiver.served import Process, served
from tests.repo.lock_check import ROOT
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = (ROOT / "docs" / "drop.md").read_text(encoding="utf-8")
STORY = "Ferry delayed\nBy an hour."
ADDRESS = "http://127.0.0.1:8424"


def example(name: str) -> str:
    """The code block under the marker ``<!-- example: name -->``."""
    found = re.search(rf"<!-- example: {name} -->\n```\w+\n(.*?)```", TEXT, re.DOTALL)
    assert found, name
    return found[1]


def typed(code: str, folder: Path, **environ: str) -> str:
    """What a block prints that is typed in ``folder``."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-ec", code],
        cwd=folder,
        env={"PATH": path, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("drop-doc")
    (made / "story.xml").write_text(STORY, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def token(folder: Path) -> str:
    """As the first block shows it; its line is in the file."""
    return typed(example("token"), folder).splitlines()[0]


@pytest.fixture(scope="module")
def process(folder: Path, token: str) -> Iterator[Process]:
    assert token
    with served(folder, drop_tokens_file=folder / "tokens") as one:
        yield one


def settle(process: Process) -> None:
    """What ingest and those behind it do with all that lies there."""

    async def work() -> None:
        kit = Kit(make_settings(process.settings.inbox))
        await kit.open()
        await kit.finish()
        kit.desk.close()

    asyncio.run(work())


def test_a_file_is_sent_and_its_receipt_asked_for(
    folder: Path, token: str, process: Process
) -> None:
    assert example("run").split() == ["wiredesk", "run", ServiceName.RECEIVER.value]
    sent = example("curl").replace(ADDRESS, process.url)
    told = json.loads(typed(sent, folder, TOKEN=token))
    shown = json.loads(re.search(r"```json\n(.*?)```", TEXT, re.DOTALL)[1])  # type: ignore[index]
    assert list(told) == list(shown)
    assert re.fullmatch(r"story~[a-z2-7]{20}\.xml", told["file"])
    assert ID_SHAPE.fullmatch(shown["id"])
    asked = example("receipt").replace(ADDRESS, process.url).replace(shown["id"], told["id"])
    assert json.loads(typed(asked, folder, TOKEN=token)) == told
    settle(process)
    receipt = json.loads(typed(asked, folder, TOKEN=token))
    assert receipt["file"] == told["file"]
    assert receipt["summary"] == {"indexed": 1}


def test_the_python_program_sends_a_file_and_waits_for_its_receipt(
    folder: Path, token: str, process: Process
) -> None:
    (folder / "send.py").write_text(example("python").replace(ADDRESS, process.url), "utf-8")
    with subprocess.Popen(
        [sys.executable, "-I", "send.py"],
        cwd=folder,
        env={"TOKEN": token},
        stdout=subprocess.PIPE,
        text=True,
    ) as sending:
        wait_until(process.taken, "the file is there")
        settle(process)
        out, _ = sending.communicate(timeout=30)
    assert sending.returncode == 0
    assert out == "{'indexed': 1}\n"


# --- what it says ----------------------------------------------------------------------------
def test_its_table_of_settings_is_whole_and_its_defaults_are_the_real_ones() -> None:
    rows = dict(re.findall(r"^\| `WIREDESK_(DROP\w*)` \| (?:`([^`]*)`)? ?\|", TEXT, re.MULTILINE))
    fields = {n.upper(): f for n, f in Settings.model_fields.items() if n.startswith("drop")}
    assert rows.keys() == fields.keys()
    for name, shown in rows.items():
        default = fields[name].default
        written = json.dumps(default) if isinstance(default, bool) else f"{default}"
        assert shown == ("" if default is None else written.removesuffix(".0")), name


def test_its_requests_are_those_of_the_description() -> None:
    shown = set(re.findall(r"^\| `(GET|POST|PUT) (/v1/drop[^?` ]*)", TEXT, re.MULTILINE))
    there = {
        (method.upper(), path)
        for path, methods in document()["paths"].items()
        for method in methods
    }
    named = {(m, re.sub(r"/(ID|story\.xml)$", "/{name}", p)) for m, p in shown}
    assert named == there


def test_every_status_of_the_description_is_explained() -> None:
    rows = re.findall(r"^\| ([\d, ]+) \|", TEXT, re.MULTILINE)
    explained = {status.strip() for row in rows for status in row.split(",")}
    described = {
        status
        for methods in document()["paths"].values()
        for each in methods.values()
        for status in each["responses"]
    }
    assert described - {"200", "202"} <= explained


@pytest.mark.parametrize(
    "said",
    [
        f"(1 to {app.MAX_KEY_CHARS} letters",
        f"for {uploads.REPEAT_MS // 60_000} minutes",
        f"less than {body.MIN_BYTES // 1024} KiB",
        f"{landing.RESERVE // 1024**2} MiB are left",
        f"an address of more than {MAX_TARGET // 1024} KiB",
        f"headers of more than {MAX_HEAD // 1024} KiB",
        f"are believed for {table.TRUSTED_FOR:g} s",
        f"(`WIREDESK_GRACEFUL_TIMEOUT` ({Settings.model_fields['graceful_timeout'].default:g} s)"[
            1:
        ],
    ],
)
def test_its_numbers_are_the_real_ones(said: str) -> None:
    assert said in TEXT


def test_the_s3_clients_settings_can_be_read() -> None:
    found = re.search(r"```ini\n(.*?)```", TEXT, re.DOTALL)
    assert found
    settings = configparser.ConfigParser()
    settings.read_string(found[1])
    profile = settings["profile wiredesk"]
    assert profile["endpoint_url"] == f"{ADDRESS}/v1"
    assert "addressing_style = path" in profile["s3"]
