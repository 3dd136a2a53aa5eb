"""The second level by rules: cues that a text shows for a narrower topic of one it has."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.enrichment.knowledge.features import fold, stem
from services.enrichment.knowledge.topic_cues import CUES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from services.enrichment.knowledge.features import Words

ENOUGH = 3.0
"""Strength from which a topic is sure: two cues in headline and lead, or three further below. Of
sixty held-out rows for which it named any, read by hand, about three were wrong."""

IN_TITLE = 2.0
IN_LEAD = 1.5
BELOW = 1.0
"""What a cue counts for, by where it stands first."""

AGAIN = 0.25
MOST_AGAIN = 4
"""What each further mention adds, and how many do: a word that comes back is a subject."""

LEAD = 60
"""Words of the lead: the first paragraph or two after the headline."""

MOST_OF_ONE = 2
"""Narrower topics of one broader one at most."""


@dataclass(frozen=True, slots=True)
class Cue:
    """A cue that the text shows: its words' place, their number, and its strength."""

    place: int
    size: int
    strength: float


class TopicRules:
    """Cues of all narrower topics, found in one pass over the words."""

    def __init__(self, cues: Mapping[str, str] = CUES) -> None:
        self._starts: dict[str, list[tuple[tuple[str, ...], str]]] = defaultdict(list)
        for code, phrases in sorted(cues.items()):
            for phrase in phrases.split("|"):
                # Words of one letter are none in a text ("message in a bottle").
                stems = tuple(stem(folded) for word in phrase.split() if (folded := fold(word)))
                self._starts[stems[0]].append((stems, f"medtop:{code}"))
        for phrases_of in self._starts.values():
            phrases_of.sort(key=lambda entry: (-len(entry[0]), entry))

        self.codes = tuple(f"medtop:{code}" for code in cues)

    def find(self, words: Words) -> dict[str, list[Cue]]:
        """The cues by code, each cue once, strongest first.

        A shorter cue inside of a longer one ("court" in "supreme court") is no further one.
        """
        seen: dict[str, dict[tuple[str, ...], list[int]]] = defaultdict(dict)
        taken: dict[str, int] = defaultdict(int)
        starts = self._starts
        for place, word in enumerate(words.stems):
            if word not in starts:
                continue
            for stems, code in starts[word]:
                end = place + len(stems)
                if place >= taken[code] and words.stems[place:end] == stems:
                    seen[code].setdefault(stems, []).append(place)
                    taken[code] = end
        return {code: _cues(words, seen[code]) for code in sorted(seen)}


def _cues(words: Words, seen: Mapping[tuple[str, ...], Sequence[int]]) -> list[Cue]:
    cues = [Cue(at[0], len(stems), _strength(words, at)) for stems, at in seen.items()]
    return sorted(cues, key=lambda cue: (-cue.strength, cue.place))


def _strength(words: Words, places: Sequence[int]) -> float:
    further = places[0] - words.title
    base = IN_TITLE if further < 0 else IN_LEAD if further < LEAD else BELOW
    return base + AGAIN * min(len(places) - 1, MOST_AGAIN)


def total(cues: Iterable[Cue]) -> float:
    """How strongly the cues speak together."""
    return sum(cue.strength for cue in cues)


def confidence(cues: Iterable[Cue]) -> float:
    """How sure a rule is given that the broader topic is right: .8 at ``ENOUGH``, never 1."""
    return 1.0 - 0.6 / total(cues) if total(cues) else 0.0


def narrower(
    found: Mapping[str, list[Cue]], broader: Mapping[str, str]
) -> dict[str, list[tuple[str, list[Cue]]]]:
    """By first-level code, the narrower topics that are sure, strongest first.

    ``broader`` gives each narrower code's first-level one.
    """
    sure: dict[str, list[tuple[str, list[Cue]]]] = defaultdict(list)
    for code, cues in found.items():
        if code in broader and total(cues) >= ENOUGH:
            sure[broader[code]].append((code, cues))
    for top, entries in sure.items():
        strongest = sorted(entries, key=lambda entry: (-total(entry[1]), entry[0]))
        sure[top] = strongest[:MOST_OF_ONE]
    return dict(sure)
