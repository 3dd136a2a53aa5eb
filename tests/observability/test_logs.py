"""Logs: JSON where nobody watches, readable on a terminal, and never a line that content made."""

from __future__ import annotations

import io
import json
import logging
import os
import pty
import subprocess
import sys
import textwrap
import warnings
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from services import observability
from services.observability import MAX_VALUE_CHARS, get_logger, printable
from services.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOSTILE = {
    "newline": "a\n2026-01-01T00:00:00Z [info     ] article.enriched   file=forged.txt",
    "carriage return": "a\rforged",
    "json": 'a"}\n{"event": "article.enriched", "file": "forged.txt"}',
    "colour": "a\x1b[31mred\x1b[0m",
    "title of the window": "a\x1b]0;owned\x07",
    "cursor up": "a\x1b[1A\x1b[2Kforged",
    "bidi": "a\u202egnp.exe",
    "line separator": "a\u2028forged",
    "paragraph separator": "a\u2029forged",
    "next line": "a\x85forged",
    "vertical tab": "a\x0bforged\x0cforged",
    "NUL": "a\x00b",
    "zero width": "a\u200bb",
    "lone surrogate": "a\ud800b\udcff",
    "private use": "a\ue000b",
    "percent": "a%s%d%(x)s{0}",
}

SAY = """
    import logging, sys, warnings
    from services.observability import configure, get_logger
    from services.settings import Settings

    hostile = eval(sys.argv[1])
    configure(Settings(), "ingest")
    log = get_logger("services.test")
    log.info("file.taken", file=hostile, nested={hostile: [hostile, (hostile,)]}, size=3)
    logging.getLogger("redis").warning("lost %s", hostile)
    warnings.warn(hostile, stacklevel=1)
    try:
        raise ValueError(hostile)
    except ValueError:
        log.exception("file.failed", file=hostile)
"""
LINES = 4


def say(hostile: str, **environ: str) -> bytes:
    """What a process of its own writes about a hostile name when nobody watches."""
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", textwrap.dedent(SAY), ascii(hostile)],
        capture_output=True,
        timeout=60,
        check=True,
        env=os.environ | environ,
    )
    assert done.stdout == b""
    return done.stderr


def say_to_terminal(hostile: str) -> str:
    """The same on a terminal (a pty), where it is made for people."""
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-W", "always", "-c", textwrap.dedent(SAY), ascii(hostile)],
        stderr=follower,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
    ) as process:
        os.close(follower)
        written = b"".join(read_all(leader))
        assert process.wait(60) == 0
    os.close(leader)
    return written.decode()


def read_all(descriptor: int) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(descriptor, 65536)
        except OSError:  # how a pty ends on Linux
            return
        if not chunk:
            return
        yield chunk


def json_lines(written: bytes) -> list[dict[str, Any]]:
    """Each line as JSON; U+2028 and the like must not be line breaks to anybody."""
    assert written.endswith(b"\n")
    return [json.loads(line) for line in written[:-1].decode().split("\n")]


def test_a_process_that_nobody_watches_writes_json_lines_whatever_it_is_given() -> None:
    """All hostile names in one: a process of its own takes a second to start."""
    every = " | ".join(HOSTILE.values())
    lines = json_lines(say(every))
    assert [line["event"].split(" ")[0] for line in lines[:2]] == ["file.taken", "lost"]
    assert len(lines) == LINES
    assert len(say(every).decode().splitlines()) == LINES
    taken, foreign, warning, failed = lines
    assert taken["file"] == printable(every)
    assert taken["nested"] == {printable(every): [printable(every), [printable(every)]]}
    assert taken["size"] == 3
    assert foreign["logger"] == "redis"
    assert foreign["level"] == warning["level"] == "warning"
    assert warning["logger"] == "py.warnings"
    assert failed["level"] == "error"
    assert failed["exception"].startswith("Traceback (most recent call last):\n")
    assert {line["service"] for line in lines} == {"ingest"}


