"""docs/kubernetes.md says what deploy/k8s holds: its examples are built, its names are there."""

from __future__ import annotations

import re
import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING

import pytest
import yaml

from services.bus.keys import RAW_STREAM, Keys
from tests.deploy.k8s import (
    COMPONENTS,
    OVERLAYS,
    Build,
    Document,
    built,
    built_from,
    name_of,
    ours,
    settings_for,
)
from tests.deploy.pod_security import violations
from tests.deploy.test_k8s import hosts
from tests.deploy.test_k8s_pods import SECRETS
from tests.deploy.test_k8s_schemas import NEWEST, OLDEST, check
from tests.docs.lookup import commands_of
from tests.docs.markdown import Block, commands, document
from tests.repo.lock_check import ROOT

if TYPE_CHECKING:
    from pathlib import Path

NAME = "docs/kubernetes.md"
TEXT = (ROOT / NAME).read_text(encoding="utf-8")

CHECKOUT = "../wiredesk/deploy/k8s"
"""Where the example of an overlay has deploy/k8s."""

ENDS_OF_EXAMPLES = ("192.0.2.", "desk.example.org", "drop.example.org")
"""What stands in the manifests until an operator says what is his."""


def blocks(mark: str) -> list[Block]:
    return [each for each in document(NAME).blocks if mark in each.marks]


def typed() -> list[list[str]]:
    """Every command of the page."""
    shells = [each for each in document(NAME).blocks if each.language == "sh"]
    return [words for each in shells for words in commands_of(commands(each))]


@cache
def own_overlay() -> Build:
    (block,) = blocks("overlay: everything")
    assert CHECKOUT in block.code
    return built_from("own", block.code.replace(CHECKOUT, "DEPLOY"))


# --- an overlay of one's own ------------------------------------------------------------------
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_the_example_of_an_overlay_is_built_and_of_its_schemas(version: str) -> None:
    for each in own_overlay().documents:
        check(each, version)


def test_it_replaces_everything_that_is_only_an_example() -> None:
    text = yaml.safe_dump_all(own_overlay().documents)
    assert [each for each in ENDS_OF_EXAMPLES if each in text] == []
    shipped = yaml.safe_dump_all(built("scaled+all").documents)
    assert [each for each in ENDS_OF_EXAMPLES if each in shipped] == list(ENDS_OF_EXAMPLES)


def test_its_images_come_from_its_registry_also_the_receivers() -> None:
    images = {container["name"]: container["image"] for _, container in ours(own_overlay())}
    assert set(images) == {"ingest", "receiver", "enrichment", "indexer"}
    for image in images.values():
        assert re.fullmatch(r"registry\.example\.org/wiredesk-[a-z]+:\d+\.\d+\.\d+", image)


def test_its_settings_belong_to_its_ingresses() -> None:
    build = own_overlay()
    settings = settings_for(build, build.pod("ingest").container("receiver"))
    assert set(settings.api_hosts) == hosts(build.one("Ingress", "api"))
    assert {settings.drop_url} == {
        f"https://{host}" for host in hosts(build.one("Ingress", "drop"))
    }
    assert settings.bulk_backlog == 256, "what components have set stays"


def test_a_changed_setting_rolls_the_pods() -> None:
    """Their ConfigMap is another one, by a name that they ask for."""
    before, after = (
        build.pod("enrichment").container("enrichment")["envFrom"][0]["configMapRef"]["name"]
        for build in (built("scaled+all"), own_overlay())
    )
    assert before != after
    assert after in {name_of(each) for each in own_overlay().of("ConfigMap")}


