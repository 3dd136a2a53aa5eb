"""How the indexer's process begins."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import pytest

from services.indexer import __main__ as indexer
from services.settings import Settings
from tests.factories import make_enriched

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_a_batch_in_work_is_not_looked_through_for_garbage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[bool] = []

    def note(phase: str, _info: Any) -> None:
        looked.append(phase == "start")

    def work(*_args: Any, batch_size: int, **_options: Any) -> int:
        """In the place of a stage: as many articles at once as a batch has at most."""
        body = make_enriched().model_dump_json()
        gc.collect()
        gc.callbacks.append(note)
        articles = [make_enriched().model_validate_json(body) for _ in range(batch_size)]
        gc.callbacks.remove(note)
        return len(articles)

    monkeypatch.setattr(indexer, "Settings", lambda: Settings(inbox=tmp_path, api=False))
    monkeypatch.setattr(indexer, "prepare", lambda *_: None)
    monkeypatch.setattr(indexer, "run", work)
    assert indexer.main() == Settings().index_batch_size
    assert not any(looked)
