"""The figures' file, the page made of it, and what each bench makes of what it measured."""

from __future__ import annotations

import json
import os
import re
import statistics
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from services.indexer.store.sqlite import SqliteStore
from tests.bench import figures, figures_page
from tests.bench.bench_footprint import figure_of as footprint
from tests.bench.bench_footprint import memory_of
from tests.bench.bench_holding import LARGEST, SMALL, Mark, copied, filed, makers
from tests.bench.bench_holding import figure_of as holding
from tests.bench.bench_latency import Dropping, percentile
from tests.bench.bench_latency import figure_of as latency
from tests.bench.bench_pipeline import SHARE, numbers_of
from tests.bench.bench_pipeline import figure_of as pipeline
from tests.bench.bench_scaling import figure_of as scaling
from tests.bench.bench_transport import ARTICLES as TRANSPORTED
from tests.bench.bench_transport import NoWork, events_of
from tests.bench.bench_transport import figure_of as transport
from tests.bench.figures import (
    Figure,
    Figures,
    Judged,
    Measured,
    Plot,
    Series,
    Table,
    higher,
    lower,
    note,
    quotients,
    read,
    shown,
    size,
)
from tests.bench.figures_charts import drawn
from tests.bench.figures_page import BEGIN, END, page, unfit, with_figures, write_docs
from tests.bench.generator import Newsroom
from tests.bench.measure import raw_article, unannotated
from tests.bench.running import used


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "build" / "figures.json"


def figure(**fields: Any) -> Figure:
    given = {
        "letter": "a",
        "title": "Ferries & cranes",
        "how": "Counted.",
        "judged": {"a / b": higher(2.0, [1.0, 3.0, 5.0])},
        "measured": {"a": Measured(unit="ms", values=(1.0, 2.0, 123456.0))},
        "plots": (
            Plot(title="T", x_label="x", y_label="y", lines={"l": Series(x=(1.0,), y=(2.0,))}),
        ),
        "tables": (Table(head=("h",), rows=(("<c>",),)),),
        "remarks": ("Only on <Sundays>.",),
    }
    return Figure(**{**given, **fields})


# --- the file ------------------------------------------------------------------------------------


def test_a_figure_is_judged_by_its_median_against_what_was_asked() -> None:
    assert higher(2.0, [1.0, 3.0, 5.0]).met
    assert higher(3.0, [1.0, 3.0, 5.0]).met
    assert not higher(3.1, [1.0, 3.0, 5.0]).met
    assert lower(3.0, [1.0, 3.0, 5.0], "ms").met
    assert not lower(2.9, [1.0, 3.0, 5.0], "ms").met


def test_what_was_not_measured_meets_nothing() -> None:
    nothing = Judged(unit="ms", values=(), asked=1, better="lower")
    assert (nothing.median, nothing.spread, nothing.met) == (None, None, False)


def test_ratios_are_of_the_same_round() -> None:
    assert quotients([1.0, 10.0], [2.0, 5.0]) == [0.5, 2.0]
    with pytest.raises(ValueError, match="argument 2"):
        quotients([1.0], [1.0, 2.0])


def test_each_bench_writes_its_own_figure_and_leaves_the_others(results: Path) -> None:
    note("one", figure(title="first"), results)
    note("two", figure(letter="b"), results)
    note("one", figure(title="again"), results)
    found = read(results).figures
    assert {name: each.title for name, each in found.items()} == {
        "one": "again",
        "two": "Ferries & cranes",
    }
    assert found["one"].at is not None
    assert found["one"].environment["cpus"]


def test_nothing_was_found_before_the_first_bench(results: Path) -> None:
    assert read(results) == Figures()


def test_the_file_says_medians_and_verdicts_to_whoever_reads_it_as_json(results: Path) -> None:
    note("one", figure(), results)
    told = json.loads(results.read_text())["figures"]["one"]
    assert told["judged"]["a / b"]["median"] == 3.0
    assert told["judged"]["a / b"]["spread"] == [1.0, 5.0]
    assert told["judged"]["a / b"]["met"] is True


def test_the_file_is_as_its_schema_says(results: Path) -> None:
    note("one", figure(), results)
    schema = json.loads((results.parent / "figures.schema.json").read_text())
    document = json.loads(results.read_text())
    jsonschema.validate(document, schema)
    del document["figures"]["one"]["judged"]["a / b"]["asked"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema)


def test_every_field_of_the_schema_that_needs_words_has_them() -> None:
    schema = Figures.model_json_schema(mode="serialization")
    judged = schema["$defs"]["Judged"]["properties"]
    assert all("description" in judged[name] for name in ("unit", "values", "median", "met"))


