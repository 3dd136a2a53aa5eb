"""The Dockerfile and what it is built from, judged without an engine."""

from __future__ import annotations

import importlib.util
import json
import shlex
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from docker.utils.build import exclude_paths
from packaging.specifiers import SpecifierSet

from services.console.missing import NOTE
from services.settings import Settings
from tests.repo.lock_check import LOCKS

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
CONFIG = ROOT / "deploy" / "hadolint.yaml"
IMAGES = ("ingest", "indexer", "enrichment")
LABEL = "org.opencontainers.image."


class Step(NamedTuple):
    """One instruction: its word, what follows it, and the stage that it is in."""

    word: str
    rest: str
    stage: str


@cache
def steps() -> tuple[Step, ...]:
    """Every instruction, continued lines joined; before the first stage that is ''."""
    lines = [line for line in DOCKERFILE.read_text("utf-8").splitlines() if line[:1] != "#"]
    found, stage = [], ""
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            stage = rest.split(" AS ")[1]
        if word:
            found.append(Step(word, rest, stage))
    return tuple(found)


def of(stage: str, word: str) -> list[str]:
    """What follows ``word`` in ``stage`` and in the stages that it is made from."""
    (base,) = [step.rest.split(" AS ")[0] for step in steps() if step[::2] == ("FROM", stage)]
    before = of(base, word) if any(step.stage == base for step in steps()) else []
    return [*before, *(step.rest for step in steps() if (step.stage, step.word) == (stage, word))]


def labels(image: str) -> dict[str, str]:
    """The image's labels, as they are written."""
    pairs = [pair.partition("=") for rest in of(image, "LABEL") for pair in shlex.split(rest)]
    return {name: text for name, _, text in pairs}


def project() -> dict[str, Any]:
    """What pyproject.toml says of the project."""
    said: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return said


def arguments() -> dict[str, str]:
    """The build arguments with their defaults."""
    pairs = [step.rest.partition("=") for step in steps() if step.word == "ARG" and not step.stage]
    return {name: default for name, _, default in pairs}


def linted(path: Path) -> subprocess.CompletedProcess[str]:
    """What hadolint says of it."""
    program = Path(sys.executable).with_name("hadolint")
    return subprocess.run(
        [program, "--no-color", "--config", CONFIG, path],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# --- hadolint ---------------------------------------------------------------------------------
def test_hadolint_finds_nothing() -> None:
    done = linted(DOCKERFILE)
    assert (done.stdout + done.stderr, done.returncode) == ("", 0)


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("USER 10001:10001", "USER root", "DL3002"),
        ('licenses="Apache-2.0"', 'licenses="Apachee"', "DL3054"),
        ('CMD ["wiredesk", "run", "ingest"]', "CMD wiredesk run ingest", "DL3025"),
        (f"{LABEL}title=", "org.example.title=", "DL3050"),
    ],
)
def test_hadolint_would_find_it(tmp_path: Path, old: str, new: str, rule: str) -> None:
    """Our configuration hasn't switched off what matters."""
    text = DOCKERFILE.read_text("utf-8")
    assert old in text
    spoilt = tmp_path / "Dockerfile"
    spoilt.write_text(text.replace(old, new), "utf-8")

    done = linted(spoilt)

    assert rule in done.stdout
    assert done.returncode == 1


# --- what it says -----------------------------------------------------------------------------
def test_it_names_no_place_where_something_comes_from() -> None:
    """Whoever builds uses their own mirrors; a syntax line would fetch another builder."""
    text = DOCKERFILE.read_text("utf-8")
    assert "://" not in text
    assert "syntax=" not in text
    assert "index-url" not in text


@pytest.mark.parametrize("image", IMAGES)
def test_each_image_runs_its_service_as_a_numbered_user(image: str) -> None:
    (user,) = of(image, "USER")
    uid, gid = map(int, user.split(":"))
    assert min(uid, gid) >= 10000  # nobody's on the host either

    (command,) = of(image, "CMD")
    assert json.loads(command) == ["wiredesk", "run", image]
    assert of(image, "ENTRYPOINT") == []
    assert of(image, "STOPSIGNAL") == ["SIGTERM"]


@pytest.mark.parametrize("image", IMAGES)
def test_each_image_says_how_it_is_asked_for_its_health(image: str) -> None:
    (healthcheck,) = of(image, "HEALTHCHECK")
    *options, command = healthcheck.split("CMD ")
    program, flag, module = json.loads(command)
    assert (program, flag) == ("python3", "-m")
    assert importlib.util.find_spec(module) is not None
    assert "--start-period" in "".join(options)


