"""From a file's drop to its article in search results, at one article a second.

A file is written plainly, as ``cp`` does, and another renamed into place; a reader asks the
API for a word that only this article has, until it is found.  Of a plain file the settle time is
taken off: how long it must stand still is the operator's choice.
"""

from __future__ import annotations

import socket
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import pytest

from services.settings import Settings
from tests.bench.figures import Figure, Measured, Plot, Series, lower, note, size
from tests.bench.measure import new_names, plain_text, tell
from tests.bench.running import desk_of, drop, wait_for_receipts
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ARTICLES = size("latency_articles", 20, 600)
"""Half of them plain, half renamed; a second each."""

EVERY = 1.0
"""Seconds between two drops."""

WORDS = size("words", 700, 700)
WARM_UP = 16
SEEN = 0.5
"""Seconds at least that a temporary name is there, so that a scan has seen it: a writer that
renames sooner than that waits for settle_time like any other."""

ASK_EVERY = 0.02
"""Seconds between two searches: what is measured is too long by half of that on average. Asking
more often takes half a core from the desk that is measured."""

FOLLOWED = 8
"""Articles that are looked for at once at most: at one a second each has this many seconds."""

LONGEST = 30.0
"""Seconds after which an article counts as lost."""

ASKED_P50, ASKED_P99 = 300.0, 1000.0
"""Milliseconds."""

pytestmark = pytest.mark.timeout(3600)


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def settings_of(folder: Path) -> tuple[Settings, dict[str, str]]:
    """A desk as it comes, but for the port and the rate of the API: this asks it all the time."""
    port = free_port()
    environ = {
        "WIREDESK_API": "true",
        "WIREDESK_API_PORT": str(port),
        "WIREDESK_API_RATE": "1000000",
    }
    return Settings(inbox=folder / "inbox", api_port=port), environ


def answers(client: httpx.Client) -> bool:
    """Whether the API is there."""
    try:
        return client.get("/v1").is_success
    except httpx.TransportError:
        return False


@dataclass(frozen=True, slots=True)
class Dropping:
    """A file on its way into the inbox, with a word that no other has."""

    inbox: Path
    number: int
    word: str
    renamed: bool

    def begin(self) -> None:
        """Write what there is of it before it is complete: its temporary name, or nothing."""
        if self.renamed:
            self._part.write_text(self._text, encoding="utf-8")

    def complete(self) -> float:
        """Let it be complete; when it was."""
        path = self.inbox / f"{self.number}.txt"
        if self.renamed:
            self._part.rename(path)
        else:
            path.write_text(self._text, encoding="utf-8")
        return time.perf_counter()

    @property
    def _part(self) -> Path:
        return self.inbox / f"{self.number}.txt.part"

    @property
    def _text(self) -> str:
        return f"{plain_text(self.number, WORDS)}\n{self.word} was there, too.\n"


def found_after(client: httpx.Client, word: str, since: float) -> float:
    """Seconds from ``since`` until a search for ``word`` finds something."""
    while time.perf_counter() - since < LONGEST:
        answer = client.get("/v1/articles", params={"q": word, "limit": 1})
        if answer.raise_for_status().json()["items"]:
            return time.perf_counter() - since
        time.sleep(ASK_EVERY)
    raise AssertionError(f"{word} was not found within {LONGEST:g} s")


def followed(client: httpx.Client, dropping: Dropping, due: float, settle: float) -> float:
    """Milliseconds from an article's drop, at ``due``, until it is found, without ``settle``."""
    dropping.begin()
    time.sleep(max(0.0, due - time.perf_counter()))
    at = dropping.complete()
    time.sleep(settle)  # nothing is to be found before
    return (found_after(client, dropping.word, at) - settle) * 1000


def measure(client: httpx.Client, inbox: Path, settle: float) -> dict[str, list[float]]:
    """Milliseconds of each article, by how it was dropped; the settle time is taken off."""
    begun = time.perf_counter() + SEEN
    taken = []
    with ThreadPoolExecutor(FOLLOWED) as pool:
        for number in range(ARTICLES):
            word = f"q{new_names(number, 1)[0].lower()}{number}"
            dropping = Dropping(inbox, WARM_UP + number, word, renamed=bool(number % 2))
            due = begun + number * EVERY
            # What has a temporary name has it for as long as a scan takes.
            time.sleep(max(0.0, due - SEEN - time.perf_counter()))
            wait = 0.0 if dropping.renamed else settle
            taken.append(pool.submit(followed, client, dropping, due, wait))
    milliseconds = [each.result() for each in taken]
    return {"plain": milliseconds[::2], "renamed": milliseconds[1::2]}


def test_latency(tmp_path: Path) -> None:
    settings, environ = settings_of(tmp_path)
    with desk_of(settings, tmp_path / "log", {"*": environ}) as desk:
        drop(settings.inbox, range(WARM_UP), WORDS)
        wait_for_receipts(desk, range(WARM_UP))
        with httpx.Client(base_url=f"http://127.0.0.1:{settings.api_port}") as client:
            wait_until(lambda: answers(client), "the API answers", LONGEST)
            taken = measure(client, settings.inbox, settings.settle_time)
    report(taken)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of all lie (nearest rank)."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]


def figure_of(taken: dict[str, list[float]]) -> Figure:
    """What the drops come to, in ms."""
    whole = [*taken["plain"], *taken["renamed"]]
    parts = [taken["plain"][n::5] + taken["renamed"][n::5] for n in range(5)]
    p50 = [statistics.median(part) for part in parts if part]
    return Figure(
        letter="c",
        title="From the drop to the search",
        how=(
            "One article a second; a reader searches for a word that only it has, every 20 ms. "
            "Half of the files are written plainly and must stand still for settle_time, which is "
            "taken off; half are renamed into place from a name ending in .part that stood there "
            "for half a second, and needn't."
        ),
        judged={
            "p50 beyond the settle time": lower(ASKED_P50, p50, "ms"),
            "p99 beyond the settle time": lower(ASKED_P99, [percentile(whole, 0.99)], "ms"),
        },
        measured={
            f"{kind}, each article": Measured(unit="ms", values=tuple(values))
            for kind, values in taken.items()
        },
        plots=(
            Plot(
                title="Share of the articles that are found within so many milliseconds",
                x_label="ms beyond the settle time",
                y_label="share of the articles",
                kind="steps",
                lines={kind: _shares(values) for kind, values in taken.items()},
            ),
        ),
        sizes={"articles": ARTICLES, "words": WORDS},
    )


def _shares(values: Sequence[float]) -> Series:
    ranked = sorted(values)
    shares = tuple((place + 1) / len(ranked) for place in range(len(ranked)))
    return Series(x=tuple(ranked), y=shares)


def report(taken: dict[str, list[float]]) -> None:
    """Print and keep what was measured."""
    figure = figure_of(taken)
    tell(
        f"Latency: {ARTICLES} articles, one a second, from the drop to a search that finds it",
        [
            *(
                f"{kind:<28} p50 {statistics.median(values):7.0f} ms, slowest {max(values):7.0f} ms"
                for kind, values in taken.items()
            ),
            *(
                f"{name:<28} {each.median:7.0f} ms (asked: at most {each.asked:g})"
                for name, each in figure.judged.items()
            ),
        ],
    )
    note("latency", figure)
