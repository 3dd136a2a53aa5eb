"""Break each rule of delivery in a copy of the source, and see its test fail.

``python -m tests.bus.prove_rules [RULE…]`` prints a table of rule, mutation and
failing test; it exits with 1 when a mutant survives.  Some minutes: each mutant
has a run of pytest of its own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bus.mutations import MUTATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.bus.mutations import Mutation

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("schemas", "services", "tests", "pyproject.toml")
TEST_LIMIT = 100
"""Seconds for one test; several wait in vain for 30 s, which is their failure."""

LIMIT = 240
"""Seconds for all tests of one mutant."""

PYTEST_FAILED = 1
"""pytest's exit code for failed tests; others say that they could not be run at all."""


def copy_tree(target: Path) -> None:
    """The source and the tests, without what is generated or installed."""
    ignored = shutil.ignore_patterns("__pycache__", "node_modules", ".*")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=ignored)
        else:
            shutil.copy2(source, target / name)


def run_tests(tree: Path, mutation: Mutation) -> subprocess.CompletedProcess[str]:
    """The mutation's tests, in the copy and with nothing but the copy's source."""
    wanted = " or ".join(mutation.tests)
    target = f"tests/bus/{mutation.file}"
    options = ["-x", "-q", "-p", "no:cacheprovider", "--tb=no", f"--timeout={TEST_LIMIT}"]
    environ = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-k", wanted, target],
        cwd=tree,
        env=environ,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


def mutate(tree: Path, mutation: Mutation) -> dict[Path, str]:
    """Apply the edits; the texts before them, by file."""
    before: dict[Path, str] = {}
    for edit in mutation.edits:
        path = tree / edit.file
        text = path.read_text(encoding="utf-8")
        if text.count(edit.old) != 1:
            raise ValueError(f"{edit.file}: {edit.old!r} occurs {text.count(edit.old)} times")
        before.setdefault(path, text)
        path.write_text(text.replace(edit.old, edit.new), encoding="utf-8")
    return before


def failing_test(tree: Path, mutation: Mutation) -> str | None:
    """The name of a test that noticed the mutation; None when it survived."""
    before = mutate(tree, mutation)
    try:
        done = run_tests(tree, mutation)
    finally:
        for path, text in before.items():
            path.write_text(text, encoding="utf-8")
    found = re.search(r"^(?:FAILED|ERROR) \S+::(\w+)", done.stdout, re.MULTILINE)
    if done.returncode == PYTEST_FAILED and found:
        return found[1]
    if done.returncode == 0:
        return None
    raise RuntimeError(f"the tests could not be run:\n{done.stdout}{done.stderr}")


def unbroken(tree: Path, mutations: Iterable[Mutation]) -> bool:
    """Whether the same tests pass on the source as it is: else their failing proves nothing."""
    for file in sorted({mutation.file for mutation in mutations}):
        names = {name for m in mutations if m.file == file for name in m.tests}
        whole = next(m for m in mutations if m.file == file)
        every = type(whole)(whole.rule, "nothing", (), file, tuple(sorted(names)))
        done = run_tests(tree, every)
        if done.returncode != 0:
            sys.stdout.write(f"{file} fails on the source as it is:\n{done.stdout}\n")
            return False
    return True


def prove(mutations: Sequence[Mutation]) -> int:
    """Print the table; the exit code."""
    survivors = 0
    with tempfile.TemporaryDirectory(prefix="prove-rules-") as folder:
        tree = Path(folder)
        copy_tree(tree)
        if not unbroken(tree, mutations):
            return 2
        sys.stdout.write("| rule | mutation | failing test |\n|---|---|---|\n")
        for mutation in mutations:
            failed = failing_test(tree, mutation)
            survivors += failed is None
            shown = f"`{failed}`" if failed else "**none: it survives**"
            sys.stdout.write(f"| {mutation.rule} | {mutation.what} | {shown} |\n")
            sys.stdout.flush()
    sys.stdout.write(f"\n{len(mutations) - survivors} of {len(mutations)} mutants found\n")
    return 1 if survivors else 0


def main(arguments: Sequence[str]) -> int:
    """Prove the rules given by number, or all."""
    rules = {int(number) for number in arguments}
    return prove([m for m in MUTATIONS if not rules or m.rule in rules])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
