"""What events the source logs, read from its syntax tree, and what docs/logs.md says of them."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).parents[2]
DOC = ROOT / "docs" / "logs.md"

LEVELS = {
    "debug": "debug",
    "info": "info",
    "warning": "warning",
    "error": "error",
    "exception": "error",
    "critical": "critical",
}

OWN_LOGGERS = {"log", "_LOG", "_log", "logger", "_logger"}
"""Names under which a module keeps its logger."""

LOGS = re.compile(rf"\b({'|'.join(sorted(OWN_LOGGERS))})\.({'|'.join(LEVELS)})\b")
"""Stands in every file that logs: only those are parsed."""

OF_THE_READER = {"schemas/client.py", "schemas/stream_client.py"}
"""These run in a subscriber's program, with plain logging and sentences."""

ARTICLE = {"article_id", "drop_id", "file", "trace_id", "entry_id"}
COUNTS = {
    "indexed",
    "updated",
    "unchanged",
    "duplicate",
    "superseded",
    "withdrawn",
    "rejected",
}

OF_OUTCOME = {"outcome", "of", "by_revision"}

SPREAD = {
    "item.context": ARTICLE,
    "log_fields(result)": OF_OUTCOME,
    "receipt.summary": COUNTS,
    "{name: value for name, value in told.items() if value is not None}": {
        "archived_as",
        "note",
        "reason",
        "advice",
    },
}
"""The fields of what calls hand over as ``**mapping``, by how it is written there."""

NEVER = {"article.enriched": OF_OUTCOME}
"""Fields that an event never has though its call could: only what is filed has an outcome."""

NO_FIELDS = {"exc_info", "exception", "stack_info"}
"""Keywords that make the stack, which any line may have."""


@dataclass
class Event:
    """One event: the levels and fields with which it is logged, and where."""

    levels: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)
    places: list[str] = field(default_factory=list)


class UnclearEventError(AssertionError):
    """A call from which the event's name or its fields can't be told."""


def sources() -> Iterator[Path]:
    """Every file of ours that may log an event."""
    for folder in ("services", "schemas"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path.relative_to(ROOT).as_posix() not in OF_THE_READER:
                yield path


def logged(paths: Iterable[Path]) -> dict[str, Event]:
    """Every event that is logged there, by name."""
    found: dict[str, Event] = {}
    for path in paths:
        source = path.read_text(encoding="utf-8")
        for levels, call in _calls(ast.parse(source)) if LOGS.search(source) else ():
            place = f"{path.name}:{call.lineno}"
            for name in _names(call, place):
                event = found.setdefault(name, Event())
                event.levels |= levels
                event.fields |= _fields(call, place) - NEVER.get(name, set())
                event.places.append(place)
    return found


def _calls(tree: ast.Module) -> Iterator[tuple[set[str], ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (levels := _levels(node.func)):
            yield levels, node
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _renamed(node)


def _renamed(function: ast.AST) -> Iterator[tuple[set[str], ast.Call]]:
    """Calls of ``say`` after ``say = log.info if … else log.warning``."""
    known: dict[str, set[str]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            levels = _levels(node.value)
            if levels:
                known[node.targets[0].id] = levels
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in known:
            yield known[node.func.id], node


def _levels(node: ast.AST) -> set[str]:
    if isinstance(node, ast.IfExp):
        return _levels(node.body) | _levels(node.orelse)
    if (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in OWN_LOGGERS
        and node.attr in LEVELS
    ):
        return {LEVELS[node.attr]}
    return set()


def _names(call: ast.Call, place: str) -> list[str]:
    if len(call.args) != 1:
        raise UnclearEventError(f"{place}: an event has a name, and all else as keywords")
    return _literals(call.args[0], place)


def _literals(node: ast.expr, place: str) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return [*_literals(node.body, place), *_literals(node.orelse, place)]
    raise UnclearEventError(f"{place}: the event's name is no literal: {ast.unparse(node)}")


def _fields(call: ast.Call, place: str) -> set[str]:
    found: set[str] = set()
    for keyword in call.keywords:
        if keyword.arg is not None:
            found.add(keyword.arg)
            continue
        written = ast.unparse(keyword.value)
        if written not in SPREAD:
            raise UnclearEventError(f"{place}: SPREAD doesn't say the fields of **{written}")
        found |= SPREAD[written]
    return found - NO_FIELDS


ROW = re.compile(
    r"^\| `(?P<name>[^`]+)` \| (?P<levels>[^|]+) \|(?P<fields>[^|]*)\| (?P<rest>.+) \|$"
)


def documented(text: str) -> dict[str, Event]:
    """Every event of the tables, by name; ``places`` holds meaning and advice of each row."""
    found: dict[str, Event] = {}
    for line in text.splitlines():
        match = ROW.match(line)
        if match is None:
            continue
        if match["name"] in found:
            raise UnclearEventError(f"two rows for {match['name']}")
        found[match["name"]] = Event(
            {level.strip() for level in match["levels"].split(",")},
            set(re.findall(r"`([^`]+)`", match["fields"])),
            match["rest"].split(" | "),
        )
    return found


def explained(text: str) -> set[str]:
    """The fields of the table of fields."""
    (part,) = re.findall(r"^## Fields$(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"^\| `([a-z_]+)` \| .+ \|$", part, re.MULTILINE))
