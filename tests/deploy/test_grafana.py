"""The dashboard: current, in order on the screen, about metrics that there are, and about all."""

from __future__ import annotations

import json
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.dashboard import WRITTEN, main, panels_of
from services import metrics
from tests.deploy.promql import DEPLOY, TARGET_LABELS, exported, unknown, used
from tests.deploy.test_prometheus import promtool

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENT: dict[str, Any] = json.loads(WRITTEN.read_text(encoding="utf-8"))
PANELS = list(panels_of(DOCUMENT))
TARGETS = [target for panel in PANELS for target in panel["targets"]]
GRID = 24


def filled(expr: str) -> str:
    """An expression with what Grafana would put in place of its variables."""
    return expr.replace("$__rate_interval", "1m").replace("$job", "wiredesk")


def title(panel: dict[str, Any]) -> str:
    return str(panel["title"])


def test_the_file_is_what_the_code_makes() -> None:
    assert main(["--check"]) == 0


def test_a_file_that_is_not_current_or_not_there_is_refused_and_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = tmp_path / "wiredesk.json"
    assert main(["--check"], written) == 1
    written.write_text("{}", encoding="utf-8")
    assert main(["--check"], written) == 1
    assert "not current" in capsys.readouterr().err
    assert main([], written) == 0
    assert main(["--check"], written) == 0
    assert written.read_bytes() == WRITTEN.read_bytes()


def test_grafanas_own_types_read_it_and_give_the_same_back() -> None:
    read = Dashboard.from_json(json.loads(WRITTEN.read_text(encoding="utf-8")))
    again = json.loads(JSONEncoder().encode(read))
    assert again["title"] == "Wiredesk"
    assert [panel["id"] for panel in again["panels"]] == [p["id"] for p in DOCUMENT["panels"]]
    assert again["templating"] == DOCUMENT["templating"]


def test_ids_are_unique_and_so_are_titles_in_a_row() -> None:
    ids = [panel["id"] for panel in DOCUMENT["panels"]]
    assert len(set(ids)) == len(ids)
    seen: set[str] = set()
    for panel in DOCUMENT["panels"]:
        seen = set() if panel["type"] == "row" else seen
        assert panel["title"] not in seen
        seen.add(panel["title"])


def test_no_panel_lies_over_another_or_beside_the_screen() -> None:
    for panel in DOCUMENT["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= GRID, panel["title"]
    for one, other in combinations(DOCUMENT["panels"], 2):
        a, b = one["gridPos"], other["gridPos"]
        apart_x = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        apart_y = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert apart_x or apart_y, f"{one['title']} lies over {other['title']}"


def test_rows_are_filled_from_side_to_side() -> None:
    """A gap at the right looks as if something failed to load."""
    widths: dict[int, int] = {}
    for panel in DOCUMENT["panels"]:
        place = panel["gridPos"]
        widths[place["y"]] = widths.get(place["y"], 0) + place["w"]
    assert set(widths.values()) == {GRID}


@pytest.mark.parametrize("panel", PANELS, ids=title)
def test_each_panel_says_what_it_shows_and_asks_the_chosen_prometheus(
    panel: dict[str, Any],
) -> None:
    assert panel["description"].endswith((".", "`.", ")"))
    for asked in (panel, *panel["targets"]):
        assert asked["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    references = [target["refId"] for target in panel["targets"]]
    assert references == sorted(set(references))


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target["expr"][:60])
def test_each_expression_is_of_metrics_labels_and_values_that_there_are(
    target: dict[str, Any],
) -> None:
    assert unknown(target["expr"], exported()) == []
    for metric in used(target["expr"]):
        assert ("job", "$job") in metric.matchers
        for label, value in metric.matchers:
            if label in metrics.LABEL_VALUES:
                assert set(value.split("|")) <= set(metrics.LABEL_VALUES[label])


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target["expr"][:60])
def test_each_legend_is_of_labels_that_the_lines_have(target: dict[str, Any]) -> None:
    legend = target["legendFormat"]
    labels = {part.split("}}")[0] for part in legend.split("{{")[1:]}
    has = set(TARGET_LABELS)
    for metric in used(target["expr"]):
        has |= exported()[metric.name]
    assert labels <= has


def test_promtool_parses_each_expression(tmp_path: Path) -> None:
    rules = [
        {"record": f"shown:{number}", "expr": filled(target["expr"])}
        for number, target in enumerate(TARGETS)
    ]
    assert not any("$" in rule["expr"] for rule in rules)
    path = tmp_path / "shown.yml"
    path.write_text(
        yaml.safe_dump({"groups": [{"name": "shown", "rules": rules}]}), encoding="utf-8"
    )
    promtool("check", "rules", path)


def test_each_metric_that_we_export_is_shown() -> None:
    """What nobody looks at needn't be counted."""
    shown = {metric.name for target in TARGETS for metric in used(target["expr"])}
    for metric in metrics.all_metrics().values():
        assert any(name.startswith(metric._name) for name in shown), metric._name


def test_the_provisioning_is_a_provider_of_files() -> None:
    path = DEPLOY / "grafana" / "provisioning" / "dashboards.yml"
    (provider,) = yaml.safe_load(path.read_text(encoding="utf-8"))["providers"]
    assert provider["type"] == "file"
    assert provider["options"]["path"].startswith("/")
