"""The log's volume is bounded, keeps whole articles, and says exactly what it left out."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from services import observability
from services.log_rate import (
    BURST_SECONDS,
    LEFT_OUT,
    MAX_NAMES,
    OTHERS,
    SELDOM,
    LogRate,
)
from services.metrics import LOG_LINES_LEFT_OUT
from services.observability import get_logger
from services.settings import Settings
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RATE = 20.0
BURST = int(RATE * BURST_SECONDS)


class Kit:
    """A rate with a clock of the test's, and what it said."""

    def __init__(self, rate: float = RATE, every: float = 3600.0) -> None:
        self.now = 1000.0
        self.said: list[tuple[dict[str, int], float]] = []
        self.rate = LogRate(rate, self._say, lambda: self.now, every)

    def _say(self, events: Mapping[str, int], seconds: float) -> None:
        self.said.append((dict(events), seconds))

    def told(self) -> Counter[str]:
        """Everything that was said to be left out."""
        self.rate.summary()
        return sum((Counter(events) for events, _ in self.said), Counter())


def trace(number: int) -> str:
    """A trace id as the bus makes them."""
    return sha256(str(number).encode()).hexdigest()[:32]


def test_a_burst_of_ten_times_the_rate_passes_whole() -> None:
    kit = Kit()
    assert [kit.rate.admit("a.b", trace(n)) for n in range(BURST)] == [0] * BURST


def test_without_a_rate_everything_passes() -> None:
    kit = Kit(rate=0)
    assert {kit.rate.admit("a.b", trace(n)) for n in range(10_000)} == {0}
    assert kit.told() == {}


def test_one_busy_event_silences_no_other() -> None:
    kit = Kit()
    for n in range(10_000):
        kit.rate.admit("article.received", trace(n))
    assert kit.rate.admit("file.receipt") == 0


def test_lines_without_a_trace_id_pass_at_the_rate_after_the_burst() -> None:
    kit = Kit()
    kept = 0
    for _ in range(10_000):
        kit.now += 0.001
        kept += kit.rate.admit("file.receipt") != LEFT_OUT
    assert kept == pytest.approx(BURST + 10 * RATE, abs=2)


@pytest.mark.parametrize("per_second", [100, 1000, 10_000])
def test_at_a_steady_flood_the_rate_is_what_is_written(per_second: int) -> None:
    kit = Kit()
    seconds, kept = 10, 0
    for n in range(seconds * per_second):
        kit.now += 1 / per_second
        kept += kit.rate.admit("a.b", trace(n)) != LEFT_OUT
    assert seconds * RATE / 2 < kept <= 2 * BURST + seconds * RATE


def test_an_article_has_all_its_lines_or_none() -> None:
    """Three services that never talk to each other keep the lines of the same articles."""
    kits = [Kit(), Kit(), Kit()]
    kept: list[set[int]] = [set(), set(), set()]
    smallest = 1.0
    for n in range(20_000):
        for kit, mine in zip(kits, kept, strict=True):
            kit.now += 1 / 1000
            halvings = kit.rate.admit("a.b", trace(n))
            if halvings != LEFT_OUT:
                mine.add(n)
                smallest = min(smallest, 1 / 2**halvings)
    everywhere, anywhere = set.intersection(*kept), set.union(*kept)
    assert len(everywhere) > 0.95 * len(anywhere)
    assert 1 / 256 <= smallest <= 1 / 16


def test_the_smaller_share_is_part_of_the_larger() -> None:
    """A stage that is flooded more keeps some of the articles that the other one keeps."""
    calm, busy = Kit(), Kit()
    for n in range(20_000):
        calm.now += 1 / 100
        busy.now += 1 / 1000
        in_calm, in_busy = calm.rate.admit("a.b", trace(n)), busy.rate.admit("a.b", trace(n))
        if n > BURST * 10 and in_busy != LEFT_OUT:
            assert in_calm != LEFT_OUT
            assert in_calm <= in_busy


def test_the_share_grows_again_when_less_comes() -> None:
    kit = Kit()
    for n in range(10_000):
        kit.rate.admit("a.b", trace(n))
    kit.now += 2 * BURST_SECONDS
    assert [kit.rate.admit("a.b", trace(n)) for n in range(BURST)] == [0] * BURST