def test_with_partitions_each_stream_has_a_trigger() -> None:
    (block,) = blocks("patch: partitions")
    text = yaml.safe_dump(
        {
            "resources": ["DEPLOY/overlays/scaled"],
            "patches": [
                {"target": {"kind": "ScaledObject", "name": "enrichment"}, "patch": block.code},
                {
                    "target": {"kind": "ConfigMap", "name": "wiredesk"},
                    "patch": '[{"op": "add", "path": "/data/WIREDESK_PARTITIONS", "value": "2"}]',
                },
            ],
        }
    )
    build = built_from("partitions", text)
    scaled = build.one("ScaledObject", "enrichment")
    check(scaled, NEWEST)
    settings = settings_for(build, build.pod("enrichment").container("enrichment"))
    assert settings.partitions == scaled["spec"]["maxReplicaCount"] == 2
    assert [each["metadata"]["stream"] for each in scaled["spec"]["triggers"]] == [
        keys.stream(RAW_STREAM) for keys in Keys.of(settings).each(RAW_STREAM)
    ]


# --- names ------------------------------------------------------------------------------------
def test_every_overlay_and_component_is_there_and_explained() -> None:
    assert set(re.findall(r"`overlays/(\w+)`", TEXT)) == set(OVERLAYS)
    named = re.findall(r"^\| (`components/.*?) \|", TEXT, re.MULTILINE)
    assert {name for cell in named for name in re.findall(r"[a-z]+(?=`)", cell)} == set(COMPONENTS)


def test_what_commands_name_is_run() -> None:
    everything = [*built("single").documents, *built("scaled+all").documents]
    there = {f"{each['kind'].lower()}/{name_of(each)}" for each in everything}
    pods = {f"{name_of(each)}-0" for each in everything if each["kind"] == "StatefulSet"}
    for words in typed():
        for word in words[: words.index("--")] if "--" in words else words:
            if re.match(r"(statefulset|deployment)/", word):
                assert word in there, shlex.join(words)
            if re.fullmatch(r"[a-z]+-0", word):
                assert word in pods, shlex.join(words)


def test_every_namespaced_command_says_the_namespace() -> None:
    about_the_cluster = {"kustomize", "label", "apply", "delete"}
    for words in typed():
        if words[0] == "kubectl" and words[1] not in about_the_cluster:
            assert words[words.index("-n") + 1] == "wiredesk", shlex.join(words)


def test_every_secret_is_made_with_its_keys() -> None:
    made: dict[str, set[str]] = {}
    for words in typed():
        if words[:3] == ["kubectl", "create", "secret"]:
            keys = {
                word.split("=")[1]
                for word in words
                if word.startswith(("--from-literal=", "--from-file="))
            }
            made.setdefault(words[4], set()).update(keys)
    assert made.keys() == SECRETS.keys()
    for name, known in SECRETS.items():
        assert known is None or made[name] == known, name


def test_the_certificate_of_the_server_has_the_name_that_is_read() -> None:
    build = built("scaled+all")
    settings = settings_for(build, build.pod("enrichment").container("enrichment"))
    (words,) = (each for each in typed() if "wiredesk-redis-ca" in each)
    assert settings.redis_ca_file is not None
    assert f"--from-file={settings.redis_ca_file.name}" in words


def test_keda_asks_by_tls_as_the_services_do() -> None:
    """Plainly at a server that wants TLS it would wait for an answer that never comes."""
    (trigger,) = own_overlay().one("ScaledObject", "enrichment")["spec"]["triggers"]
    assert trigger["metadata"]["enableTLS"] == "true"
    assert "rediss://" in TEXT
    (other,) = built("scaled+all").one("ScaledObject", "enrichment")["spec"]["triggers"]
    assert "enableTLS" not in other["metadata"], "KEDA refuses both ways at once"
    given = built("scaled+all").one("TriggerAuthentication", "redis")["spec"]["secretTargetRef"]
    assert {"tls", "ca"} <= {each["parameter"] for each in given}


