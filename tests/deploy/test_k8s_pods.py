"""Pods in Kubernetes: images that are made, memory that was measured, rights that are few."""

from __future__ import annotations

import lzma
import re
import tomllib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from services.settings import MIB
from tests.deploy.k8s import Build, built, containers, name_of, ours, settings_for
from tests.deploy.pod_security import violations
from tests.deploy.promql import DEPLOY

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = DEPLOY.parent

MEASURED_MIB = {"ingest": 105, "reader": 84, "enrichment": 550, "indexer": 101}
"""The most that a process took at work: the largest of bench_memory's and bench_bounds' figures,
for enrichment with en_core_web_md and batches of texts of 20,000 words."""

SECRETS: dict[str, set[str] | None] = {
    "wiredesk-redis": {
        "url",
        "password",
        "ingest-url",
        "enrichment-url",
        "indexer-url",
        "users.acl",
    },
    "wiredesk-redis-ca": None,
    "wiredesk-store": {"url"},
    "wiredesk-keda": {"address", "username", "password", "tls"},
    "wiredesk-drop": None,
    "wiredesk-api-tls": None,
    "wiredesk-drop-tls": None,
}
"""What operators make, with its keys; None: all of it is mounted, or a certificate."""

UNITS = {"Ki": 1024, "Mi": MIB, "Gi": 1024 * MIB}


def bytes_of(quantity: str) -> int:
    """A quantity of memory in bytes."""
    return int(quantity[:-2]) * UNITS[quantity[-2:]]


# --- images -----------------------------------------------------------------------------------
def targets() -> set[str]:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    return set(re.findall(r"^FROM \S+ AS (\S+)$", text, re.MULTILINE))


def test_images_are_those_that_the_dockerfile_makes_in_the_version_of_this_release(
    build: Build,
) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for pod, container in ours(build):
        name, _, tag = container["image"].rpartition(":")
        assert tag == project["version"]
        assert name == f"wiredesk-{pod.name}"
        assert name.removeprefix("wiredesk-") in targets()


def test_no_image_is_whatever_is_the_latest(build: Build) -> None:
    for _, container in containers(build):
        assert re.search(r":v?\d+\.\d+[\w.-]*(@sha256:[0-9a-f]{64})?$", container["image"])
        assert container["imagePullPolicy"] == "IfNotPresent"


# --- resources --------------------------------------------------------------------------------
def test_every_container_asks_for_what_it_takes_and_has_a_limit_of_memory(build: Build) -> None:
    for _, container in containers(build):
        resources = container["resources"]
        assert resources["requests"].keys() == {"cpu", "memory"}
        # A limit on the CPU would stop a process for parts of each tenth of a second.
        assert resources["limits"].keys() == {"memory"}
        assert bytes_of(resources["limits"]["memory"]) >= bytes_of(resources["requests"]["memory"])


def test_a_service_has_the_memory_that_was_measured(build: Build) -> None:
    for _, container in ours(build):
        measured = MEASURED_MIB.get(container["name"])
        if measured:
            requested = bytes_of(container["resources"]["requests"]["memory"])
            assert requested >= 1.25 * measured * MIB, container["name"]


def test_readers_at_their_limit_do_not_cost_the_pod(build: Build) -> None:
    """A bomb costs its own record: its reader is ended before the kernel ends everything."""
    container = build.pod("ingest").container("ingest")
    settings = settings_for(build, container)
    all_readers = settings.reader_processes * settings.reader_memory_bytes
    limit = bytes_of(container["resources"]["limits"]["memory"])
    assert limit >= MEASURED_MIB["ingest"] * MIB + all_readers


def test_an_indexer_has_memory_for_every_event_stream_that_it_may_serve(build: Build) -> None:
    container = build.pod("indexer").container("indexer")
    streams = settings_for(build, container).sse_clients * 100_000
    limit = bytes_of(container["resources"]["limits"]["memory"])
    assert limit >= MEASURED_MIB["indexer"] * MIB + streams


