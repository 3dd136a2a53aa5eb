"""The manifests mean what they should: held against settings, probes, and what chooses what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from deploy.k8s import prometheus_rule
from services.settings import Settings
from tests.deploy.k8s import (
    K8S,
    OURS,
    Build,
    Document,
    built,
    containers,
    environment,
    name_of,
    ours,
    selects,
    settings_for,
)
from tests.deploy.promql import DEPLOY, RULES

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

HEALTH_PORTS = {"ingest": 8421, "enrichment": 8422, "indexer": 8423, "receiver": 8425}
"""As docs/health.md and Compose have them."""


# --- settings ---------------------------------------------------------------------------------
def test_every_variable_is_a_setting_and_every_value_one_that_it_takes(build: Build) -> None:
    known = {f"WIREDESK_{name.upper()}" for name in Settings.model_fields}
    for _, container in ours(build):
        assert set(environment(container, build.settings())) <= known
        settings = settings_for(build, container)
        # The receiver puts files into a folder; it is given no way to the server.
        assert (settings.redis_url is None) == (container["name"] == "receiver")


def test_no_variable_that_a_cluster_adds_is_taken_for_a_setting(build: Build) -> None:
    """A Service ``wiredesk-api`` would set WIREDESK_API_PORT=tcp://10.0.0.1:8420 in each pod."""
    for pod in build.pods():
        assert pod.spec["enableServiceLinks"] is False, pod.name


def test_folders_of_the_settings_are_volumes(build: Build) -> None:
    """The root file system takes nothing, and what is written there would be gone with the pod."""
    for _, container in ours(build):
        settings = settings_for(build, container)
        mounted = {each["mountPath"] for each in container["volumeMounts"]}
        assert "/tmp" in mounted  # noqa: S108  (in the container)
        if container["name"] in {"ingest", "receiver"}:
            assert {str(settings.inbox), str(settings.state)} <= mounted
        if container["name"] == "indexer":
            assert str(settings.store.parent) in mounted


def test_a_certificate_of_the_settings_is_mounted_where_somebody_asks_the_server(
    build: Build,
) -> None:
    for _, container in ours(build):
        settings = settings_for(build, container)
        if settings.redis_ca_file is not None and settings.redis_url is not None:
            mounted = {each["mountPath"] for each in container["volumeMounts"]}
            assert str(settings.redis_ca_file.parent) in mounted


