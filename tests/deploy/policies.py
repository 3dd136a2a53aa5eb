"""Who may talk to whom, by NetworkPolicies: what a cluster's network computes.

https://kubernetes.io/docs/concepts/services-networking/network-policies/: a pod that no policy
selects for a direction is open in it; selected, it takes what any rule of any of them lets through,
and a connection needs both ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from tests.deploy.k8s import selects

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Rule = dict[str, Any]
Policy = dict[str, Any]

NAMESPACE_LABEL = "kubernetes.io/metadata.name"
"""Every namespace has its own name in it."""


@dataclass(frozen=True)
class End:
    """One end of a connection: a pod, or an address outside the cluster (``labels`` is None)."""

    name: str
    labels: Mapping[str, str] | None = None
    namespace: str = ""
    namespace_labels: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    """Of a pod: its ports by name."""

    @property
    def is_pod(self) -> bool:
        """Whether policies may select it."""
        return self.labels is not None


def outside(address: str) -> End:
    """An address outside the cluster."""
    return End(address)


def reaches(
    policies: Iterable[Policy], source: End, target: End, port: int, protocol: str = "TCP"
) -> bool:
    """Whether ``source`` may open a connection to ``port`` of ``target``."""
    return bool(open_ports(policies, source, target, [port], protocol))


def open_ports(
    policies: Iterable[Policy],
    source: End,
    target: End,
    ports: Iterable[int],
    protocol: str = "TCP",
) -> set[int]:
    """Those of ``ports`` of ``target`` to which ``source`` may open a connection."""
    every = list(policies)
    ways = [_rules(every, "Egress", source, target), _rules(every, "Ingress", target, source)]
    return {
        port
        for port in ports
        if all(
            rules is None
            or any(_is_port(rule.get("ports"), target, port, protocol) for rule in rules)
            for rules in ways
        )
    }


def _rules(policies: list[Policy], direction: str, own: End, peer: End) -> list[Rule] | None:
    """The rules for ``own`` that are about ``peer``; None where everything is let through."""
    if not own.is_pod:
        return None
    mine = [
        each["spec"]
        for each in policies
        if each["metadata"].get("namespace", own.namespace) == own.namespace
        and direction in types_of(each["spec"])
        and selects(dict(own.labels or {}), each["spec"]["podSelector"])
    ]
    side = {"Ingress": "from", "Egress": "to"}[direction]
    about = [
        rule
        for spec in mine
        for rule in spec.get(direction.lower(), ())
        if _is_peer(rule.get(side), peer, own.namespace)
    ]
    return about if mine else None


def types_of(spec: Rule) -> set[str]:
    """The directions that a policy is about; Egress only where it says so, or has such rules."""
    default = ["Ingress", *(["Egress"] if "egress" in spec else [])]
    return set(spec.get("policyTypes", default))


def _is_peer(peers: list[Rule] | None, end: End, namespace: str) -> bool:
    return not peers or any(_matches(peer, end, namespace) for peer in peers)


def _matches(peer: Rule, end: End, namespace: str) -> bool:
    if "ipBlock" in peer:
        return not end.is_pod and _in_block(peer["ipBlock"], end.name)
    if not end.is_pod:
        return False
    where = peer.get("namespaceSelector")
    labels = {NAMESPACE_LABEL: end.namespace, **end.namespace_labels}
    there = end.namespace == namespace if where is None else selects(labels, where)
    return there and selects(dict(end.labels or {}), peer.get("podSelector", {}))


def _in_block(block: Rule, address: str) -> bool:
    found = ip_address(address)
    inside = found in ip_network(block["cidr"])
    return inside and not any(found in ip_network(each) for each in block.get("except", ()))


def _is_port(ports: list[Rule] | None, target: End, port: int, protocol: str) -> bool:
    return not ports or any(_has(each, target, port, protocol) for each in ports)


def _has(rule: Rule, target: End, port: int, protocol: str) -> bool:
    if rule.get("protocol", "TCP") != protocol:
        return False
    named = rule.get("port")
    if isinstance(named, str):
        return target.ports.get(named) == port
    first: int | None = named
    return first is None or first <= port <= rule.get("endPort", first)