def test_a_stream_that_is_not_utf_8_gets_valid_json_too() -> None:
    """A locale of the last century must not break the log's readers."""
    lines = json_lines(say("caf\u00e9 \u4e2d", PYTHONIOENCODING="ascii"))
    assert lines[0]["file"] == "caf\u00e9 \u4e2d"


def test_on_a_terminal_a_hostile_name_forges_neither_a_line_nor_a_colour() -> None:
    calm, wild = (
        say_to_terminal(text).split("\r\n") for text in ("calm", " | ".join(HOSTILE.values()))
    )
    assert sum(is_line(line) for line in calm) == sum(is_line(line) for line in wild) == LINES
    (taken,) = (line for line in wild if "file.taken" in line)
    assert r"\n2026-01-01T00:00:00Z" in taken
    assert r"\u202egnp.exe" in taken
    assert "\x1b[31mred" not in "".join(wild)
    for line in wild:
        assert not {"\r", "\x00", "\x07", "\x0b", "\x85", "\u2028", "\u202e"} & set(line)


def is_line(shown: str) -> bool:
    """Whether it looks like a log line: begins with a time (after what sets its colour)."""
    return shown.lstrip("\x1b[0123456789m").startswith(("-", "T")) and "Traceback" not in shown


@pytest.fixture
def written(tmp_path: Path) -> Iterator[io.StringIO]:
    """The log of this process, as JSON, until the test ends."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    out = io.StringIO()
    observability.configure(Settings(inbox=tmp_path, log_level="INFO"), "enrichment", out)
    yield out
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines_of(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


@given(value=st.text(st.characters(), max_size=50))
@effort(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_text_makes_one_line_of_valid_json(written: io.StringIO, value: str) -> None:
    written.truncate(written.seek(0))
    get_logger("t").info("event", value=value)
    (line,) = lines_of(written)
    assert line["value"] == printable(value)
    assert written.getvalue().encode()


WILD_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters()) | st.integers(), inner, max_size=3)
        | st.tuples(inner)
    ),
    max_leaves=8,
)


def refuse(constant: str) -> Any:
    raise AssertionError(f"{constant} is not JSON")


@given(value=WILD_VALUES)
@effort(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_value_makes_one_line_of_strict_json(written: io.StringIO, value: object) -> None:
    """NaN and infinity are no JSON, though Python would write them."""
    written.truncate(written.seek(0))
    get_logger("t").info("event", value=value)
    (line,) = written.getvalue().splitlines()
    assert "value" in json.loads(line, parse_constant=refuse)


def fail(reason: str) -> None:
    raise ValueError(reason)


def test_a_value_of_5_mb_is_cut(written: io.StringIO) -> None:
    get_logger("t").info("event", headline="x" * 5_000_000, keys={"k" * 5_000_000: 1})
    (line,) = lines_of(written)
    assert line["headline"] == "x" * MAX_VALUE_CHARS + "…"
    assert len(written.getvalue()) < 10_000


def test_a_traceback_with_5_mb_in_its_message_is_cut(written: io.StringIO) -> None:
    try:
        fail("x" * 5_000_000 + "\n" * 100_000 + "the end")
    except ValueError:
        get_logger("t").exception("event")
    (line,) = lines_of(written)
    assert line["exception"].endswith("the end")
    assert len(written.getvalue()) < 10_000


class Sulky:
    def __str__(self) -> str:
        raise RuntimeError("no")


def test_what_cannot_be_shown_is_said_so_and_the_caller_goes_on(written: io.StringIO) -> None:
    loop: list[object] = []
    loop.append(loop)
    get_logger("t").info("event", sulky=Sulky(), loop=loop)
    (line,) = lines_of(written)
    assert line["sulky"] == "<Sulky that can't be shown>"
    assert line["loop"] == [[[[["…"]]]]]


def test_an_exception_s_message_keeps_its_lines_in_json_and_is_indented_on_a_terminal(
    tmp_path: Path, written: io.StringIO
) -> None:
    forged = "2026-01-01T00:00:00Z [info     ] article.enriched"
    try:
        fail(f"bad\n{forged}")
    except ValueError:
        get_logger("t").exception("event")
        (line,) = lines_of(written)
        assert line["exception"].endswith(f"ValueError: bad\n{forged}")
        shown = io.StringIO()
        observability.configure(Settings(inbox=tmp_path, log_format="console"), "x", shown)
        get_logger("t").exception("event")
    assert f"\n    {forged}" in shown.getvalue()
    assert f"\n{forged}" not in shown.getvalue()


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "critical"])
def test_a_level_is_what_it_is_called(written: io.StringIO, level: str) -> None:
    getattr(get_logger("t"), level)("event")
    found = lines_of(written)
    assert [line["level"] for line in found] == ([] if level == "debug" else [level])


@pytest.mark.parametrize(
    ("lowest", "count"), [("DEBUG", 4), ("INFO", 3), ("WARNING", 2), ("ERROR", 1)]
)
def test_nothing_below_the_lowest_level_is_written(
    tmp_path: Path, written: io.StringIO, lowest: str, count: int
) -> None:
    settings = Settings.model_validate({"inbox": tmp_path, "log_level": lowest})
    observability.configure(settings, "x", written)
    for log in (get_logger("ours"), logging.getLogger("theirs")):
        written.truncate(written.seek(0))
        for level in ("debug", "info", "warning", "error"):
            getattr(log, level)("event")
        assert len(lines_of(written)) == count


def test_bound_context_is_in_every_line_of_ours_and_of_libraries(written: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(drop_id="d1", file="a\nb"):
        get_logger("t").info("ours")
        logging.getLogger("redis").warning("theirs")
    get_logger("t").info("after")
    ours, theirs, after = lines_of(written)
    assert ours["drop_id"] == theirs["drop_id"] == "d1"
    assert ours["file"] == theirs["file"] == r"a\nb"
    assert "drop_id" not in after
    assert {line["service"] for line in (ours, theirs, after)} == {"enrichment"}


def test_a_bound_logger_keeps_what_it_was_bound_to(written: io.StringIO) -> None:
    get_logger("t").bind(article_id="a1").info("event", file="f")
    (line,) = lines_of(written)
    assert (line["article_id"], line["file"], line["logger"]) == ("a1", "f", "t")


def test_every_line_says_when_in_utc(written: io.StringIO) -> None:
    get_logger("t").info("event")
    (line,) = lines_of(written)
    assert line["timestamp"].endswith("Z")


def test_warnings_go_through_the_log(written: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("old\nway", DeprecationWarning, stacklevel=1)
    (line,) = lines_of(written)
    assert line["logger"] == "py.warnings"
    assert r"DeprecationWarning: old\nway" in line["event"]


@pytest.mark.parametrize(
    ("chosen", "is_json"), [("auto", True), ("json", True), ("console", False)]
)
def test_the_format_can_be_chosen(
    tmp_path: Path, written: io.StringIO, chosen: str, *, is_json: bool
) -> None:
    settings = Settings.model_validate({"inbox": tmp_path, "log_format": chosen})
    observability.configure(settings, "x", written)
    get_logger("t").info("event", file="f")
    assert written.getvalue().startswith("{") is is_json


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_nothing_printable_is_left_of_what_moves_a_terminal(hostile: str) -> None:
    shown = printable(hostile)
    assert shown.isprintable() or shown == hostile
    assert len(shown.splitlines()) == 1
    assert shown.encode()


@pytest.mark.parametrize(
    "char", ["\x1b", "\n", "\t", "\x7f", "\xad", "\u202e", "\ud800", "\U000e0001"]
)
def test_what_is_escaped_is_written_as_in_python(char: str) -> None:
    """By ourselves: an ending interpreter has no codecs any more, and may still log."""
    assert printable(char) == char.encode("unicode_escape").decode()


@pytest.mark.parametrize("text", ["", "plain", "Łódź 中国 naïve 👍", "a b"])
def test_ordinary_text_in_any_script_is_left_alone(text: str) -> None:
    assert printable(text) == text
