"""Same input and versions, same bytes: whatever the batch, the process, the seed of hashes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.enrichment.enrich_texts import digests, texts
from tests.golden.gold import enricher

ROOT = Path(__file__).resolve().parents[2]


def in_another_process(batch: int, hash_seed: int) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.enrichment.enrich_texts", str(batch)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": str(hash_seed), "WIREDESK_LOG_LEVEL": "ERROR"},
        capture_output=True,
        text=True,
        check=True,
    )
    return [line for line in done.stdout.splitlines() if len(line) == 64]


def test_the_batch_the_process_and_the_hash_seed_make_no_difference() -> None:
    one = list(digests(1))
    assert len(one) == len(texts())
    assert list(digests(8)) == one
    assert in_another_process(3, hash_seed=7) == one


def test_the_neighbours_in_a_batch_make_no_difference() -> None:
    articles = texts()
    alone = [enricher().enrich([article])[0] for article in articles]
    backwards = list(enricher().enrich(articles[::-1]))[::-1]
    assert backwards == alone


def test_every_block_says_who_made_it_with_what() -> None:
    (made,) = enricher().enrich(texts()[:1])
    by_block = {block.block: block for block in made.provenance}  # type: ignore[union-attr]  # not rejected
    assert all(block.annotator and block.version for block in by_block.values())
    entities = by_block["entities"]
    assert entities.model_sha256 is not None
    assert entities.knowledge_version is not None
    assert by_block["topics"].model_sha256 is not None
