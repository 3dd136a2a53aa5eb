"""Logs: structlog for our own lines and for those of every library.

JSON where the output isn't a terminal, readable where it is.  One line per
article and stage.  Values come from files that anybody may drop, so control
and formatting characters in them are written as visible escapes: hostile
content can't forge a line, colour a terminal or turn its text around.

How many lines there are is bounded: :mod:`services.log_rate`.
"""

from __future__ import annotations

import atexit
import logging
import math
import sys
import textwrap
import unicodedata
from collections.abc import Mapping, MutableMapping, Set  # noqa: PYI025  (not the built-in set)
from typing import TYPE_CHECKING, Any, TextIO

import structlog

from services.log_rate import LEFT_OUT, LogRate

if TYPE_CHECKING:
    from collections.abc import Hashable

    from structlog.typing import Processor

    from services.settings import Settings

MAX_VALUE_CHARS = 2000
"""A logged value is cut here: a 5 MB headline must not become a 5 MB line."""

MAX_DEPTH = 5
"""Levels of a logged structure shown; deeper ones, and those that hold themselves, are cut."""

MAX_EXCEPTION_LINES = 100
"""Lines of a traceback kept: its end, where the cause is."""

_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

_LAST_OF_ONE_BYTE, _LAST_OF_TWO_BYTES = 0xFF, 0xFFFF

Logger = structlog.stdlib.BoundLogger


def printable(text: str) -> str:
    r"""``text`` with control, bidi and other invisible characters as ``\x1b``-like escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        _escape(char) if unicodedata.category(char) in _UNSAFE_CATEGORIES else char for char in text
    )


def _escape(char: str) -> str:
    # As the codec unicode_escape writes it; codecs are gone when an ending interpreter logs.
    short = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}.get(char)
    code = ord(char)
    wide = f"\\U{code:08x}" if code > _LAST_OF_TWO_BYTES else f"\\u{code:04x}"
    return short or (f"\\x{code:02x}" if code <= _LAST_OF_ONE_BYTE else wide)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_VALUE_CHARS else text[:MAX_VALUE_CHARS] + "…"


def _safe(value: object, depth: int = MAX_DEPTH) -> object:
    if isinstance(value, str):
        return printable(_cut(value))
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no NaN and no infinity
    if isinstance(value, bool | int | float | None):
        return value
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return _safe_items(value, depth - 1) if depth else "…"
    return printable(_cut(_shown(value)))


def _safe_items(
    value: Mapping[Any, object] | list[object] | tuple[object, ...] | Set[object], depth: int
) -> object:
    if isinstance(value, Mapping):
        return {printable(_cut(_shown(key))): _safe(item, depth) for key, item in value.items()}
    return [_safe(item, depth) for item in value]


def _shown(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001  (a log line must not fail for what it was given to show)
        return f"<{type(value).__name__} that can't be shown>"


_rates: list[LogRate] = []
"""The bound on this process's lines, once :func:`configure` was called."""


class _Bound:
    """Leaves out what is more than the rate: of our lines as a processor, of others' as a filter.

    The first processor after the level, so that a line left out costs nothing more.
    """

    def __init__(self, rate: LogRate) -> None:
        self._rate = rate

    def __call__(
        self, _logger: object, method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        name = event.get("event")
        if method in {"info", "debug"} and name != "log.left_out":
            halvings = self._rate.admit(str(name), event.get("trace_id"))
            if halvings == LEFT_OUT:
                raise structlog.DropEvent
            if halvings:
                event["sampled"] = f"1/{2**halvings}"
        elif method == "critical":
            # The process may end right after it, by force.
            self._rate.summary()
        return event

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a library's line is written; ours have been through the processor."""
        if record.levelno > logging.INFO or isinstance(record.msg, Mapping):
            return True
        return self._rate.admit(record.name) != LEFT_OUT


def _say_left_out(events: Mapping[str, int], seconds: float) -> None:
    log = get_logger("log")
    log.info("log.left_out", lines=sum(events.values()), events=events, seconds=round(seconds))


def seldom(event: str, topic: Hashable) -> bool:
    """Whether to write a warning that may repeat itself: at first, then once a minute for a topic.

    Those between are counted like the other lines left out.
    """
    return not _rates or _rates[0].seldom(event, topic)


def left_out(event: str, trace_id: str | None) -> bool:
    """Whether an INFO line of this name about this trace would be left out now; it counts as one.

    Asked before a line is made that each article has: most are left out where it matters.
    """
    return bool(_rates) and _rates[0].would_leave_out(event, trace_id)


def stack_once(event: str, error: BaseException) -> BaseException | None:
    """``error`` for a line's ``exc_info``; None where its stack was written within the minute.

    A fault of ours that each article meets writes a hundred lines of stack once, and for each
    article one line.
    """
    frames = error.__traceback__
    while frames is not None and frames.tb_next is not None:
        frames = frames.tb_next
    where = None if frames is None else (frames.tb_frame.f_code.co_filename, frames.tb_lineno)
    topic = (type(error).__qualname__, where)
    shown = not _rates or _rates[0].seldom(event, topic, counts=False)
    return error if shown else None


def say_left_out() -> None:
    """Write now how many lines were left out: before a process ends by force."""
    for rate in _rates:
        rate.summary()


def _bound(settings: Settings) -> _Bound:
    say_left_out()
    _rates[:] = [LogRate(settings.log_rate, _say_left_out)]
    atexit.unregister(say_left_out)
    atexit.register(say_left_out)
    return _Bound(_rates[0])


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
        lines = text.split("\n")[-MAX_EXCEPTION_LINES:]
        event["exception"] = "\n".join(printable(_cut(line)) for line in lines)
    return event


def _indent_exception(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    # On a terminal a line break in an exception's message would begin a line of its own,
    # which could be made to look like one of ours.
    text = event.get("exception")
    if isinstance(text, str):
        event["exception"] = textwrap.indent(text, "    ", lambda _line: True)
    return event


def _renderers(out: TextIO, *, as_json: bool) -> list[Processor]:
    if not as_json:
        return [_indent_exception, structlog.dev.ConsoleRenderer(colors=out.isatty())]
    # What the stream can't encode it would write as an escape that JSON doesn't know.
    is_utf8 = (out.encoding or "").lower().replace("-", "") == "utf8"
    return [structlog.processors.JSONRenderer(ensure_ascii=not is_utf8, default=str)]


def configure(settings: Settings, service: str, stream: TextIO | None = None) -> None:
    """Set up logging for this process: our lines, FastStream's, redis-py's, warnings.

    ``service`` is bound to every line.  Call once, before anything logs.
    """
    out = sys.stderr if stream is None else stream
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not out.isatty())
    bound = _bound(settings)
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
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            bound,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=Logger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.addFilter(bound.filter)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(out, as_json=as_json),
            ],
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
