"""An override with which docker-compose.yml, as it is, runs where Docker has no bridge network.

All containers share one network namespace that has only a loopback interface, as the containers
of a Kubernetes pod do; each service's name means 127.0.0.1 there.  Nothing comes in or goes out.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HOLDER = "network"
"""The service that has the namespace; the others join it, and may die and come again."""


def override(config: Mapping[str, Any], image: str) -> str:
    """The override for a resolved file (``docker compose config --format json``).

    ``image``: any with ``sleep`` that is on this machine when the desk starts.
    """
    services = config["services"]
    lines = ["services:", *_holder(services, image)]
    for name, service in services.items():
        lines += _joined(name, service)
    return "\n".join(lines) + "\n"


def _holder(names: Iterable[str], image: str) -> list[str]:
    hosts = json.dumps([f"{name}:127.0.0.1" for name in sorted(names)])
    return [
        f"  {HOLDER}:",
        f"    image: {json.dumps(image)}",
        "    network_mode: none",
        f"    extra_hosts: {hosts}",
        "    init: true",
        '    entrypoint: ["sleep", "infinity"]',
        "    command: []",
        "    healthcheck: {disable: true}",
        "    stop_grace_period: 1s",
    ]


def _joined(name: str, service: Mapping[str, Any]) -> list[str]:
    lines = [
        f"  {json.dumps(name)}:",
        f'    network_mode: "service:{HOLDER}"',
        # Neither can be had without a network of one's own.
        "    ports: !reset []",
        "    networks: !reset {}",
    ]
    # A build fetches packages: it alone gets the network of this machine.
    return [*lines, "    build: {network: host}"] if "build" in service else lines
