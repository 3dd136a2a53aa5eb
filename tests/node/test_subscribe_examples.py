"""Every example of docs/subscribe.md runs as it is written there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from services.bus.keys import ENRICHED_STREAM, Keys
from services.bus.subscribers import SUBSCRIBED
from services.console.main import app
from services.settings import Settings
from tests.api.live import Served, served
from tests.bus.desk import Desk
from tests.bus.test_stream_client import enriched_event
from tests.node.conftest import HERE, NODE
from tests.repo.lock_check import ROOT
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from redis import Redis

    from tests.node.conftest import Node

TEXT = (ROOT / "docs" / "subscribe.md").read_text(encoding="utf-8")
KEY = Keys("news").stream(ENRICHED_STREAM)


def example(name: str) -> str:
    """The code block under the marker ``<!-- example: name -->``."""
    found = re.search(rf"<!-- example: {name} -->\n```\w+\n(.*?)```", TEXT, re.DOTALL)
    assert found, name
    return found[1]


@pytest.fixture(scope="module")
def api(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    inbox = tmp_path_factory.mktemp("subscribe")
    settings = Settings.model_validate({"redis_url": redis_url, "inbox": inbox, "api_port": 0})
    with served(settings) as running:
        yield running


@pytest.fixture
def desk(redis: Redis, settings: Settings) -> Desk:
    """A desk with two articles, and the group that the examples of the stream read with."""
    desk = Desk(redis, settings)
    for number in (1, 2):
        desk.put(enriched_event(number), ENRICHED_STREAM)
    redis.xgroup_create(KEY, "dashboard", id="0")
    return desk


@contextmanager
def running(command: list[Any], folder: Path, **environ: str) -> Iterator[Path]:
    """A program of an example, which never ends by itself; what it prints is in the file."""
    out = folder / "out"
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ}
    with out.open("wb") as printed:
        program = subprocess.Popen(
            command, stdout=printed, stderr=subprocess.STDOUT, cwd=folder, env=env
        )
    try:
        yield out
    finally:
        program.kill()
        program.wait(10)


def told(out: Path, *expected: str) -> None:
    """Wait until the program has printed all of this."""

    def all_there() -> bool:
        text = out.read_text("utf-8")
        assert "Error" not in text, text
        return all(each in text for each in expected)

    wait_until(all_there, f"the example prints {expected}")


def acknowledged(desk: Desk) -> bool:
    (group,) = desk.redis.xinfo_groups(KEY)
    return bool(group["lag"] == 0 and group["pending"] == 0)


@pytest.mark.usefixtures("desk")
def test_curl(api: Served, tmp_path: Path) -> None:
    """With curl where it is; elsewhere its request is sent as its options say."""
    line = example("curl").replace("$WIREDESK", api.url).strip()
    arguments = shlex.split(line)
    assert arguments[:3] == ["curl", "-N", "-G"]
    if shutil.which("curl") is None:
        arguments = [sys.executable, "-c", GET, *arguments[3:]]
    else:
        arguments.insert(1, "-s")
    with running(arguments, tmp_path) as out:
        told(out, "retry: 2000", '"headline":"Article 1"', '"headline":"Article 2"')


GET = """
import sys, urllib.parse, urllib.request
url, *options = sys.argv[1:]
assert options[::2] == ["--data-urlencode"] * (len(options) // 2)
query = urllib.parse.urlencode([option.split("=", 1) for option in options[1::2]])
with urllib.request.urlopen(f"{url}?{query}") as answer:
    while piece := answer.read1():
        sys.stdout.buffer.write(piece); sys.stdout.flush()
"""


def script(folder: Path, source: str) -> Path:
    """An example in JavaScript beside the packages that it may import."""
    (folder / "node_modules").symlink_to(HERE / "node_modules")
    path = folder / "example.mjs"
    path.write_text(source, encoding="utf-8")
    return path


def test_event_source(node: Node, api: Served, desk: Desk, tmp_path: Path) -> None:
    del node
    path = script(tmp_path, f'const desk = "{api.url}";\n{example("eventsource")}')
    with running([NODE, "--experimental-eventsource", path], tmp_path) as out:
        told(out, "Article 1", "Article 2")
        desk.put(enriched_event(3), ENRICHED_STREAM)
        told(out, "Article 3")


def test_fetch(node: Node, api: Served, desk: Desk, tmp_path: Path) -> None:
    del node
    given = f'const desk = "{api.url}";\nconst token = null;\n'
    path = script(tmp_path, given + example("fetch"))
    with running([NODE, path], tmp_path) as out:
        told(out, "wiredesk.article.enriched.v1 Article 1", "Article 2")
        desk.put(enriched_event(3), ENRICHED_STREAM)
        told(out, "Article 3")


def test_node(node: Node, desk: Desk, redis_url: str, tmp_path: Path) -> None:
    del node
    path = script(tmp_path, example("node"))
    with running([NODE, path], tmp_path, WIREDESK_REDIS_URL=redis_url) as out:
        told(out, "Article 1", "Article 2")
        desk.put(enriched_event(3), ENRICHED_STREAM)
        told(out, "Article 3")
        wait_until(lambda: acknowledged(desk), "all are acknowledged")


def python(source: str, **given: str) -> list[str]:
    names = "".join(f"{name} = {value!r}\n" for name, value in given.items())
    return [sys.executable, "-W", "error", "-c", names + source]


def test_python_over_http(api: Served, desk: Desk, tmp_path: Path) -> None:
    program = python(example("python-http"), DESK=api.url)
    with running(program, tmp_path) as out:
        told(out, "Article 1 ['Ana Petrova'", "Article 2")
        last = position_of(desk)
        wait_until(lambda: kept(tmp_path) == last, "the position is kept")
    desk.put(enriched_event(3), ENRICHED_STREAM)
    with running(program, tmp_path) as out:
        told(out, "Article 3")
        assert "Article 1" not in out.read_text("utf-8")


def position_of(desk: Desk) -> str:
    return f"e{desk.ids(ENRICHED_STREAM)[-1]}"


def kept(folder: Path) -> str:
    file = folder / "position"
    return file.read_text("ascii").strip() if file.exists() else ""


@pytest.mark.parametrize("name", ["python-stream", "python-plain"])
def test_python_over_the_stream(desk: Desk, redis_url: str, tmp_path: Path, name: str) -> None:
    with running(python(example(name), REDIS=redis_url), tmp_path) as out:
        told(out, "Article 1", "Article 2")
        for number in (3, 4):
            desk.put(enriched_event(number), ENRICHED_STREAM)
        told(out, "Article 4")
    (group,) = desk.redis.xinfo_groups(KEY)
    assert group["lag"] == 0
    assert group["pending"] <= 1, "the last one counts as handled when the loop asks for more"


def test_redis_cli(desk: Desk) -> None:
    """No redis-cli comes with the server that is tested with: its commands are sent as they are."""
    lines = [shlex.split(line) for line in example("redis-cli").strip().splitlines()]
    assert {tuple(line[:3]) for line in lines} == {("redis-cli", "-u", "$WIREDESK_REDIS_URL")}
    own, new, ack, claim, look = (line[3:] for line in lines)

    def send(command: list[str]) -> Any:
        return desk.redis.execute_command(*command)  # type: ignore[no-untyped-call]

    assert [entries for _, entries in send(own)] == [[]]
    ((_, entries),) = send(new)
    assert len(entries) == 2
    assert send([part.replace("$ID", entries[0][0].decode()) for part in ack]) == 1
    assert len(send(claim)[1]) == 0
    ((_, pending),) = send(own)
    assert [entry_id for entry_id, _ in pending] == [entries[1][0]]
    assert len(send(look)) == 2


def test_the_console(
    desk: Desk, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.redis.xgroup_destroy(KEY, "dashboard")
    monkeypatch.setenv("WIREDESK_REDIS_URL", redis_url)
    monkeypatch.setenv("WIREDESK_INBOX", str(tmp_path))
    printed = ""
    for line in example("console").strip().splitlines():
        result = CliRunner().invoke(app, shlex.split(line)[1:])
        assert result.exit_code == 0, result.output
        printed += result.output
    assert "dashboard added: group dashboard of stream {news}:enriched" in printed
    assert re.search(r"enriched\s+dashboard\s+2\s+0", printed)


def test_the_commands_and_settings_of_the_text_are_there() -> None:
    commands = get_command(app).commands["subscribers"].commands  # type: ignore[attr-defined]  # groups of commands
    for command in re.findall(r"wiredesk subscribers (\w+)", TEXT):
        assert command in commands
    for name in re.findall(r"WIREDESK_([A-Z_]+)", TEXT):
        assert name.lower() in Settings.model_fields


def test_the_streams_of_the_text_carry_the_types_that_it_says() -> None:
    rows = re.findall(r"^\| `(wiredesk\.[\w.]+)` \| `\{news\}:(\w+)`", TEXT, re.MULTILINE)
    assert dict(rows) == {stream.event.full_name: stream.name for stream in SUBSCRIBED}
