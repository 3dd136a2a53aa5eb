"""Articles a second of the whole pipeline, for each core that is busy with them.

Three rivals on the same texts, taking turns:

* **wiredesk**: a desk of real processes: files in, receipts and a searchable store out, every
  block made, every promise kept;
* **bare**: ``nlp.pipe`` of the components that the desk uses of its model (names, and the layer
  below), as spaCy runs them, in one process; nothing is read, sent or kept;
* **naive**: the script of :mod:`tests.bench.naive`, with the same model's whole default pipeline.

What is compared is CPU time of all processes of a rival, the server's with it: articles that one
core does in a second.  So it doesn't hang on how many cores a machine has, nor on who else uses it.
Each rival's processes are held on one core, for the same reason.

The texts are invented, and like news in what costs time: they have as many different names,
mentions and quotes as the two real articles in ``seeds/``, counted by the enricher (5.5 entities
and 17 mentions for each 100 words; ``test_news_texts.py`` holds it).  The texts that this bench
began with had twice as many different names (10.6), as every sentence drew new people, and all of
them from a few dozen.  Desk and script take turns with such **crowded** texts, too, after all
others; that is told and not judged.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import spacy

from services.bus.server import EmbeddedServer, tied
from services.enrichment.annotators.recogniser import PIPE_BATCH
from services.enrichment.models import _UNUSED, RECOGNISER, find_model, load_model
from services.settings import Settings
from tests.bench.figures import Figure, Measured, Plot, Series, higher, note, quotients, size
from tests.bench.measure import (
    cpu_seconds,
    cpu_seconds_of,
    crowded_text,
    plain_text,
    taking_turns,
    tell,
)
from tests.bench.running import QUIET, cpu_of, desk_of, drop, one_core, used, wait_for_receipts
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from spacy.language import Language

    from services.console.supervisor import Desk

    Text = Callable[[int, int], str]
    """From an article's number and words."""

    Seconds = dict[str, list[float]]
    """CPU time of each rival's turns."""

WORDS = size("words", 700, 700)
"""Words of a long news article, the length that the figures of enrichment are for."""

SHARE = size("pipeline_articles", 16, 100)
"""Articles of a turn."""

ROUNDS = size("pipeline_rounds", 2, 10)
CROWDED_ROUNDS = size("pipeline_crowded_rounds", 1, 2)
"""Turns on texts with twice as many names, by desk and script."""

WARM_UP = 16
"""Articles before the first turn: every process has loaded what it needs."""

pytestmark = pytest.mark.timeout(3600)

ASKED_OF_BARE, ASKED_OF_NAIVE = 0.90, 4.0


@dataclass
class Rivals:
    """Everything that takes turns."""

    desk: Desk
    bare: Language
    quick: Language
    naive: Naive
    parts: dict[str, list[float]] = field(default_factory=dict)
    """CPU milliseconds per article of each service of the desk, on texts like news."""

    def wiredesk(self, number: int) -> float:
        """CPU seconds of a turn of the desk."""
        seconds = self.desk_turn(numbers_of(number), plain_text)
        for service, spent in seconds.items():
            self.parts.setdefault(service, []).append(spent * 1000 / SHARE)
        return sum(seconds.values())

    def desk_turn(self, numbers: range, text: Text) -> dict[str, float]:
        """CPU seconds of each service of the desk for these articles."""
        before = cpu_of(self.desk)
        drop(self.desk.settings.inbox, numbers, WORDS, text)
        wait_for_receipts(self.desk, numbers)
        return used(before, cpu_of(self.desk))

    def piped(self, nlp: Language, number: int) -> float:
        """CPU seconds of ``nlp.pipe`` and nothing else."""
        texts = [plain_text(each, WORDS) for each in numbers_of(number)]
        with nlp.memory_zone():
            return cpu_seconds_of(lambda: [None for _ in nlp.pipe(texts, batch_size=PIPE_BATCH)])

    def on_news(self) -> Seconds:
        """All rivals' turns."""
        return taking_turns(
            {
                "wiredesk": self.wiredesk,
                "bare": lambda number: self.piped(self.bare, number),
                "bare, our decoder": lambda number: self.piped(self.quick, number),
                "naive": lambda number: self.naive.turn(numbers_of(number), plain_text),
            },
            ROUNDS,
        )

    def on_crowded_texts(self) -> Seconds:
        """Turns of desk and script, with numbers that no other turn has."""

        def desk(number: int) -> float:
            return sum(self.desk_turn(numbers_of(ROUNDS + number), crowded_text).values())

        def script(number: int) -> float:
            return self.naive.turn(numbers_of(ROUNDS + number), crowded_text)

        return taking_turns({"wiredesk": desk, "naive": script}, CROWDED_ROUNDS)