def test_the_secret_of_the_receiver_has_the_file_that_it_reads() -> None:
    build = built("single+all")
    settings = settings_for(build, build.pod("ingest").container("receiver"))
    (words,) = (each for each in typed() if "wiredesk-drop" in each)
    (file,) = (word.partition("=")[2] for word in words if word.startswith("--from-file="))
    assert settings.drop_tokens_file is not None
    assert settings.drop_tokens_file.name == file


def test_labels_that_open_a_way_are_those_of_the_policies() -> None:
    given = {words[4] for words in typed() if words[:3] == ["kubectl", "label", "namespace"]}
    asked = {
        f"{key}={value}"
        for policy in built("single+all").of("NetworkPolicy")
        for rule in policy["spec"].get("ingress", ())
        for peer in rule["from"]
        for key, value in peer.get("namespaceSelector", {}).get("matchLabels", {}).items()
    }
    assert given == asked
    for label in asked:
        assert f"`{label}`" in TEXT


def test_every_policy_stands_in_the_table_of_who_talks_to_whom() -> None:
    _, _, after = TEXT.partition("## Who may talk to whom")
    table = after.partition("\n## ")[0]
    for name in ("single+all", "scaled+all"):
        for policy in built(name).of("NetworkPolicy"):
            assert f"`{name_of(policy)}`" in table


def test_claims_are_named_as_kubernetes_names_them() -> None:
    claims = {
        f"{claim}-{pod.name}-0" for pod in built("single").pods() for claim in sorted(pod.claims())
    }
    assert claims == {"state-ingest-0", "store-indexer-0", "data-redis-0"}
    for claim in claims:
        assert f"`{claim}`" in TEXT


# --- backup and restore -----------------------------------------------------------------------
def test_the_copy_of_a_store_is_whole_while_it_is_written(tmp_path: Path) -> None:
    (block,) = blocks("backup: store")
    command, taken, removed = commands_of(commands(block))
    script = command[command.index("-c") + 1]
    (folder,) = set(re.findall(r"/var/lib/\w+", script))
    source, copy = tmp_path / "store.sqlite3", tmp_path / "backup.sqlite3"
    assert taken[-1] == removed[-1] == f"{folder}/{copy.name}"
    with closing(sqlite3.connect(source)) as writing:
        writing.execute("PRAGMA journal_mode=WAL")
        writing.execute("CREATE TABLE articles (number)")
        writing.executemany("INSERT INTO articles VALUES (?)", [(n,) for n in range(100)])
        writing.commit()
        # What is begun and not committed is in no copy, and doesn't hold one up.
        writing.execute("INSERT INTO articles VALUES (100)")
        here = script.replace(folder, str(tmp_path))
        subprocess.run([sys.executable, "-c", here], check=True, timeout=60)
    with closing(sqlite3.connect(copy)) as reading:
        assert reading.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert reading.execute("SELECT count(*) FROM articles").fetchone() == (100,)


def restore_pod() -> Document:
    (block,) = blocks("pod: restore")
    found: Document = yaml.safe_load(block.code)
    return found


def test_the_pod_that_restores_may_run_in_the_namespace() -> None:
    pod = restore_pod()
    check(pod, OLDEST)
    check(pod, NEWEST)
    assert violations(pod["spec"]) == []
    (namespace,) = built("single").of("Namespace")
    assert pod["metadata"]["namespace"] == name_of(namespace)


def test_it_sees_the_store_as_the_indexer_does() -> None:
    pod, indexer = restore_pod()["spec"], built("single").pod("indexer")
    (container,) = pod["containers"]
    assert container["image"] == indexer.container("indexer")["image"]
    for name in ("runAsUser", "runAsGroup", "fsGroup"):
        assert pod["securityContext"][name] == indexer.spec["securityContext"][name]
    (volume,) = pod["volumes"]
    assert volume["persistentVolumeClaim"]["claimName"] == "store-indexer-0"
    settings = settings_for(built("single"), indexer.container("indexer"))
    assert container["volumeMounts"][0]["mountPath"] == str(settings.store.parent)
