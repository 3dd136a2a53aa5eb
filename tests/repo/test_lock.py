"""The lock files hold hashes and no addresses, and cover what the project asks for."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.repo.lock_check import (
    LOCKS,
    ROOT,
    Covers,
    address_faults,
    cover_faults,
    disagreements,
    faults_of,
    main,
    pin_faults,
    pins,
    wanted,
)

if TYPE_CHECKING:
    from pathlib import Path

HASH = "a" * 64
ALL = Covers(("all",))
GOOD = f"""\
# made by: make lock
Some.Package==1.2.3 \\
    --hash=sha256:{HASH} \\
    --hash=sha256:{HASH}
other==2.0 ; python_full_version >= '3.12' \\
    --hash=sha256:{HASH}
other==1.9 ; python_full_version < '3.12' \\
    --hash=sha256:{HASH}
"""
PYPROJECT: dict[str, Any] = {
    "project": {
        "name": "desk",
        "dependencies": ["some_package~=1.2"],
        "optional-dependencies": {"all": ["desk[odd]"], "odd": ["Other[fast]>=1.9,<3"]},
    },
    "dependency-groups": {"build": []},
    "build-system": {"requires": []},
}


def test_the_lock_files_of_the_project_are_without_fault() -> None:
    assert main() == 0


def test_a_good_lock_file_has_no_fault() -> None:
    assert address_faults("lock", GOOD) == []
    assert pin_faults("lock", GOOD) == []
    assert cover_faults("lock", GOOD, PYPROJECT, ALL) == []


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://index.example/simple",
        "-i https://index.example/simple",
        "--extra-index-url=http://index.example/simple",
        "--find-links /opt/wheels",
        "-f wheels",
        "--trusted-host index.example",
        "--no-index",
        "-r other.txt",
        "-e .",
        "./local/package",
        "/opt/wheels/some-1.0-py3-none-any.whl",
        "some @ file:///opt/wheels/some-1.0-py3-none-any.whl",
        "some @ https://index.example/some-1.0-py3-none-any.whl",
        "git+https://forge.example/some.git",
        "some==1.0 --hash=md5:0123456789",
        "# made from https://index.example/simple",
        "    # via file:///home/somebody/project",
        f"    --hash=sha256:{HASH} # from HTTPS://INDEX.example",
    ],
)
def test_an_address_an_option_or_a_path_is_refused(line: str) -> None:
    text = f"{GOOD}{line}\n"

    faults = [*address_faults("lock", text), *pin_faults("lock", text)]

    assert faults
    assert faults[0].line == GOOD.count("\n") + 1
    assert str(faults[0]).startswith("lock:9: ")


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (f"some>=1.0 \\\n    --hash=sha256:{HASH}", "not pinned"),
        (f"some \\\n    --hash=sha256:{HASH}", "not pinned"),
        ("some==1.0", "no hash"),
        ("some==1.0 ; python_full_version < '3.12'", "no hash"),
    ],
)
def test_a_requirement_without_pin_or_hash_is_refused(entry: str, reason: str) -> None:
    (fault,) = pin_faults("lock", GOOD + entry + "\n")

    assert reason in fault.reason


def test_pins_are_found_by_normalised_name_with_each_version() -> None:
    assert {name: [str(v) for v in versions] for name, versions in pins(GOOD).items()} == {
        "some-package": ["1.2.3"],
        "other": ["2.0", "1.9"],
    }


@pytest.mark.parametrize("asked", ["missing>=1", "some-package>=2", "other>=2"])
@pytest.mark.parametrize("where", ["dependencies", "extra", "build group", "build system"])
def test_a_dependency_that_the_lock_does_not_cover_is_named(asked: str, where: str) -> None:
    """``other>=2`` too: one of its two pins, for older Pythons, doesn't fit."""
    pyproject = {
        "project": {
            "name": "desk",
            "dependencies": [asked] if where == "dependencies" else [],
            "optional-dependencies": {
                "all": ["desk[odd]"],
                "odd": [asked] if where == "extra" else [],
            },
        },
        "dependency-groups": {"build": [asked] if where == "build group" else []},
        "build-system": {"requires": [asked] if where == "build system" else []},
    }

    (fault,) = cover_faults("lock", GOOD, pyproject, ALL)

    assert asked in fault.reason
    assert "make lock" in fault.reason


def test_a_lock_file_may_be_for_running_or_for_building_alone() -> None:
    pyproject = {
        "project": {"name": "desk", "dependencies": ["runs"], "optional-dependencies": {}},
        "dependency-groups": {"build": ["builds"]},
        "build-system": {"requires": ["builds-too"]},
    }

    def missing(covers: Covers) -> list[str]:
        return [str(requirement) for requirement in wanted(pyproject, covers)]

    assert missing(Covers(builds=False)) == ["runs"]
    assert missing(Covers(runs=False)) == ["builds", "builds-too"]
    assert missing(Covers()) == ["runs", "builds", "builds-too"]


def test_two_lock_files_that_pin_different_versions_are_refused() -> None:
    newer = GOOD.replace("1.2.3", "1.2.4")

    (fault,) = disagreements({"requirements.lock": GOOD, "requirements-dev.lock": newer})

    assert "some-package" in fault.reason
    assert disagreements({"requirements.lock": GOOD, "requirements-dev.lock": GOOD}) == []


def test_a_lock_file_for_less_may_leave_packages_out() -> None:
    less = GOOD.split("other==", maxsplit=1)[0]

    assert disagreements({"requirements.lock": GOOD, "deploy/requirements-ingest.lock": less}) == []


def test_all_kinds_of_fault_are_found_together() -> None:
    spoilt = GOOD.replace("==1.2.3", ">=1.2.3") + "--no-index\n"

    faults = faults_of(PYPROJECT, {"requirements.lock": spoilt})

    assert sorted(fault.reason.split(" ")[0] for fault in faults) == ["holds", "is", "is", "misses"]


def test_the_command_ends_with_1_and_names_each_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "deploy").mkdir()
    for name in ("pyproject.toml", *LOCKS):
        shutil.copy(ROOT / name, tmp_path / name)
    assert main(tmp_path) == 0
    lock = tmp_path / "requirements.lock"
    lock.write_text("--index-url https://index.example\n" + lock.read_text(encoding="utf-8"))

    assert main(tmp_path) == 1

    assert "requirements.lock:1: holds an address" in capsys.readouterr().err