def numbers_of(turn: int) -> range:
    """The articles of a turn: never the same twice."""
    first = WARM_UP + turn * SHARE
    return range(first, first + SHARE)


@dataclass
class Naive:
    """The script as a process, with a server of its own."""

    folder: Path
    store: Path
    process: subprocess.Popen[bytes]
    server: int

    def turn(self, numbers: range, text: Text) -> float:
        """CPU seconds for these articles."""
        before, there = self._used(), self._stored()
        drop(self.folder, numbers, WORDS, text)
        wait_until(lambda: self._stored() == there + len(numbers), "all are stored", 600)
        return self._used() - before

    def _used(self) -> float:
        return (cpu_seconds(self.process.pid) or 0.0) + (cpu_seconds(self.server) or 0.0)

    def _stored(self) -> int:
        if not self.store.exists():
            return 0
        with closing(sqlite3.connect(self.store)) as db:
            try:
                return int(db.execute("SELECT count(*) FROM article").fetchone()[0])
            except sqlite3.OperationalError:  # it has not made its table yet
                return 0


@contextmanager
def naive_of(folder: Path) -> Iterator[Naive]:
    """The script, running."""
    inbox = folder / "inbox"
    inbox.mkdir(parents=True)
    server = EmbeddedServer(folder / "server")
    server.start()
    store = folder / "store.sqlite3"
    command = [sys.executable, "-m", "tests.bench.naive", str(inbox), server.url, str(store)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            tied(command), stderr=log, cwd=Path(__file__).parents[2], env={**os.environ}
        )
        try:
            assert server.pid is not None
            yield Naive(inbox, store, process, server.pid)
        finally:
            process.terminate()
            process.wait(30)
            server.stop()


def same_components() -> Language:
    """The desk's components of its model, run by spaCy alone."""
    nlp = spacy.load(find_model(None), exclude=_UNUSED)
    ours = load_model(None).nlp.pipe_names
    for name in nlp.pipe_names:
        if name not in ours:
            nlp.remove_pipe(name)
    assert nlp.pipe_names == ours
    assert RECOGNISER in ours
    return nlp


def test_pipeline(tmp_path: Path) -> None:
    settings = Settings(inbox=tmp_path / "desk" / "inbox")
    log = tmp_path / "log"
    started = time.perf_counter()
    with ExitStack() as stack:
        with one_core(stack):
            desk = stack.enter_context(desk_of(settings, log, {"*": QUIET}))
            naive = stack.enter_context(naive_of(tmp_path / "naive"))
        rivals = Rivals(desk, same_components(), load_model(None).nlp, naive)
        warm_up = range(WARM_UP)
        drop(settings.inbox, warm_up, WORDS)
        wait_for_receipts(desk, warm_up)
        naive.turn(warm_up, plain_text)
        news, crowded = rivals.on_news(), rivals.on_crowded_texts()
    report(figure_of(news, rivals.parts, crowded), time.perf_counter() - started)


