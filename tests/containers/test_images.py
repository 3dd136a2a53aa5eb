"""The images: how large, what is in them, and that all of it can be loaded."""

from __future__ import annotations

import os
import stat
import tarfile
from functools import cache
from io import RawIOBase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

import pytest

from services.bus.messages import software_version
from tests.containers.kit import BUILDING, IMAGES, REVISION, created, image, require_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import WriteableBuffer

require_engine()
pytestmark = BUILDING

MB = 1_000_000
LIMITS = {"ingest": 200 * MB, "indexer": 200 * MB, "enrichment": 600 * MB}
"""Bytes of an image, all layers."""

VENV = PurePosixPath("opt/wiredesk")

GONE = frozenset(
    (
        "apt",
        "apt-get",
        "dpkg",
        "perl",
        "pip",
        "pip3",
        "su",
        "mount",
        "bash",
        "openssl",
        "gcc",
        "strip",
    )
)
"""Programs that nobody may find in an image."""

OPEN = frozenset({"tmp", "var/tmp", "inbox", "var/lib/wiredesk", "run/lock", "dev/shm"})
"""Folders that anybody may write to, each with the sticky bit: where the image can be written to
at all. The first four are mounts."""


class Entry(NamedTuple):
    """A file, folder or link of an image."""

    path: PurePosixPath
    mode: int
    kind: bytes
    uid: int


class Exported(RawIOBase):
    """What the engine exports, as a file that can be read once."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces, self._rest = pieces, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        self._rest = self._rest or next(self._pieces, b"")
        view = memoryview(buffer).cast("B")
        taken = self._rest[: len(view)]
        view[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)


@cache
def entries(service: str) -> tuple[Entry, ...]:
    """Everything in an image."""
    with created(service) as container:
        exported = Exported(container.export())
        with tarfile.open(fileobj=exported, mode="r|") as archive:
            return tuple(
                Entry(PurePosixPath(found.name), found.mode, found.type, found.uid)
                for found in archive
            )


def files(service: str) -> dict[PurePosixPath, Entry]:
    """The image's files by where they are."""
    return {entry.path: entry for entry in entries(service) if entry.kind == tarfile.REGTYPE}


each_image = pytest.mark.parametrize("service", IMAGES)


@each_image
def test_an_image_is_small(service: str) -> None:
    size = image(service).attrs["Size"]
    assert size < LIMITS[service], f"{size / MB:.0f} MB"


def test_the_images_share_their_base() -> None:
    """Who runs all three fetches and keeps it once."""
    layers = [image(service).attrs["RootFS"]["Layers"] for service in IMAGES]
    assert len({tuple(each[:2]) for each in layers}) == 1
    assert all(len(each) <= 5 for each in layers)


@each_image
def test_an_image_says_what_it_is(service: str) -> None:
    labels = image(service).labels
    said = {name.removeprefix("org.opencontainers.image."): text for name, text in labels.items()}
    assert said["title"] == f"wiredesk-{service}"
    assert said["licenses"] == "Apache-2.0"
    assert said["version"] == software_version()
    # Images that were given are of whatever revision.
    assert said["revision"] == REVISION or "WIREDESK_TEST_IMAGE_TAG" in os.environ
    assert said["base.name"].startswith("python:")


@each_image
def test_an_image_runs_as_nobody_of_the_machine_and_is_asked_for_its_health(service: str) -> None:
    config = image(service).attrs["Config"]
    assert config["User"] == "10001:10001"
    assert config["Healthcheck"]["Test"] == ["CMD", "python3", "-m", "services.healthy"]
    assert config["StopSignal"] == "SIGTERM"
    assert config["Entrypoint"] is None
    assert config["Cmd"] == ["wiredesk", "run", service]


@each_image
def test_nothing_in_an_image_installs_builds_or_becomes_root(service: str) -> None:
    programs = {
        path.name
        for path in (entry.path for entry in entries(service))
        if path.parent.name in {"bin", "sbin"}
    }
    assert not programs & GONE
    assert {"sh", "python3", "wiredesk", "ls", "cat", "tar"} <= programs
    assert not [
        str(path)
        for path, entry in files(service).items()
        if entry.mode & (stat.S_ISUID | stat.S_ISGID)
    ]
    packages = {
        path.parts[4]
        for path in files(service)
        if path.is_relative_to(VENV / "lib") and len(path.parts) > 5
    }
    assert not {name for name in packages if name.split("-")[0] in {"pip", "hatchling", "pytest"}}


@each_image
def test_nothing_of_the_build_and_no_tests_are_left_in_an_image(service: str) -> None:
    for path in files(service):
        inside = path.relative_to(VENV).parts if path.is_relative_to(VENV) else ()
        assert not {"tests", "test", ".git", "seeds"} & set(inside), path
        assert path.name not in {"slim.py", "Dockerfile", "pyproject.toml"}, path
        assert not path.match("requirements*.lock"), path
        assert path.suffix not in {".whl", ".pyx", ".pyi", ".deb", ".orig"}, path
        assert path.parts[:3] not in {("var", "lib", "apt"), ("var", "cache", "apt")}, path


@each_image
def test_every_module_has_its_bytecode_once(service: str) -> None:
    """Nothing could be kept later: the image is not written to."""
    there = files(service)
    modules = [path for path in there if path.suffix == ".py" and path.is_relative_to(VENV)]
    compiled = [path for path in there if path.suffix == ".pyc" and path.is_relative_to(VENV)]
    assert len(modules) > 500
    assert {(path.parent.parent, path.name.split(".")[0]) for path in compiled} == {
        (path.parent, path.name.split(".")[0]) for path in modules
    }
    assert len(compiled) == len(modules)


@each_image
def test_nobody_but_root_can_change_what_is_run(service: str) -> None:
    loose = {
        str(entry.path)
        for entry in entries(service)
        if entry.kind in {tarfile.REGTYPE, tarfile.DIRTYPE}
        if entry.mode & stat.S_IWOTH and not entry.mode & stat.S_ISVTX
    }
    assert loose == set()
    open_folders = {
        str(entry.path)
        for entry in entries(service)
        if entry.kind == tarfile.DIRTYPE and entry.mode & stat.S_IWOTH
    }
    assert open_folders <= OPEN
    assert {"tmp", "inbox", "var/lib/wiredesk"} <= open_folders
    assert {entry.uid for entry in entries(service) if entry.path.is_relative_to(VENV)} == {0}
