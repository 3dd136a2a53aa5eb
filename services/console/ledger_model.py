"""The ledger as it is told: lines that balance, what was looked at, and what is amiss."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from schemas.events import OutcomeKind

if TYPE_CHECKING:
    from uuid import UUID

OUTCOMES: tuple[str, ...] = get_args(OutcomeKind)
"""In the order in which they are told."""

RECEIVED, IN_FLIGHT, UNACCOUNTED = "received", "in_flight", "unaccounted"

Grouping = Literal["file", "source", "hour"]


@dataclass(frozen=True, slots=True)
class Finding:
    """An article that is amiss: which one, from where, where it was last seen, what to do."""

    problem: str
    article_id: UUID
    drop_id: UUID
    advice: str
    file: str | None = None
    position: int | None = None
    locator: str | None = None
    last_seen: str | None = None


@dataclass(slots=True)
class Line:
    """Articles of one key by what became of them; ``key`` is what a person is shown."""

    key: str
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def explained(self) -> int:
        """Articles that have an outcome or are on their way."""
        return sum(self.counts[state] for state in (*OUTCOMES, IN_FLIGHT))

    @property
    def balances(self) -> bool:
        """Whether that is what was received, neither more nor less."""
        return self.counts[RECEIVED] == self.explained


@dataclass(slots=True)
class Ledger:
    """The whole account.

    ``missing``: what couldn't be looked at, so that no balance is claimed.  ``problems``: what is
    wrong and can't be said of an article.  ``waiting``: what is in flight, by where.  ``others``:
    outcomes in the store that belong to no article that this inbox received, by inbox.
    ``counted_by_server``: of the stages' rejections, those that the server's own count has, too.
    """

    inbox_id: UUID
    total: Line
    lines: list[Line] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    waiting: Counter[str] = field(default_factory=Counter)
    others: dict[str, Counter[str]] = field(default_factory=dict)
    rejected_at_reading: int = 0
    rejected_by_stages: int = 0
    counted_by_server: int | None = None

    @property
    def amiss(self) -> bool:
        """Whether an article is unaccounted for, or counts contradict each other."""
        off = not self.missing and not all(line.balances for line in (self.total, *self.lines))
        return bool(self.findings or self.problems) or off

    @property
    def balanced(self) -> bool:
        """Whether everything was looked at, and every article is where it should be."""
        return not self.amiss and not self.missing
