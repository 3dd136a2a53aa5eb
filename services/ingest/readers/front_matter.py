"""Front matter: the metadata between two ``---`` lines above a Markdown text.

Only flat fields are used (title, standfirst, authors, times, language, address);
every value is read as a string, so that no loader makes objects, numbers or
times of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import yaml

from services.ingest.readers.dates import parse_when
from services.ingest.readers.lines import clean

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

MAX_CHARS = 8 * 1024
"""Real front matter has some hundred characters; PyYAML takes quadratic time on hostile input."""

MAX_LINES = 300
"""Within which the closing ``---`` must come; else the first one is a rule in the text."""

MAX_AUTHORS = 50
"""More names than any byline has."""

_FENCE = "---"
_FIELD = re.compile(r"(?P<key>[A-Za-z][\w -]{0,40})\s?:(?:\s+(?P<value>.*))?$")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}")


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """What the front matter says, and how many lines it takes (0: there is none)."""

    lines: int = 0
    headline: str | None = None
    standfirst: str | None = None
    authors: tuple[str, ...] = ()
    published_at: datetime | None = None
    updated_at: datetime | None = None
    language: str | None = None
    url: str | None = None
    warnings: tuple[str, ...] = field(default=())


def parse(lines: Sequence[str]) -> FrontMatter:
    """The front matter that ``lines`` start with; never raises."""
    end = _closing(lines)
    if end is None:
        return FrontMatter()
    block = lines[1:end]
    values, warnings = _values(block)
    if not values:
        return FrontMatter(warnings=tuple(warnings))
    return _build(values, end + 1, warnings)


def _closing(lines: Sequence[str]) -> int | None:
    if not lines or lines[0].rstrip() != _FENCE:
        return None
    size = 0
    for number, line in enumerate(lines[1 : MAX_LINES + 1], start=1):
        if line.rstrip() in (_FENCE, "..."):
            return number
        size += len(line) + 1
        if size > MAX_CHARS:
            return None
    return None


def _values(block: Sequence[str]) -> tuple[dict[str, object], list[str]]:
    try:
        # BaseLoader makes strings, lists and dicts only: it is stricter than the safe one,
        # which makes times and numbers by YAML 1.1's rules ("no" is False, 12:30 is 750).
        loaded = yaml.load("\n".join(block), Loader=yaml.BaseLoader)  # noqa: S506
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        reason = getattr(error, "problem", None) or type(error).__name__
        return _by_line(block), [f"front matter is not valid YAML ({clean(str(reason))})"]
    if not isinstance(loaded, dict):
        return {}, []
    return {str(key).casefold(): value for key, value in loaded.items()}, []


def _by_line(block: Sequence[str]) -> dict[str, object]:
    """``key: value`` lines, for the commonest mistake: a colon in an unquoted title."""
    found = (_FIELD.match(line) for line in block)
    return {m["key"].casefold(): (m["value"] or "").strip(" \"'") for m in found if m}


def _build(values: dict[str, object], lines: int, warnings: list[str]) -> FrontMatter:
    published = _time(values, ("date", "published", "published_at", "pubdate", "created"), warnings)
    updated = _time(values, ("updated", "updated_at", "lastmod", "modified"), warnings)
    return FrontMatter(
        lines=lines,
        headline=_text(values, ("title", "headline")),
        standfirst=_text(values, ("standfirst", "subtitle", "description", "summary")),
        authors=_authors(values),
        published_at=published,
        updated_at=updated,
        language=_language(values, warnings),
        url=_url(values, warnings),
        warnings=tuple(warnings),
    )


def _text(values: dict[str, object], keys: Sequence[str]) -> str | None:
    for key in keys:
        value = values.get(key)
        if isinstance(value, str) and (text := clean(value)):
            return text
    return None


def _authors(values: dict[str, object]) -> tuple[str, ...]:
    value = next((values[key] for key in ("authors", "author", "byline") if key in values), ())
    items = value if isinstance(value, list) else [value]
    names = (item.get("name") if isinstance(item, dict) else item for item in items[:MAX_AUTHORS])
    cleaned = (clean(name) for name in names if isinstance(name, str))
    return tuple(name for name in cleaned if name)


def _time(values: dict[str, object], keys: Sequence[str], warnings: list[str]) -> datetime | None:
    text = _text(values, keys)
    if text is None:
        return None
    when = parse_when(text)
    if when is None:
        warnings.append(f"no time taken from '{text[:80]}': not a known way of writing one")
    elif when.warning:
        warnings.append(when.warning)
    return when.moment if when else None


def _language(values: dict[str, object], warnings: list[str]) -> str | None:
    text = _text(values, ("lang", "language", "locale"))
    if text is None:
        return None
    if _LANGUAGE.fullmatch(text):
        return text.replace("_", "-")
    warnings.append(f"'{text[:40]}' is not a language tag")
    return None


def _url(values: dict[str, object], warnings: list[str]) -> str | None:
    text = _text(values, ("url", "canonical_url", "canonical", "link", "permalink"))
    if text is None:
        return None
    try:
        parts = urlsplit(text)
        if parts.scheme in ("http", "https") and parts.hostname and " " not in text:
            return text
    except ValueError:
        pass  # brackets that are no IPv6 address: told below like any other non-address
    warnings.append(f"'{text[:80]}' is not a web address")
    return None
