"""The seed of a chaos run: printed always, chosen by WIREDESK_TEST_SEED."""

from __future__ import annotations

import os
import time

import pytest

SEED = int(os.environ.get("WIREDESK_TEST_SEED", time.time_ns() % 1_000_000))


def pytest_report_header() -> str:
    return f"wiredesk chaos seed: {SEED} (repeat with WIREDESK_TEST_SEED={SEED})"


@pytest.fixture(scope="session")
def run_seed() -> int:
    return SEED
