"""How well and how fast kin are found: variants, strangers, stories, cost, memory.

``make bench`` runs it over 1,500 invented originals; ``python -m tests.bench.bench_kin
--articles N --data DIR`` over more, and over the WikiTimes sentences of September
2015 too, where DIR holds them (``eval/wikitimes_CEP_2015-09.json``).  Those are one
sentence an event, labelled with stories that run for months: of what is there to be
joined, only what lies within the window of stories counts.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redis import Redis

from schemas.article import Entity, Mention
from services.bus.kinship import KinIndex
from services.bus.server import EmbeddedServer
from services.enrichment.annotators.base import Draft
from services.enrichment.annotators.duplicates import NearDuplicateFinder
from services.enrichment.annotators.stories import StoryFinder
from services.enrichment.quality.evalsets import split_of
from services.enrichment.quality.metrics import Counts, b_cubed
from services.settings import Settings
from tests.bench.measure import record, tell
from tests.enrichment.kin_generator import VARIANTS, article, chance_of, event, variant
from tests.enrichment.kin_words import KINDS
from tests.factories import NOON, article_id, make_raw

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from services.enrichment.annotators.base import Annotator, Block
    from tests.enrichment.kin_generator import Piece

ORIGINALS = 1500
COPIED = 400
"""Originals of which each variant is made."""

BATCH = 8
HAPPENINGS = 300
REPORTS = 5
WINDOW = Settings().story_window


@dataclass
class Desk:
    """An index on a server of its own, and the CPU seconds that working on it cost."""

    server: EmbeddedServer
    index: KinIndex
    redis: Any
    seconds: float = 0.0
    server_seconds: float = 0.0
    articles: int = 0

    def run(self, annotator: Annotator, drafts: Sequence[Draft]) -> list[Block]:
        """Annotate in batches as the stage does; counted in this process's CPU time."""
        made: list[Block] = []
        for at in range(0, len(drafts), BATCH):
            started = time.process_time()
            made += annotator.annotate(drafts[at : at + BATCH])
            self.seconds += time.process_time() - started
        self.articles += len(drafts)
        return made

    def begin(self) -> None:
        """Empty the index and count from zero."""
        self.redis.flushall()
        self.seconds, self.articles, self.server_seconds = 0.0, 0, self._server()

    def _server(self) -> float:
        used = self.redis.info("cpu")
        return float(used["used_cpu_user"] + used["used_cpu_sys"])

    def cost(self) -> dict[str, float]:
        """Per article: CPU time here and in the server in ms, bytes in Redis."""
        return {
            "cpu_ms": self.seconds * 1000 / self.articles,
            "redis_ms": (self._server() - self.server_seconds) * 1000 / self.articles,
            "bytes": float(self.redis.info("memory")["used_memory"]) / self.articles,
        }


def desks(folder: Path) -> Iterator[Desk]:
    """One desk, closed afterwards."""
    server = EmbeddedServer(folder)
    server.start()
    index = KinIndex(server.url, Settings(), now=NOON.timestamp)
    try:
        with Redis.from_url(server.url) as redis:
            yield Desk(server, index, redis)
    finally:
        index.close()
        server.stop()