def test_ingest_and_the_receiver_see_the_same_folders(build: Build) -> None:
    pod = build.pod("ingest")
    mounts = [
        {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
        for container in pod.containers
    ]
    for folder in ("/inbox", "/var/lib/wiredesk"):
        assert len({mount[folder] for mount in mounts}) == 1


def test_volumes_and_mounts_belong_together(build: Build) -> None:
    claims = {name_of(each) for each in build.of("PersistentVolumeClaim")}
    for pod in build.pods():
        volumes = {each["name"]: each for each in pod.spec.get("volumes", ())}
        mounted = {each["name"] for c in pod.containers for each in c.get("volumeMounts", ())}
        assert mounted == volumes.keys() | pod.claims()
        for volume in volumes.values():
            if "persistentVolumeClaim" in volume:
                assert volume["persistentVolumeClaim"]["claimName"] in claims


def test_every_configmap_that_a_pod_asks_for_is_there(build: Build) -> None:
    there = {name_of(each) for each in build.of("ConfigMap")}
    for pod, container in containers(build):
        asked = {each["configMapRef"]["name"] for each in container.get("envFrom", ())}
        asked |= {each["configMap"]["name"] for each in pod.spec["volumes"] if "configMap" in each}
        assert asked
        assert asked <= there


def test_one_enrichment_process_a_pod_however_many_cores_its_node_has(build: Build) -> None:
    assert settings_for(build, build.pod("enrichment").container("enrichment")).workers == 1


# --- health -----------------------------------------------------------------------------------
def test_probes_ask_the_health_port_for_what_they_are_about(build: Build) -> None:
    for _, container in ours(build):
        settings = settings_for(build, container)
        ports = {each["name"]: each["containerPort"] for each in container["ports"]}
        asked = {
            probe: container[probe]["httpGet"]
            for probe in ("startupProbe", "livenessProbe", "readinessProbe")
        }
        assert {probe: each["path"] for probe, each in asked.items()} == {
            "startupProbe": "/livez",
            "livenessProbe": "/livez",
            "readinessProbe": "/readyz",
        }
        (port,) = {ports[each["port"]] for each in asked.values()}
        assert port == settings.health_port == HEALTH_PORTS[container["name"]]
        assert settings.health_host == "0.0.0.0"  # noqa: S104  (within the pod's network)


def test_no_two_containers_of_a_pod_want_one_port_or_one_name(build: Build) -> None:
    for pod in build.pods():
        ports = [port for each in pod.containers for port in each["ports"]]
        assert len({port["name"] for port in ports}) == len(ports)
        assert len({port["containerPort"] for port in ports}) == len(ports)


def test_a_frozen_process_is_given_up_later_than_it_gives_itself_up(build: Build) -> None:
    """A loop that stands still for 30 s ends its process and writes every stack to the log."""
    for _, container in containers(build):
        probe = container["livenessProbe"]
        assert probe["periodSeconds"] * probe["failureThreshold"] >= 30


def test_a_stop_has_time_for_the_batch_in_work(build: Build) -> None:
    for pod, container in ours(build):
        before = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {})
        needed = settings_for(build, container).graceful_timeout + before.get("seconds", 0)
        # Ten more for the end of everything else: companions, readers, connections.
        assert pod.spec["terminationGracePeriodSeconds"] >= needed + 10


def test_an_address_is_open_only_where_it_may_be(build: Build) -> None:
    """The API refuses to start for others without a token: by itself it listens to the pod only."""
    listens = settings_for(build, build.pod("indexer").container("indexer"))
    has_api = any(name_of(each) == "api" for each in build.of("Service"))
    assert (listens.api_host != "127.0.0.1") == has_api
    if has_api:
        assert set(listens.api_hosts) == hosts(build.one("Ingress", "api"))


def hosts(ingress: Document) -> set[str]:
    """Names that an Ingress has a rule and a certificate for."""
    found = {rule["host"] for rule in ingress["spec"]["rules"]}
    assert found == {host for tls in ingress["spec"]["tls"] for host in tls["hosts"]}
    return found


def test_receipts_are_addressed_as_senders_reach_the_receiver(build: Build) -> None:
    for _, container in ours(build):
        if container["name"] == "receiver":
            settings = settings_for(build, container)
            assert {settings.drop_url} == {
                f"https://{host}" for host in hosts(build.one("Ingress", "drop"))
            }
            mounted = {each["mountPath"] for each in container["volumeMounts"]}
            assert str((settings.drop_tokens_file or settings.inbox).parent) in mounted
            ports = {each["name"]: each["containerPort"] for each in container["ports"]}
            assert ports["drop"] == settings.drop_port


# --- who chooses whom -------------------------------------------------------------------------
def test_every_workload_chooses_its_own_pods_and_no_others(build: Build) -> None:
    for pod in build.pods():
        chosen = [p.name for p in build.pods() if selects(p.labels, pod.owner["spec"]["selector"])]
        assert chosen == [pod.name]


def test_every_service_and_policy_and_budget_chooses_pods_that_there_are(build: Build) -> None:
    for document in build.of("Service", "NetworkPolicy", "PodDisruptionBudget"):
        spec = document["spec"]
        given = spec.get("podSelector", spec.get("selector"))
        selector = given if "matchLabels" in given or not given else {"matchLabels": given}
        assert any(selects(pod.labels, selector) for pod in build.pods()), name_of(document)


