"""What the Pod Security Standard "restricted" refuses, by the standard's own list.

https://kubernetes.io/docs/concepts/security/pod-security-standards/ as of 1.34, with everything
of "baseline" that it includes: one function for each control, named as there.  The standard is
about fields; what isn't set is judged as the standard says for "undefined".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Spec = dict[str, Any]

VOLUME_TYPES = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)
"""All that a restricted pod may mount."""

SECCOMP = frozenset({"RuntimeDefault", "Localhost"})
APPARMOR = frozenset({"RuntimeDefault", "Localhost"})
SELINUX_TYPES = frozenset(
    {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
)

SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_wmem",
    }
)

PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
HOOKS = ("postStart", "preStop")
HANDLERS = ("httpGet", "tcpSocket")


def violations(pod: Spec) -> list[str]:
    """Every control that a pod's specification breaks, each with where."""
    return [*_of_the_pod(pod), *(line for each in _containers(pod) for line in _of(each, pod))]


def _containers(pod: Spec) -> Iterator[Spec]:
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        yield from pod.get(kind, ())


def _of_the_pod(pod: Spec) -> Iterator[str]:
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(name):
            yield f"Host Namespaces: {name}"
    for volume in pod.get("volumes", ()):
        if kinds := set(volume) - {"name"} - VOLUME_TYPES:
            yield f"Volume Types: {volume['name']} is {', '.join(sorted(kinds))}"
    context = pod.get("securityContext", {})
    for each in context.get("sysctls", ()):
        if each["name"] not in SYSCTLS:
            yield f"Sysctls: {each['name']}"
    yield from _of_both(context, "the pod")


def _of_both(context: Spec, where: str) -> Iterator[str]:
    """What a pod's and a container's security context may both say."""
    if context.get("windowsOptions", {}).get("hostProcess"):
        yield f"HostProcess: {where}"
    selinux = context.get("seLinuxOptions", {})
    if selinux.get("type", "") not in SELINUX_TYPES or selinux.get("user") or selinux.get("role"):
        yield f"SELinux: {where}"
    if context.get("appArmorProfile", {"type": "RuntimeDefault"})["type"] not in APPARMOR:
        yield f"AppArmor: {where}"
    if context.get("runAsUser") == 0:
        yield f"Running as Non-root user: {where}"


def _of(container: Spec, pod: Spec) -> Iterator[str]:
    name = container["name"]
    context = container.get("securityContext", {})
    around = pod.get("securityContext", {})
    yield from _of_both(context, name)
    if context.get("privileged"):
        yield f"Privileged Containers: {name}"
    if context.get("procMount", "Default") != "Default":
        yield f"/proc Mount Type: {name}"
    if context.get("allowPrivilegeEscalation") is not False:
        yield f"Privilege Escalation: {name}"
    if context.get("runAsNonRoot", around.get("runAsNonRoot")) is not True:
        yield f"Running as Non-root: {name}"
    profile = context.get("seccompProfile", around.get("seccompProfile", {}))
    if profile.get("type") not in SECCOMP:
        yield f"Seccomp: {name}"
    capabilities = context.get("capabilities", {})
    added = set(capabilities.get("add", ())) - {"NET_BIND_SERVICE"}
    if "ALL" not in capabilities.get("drop", ()) or added:
        yield f"Capabilities: {name}"
    for port in container.get("ports", ()):
        if port.get("hostPort"):
            yield f"Host Ports: {name}"
    yield from _elsewhere(container)


def _elsewhere(container: Spec) -> Iterator[str]:
    """Probes and hooks that would ask another host than the pod, since 1.34."""
    lifecycle = container.get("lifecycle", {})
    actions = {kind: container.get(kind, {}) for kind in PROBES}
    actions |= {kind: lifecycle.get(kind, {}) for kind in HOOKS}
    for kind, action in actions.items():
        if any(action.get(handler, {}).get("host") for handler in HANDLERS):
            yield f"Host Probes / Lifecycle Hooks: {container['name']} {kind}"
