"""The rules for Prometheus: right by promtool, about metrics that there are, tested, explained."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import typer
import yaml

from services.bus.health import MORE_PORTS
from services.console.main import app
from services.metrics import LABEL_VALUES
from services.settings import Settings
from tests.deploy.promql import (
    DEPLOY,
    RULE_TESTS,
    RULES,
    TARGET_LABELS,
    alerts,
    exported,
    grouped_by,
    made,
    recorded,
    rules,
    unknown,
    used,
)

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = DEPLOY / "prometheus" / "prometheus.yml"
DOCUMENT = DEPLOY.parent / "docs" / "monitoring.md"
RULE_TEST_FILES = sorted(RULE_TESTS.glob("*.test.yml"))
COMMAND = re.compile(r"`?wiredesk ([a-z-]+)(?: ([a-z-]+))?")
LABEL_IN_TEXT = re.compile(r"\$labels\.(\w+)")


def promtool(*arguments: str | Path) -> None:
    """Run promtool; fail with what it says."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool isn't installed (Debian: the package prometheus)")
    done = subprocess.run(
        [found, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@cache
def scenarios() -> list[dict[str, Any]]:
    """Every test of every file of tests."""
    documents = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in RULE_TEST_FILES]
    return [test for document in documents for test in document["tests"]]


def minutes(time: str) -> float:
    """A time of Prometheus in minutes."""
    return float(time[:-1]) * {"s": 1 / 60, "m": 1, "h": 60}[time[-1]]


# --- by promtool ----------------------------------------------------------------------------
def test_promtool_takes_the_rules() -> None:
    promtool("check", "rules", RULES)


def test_promtool_takes_the_example_of_a_configuration() -> None:
    promtool("check", "config", CONFIG)


@pytest.mark.parametrize("path", RULE_TEST_FILES, ids=lambda path: path.name)
def test_each_alert_fires_stays_quiet_and_resolves_when_it_should(path: Path) -> None:
    promtool("test", "rules", path)


def test_promtool_does_refuse_what_is_wrong(tmp_path: Path) -> None:
    """Else the tests above could not fail."""
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(RULES.read_text(encoding="utf-8").replace("sum by (job) (", "sum by job (", 1))
    with pytest.raises(AssertionError, match="parse error"):
        promtool("check", "rules", wrong)


def test_the_tests_of_the_rules_fail_where_a_limit_is_another(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "tests").mkdir()
    changed = RULES.read_text(encoding="utf-8").replace(
        'wiredesk_ledger_unaccounted_articles{job=~"wiredesk.*"}) != 0',
        'wiredesk_ledger_unaccounted_articles{job=~"wiredesk.*"}) > 2',
    )
    (tmp_path / "rules" / RULES.name).write_text(changed, encoding="utf-8")
    path = shutil.copy(RULE_TESTS / "ledger.test.yml", tmp_path / "tests")
    with pytest.raises(AssertionError, match="WiredeskLedgerUnaccounted"):
        promtool("test", "rules", path)


# --- against the source -----------------------------------------------------------------------
@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_each_metric_and_label_is_one_that_we_export(rule: dict[str, Any]) -> None:
    expr = rule["expr"]
    assert unknown(expr, exported() | recorded()) == []
    assert used(expr) or expr.startswith("vector(")


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_each_value_asked_for_is_one_that_the_label_can_have(rule: dict[str, Any]) -> None:
    for metric in used(rule["expr"]):
        for label, value in metric.matchers:
            if label in LABEL_VALUES:
                assert set(value.split("|")) <= set(LABEL_VALUES[label]), f"{metric.name}: {value}"


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_no_desk_is_mixed_up_with_another(rule: dict[str, Any]) -> None:
    """What is exported is asked for by job, and stays apart by it."""
    names = exported()
    for metric in used(rule["expr"]):
        if metric.name in names:
            assert ("job", "wiredesk.*") in metric.matchers
    for found in re.finditer(r"\bby\s*\(([^)]*)\)", rule["expr"]):
        assert "job" in found[1]


def test_a_name_that_nobody_exports_is_found() -> None:
    """Else the tests above could not fail."""
    known = {"wiredesk_ready": frozenset({"stage"})}
    assert unknown('sum by (job) (wiredesk_ready{stage="x"}) == 0', known) == []
    assert unknown("wiredesk_raedy == 0", known) == ["no metric wiredesk_raedy"]
    assert unknown('wiredesk_ready{group="x"}', known) == ["wiredesk_ready has no label group"]
    assert unknown("max by (job, reason) (wiredesk_ready)", known) == ["no label reason"]


def test_the_ports_of_the_example_are_those_that_services_take() -> None:
    (job,) = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["scrape_configs"]
    first = Settings.model_fields["health_port"].default
    expected = [f"127.0.0.1:{port}" for port in range(first, first + MORE_PORTS + 1)]
    assert job["static_configs"] == [{"targets": expected}]


# --- alerts -------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", alerts())
def test_each_alert_says_what_is_wrong_what_to_run_and_where_it_is_explained(name: str) -> None:
    alert = alerts()[name]
    assert alert["labels"]["severity"] in {"page", "ticket"}
    texts = alert["annotations"]
    assert set(texts) == {"summary", "description", "runbook_url"}
    assert texts["runbook_url"] == f"docs/monitoring.md#{name.lower()}"
    assert COMMAND.search(texts["description"]) or "/readyz" in texts["description"]
    assert len(texts["summary"]) <= 100
    assert "$labels.job" in texts["summary"]


@pytest.mark.parametrize("name", alerts())
def test_each_alert_speaks_of_labels_that_it_has(name: str) -> None:
    """A label that isn't there would be shown as nothing."""
    alert = alerts()[name]
    known = exported() | recorded()
    has = set(alert["labels"]) | TARGET_LABELS | grouped_by(alert["expr"]) | made(alert["expr"])
    for metric in used(alert["expr"]):
        has |= known[metric.name]
    said = set(LABEL_IN_TEXT.findall(" ".join(alert["annotations"].values())))
    assert said <= has


@pytest.mark.parametrize("name", alerts())
def test_each_alert_is_tested_to_be_quiet_to_fire_and_to_resolve(name: str) -> None:
    """In one course of events: quiet (or pending) before, firing, and quiet again after."""
    asked = re.compile(rf'alertname="{name}"')
    for scenario in scenarios():
        looks = [
            (minutes(look["eval_time"]), bool(look.get("exp_samples")))
            for look in scenario["promql_expr_test"]
            if asked.search(look["expr"])
        ]
        fired = [time for time, fires in looks if fires]
        quiet = [time for time, fires in looks if not fires]
        if fired and quiet and min(quiet) < min(fired) <= max(fired) < max(quiet):
            return
    pytest.fail(f"no test has {name} quiet, then firing, then quiet")


def test_no_alert_is_tested_that_there_is_not() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in RULE_TEST_FILES)
    tested = {name for names in re.findall(r'alertname="(\w+)"', text) for name in names.split("|")}
    assert tested == set(alerts())


