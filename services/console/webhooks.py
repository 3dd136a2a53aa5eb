"""``wiredesk webhooks``: who is sent what, how it goes, and what couldn't be sent.

A secret is shown when it is made, and by no other command.  Nothing here shows an event.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from services.bus.webhooks import streams_of
from services.bus.webhooks_desk import webhook_desk
from services.console.options import fail, open_store
from services.console.read import facts_table, print_json, table_of, text_of, time_of
from services.indexer.store.opening import open_store as open_for_writing
from services.indexer.webhooks.document import (
    KIND,
    Pause,
    Webhook,
    change,
    keep,
    now,
    webhook_of,
    webhooks_of,
)
from services.indexer.webhooks.message import headers_of, ping
from services.indexer.webhooks.sending import Answer, Sender
from services.indexer.webhooks.signing import new_secret
from services.indexer.webhooks.targets import Guard, Target
from services.observability import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from rich.console import Console

    from services.bus.filters import EventFilter
    from services.bus.positions import Start
    from services.bus.webhooks_desk import DeadLetter, QueueState
    from services.indexer.store.base import ArticleStore
    from services.settings import Settings

EXCERPT_SHOWN = 300
"""Characters of a receiver's answer that ``test`` shows: an error message, not a page."""


@dataclass(frozen=True, slots=True)
class New:
    """What somebody wants to add; ``secret_file`` holds a secret, None: one is made."""

    name: str
    url: str
    wants: EventFilter
    start: Start
    secret_file: Path | None = None
    in_flight: int = 1


def _writing(settings: Settings) -> closing[ArticleStore]:
    """The store for writing; ``StopWorking`` where there is none (a typo must not make one)."""
    with open_store(settings):
        pass
    return closing(open_for_writing(settings))


def add(settings: Settings, new: New, console: Console, *, as_json: bool = False) -> None:
    """Keep a new webhook and begin its queue; its secret is shown if it was made here."""
    asyncio.run(check_target(settings, new.url))
    secret = new_secret() if new.secret_file is None else _read(new.secret_file)
    webhook = asyncio.run(_begin(settings, new, secret))
    made = secret if new.secret_file is None else None
    if as_json:
        print_json(console, {**_document(webhook), "secret": made})
        return
    if made is not None:
        console.print(made, soft_wrap=True, markup=False)
        console.print(
            "That is the secret that its requests are signed with. It is shown this one time.",
            soft_wrap=True,
        )
    console.print(
        f"'{webhook.name}' is kept; `wiredesk webhooks test {webhook.name}` tries it",
        markup=False,
        soft_wrap=True,
    )
    if webhook.url.startswith("http:"):
        console.print("Its URL is not https: all on the way can read what is sent.")


async def check_target(settings: Settings, url: str) -> None:
    """Raise ``TargetRefused`` where a webhook may not go to a URL."""
    target = Target.parse(url)
    guard = Guard(private=settings.webhook_private_targets)
    await guard.addresses(target.host, target.port)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        fail(f"the secret can't be read from {file}: {type(error).__name__}")


async def _begin(settings: Settings, new: New, secret: str) -> Webhook:
    async with webhook_desk(settings) as desk:
        start = await desk.point(new.start)
        webhook = Webhook(
            new.name, new.url, new.wants, secret, now(), start, in_flight=new.in_flight
        )
        # Kept first: a queue without a webhook would hold its streams for ever.
        await asyncio.to_thread(_keep, settings, webhook)
        await desk.ensure(webhook.name, streams_of(webhook.wants.types), start)
    return webhook


def _keep(settings: Settings, webhook: Webhook) -> None:
    with _writing(settings) as store:
        keep(store, webhook)


def _document(webhook: Webhook, state: QueueState | None = None) -> dict[str, Any]:
    """A webhook as JSON-ready data, without its secret."""
    document: dict[str, Any] = {
        "name": webhook.name,
        "url": webhook.url,
        "wants": webhook.wants.as_document(),
        "created_at": webhook.created_at,
        "in_flight": webhook.in_flight,
        "paused": None if webhook.paused is None else asdict(webhook.paused),
        "old_secret_until": webhook.previous[1] if webhook.previous else None,
    }
    if state is not None:
        times = {
            name: _time(getattr(state, name)) for name in ("success_at", "failure_at", "held_until")
        }
        document["queue"] = asdict(state) | times
    return document


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


async def _states(settings: Settings, names: Sequence[str]) -> dict[str, QueueState]:
    async with webhook_desk(settings) as desk:
        return {name: await desk.state(name) for name in names}


