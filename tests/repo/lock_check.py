"""Judges the lock files: ``python -m tests.repo.lock_check``.

A lock file holds no address (whoever installs uses their own index), pins
every package with hashes, and covers every dependency that ``pyproject.toml``
names.  Prints each fault and ends with 1 where there is one.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
Json = Mapping[str, Any]

ADDRESS = re.compile(
    r"[a-z][a-z0-9+.]*://|file:|\bgit\+|(?:^|\s)@\s|(?:^|\s)\.{0,2}/", re.IGNORECASE
)
"""A URL of any kind, a ``name @ …`` reference, or a path."""

OPTION = re.compile(r"^\s*(?:-[a-zA-Z]\b|--(?!hash=sha256:[0-9a-f]{64}(?:\s|$))\S+)")
"""Any option of pip except a hash: none is wanted, and several name an address."""

PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)")


class Covers(NamedTuple):
    """What of ``pyproject.toml`` a lock file covers."""

    extras: tuple[str, ...] = ()
    runs: bool = True
    """Whether it has what every service needs."""
    builds: bool = True
    """Whether it has what builds our own package; an image has no use for it."""


LOCKS: Mapping[str, Covers | None] = {
    "requirements.lock": Covers(("all",)),
    "requirements-dev.lock": Covers(("all", "test", "dev")),
    "deploy/requirements-ingest.lock": Covers(
        ("ingest", "api", "console", "tracing"), builds=False
    ),
    "deploy/requirements-enrichment.lock": Covers(
        ("enrichment", "console", "tracing"), builds=False
    ),
    "deploy/requirements-indexer.lock": Covers(
        ("api", "postgres", "console", "tracing"), builds=False
    ),
    "deploy/requirements-build.lock": Covers(runs=False),
    "requirements-models.lock": None,
}
"""Each lock file. None: written by hand, and covers nothing of ``pyproject.toml``."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and where: ``line`` counts from 1, 0 for the file as a whole."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.file}:{self.line}: {self.reason}"
            if self.line
            else f"{self.file}: {self.reason}"
        )


def address_faults(name: str, text: str) -> list[Fault]:
    """Every line that names a place packages come from, comments too."""
    faults = []
    for number, line in enumerate(text.splitlines(), 1):
        if ADDRESS.search(line):
            faults.append(Fault(name, number, f"holds an address or a path: {line.strip()}"))
        elif OPTION.match(line):
            faults.append(Fault(name, number, f"holds an option: {line.strip()}"))
    return faults


def _entries(text: str) -> list[tuple[int, str]]:
    """Each requirement with its continuation lines, and the line it starts at."""
    entries: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("#") or not line.strip():
            continue
        if line[0].isspace() and entries:
            start, so_far = entries[-1]
            entries[-1] = (start, so_far + line)
        else:
            entries.append((number, line))
    return entries


def pin_faults(name: str, text: str) -> list[Fault]:
    """Every requirement that is not pinned to one version, or has no hash."""
    faults = []
    for number, entry in _entries(text):
        if not PIN.match(entry):
            faults.append(Fault(name, number, f"is not pinned with ==: {entry.strip()}"))
        elif "--hash=sha256:" not in entry:
            faults.append(Fault(name, number, f"has no hash: {entry.strip()}"))
    return faults


def pins(text: str) -> dict[str, list[Version]]:
    """The pinned versions by normalised name; more than one where markers part them."""
    found: dict[str, list[Version]] = {}
    for _, entry in _entries(text):
        match = PIN.match(entry)
        if match:
            found.setdefault(canonicalize_name(match[1]), []).append(Version(match[2]))
    return found


def _extra(project: Json, extra: str) -> Iterator[str]:
    """The requirements of an extra; one that names the project itself stands for its extras."""
    for line in project["optional-dependencies"][extra]:
        requirement = Requirement(line)
        if requirement.name == project["name"]:
            for inner in sorted(requirement.extras):
                yield from _extra(project, inner)
        else:
            yield line


def wanted(pyproject: Json, covers: Covers) -> list[Requirement]:
    """What the project asks for, to be run with these extras, and to be built."""
    project = pyproject["project"]
    lines = [line for extra in covers.extras for line in _extra(project, extra)]
    if covers.runs:
        lines += project["dependencies"]
    if covers.builds:
        lines += pyproject["dependency-groups"]["build"] + pyproject["build-system"]["requires"]
    return [Requirement(line) for line in lines]


def cover_faults(name: str, text: str, pyproject: Json, covers: Covers) -> list[Fault]:
    """Every dependency that is not pinned, or pinned to what its range doesn't allow."""
    pinned = pins(text)
    return [
        Fault(name, 0, f"{fault}: run make lock")
        for requirement in wanted(pyproject, covers)
        for fault in _unmet(requirement, pinned.get(canonicalize_name(requirement.name), []))
    ]


def _unmet(requirement: Requirement, versions: list[Version]) -> list[str]:
    if not versions:
        return [f"misses {requirement}"]
    return [
        f"pins {version} for {requirement}"
        for version in versions
        if not requirement.specifier.contains(version, prereleases=True)
    ]


def disagreements(locks: Mapping[str, str]) -> list[Fault]:
    """Packages that two lock files pin differently: what is tested must be what is run."""
    (first, *others) = locks
    ours = pins(locks[first])
    return [
        Fault(other, 0, f"differs from {first} in {package}: run make lock")
        for other in others
        for package, versions in pins(locks[other]).items()
        if ours.get(package, versions) != versions
    ]


def faults_of(pyproject: Json, locks: Mapping[str, str]) -> list[Fault]:
    """All faults of these lock files (name → text)."""
    found = disagreements(locks)
    for name, text in locks.items():
        found += address_faults(name, text) + pin_faults(name, text)
        covers = LOCKS[name]
        found += [] if covers is None else cover_faults(name, text, pyproject, covers)
    return found


def main(root: Path = ROOT) -> int:
    """Judge the lock files in ``root``; the exit code."""
    pyproject = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    locks = {name: (root / name).read_text(encoding="utf-8") for name in LOCKS}
    faults = faults_of(pyproject, locks)
    for fault in faults:
        sys.stderr.write(f"{fault}\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
