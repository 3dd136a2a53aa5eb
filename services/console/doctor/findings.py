"""What a check found: how it stands, with figures, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable

State = Literal["ok", "unknown", "warning", "failure"]
STATES: tuple[State, ...] = get_args(State)
"""From the best to the worst. What isn't known is better than what is known to be wrong."""


@dataclass(frozen=True, slots=True)
class Finding:
    """``found``: what was looked at and how it is, in words; ``advice``: what to do, if anything.

    Both may have several lines: one for each thing that was looked at.
    """

    state: State
    found: tuple[str, ...]
    advice: tuple[str, ...] = ()


def ok(found: str) -> Finding:
    """Nothing is to be done."""
    return Finding("ok", (found,))


def unknown(found: str, advice: str) -> Finding:
    """It could not be looked at; how it could."""
    return Finding("unknown", (found,), (advice,))


def warning(found: str, advice: str) -> Finding:
    """It works, but not as it should, or not for long."""
    return Finding("warning", (found,), (advice,))


def failure(found: str, advice: str) -> Finding:
    """It does not work, or something is being lost."""
    return Finding("failure", (found,), (advice,))


def judged(state: State, found: str, advice: str) -> Finding:
    """What was found, and what to do unless it is ok."""
    return Finding(state, (found,), () if state == "ok" else (advice,))


def worst(states: Iterable[State]) -> State:
    """The worst of some; ``ok`` of none."""
    return max(states, key=STATES.index, default="ok")


def merged(findings: Iterable[Finding], nothing: str) -> Finding:
    """Several findings as one: the worst state, and what isn't well before what is.

    ``nothing`` is said where there are none.
    """
    found = sorted(findings, key=lambda each: STATES.index(each.state), reverse=True)
    if not found:
        return ok(nothing)
    return Finding(
        found[0].state,
        tuple(line for each in found for line in each.found),
        # The same advice for several things is said once.
        tuple(dict.fromkeys(line for each in found for line in each.advice)),
    )


def graded(value: float, warn_at: float, fail_at: float) -> State:
    """How a figure stands that must stay low."""
    if value >= fail_at:
        return "failure"
    return "warning" if value >= warn_at else "ok"