def test_every_service_leads_to_a_port_of_its_pods(build: Build) -> None:
    for service in build.of("Service"):
        wanted = {"matchLabels": service["spec"]["selector"]}
        for pod in build.pods():
            if selects(pod.labels, wanted):
                targets = {port["targetPort"] for port in service["spec"]["ports"]}
                assert targets <= pod.ports().keys(), name_of(service)


def test_every_ingress_leads_to_a_service(build: Build) -> None:
    for ingress in build.of("Ingress"):
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                wanted = path["backend"]["service"]
                service = build.one("Service", wanted["name"])
                names = {port["name"] for port in service["spec"]["ports"]}
                assert wanted["port"]["name"] in names


def test_statefulsets_name_a_headless_service_of_theirs(build: Build) -> None:
    for owner in build.of("StatefulSet"):
        service = build.one("Service", owner["spec"]["serviceName"])
        assert service["spec"]["clusterIP"] == "None"


def test_spreading_counts_the_pods_that_it_spreads(build: Build) -> None:
    for pod in build.pods():
        for each in pod.spec.get("topologySpreadConstraints", ()):
            assert selects(pod.labels, each["labelSelector"])
            assert [p.name for p in build.pods() if selects(p.labels, each["labelSelector"])] == [
                pod.name
            ]


def test_kubectl_means_our_container_where_a_pod_has_several(build: Build) -> None:
    for pod in build.pods():
        if pod.name in OURS:
            annotations = pod.owner["spec"]["template"]["metadata"]["annotations"]
            assert annotations["kubectl.kubernetes.io/default-container"] == pod.name
            pod.container(pod.name)


# --- one source -------------------------------------------------------------------------------
def test_the_rules_are_those_of_deploy_prometheus() -> None:
    assert prometheus_rule.main(["--check"]) == 0
    rule = built("scaled").one("PrometheusRule", "wiredesk")
    assert rule["spec"]["groups"] == yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]


def test_rules_that_are_not_current_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "prometheusrule.yaml"
    assert prometheus_rule.main(["--check"], there) == 1
    assert prometheus_rule.main([], there) == 0
    assert prometheus_rule.main(["--check"], there) == 0
    there.write_text(there.read_text(encoding="utf-8") + "# by hand\n", encoding="utf-8")
    assert prometheus_rule.main(["--check"], there) == 1
    assert "make generated" in capsys.readouterr().err


def test_the_dashboard_is_that_of_deploy_grafana() -> None:
    made = built("scaled").one("ConfigMap", "wiredesk-dashboard")
    source = (DEPLOY / "grafana" / "wiredesk.json").read_text(encoding="utf-8")
    assert made["data"] == {"wiredesk.json": source}
    # What `kubectl apply` notes in an annotation, of which there may be 256 KiB in all.
    assert len(source.encode()) < 200 * 1024


def test_every_job_of_prometheus_is_a_desk_by_its_name() -> None:
    """The rules and the dashboard take jobs that begin with ``wiredesk``."""
    for name in ("scaled", "single+all"):
        build = built(name)
        monitor = build.one("ServiceMonitor", "wiredesk")["spec"]
        chosen = [
            each
            for each in build.of("Service")
            if selects(each["metadata"]["labels"], monitor["selector"])
        ]
        scraped = {
            (port["port"], each["metadata"]["labels"][monitor["jobLabel"]])
            for each in chosen
            for port in each["spec"]["ports"]
            if port["name"] == monitor["endpoints"][0]["port"]
        }
        containers_ports = {HEALTH_PORTS[each["name"]] for _, each in ours(build)}
        assert scraped == {(port, "wiredesk") for port in containers_ports}


def test_files_are_all_used() -> None:
    """A manifest that no kustomization names is never applied."""
    for folder in {path.parent for path in K8S.rglob("*.yaml")}:
        text = (folder / "kustomization.yaml").read_text(encoding="utf-8")
        for path in folder.glob("*.yaml"):
            assert path.name == "kustomization.yaml" or path.name in text, path
