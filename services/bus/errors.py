"""Errors named for what the caller must do.

A handler given to a :class:`services.bus.stage.Stage` may raise or return
these.  Anything else that it raises counts as an attempt on each message alone,
and after ``max_attempts`` the message becomes a dead letter.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reject:
    """*Reject this one*: a result that says it can't be processed, now or ever.

    The message becomes a dead letter and its article's outcome is ``rejected``
    with ``reason`` (what is wrong) and ``advice`` (what to do about it).
    """

    reason: str
    advice: str


class Unavailable(Exception):  # noqa: N818  (named for the state, like the errors of the standard library)
    """*Slow down*: something outside is missing for now (disk full, store locked).

    The stage keeps the messages, waits and tries the same batch again; it
    counts as no attempt, however long it lasts.
    """


class StopWorking(Exception):  # noqa: N818
    """*Stop*: this process can't work (model missing, store of a newer version).

    The process ends with a non-zero exit code and the reason in its log.
    """
