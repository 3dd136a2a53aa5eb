"""What the benches share: invented articles, rounds that take turns, and where figures go.

The articles are like news (:mod:`tests.bench.news_texts`).

Machines differ and are shared, so a figure that is to be compared is a *ratio*
within one run, whose rivals took turns.  Nothing here judges.
"""

from __future__ import annotations

import json
import os
import platform
import random
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.article import EnrichedArticle, Language
from services.bus.server import find_program
from tests.bench.news_texts import Story
from tests.bench.news_words import SYLLABLES
from tests.bench.news_words import words_of as words_of  # noqa: PLC0414  # others take it from here
from tests.factories import NOON, article_id, drop_id, make_drop, make_raw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from schemas.article import RawArticle

RESULTS = Path(__file__).parents[2] / "build" / "bench.json"
"""The figures of each bench's last run; not kept in git."""

PARAGRAPH_SENTENCES = 3
"""Of a crowded text."""


# From here to SENTENCES: what the crowded texts are made of, see crowded_text.
FIRST_NAMES = words_of(
    "Ana John Maria Wen Erik Fatima Pavel Grace Tomas Aisha Henrik Lucia Samuel Ingrid Omar "
    "Rachel Dmitri Claire Kofi Hannah Mateo Yuki Patrick Elena"
)
SURNAMES = words_of(
    "Petrova Whitfield Okafor Liu Lindqvist Haddad Novak Mensah Kowalski Rahman Larsen Moretti "
    "Brennan Solberg Farouk Adler Volkov Dubois Asante Weiss Herrera Tanaka Doyle Marin"
)
PLACES = words_of(
    "Rotterdam Aberdeen Gdansk Lisbon Bergen Valencia Chicago Nairobi Jakarta Ottawa Marseille "
    "Hamburg Norway Poland Kenya Canada Portugal Texas"
)
ORGANISATIONS = (
    "the Port Authority",
    "Northern Ferries",
    "the European Commission",
    "Reuters",
    "the Ministry of Transport",
    "the World Bank",
    "Baltic Shipyards",
    "the Supreme Court",
    "Harbour Union",
    "Lakeside Insurance",
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Sunday")
SENTENCES = (
    "{person} told {org} on {day} that the harbour of {place} would stay closed until spring.",
    "{person}, who leads {org}, met fishermen in {place} and promised {number} million euros.",
    "The storm that struck {place} on {day} damaged {number} houses in {village}, {org} said.",
    "Nobody was hurt, but {number} ferries between {place} and {village} were cancelled.",
    "According to {surname}, the repairs will take {number} weeks and cost more than planned.",
    "“We have waited for {number} days and nobody has called us,” said {person} of {village}.",
    "Shares of {org} fell by {number} points in {place}, a loss that analysts called temporary.",
    "In {village}, whose bridge is gone, {surname} spoke of the worst flood in {number} years.",
    "A judge in {place} will hear the case of {person} against {org} next {day}.",
    "The report that {org} published on {day} found {number} cranes that nobody had inspected.",
)


def _village(chance: random.Random) -> str:
    """A name that hardly any other article has: what makes a worker's vocabulary grow."""
    return "".join(chance.choices(SYLLABLES, k=4)).title()


def _sentence(chance: random.Random) -> str:
    surname = chance.choice(SURNAMES)
    return chance.choice(SENTENCES).format(
        person=f"{chance.choice(FIRST_NAMES)} {surname}",
        surname=surname,
        place=chance.choice(PLACES),
        village=_village(chance),
        org=chance.choice(ORGANISATIONS),
        day=chance.choice(DAYS),
        number=chance.randint(2, 900),
    )


def new_names(number: int, count: int) -> tuple[str, ...]:
    """Names that hardly any article with another number has (one of 16⁵ each)."""
    chance = random.Random(f"names {number}")  # noqa: S311  # no secret hangs on it
    return tuple("".join(chance.choices(SYLLABLES, k=5)).title() for _ in range(count))


def headline(number: int) -> str:
    """The headline of the ``number``-th article."""
    return Story(number).headline


def paragraphs(number: int, words: int) -> tuple[str, ...]:
    """The body of the ``number``-th article: at least ``words`` words, by less than a paragraph."""
    return _up_to(words, Story(number).paragraphs())


def plain_text(number: int, words: int) -> str:
    """The ``number``-th article as a text file has it."""
    story = Story(number)
    return _as_file(story.headline, _up_to(words, story.paragraphs()))


def crowded_text(number: int, words: int) -> str:
    """The same with twice as many names as news has, from few: what the benches had before.

    Every sentence draws its people, from 24 first names and 24 surnames, and every article from
    18 places and 10 organisations: articles share most of their names, and none is a rare one.
    """
    headline = f"Storm report {number}: {PLACES[number % len(PLACES)]} closes its harbour"
    return _as_file(headline, _up_to(words, _crowded_paragraphs(number)))


def _crowded_paragraphs(number: int) -> Iterator[str]:
    chance = random.Random(number)  # noqa: S311  # no secret hangs on it
    while True:
        yield " ".join(_sentence(chance) for _ in range(PARAGRAPH_SENTENCES))


def _up_to(words: int, texts: Iterator[str]) -> tuple[str, ...]:
    made: list[str] = []
    written = 0
    while written < words:
        made.append(next(texts))
        written += len(made[-1].split())
    return tuple(made)


def _as_file(headline: str, body: tuple[str, ...]) -> str:
    return "\n\n".join((headline, *body)) + "\n"


def raw_article(number: int, words: int, *more: str) -> RawArticle:
    """The ``number``-th article as ingest would publish it, in a drop of its own.

    ``more``: paragraphs after those that were invented.
    """
    drop = make_drop(drop_id=drop_id(number), file=f"{number}.txt")
    return make_raw(
        drop=drop,
        article_id=article_id(number),
        headline=headline(number),
        standfirst=None,
        body=(*paragraphs(number, words), *more),
    )


def unannotated(article: RawArticle) -> EnrichedArticle:
    """The enriched article with nothing added: what a handler without work hands on."""
    fields = {name: getattr(article, name) for name in type(article).model_fields}
    nothing = Language(code="und", confidence=0.0)
    return EnrichedArticle(**fields, detected_language=nothing, provenance=(), enriched_at=NOON)


def seconds_of(work: Callable[[], object]) -> float:
    """How long ``work`` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def cpu_seconds_of(work: Callable[[], object]) -> float:
    """How much of one core's time ``work`` takes: what others do meanwhile isn't in it."""
    started = time.process_time()
    work()
    return time.process_time() - started


def taking_turns(
    rivals: Mapping[str, Callable[[int], float]], rounds: int
) -> dict[str, list[float]]:
    """What each rival returns in each round; all have their turn in each (A B B A A B …).

    Each is called with the round's number.  The order turns round every time, so
    that none always follows the same other one.
    """
    figures: dict[str, list[float]] = {name: [] for name in rivals}
    for number in range(rounds):
        for name in list(rivals) if number % 2 == 0 else list(rivals)[::-1]:
            figures[name].append(rivals[name](number))
    return figures


def ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """The median over the rounds of ``above / below``: both were disturbed alike in one round."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def resident_mib(pid: int | str, field: str = "VmHWM") -> float | None:
    """Memory of a process in MiB: ``VmHWM`` its peak, ``VmRSS`` now. None without /proc."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    found = re.search(rf"^{field}:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) / 1024 if found else None


def cpu_seconds(pid: int | str) -> float | None:
    """CPU time that a process has used so far, with the system's for it. None without /proc."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    # After the name in brackets, which may hold anything: fields 14 and 15 of proc(5).
    fields = status.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def shown_mib(mebibytes: float | None) -> str:
    """A figure of :func:`resident_mib` for people."""
    return "not measured" if mebibytes is None else f"{mebibytes:.0f} MiB"


def environment() -> dict[str, object]:
    """What the figures depend on."""
    program = str(find_program())
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return {
        "python": platform.python_version(),
        "spacy": version("spacy"),
        "faststream": version("faststream"),
        "redis-py": version("redis"),
        "server": told.strip(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "load": [round(load, 2) for load in os.getloadavg()],
    }


def record(bench: str, figures: Mapping[str, object], results: Path = RESULTS) -> None:
    """Keep the figures of one bench in ``results``, beside those of the others.

    Each bench's entry names its own environment: they need not come from one run.
    """
    known: dict[str, Any] = {}
    if results.exists():
        known = json.loads(results.read_text(encoding="utf-8"))
    at = datetime.now(UTC).isoformat(timespec="seconds")
    known[bench] = {"at": at, "environment": environment(), "figures": rounded(figures)}
    results.parent.mkdir(parents=True, exist_ok=True)
    results.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def rounded(value: object) -> object:
    """Figures with four significant digits: more are noise."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, Mapping):
        return {name: rounded(item) for name, item in value.items()}
    return value


def tell(title: str, lines: Sequence[str]) -> None:
    """Print figures for people."""
    sys.stdout.write("\n".join(["", title, *(f"  {line}" for line in lines)]) + "\n")
