"""deploy/k8s as a cluster would get it: built by kustomize, read, and asked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.settings import Settings
from tests.deploy.promql import DEPLOY

K8S = DEPLOY / "k8s"
OVERLAYS = ("single", "external", "scaled")
COMPONENTS = tuple(sorted(path.name for path in (K8S / "components").iterdir()))

Document = dict[str, Any]

WORKLOADS = frozenset({"Deployment", "StatefulSet"})
CLUSTER_WIDE = frozenset({"Namespace"})
"""Kinds of ours that lie in no namespace."""


class NotBuilt(AssertionError):  # noqa: N818  (named for what is the case)
    """Kustomize refused; the message is its own."""


@dataclass(frozen=True)
class Build:
    """What an overlay comes to."""

    name: str
    documents: tuple[Document, ...]

    def of(self, *kinds: str) -> list[Document]:
        """All documents of these kinds."""
        return [each for each in self.documents if each["kind"] in kinds]

    def one(self, kind: str, name: str) -> Document:
        """The one of that kind and name."""
        (found,) = (each for each in self.of(kind) if name_of(each) == name)
        return found

    def pods(self) -> list[Pod]:
        """Every kind of pod that is run."""
        return [Pod(each) for each in self.of(*WORKLOADS)]

    def pod(self, name: str) -> Pod:
        """The pods of the workload of that name."""
        (found,) = (pod for pod in self.pods() if pod.name == name)
        return found

    def settings(self) -> dict[str, str]:
        """The ConfigMap that the services read."""
        (found,) = (
            each
            for each in self.of("ConfigMap")
            if name_of(each).startswith("wiredesk-") and "WIREDESK_NAMESPACE" in each["data"]
        )
        data: dict[str, str] = found["data"]
        return data


@dataclass(frozen=True)
class Pod:
    """The pods of one workload."""

    owner: Document

    @property
    def name(self) -> str:
        """The workload's name."""
        return name_of(self.owner)

    @property
    def replicas(self) -> int | None:
        """How many; None where something else says so."""
        found: int | None = self.owner["spec"].get("replicas")
        return found

    @property
    def spec(self) -> Document:
        """The pod's specification."""
        found: Document = self.owner["spec"]["template"]["spec"]
        return found

    @property
    def labels(self) -> dict[str, str]:
        """The pod's labels."""
        found: dict[str, str] = self.owner["spec"]["template"]["metadata"]["labels"]
        return found

    @property
    def containers(self) -> list[Document]:
        """Its containers, with those that run before it."""
        return [*self.spec.get("initContainers", ()), *self.spec["containers"]]

    def container(self, name: str) -> Document:
        """The container of that name."""
        (found,) = (each for each in self.containers if each["name"] == name)
        return found

    def ports(self) -> dict[str, int]:
        """Every port that a container names."""
        return {
            port["name"]: port["containerPort"]
            for container in self.containers
            for port in container.get("ports", ())
        }

    def claims(self) -> set[str]:
        """Names of the volumes that each pod has its own claim for."""
        return {name_of(each) for each in self.owner["spec"].get("volumeClaimTemplates", ())}


def name_of(document: Document) -> str:
    """Its name."""
    return str(document["metadata"]["name"])


def selects(labels: dict[str, str], selector: dict[str, Any]) -> bool:
    """Whether a label selector chooses what has these labels; an empty one chooses all.

    Raises ``KeyError`` for an operator that isn't one.
    """
    wanted = selector.get("matchLabels", {})
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_meets(labels, each) for each in selector.get("matchExpressions", ()))


def _meets(labels: dict[str, str], expression: dict[str, Any]) -> bool:
    value = labels.get(expression["key"])
    among = value in expression.get("values", ())
    return {
        "In": among,
        "NotIn": not among,
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }[str(expression["operator"])]


def environment(container: Document, settings: dict[str, str]) -> dict[str, str | None]:
    """What a container's environment holds; None: from a Secret."""
    shared = settings if container.get("envFrom") else {}
    own = {each["name"]: each.get("value") for each in container.get("env", ())}
    return {**shared, **own}


@cache
def build(overlay: str) -> Build:
    """One of ours, by its name."""
    return _built(overlay, K8S / "overlays" / overlay)


@cache
def with_all(overlay: str) -> Build:
    """One of ours with every component on top that it may have."""
    there = (K8S / "overlays" / overlay / "kustomization.yaml").read_text(encoding="utf-8")
    if overlay == "scaled":
        there += (K8S / "overlays" / "external" / "kustomization.yaml").read_text(encoding="utf-8")
    elsewhere = {"single": {"external", "postgres", "tls"}}.get(overlay, {"redis"})
    more = [name for name in COMPONENTS if f"components/{name}\n" not in there]
    return composed(overlay, [name for name in more if name not in elsewhere])


def composed(overlay: str, components: list[str]) -> Build:
    """One of ours with components on top, as an operator's own overlay has it."""
    document = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [f"DEPLOY/overlays/{overlay}"],
        "components": [f"DEPLOY/components/{name}" for name in components],
    }
    return built_from(f"{overlay}+all", yaml.safe_dump(document))


def built_from(name: str, kustomization: str) -> Build:
    """A kustomization in a folder of its own, ``DEPLOY`` standing for deploy/k8s."""
    with tempfile.TemporaryDirectory() as folder:
        # Its path as the system has it: kustomize counts the ".." from there.
        there = Path(folder).resolve()
        text = kustomization.replace("DEPLOY", os.path.relpath(K8S, there))
        (there / "kustomization.yaml").write_text(text, encoding="utf-8")
        return _built(name, there)


def _built(name: str, folder: Path) -> Build:
    # The wheel's own, beside the Python that runs the tests; else whatever is on PATH.
    found = shutil.which("kubectl", path=str(Path(sys.executable).parent)) or "kubectl"
    done = subprocess.run(
        [found, "kustomize", str(folder)], capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode or done.stderr:
        raise NotBuilt(done.stderr)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return Build(name, tuple(yaml.load_all(done.stdout, Loader=loader)))


BUILDS = (*OVERLAYS, "single+all", "scaled+all")
"""Everything that is looked at: each overlay, and with all that can be added (to ``external`` that
is what ``scaled`` has, too)."""


def built(name: str) -> Build:
    """A build of :data:`BUILDS`."""
    overlay, plus, _ = name.partition("+")
    return with_all(overlay) if plus else build(overlay)


# --- what the services would read -----------------------------------------------------------------
OURS = frozenset({"ingest", "enrichment", "indexer", "receiver"})
"""Containers that run a service of ours; all else is somebody else's."""

EXAMPLES = {
    "WIREDESK_REDIS_URL": "redis://:secret@redis:6379/0",
    "WIREDESK_STORE_URL": "postgresql://wiredesk:secret@db.example.org/wiredesk",
}
"""What stands in an operator's Secrets."""


def containers(build: Build) -> list[tuple[Pod, Document]]:
    """Every container, with its pod."""
    return [(pod, container) for pod in build.pods() for container in pod.containers]


def ours(build: Build) -> list[tuple[Pod, Document]]:
    """Every container of ours, with its pod."""
    return [(pod, each) for pod, each in containers(build) if each["name"] in OURS]


def settings_for(build: Build, container: Document) -> Settings:
    """What the service in a container would read, with an example where a Secret stands."""
    given = environment(container, build.settings())
    with pytest.MonkeyPatch.context() as patch:
        for name, value in given.items():
            patch.setenv(name, EXAMPLES[name] if value is None else value)
        return Settings()
