"""What is kept of a webhook, in the store's registry under the kind ``webhook``.

The secret is kept as it is: signing needs it.  Who may read it is a matter of the store's own
permissions.  It is shown once, when it is made, and appears in no log and no ``repr``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from services.bus.filters import EventFilter
from services.bus.positions import EntryId, entry_id, written
from services.indexer.webhooks.signing import key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from services.indexer.store.registry import Registry

KIND = "webhook"

ROTATION = timedelta(days=1)
"""How long the signature of the secret before is sent too: a working day to change it."""

MOST_IN_FLIGHT = 16
"""Requests to one receiver at once at most: more is a load test of somebody else's server."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
"""It becomes a part of keys and of a header."""


class BadWebhook(ValueError):  # noqa: N818  (named for what it is)
    """A webhook that can't be kept so; the message says why."""


class NoSuchWebhook(LookupError):  # noqa: N818  (like LookupError itself)
    """No webhook has this name; the message says so."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Why a webhook is sent nothing, and since when."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Webhook:
    """A receiver: where, what, since when, signed with what.

    ``start``: the point in the streams where it begins.  ``previous``: the secret before, and
    until when it holds.  ``in_flight``: requests at once; order is promised with one.
    """

    name: str
    url: str
    wants: EventFilter
    secret: str = field(repr=False)
    created_at: datetime
    start: EntryId = (0, 0)
    previous: tuple[str, datetime] | None = field(default=None, repr=False)
    paused: Pause | None = None
    in_flight: int = 1

    def secrets(self, now: datetime) -> tuple[str, ...]:
        """The secrets that hold now, the newest first."""
        if self.previous is None or now >= self.previous[1]:
            return (self.secret,)
        return (self.secret, self.previous[0])

    def rotated(self, secret: str, now: datetime) -> Webhook:
        """With another secret; the present one holds for a day more."""
        return replace(self, secret=secret, previous=(self.secret, now + ROTATION))

    def document(self) -> str:
        """As the registry keeps it."""
        held: dict[str, Any] = {
            "url": self.url,
            "wants": self.wants.as_document(),
            "secret": self.secret,
            "created_at": self.created_at.isoformat(),
            "start": written(self.start),
            "in_flight": self.in_flight,
        }
        if self.previous is not None:
            held["previous"] = [self.previous[0], self.previous[1].isoformat()]
        if self.paused is not None:
            held["paused"] = {"at": self.paused.at.isoformat(), "reason": self.paused.reason}
        return json.dumps(held, sort_keys=True)

    @classmethod
    def parse(cls, name: str, document: str) -> Webhook:
        """What :meth:`document` wrote."""
        held = json.loads(document)
        previous, paused = held.get("previous"), held.get("paused")
        return cls(
            name=name,
            url=held["url"],
            wants=EventFilter.from_document(held["wants"]),
            secret=held["secret"],
            created_at=datetime.fromisoformat(held["created_at"]),
            start=entry_id(held["start"]),
            previous=(previous[0], datetime.fromisoformat(previous[1])) if previous else None,
            paused=Pause(datetime.fromisoformat(paused["at"]), paused["reason"])
            if paused
            else None,
            in_flight=held.get("in_flight", 1),
        )


def checked(webhook: Webhook) -> Webhook:
    """The webhook itself; :class:`BadWebhook` or ``BadSecret`` where it can't be kept so."""
    if not NAME.fullmatch(webhook.name):
        raise BadWebhook(
            "a webhook's name has up to 64 letters, digits, dots, dashes and underscores, "
            "and begins with a letter or digit"
        )
    if not 1 <= webhook.in_flight <= MOST_IN_FLIGHT:
        raise BadWebhook(f"requests at once are 1 to {MOST_IN_FLIGHT}")
    key_of(webhook.secret)
    return webhook


def webhooks_of(registry: Registry) -> Mapping[str, Webhook]:
    """Every webhook by name."""
    kept = registry.entries(KIND)
    return {name: Webhook.parse(name, document) for name, document in kept.items()}


def webhook_of(registry: Registry, name: str) -> Webhook:
    """One webhook; :class:`NoSuchWebhook` where there is none."""
    kept = registry.entries(KIND)
    if name not in kept:
        known = f"; there are {', '.join(kept)}" if kept else "; there is none yet"
        raise NoSuchWebhook(f"no webhook is called '{name}'{known}")
    return Webhook.parse(name, kept[name])


def keep(registry: Registry, webhook: Webhook) -> None:
    """Keep a new webhook; :class:`BadWebhook` where its name is taken."""
    if not registry.put(KIND, webhook.name, checked(webhook).document()):
        raise BadWebhook(f"there is a webhook called '{webhook.name}' already")


def change(registry: Registry, name: str, how: Callable[[Webhook], Webhook]) -> Webhook:
    """Change a webhook, whoever else changes it meanwhile; what it is now."""
    while True:
        before = registry.entries(KIND).get(name)
        if before is None:
            raise NoSuchWebhook(f"no webhook is called '{name}'")
        after = how(Webhook.parse(name, before))
        if registry.put(KIND, name, after.document(), expected=before):
            return after


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)