def report(figure: Figure, whole: float) -> None:
    """Print and keep what was measured."""
    tell(
        f"Pipeline: {ROUNDS} turns of {SHARE} articles of {WORDS} words, CPU time of all "
        f"processes of each rival; {whole:.0f} s in all",
        [
            *(
                f"{name:<38} {each.median:8.2f} {each.unit}"
                for name, each in figure.measured.items()
            ),
            *(
                f"{name:<38} {each.median:8.2f} (asked {each.asked:g}, spread "
                f"{min(each.values):.2f} to {max(each.values):.2f})"
                for name, each in figure.judged.items()
            ),
        ],
    )
    note("pipeline", figure)


def crowded_figures(seconds: Seconds) -> dict[str, Measured]:
    """What desk and script took for texts with twice as many names."""
    figures = {
        f"crowded texts: {name}": Measured(
            unit="ms CPU/article", values=tuple(each * 1000 / SHARE for each in taken)
        )
        for name, taken in seconds.items()
    }
    times = quotients(seconds["naive"], seconds["wiredesk"])
    figures["crowded texts: wiredesk / naive"] = Measured(unit="times", values=tuple(times))
    return figures


def figure_of(
    seconds: Seconds, parts: dict[str, list[float]], crowded: Seconds | None = None
) -> Figure:
    """What the turns come to.

    ``parts``: ms per article of the desk's services; ``crowded``: turns on such texts.
    """
    rates = {name: [SHARE / each for each in taken] for name, taken in seconds.items()}
    measured = {
        f"{name}": Measured(unit="articles/s per core", values=tuple(rate))
        for name, rate in rates.items()
    }
    measured |= {
        f"wiredesk: {service}": Measured(unit="ms CPU/article", values=tuple(spent))
        for service, spent in sorted(parts.items())
    }
    measured["wiredesk / bare with our decoder"] = Measured(
        unit="times", values=tuple(quotients(rates["wiredesk"], rates["bare, our decoder"]))
    )
    measured |= crowded_figures(crowded) if crowded else {}
    return Figure(
        letter="a",
        title="The whole pipeline, for each core",
        how=(
            "CPU time of all processes of each rival, the server's with it, each held on one core, "
            "for the same texts in turns. Bare: nlp.pipe of the same components of the same model, "
            "as spaCy runs them, nothing read or kept. Naive: FastStream one by one, with all of "
            "the model's default pipeline, one insert for each article (tests/bench/naive.py). The "
            "texts are invented; different names, mentions, quotes and words a sentence are as "
            "many as in the two real articles in seeds/, counted by the enricher."
        ),
        judged={
            "wiredesk / bare": higher(ASKED_OF_BARE, quotients(rates["wiredesk"], rates["bare"])),
            "wiredesk / naive": higher(
                ASKED_OF_NAIVE, quotients(rates["wiredesk"], rates["naive"])
            ),
        },
        measured=measured,
        plots=(_rates_plot(measured, list(rates)),),
        remarks=(
            (
                "The desk decodes names with its own exact decoder, several times quicker than "
                "spaCy's. 'wiredesk / bare with our decoder' says what entity resolution, topics, "
                "quotes, delivery and the store cost beside finding names."
            ),
            (
                "Crowded texts are those that this bench had before, with 10.6 different names for "
                "each 100 words where the real articles have 5.5 (mentions: 17 of both), drawn "
                "from a few dozen: more to resolve, and nearly all of one story. Desk and script "
                "do them last, in the same run; what is asked is judged on those like news."
            ),
        ),
        sizes={
            "articles": SHARE,
            "rounds": ROUNDS,
            "crowded rounds": CROWDED_ROUNDS,
            "words": WORDS,
        },
    )


def _rates_plot(measured: dict[str, Measured], names: list[str]) -> Plot:
    medians: list[Any] = [measured[name].median for name in names]
    return Plot(
        title="Articles that one core does in a second",
        x_label="",
        y_label="articles/s per core",
        kind="bars",
        x_names=tuple(names),
        lines={"median": Series(x=tuple(range(len(names))), y=tuple(medians))},
    )