def test_sizes_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "FULL", False)
    assert size("test_things", 3, 300) == 3
    monkeypatch.setattr(figures, "FULL", True)
    assert size("test_things", 3, 300) == 300
    monkeypatch.setenv("WIREDESK_BENCH_TEST_THINGS", "7")
    assert size("test_things", 3, 300) == 7


# --- the page ------------------------------------------------------------------------------------


def test_the_page_needs_nothing_but_itself_and_escapes_what_it_shows() -> None:
    text = page({"one": figure()})
    assert "Ferries &amp; cranes" in text
    assert "&lt;c&gt;" in text
    assert "&lt;Sundays&gt;" in text
    assert text.count("<svg") == 1
    assert not re.search(r'(src|href)="(?!#|http://www\.w3\.org)', text)
    assert '<td class="met">met</td>' in text


def test_the_page_runs_each_bench_that_notes_a_figure() -> None:
    folder = Path(figures_page.__file__).parent
    noting = {
        path.stem.removeprefix("bench_")
        for path in folder.glob("bench_*.py")
        if re.search(r"^    note\(", path.read_text(), re.MULTILINE)
    }
    assert noting == set(figures_page.BENCHES)


def test_where_a_bench_fails_no_page_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(figures_page, "measure", lambda: 1)
    monkeypatch.setattr(figures_page, "FOLDER", tmp_path)
    assert figures_page.main(["--measure"]) == 1
    assert list(tmp_path.iterdir()) == []


def test_the_page_has_the_figures_in_their_order() -> None:
    text = page({"z": figure(letter="a"), "a": figure(letter="c"), "m": figure(letter="b")})
    assert re.findall(r'<h2 id="(\w)">', text) == ["z", "m", "a"]


def test_numbers_are_shown_with_three_digits() -> None:
    assert [shown(v) for v in (0.12345, 1.5, 99.99, 1234.5, None)] == [
        "0.123",
        "1.5",
        "100",
        "1,234",
        "–",
    ]


@pytest.mark.parametrize("kind", ["lines", "bars", "steps"])
def test_a_plot_is_svg_and_the_same_for_the_same_figures(kind: Any) -> None:
    plot = Plot(
        title="T & t",
        x_label="x",
        y_label="y",
        kind=kind,
        x_names=("one", "two"),
        lines={name: Series(x=(0.0, 1.0), y=(2.0, 3.0)) for name in ("l", "m")},
        marks={"asked": 2.5},
    )
    text = drawn(plot)
    assert text == drawn(plot)
    assert ET.fromstring(text).tag.endswith("svg")  # noqa: S314  (our own)
    assert "T &amp; t" in text


