"""The long runs over Sentinel and Redis Cluster: ``python -m tests.cluster.run``.

Masters killed again and again under load, changes of masters in peace, a slot that moves, every
service under its own user with articles that fail: some minutes, so they aren't in ``make test``.
Arguments go to pytest, e.g. ``-k slot``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

LONG = sorted(str(path) for path in HERE.glob("long_*.py"))


def main(arguments: list[str]) -> int:
    """Run them one after the other; the exit code."""
    return int(pytest.main(["-n0", "-v", "--timeout", "600", *LONG, *arguments]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
