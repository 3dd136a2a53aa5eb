"""The pods of deploy/k8s do their work with what their manifests give them, and nothing more.

Everything but a cluster is real: images, users, rights, folders, settings, probes, grace periods.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.containers.kit import BUILDING, ROOT, engine, require_engine
from tests.containers.pods import RunningPods, running_pods
from tests.deploy.k8s import composed
from tests.docs.lookup import commands_of
from tests.docs.markdown import commands, document
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

require_engine()
pytestmark = BUILDING

PASSWORD = "0123456789abcdef" * 3
SECRETS = {
    "wiredesk-redis": {"url": f"redis://:{PASSWORD}@redis:6379/0", "password": PASSWORD},
    "wiredesk-drop": {"tokens": ""},
}
SEED = next((ROOT / "seeds").glob("*.txt"))


@pytest.fixture(scope="module")
def pods(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPods]:
    """The desk of overlays/single with the receiver, as docs/kubernetes.md starts it."""
    build = composed("single", ["receiver"])
    with running_pods(build, tmp_path_factory.mktemp("pods"), SECRETS) as running:
        yield running


def as_written(mark: str) -> Iterator[tuple[str, list[str]]]:
    """Each `kubectl exec` of a block of docs/kubernetes.md: the container, and its command."""
    (block,) = (b for b in document("docs/kubernetes.md").blocks if mark in b.code)
    for words in commands_of(commands(block)):
        if words[:2] == ["kubectl", "exec"]:
            cut = words.index("--")
            yield words[cut - 1].removesuffix("-0"), words[cut + 1 :]


def done(pods: RunningPods, name: str, command: Sequence[str]) -> str:
    code, said = pods.run(name, command)
    assert code == 0, said
    return said


def test_every_probe_passes_where_everything_is_there(pods: RunningPods) -> None:
    for pod in pods.build.pods():
        for container in pod.containers:
            for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
                if "tcpSocket" not in container[kind]:
                    assert pods.probe(container, kind), f"{container['name']}: {kind}"


def test_a_file_that_is_dropped_as_the_page_says_is_filed_and_can_be_read(
    pods: RunningPods,
) -> None:
    (drop, *looks) = as_written("one.txt.part")
    name, (shell, option, script) = drop
    inbox = pods.folder / "ingest-inbox"
    (inbox / "given.part").write_bytes(SEED.read_bytes())
    done(pods, name, [shell, option, f"({script}) < /inbox/given.part && rm /inbox/given.part"])
    wait_until(lambda: list(inbox.glob("done/*.receipt.json")), "the receipt", 90)
    for each, command in looks:
        assert done(pods, each, command)
    (receipt,) = inbox.glob("done/*.receipt.json")
    (article,) = json.loads(receipt.read_text("utf-8"))["articles"]
    status, body = pods.ask("indexer", f"http://127.0.0.1:8420/v1/articles/{article['article_id']}")
    assert status == 200
    assert json.loads(body)["article"]["headline"] in SEED.read_text("utf-8")


def test_doctor_finds_nothing_amiss_in_the_parts_that_a_pod_has(pods: RunningPods) -> None:
    looks = [command for _, command in as_written("--only folders")]
    (in_ingest,) = (command for command in looks if "folders" in command)
    # Warnings are of this machine: its disks, its limits.
    code, said = pods.run("ingest", in_ingest)
    assert code in {0, 1}, said
    assert "stores" in looks[-1]


def test_a_copy_of_the_store_is_taken_as_the_page_says(pods: RunningPods) -> None:
    for name, command in as_written("VACUUM INTO"):
        if command[0] == "cat":
            sizes = done(pods, name, ["stat", "-c", "%s", command[1]])
            assert int(sizes) > 0
        else:
            done(pods, name, command)


def test_tokens_are_made_in_the_pods_as_the_page_says(pods: RunningPods) -> None:
    ((ingest, command),) = as_written("drop-token newswire")
    assert re.search(r"^\S{20,}$", done(pods, ingest, command), re.MULTILINE)
    ((indexer, command),) = as_written("tokens add newsroom")
    token = re.search(r"^\S{20,}$", done(pods, indexer, command), re.MULTILINE)
    assert token is not None
    done(pods, indexer, ["wiredesk", "tokens", "remove", "newsroom"])


@pytest.mark.parametrize("name", ["ingest", "receiver", "enrichment", "indexer"])
def test_a_pod_ends_in_peace_within_its_grace_period(pods: RunningPods, name: str) -> None:
    grace = {
        container["name"]: pod.spec["terminationGracePeriodSeconds"]
        for pod in pods.build.pods()
        for container in pod.containers
    }[name]
    container = engine().containers.get(pods.containers[name].id)
    container.kill("SIGTERM")
    assert container.wait(timeout=grace)["StatusCode"] == 0