@pytest.mark.parametrize("image", IMAGES)
def test_each_image_is_labelled(image: str) -> None:
    said = labels(image)
    assert said.pop(f"{LABEL}title") == f"wiredesk-{image}"
    assert said.pop(f"{LABEL}description").startswith("Wiredesk: ")
    assert said == {
        f"{LABEL}licenses": project()["license"],
        f"{LABEL}version": "${VERSION}",
        f"{LABEL}revision": "${REVISION}",
        f"{LABEL}base.name": "${PYTHON_IMAGE}",
    }
    # Arguments are unknown in a stage that doesn't ask for them, and labels would be empty.
    assert {"PYTHON_IMAGE", "VERSION", "REVISION"} <= set(of(image, "ARG"))


def test_without_arguments_it_builds_this_version_on_a_supported_python() -> None:
    assert arguments()["VERSION"] == project()["version"]
    name, _, tag = arguments()["PYTHON_IMAGE"].partition(":")
    version, _, variant = tag.partition("-")
    assert (name, variant) == ("python", "slim")
    assert f"{version}.0" in SpecifierSet(project()["requires-python"])


def test_the_indexer_alone_says_a_port_and_it_is_the_apis() -> None:
    port = str(Settings.model_fields["api_port"].default)
    assert {image: of(image, "EXPOSE") for image in IMAGES} == {
        "ingest": [],
        "indexer": [port],
        "enrichment": [],
    }


# --- what goes in -----------------------------------------------------------------------------
@pytest.mark.parametrize("image", IMAGES)
def test_an_image_takes_only_what_was_installed_for_it(image: str) -> None:
    assert of(image, "COPY") == [
        "--from=system / /",
        f"--from={image}-packages /opt/wiredesk /opt/wiredesk",
        "--from=own /own/opt/wiredesk /opt/wiredesk",
    ]
    *_, installs, slims = of(f"{image}-packages", "RUN")
    assert f"-r requirements-{image}.lock" in installs
    slim, note = (command.strip() for command in slims.split("&&"))
    assert slim == "python3 slim.py packages /opt/wiredesk"
    assert note == f"echo wiredesk-{image} > /opt/wiredesk/{NOTE}"


def test_what_is_installed_is_checked_by_hash_and_never_built_but_our_own() -> None:
    installs = [
        command
        for step in steps()
        if step.word == "RUN"
        for command in step.rest.split("&&")
        if " pip " in command
    ]
    locked = [command for command in installs if ".lock" in command]
    own = [command for command in installs if ".lock" not in command]
    assert len(locked) == 5
    for command in locked:
        assert {"--require-hashes", "--only-binary", ":all:"} <= set(command.split())
    for command in own:
        assert "--no-deps" in command.split()


@cache
def context() -> frozenset[Path]:
    """Every file that the engine is given, by .dockerignore."""
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    patterns = [line for line in lines if line and line[0] != "#"]
    found = exclude_paths(str(ROOT), patterns, "deploy/Dockerfile")
    return frozenset(Path(name) for name in found if (ROOT / name).is_file())


def copied() -> set[Path]:
    """What the Dockerfile takes of it."""
    return {
        Path(name)
        for step in steps()
        if step.word == "COPY" and not step.rest.startswith("--from")
        for name in step.rest.split()[:-1]
    }


def test_the_engine_is_given_what_is_copied_and_nothing_else() -> None:
    """An allow-list: no key, no article and no history gets into a layer by accident."""
    wanted = copied()
    assert all((ROOT / name).exists() for name in wanted)

    tops = {name for name in wanted if any(name in (path, *path.parents) for path in context())}
    assert tops == wanted
    others = {
        path for path in context() if not any(name in (path, *path.parents) for name in wanted)
    }
    # The engine reads these two itself.
    assert others == {Path("deploy/Dockerfile"), Path(".dockerignore")}


def test_no_bytecode_of_ours_and_no_tests_are_given_to_the_engine() -> None:
    assert not [path for path in context() if {"__pycache__", "tests"} & set(path.parts)]


def test_every_lock_file_of_an_image_is_judged_with_the_others() -> None:
    """``make check-lock``: hashes, no addresses, the versions that are tested."""
    ours = {path.name for path in (ROOT / "deploy").glob("*.lock")}
    assert ours == {Path(name).name for name in LOCKS if name.startswith("deploy/")}
    assert ours == {path.name for path in copied() if path.suffix == ".lock"} - {
        "requirements-models.lock"
    }
