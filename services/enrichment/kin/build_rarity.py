"""Count how rare words are in news, and write the table: ``python -m … --data DIR``.

Source: the ``topics_train.jsonl.gz`` of the topic model (items of Wikipedia's Current
Events, headlines and abstracts of HuffPost).  Only counts are kept, hashed.  The
same input gives the same bytes.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from pathlib import Path

import numpy as np

from services.enrichment.kin.rarity import BUCKET_BITS, STEPS, TABLE_FILE, buckets
from services.enrichment.kin.sketch import words

LEAST_TEXTS = 3
"""A word of fewer texts counts as in so many: that it is rarer can't be told from the sample."""

NOTICES = (
    "Wikipedia, Portal:Current events, CC BY-SA 4.0 (counts of words)",
    "HuffPost News Category Dataset, CC BY 4.0 (counts of words)",
)


def count(path: Path) -> tuple[np.ndarray, int]:
    """Texts with each bucket, and all texts."""
    seen = np.zeros(1 << BUCKET_BITS, dtype=np.int64)
    total = 0
    with gzip.open(path, "rt", encoding="utf-8") as rows:
        for row in rows:
            seen[np.unique(buckets(words(json.loads(row)["t"])))] += 1
            total += 1
    return seen, total


def main(argv: list[str] | None = None) -> int:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with topics/")
    parser.add_argument("--out", type=Path, default=TABLE_FILE)
    arguments = parser.parse_args(argv)
    seen, total = count(arguments.data / "topics" / "topics_train.jsonl.gz")
    rarity = np.log(total / np.maximum(seen, LEAST_TEXTS))
    facts = {"texts": total, "notices": NOTICES}
    np.savez_compressed(
        arguments.out,
        table=np.round(rarity * STEPS).astype(np.uint8),
        facts=np.array(json.dumps(facts, sort_keys=True)),
    )
    sys.stdout.write(f"{arguments.out}: {total} texts, {np.count_nonzero(seen)} buckets in use\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
