"""The list of metrics is closed, sound, used, and what docs/metrics.md says."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path
from shutil import which

import pytest
from prometheus_client import generate_latest

from services import metrics, metrics_doc
from services.metrics import LABEL_VALUES, REGISTRY, all_metrics
from services.metrics_doc import exposed_name, unit_of

SERVICES = Path(metrics.__file__).parent
OPEN_LABELS = {"group", "event", "model", "version"}
"""Labels without a list: what docs/metrics.md says of each."""


MAKERS = {"Counter", "Gauge", "Histogram", "Summary", "Info", "Enum"}


def sources() -> dict[str, str]:
    """The text of every module of the services but the list itself."""
    return {
        path.relative_to(SERVICES).as_posix(): path.read_text(encoding="utf-8")
        for path in SERVICES.rglob("*.py")
        if path != Path(metrics.__file__)
    }


def made_in(text: str) -> set[str]:
    """Kinds of metrics that a module makes."""
    tree = ast.parse(text)
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("prometheus_client")
        for alias in node.names
    }
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    }
    whole = "import prometheus_client\n" in text
    return called & MAKERS & (MAKERS if whole else imported)


def test_no_metric_is_made_outside_the_list() -> None:
    made = {name: made_in(text) for name, text in sources().items() if "prometheus_client" in text}
    assert "bus/health.py" in made, "it was looked at"
    assert {name: kinds for name, kinds in made.items() if kinds} == {}
    assert made_in("from prometheus_client import Gauge\nX = Gauge('x', 'y')") == {"Gauge"}
    assert made_in("import prometheus_client\nX = prometheus_client.Info('x', 'y')") == {"Info"}


def test_every_metric_of_the_list_is_set_somewhere() -> None:
    together = "\n".join(sources().values())
    used = set(re.findall(r"\bmetrics\.([A-Z_]+)", together))
    for names in re.findall(r"from services\.metrics import \(?([^)\n]+)", together):
        used |= {name.strip() for name in names.split(",")}
    assert set(all_metrics()) - used == set()


@pytest.mark.parametrize("name", all_metrics())
def test_names_and_helps_follow_prometheus_s_conventions(name: str) -> None:
    metric = all_metrics()[name]
    (family,) = metric.describe()
    assert family.name.startswith("wiredesk_")
    assert family.name == family.name.lower()
    assert not family.name.endswith(("_count", "_sum", "_bucket", "_total", "_info_total"))
    assert family.documentation.endswith(".")
    assert "milli" not in family.name, "base units"
    if family.type == "histogram":
        assert unit_of(exposed_name(metric)) in {"seconds", "articles"}


def test_every_label_has_its_list_or_is_known_to_have_none() -> None:
    labels = {label for metric in all_metrics().values() for label in metric._labelnames}
    assert labels == set(LABEL_VALUES) | OPEN_LABELS


def test_promtool_finds_nothing_to_say_of_them() -> None:
    promtool = which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: the package prometheus)")
    for metric in all_metrics().values():
        values = [LABEL_VALUES.get(label, ("x",))[0] for label in metric._labelnames]
        if values:
            metric.labels(*values)
    done = subprocess.run(
        [promtool, "check", "metrics"],
        input=generate_latest(REGISTRY),
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_memory_is_told() -> None:
    """process_… of prometheus_client, where the system has /proc."""
    if not Path("/proc/self/stat").exists():
        pytest.skip("no /proc on this system")
    resident = REGISTRY.get_sample_value("process_resident_memory_bytes")
    assert resident is not None
    assert resident > 1_000_000


# --- docs/metrics.md --------------------------------------------------------------------------
def test_the_document_is_current() -> None:
    assert metrics_doc.main(["--check"]) == 0


def test_the_table_has_a_row_for_each_with_name_type_labels_and_unit() -> None:
    table = metrics_doc.table()
    assert table.count("\n") == len(all_metrics()) + 1
    assert "| `wiredesk_articles_received_total` | counter | none | articles |" in table
    assert "| `wiredesk_hop_seconds` | histogram | `hop` | seconds |" in table
    assert "| `wiredesk_ledger_checked_timestamp_seconds` | gauge | none | seconds since" in table


def test_a_document_that_is_not_current_is_refused_and_mended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = tmp_path / "metrics.md"
    text = metrics_doc.DOCUMENT.read_text(encoding="utf-8")
    document.write_text(text.replace("wiredesk_ready", "wiredesk_reddy"), encoding="utf-8")
    assert metrics_doc.main(["--check"], document) == 1
    assert "make generated" in capsys.readouterr().err
    assert metrics_doc.main([], document) == 0
    assert document.read_text(encoding="utf-8") == text


def test_buckets_rise_and_reach_from_an_idle_hop_to_a_day() -> None:
    assert list(metrics.LATENCY_BUCKETS) == sorted(metrics.LATENCY_BUCKETS)
    assert (metrics.LATENCY_BUCKETS[0], metrics.LATENCY_BUCKETS[-1]) == (0.01, 86400)
    assert list(metrics.BATCH_BUCKETS) == sorted(metrics.BATCH_BUCKETS)
