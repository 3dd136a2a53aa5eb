"""The largest articles that are taken are read in seconds, by whatever shape they have."""

from __future__ import annotations

import time

import pytest

from services.ingest.readers.base import Limits
from tests.readers.support import LEAD, MORE, read

SIZE = Limits().article_bytes


@pytest.mark.parametrize(
    ("unit", "name"),
    [
        (f"{MORE}\n\n", "paragraphs.txt"),
        ("The ferry to the northern islands will sail again from Monday on\n", "wrapped.txt"),
        (f"{LEAD} ", "line.txt"),
        ("News", "fused.txt"),
        ("(", "brackets.txt"),
        (f"{MORE}\n\n", "paragraphs.md"),
    ],
    ids=lambda value: value if value.endswith(("txt", "md")) else "",
)
def test_eight_megabytes_are_read_in_seconds(unit: str, name: str) -> None:
    """3 to 7 s at worst on two busy cores; the bound leaves room for a slower machine."""
    data = (unit * (SIZE // len(unit))).encode()
    started = time.process_time()
    article = read(data, name)
    assert time.process_time() - started < 20
    assert article.body
