"""Logs: structlog for our own lines and for those of every library.

JSON where the output isn't a terminal, readable where it is.  One line per
article and stage.  Values come from files that anybody may drop, so control
and formatting characters in them are written as visible escapes: hostile
content can't forge a line, colour a terminal or turn its text around.
"""

from __future__ import annotations

import logging
import sys
import unicodedata
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, TextIO

import structlog

if TYPE_CHECKING:
    from structlog.typing import Processor

    from services.settings import Settings

MAX_VALUE_CHARS = 2000
"""A logged value is cut here: a 5 MB headline must not become a 5 MB line."""

_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

Logger = structlog.stdlib.BoundLogger


def printable(text: str) -> str:
    r"""``text`` with control, bidi and other invisible characters as ``\x1b``-like escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char.encode("unicode_escape").decode("ascii")
        if unicodedata.category(char) in _UNSAFE_CATEGORIES
        else char
        for char in text
    )


def _safe(value: object) -> object:
    if isinstance(value, str):
        cut = value if len(value) <= MAX_VALUE_CHARS else value[:MAX_VALUE_CHARS] + "…"
        return printable(cut)
    if isinstance(value, bool | int | float | None):
        return value
    if isinstance(value, Mapping):
        return {printable(str(key)): _safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_safe(item) for item in value]
    return _safe(str(value))


def _escape_values(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    # The traceback is made by us, line by line, and must keep its line breaks on a terminal.
    for key, value in event.items():
        if key not in {"exception", "exc_info", "_record", "_from_structlog"}:
            event[key] = _safe(value)
    return event


def _escape_exception(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    # An exception's message may quote the article: escape each line, keep the structure.
    text = event.get("exception")
    if isinstance(text, str):
        event["exception"] = "\n".join(printable(line) for line in text.split("\n"))
    return event


def configure(settings: Settings, service: str, stream: TextIO | None = None) -> None:
    """Set up logging for this process: our lines, FastStream's, redis-py's, warnings.

    ``service`` is bound to every line.  Call once, before anything logs.
    """
    out = sys.stderr if stream is None else stream
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not out.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _escape_values,
        _escape_exception,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=out.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=Logger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    logging.captureWarnings(capture=True)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(service=service)


def get_logger(name: str) -> Logger:
    """A logger whose lines carry ``name`` and the bound context."""
    logger: Logger = structlog.stdlib.get_logger(name)
    return logger
