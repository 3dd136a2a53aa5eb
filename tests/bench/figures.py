"""The figures that the project is judged by: one JSON file, and the sizes of what is measured.

``build/figures/figures.json`` holds what :class:`Figures` says, in JSON; its JSON Schema is
written beside it.  Each bench notes its own figure there and leaves the others' alone, so they
may come from several runs; each says when and on what it was made.  Within one figure everything
comes from one run whose rivals took turns.
"""

from __future__ import annotations

import json
import os
import statistics
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, computed_field

from tests.bench.measure import environment, rounded

FOLDER = Path(__file__).parents[2] / "build" / "figures"
RESULTS = FOLDER / "figures.json"

FULL = os.environ.get("WIREDESK_BENCH_SIZE", "small") == "full"
"""``WIREDESK_BENCH_SIZE=full`` for figures that count; else sizes for trying, of seconds each."""


def size(name: str, small: float, full: float) -> int:
    """How many or how much of something a bench takes.

    ``WIREDESK_BENCH_PIPELINE_ARTICLES`` for ``pipeline_articles`` if it is set, else what belongs
    to ``WIREDESK_BENCH_SIZE``.
    """
    given = os.environ.get(f"WIREDESK_BENCH_{name.upper()}")
    return int(given) if given else int(full if FULL else small)


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Measured(_Model):
    """One quantity, measured several times."""

    unit: str = Field(description="e.g. 'articles/s', 'ms', 'MiB'")
    values: tuple[float, ...] = Field(description="one of each round, in the order of the rounds")

    @computed_field(description="of the values; null where there are none")  # type: ignore[prop-decorator]  # as pydantic documents it
    @property
    def median(self) -> float | None:
        """Of the values."""
        return statistics.median(self.values) if self.values else None

    @computed_field(description="the smallest and the largest value")  # type: ignore[prop-decorator]  # see above
    @property
    def spread(self) -> tuple[float, float] | None:
        """The smallest and the largest value."""
        return (min(self.values), max(self.values)) if self.values else None


class Judged(Measured):
    """A quantity with what was asked of it; its median is what is judged."""

    asked: float
    better: Literal["higher", "lower"] = Field(description="which side of 'asked' is good")

    @computed_field(description="whether the median is as good as asked or better")  # type: ignore[prop-decorator]  # see above
    @property
    def met(self) -> bool:
        """Whether the median is as good as asked, or better."""
        if self.median is None:
            return False
        return self.median >= self.asked if self.better == "higher" else self.median <= self.asked


class Series(_Model):
    """A line of a plot."""

    x: tuple[float, ...]
    y: tuple[float, ...]


class Plot(_Model):
    """Lines over one pair of axes, or bars where ``kind`` is 'bars' (``x``: 0, 1, …)."""

    title: str
    x_label: str
    y_label: str
    lines: dict[str, Series] = Field(description="by what the legend calls them")
    kind: Literal["lines", "bars", "steps"] = "lines"
    x_names: tuple[str, ...] = Field(default=(), description="of bars, in the order of x")
    log_x: bool = False
    log_y: bool = False
    marks: dict[str, float] = Field(
        default_factory=dict, description="horizontal lines, e.g. what was asked"
    )


class Table(_Model):
    """Rows for people."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Figure(_Model):
    """What one bench found."""

    letter: Annotated[str, Field(pattern="^[a-z]$")] = Field(description="its place on the page")
    title: str
    how: str = Field(description="what was done, in a paragraph")
    judged: dict[str, Judged] = Field(default_factory=dict, description="against what was asked")
    measured: dict[str, Measured] = Field(default_factory=dict, description="all the rest")
    plots: tuple[Plot, ...] = ()
    tables: tuple[Table, ...] = ()
    remarks: tuple[str, ...] = Field(default=(), description="what limits what this shows")
    sizes: dict[str, float] = Field(default_factory=dict, description="how much was measured")
    at: datetime | None = Field(default=None, description="when; set by what writes it")
    full: bool = Field(default=FULL, description="false: sizes for trying, nothing to quote")
    environment: dict[str, Any] = Field(default_factory=dict, description="on what")


class Figures(_Model):
    """The whole file."""

    version: Literal[1] = 1
    figures: dict[str, Figure] = Field(default_factory=dict, description="by the benches' names")


def read(results: Path = RESULTS) -> Figures:
    """What was found so far; nothing where no bench has run."""
    if not results.exists():
        return Figures()
    # What is computed is written for readers, and isn't taken from what was written.
    known = json.loads(results.read_text(encoding="utf-8"))
    for figure in known["figures"].values():
        for each in (*figure["judged"].values(), *figure["measured"].values()):
            for name in ("median", "spread", "met"):
                each.pop(name, None)
    return Figures.model_validate(known)


def note(name: str, figure: Figure, results: Path = RESULTS) -> None:
    """Write the figure of one bench beside those of the others."""
    made = figure.model_copy(
        update={"at": datetime.now(UTC).replace(microsecond=0), "environment": environment()}
    )
    every = Figures(figures={**read(results).figures, name: made})
    results.parent.mkdir(parents=True, exist_ok=True)
    shown = rounded(every.model_dump(mode="json"))
    results.write_text(json.dumps(shown, indent=1) + "\n", encoding="utf-8")
    schema = json.dumps(Figures.model_json_schema(mode="serialization"), indent=1)
    (results.parent / "figures.schema.json").write_text(schema + "\n", encoding="utf-8")


def higher(asked: float, values: list[float], unit: str = "times") -> Judged:
    """A quantity that shall be at least ``asked``."""
    return Judged(unit=unit, values=tuple(values), asked=asked, better="higher")


def lower(asked: float, values: list[float], unit: str) -> Judged:
    """A quantity that shall be at most ``asked``."""
    return Judged(unit=unit, values=tuple(values), asked=asked, better="lower")


def quotients(above: list[float], below: list[float]) -> list[float]:
    """``above / below`` of each round: both were disturbed alike in one."""
    return [a / b for a, b in zip(above, below, strict=True)]


def shown(value: float | None) -> str:
    """Three digits, never as a power of ten."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
