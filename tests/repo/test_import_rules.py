"""Who may import whom: the contracts of pyproject.toml hold, and can be broken."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.repo.lock_check import ROOT

if TYPE_CHECKING:
    from pathlib import Path

LINT = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """The import linter's verdict on the tree in ``folder``."""
    return subprocess.run(
        [*LINT, "--no-cache"], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the sources, to be spoilt."""
    for package in ("schemas", "services"):
        shutil.copytree(
            ROOT / package,
            tmp_path / package,
            ignore=shutil.ignore_patterns("__pycache__", "*.npz", "generated"),
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_nobody_imports_what_it_may_not() -> None:
    result = lint(ROOT)

    assert result.returncode == 0, result.stdout
    assert "0 broken" in result.stdout


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("schemas/base.py", "services.settings"),
        ("schemas/base.py", "orjson"),
        ("services/bus/keys.py", "services.ingest"),
        ("services/bus/keys.py", "services.console"),
        ("services/ingest/__init__.py", "services.indexer"),
        ("services/indexer/__init__.py", "services.enrichment.annotators"),
        ("services/enrichment/__init__.py", "services.ingest.readers"),
        ("services/enrichment/__init__.py", "services.console"),
        ("services/settings.py", "services.bus.keys"),
        ("services/effects.py", "services.settings"),
        ("services/observability.py", "services.bus.keys"),
        ("services/ingest/__init__.py", "redis"),
        ("services/indexer/__init__.py", "faststream.redis"),
        ("services/ingest/__init__.py", "spacy"),
        ("services/indexer/__init__.py", "numpy"),
    ],
)
def test_a_forbidden_import_breaks_a_contract(tree: Path, importer: str, imported: str) -> None:
    module = tree / importer
    module.write_text(module.read_text(encoding="utf-8") + f"\nimport {imported}\n")

    result = lint(tree)

    assert result.returncode == 1
    assert imported.partition(".")[0] in result.stdout
    assert "1 broken" in result.stdout or "2 broken" in result.stdout


def test_a_new_part_of_services_must_be_given_its_place(tree: Path) -> None:
    (tree / "services" / "sidecar.py").write_text('"""New."""\n', encoding="utf-8")

    result = lint(tree)

    assert result.returncode == 1
    assert "sidecar" in result.stdout