def duplicates(desk: Desk, originals: int) -> dict[str, object]:
    """Recall for each variant, and false positives among the originals; print the table."""
    finder = NearDuplicateFinder(desk.index)
    desk.begin()
    pieces = [
        # Two reports of each happening, and a fiftieth of all happenings for each kind and day.
        article(event(n // 2), n, chance_of("length", n).randint(150, 900))
        for n in range(originals)
    ]
    blocks = desk.run(finder, [piece.draft() for piece in pieces])
    cost = desk.cost()
    wrong = sum(len(block.near_duplicates) for block in blocks)
    pairs = originals * (originals - 1) // 2
    lines = [f"strangers: {wrong} of {pairs} pairs taken for near-duplicates ({wrong / pairs:.5%})"]
    recalls: dict[str, float] = {}
    for place, name in enumerate(VARIANTS, 1):
        recalls[name], directions = _recall(desk, finder, pieces[:COPIED], name, place)
        shown = ", ".join(f"{count} {kind}" for kind, count in directions.most_common())
        lines.append(f"{name:<16} recall {recalls[name]:7.2%}   ({shown})")
    lines.append(_shown(cost))
    tell(f"Near-duplicates: {originals} originals of 150 to 900 words", lines)
    return {"recall": recalls, "false_positives": wrong, "pairs": pairs, "cost": cost}


def _recall(
    desk: Desk, finder: NearDuplicateFinder, pieces: Sequence[Piece], name: str, place: int
) -> tuple[float, Counter[str]]:
    copies = [variant(piece, name, place * 1_000_000 + piece.number) for piece in pieces]
    directions: Counter[str] = Counter()
    blocks = desk.run(finder, [copy.draft() for copy in copies])
    for piece, block in zip(pieces, blocks, strict=True):
        wanted = piece.raw().article_id
        directions.update(
            other.direction for other in block.near_duplicates if other.article_id == wanted
        )
    return directions.total() / len(pieces), directions


def _shown(cost: dict[str, float]) -> str:
    return (
        f"per article: {cost['cpu_ms']:.2f} ms of CPU here, {cost['redis_ms']:.2f} ms in Redis, "
        f"{cost['bytes']:.0f} bytes of its memory"
    )


@dataclass(frozen=True, slots=True)
class Labelled:
    """An article, and the story that it is said to be of."""

    story: str
    draft: Draft


def measured(desk: Desk, articles: Sequence[Labelled]) -> dict[str, float]:
    """B³ of the stories, and precision and recall over pairs within the window."""
    desk.redis.flushall()
    blocks = desk.run(StoryFinder(desk.index), [one.draft for one in articles])
    stories = final_stories(blocks)
    clusters = b_cubed([(one.story, story) for one, story in zip(articles, stories, strict=True)])
    counts = Counts()
    for (one, its), (other, others) in combinations(zip(articles, stories, strict=True), 2):
        apart = abs(_published(one) - _published(other)) > WINDOW
        if its == others:
            counts += Counts(right=one.story == other.story, wrong=one.story != other.story)
        elif one.story == other.story and not apart:
            counts += Counts(missed=1)
    return {
        "b3_precision": clusters.precision,
        "b3_recall": clusters.recall,
        "b3_f1": clusters.f1,
        "pair_precision": counts.precision,
        "pair_recall": counts.recall,
        "articles": float(len(articles)),
    }


def _published(one: Labelled) -> float:
    published = one.draft.article.published_at
    return published.timestamp() if published else 0.0


def final_stories(blocks: Sequence[Block]) -> list[UUID]:
    """The story of each article, after all merges."""
    elder: dict[UUID, UUID] = {}
    for block in blocks:
        assert block.story is not None, block.reason
        elder |= dict.fromkeys(block.story.merged, block.story.id)
    found = []
    for block in blocks:
        story = block.story.id  # type: ignore[union-attr]  # looked above
        while story in elder:
            story = elder[story]
        found.append(story)
    return found


def invented() -> list[Labelled]:
    """Reports of many happenings, of a few kinds, in one week, in the order of time."""
    made = [
        Labelled(
            f"happening {n}",
            article(
                event(n, KINDS[n % len(KINDS)]),
                n * REPORTS + part,
                chance_of("words", n, part).randint(80, 700),
                hours=(n % 50) * 3 + part * 12.0,
            ).draft(),
        )
        for n in range(HAPPENINGS)
        for part in range(REPORTS)
    ]
    return sorted(made, key=_published)


def wikitimes(data: Path) -> dict[str, list[Labelled]]:
    """The sentences that have a story, by split; whole stories are in one or the other."""
    rows = json.loads((data / "eval" / "wikitimes_CEP_2015-09.json").read_text("utf-8"))
    made: dict[str, list[Labelled]] = defaultdict(list)
    for number, row in enumerate(rows, 1):
        story = (row.get("belongsToStory") or {}).get("id")
        if story:
            made[split_of(story)].append(Labelled(story, _sentence(number, row)))
    return made


def _sentence(number: int, row: dict[str, Any]) -> Draft:
    text = row["description"].strip()
    raw = make_raw(
        text=text,
        headline=None,
        article_id=article_id(number),
        published_at=datetime.fromisoformat(f"{row['date']}T12:00:00+00:00"),
    )
    entities = tuple(
        Entity(
            key=f"wikitimes:{one['id']}",
            name=one["name"],
            type="ORG",  # what they are isn't said
            mentions=(Mention(start=0, end=len(one["name"]), text=one["name"]),),
            salience=0.5,
        )
        for one in {each["id"]: each for each in row["entity"]}.values()
    )
    return Draft(raw, entities=entities)


def stories(desk: Desk, data: Path | None) -> dict[str, object]:
    """Figures of stories on invented articles and, where they are, on WikiTimes."""
    sets = {"invented": invented()}
    if data is not None:
        sets |= {f"WikiTimes {split}": found for split, found in sorted(wikitimes(data).items())}
    desk.begin()
    figures: dict[str, object] = {}
    lines = []
    for name, articles in sets.items():
        one = measured(desk, articles)
        figures[name] = one
        if name == "invented":
            figures["cost"] = cost = desk.cost()
        lines.append(
            f"{name:<15} {one['articles']:5.0f} articles   B³ P {one['b3_precision']:.3f} "
            f"R {one['b3_recall']:.3f} F1 {one['b3_f1']:.3f}   "
            f"pairs P {one['pair_precision']:.3f} R {one['pair_recall']:.3f}"
        )
    tell("Stories", [*lines, _shown(cost)])
    return figures


def bench(originals: int, data: Path | None = None) -> None:
    """Measure all, print it and keep it."""
    with tempfile.TemporaryDirectory() as folder:
        for desk in desks(Path(folder)):
            figures = {"duplicates": duplicates(desk, originals), "stories": stories(desk, data)}
            record("kin", figures)


def test_kin() -> None:
    bench(ORIGINALS)


def main(argv: list[str] | None = None) -> int:
    """Run it with options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=ORIGINALS)
    parser.add_argument("--data", type=Path)
    arguments = parser.parse_args(argv)
    bench(arguments.articles, arguments.data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
