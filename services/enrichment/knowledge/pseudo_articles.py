"""Articles made of rows: the model learns from one-line items and has to tag whole articles.

Three kinds, as articles are: one happening told at length (items of one year that share
their words; each section that they come from is a label), one subject (items of one section),
two subjects (items of two sections, of which each is a label).  Chosen by a seeded generator:
the same rows give the same articles.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np

from services.enrichment.knowledge.topic_rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]  # ships no types

SEED = 20190101
BLOCK = 1500
"""Rows compared with each other at a time: their products take 9 MB."""

LIKE = 0.12
"""Cosine from which two items are taken for parts of one happening: a name and two or three
further words in common."""

FEWEST_ITEMS = 3
MOST_ITEMS = 12
"""Items in one article: 100 to 500 words at 40 words an item."""

MINOR_SHARE = 0.25
"""A section that gives at least this part of the items is a label; a single one isn't enough."""

PSEUDO_WEIGHT = 1.0


def _article(items: Sequence[Row]) -> Row:
    """The items as paragraphs, the first one as headline and lead; its labels always count."""
    first = items[0]
    labels = first.labels | _shared([item.labels for item in items])
    weak = (first.weak | _shared([item.labels | item.weak for item in items])) - labels
    text = "\n\n".join(item.text for item in items)
    source = f"pseudo-{first.source}"
    return Row(text, labels, PSEUDO_WEIGHT, first.part, source, first.group, weak)


def _shared(labels: Sequence[frozenset[str]]) -> frozenset[str]:
    """Labels of enough of the items."""
    counts = Counter(label for item in labels for label in item)
    needed = max(2.0, MINOR_SHARE * len(labels))
    return frozenset(label for label, count in counts.items() if count >= needed)


def stories(rows: Sequence[Row], matrix: csr_matrix, count: int) -> Iterator[Row]:
    """At most ``count`` articles of items that are alike; ``matrix`` has the rows' unit vectors."""
    chance = random.Random(SEED)  # noqa: S311  (a repeatable choice, no secret)
    groups: dict[str, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        groups[row.group].append(index)
    wanted = count / max(len(rows), 1)
    for name in sorted(groups):
        for start in range(0, len(groups[name]), BLOCK):
            places = groups[name][start : start + BLOCK]
            block = matrix[places]
            likeness = (block @ block.T).toarray()
            for place, line in enumerate(likeness):
                if chance.random() >= wanted:
                    continue
                order = [int(at) for at in np.argsort(-line, kind="stable")[: MOST_ITEMS + 1]]
                alike = [at for at in order if at != place and line[at] >= LIKE]
                if len(alike) + 1 >= FEWEST_ITEMS:
                    size = chance.randint(FEWEST_ITEMS, MOST_ITEMS)
                    chosen = [place, *alike[: size - 1]]
                    yield _article([rows[places[at]] for at in chosen])


def _by_label(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if len(row.labels) == 1:
            found[next(iter(row.labels))].append(row)
    return {label: found[label] for label in sorted(found) if len(found[label]) >= MOST_ITEMS}


def mixtures(rows: Sequence[Row], count: int) -> Iterator[Row]:
    """``count`` articles, every second one of one section, the others of two.

    Sections are drawn by the root of their size: as they come the rare ones would hardly be
    there, evenly they would be too many.
    """
    chance = random.Random(SEED + 1)  # noqa: S311  (a repeatable choice, no secret)
    pools = _by_label(rows)
    labels = list(pools)
    if not labels:
        return
    weights = [len(pools[label]) ** 0.5 for label in labels]
    for number in range(count):
        one, other = chance.choices(labels, weights, k=2)
        if number % 2:
            other = one
        size = chance.randint(FEWEST_ITEMS + 1, MOST_ITEMS)
        minor = max(2, round(size * chance.uniform(0.3, 0.5)))
        items = chance.choices(pools[one], k=size - minor)
        more = chance.choices(pools[other], k=minor)
        rest = [*items[1:], *more]
        chance.shuffle(rest)
        yield _article([items[0], *rest])
