"""``wiredesk status --watch`` on a terminal, in a pipe, and with a server that comes and goes."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from typer.testing import CliRunner

from services.bus.keys import ENRICHMENT, Keys
from services.bus.server import EmbeddedServer
from services.console.main import app
from services.console.status_watch import Watch
from services.metrics import REGISTRY
from tests.console.status_kit import halt, worker
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from redis import Redis

    from services.settings import Settings

ENTER, LEAVE, SHOW_CURSOR = b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?25h"
WATCH = [
    sys.executable,
    "-c",
    "from services.console.main import main; main()",
    "status",
    "--watch",
]


def inherited() -> dict[str, str]:
    """Our environment without a size, which would hold against the terminal's own.

    Where tests run in several processes, those have one.
    """
    return {name: text for name, text in os.environ.items() if name not in {"COLUMNS", "LINES"}}


class Terminal:
    """A pty with a command in it; ``seen`` grows with what it writes."""

    def __init__(self, columns: int, rows: int, environ: dict[str, str], *options: str) -> None:
        self.leader, self.follower = pty.openpty()
        self.resize(columns, rows)
        self.before = termios.tcgetattr(self.follower)
        self.seen = b""
        self.process = subprocess.Popen(
            [*WATCH, "--every", "0.5", *options],
            stdin=self.follower,
            stdout=self.follower,
            stderr=self.follower,
            env={**inherited(), "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **environ},
            start_new_session=True,
        )
        os.set_blocking(self.leader, False)

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.leader, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self) -> bytes:
        """All that has been written."""
        while True:
            try:
                chunk = os.read(self.leader, 65536)
            except (BlockingIOError, OSError):
                return self.seen
            if not chunk:
                return self.seen
            self.seen += chunk

    def shows(self, text: str, since: int = 0) -> bool:
        return text.encode() in self.read()[since:]

    def wait_for(self, text: str, since: int = 0) -> None:
        wait_until(lambda: self.shows(text, since), f"{text!r} on the screen")

    def press(self, keys: bytes) -> None:
        os.write(self.leader, keys)

    def ends(self) -> int:
        wait_until(lambda: (self.read(), self.process.poll() is not None)[1], "its end")
        self.read()
        return int(self.process.returncode)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(30)
        os.close(self.leader)
        os.close(self.follower)


@contextmanager
def terminal(
    settings: Settings, columns: int = 80, rows: int = 24, **environ: str
) -> Iterator[Terminal]:
    assert settings.redis_url is not None
    url = settings.redis_url.get_secret_value()
    opened = Terminal(columns, rows, {"WIREDESK_REDIS_URL": url, **environ})
    try:
        yield opened
    finally:
        opened.close()


def sign(redis: Redis, settings: Settings, stage: str = "enrichment", **over: Any) -> None:
    key = Keys(settings.namespace).alive(ENRICHMENT, stage)
    redis.set(key, json.dumps(worker(stage, **over)), ex=60)


def test_it_takes_the_screen_shows_changes_and_gives_it_back(
    redis: Redis, settings: Settings
) -> None:
    """One process for a session of an operator: look, change the size, suspend, quit."""
    sign(redis, settings, done=4321)
    with terminal(settings) as shown:
        shown.wait_for("4,321")
        assert shown.seen.startswith(ENTER)
        sign(redis, settings, done=8765, waiting_for="disk \x1b[2Jfull")
        shown.wait_for("8,765")
        shown.wait_for("waits for disk \\x1b[2Jfull")
        assert not shown.shows("LAST 75 S")
        shown.resize(140, 40)
        shown.process.send_signal(signal.SIGWINCH)
        shown.wait_for("LAST 75 S")  # thirty bars of 2.5 s instead of twelve

        stopped = len(shown.read())
        shown.process.send_signal(signal.SIGTSTP)
        wait_until(lambda: LEAVE in shown.read()[stopped:], "the screen given back")
        shown.process.send_signal(signal.SIGCONT)
        wait_until(lambda: ENTER in shown.read()[stopped:], "the screen taken again")
        shown.wait_for("8,765", stopped)

        shown.press(b"q")
        assert shown.ends() == 0
        assert shown.seen.count(ENTER) == shown.seen.count(LEAVE) == 2
        assert shown.seen.rstrip().endswith(LEAVE)
        assert SHOW_CURSOR in shown.seen[-40:]
        assert termios.tcgetattr(shown.follower) == shown.before
        assert b"Traceback" not in shown.seen


def test_a_server_that_goes_away_leaves_the_last_view_and_comes_back(
    tmp_path: Path,
) -> None:
    """The embedded one, found anew: it may come back on another port. Ctrl-C ends it in peace."""
    inbox = tmp_path / "desk"
    server = EmbeddedServer(inbox / ".wiredesk" / "server")
    server.start()
    opened = Terminal(80, 24, {"WIREDESK_INBOX": str(inbox), "NO_COLOR": "1"})
    try:
        opened.wait_for("NOT RUNNING")
        server.stop()
        opened.wait_for("SERVER AWAY")
        gone = len(opened.read())
        opened.wait_for("This is how it was", gone - 4000)
        server.start()
        wait_until(
            lambda: b"SERVER AWAY" not in opened.read()[-1500:] and len(opened.seen) > gone + 3000,
            "the desk again",
        )
        opened.process.send_signal(signal.SIGINT)
        assert opened.ends() == 0
        assert opened.seen.rstrip().endswith(LEAVE)
        assert termios.tcgetattr(opened.follower) == opened.before
        assert b"board.server_away" not in opened.seen
        # NO_COLOR: bold and dim at most.
        assert set(re.findall(rb"\x1b\[([0-9;]*)m", opened.seen)) <= {b"0", b"1", b"2", b"1;2"}
    finally:
        opened.close()
        server.stop()


def test_a_terminal_that_cannot_place_its_cursor_gets_plain_views(settings: Settings) -> None:
    """As a pipe does: one view after the other, see below."""

    def on_screen(**environ: str) -> bool:
        console = Console(force_terminal=True, file=io.StringIO(), _environ=environ)
        return Watch(settings, console, 1.0).on_screen

    assert on_screen(TERM="xterm-256color")
    assert on_screen(TERM="xterm", NO_COLOR="1")
    assert not on_screen(TERM="dumb")
    assert not on_screen(TERM="unknown")
    assert not Watch(settings, Console(file=io.StringIO()), 1.0).on_screen


def test_in_a_pipe_views_follow_each_other_until_the_reader_has_enough(
    redis: Redis, settings: Settings
) -> None:
    sign(redis, settings)
    assert settings.redis_url is not None
    with subprocess.Popen(
        [*WATCH, "--every", "0.5"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ
        | {"WIREDESK_REDIS_URL": settings.redis_url.get_secret_value()}
        | {"PYTHONIOENCODING": "ascii"},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        titles = 0
        while titles < 2:
            said = process.stdout.readline()
            assert said, process.stderr.read()
            assert len(said.decode("ascii").rstrip("\n")) <= 80
            assert b"\x1b" not in said
            titles += said.startswith(b"Wiredesk ")
        process.stdout.close()
        # As rich ends whatever prints to nobody: without a word.
        assert process.wait(30) == 1
        assert process.stderr.read() == b""


# --- once ------------------------------------------------------------------------------------
def once(settings: Settings, monkeypatch: Any, *options: str) -> str:
    assert settings.redis_url is not None
    monkeypatch.setenv("WIREDESK_REDIS_URL", settings.redis_url.get_secret_value())
    done = CliRunner().invoke(app, ["status", "--inbox", str(settings.inbox), *options])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_status_tells_of_halted_stages_and_of_health(
    redis: Redis, settings: Settings, monkeypatch: Any
) -> None:
    keys, stopped = Keys(settings.namespace), halt()
    redis.xgroup_create(keys.stream(ENRICHMENT.reads), ENRICHMENT.group, id="0", mkstream=True)
    fields: dict[Any, Any] = {
        "at": int(stopped.at.timestamp()),
        "rule": stopped.rule,
        "row": stopped.row,
        "dead": stopped.dead,
        "of": stopped.of,
        "commonest": stopped.commonest,
        "times": stopped.times,
        "last": "[]",
        "passed": 0,
        "failed": 0,
    }
    redis.hset(keys.halted(ENRICHMENT.group), mapping=fields)
    redis.expire(keys.halted(ENRICHMENT.group), 60)
    sign(redis, settings, halted="too many", health="http://127.0.0.1:8421")
    text = once(settings, monkeypatch)
    assert "enrichment has stopped: 50 articles in a row died, 48 of them of: no [red]" in text
    assert "wiredesk dead list --stage enrichment, then wiredesk resume enrichment" in text
    assert "health and metrics: http://127.0.0.1 enrichment 8421" in text
    assert "\x1b" not in text

    (told,) = json.loads(once(settings, monkeypatch, "--json"))["halted"]
    assert (told["stage"], told["group"]) == ("enrichment", "enrichment")
    assert told["at"].startswith("2026-03-02T12:00:00")


def test_watching_as_json_is_refused_with_what_to_do() -> None:
    done = CliRunner().invoke(app, ["status", "--watch", "--json"])
    assert done.exit_code == 1
    assert "status --json" in done.stderr


def test_the_ledger_is_exported_under_the_names_that_status_reads() -> None:
    names = {family.name for family in REGISTRY.collect()}
    assert "wiredesk_ledger_articles" in names
    assert "wiredesk_ledger_unaccounted_articles" in names