def show_all(settings: Settings, console: Console, *, as_json: bool = False) -> None:
    """Print every webhook with how it goes."""
    with open_store(settings) as store:
        webhooks = webhooks_of(store)
    states = asyncio.run(_states(settings, list(webhooks)))
    if as_json:
        print_json(console, [_document(each, states[each.name]) for each in webhooks.values()])
    elif webhooks:
        console.print(_table(list(webhooks.values()), states))
    else:
        console.print("no webhook; `wiredesk webhooks add NAME URL` makes one", style="dim")


def _table(webhooks: Sequence[Webhook], states: dict[str, QueueState]) -> Any:
    """What fits a terminal; ``show`` tells the rest."""
    names = ("name", "state", "lag", "waiting", "oldest", "tries", "success", "failure", "dead")
    table = table_of(*names)
    for column in table.columns[2:]:
        column.no_wrap = column.header != "failure"
    for webhook in webhooks:
        state = states[webhook.name]
        failure = "" if state.failure is None else f": {state.failure}"
        table.add_row(
            text_of(webhook.name),
            text_of(standing(webhook, state)),
            "?" if state.lag is None else str(state.lag),
            str(state.waiting),
            _span(state.oldest_seconds),
            str(state.attempts) if state.attempts else "–",
            _ago(state.success_at),
            text_of(_ago(state.failure_at) + failure),
            str(state.dead),
        )
    return table


def _span(seconds: float | None) -> str:
    """A time in one unit: 12 s, 3 min, 5 h, 2 d."""
    if seconds is None:
        return "–"
    for length, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def _ago(moment: float | None) -> str:
    return "–" if moment is None else f"{_span(time.time() - moment)} ago"


def _when(seconds: float | None) -> str:
    return time_of(_time(seconds))


def standing(webhook: Webhook, state: QueueState) -> str:
    """What a webhook does now, in words."""
    if webhook.paused is not None:
        return f"paused: {webhook.paused.reason}"
    if not state.delivering:
        return "nobody delivers it: is the indexer running?"
    if state.held_until is not None:
        return f"waits until {_when(state.held_until)}: its receiver fails"
    return "active"


def show(settings: Settings, name: str, console: Console, *, as_json: bool = False) -> None:
    """Print one webhook with all that is known of it but its secret."""
    with open_store(settings) as store:
        webhook = webhook_of(store, name)
    state = asyncio.run(_states(settings, [name]))[name]
    if as_json:
        print_json(console, _document(webhook, state))
        return
    console.print(facts_table(_facts(webhook, state)))


def _facts(webhook: Webhook, state: QueueState) -> Iterator[tuple[str, str]]:
    yield "name", webhook.name
    yield "url", webhook.url
    for condition, values in webhook.wants.as_document().items():
        yield condition, ", ".join(values)
    yield "state", standing(webhook, state)
    yield "since", time_of(webhook.created_at)
    yield "requests at once", str(webhook.in_flight)
    yield "not read yet", "unknown" if state.lag is None else str(state.lag)
    yield "waiting", f"{state.waiting} (most attempts on one: {state.attempts})"
    if state.oldest_seconds is not None:
        yield "oldest", f"{state.oldest_seconds:.0f} s"
    yield "delivered", f"{state.delivered} (last: {_when(state.success_at)})"
    yield "failed", f"{state.failed} (last: {_when(state.failure_at)})"
    if state.failure is not None:
        yield "why", state.failure
    yield "dead letters", str(state.dead)
    if webhook.previous is not None and webhook.previous[1] > now():
        yield "old secret until", time_of(webhook.previous[1])


def change_one(settings: Settings, name: str, how: Callable[[Webhook], Webhook]) -> Webhook:
    """Change a webhook; it counts within a few seconds."""
    with _writing(settings) as store:
        return change(store, name, how)


def pause(settings: Settings, name: str, reason: str, console: Console) -> None:
    """Send nothing until it is resumed; events wait meanwhile."""
    change_one(settings, name, lambda held: replace(held, paused=Pause(now(), reason)))
    console.print(f"'{name}' is paused; its events wait", markup=False)


def resume(settings: Settings, name: str, console: Console) -> None:
    """Go on where it was paused."""
    change_one(settings, name, lambda held: replace(held, paused=None))
    console.print(f"'{name}' goes on within a few seconds", markup=False)


