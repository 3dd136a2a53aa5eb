"""NetworkPolicies let through the pairs that a desk needs, and no other pair of all there are."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest

from tests.deploy.k8s import Build, built
from tests.deploy.policies import End, open_ports, outside

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMESPACE = "wiredesk"

REDIS = outside("192.0.2.10")
POSTGRES = outside("192.0.2.20")
INTERNET = outside("203.0.113.7")
METADATA = outside("169.254.169.254")
"""Where clouds give their machines credentials."""
NODE = outside("10.0.0.4")

DNS = End("dns", {"k8s-app": "kube-dns"}, "kube-system", ports={"dns": 53})
NOT_DNS = End("not dns", {"k8s-app": "metrics-server"}, "kube-system")
LOOKS_LIKE_DNS = End("looks like dns", {"k8s-app": "kube-dns"}, "elsewhere")
INGRESS = End(
    "ingress controller", {}, "web", {"wiredesk/api": "allowed", "wiredesk/drop": "allowed"}
)
PROMETHEUS = End("prometheus", {}, "monitoring", {"wiredesk/metrics": "allowed"})
KEDA = End("keda", {}, "keda", {"wiredesk/scaling": "allowed"})
STRANGER = End("stranger", {"app.kubernetes.io/name": "wiredesk"}, "elsewhere")
NEIGHBOUR = End("neighbour", {"app": "something"}, NAMESPACE)

ELSEWHERE = (
    REDIS,
    POSTGRES,
    INTERNET,
    METADATA,
    NODE,
    DNS,
    NOT_DNS,
    LOOKS_LIKE_DNS,
    INGRESS,
    PROMETHEUS,
    KEDA,
    STRANGER,
    NEIGHBOUR,
)

PORTS = (22, 53, 80, 443, 5432, 6379, 8080, 8420, 8421, 8422, 8423, 8424, 8425, 26379)
"""All ports of ours, and those that somebody would try."""

HEALTH = {("prometheus", "ingest", 8421), ("prometheus", "enrichment", 8422)} | {
    ("prometheus", "indexer", 8423)
}
NAMES = {(service, "dns", 53) for service in ("ingest", "enrichment", "indexer")}
TO_REDIS = {(service, "redis", 6379) for service in ("ingest", "enrichment", "indexer")}
TO_EXTERNAL = {(service, REDIS.name, 6379) for service in ("ingest", "enrichment", "indexer")}
TO_POSTGRES = {("indexer", POSTGRES.name, 5432)}
EVERYTHING_ELSE = HEALTH | {
    ("ingress controller", "indexer", 8420),
    ("ingress controller", "ingest", 8424),
    ("prometheus", "ingest", 8425),
    ("indexer", INTERNET.name, 443),
    # Addresses of documentation, which are nobody's, are part of the internet for a policy.
    ("indexer", REDIS.name, 443),
    ("indexer", POSTGRES.name, 443),
}

EXPECTED = {
    "single": NAMES | TO_REDIS,
    "external": NAMES | TO_EXTERNAL | TO_POSTGRES,
    "scaled": NAMES | TO_EXTERNAL | TO_POSTGRES | HEALTH,
    "single+all": NAMES | TO_REDIS | EVERYTHING_ELSE | {("keda", "redis", 6379)},
    "scaled+all": NAMES | TO_EXTERNAL | TO_POSTGRES | EVERYTHING_ELSE,
}
"""Who opens a connection to whom, on which port. It is all that a desk needs: whoever adds a line
here has to say why in docs/kubernetes.md, too."""


def ends_of(build: Build) -> dict[str, End]:
    """The pods of a desk."""
    return {pod.name: End(pod.name, pod.labels, NAMESPACE, {}, pod.ports()) for pod in build.pods()}


def open_pairs(build: Build, protocol: str = "TCP") -> Iterator[tuple[str, str, int]]:
    """Every connection with a pod of ours at one end that is let through."""
    policies, pods = build.of("NetworkPolicy"), ends_of(build)
    ends = [*pods.values(), *ELSEWHERE]
    for source, target in product(ends, ends):
        if source.name != target.name and pods.keys() & {source.name, target.name}:
            for port in open_ports(policies, source, target, PORTS, protocol):
                yield source.name, target.name, port


@pytest.mark.parametrize("name", EXPECTED)
def test_what_a_desk_needs_is_let_through_and_nothing_else(name: str) -> None:
    assert set(open_pairs(built(name))) == EXPECTED[name]


@pytest.mark.parametrize("name", ["single+all", "scaled+all"])
def test_nothing_but_dns_goes_by_udp(name: str) -> None:
    assert set(open_pairs(built(name), "UDP")) == NAMES


def test_every_pod_is_closed_in_both_directions_where_no_policy_opens_it(build: Build) -> None:
    """Also one that somebody adds to the namespace without a thought."""
    closing = [
        each["spec"]
        for each in build.of("NetworkPolicy")
        if each["spec"]["podSelector"] == {} and not {"ingress", "egress"} & each["spec"].keys()
    ]
    assert [set(each["policyTypes"]) for each in closing] == [{"Ingress", "Egress"}]


def test_a_policy_says_for_which_directions_it_is(build: Build) -> None:
    """Left out, they hang on which rules are there: easily another than was meant."""
    for policy in build.of("NetworkPolicy"):
        spec = policy["spec"]
        given = {kind for kind in ("Ingress", "Egress") if kind.lower() in spec}
        assert set(spec["policyTypes"]) == (given or {"Ingress", "Egress"})


def test_services_lead_nowhere_that_a_policy_does_not(build: Build) -> None:
    """Each port that a Service gives is open to somebody, or is there for names alone."""
    opened = {(target, port) for _, target, port in open_pairs(build)}
    for service in build.of("Service"):
        if service["spec"].get("clusterIP") != "None":
            for pod in build.pods():
                if service["spec"]["selector"].items() <= pod.labels.items():
                    for port in service["spec"]["ports"]:
                        assert (pod.name, pod.ports()[port["targetPort"]]) in opened


def test_without_the_closing_policy_the_pairs_would_be_others() -> None:
    """Else the tests above could not fail."""
    build = built("single")
    left = tuple(each for each in build.documents if each["metadata"]["name"] != "default-deny")
    assert set(open_pairs(Build("open", left))) > EXPECTED["single"]


def test_an_external_server_is_nobody_until_the_operator_says_who() -> None:
    """The addresses in the overlay are kept for documentation (RFC 5737)."""
    for name in ("to-redis", "to-postgres"):
        (rule,) = built("external").one("NetworkPolicy", name)["spec"]["egress"]
        assert [peer["ipBlock"]["cidr"].startswith("192.0.2.") for peer in rule["to"]] == [True]