# --- the runbook ----------------------------------------------------------------------------------
def test_each_alert_has_a_section_of_the_runbook_and_each_section_an_alert() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    runbook = text[text.index("# Runbook") :]
    assert re.findall(r"^### (\w+)$", runbook, re.MULTILINE) == list(alerts())


def test_each_section_says_what_it_means_what_to_look_at_and_what_to_do() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for section in re.split(r"^### ", text[text.index("# Runbook") :], flags=re.MULTILINE)[1:]:
        name, _, body = section.partition("\n")
        body = re.split(r"^## ", body, flags=re.MULTILINE)[0]
        assert body.startswith("**Means.** "), name
        assert re.search(r"^\*\*Look(\.|, do\.)\*\* ", body, re.MULTILINE), name
        assert re.search(r"^\*\*(Do|Look, do)\.\*\* ", body, re.MULTILINE), name


def test_links_of_the_document_lead_somewhere() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    anchors = {
        heading.lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)]+)\)", text):
        path, _, anchor = target.partition("#")
        assert not path or (DOCUMENT.parent / path).exists(), target
        assert path or anchor in anchors, target


def test_each_command_that_is_named_is_there() -> None:
    """In the alerts and in the document, with the commands of a group."""
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # it is a group
    texts = [DOCUMENT.read_text(encoding="utf-8")]
    texts += [alert["annotations"]["description"] for alert in alerts().values()]
    for text in texts:
        for command, sub in re.findall(r"`wiredesk ([a-z-]+)(?: ([a-z-]+))?", text):
            assert command in commands, command
            group = getattr(commands[command], "commands", None)
            assert group is None or not sub or sub in group, f"{command} {sub}"


def test_each_setting_that_is_named_is_there() -> None:
    known = {f"WIREDESK_{name.upper()}" for name in Settings.model_fields}
    text = DOCUMENT.read_text(encoding="utf-8") + RULES.read_text(encoding="utf-8")
    for name in set(re.findall(r"WIREDESK_[A-Z_]+", text)):
        assert name in known or any(each.startswith(name) for each in known if name[-1] == "_"), (
            name
        )