def rotate(settings: Settings, name: str, console: Console, *, as_json: bool = False) -> None:
    """Sign with a new secret; for a day also with the one that it has now."""
    secret = new_secret()
    webhook = change_one(settings, name, lambda held: held.rotated(secret, now()))
    if as_json:
        print_json(console, {**_document(webhook), "secret": secret})
        return
    console.print(secret, soft_wrap=True, markup=False)
    until = time_of(webhook.previous[1]) if webhook.previous else "–"
    console.print(
        f"That is the new secret, shown this one time. The old one signs too until {until} UTC.",
        soft_wrap=True,
    )


def remove(settings: Settings, name: str, console: Console) -> None:
    """Forget a webhook with its queue and its dead letters."""

    async def removed() -> None:
        async with webhook_desk(settings) as desk:
            await desk.state(name)  # a server that is away is found out before anything is done
            await asyncio.to_thread(_forget, settings, name)
            await desk.destroy(name)

    asyncio.run(removed())
    console.print(f"'{name}' is removed, with all that waited in it", markup=False)


def _forget(settings: Settings, name: str) -> None:
    with _writing(settings) as store:
        webhook_of(store, name)
        store.remove(KIND, name)


def try_out(settings: Settings, name: str, console: Console, *, as_json: bool = False) -> bool:
    """Send one signed event and show the answer; whether it was taken."""
    with open_store(settings) as store:
        webhook = webhook_of(store, name)
    answer = asyncio.run(_ping(settings, webhook))
    said = printable(answer.excerpt.decode("utf-8", "replace").strip()[:EXCERPT_SHOWN])
    if as_json:
        document = {"taken": answer.kind == "taken", "status": answer.status}
        timing = {"seconds": round(answer.seconds, 3), "reason": answer.reason, "answer": said}
        print_json(console, document | timing)
    else:
        verdict = "taken" if answer.kind == "taken" else "not taken"
        took = f"{answer.seconds * 1000:.0f} ms"
        console.print(f"{verdict}: {answer.reason} after {took}", markup=False, soft_wrap=True)
        if said:
            console.print(text_of(said), soft_wrap=True)
    return answer.kind == "taken"


async def _ping(settings: Settings, webhook: Webhook) -> Answer:
    guard = Guard(private=settings.webhook_private_targets)
    sender = Sender(guard, settings.webhook_timeout)
    event = ping(webhook, now())
    try:
        headers = headers_of(webhook, event, 1, time.time())
        return await sender.send(Target.parse(webhook.url), headers, event)
    finally:
        await sender.aclose()


def dead(settings: Settings, name: str, console: Console, *, as_json: bool = False) -> None:
    """Print what the receiver didn't take, oldest first."""
    letters = asyncio.run(_letters(settings, name))
    if as_json:
        print_json(console, [asdict(each) | {"died_at": _time(each.died_at)} for each in letters])
        return
    if not letters:
        console.print("no dead letters", style="dim")
        return
    table = table_of("id", "died (UTC)", "type", "event", "attempts", "why")
    for each in letters:
        row = (each.id, _when(each.died_at), each.event_type, each.event_id)
        table.add_row(*map(text_of, row), str(each.attempts), text_of(each.reason))
    console.print(table)


async def _letters(settings: Settings, name: str) -> list[DeadLetter]:
    with open_store(settings) as store:
        webhook_of(store, name)
    async with webhook_desk(settings) as desk:
        return await desk.letters(name)


def retry(settings: Settings, name: str, ids: Sequence[str], console: Console) -> None:
    """Send dead letters again, all or some."""
    asyncio.run(_of_letters(settings, name, ids, console, again=True))


def drop(settings: Settings, name: str, ids: Sequence[str], console: Console) -> None:
    """Forget dead letters, all or some."""
    asyncio.run(_of_letters(settings, name, ids, console, again=False))


async def _until(settings: Settings, name: str, moment: float) -> list[str]:
    """Ids of letters that died before: what dies again meanwhile is left."""
    return [each.id for each in await _letters(settings, name) if each.died_at <= moment]


async def _of_letters(
    settings: Settings, name: str, ids: Sequence[str], console: Console, *, again: bool
) -> None:
    """Some, or all that there are, a thousand at a time."""
    done, began = 0, time.time()
    while some := list(ids) or await _until(settings, name, began):
        async with webhook_desk(settings) as desk:
            moved = await (desk.retry(name, some) if again else desk.drop(name, some))
        done += moved
        if ids or not moved:
            break
    if ids and not done:
        fail(f"'{name}' has no such dead letter; `wiredesk webhooks dead {name}` lists them")
    what = "sent again" if again else "forgotten"
    console.print(f"{done} dead letter{'' if done == 1 else 's'} {what}", markup=False)
