"""Prometheus and Grafana of docker-compose.yml: what they ask, what they are given."""

from __future__ import annotations

import yaml

from tests.deploy.compose_file import OURS, listens, mounts, services
from tests.deploy.promql import DEPLOY
from tests.deploy.test_prometheus import promtool

PROMETHEUS = DEPLOY / "prometheus" / "compose.yml"
PROVISIONING = DEPLOY / "grafana" / "provisioning"


# --- Prometheus -----------------------------------------------------------------------------------
def test_promtool_takes_the_configuration() -> None:
    promtool("check", "config", PROMETHEUS)


def test_prometheus_asks_each_service_where_it_answers() -> None:
    document = yaml.safe_load(PROMETHEUS.read_text(encoding="utf-8"))
    (job,) = document["scrape_configs"]
    asked = {each["names"][0]: each["port"] for each in job["dns_sd_configs"]}
    told = {name: int(services()[name]["environment"]["WIREDESK_HEALTH_PORT"]) for name in OURS}
    assert asked == told
    assert job["job_name"].startswith("wiredesk")
    assert all((PROMETHEUS.parent / path).is_file() for path in document["rule_files"])


def test_prometheus_is_given_a_file_that_is_mounted() -> None:
    told = services()["prometheus"]
    (config,) = [each for each in told["command"] if each.startswith("--config.file=")]
    assert config == f"--config.file=/etc/prometheus/{PROMETHEUS.name}"
    assert "./deploy/prometheus:/etc/prometheus:ro" in told["volumes"]


def test_where_all_share_one_network_the_other_file_asks_every_port() -> None:
    """That of one machine, as `wiredesk up` has it."""
    document = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text("utf-8"))
    (job,) = document["scrape_configs"]
    asked = {int(target.rpartition(":")[2]) for target in job["static_configs"][0]["targets"]}
    workers = listens("enrichment", services()["enrichment"])[0]
    told = {int(services()[name]["environment"]["WIREDESK_HEALTH_PORT"]) for name in OURS}
    assert told | set(range(workers, workers + 16)) <= asked


# --- Grafana --------------------------------------------------------------------------------------
def test_grafana_finds_its_provisioning_and_the_dashboard_where_they_are_mounted() -> None:
    inside = {source: rest.split(":")[0] for name, source, rest in mounts() if name == "grafana"}
    for kind in ("dashboards", "datasources"):
        path = inside[f"./deploy/grafana/provisioning/{kind}.yml"]
        assert path.startswith(f"/etc/grafana/provisioning/{kind}/")
        assert yaml.safe_load((PROVISIONING / f"{kind}.yml").read_text("utf-8"))["apiVersion"] == 1
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards.yml").read_text("utf-8"))["providers"]
    dashboard = inside["./deploy/grafana/wiredesk.json"]
    assert dashboard.startswith(provider["options"]["path"] + "/")
    environ = services()["grafana"]["environment"]
    assert environ["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == dashboard


def test_grafana_asks_the_prometheus_of_the_file() -> None:
    (source,) = yaml.safe_load((PROVISIONING / "datasources.yml").read_text("utf-8"))["datasources"]
    environ = services()["grafana"]["environment"]
    assert source["url"] == "$PROMETHEUS_URL"
    (port,) = listens("prometheus", services()["prometheus"])
    assert environ["PROMETHEUS_URL"] == f"http://prometheus:{port}"
    assert source["type"] == "prometheus"
    assert source["isDefault"] is True


def test_nobody_can_change_anything_in_grafana_or_has_a_default_password() -> None:
    environ = services()["grafana"]["environment"]
    assert environ["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    assert environ["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
