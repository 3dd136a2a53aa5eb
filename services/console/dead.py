"""What ``wiredesk dead`` does and prints."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
import typer

from services.bus.budget import halts
from services.bus.connect import client, server_url
from services.bus.dead import DeadLetters, Letter, Refused, Wanted
from services.bus.keys import Keys
from services.console.options import fail
from services.console.read import print_json, text_of
from services.observability import printable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from rich.console import Console

    from services.settings import Settings

Result = TypeVar("Result")

WIDTH = 80
"""Columns of a line: what a terminal over ssh has at least."""

REFUSALS_SHOWN = 5
"""Letters that could not be sent again and are named; --json has all of them."""


@dataclass(frozen=True, slots=True)
class Bulk:
    """Which letters are to be changed; whether to ask first, and whether to do it at all."""

    wanted: Wanted
    yes: bool
    dry_run: bool


@dataclass(slots=True)
class Changed:
    """What was done with letters: how many, those that had gone meanwhile, those refused."""

    done: int = 0
    gone: int = 0
    refused: dict[str, str] | None = None


def time_from(text: str | None) -> datetime | None:
    """A time as it was typed, UTC unless it says another zone; ends the command if it is none."""
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        fail(f"'{text[:64]}' is no time; write 2026-11-20 or 2026-11-20T10:00Z")
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _run(settings: Settings, work: Callable[[DeadLetters], Awaitable[Result]]) -> Result:
    async def connected() -> Result:
        async with client(server_url(settings)) as redis:
            return await work(DeadLetters(redis, settings))

    return asyncio.run(connected())


# --- list ---------------------------------------------------------------------------------------
def list_all(settings: Settings, wanted: Wanted, console: Console, *, as_json: bool) -> None:
    """Print one line for each letter, or one JSON document of all."""

    async def work(letters: DeadLetters) -> tuple[int, int]:
        number, documents = 0, []
        async for number, found in _numbered(letters, wanted):
            if as_json:
                documents.append(in_short(found))
                continue
            if number == 1:
                console.print(text_of(line("id", "died (UTC)", "stage", "error", "try", "file")))
            console.out(_line_of(found), highlight=False)
        if as_json:
            print_json(console, documents)
        return number, letters.unreadable

    number, unreadable = _run(settings, work)
    if not as_json and not number:
        console.print("no dead letters" if wanted.everything else "no such dead letters")
    if unreadable:
        sys.stderr.write(f"{unreadable} entries there are no dead letters of this release\n")


async def _numbered(letters: DeadLetters, wanted: Wanted) -> Any:
    number = 0
    async for found in letters.find(wanted):
        number += 1
        yield number, found


def line(*columns: str) -> str:
    """The columns of a list in :data:`WIDTH`; what is too long is cut, the file at its front."""
    name, died, stage, error, attempts, file = columns
    head = f"{name:<16} {died:<11} {_cut(stage, 10):<10} {_cut(error, 14):<14} {attempts:>3} "
    room = WIDTH - len(head)
    return head + (file if len(file) <= room else "…" + file[1 - room :])


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _line_of(found: Letter) -> str:
    letter = found.letter
    died = letter.died_at.astimezone(UTC).strftime("%m-%d %H:%M")
    file = letter.drop.file if letter.drop is not None else f"({letter.error_message})"
    columns = (found.entry_id, died, letter.stage, letter.error_type, str(letter.attempts), file)
    return line(*map(printable, columns))


def in_short(found: Letter) -> dict[str, Any]:
    """What a list tells of a letter, JSON-ready: all but the stack and the message."""
    letter = found.letter
    return {
        "id": found.entry_id,
        **letter.model_dump(mode="json", exclude={"original", "stack", "drop"}),
        "file": None if letter.drop is None else letter.drop.file,
        "drop_id": None if letter.drop is None else str(letter.drop.drop_id),
        "source": found.source,
        "retries": found.retries,
        "trace_id": found.trace_id,
        "bytes": len(found.original),
    }


def in_full(found: Letter) -> dict[str, Any]:
    """All of a letter, JSON-ready; the message as base64, and parsed where it is JSON."""
    letter = found.letter
    drop = None if letter.drop is None else letter.drop.model_dump(mode="json")
    return {
        **in_short(found),
        "drop": drop,
        "stack": letter.stack,
        "original": letter.original,
        "event": found.document,
    }


# --- show ---------------------------------------------------------------------------------------
def show(settings: Settings, name: str, console: Console, *, original: bool, as_json: bool) -> None:
    """Print one letter whole; ends the command where the name means none, or several."""

    async def work(letters: DeadLetters) -> list[Letter]:
        found = await letters.get(name)
        if found is not None:
            return [found]
        return [each async for each in letters.find(Wanted(ids=(name,)))]

    found = _run(settings, work)
    if not found:
        fail(f"no dead letter '{name[:64]}'; see `wiredesk dead list`")
    if len(found) > 1:
        names = ", ".join(each.entry_id for each in found[:10])
        fail(f"several dead letters are about '{name[:64]}': {names}")
    if as_json:
        print_json(console, in_full(found[0]))
    else:
        _print(found[0], console, original=original)


def _print(found: Letter, console: Console, *, original: bool) -> None:
    for label, value in _facts(found).items():
        console.print(text_of(f"{label:<12}{value}"), soft_wrap=True)
    if found.letter.stack:
        console.print(text_of("\nstack"))
        console.print(_lines(found.letter.stack), soft_wrap=True)
    if original:
        console.print(text_of("\nmessage"))
        console.print(_lines(_readable(found)), soft_wrap=True)
    else:
        console.print(text_of(f"\nits message: wiredesk dead show {found.entry_id} --original"))


def _facts(found: Letter) -> dict[str, str]:
    letter, drop = found.letter, found.letter.drop
    facts: dict[str, object] = {
        "letter": found.entry_id,
        "died": letter.died_at.isoformat(timespec="seconds"),
        "stage": f"{letter.stage} (group {letter.group})",
        "error": letter.error_type,
        "reason": letter.error_message,
        "attempts": letter.attempts,
        "retried": found.retries or None,
        "software": f"wiredesk {letter.software_version}",
        "read from": f"{letter.stream}, entry {letter.entry_id}",
        "file": drop and drop.file,
        "record": drop and (drop.locator or drop.position),
        "drop": drop and drop.drop_id,
        "received": drop and drop.received_at.isoformat(timespec="seconds"),
        "article": letter.article_id,
        "source": found.source,
        "trace": found.trace_id,
        "size": f"{len(found.original):,} bytes",
    }
    return {name: str(value) for name, value in facts.items() if value is not None}


def _lines(text: str) -> Any:
    """Several lines, of which no terminal obeys any."""
    return text_of("").join(text_of(f"{each}\n") for each in text.split("\n"))


def _readable(found: Letter) -> str:
    if found.document is not None:
        return json.dumps(found.document, indent=2, ensure_ascii=False)
    return found.original.decode("utf-8", "backslashreplace")


# --- retry and drop -----------------------------------------------------------------------------
def retry(settings: Settings, bulk: Bulk, console: Console, *, as_json: bool) -> bool:
    """Send letters again; False where one could not be."""

    async def each(letters: DeadLetters, found: Letter) -> Refused | bool:
        answer = await letters.retry(found)
        return answer if isinstance(answer, Refused) else answer is not None

    changed = _change(settings, bulk, "retry", each, console, as_json=as_json)
    if changed is None:
        return True
    if not as_json:
        console.print(text_of(f"{_letters(changed.done)} sent again{_gone(changed)}"))
        _say_refused(changed, console)
        _say_halted(settings, console)
    return not changed.refused


def drop(settings: Settings, bulk: Bulk, console: Console, *, as_json: bool) -> None:
    """Remove letters for good."""

    async def each(letters: DeadLetters, found: Letter) -> Refused | bool:
        return await letters.drop(found)

    changed = _change(settings, bulk, "drop", each, console, as_json=as_json)
    if changed is not None and not as_json:
        console.print(
            text_of(
                f"{_letters(changed.done)} dropped{_gone(changed)}. "
                "The outcome of their articles stays: rejected."
            ),
            soft_wrap=True,
        )


def _change(
    settings: Settings,
    bulk: Bulk,
    verb: str,
    change: Callable[[DeadLetters, Letter], Awaitable[Refused | bool]],
    console: Console,
    *,
    as_json: bool,
) -> Changed | None:
    """Do it to all that are wanted as of now; None where nothing was to be done."""
    chosen, stages = _run(settings, lambda letters: _choose(letters, bulk.wanted))
    if not chosen or bulk.dry_run:
        _say_only(chosen, stages, verb, console, as_json=as_json)
        return None
    if not bulk.yes:
        _ask(len(chosen), stages, verb)

    async def work(letters: DeadLetters) -> Changed:
        changed = Changed(refused={})
        for name in chosen:
            found = await letters.get(name)
            answer = False if found is None else await change(letters, found)
            if isinstance(answer, Refused):
                changed.refused[name] = answer.reason  # type: ignore[index]  # made above
            elif answer:
                changed.done += 1
            else:
                changed.gone += 1
        return changed

    changed = _run(settings, work)
    if as_json:
        document = {"done": changed.done, "gone": changed.gone, "refused": changed.refused}
        print_json(console, document)
    return changed


async def _choose(letters: DeadLetters, wanted: Wanted) -> tuple[list[str], Counter[str]]:
    """The ids of the letters that are wanted now, and how many died in which stage.

    What dies again while it is sent again is a new letter, and not among them.
    """
    names, stages = [], Counter[str]()
    async for found in letters.find(wanted):
        names.append(found.entry_id)
        stages[found.letter.stage] += 1
    return names, stages


def _say_only(
    chosen: list[str], stages: Mapping[str, int], verb: str, console: Console, *, as_json: bool
) -> None:
    if as_json:
        print_json(console, {f"would_{verb}": chosen})
    elif not chosen:
        console.print("no such dead letters")
    else:
        console.print(text_of(f"would {verb} {_letters(len(chosen))} ({_by_stage(stages)})"))


def _ask(number: int, stages: Mapping[str, int], verb: str) -> None:
    question = f"{verb.capitalize()} {_letters(number)} ({_by_stage(stages)})?"
    try:
        agreed = typer.confirm(question, err=True)
    except typer.Abort:
        agreed = False
    if not agreed:
        fail("nothing was done; --yes doesn't ask")


def _letters(number: int) -> str:
    return f"{number:,} dead letter{'' if number == 1 else 's'}"


def _by_stage(stages: Mapping[str, int]) -> str:
    return ", ".join(f"{stages[name]:,} of {printable(name)}" for name in sorted(stages))


def _gone(changed: Changed) -> str:
    return f"; {changed.gone:,} had gone meanwhile" if changed.gone else ""


def _say_refused(changed: Changed, console: Console) -> None:
    refused = list((changed.refused or {}).items())
    for name, reason in refused[:REFUSALS_SHOWN]:
        console.print(text_of(f"not sent: {name}: {reason}"), soft_wrap=True)
    if len(refused) > REFUSALS_SHOWN:
        console.print(text_of(f"and {len(refused) - REFUSALS_SHOWN:,} more; --json has all"))


def _say_halted(settings: Settings, console: Console) -> None:
    async def work(letters: DeadLetters) -> list[str]:
        found = await halts(letters.redis, Keys.of(settings))
        return sorted({halt.stage for halt in found})

    for stage in _run(settings, work):
        console.print(
            text_of(f"{stage} is stopped, and what was sent to it waits: wiredesk resume {stage}")
        )


# --- export -------------------------------------------------------------------------------------
def export(settings: Settings, wanted: Wanted, to: Path | None) -> None:
    """Write letters as JSON lines; how many is said on stderr."""

    async def work(letters: DeadLetters) -> int:
        number = 0
        with ExitStack() as stack:
            out = sys.stdout.buffer if to is None else stack.enter_context(to.open("wb"))
            async for found in letters.find(wanted):
                out.write(orjson.dumps(in_full(found)) + b"\n")
                number += 1
            out.flush()
        return number

    sys.stderr.write(f"{_letters(_run(settings, work))} written\n")
