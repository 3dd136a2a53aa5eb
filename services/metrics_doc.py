"""Writes the tables of docs/metrics.md: ``python -m services.metrics_doc``.

They are made from :mod:`services.metrics`, between marker lines.  ``--check`` writes nothing and
ends with 1 where they are not current.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import Histogram

from services.metrics import LABEL_VALUES, all_metrics
from services.settings_doc import between, keep_current

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.metrics import MetricWrapperBase

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "metrics.md"
BEGIN = "<!-- metrics: made by `make generated` -->"
END = "<!-- end of metrics -->"
LABELS_BEGIN = "<!-- labels: made by `make generated` -->"
LABELS_END = "<!-- end of labels -->"
BUCKETS_BEGIN = "<!-- buckets: made by `make generated` -->"
BUCKETS_END = "<!-- end of buckets -->"

UNITS = ("seconds", "bytes", "articles", "entries", "files", "lines")
"""Units that stand in a name; what has none is a number."""


def exposed_name(metric: MetricWrapperBase) -> str:
    """The name under which it is scraped; of a histogram that of its parts without their ends."""
    (family,) = metric.describe()
    return f"{family.name}_total" if family.type == "counter" else family.name


def unit_of(name: str) -> str:
    """The unit that the name tells."""
    words = name.removesuffix("_total").split("_")
    if words[-2:] == ["timestamp", "seconds"]:
        return "seconds since 1970"
    return next((word for word in reversed(words) if word in UNITS), "number")


def _row(metric: MetricWrapperBase) -> str:
    (family,) = metric.describe()
    name = exposed_name(metric)
    labels = ", ".join(f"`{label}`" for label in metric._labelnames) or "none"  # noqa: SLF001  (told nowhere else)
    return f"| `{name}` | {family.type} | {labels} | {unit_of(name)} | {family.documentation} |"


def table() -> str:
    """Every metric, in the order of the source."""
    head = ["| metric | type | labels | unit | what it says |", "|---|---|---|---|---|"]
    return "\n".join([*head, *(_row(metric) for metric in all_metrics().values())])


def labels_table() -> str:
    """What each label may say."""
    rows = [
        f"| `{label}` | {', '.join(f'`{value}`' for value in values)} |"
        for label, values in LABEL_VALUES.items()
    ]
    return "\n".join(["| label | values |", "|---|---|", *rows])


def buckets_table() -> str:
    """The bounds of the buckets of each histogram."""
    rows = [
        f"| `{exposed_name(metric)}` | {_bounds(metric._upper_bounds)} |"  # noqa: SLF001  (told nowhere else)
        for metric in all_metrics().values()
        if isinstance(metric, Histogram)
    ]
    return "\n".join(["| histogram | upper bounds |", "|---|---|", *rows])


def _bounds(bounds: Iterable[float]) -> str:
    return ", ".join("+Inf" if bound == float("inf") else f"{bound:g}" for bound in bounds)


def with_tables(text: str) -> str:
    """``text`` with the current tables between its markers; raises as :func:`between`."""
    text = between(text, BEGIN, END, table())
    text = between(text, LABELS_BEGIN, LABELS_END, labels_table())
    return between(text, BUCKETS_BEGIN, BUCKETS_END, buckets_table())


def main(argv: list[str] | None = None, document: Path = DOCUMENT) -> int:
    """Write the tables, or with ``--check`` compare them; the exit code."""
    parser = ArgumentParser(prog="python -m services.metrics_doc", description=__doc__)
    return keep_current(argv, document, with_tables, parser)


if __name__ == "__main__":
    sys.exit(main())
