"""Articles for the chaos tests: made from a seed, each with its own text, of our own writing."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass, field

PLACES = ("Harbour Street", "the old mill", "Lake Orrin", "the north gate", "Fenwick Square")
PEOPLE = ("Mara Ellison", "Tobias Wren", "Ines Okafor", "Pavel Lindqvist", "Joan Abara")
DEEDS = ("opened a library", "closed the bridge", "planted an orchard", "found a lost ship")
REASONS = (
    "after a long winter",
    "against all advice",
    "to the surprise of many",
    "for the last time",
)


EARLIER = frozenset({"indexed", "superseded"})
LATER = frozenset({"updated", "indexed"})


@dataclass(frozen=True, slots=True)
class Dropped:
    """A file that was dropped: name, bytes, the outcomes its records may have, how many."""

    name: str
    data: bytes
    may_become: frozenset[str]
    records: int = 1

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


@dataclass
class Wire:
    """Writes articles; the same seed writes the same ones."""

    seed: int
    _random: random.Random = field(init=False)
    _count: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311  (repeatable, not secret)

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{self._count:05d}-{kind}.txt"

    def article(self, mark: str = "", outcome: str = "indexed") -> Dropped:
        """A short article that no other resembles; ``mark`` goes into its body."""
        pick = self._random.choice
        who, what, where, why = pick(PEOPLE), pick(DEEDS), pick(PLACES), pick(REASONS)
        number = self._random.randrange(10**9)
        body = " ".join(
            f"{pick(PEOPLE)} said near {pick(PLACES)} that item {number + i} mattered most."
            for i in range(self._random.randrange(2, 6))
        )
        text = f"{who} {what} near {where}\n\nCase {number}: {who} {what} {why}. {mark} {body}\n"
        return Dropped(self._name("news"), text.encode(), frozenset({outcome}))

    def dump(self, records: int) -> Dropped:
        """A long file: JSON lines, an article in each."""
        articles = [self.article() for _ in range(records)]
        lines = []
        for article in articles:
            headline, _, body = article.data.decode().partition("\n\n")
            lines.append(json.dumps({"title": headline, "text": body.strip()}))
        name = self._name("dump").replace(".txt", ".jsonl")
        data = "\n".join(lines).encode()
        return Dropped(name, data, frozenset({"indexed"}), records)

    def story(self) -> tuple[Dropped, Dropped]:
        """An article and a later version of it under another headline.

        The later version is *updated*, or *indexed* when it was filed first; the
        earlier one is *superseded* then. The later one always stands at the end.
        """
        first = self.article()
        headline, _, body = first.data.partition(b"\n")
        later = Dropped(self._name("later"), b"Update: " + headline + b"\n" + body, LATER)
        return Dropped(first.name, first.data, EARLIER), later

    def again(self, earlier: Dropped) -> Dropped:
        """The bytes of an earlier file under a new name: unchanged, whichever came first."""
        return Dropped(self._name("again"), earlier.data, frozenset({"unchanged", "indexed"}))

    def empty(self) -> Dropped:
        """A file of nothing."""
        return Dropped(self._name("empty"), b"", frozenset({"rejected"}))

    def binary(self) -> Dropped:
        """A picture with the wrong name."""
        noise = bytes(self._random.randrange(256) for _ in range(400))
        return Dropped(self._name("binary"), b"\xff\xd8\xff\xe0" + noise, frozenset({"rejected"}))
