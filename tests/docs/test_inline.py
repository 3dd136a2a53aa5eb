"""Commands between backticks within a text: each is looked up, and those of the runbook are run."""

from __future__ import annotations

import re

import pytest

from tests.docs.lookup import look_up
from tests.docs.markdown import document, documents

OURS = re.compile(r"(wiredesk|make|python -m|pip|docker compose|kubectl|promtool) [\w.'-]")

INLINE = [
    block
    for name in documents()
    for block in document(name).inline
    if OURS.match(block.code) and "…" not in block.code
]


@pytest.mark.parametrize("name", documents())
def test_a_command_within_a_text_is_there(name: str) -> None:
    for block in INLINE:
        if block.document == name:
            look_up(block.code)


def test_they_are_found_where_a_line_ends_within_one() -> None:
    assert len(INLINE) > 100
    assert all("\n" not in block.code for block in INLINE)