def unpacked(path: Path) -> int:
    """Bytes of what an LZMA file holds."""
    with lzma.open(path) as file:
        return sum(len(piece) for piece in iter(lambda: file.read(MIB), b""))


def test_the_model_of_languages_has_room_where_it_is_unpacked() -> None:
    """py3langid does that in /tmp at each start; a pod that goes beyond its limit is evicted."""
    found = find_spec("py3langid")
    assert found is not None
    (model,) = (Path(found.origin or "").parent / "data").glob("*.xz")
    (tmp,) = (
        each["emptyDir"]
        for each in built("single").pod("enrichment").spec["volumes"]
        if each["name"] == "tmp"
    )
    assert bytes_of(tmp["sizeLimit"]) > 2 * unpacked(model)


def test_what_is_empty_at_the_start_has_a_bound(build: Build) -> None:
    for pod in build.pods():
        for volume in pod.spec["volumes"]:
            if "emptyDir" in volume:
                assert bytes_of(volume["emptyDir"]["sizeLimit"]) > 0


# --- security ---------------------------------------------------------------------------------
def test_every_pod_holds_the_restricted_standard(build: Build) -> None:
    assert {pod.name: violations(pod.spec) for pod in build.pods() if violations(pod.spec)} == {}


def test_the_cluster_is_told_to_hold_it(build: Build) -> None:
    (namespace,) = build.of("Namespace")
    labels = namespace["metadata"]["labels"]
    for mode in ("enforce", "warn", "audit"):
        assert labels[f"pod-security.kubernetes.io/{mode}"] == "restricted"


def test_more_than_the_standard_asks_nothing_is_written_and_nobody_is_root(build: Build) -> None:
    for pod in build.pods():
        assert pod.spec["securityContext"]["runAsUser"] > 0
        for container in pod.containers:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_pods_run_as_the_images_own_user(build: Build) -> None:
    """By number, since a kubelet can't tell of a name that it isn't root."""
    made = re.search(r"--uid (\d+)", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"))
    assert made is not None
    for pod in build.pods():
        assert pod.spec["securityContext"]["runAsUser"] == int(made[1])


def test_no_pod_may_ask_the_clusters_api(build: Build) -> None:
    (account,) = build.of("ServiceAccount")
    assert account["automountServiceAccountToken"] is False
    assert not build.of("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")
    for pod in build.pods():
        assert pod.spec["serviceAccountName"] == name_of(account)
        assert pod.spec["automountServiceAccountToken"] is False


def test_no_secret_is_in_the_repository_and_each_that_is_asked_for_is_known(build: Build) -> None:
    assert build.of("Secret") == []
    assert {name for name, _ in secrets_of(list(build.documents))} <= SECRETS.keys()
    for name, key in secrets_of(list(build.documents)):
        known = SECRETS[name]
        assert known is None or key in known, f"{name}: {key}"


def secrets_of(node: Any) -> Iterator[tuple[str, str | None]]:
    """Every Secret that something refers to, with the key; None: all of its keys."""
    if isinstance(node, Mapping):
        if "secretKeyRef" in node:
            yield node["secretKeyRef"]["name"], node["secretKeyRef"]["key"]
        if "secretName" in node:
            for item in node.get("items", [{"key": None}]):
                yield node["secretName"], item["key"]
        for each in node.get("secretTargetRef", ()):
            yield each["name"], each["key"]
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from secrets_of(each)


def test_a_secret_is_found_wherever_it_is_asked_for() -> None:
    found = yaml.safe_load(
        "[{env: [{valueFrom: {secretKeyRef: {name: a, key: k}}}]}, {secret: {secretName: b}},"
        " {secret: {secretName: c, items: [{key: k}]}}, {secretTargetRef: [{name: d, key: k}]}]"
    )
    assert list(secrets_of(found)) == [("a", "k"), ("b", None), ("c", "k"), ("d", "k")]
