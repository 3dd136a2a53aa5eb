"""The settings of the linear algebra, which its library reads when it is loaded."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from services.enrichment import threads

if TYPE_CHECKING:
    import pytest


def test_there_is_one_thread_unless_the_environment_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in threads._VARIABLES:
        monkeypatch.setenv(name, "")  # so that what the call sets is taken back
        monkeypatch.delenv(name)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    threads.limit_threads()
    assert os.environ["OMP_NUM_THREADS"] == "3"
    assert {os.environ[name] for name in threads._VARIABLES[1:]} == {"1"}
