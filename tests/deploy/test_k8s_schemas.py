"""Each document is what Kubernetes, or whose kind it is, takes: by strict schemas of each field."""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from jsonschema import ValidationError as NotOfSchema
from kubernetes_validate import latest_version
from kubernetes_validate.utils import schema_contents
from referencing import Registry, Resource

from tests.deploy.k8s import BUILDS, CLUSTER_WIDE, Document, built, built_from, name_of

OLDEST = "1.30.0"
"""What docs/kubernetes.md claims; `sleep` before a stop is known from there on."""

NEWEST: str = latest_version()

CRDS = Path(__file__).with_name("crds.yaml")

seen: set[tuple[str, str]] = set()
"""Documents that passed, by version: overlays have most of theirs in common."""


@cache
def own_schemas() -> dict[str, Draft202012Validator]:
    """Validators of kinds that aren't Kubernetes' own."""
    schemas: dict[str, Any] = yaml.safe_load(CRDS.read_text(encoding="utf-8"))
    schemas.pop("$defs")
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    return {kind: Draft202012Validator(schema) for kind, schema in schemas.items()}


@cache
def definitions(version: str) -> tuple[str, Registry[Any]]:
    """Where a version's strict schemas lie, and what they refer to.

    The package's own ``validate`` reads the two megabytes of it anew for each document.
    """
    folder = f"kubernetes-json-schema/v{version}-local-strict"
    contents = schema_contents(f"{folder}/_definitions.json", version)
    return folder, Resource.from_contents(contents) @ Registry()


@cache
def kubernetes_schema(version: str, kind: str, api: str) -> Draft202012Validator:
    """The validator of a kind; ``FileNotFoundError`` where that version has none."""
    folder, registry = definitions(version)
    group, _, of_group = api.rpartition("/")
    # networking.k8s.io/v1 is networking-v1 there.
    prefix = f"{group.partition('.')[0]}-" if group else ""
    schema = schema_contents(f"{folder}/{kind.lower()}-{prefix}{of_group}.json", version)
    return Draft202012Validator(schema, registry=Resource.from_contents(schema) @ registry)


def check(document: Document, version: str) -> None:
    """Refuse what isn't of its schema, strictly: no field that the schema doesn't have."""
    kind = document["kind"]
    fingerprint = (version, json.dumps(document, sort_keys=True))
    if fingerprint not in seen:
        known = own_schemas().get(kind)
        (known or kubernetes_schema(version, kind, document["apiVersion"])).validate(document)
        seen.add(fingerprint)


@pytest.mark.parametrize("name", BUILDS)
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_document_is_of_its_schema(name: str, version: str) -> None:
    for document in built(name).documents:
        check(document, version)


def test_the_newest_schemas_are_newer_than_the_oldest() -> None:
    """Else one of the two proves nothing."""
    assert [int(part) for part in NEWEST.split(".")[:2]] > [int(part) for part in OLDEST.split(".")]


@pytest.mark.parametrize("name", BUILDS)
def test_no_two_documents_are_one_object_of_the_cluster(name: str) -> None:
    known = [(each["kind"], name_of(each)) for each in built(name).documents]
    assert len(known) == len(set(known))


@pytest.mark.parametrize("name", BUILDS)
def test_everything_lies_in_the_desks_namespace(name: str) -> None:
    """What names none would land in whichever namespace the operator's kubectl stands."""
    (namespace,) = built(name).of("Namespace")
    for document in built(name).documents:
        if document["kind"] not in CLUSTER_WIDE:
            assert document["metadata"].get("namespace") == name_of(namespace), name_of(document)


def test_a_second_desk_is_an_overlay_with_another_namespace() -> None:
    text = "resources: [DEPLOY/overlays/single]\nnamespace: sports\n"
    build = built_from("sports", text)
    assert name_of(build.of("Namespace")[0]) == "sports"
    places = {each["metadata"].get("namespace") for each in build.documents}
    assert places - {None} == {"sports"}


# --- the checks can fail ------------------------------------------------------------------------
GONE = object()

CORE_MISTAKES: list[tuple[str, str, object]] = [
    ("StatefulSet/ingest", "spec.replica", 1),
    ("StatefulSet/ingest", "spec.replicas", "1"),
    ("StatefulSet/ingest", "spec.selector", GONE),
    ("Deployment/enrichment", "spec.template.spec.enableServiceLink", False),
    ("Deployment/enrichment", "spec.template.spec.containers.0.readynessProbe", {}),
    ("PodDisruptionBudget/ingest", "spec.maxUnavailible", 1),
    ("NetworkPolicy/to-dns", "spec.egress.0.ports.0.portt", 53),
    ("Ingress/api", "spec.rules.0.http.paths.0.pathType", GONE),
    ("Service/api", "spec.ports.0.port", "http"),
]
OWN_MISTAKES: list[tuple[str, str, object]] = [
    ("ScaledObject/enrichment", "spec.minReplicas", 1),
    ("ScaledObject/enrichment", "spec.triggers.0.metadata.lagCount", 32),
    ("ScaledObject/enrichment", "spec.triggers.0.metadata.lag", "32"),
    ("ScaledObject/enrichment", "spec.triggers.0.metadata.activationLagCount", GONE),
    ("ScaledObject/enrichment", "spec.triggers.0.type", "redis-stream"),
    ("TriggerAuthentication/redis", "spec.secretTargetRef.0.parameter", "url"),
    ("ServiceMonitor/wiredesk", "spec.endpoints.0.interval", "15"),
    ("ServiceMonitor/wiredesk", "spec.podMetricsEndpoints", []),
    ("PrometheusRule/wiredesk", "spec.groups.0.rules.0.alert", "Both"),
    ("PrometheusRule/wiredesk", "spec.groups.0.rules.0.for", "5m"),
]


def spoiled(document: Document, path: str, value: object) -> Document:
    """A copy with one thing changed, or gone."""
    copy = deepcopy(document)
    there: Any = copy
    *steps, last = path.split(".")
    for step in steps:
        there = there[int(step)] if step.isdigit() else there[step]
    if value is GONE:
        del there[last]
    else:
        there[last] = value
    return copy


@pytest.mark.parametrize(("which", "path", "value"), [*CORE_MISTAKES, *OWN_MISTAKES])
def test_a_mistake_is_found(which: str, path: str, value: object) -> None:
    kind, _, name = which.partition("/")
    document = built("single+all").one(kind, name)
    check(document, NEWEST)
    with pytest.raises(NotOfSchema):
        check(spoiled(document, path, value), NEWEST)


def test_a_kind_that_nobody_knows_is_refused() -> None:
    document = {"apiVersion": "example.org/v1", "kind": "Unheard", "metadata": {"name": "of"}}
    with pytest.raises(FileNotFoundError):
        check(document, NEWEST)
