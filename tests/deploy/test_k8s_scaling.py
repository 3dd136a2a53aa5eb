"""A desk in Kubernetes scales by what waits, and its nodes can be drained."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

import pytest

from services.bus.keys import ENRICHMENT, RAW_STREAM, Keys
from tests.bus.desk import articles, publish
from tests.deploy.k8s import Build, Pod, built, environment, name_of, selects, settings_for

if TYPE_CHECKING:
    from redis import Redis

    from services.settings import Settings

SCALED = ("scaled", "single+all", "scaled+all")


def scaled_object(build: Build) -> dict[str, Any]:
    spec: dict[str, Any] = build.one("ScaledObject", "enrichment")["spec"]
    return spec


def enrichment(build: Build) -> Settings:
    return settings_for(build, build.pod("enrichment").container("enrichment"))


# --- nodes can be drained ---------------------------------------------------------------------
def fewest(build: Build, pod: Pod) -> int:
    """The smallest number of pods that a workload has."""
    if pod.replicas is not None:
        return pod.replicas
    least: int = scaled_object(build)["minReplicaCount"]
    return least


def may_go(budget: dict[str, Any], pods: int) -> int:
    """How many of so many pods a budget lets be evicted; percents are rounded up.

    Raises ``KeyError`` where neither bound is given.
    """
    if "maxUnavailable" in budget:
        return share(budget["maxUnavailable"], pods)
    return pods - share(budget["minAvailable"], pods)


def share(bound: int | str, pods: int) -> int:
    return ceil(pods * int(bound.rstrip("%")) / 100) if isinstance(bound, str) else bound


@pytest.mark.parametrize(
    ("budget", "pods", "expected"),
    [
        ({"maxUnavailable": 1}, 1, 1),
        ({"minAvailable": 1}, 1, 0),
        ({"minAvailable": 1}, 2, 1),
        ({"maxUnavailable": "25%"}, 2, 1),
        ({"minAvailable": "50%"}, 1, 0),
        ({"maxUnavailable": 0}, 5, 0),
    ],
)
def test_what_a_budget_lets_go_is_counted_as_kubernetes_does(
    budget: dict[str, Any], pods: int, expected: int
) -> None:
    assert may_go(budget, pods) == expected


def test_no_budget_keeps_a_node_from_being_drained(build: Build) -> None:
    for pod in build.pods():
        budgets = [
            each["spec"]
            for each in build.of("PodDisruptionBudget")
            if selects(pod.labels, each["spec"]["selector"])
        ]
        assert len(budgets) == 1, "two budgets for a pod refuse every eviction"
        assert may_go(budgets[0], fewest(build, pod)) >= 1, pod.name
        assert budgets[0]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_a_rollout_never_takes_the_last_pod_that_works(build: Build) -> None:
    for owner in build.of("Deployment"):
        strategy = owner["spec"]["strategy"]
        assert strategy == {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
        }


def test_what_has_one_writer_never_runs_twice(build: Build) -> None:
    """Ingest, a SQLite store and the server: a StatefulSet of one, and a volume that stays."""
    singles = {"ingest", *(pod.name for pod in build.pods() if pod.claims())}
    for name in singles:
        pod = build.pod(name)
        assert pod.owner["kind"] == "StatefulSet"
        assert pod.replicas == 1
        for claim in pod.owner["spec"]["volumeClaimTemplates"]:
            assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
        # A version that never gets ready can be taken back without deleting pods by hand.
        assert pod.owner["spec"]["podManagementPolicy"] == "Parallel"


def test_several_indexers_only_over_a_store_that_several_may_write(build: Build) -> None:
    pod = build.pod("indexer")
    store_url = "WIREDESK_STORE_URL" in environment(pod.container("indexer"), build.settings())
    assert store_url == (pod.owner["kind"] == "Deployment")
    assert store_url == (pod.replicas is not None and pod.replicas > 1)


def test_a_shared_inbox_is_one_that_several_nodes_may_mount() -> None:
    modes = {
        name: built(name).one("PersistentVolumeClaim", "inbox")["spec"]["accessModes"]
        for name in ("single", "external", "scaled")
    }
    assert modes == {
        # What kind and k3s bring can do no more, and ingest alone mounts it.
        "single": ["ReadWriteOnce"],
        "external": ["ReadWriteMany"],
        "scaled": ["ReadWriteMany"],
    }


# --- as many as the stream needs --------------------------------------------------------------
@pytest.mark.parametrize("name", SCALED)
def test_each_stream_that_enrichment_reads_is_looked_at(name: str) -> None:
    settings = enrichment(built(name))
    triggers = [each["metadata"] for each in scaled_object(built(name))["triggers"]]
    assert {(each["stream"], each["consumerGroup"]) for each in triggers} == {
        (key, ENRICHMENT.group) for key in raw_streams(settings)
    }


def raw_streams(settings: Settings) -> list[str]:
    """The key of the stream of raw articles, in each partition."""
    return [keys.stream(RAW_STREAM) for keys in Keys.of(settings).each(RAW_STREAM)]


@pytest.mark.parametrize("name", SCALED)
def test_only_the_scaler_says_how_many(name: str) -> None:
    """A number in the Deployment would be set again with each ``kubectl apply``."""
    build, spec = built(name), scaled_object(built(name))
    target = spec["scaleTargetRef"]
    (owner,) = (each for each in build.of(target["kind"]) if name_of(each) == target["name"])
    assert "replicas" not in owner["spec"]
    assert 1 <= spec["minReplicaCount"] < spec["maxReplicaCount"]


@pytest.mark.parametrize("name", SCALED)
def test_a_long_file_may_wait_deep_enough_to_ask_for_every_pod(name: str) -> None:
    """It pauses at WIREDESK_BULK_BACKLOG: were that less, the last pods would never be wanted."""
    settings, spec = enrichment(built(name)), scaled_object(built(name))
    for trigger in spec["triggers"]:
        for_each = int(trigger["metadata"]["lagCount"])
        assert for_each * spec["maxReplicaCount"] <= settings.bulk_backlog
        # More than a worker has in its hands, or pods would be started for nothing.
        assert for_each > settings.batch_size
    # As docs of the setting say: 32 for each worker.
    assert settings.bulk_backlog == 32 * spec["maxReplicaCount"]


@pytest.mark.parametrize("name", SCALED)
def test_the_scaler_asks_as_somebody_that_the_operator_named(name: str) -> None:
    known = {name_of(each) for each in built(name).of("TriggerAuthentication")}
    for trigger in scaled_object(built(name))["triggers"]:
        assert trigger["authenticationRef"]["name"] in known


def waiting(redis: Redis, trigger: dict[str, str]) -> int | None:
    """What KEDA reads for a trigger: the lag of its group, by XINFO GROUPS."""
    groups: Any = redis.xinfo_groups(trigger["stream"])
    (found,) = (each for each in groups if each["name"].decode() == trigger["consumerGroup"])
    lag: int | None = found["lag"]
    return lag


@pytest.mark.anyio
async def test_what_the_scaler_asks_a_server_is_what_waits(
    redis: Redis, settings: Settings
) -> None:
    """Also after the stream was trimmed below what was acknowledged, which keeps it known."""
    trigger = scaled_object(built("scaled"))["triggers"][0]["metadata"]
    stream, group = trigger["stream"], trigger["consumerGroup"]
    await publish(settings, *articles(*(f"good {number}" for number in range(5))))
    assert waiting(redis, trigger) == 5
    answer: Any = redis.xreadgroup(group, "one", {stream: ">"}, count=3)
    entries = [entry for entry, _ in answer[0][1]]
    assert waiting(redis, trigger) == 2, "what is in work isn't counted"
    redis.xack(stream, group, *entries)
    redis.xtrim(stream, minid=entries[-1], approximate=False)
    assert waiting(redis, trigger) == 2
