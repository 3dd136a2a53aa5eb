"""The check of the Pod Security Standard refuses what the standard names, and each alone."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from tests.deploy.pod_security import VOLUME_TYPES, violations

GOOD: dict[str, Any] = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "one",
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            },
            "ports": [{"containerPort": 80}],
            "livenessProbe": {"httpGet": {"path": "/", "port": 80}},
        }
    ],
    "volumes": [{"name": "data", "emptyDir": {}}],
}

CONTAINER = ("containers", 0)
CONTEXT = (*CONTAINER, "securityContext")

BROKEN = [
    (("hostNetwork",), True, "Host Namespaces: hostNetwork"),
    (("hostPID",), True, "Host Namespaces: hostPID"),
    (("hostIPC",), True, "Host Namespaces: hostIPC"),
    (("volumes", 0), {"name": "data", "hostPath": {"path": "/"}}, "Volume Types: data is hostPath"),
    (("volumes", 0), {"name": "data", "nfs": {"server": "a"}}, "Volume Types: data is nfs"),
    (("securityContext", "sysctls"), [{"name": "kernel.msgmax"}], "Sysctls: kernel.msgmax"),
    (("securityContext", "runAsUser"), 0, "Running as Non-root user: the pod"),
    (("securityContext", "runAsNonRoot"), False, "Running as Non-root: one"),
    (("securityContext", "seccompProfile"), {"type": "Unconfined"}, "Seccomp: one"),
    (("securityContext", "seccompProfile"), {}, "Seccomp: one"),
    (("securityContext", "seLinuxOptions"), {"user": "system_u"}, "SELinux: the pod"),
    (("securityContext", "seLinuxOptions"), {"type": "spc_t"}, "SELinux: the pod"),
    (("securityContext", "appArmorProfile"), {"type": "Unconfined"}, "AppArmor: the pod"),
    (("securityContext", "windowsOptions"), {"hostProcess": True}, "HostProcess: the pod"),
    ((*CONTEXT, "privileged"), True, "Privileged Containers: one"),
    ((*CONTEXT, "procMount"), "Unmasked", "/proc Mount Type: one"),
    ((*CONTEXT, "allowPrivilegeEscalation"), True, "Privilege Escalation: one"),
    ((*CONTEXT, "allowPrivilegeEscalation"), None, "Privilege Escalation: one"),
    ((*CONTEXT, "runAsNonRoot"), False, "Running as Non-root: one"),
    ((*CONTEXT, "runAsUser"), 0, "Running as Non-root user: one"),
    ((*CONTEXT, "seccompProfile"), {"type": "Unconfined"}, "Seccomp: one"),
    ((*CONTEXT, "capabilities"), {}, "Capabilities: one"),
    ((*CONTEXT, "capabilities"), {"drop": ["ALL"], "add": ["CHOWN"]}, "Capabilities: one"),
    ((*CONTAINER, "ports", 0, "hostPort"), 80, "Host Ports: one"),
    (
        (*CONTAINER, "livenessProbe", "httpGet", "host"),
        "169.254.169.254",
        "Host Probes / Lifecycle Hooks: one livenessProbe",
    ),
    (
        (*CONTAINER, "lifecycle"),
        {"preStop": {"tcpSocket": {"host": "a", "port": 1}}},
        "Host Probes / Lifecycle Hooks: one preStop",
    ),
]


def with_change(path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """The good pod with one thing changed."""
    pod = deepcopy(GOOD)
    there: Any = pod
    for step in path[:-1]:
        there = there[step]
    there[path[-1]] = value
    return pod


def test_a_pod_that_holds_the_standard_passes() -> None:
    assert violations(GOOD) == []


@pytest.mark.parametrize(("path", "value", "expected"), BROKEN)
def test_each_control_is_looked_at(
    path: tuple[str | int, ...], value: object, expected: str
) -> None:
    assert violations(with_change(path, value)) == [expected]


@pytest.mark.parametrize("kind", ["initContainers", "ephemeralContainers"])
def test_containers_of_every_kind_are_looked_at(kind: str) -> None:
    pod = {**GOOD, kind: [{"name": "two"}]}
    assert violations(pod) == ["Privilege Escalation: two", "Capabilities: two"]


def test_a_container_may_say_what_the_pod_does_not() -> None:
    pod = deepcopy(GOOD)
    pod["containers"][0]["securityContext"] |= pod.pop("securityContext")
    assert violations(pod) == []


@pytest.mark.parametrize("kind", sorted(VOLUME_TYPES))
def test_volumes_that_the_standard_lets_through_pass(kind: str) -> None:
    assert violations({**GOOD, "volumes": [{"name": "data", kind: {}}]}) == []


def test_the_one_capability_that_may_be_added_passes() -> None:
    capabilities = {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}
    assert violations(with_change((*CONTEXT, "capabilities"), capabilities)) == []