def test_the_document_keeps_what_stands_around_the_figures(tmp_path: Path) -> None:
    document = tmp_path / "figures.md"
    document.write_text(f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n")
    write_docs({"one": figure()}, document)
    text = document.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    for image in re.findall(r"\]\(([^)]+\.svg)\)", text):
        assert (tmp_path / image).exists()
    assert "![T](figures/one-1.svg)" in text
    once = text
    write_docs({"one": figure()}, document)
    assert document.read_text() == once


def test_a_document_without_a_place_for_figures_is_refused() -> None:
    with pytest.raises(ValueError, match="figures"):
        with_figures("no place", {"one": figure()})


def test_figures_of_small_sizes_or_a_busy_machine_are_not_for_the_documentation() -> None:
    quiet = {"cpus": 2, "load": [2.5, 2.0, 1.8]}
    busy = {"cpus": 2, "load": [9.0, 8.0, 7.0]}
    assert unfit({"one": figure(full=True, environment=quiet)}) == []
    assert len(unfit({"one": figure(full=False, environment=quiet)})) == 1
    assert "busy" in unfit({"one": figure(full=True, environment=busy)})[0]


# --- what benches make of what they measured ---------------------------------------------------


def test_pipeline_compares_articles_of_the_same_turn() -> None:
    seconds = {
        "wiredesk": [1.0, 2.0],
        "bare": [2.0, 4.0],
        "bare, our decoder": [0.5, 1.0],
        "naive": [5.0, 10.0],
    }
    made = pipeline(seconds, {"ingest": [3.0, 5.0]})
    assert made.judged["wiredesk / bare"].values == (2.0, 2.0)
    assert made.judged["wiredesk / naive"].values == (5.0, 5.0)
    assert made.measured["wiredesk / bare with our decoder"].values == (0.5, 0.5)
    assert made.measured["wiredesk"].median == pytest.approx(SHARE * 0.75)
    assert made.measured["wiredesk: ingest"].median == 4.0


def test_no_turn_of_the_pipeline_has_another_s_articles() -> None:
    turns = [set(numbers_of(turn)) for turn in range(4)]
    assert len(set().union(*turns)) == sum(map(len, turns)) == 4 * SHARE


def test_transport_says_how_many_times_as_quick() -> None:
    names = ("wiredesk", "wiredesk, small batches", "raw", "raw, in batches", "faststream")
    made = transport({name: [float(n)] for n, name in enumerate(names, start=1)}, 4.9)
    assert made.judged["wiredesk / raw"].median == 3.0
    assert made.judged["wiredesk / faststream"].median == 5.0
    assert made.measured["raw, in batches"].median == TRANSPORTED / 4


def test_what_is_handed_on_without_work_is_the_article_with_nothing_found() -> None:
    article, other = raw_article(1, 100), raw_article(2, 100)
    no_work = NoWork([article, other])
    assert no_work([other, article]) == [unannotated(other), unannotated(article)]
    assert no_work.one(article) == unannotated(article)
    received, enriched = events_of(article)
    assert json.loads(received)["data"]["text"] == json.loads(enriched)["data"]["text"]


def test_latency_s_percentiles_are_of_all_articles() -> None:
    taken = {"plain": [float(n) for n in range(1, 101)], "renamed": [200.0] * 100}
    made = latency(taken)
    p50 = made.judged["p50 beyond the settle time"]
    assert len(p50.values) == 5
    assert p50.median == pytest.approx(statistics.median([*taken["plain"], *taken["renamed"]]), 0.4)
    assert made.judged["p99 beyond the settle time"].values == (200.0,)
    assert percentile([3.0, 1.0, 2.0], 0.99) == 3.0


@pytest.mark.parametrize("renamed", [False, True])
def test_a_file_is_dropped_whole_or_under_a_temporary_name_first(
    tmp_path: Path, *, renamed: bool
) -> None:
    dropping = Dropping(tmp_path, 7, "qwordword", renamed)
    dropping.begin()
    assert [path.name for path in tmp_path.iterdir()] == (["7.txt.part"] if renamed else [])
    dropping.complete()
    assert [path.name for path in tmp_path.iterdir()] == ["7.txt"]
    assert "qwordword" in (tmp_path / "7.txt").read_text()


def test_scaling_is_of_the_same_round() -> None:
    bare = {"1 process": [3.0, 6.0], "2 processes": [2.0, 3.0]}
    made = scaling({"1 worker": [4.0, 8.0], "2 workers": [2.0, 5.0], **bare})
    assert made.judged["2 workers / 1 worker"].values == (2.0, 1.6)
    assert made.measured["without a bus, 2 processes / 1"].values == (1.5, 2.0)


def test_footprint_counts_each_thousand_by_itself() -> None:
    made = footprint(
        {"ingest": {"resident": 3.0, "shared out": 2.0, "private": 1.0}}, [1.0, 7.0, 12.0]
    )
    assert made.measured["server, each 1,000 articles queued"].values == (6.0, 5.0)
    assert made.measured["ingest, private"].values == (1.0,)


def test_a_process_s_memory_is_private_at_most_shared_out_at_most_resident() -> None:
    held = memory_of(os.getpid())
    if Path("/proc/self").exists():
        assert 0 < held["private"] <= held["shared out"] <= held["resident"]
    else:
        assert held == {}


def test_holding_compares_the_last_mark_with_a_store_of_a_thousand_in_turns() -> None:
    # The machine was twice as slow at the last mark, for both.
    marks = [
        Mark(10_000, 2.0, 3.0, 2.0, (1.0, 1.0, 1.0), 5000.0, 1.0),
        Mark(100_000, 6.0, 8.0, 4.0, (1.4, 1.5, 2.5), 5500.0, 2.0),
    ]
    made = holding(marks)
    (growth,) = made.judged.values()
    assert growth.median == 1.5
    assert growth.met
    assert made.measured["CPU of filing, at 10,000 / at 1,000"].median == 1.0
    assert made.plots[0].lines["CPU time of filing"].x == (10_000.0, 100_000.0)


def test_workers_of_one_service_are_counted_together() -> None:
    before = {"enrichment": 1.0, "enrichment-2": 2.0, "server": 0.0}
    after = {"enrichment": 2.0, "enrichment-2": 4.0, "server": 0.5}
    assert used(before, after) == {"enrichment": 3.0, "server": 0.5}


def test_the_articles_of_a_holding_come_in_order_from_another_process(tmp_path: Path) -> None:
    room = Newsroom(LARGEST)
    with makers() as making:
        batches = list(making.batches(5, 250))
    assert [len(batch) for batch in batches] == [100, 100, 45]
    assert [each for batch in batches for each in batch][::90] == [
        room.article(number) for number in range(5, 250, 90)
    ]
    small = tmp_path / "small.sqlite3"
    with SqliteStore(small) as store:
        filed(store, batches[0])
    with SqliteStore(copied(small, SMALL)) as copy:
        held = copy.count()
        cpu, _clock = filed(copy, batches[1])
        assert copy.count() > held
        assert cpu > 0
    with SqliteStore(small) as store:
        assert store.count() == held
