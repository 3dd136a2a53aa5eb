"""A desk of containers: a Redis, and the three images under test as an operator should run them."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import httpx

from tests.containers.kit import IMAGES, hardened, image
from tests.servers import container as redis_container
from tests.servers import free_port
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker.models.containers import Container

SECOND = 10**9
"""Docker counts nanoseconds."""

GRACE = 20.0
"""Seconds in which a service drains: the default of WIREDESK_GRACEFUL_TIMEOUT."""

START = 120.0
"""Seconds that a start may take on a busy machine with a cold disk: the models are loaded."""

FOLDERS = {
    "ingest": ("inbox", "ingest-state"),
    "enrichment": (),
    "indexer": ("store",),
}
"""Which folders of the desk each service has."""

PLACES = {"inbox": "/inbox", "ingest-state": "/var/lib/wiredesk", "store": "/var/lib/wiredesk"}
"""Where it has them."""


class ContainerDesk:
    """Three containers over one Redis; ``folder`` holds what outlives them."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        self.folder = folder
        self.inbox = folder / "inbox"
        self.redis_url = redis_url
        self.api = f"http://127.0.0.1:{(port := free_port())}"
        self._api_port = port
        self.containers: dict[str, Container] = {}
        for name in PLACES:
            # The images' user is nobody here.
            (folder / name).mkdir()
            (folder / name).chmod(0o777)

    def start(self) -> None:
        """Run the three images, and wait until each says that it is healthy."""
        for service in IMAGES:
            self.containers[service] = self._run(service)
        for service in IMAGES:
            self.wait_for_health(service, "healthy", START)

    def wait_for_health(self, service: str, wanted: str, timeout: float = 60.0) -> None:
        """Return when the engine thinks so of the container."""
        wait_until(lambda: self.health(service) == wanted, f"{service} to be {wanted}", timeout)

    def _run(self, service: str) -> Container:
        from testcontainers.core.container import DockerContainer  # noqa: PLC0415  (needs an engine)

        options = hardened(
            # The image's own check, asked more often.
            healthcheck={"interval": SECOND, "start_period": 60 * SECOND},
        )
        # It knows tmpfs as an option of its own.
        folders = options.pop("tmpfs")
        container = DockerContainer(image(service).tags[0]).with_kwargs(**options)
        for folder in folders:
            container.with_tmpfs_mount(folder)
        for name in FOLDERS[service]:
            container.with_volume_mapping(str(self.folder / name), PLACES[name], "rw")
        for variable, value in self._environment().items():
            container.with_env(f"WIREDESK_{variable}", value)
        return container.start().get_wrapped_container()

    def _environment(self) -> dict[str, str]:
        return {
            "REDIS_URL": self.redis_url,
            "API_PORT": str(self._api_port),
            "HEALTH_PORT": str(free_port()),
            "SETTLE_TIME": "0.1",
            "SCAN_INTERVAL": "0.1",
            "CLAIM_AFTER": "2",
        }

    def health(self, service: str) -> str:
        """What the engine thinks of the container: starting, healthy or unhealthy."""
        container = self.containers[service]
        container.reload()
        assert container.status == "running", container.logs().decode()[-4000:]
        return str(container.attrs["State"]["Health"]["Status"])

    def terminate(self) -> dict[str, int]:
        """SIGTERM to all three at once; with what code each ended, within the grace period."""
        for container in self.containers.values():
            container.kill("SIGTERM")
        # Two seconds beyond, for the end of the process and the engine's own account of it.
        return {
            service: container.wait(timeout=GRACE + 2)["StatusCode"]
            for service, container in self.containers.items()
        }

    def restart(self) -> None:
        """Start those that have ended again: the same containers, with their folders."""
        for container in self.containers.values():
            container.start()

    def remove(self) -> None:
        """End it all, in whatever state it is."""
        for container in self.containers.values():
            container.remove(force=True, v=True)

    def drop(self, name: str, data: bytes) -> None:
        """Drop a file as a program should: under another name first."""
        part = self.inbox / f"{name}.part"
        part.write_bytes(data)
        part.rename(self.inbox / name)

    def receipt(self, name: str) -> dict[str, Any] | None:
        """The receipt of a dropped file, once there is one."""
        for place in ("done", "rejected"):
            for path in (self.inbox / place).rglob(f"{name}*.receipt.json"):
                found: dict[str, Any] = json.loads(path.read_text("utf-8"))
                return found
        return None

    def received(self, name: str, timeout: float = 60.0) -> dict[str, Any]:
        """The receipt, waited for."""
        wait_until(lambda: self.receipt(name), f"the receipt of {name}", timeout)
        receipt = self.receipt(name)
        assert receipt is not None
        return receipt

    def asked(self, path: str, **parameters: str) -> Any:
        """What the indexer's API answers."""
        return (
            httpx.get(f"{self.api}{path}", params=parameters, timeout=30).raise_for_status().json()
        )


@contextmanager
def desk_of_containers(folder: Path) -> Iterator[ContainerDesk]:
    """A running desk over a Redis of its own, all of it in containers."""
    with ExitStack() as stack:
        redis_url = stack.enter_context(contextmanager(redis_container)())
        desk = ContainerDesk(folder, redis_url)
        stack.callback(desk.remove)
        desk.start()
        yield desk
