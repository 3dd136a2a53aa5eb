"""Containers for the tests: the project's images, built once, and run as they should be run.

``WIREDESK_TEST_IMAGE_TAG`` names images that are there already (``wiredesk-ingest:TAG`` and so
on); otherwise they are built from the tree.  ``WIREDESK_PYTHON_IMAGE`` is what they are built on.

Containers share the host's network and use loopback ports, as the servers of all tests do: that
works with and without a bridge.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.servers import at_hand, docker_answers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from docker import DockerClient
    from docker.models.containers import Container
    from docker.models.images import Image

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ("ingest", "indexer", "enrichment")

PYTHONS = ("python:3.13-slim", "python:3.12-slim", "python:3.11-slim")
"""What images are built on, the first that is there already; else the first is fetched."""

REVISION = "0123456789abcdef"
"""What the labels of images built here say."""

BUILDING = pytest.mark.timeout(1800)
"""For modules that may be the first to need the images: packages are fetched and compiled."""


def require_engine() -> None:
    """Skip the module that calls this while it is loaded, where no Docker engine answers."""
    if not docker_answers():
        pytest.skip("no Docker engine answers: containers aren't tested", allow_module_level=True)


@cache
def engine() -> DockerClient:
    """The engine's client, kept for the whole run."""
    import docker  # noqa: PLC0415  (slow to import, and only needed here)

    return docker.from_env(timeout=600)


def image(service: str) -> Image:
    """The image of a service, built where it is not given."""
    tag = os.environ.get("WIREDESK_TEST_IMAGE_TAG")
    name = f"wiredesk-{service}:{tag or 'under-test'}"
    if not tag:
        _built(service, name)
    return engine().images.get(name)


@cache
def _built(service: str, name: str) -> None:
    # Two processes of tests build one after the other: the second finds every layer made.
    with (Path(tempfile.gettempdir()) / "wiredesk-images.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        steps = engine().api.build(
            path=str(ROOT),
            dockerfile="deploy/Dockerfile",
            target=service,
            tag=name,
            buildargs={"PYTHON_IMAGE": python_image(), "REVISION": REVISION},
            network_mode="host",
            rm=True,
            forcerm=True,
            decode=True,
        )
        said = [step.get("stream") or step.get("error") or "" for step in steps]
    assert any("Successfully built" in line for line in said), "".join(said)[-4000:]


def python_image() -> str:
    """What images are built on here."""
    return os.environ.get("WIREDESK_PYTHON_IMAGE") or at_hand(*PYTHONS)


def hardened(**more: Any) -> dict[str, Any]:
    """How a container of ours is run: it may do nothing that it needn't, and write nowhere else."""
    user = {} if os.geteuid() == 0 else {"user": f"{os.geteuid()}:{os.getegid()}"}
    return {
        "network_mode": "host",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "tmpfs": {"/tmp": "mode=1777"},  # noqa: S108  (the container's own)
        "pids_limit": 256,
        **user,
        **more,
    }


def run_in(service: str, command: Sequence[str], **more: Any) -> str:
    """What a command prints that is run in an image until it ends; it must end well."""
    ran = engine().containers.run(image(service), list(command), remove=True, **hardened(**more))
    return bytes(ran).decode()


@contextmanager
def created(service: str) -> Iterator[Container]:
    """A container that is never started: for a look at its files."""
    container = engine().containers.create(image(service))
    try:
        yield container
    finally:
        container.remove(force=True)
