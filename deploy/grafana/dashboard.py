"""The Grafana dashboard as code: ``python -m deploy.grafana.dashboard`` writes wiredesk.json.

Made with Grafana's own builders, so that what they don't know can't be written.  ``--check``
writes nothing and ends with 1 where the file is not current.
"""  # noqa: INP001  (see panels.py)

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grafana_foundation_sdk.builders.dashboard import (
    Dashboard,
    DatasourceVariable,
    QueryVariable,
)
from grafana_foundation_sdk.builders.dashboard import Row as RowPanel
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    VariableRefresh,
    VariableSort,
)

from deploy.grafana.panels import DATASOURCE
from deploy.grafana.rows import ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator

WRITTEN = Path(__file__).with_name("wiredesk.json")

UID = "wiredesk"
"""Part of the dashboard's address in Grafana; links to it would break if it changed."""


def _desks() -> QueryVariable:
    """Which desk: a job of Prometheus that begins with wiredesk."""
    variable = QueryVariable("job").label("Desk").datasource(DATASOURCE)
    variable = variable.query("label_values(wiredesk_build_info, job)").multi(False)
    return variable.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(
        VariableSort.ALPHABETICAL_ASC
    )


def build() -> dict[str, Any]:
    """The dashboard as Grafana's JSON, with ids in the order of the panels."""
    made = (
        Dashboard("Wiredesk")
        .uid(UID)
        .description("What a desk does, how fast, and what is wrong. docs/monitoring.md")
        .tags(["wiredesk"])
        .time("now-6h", "now")
        .refresh("30s")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .with_variable(_desks())
    )
    for row in ROWS:
        made = made.with_row(RowPanel(row.title))
        for panel in row.panels:
            made = made.with_panel(panel)
    document: dict[str, Any] = json.loads(JSONEncoder(sort_keys=True).encode(made.build()))
    for number, panel in enumerate(document["panels"], start=1):
        panel["id"] = number
    return document


def panels_of(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every panel that shows something; headlines aren't among them."""
    yield from (panel for panel in document["panels"] if panel["type"] != "row")


def main(argv: list[str] | None = None, written: Path = WRITTEN) -> int:
    """Write the dashboard, or with ``--check`` compare it; the exit code."""
    parser = ArgumentParser(prog="python -m deploy.grafana.dashboard", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only")
    check: bool = parser.parse_args(argv).check
    current = json.dumps(build(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    if not check:
        written.write_text(current, encoding="utf-8")
    elif not written.exists() or written.read_text(encoding="utf-8") != current:
        sys.stderr.write(f"{written.name} is not current: run make generated\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
