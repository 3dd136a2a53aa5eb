"""What the tests of doctor have in common: one check, run as the command runs it."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from services.console.doctor.catalogue import chosen
from services.console.doctor.checks import Surroundings
from services.console.doctor.examining import examine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.console.doctor.findings import Finding
    from services.settings import Settings


def look(name: str, settings: Settings, **surroundings: Any) -> Finding:
    """What one check finds, with some of its surroundings replaced."""
    (result,) = examine(chosen([name]), Surroundings(settings, **surroundings))
    return result.finding


def but(settings: Settings, **over: Any) -> Settings:
    """``settings`` with others in their place."""
    return settings.model_copy(update=over)


def said(finding: Finding) -> str:
    """All that was found, as one line."""
    return " | ".join(finding.found)


def is_green(finding: Finding) -> bool:
    """Whether nothing is to be done; shows the finding where it isn't so."""
    assert (finding.state, finding.advice) == ("ok", ()), finding
    return True


def is_red(finding: Finding, state: str, *words: str) -> bool:
    """Whether the state is so, the words are found, and something to do is said."""
    assert finding.state == state, finding
    assert finding.advice, finding
    assert all(word in said(finding) for word in words), finding
    return True


@contextmanager
def small_disk(folder: Path, options: str) -> Iterator[Path]:
    """A file system of its own in memory, e.g. ``size=64k``; skips where we may not mount."""
    folder.mkdir()
    mounted = os.getuid() == 0 and not subprocess.call(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], stderr=subprocess.DEVNULL
    )
    if not mounted:
        pytest.skip("only root may mount a small file system, here or in this container")
    try:
        yield folder
    finally:
        subprocess.check_call(["umount", str(folder)])
