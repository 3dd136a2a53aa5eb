"""Settings that a text names, and those variables that aren't settings of the services."""

from __future__ import annotations

import re
from functools import cache

from tests.repo.lock_check import ROOT

NAME = re.compile(r"\bWIREDESK_[A-Z0-9_]*[A-Z0-9]\b(?!_?[…*])")
"""``WIREDESK_FAILURE_BUDGET_…`` stands for several."""

BENCH = "WIREDESK_BENCH_"
"""The benches' sizes are asked for by their names in lower case, without this."""


def settings_named(text: str) -> set[str]:
    """Every name of a variable of ours in a text."""
    return set(NAME.findall(text))


@cache
def compose_variables() -> frozenset[str]:
    """Those of docker-compose.yml, and of the tests and what they run."""
    files = [ROOT / "docker-compose.yml", ROOT / "Makefile", *(ROOT / "tests").glob("**/*.py")]
    source = "".join(path.read_text("utf-8") for path in (ROOT / "tests" / "bench").glob("*.py"))
    sizes = {f"{BENCH}{name.upper()}" for name in re.findall(r'"([a-z0-9_]+)"', source)}
    files += [path for path in (ROOT / "tests" / "compose").glob("*") if path.is_file()]
    found = set(sizes)
    for path in files:
        if "node_modules" not in path.parts:
            found |= settings_named(path.read_text(encoding="utf-8"))
    return frozenset(found)
