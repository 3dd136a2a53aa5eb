"""Every bench runs with one thread of linear algebra, and with the settings that are shipped."""

from __future__ import annotations

import pytest

from services.enrichment.threads import limit_threads

# Here and not in a fixture: the libraries look when they are first imported.
limit_threads()


@pytest.fixture(autouse=True)
def _as_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take back what the tests set for themselves: it isn't what a desk costs its user."""
    for name in ("LOG_RATE", "FAILURE_BUDGET_PERCENT", "FAILURE_BUDGET_IN_A_ROW"):
        monkeypatch.delenv(f"WIREDESK_{name}", raising=False)
