"""Who talks to whom is computed as Kubernetes says it is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.deploy.policies import End, outside, reaches

WEB = End("web", {"app": "web"}, "shop", ports={"http": 8080})
DATABASE = End("db", {"app": "db"}, "shop", ports={"sql": 5432})
STRANGER = End("stranger", {"app": "web"}, "elsewhere", {"team": "other"})


def policy(spec: dict[str, Any], namespace: str = "shop") -> dict[str, Any]:
    return {"metadata": {"name": "one", "namespace": namespace}, "spec": spec}


def to_database(**rule: Any) -> dict[str, Any]:
    return policy({"podSelector": {"matchLabels": {"app": "db"}}, "ingress": [rule]})


DENY = policy({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})
FROM_WEB = [{"podSelector": {"matchLabels": {"app": "web"}}}]


def test_a_pod_that_no_policy_selects_is_open() -> None:
    assert reaches([], STRANGER, DATABASE, 5432)
    assert reaches([to_database(**{"from": FROM_WEB})], STRANGER, WEB, 8080)


def test_a_policy_without_rules_lets_nothing_through() -> None:
    assert not reaches([DENY], WEB, DATABASE, 5432)
    assert not reaches([DENY], STRANGER, DATABASE, 5432)


def test_a_policy_of_another_namespace_selects_nothing_here() -> None:
    assert reaches([policy(DENY["spec"], "elsewhere")], WEB, DATABASE, 5432)


def test_both_ends_have_to_let_a_connection_through() -> None:
    ingress = to_database(**{"from": FROM_WEB})
    assert not reaches([DENY, ingress], WEB, DATABASE, 5432)
    egress = policy(
        {
            "podSelector": {"matchLabels": {"app": "web"}},
            "policyTypes": ["Egress"],
            "egress": [{"to": [{"podSelector": {"matchLabels": {"app": "db"}}}]}],
        }
    )
    assert not reaches([DENY, egress], WEB, DATABASE, 5432)
    assert reaches([DENY, ingress, egress], WEB, DATABASE, 5432)
    assert not reaches([DENY, ingress, egress], DATABASE, WEB, 8080)


def test_a_pod_selector_alone_means_this_namespace() -> None:
    policies = [to_database(**{"from": FROM_WEB})]
    assert reaches(policies, WEB, DATABASE, 5432)
    assert not reaches(policies, STRANGER, DATABASE, 5432)


def test_both_selectors_in_one_peer_are_both_to_be_met() -> None:
    team = {"namespaceSelector": {"matchLabels": {"team": "other"}}}
    assert reaches([to_database(**{"from": [team]})], STRANGER, DATABASE, 5432)
    both = {**team, "podSelector": {"matchLabels": {"app": "db"}}}
    assert not reaches([to_database(**{"from": [both]})], STRANGER, DATABASE, 5432)
    either = [team, {"podSelector": {"matchLabels": {"app": "db"}}}]
    assert reaches([to_database(**{"from": either})], STRANGER, DATABASE, 5432)


def test_a_namespace_is_known_by_its_name() -> None:
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "elsewhere"}}}
    assert reaches([to_database(**{"from": [peer]})], STRANGER, DATABASE, 5432)
    assert not reaches([to_database(**{"from": [peer]})], WEB, DATABASE, 5432)


def test_a_rule_without_peers_or_ports_means_all() -> None:
    assert reaches([to_database()], STRANGER, DATABASE, 1)
    assert reaches([to_database(ports=[{"port": 5432}])], STRANGER, DATABASE, 5432)
    assert not reaches([to_database(ports=[{"port": 5432}])], STRANGER, DATABASE, 5433)


@pytest.mark.parametrize(
    ("port", "number", "protocol", "expected"),
    [
        ({"port": "sql"}, 5432, "TCP", True),
        ({"port": "sql"}, 5433, "TCP", False),
        ({"port": "http"}, 8080, "TCP", False),
        ({"port": 5000, "endPort": 6000}, 5432, "TCP", True),
        ({"port": 5000, "endPort": 5400}, 5432, "TCP", False),
        ({"port": 5432, "protocol": "UDP"}, 5432, "TCP", False),
        ({"port": 5432, "protocol": "UDP"}, 5432, "UDP", True),
        ({"protocol": "TCP"}, 1, "TCP", True),
    ],
)
def test_ports_are_numbers_ranges_or_names_of_the_target(
    port: dict[str, Any], number: int, protocol: str, *, expected: bool
) -> None:
    found = reaches([to_database(ports=[port])], WEB, DATABASE, number, protocol)
    assert found is expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [("203.0.113.9", True), ("10.1.2.3", False), ("2001:db8::1", False)],
)
def test_a_block_of_addresses_leaves_out_its_exceptions_and_pods(
    address: str, *, expected: bool
) -> None:
    block = {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}
    spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [block]}]}
    assert reaches([policy(spec)], WEB, outside(address), 443) is expected
    assert not reaches([policy(spec)], WEB, DATABASE, 443)
