"""The pods of deploy/k8s without a cluster: each container as its manifest says, run by Docker.

All of them share one network that has only loopback, as one pod would: their ports differ, and
names of Services lead there.  What a kubelet does is done by the test: volumes are folders, Secrets
and ConfigMaps are files in them, probes are asked from within.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from tests.containers.kit import engine, image
from tests.deploy.k8s import Build, Document, Pod, environment
from tests.deploy.test_k8s_pods import bytes_of
from tests.servers import IMAGE
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from docker.models.containers import Container

START = 180.0
"""Seconds that a start may take on a busy machine with a cold disk."""

ASK = """
import json, sys, urllib.error, urllib.request
try:
    answer = urllib.request.urlopen(sys.argv[1], timeout=30)
except urllib.error.HTTPError as error:
    answer = error
print(json.dumps([answer.status, answer.read().decode()]))
"""


class RunningPods:
    """The pods of an overlay; ``secrets``: what an operator's Secrets hold, by name and key."""

    def __init__(
        self, build: Build, folder: Path, secrets: Mapping[str, Mapping[str, str]]
    ) -> None:
        self.build = build
        self.folder = folder
        self.containers: dict[str, Container] = {}
        self._secrets = secrets
        self._network: Container | None = None

    def start(self) -> None:
        """Start all of them, the server first, and wait until each is ready."""
        services = [service["metadata"]["name"] for service in self.build.of("Service")]
        self._network = engine().containers.run(
            image("ingest"),
            ["sleep", "infinity"],
            detach=True,
            network_mode="none",
            extra_hosts=dict.fromkeys(services, "127.0.0.1"),
        )
        for pod in sorted(self.build.pods(), key=lambda pod: pod.name != "redis"):
            for container in pod.containers:
                self.containers[container["name"]] = self._run(pod, container)
        for pod in self.build.pods():
            for container in pod.containers:
                self._wait_until_ready(container)

    def end(self) -> None:
        """Remove everything, in whatever state it is."""
        for container in (*self.containers.values(), *filter(None, [self._network])):
            container.remove(force=True, v=True)

    def _run(self, pod: Pod, container: Document) -> Container:
        assert self._network is not None
        context = {**pod.spec["securityContext"], **container["securityContext"]}
        return engine().containers.run(
            image_of(container),
            programs(container.get("args", [])),
            entrypoint=programs(container.get("command", [])) or None,
            detach=True,
            network_mode=f"container:{self._network.id}",
            environment=self._environment(container),
            volumes=[*self._mounts(pod, container)],
            tmpfs=dict(self._empty(pod, container)),
            user=f"{context['runAsUser']}:{context['runAsGroup']}",
            read_only=context["readOnlyRootFilesystem"],
            cap_drop=context["capabilities"]["drop"],
            security_opt=["no-new-privileges:true"],
            mem_limit=bytes_of(container["resources"]["limits"]["memory"]),
            healthcheck={"test": ["NONE"]},
        )

    def _environment(self, container: Document) -> dict[str, str]:
        found = environment(container, self.build.settings())
        for each in container.get("env", ()):
            if "valueFrom" in each:
                key = each["valueFrom"]["secretKeyRef"]
                found[each["name"]] = self._secrets[key["name"]][key["key"]]
        return {name: value for name, value in found.items() if value is not None}

    def _mounts(self, pod: Pod, container: Document) -> Iterator[str]:
        volumes = {each["name"]: each for each in pod.spec["volumes"]}
        for mount in container["volumeMounts"]:
            volume = volumes.get(mount["name"], {"claim": mount["name"]})
            if "emptyDir" not in volume:
                mode = "ro" if mount.get("readOnly") else "rw"
                yield f"{self._place(pod, volume)}:{mount['mountPath']}:{mode}"

    @staticmethod
    def _empty(pod: Pod, container: Document) -> Iterator[tuple[str, str]]:
        """Folders that are empty at the start, as large as they may grow."""
        sizes = {v["name"]: v["emptyDir"] for v in pod.spec["volumes"] if "emptyDir" in v}
        for mount in container["volumeMounts"]:
            if mount["name"] in sizes:
                size = bytes_of(sizes[mount["name"]]["sizeLimit"])
                yield mount["mountPath"], f"size={size},mode=1777"

    def _place(self, pod: Pod, volume: Document) -> Path:
        """The folder that stands for a volume, with what is to be in it."""
        name = volume.get("name", volume.get("claim"))
        place = self.folder / f"{pod.name}-{name}"
        if not place.exists():
            place.mkdir()
            for file, text in self._files(volume).items():
                (place / file).write_text(text, encoding="utf-8")
            # As a kubelet gives a volume to the pod's fsGroup.
            self._give(place, pod.spec["securityContext"]["fsGroup"])
        return place

    @staticmethod
    def _give(place: Path, group: int) -> None:
        if os.geteuid() == 0:
            for path in (place, *place.iterdir()):
                os.chown(path, -1, group)
                path.chmod(0o2770 if path.is_dir() else 0o440)
        else:
            place.chmod(0o777)

    def _files(self, volume: Document) -> Mapping[str, str]:
        if "configMap" in volume:
            data: dict[str, str] = self.build.one("ConfigMap", volume["configMap"]["name"])["data"]
            return data
        if "secret" not in volume:
            return {}
        secret = self._secrets[volume["secret"]["secretName"]]
        items = volume["secret"].get("items", [{"key": key, "path": key} for key in secret])
        return {item["path"]: secret[item["key"]] for item in items}

    def _wait_until_ready(self, container: Document) -> None:
        name = container["name"]

        def ready() -> bool:
            running = self.containers[name]
            running.reload()
            assert running.status == "running", running.logs().decode()[-4000:]
            return self.probe(container, "readinessProbe")

        wait_until(ready, f"{name} to be ready", START)

    def probe(self, container: Document, kind: str) -> bool:
        """Whether a probe of a container passes now."""
        probe = container[kind]
        if "exec" in probe:
            command = programs(probe["exec"]["command"])
            return self.run(container["name"], command)[0] == 0
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        asked = probe["httpGet"]
        url = f"http://127.0.0.1:{ports[asked['port']]}{asked['path']}"
        return self.ask(container["name"], url)[0] == 200

    def ask(self, name: str, url: str) -> tuple[int, str]:
        """What a container is answered at an address; 0 where nobody answers."""
        ran = self.containers[name].exec_run(["python3", "-c", ASK, url], stderr=False)
        if ran.exit_code:
            return 0, ""
        status, body = json.loads(ran.output)
        return int(status), str(body)

    def run(self, name: str, command: Sequence[str]) -> tuple[int, str]:
        """Run a command in a container, as ``kubectl exec`` does; its code, and what it says."""
        ran = self.containers[name].exec_run(list(command))
        return int(ran.exit_code), bytes(ran.output).decode()


def image_of(container: Document) -> Any:
    """The image under test that stands for a container's; any server will do for the server's."""
    name, _, _ = container["image"].rpartition(":")
    service = name.rpartition("wiredesk-")[2]
    return IMAGE if container["name"] == "redis" else image(service)


def programs(words: Sequence[str]) -> list[str]:
    """Words with the programs' names as the server's image at hand has them."""
    given = "valkey" if "valkey" in IMAGE else "redis"
    return [re.sub(r"\bvalkey-(server|cli)\b", rf"{given}-\1", word) for word in words]


@contextmanager
def running_pods(
    build: Build, folder: Path, secrets: Mapping[str, Mapping[str, str]]
) -> Iterator[RunningPods]:
    """The pods of an overlay while the context lasts."""
    with ExitStack() as stack:
        pods = RunningPods(build, folder, secrets)
        stack.callback(pods.end)
        pods.start()
        yield pods