@effort(max_examples=100, deadline=None)
@given(
    rate=st.floats(0.01, 1000),
    given_lines=st.lists(
        st.tuples(
            st.sampled_from(["a.b", "c.d", "e.f"]),
            st.one_of(st.none(), st.text(max_size=40), st.integers(0, 50).map(trace)),
            st.floats(0, 2),
        ),
        max_size=300,
    ),
)
def test_what_is_kept_and_what_is_said_to_be_left_out_is_what_was_given(
    rate: float, given_lines: list[tuple[str, Any, float]]
) -> None:
    kit = Kit(rate)
    kept: Counter[str] = Counter()
    for number, (event, trace_id, pause) in enumerate(given_lines):
        kit.now += pause
        kept[event] += kit.rate.admit(event, trace_id) != LEFT_OUT
        if number % 7 == 0:
            kit.rate.summary()
    assert kept + kit.told() == Counter(event for event, _, _ in given_lines)
    longest = sum(pause for _, _, pause in given_lines)
    most = 2 * max(1.0, rate * BURST_SECONDS) + rate * longest
    assert all(number <= most + 1 for number in kept.values())


def test_threads_lose_no_count() -> None:
    kit = Kit()
    kept: list[int] = []

    def write(first: int) -> None:
        kept.append(
            sum(kit.rate.admit("a.b", trace(n)) != LEFT_OUT for n in range(first, first + 5000))
        )

    threads = [threading.Thread(target=write, args=(n * 5000,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(kept) + kit.told()["a.b"] == 20_000


def test_names_without_end_take_no_memory_without_end() -> None:
    kit = Kit(rate=0.01)
    for n in range(3 * MAX_NAMES):
        for _ in range(4):
            kit.rate.admit(f"library.{n}")
    told = kit.told()
    assert len(told) <= MAX_NAMES + 1
    assert told[OTHERS] > 0
    assert len(kit.rate._buckets) <= MAX_NAMES + 1


def test_the_summary_comes_by_itself_and_says_over_how_long() -> None:
    kit = Kit(every=0.01)
    for n in range(3 * BURST):
        kit.rate.admit("file.receipt", trace(n) if n < 0 else None)
    kit.now += 5
    wait_until(lambda: sum(sum(e.values()) for e, _ in kit.said) == 2 * BURST, "all are said")


def test_the_metric_counts_what_is_left_out_as_it_happens() -> None:
    kit = Kit()
    before = LOG_LINES_LEFT_OUT.labels(event="t.metric")._value.get()
    for _ in range(BURST + 7):
        kit.rate.admit("t.metric")
    assert LOG_LINES_LEFT_OUT.labels(event="t.metric")._value.get() == before + 7


def test_a_warning_that_repeats_itself_is_written_once_a_minute_and_counted() -> None:
    kit = Kit()
    first = [kit.rate.seldom("annotator.failed", "entities") for _ in range(5)]
    other = kit.rate.seldom("annotator.failed", "topics")
    kit.now += SELDOM
    again = kit.rate.seldom("annotator.failed", "entities")
    assert first == [True, False, False, False, False]
    assert other
    assert again
    assert kit.told() == {"annotator.failed": 4}


def test_troubles_without_end_take_no_memory_without_end() -> None:
    kit = Kit()
    assert all(kit.rate.seldom("a.b", n) for n in range(2 * MAX_NAMES))
    assert len(kit.rate._told) == MAX_NAMES


# --- in the log itself -------------------------------------------------------------------
@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What is logged at a rate of one line a second; logging is as before afterwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    out = io.StringIO()
    observability.configure(Settings(log_rate=1.0, log_format="json"), "ingest", out)
    yield out
    observability.configure(Settings(log_rate=0), "ingest", io.StringIO())
    root.handlers[:] = before
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def lines(out: io.StringIO, event: str) -> list[dict[str, Any]]:
    parsed = [json.loads(line) for line in out.getvalue().splitlines()]
    return [line for line in parsed if line["event"] == event]


def test_lines_above_the_rate_are_left_out_and_the_summary_says_how_many(
    written: io.StringIO,
) -> None:
    log = get_logger("t")
    for n in range(300):
        log.info("article.received", trace_id=trace(n))
    observability.say_left_out()
    kept = lines(written, "article.received")
    (summary,) = lines(written, "log.left_out")
    assert len(kept) <= 21
    assert summary["events"] == {"article.received": 300 - len(kept)}
    assert summary["lines"] == 300 - len(kept)
    assert summary["level"] == "info"


def test_asking_before_a_line_is_made_keeps_and_counts_the_same_lines() -> None:
    asked, not_asked = Kit(), Kit()
    for n in range(2000):
        asked.now = not_asked.now = 1000.0 + n / 1000
        halvings = not_asked.rate.admit("a.b", trace(n))
        out = asked.rate.would_leave_out("a.b", trace(n))
        assert out == (halvings == LEFT_OUT)
        assert out or asked.rate.admit("a.b", trace(n)) == halvings
    assert asked.told() == not_asked.told()
    assert asked.told()["a.b"] > 1000


def test_nothing_is_left_out_of_a_log_without_a_rate() -> None:
    kit = Kit(rate=0)
    assert not any(kit.rate.would_leave_out("a.b", trace(n)) for n in range(1000))


def test_a_level_that_is_not_written_leaves_nothing_out_when_it_is_asked_about(
    written: io.StringIO,
) -> None:
    logging.getLogger().setLevel("WARNING")
    for n in range(100):
        if not observability.left_out("article.received", trace(n)):
            get_logger("t").info("article.received", trace_id=trace(n))
    observability.say_left_out()
    assert written.getvalue() == ""


def test_a_line_kept_of_a_share_says_which(written: io.StringIO) -> None:
    log = get_logger("t")
    for n in range(300):
        log.info("article.received", trace_id=trace(n))
    kept = lines(written, "article.received")
    assert all("sampled" not in line for line in kept[:10])
    assert {line["sampled"] for line in kept[11:]} <= {f"1/{2**n}" for n in range(1, 10)}
    assert kept[11:]


def test_warnings_and_errors_are_never_left_out_by_the_rate(written: io.StringIO) -> None:
    log = get_logger("t")
    for n in range(100):
        log.warning("article.attempt_failed", n=n)
        log.error("article.dead", n=n)
    assert len(lines(written, "article.attempt_failed")) == 100
    assert len(lines(written, "article.dead")) == 100


def test_a_level_that_is_not_written_is_not_counted_as_left_out(written: io.StringIO) -> None:
    log = get_logger("t")
    for _ in range(100):
        log.debug("webhook.delivered")
    observability.say_left_out()
    assert written.getvalue() == ""


def test_the_lines_of_a_library_are_bounded_by_its_name(written: io.StringIO) -> None:
    for n in range(100):
        logging.getLogger("chatty.library").info("request %d", n)
    logging.getLogger("chatty.library").warning("and this")
    observability.say_left_out()
    (summary,) = lines(written, "log.left_out")
    assert summary["events"] == {"chatty.library": 90}
    assert lines(written, "and this")


def raised(kind: str) -> Exception:
    """An error with a stack: of two kinds, each from its own place."""
    try:
        int("x") if kind == "value" else dict[str, int]()["x"]
    except (ValueError, KeyError) as error:
        return error
    raise AssertionError(kind)


def test_the_stack_of_a_fault_is_written_once_and_each_line_in_any_case(
    written: io.StringIO,
) -> None:
    log = get_logger("t")
    for kind in ("value", "value", "key", "value"):
        error = raised(kind)
        log.warning("article.attempt_failed", exc_info=observability.stack_once("a.b", error))
    observability.say_left_out()
    found = lines(written, "article.attempt_failed")
    assert ["exception" in line for line in found] == [True, False, True, False]
    assert lines(written, "log.left_out") == []


def test_a_warning_of_every_article_is_written_once_a_minute(written: io.StringIO) -> None:
    log = get_logger("t")
    for n in range(50):
        if observability.seldom("annotator.failed", ("entities", ValueError)):
            log.warning("annotator.failed", n=n)
    observability.say_left_out()
    assert [line["n"] for line in lines(written, "annotator.failed")] == [0]
    assert lines(written, "log.left_out")[0]["events"] == {"annotator.failed": 49}


def test_where_every_line_is_wanted_none_is_seldom() -> None:
    kit = Kit(rate=0)
    assert all(kit.rate.seldom("a.b", 1) for _ in range(3))


def test_what_was_left_out_is_said_before_a_process_ends_by_force(written: io.StringIO) -> None:
    log = get_logger("t")
    for _ in range(30):
        log.info("file.receipt")
    log.critical("service.failed")
    events = [json.loads(line)["event"] for line in written.getvalue().splitlines()]
    assert events[-2:] == ["log.left_out", "service.failed"]


def test_a_process_that_ends_says_what_it_left_out() -> None:
    source = """
        from services.observability import configure, get_logger
        from services.settings import Settings

        configure(Settings(log_rate=1, log_format="json"), "ingest")
        for _ in range(25):
            get_logger("t").info("file.receipt")
        get_logger("t").info("service.stopped")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)],
        capture_output=True,
        timeout=60,
        check=True,
    )
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in events[-2:]] == ["service.stopped", "log.left_out"]
    assert events[-1]["events"] == {"file.receipt": 15}


def test_a_line_left_out_costs_next_to_nothing() -> None:
    """Best of five, so that a busy machine fails nothing; 1 to 3 µs were measured."""
    kit = Kit()
    ids = [trace(n) for n in range(1000)]
    best = 1.0
    for _ in range(5):
        began = time.perf_counter()
        for trace_id in ids:
            kit.rate.admit("a.b", trace_id)
        best = min(best, (time.perf_counter() - began) / len(ids))
    assert best < 50e-6
