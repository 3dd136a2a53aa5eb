"""Rule 11: FastStream's own lines are DEBUG; ours carry the ids. Read from a real process."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from services.bus import tracing
from services.bus.service import make_broker
from tests.bus.desk import Desk, articles, changed
from tests.bus.processes import Workers, environ_of
from tests.factories import article_id, drop_id
from tests.wait import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from services.settings import Settings
    from tests.bus.worker import Control

IDS = {"article_id", "drop_id", "file", "trace_id", "entry_id"}


def test_a_process_of_its_own_writes_nothing_but_json_and_one_line_an_article(
    desk: Desk, settings: Settings, control: Control, tmp_path: Path
) -> None:
    """Started by a command line, as in production."""
    log = tmp_path / "log"
    desk.publish(*articles("good 1", "good 2", "reject 3"))
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bus.worker", str(log), str(control.folder)],
        env=os.environ | environ_of(settings),
    ) as process:
        wait_until(lambda: len(desk.enriched()) == 2 and desk.dead(), "all are dealt with")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert all(line["service"] == "enrichment" for line in lines)
    done = [line for line in lines if line["event"] == "article.enriched"]
    assert [line["file"] for line in done] == ["1.txt", "2.txt"]
    assert len([line for line in lines if line["event"] == "article.dead"]) == 1
    assert not [line for line in lines if "faststream" in line["logger"]]


def test_the_line_of_an_article_carries_every_id_and_how_long_it_took(
    desk: Desk, workers: Workers
) -> None:
    desk.publish(*articles("good 1"))
    worker = workers.start()
    wait_until(lambda: worker.lines("article.enriched"), "its line is written")
    (line,) = worker.lines("article.enriched")
    assert line["article_id"] == str(article_id(1))
    assert line["drop_id"] == str(drop_id(1))
    assert line["file"] == "1.txt"
    start = tracing.start_trace(drop_id(1), article_id(1))
    assert line["trace_id"] == tracing.trace_id(start)
    assert line["attempts"] == 1
    assert line["crossed"] is True
    assert line["duration_ms"] >= 0
    assert line["level"] == "info"
    assert worker.stop() == 0


@pytest.mark.parametrize(
    ("headline", "event", "level"),
    [
        ("reject 1", "article.dead", "error"),
        ("raise 1", "article.attempt_failed", "warning"),
    ],
)
def test_the_lines_of_what_goes_wrong_carry_the_ids_too(
    desk: Desk, workers: Workers, headline: str, event: str, level: str
) -> None:
    desk.publish(*articles(headline))
    worker = workers.start()
    wait_until(lambda: worker.lines(event), "its line is written")
    (line,) = worker.lines(event)
    assert set(line) >= IDS | {"reason", "attempts"}
    assert line["level"] == level
    assert worker.stop() == 0


def test_faststream_s_lines_are_not_written_even_at_debug(
    desk: Desk, settings: Settings, workers: Workers
) -> None:
    """Two lines a message would bury ours; where shown at all, they are DEBUG."""
    desk.publish(*articles("good 1"))
    worker = workers.start(changed(settings, log_level="DEBUG"))
    wait_until(lambda: worker.lines("article.enriched"), "the article goes on")
    assert worker.stop() == 0
    theirs = [line for line in worker.lines() if "faststream" in line["logger"]]
    assert [line for line in theirs if line["level"] != "debug"] == []
    assert "Received" not in worker.output()
    assert "Processed" not in worker.output()


def test_the_broker_writes_what_it_says_of_messages_at_debug(settings: Settings) -> None:
    broker = make_broker("redis://unused", settings)
    logger = broker.config.broker_config.logger
    assert logger.log_level == logging.DEBUG


LOST = """
    import logging
    from services.bus.service import LIBRARY_LOG, make_broker
    from services.observability import configure
    from services.settings import Settings

    configure(Settings(log_format="json"), "enrichment")
    make_broker("redis://unused", Settings())
    try:
        raise ConnectionError("closed by \\x1b[31mserver")
    except ConnectionError:
        logging.getLogger(LIBRARY_LOG).exception("Message fetch error")
"""


def test_what_goes_wrong_in_faststream_is_a_line_of_ours() -> None:
    """As when the server goes away in the middle of a read."""
    script = [sys.executable, "-c", textwrap.dedent(LOST)]
    written = subprocess.run(script, capture_output=True, timeout=60, check=True)
    assert written.stdout == b""
    line = json.loads(written.stderr)
    assert line["event"] == "Message fetch error"
    assert line["exception"].endswith("closed by \\x1b[31mserver")
