"""The figures as Markdown, ready for the documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.enrichment.quality.metrics import (
    Bin,
    Counts,
    expected_calibration_error,
    micro,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from services.enrichment.quality.people import PeopleMeasured
    from services.enrichment.quality.spans import Measured


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def percent(share: float) -> str:
    """One digit behind the point: the sets have some hundred names of a type."""
    return f"{100 * share:.1f}"


def steps(measured: dict[str, Sequence[Measured]]) -> str:
    """F1 of all types after each step, for each part of the set."""
    parts = list(measured)
    rows = [
        [each[0].step, *(percent(micro(one.counts).f1) for one in each)]
        for each in zip(*measured.values(), strict=True)
    ]
    return table(["rules", *(f"F1 {part}" for part in parts)], rows)


def types(measured: dict[str, Sequence[Measured]]) -> str:
    """Precision, recall and F1 of each type after all steps."""
    rows = []
    for part, each in measured.items():
        counts = dict(each[-1].counts)
        for label, count in [*counts.items(), ("all", micro(counts))]:
            rows.append([part, label, *_figures(count)])
    return table(["part", "type", "precision", "recall", "F1", "names"], rows)


def _figures(count: Counts) -> list[str]:
    shares = (count.precision, count.recall, count.f1)
    return [*map(percent, shares), str(count.right + count.missed)]


def people(measured: dict[str, PeopleMeasured]) -> str:
    """B³ of our keys beside that of equal strings."""
    rows = [
        [
            name,
            str(each.ours.mentions),
            percent(each.ours.precision),
            percent(each.ours.recall),
            percent(each.ours.f1),
            percent(each.strings.f1),
        ]
        for name, each in measured.items()
    ]
    return table(
        ["set", "mentions", "B³ precision", "B³ recall", "B³ F1", "equal strings F1"], rows
    )


def calibration(bins: Sequence[Bin]) -> str:
    """Confidence beside the share that is right."""
    rows = [
        [
            f"{one.low:.1f} to {one.high:.1f}",
            str(one.count),
            percent(one.mean),
            percent(one.share_right),
        ]
        for one in bins
    ]
    error = percent(expected_calibration_error(bins))
    return (
        table(["confidence", "entities", "mean", "right"], rows) + f"\n\nCalibration error: {error}"
    )
