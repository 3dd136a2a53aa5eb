"""The page of figures, from ``build/figures/figures.json``.

``python -m tests.bench.figures_page`` simulates what is needed for more news, and writes
``build/figures/index.html``, which needs nothing but itself.  With ``--measure`` it first runs the
benches whose figures these are, and no others.  With ``--docs`` it also writes the generated part
of ``docs/figures.md`` and its plots in ``docs/figures/``: for figures of a quiet machine and full
sizes only, which it checks.
"""

from __future__ import annotations

import html
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import capacity
from tests.bench.figures import FOLDER, RESULTS, Figure, Judged, Measured, Table, read, shown
from tests.bench.figures_charts import drawn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "figures.md"
BEGIN, END = "<!-- figures: made by tests/bench/figures_page.py -->", "<!-- end of figures -->"

BENCHES = ("pipeline", "transport", "latency", "scaling", "footprint", "holding")
"""Those that note a figure, in the order of their letters."""

QUIET_LOAD = 1.5
"""Load average of a machine on which nothing else works, when a bench ends that keeps two cores
busy now and then."""

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 } td, th { padding: .2rem .8rem; text-align: left;
border-bottom: 1px solid #ccc } svg { max-width: 100%; height: auto } .met { color: #17662f }
.missed { color: #a01818 } small { color: #555 }
@media (prefers-color-scheme: dark) { body { background: #fff; color: #111 } }
"""


def spread(measured: Measured) -> str:
    """From the smallest to the largest value; empty where there is but one."""
    if measured.spread is None or len(measured.values) == 1:
        return ""
    return f"{shown(measured.spread[0])} to {shown(measured.spread[1])}"


def judged_table(figure: Figure) -> Table:
    """What was asked, and what was found."""
    rows = (
        (
            name,
            f"{shown(each.median)} {each.unit}",
            spread(each),
            f"{'at least' if each.better == 'higher' else 'at most'} {shown(each.asked)}",
            verdict(each),
        )
        for name, each in figure.judged.items()
    )
    return Table(head=("", "median", "spread", "asked", ""), rows=tuple(rows))


def verdict(each: Judged) -> str:
    """In one word."""
    return "met" if each.met else "missed"


def measured_table(figure: Figure) -> Table:
    """Everything else that was measured."""
    rows = (
        (name, f"{shown(each.median)} {each.unit}", spread(each))
        for name, each in figure.measured.items()
    )
    return Table(head=("", "median", "spread"), rows=tuple(rows))


def tables_of(figure: Figure) -> list[Table]:
    """All tables of a figure, in their order; without empty ones."""
    every = [judged_table(figure), *figure.tables, measured_table(figure)]
    return [table for table in every if table.rows]


def in_order(figures: dict[str, Figure]) -> list[tuple[str, Figure]]:
    """By their letters."""
    return sorted(figures.items(), key=lambda item: (item[1].letter, item[0]))


def made_on(figure: Figure) -> str:
    """When and on what."""
    told = figure.environment
    sizes = ", ".join(f"{name} {shown(value)}" for name, value in figure.sizes.items())
    at = "" if figure.at is None else f"{figure.at:%Y-%m-%d %H:%M} UTC, "
    # Its build and compiler say nothing to a reader.
    server = " ".join(str(told.get("server")).split()[:3])
    what = f"{told.get('cpus')} cores, Python {told.get('python')}, {server}"
    trial = "" if figure.full else " Sizes for trying: nothing to quote."
    return f"{at}{what}, load {told.get('load')}. {sizes}.{trial}"


# --- HTML --------------------------------------------------------------------------------------


def page(figures: dict[str, Figure]) -> str:
    """The whole page."""
    body = "\n".join(_section(name, figure) for name, figure in in_order(figures))
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Wiredesk: figures</title>'
        f"<style>{STYLE}</style><h1>Wiredesk: figures</h1>\n{_summary(figures)}\n{body}\n</html>\n"
    )


def _summary(figures: dict[str, Figure]) -> str:
    rows = tuple(
        (f"({figure.letter}) {figure.title}", *row)
        for _, figure in in_order(figures)
        for row in judged_table(figure).rows
    )
    return _html_table(Table(head=("", "", "median", "spread", "asked", ""), rows=rows))


def _section(name: str, figure: Figure) -> str:
    parts = [
        f'<h2 id="{name}">({figure.letter}) {html.escape(figure.title)}</h2>',
        f"<p>{html.escape(figure.how)}</p>",
        *(_html_table(table) for table in tables_of(figure)),
        *(drawn(plot) for plot in figure.plots),
        *(f"<p>{html.escape(remark)}</p>" for remark in figure.remarks),
        f"<p><small>{html.escape(made_on(figure))}</small></p>",
    ]
    return "\n".join(parts)


def _html_table(table: Table) -> str:
    def row(cells: Sequence[str], tag: str) -> str:
        return "".join(_cell(cell, tag) for cell in cells)

    rows = "".join(f"<tr>{row(cells, 'td')}</tr>" for cells in table.rows)
    return f"<table><tr>{row(table.head, 'th')}</tr>{rows}</table>"


def _cell(text: str, tag: str) -> str:
    told = f' class="{text}"' if text in {"met", "missed"} else ""
    return f"<{tag}{told}>{html.escape(text)}</{tag}>"


# --- docs/figures.md ------------------------------------------------------------------------------


def markdown(figures: dict[str, Figure]) -> str:
    """The generated part of the document."""
    return "\n\n".join(part for item in in_order(figures) for part in _markdown_section(*item))


def _markdown_section(name: str, figure: Figure) -> Iterator[str]:
    yield f"### ({figure.letter}) {figure.title}"
    yield figure.how
    yield from (_markdown_table(table) for table in tables_of(figure))
    for number, plot in enumerate(figure.plots, start=1):
        yield f"![{plot.title}](figures/{name}-{number}.svg)"
    yield from figure.remarks
    yield f"*{made_on(figure)}*"


def _markdown_table(table: Table) -> str:
    lines = [table.head, tuple("---" for _ in table.head), *table.rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def with_figures(document: str, figures: dict[str, Figure]) -> str:
    """``document`` with its generated part made anew; :class:`ValueError` where it has none."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no {BEGIN} … {END} in it")
    return f"{before}{BEGIN}\n\n{markdown(figures)}\n\n{END}{after}"


def unfit(figures: dict[str, Figure]) -> list[str]:
    """Why these figures are nothing to quote; empty where they may be."""
    found = [f"{name}: sizes for trying" for name, figure in figures.items() if not figure.full]
    for name, figure in figures.items():
        load = figure.environment.get("load") or [0.0]
        if load[-1] > QUIET_LOAD + (figure.environment.get("cpus") or 1):
            found.append(f"{name}: the machine was busy with other things (load {load})")
    return found


def write_docs(figures: dict[str, Figure], document: Path = DOCS) -> None:
    """Write the generated part, and the plots in a folder beside it."""
    document.write_text(
        with_figures(document.read_text(encoding="utf-8"), figures), encoding="utf-8"
    )
    folder = document.with_suffix("")
    folder.mkdir(exist_ok=True)
    for name, figure in figures.items():
        for number, plot in enumerate(figure.plots, start=1):
            svg = folder / f"{name}-{number}.svg"
            svg.write_text(drawn(plot) + "\n", encoding="utf-8")


def measure() -> int:
    """Run the benches; pytest's exit code."""
    files = [f"tests/bench/bench_{name}.py" for name in BENCHES]
    options = ["-o", "python_files=bench_*.py", "--numprocesses", "0", "-s"]
    # The interpreter and files of our own; what is printed is the bench's.
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *files], cwd=ROOT, check=False
    ).returncode


def main(arguments: Sequence[str]) -> int:
    """Write the page; the exit code."""
    failed = measure() if "--measure" in arguments else 0
    if failed:
        return failed
    if not RESULTS.exists():
        sys.stderr.write("no figures yet: make bench\n")
        return 1
    if "pipeline" in read().figures:
        capacity.main()
    figures = read().figures
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "index.html").write_text(page(figures), encoding="utf-8")
    sys.stdout.write(f"{FOLDER / 'index.html'}\n")
    if "--docs" in arguments:
        reasons = unfit(figures)
        if reasons and "--anyway" not in arguments:
            sys.stderr.write("not for docs/:\n" + "".join(f"  {each}\n" for each in reasons))
            return 1
        write_docs(figures)
        sys.stdout.write(f"{DOCS}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
