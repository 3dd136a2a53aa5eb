"""Subscribe to a desk's events: ``with subscribe("http://127.0.0.1:8420") as events: ...``.

Over HTTP, with nothing but the standard library.  The connection is made again when it
breaks, from where it was, so that no event is missed; what comes twice is given once.

*At least once.*  An event counts as handled when the loop asks for the next one, or when the
``with`` block ends without an error.  With ``state`` the position is kept in a file after
that, so that a process which dies is given the events again that it may not have finished.

For reading the Redis stream itself see :func:`schemas.stream_client.subscribe_stream`.
"""

from __future__ import annotations

import json
import logging
import random
import selectors
import socket
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode, urlsplit

from schemas.received import REMEMBERED, Gap, Memory, Received, Unreadable, parsed
from schemas.sse import BrokenStream, Frame, Frames, StateFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

log = logging.getLogger("wiredesk.client")

FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0
"""Seconds between two tries to connect: doubles from the first to the longest."""

SILENCE = 45.0
"""Seconds without a sign of life after which the line counts as broken: three of the server's."""

SAVE_EVERY = 0.5
"""Seconds between two writes of the position while events come in a row: a write waits for the
disk. Whoever dies is given again what it had handled since the last one."""

PIECE = 64 * 1024
"""Bytes read at once."""

GAP_EVENT = "wiredesk.gap"

PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers after which the same request may succeed later."""


class Refused(Exception):  # noqa: N818  (named for what happened)
    """The server won't serve this request: trying again changes nothing."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status}: {reason}")
        self.status = status


class NotAllowed(Refused):
    """The token is missing or wrong (401), or doesn't allow this (403)."""


class _Again(Exception):  # noqa: N818
    """Not now; ``after`` seconds at the earliest."""

    def __init__(self, reason: str, after: float = 0.0) -> None:
        super().__init__(reason)
        self.after = after


def _log_gap(gap: Gap) -> None:
    log.warning("events of %s are gone: %s to %s", gap.type, gap.since, gap.until)


def subscribe(  # noqa: PLR0913  (each is a condition or a choice of the caller's)
    url: str,
    *,
    token: str | None = None,
    types: Iterable[str] = (),
    entities: Iterable[str] = (),
    topics: Iterable[str] = (),
    sources: Iterable[str] = (),
    languages: Iterable[str] = (),
    start: datetime | str = "now",
    state: Path | str | None = None,
    on_gap: Callable[[Gap], None] = _log_gap,
    remembered: int = REMEMBERED,
) -> Subscription:
    """Events of the desk at ``url`` that meet every condition given, as they come.

    ``start``: ``now``, ``beginning``, a time, or a position that an event had.  ``state``: a
    file for the position; where it is there, ``start`` doesn't count.  ``on_gap`` is called
    where events are gone; without it a warning is logged.  ``remembered``: events known again.
    """
    query: list[tuple[str, str]] = []
    given = {"type": types, "entity": entities, "topic": topics}
    for name, values in {**given, "source": sources, "language": languages}.items():
        query += [(name, value) for value in ([values] if isinstance(values, str) else values)]
    position: str | None = None
    if isinstance(start, datetime):
        start = start.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if start in {"beginning", "now"} or start[:1].isdigit():
        query.append(("from", start))
    else:
        position = start
    file = None if state is None else StateFile(Path(state))
    return Subscription(url, query, token, position, file, on_gap, Memory(remembered))


class Subscription:
    """An iterator over :class:`schemas.received.Received`; made by :func:`subscribe`."""

    def __init__(
        self,
        url: str,
        query: list[tuple[str, str]],
        token: str | None,
        position: str | None,
        file: StateFile | None,
        on_gap: Callable[[Gap], None],
        memory: Memory,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"no address of a desk: {url!r}; e.g. http://127.0.0.1:8420")
        self._address = parts
        self._target = f"{parts.path.rstrip('/')}/v1/events?{urlencode(query)}"
        self._headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._file = file
        self._on_gap = on_gap
        self._memory = memory
        self._position = (file.read() if file else None) or position
        self._saved = self._position
        self._saved_at = float("-inf")
        self._given: Received | None = None
        self._frames: Iterator[Frame] | None = None
        self._socket: socket.socket | None = None
        self._delay = FIRST_DELAY
        self._closed = threading.Event()

    @property
    def position(self) -> str | None:
        """Where the subscription is: behind the last event that was handled."""
        return self._position

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self._handled()
        self.close()

    def __iter__(self) -> Self:
        """Begin a loop. An event that an earlier loop was left with is given again."""
        if self._given is not None:
            self._memory.forget(self._given.event)
            self._given = None
            self._hang_up()
        return self

    def __next__(self) -> Received:
        self._handled()
        while not self._closed.is_set():
            try:
                received = self._taken(self._next_frame())
            except (_Again, OSError, HTTPException, BrokenStream) as error:
                self._hang_up()
                self._wait(error)
            else:
                if received is not None:
                    self._given = received
                    return received
        raise StopIteration

    def close(self) -> None:
        """End; also from another thread, whose loop then ends. What was handled is kept."""
        self._closed.set()
        self._hang_up()
        self._save(at_once=True)

    def _handled(self) -> None:
        """The last event has been dealt with."""
        if self._given is not None:
            self._position, self._given = self._given.position, None
        self._save()

    def _save(self, *, at_once: bool = False) -> None:
        if self._file is None or self._position is None or self._position == self._saved:
            return
        if at_once or time.monotonic() - self._saved_at >= SAVE_EVERY:
            self._file.write(self._position)
            self._saved, self._saved_at = self._position, time.monotonic()

    def _next_frame(self) -> Frame:
        if self._frames is None:
            self._frames = self._connected()
        frame = next(self._frames, None)
        if frame is None:
            raise _Again("the server ended the stream")
        self._delay = FIRST_DELAY
        return frame

    def _taken(self, frame: Frame) -> Received | None:
        """The event of a frame, unless it is none, or was given before."""
        if frame.data is None or frame.event == GAP_EVENT:
            if frame.data is not None:
                self._on_gap(_gap(frame.data))
            self._position = frame.id or self._position
            self._save()
            return None
        position = frame.id or self._position or ""
        try:
            event = parsed(frame.data, frame.event)
        except Unreadable as error:
            log.warning("an event was passed over: %s", error)
            self._position = position
            return None
        if not self._memory.add(event):
            self._position = position
            return None
        return Received(event, frame.data, position)

    def _connected(self) -> Iterator[Frame]:
        """Ask for the stream; the frames of the answer."""
        make = HTTPSConnection if self._address.scheme == "https" else HTTPConnection
        connection = make(self._address.hostname or "", self._address.port, timeout=SILENCE)
        try:
            connection.connect()
            self._socket = connection.sock
            if self._closed.is_set():
                raise _Again("closed")
            headers = dict(self._headers)
            if self._position is not None:
                headers["Last-Event-ID"] = self._position
            connection.request("GET", self._target, headers=headers)
            answer = connection.getresponse()
            _check(answer)
            frames = Frames()
            while piece := self._read(answer):
                yield from frames.feed(piece)
        finally:
            connection.close()

    def _read(self, answer: HTTPResponse) -> bytes:
        """The next piece; where it has to be waited for, the position is kept first."""
        line = self._socket
        if line is not None and self._file is not None:
            with selectors.DefaultSelector() as selector:
                selector.register(line, selectors.EVENT_READ)
                self._save(at_once=not selector.select(0))
        return answer.read1(PIECE)

    def _hang_up(self) -> None:
        """Break the line, whoever reads from it."""
        self._frames = None
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket = None

    def _wait(self, error: Exception) -> None:
        """Wait longer each time, and not all clients equally long."""
        jittered = self._delay * random.uniform(0.5, 1.0)  # noqa: S311  (no secret)
        after = max(jittered, error.after if isinstance(error, _Again) else 0.0)
        self._delay = min(2 * self._delay, LONGEST_DELAY)
        if not self._closed.is_set():
            log.info("connecting again in %.1f s: %s", after, error)
        self._closed.wait(after)


def _check(answer: HTTPResponse) -> None:
    """Raise what follows from an answer that is no event stream."""
    status = answer.status
    if status == 200 and answer.headers.get_content_type() == "text/event-stream":  # noqa: PLR2004  (OK)
        return
    reason = _reason(answer)
    if status in PASSING:
        after = answer.headers.get("Retry-After", "")
        raise _Again(f"{status}: {reason}", float(after) if after.isdigit() else 0.0)
    raise (NotAllowed if status in {401, 403} else Refused)(status, reason)


def _reason(answer: HTTPResponse) -> str:
    """What a problem document says; else the status in words."""
    with suppress(ValueError, AttributeError, OSError, HTTPException):
        problem = json.loads(answer.read(PIECE))
        errors = [each["detail"] for each in problem.get("errors") or () if "detail" in each]
        told = [problem.get("title"), *(errors or [problem.get("detail")])]
        return ": ".join(str(each) for each in told if each)
    return answer.reason or "no event stream"


def _gap(data: bytes) -> Gap:
    told: dict[str, Any] = json.loads(data)
    return Gap(
        str(told["type"]),
        datetime.fromisoformat(told["from"]),
        datetime.fromisoformat(told["to"]),
    )


__all__ = ["Gap", "NotAllowed", "Received", "Refused", "Subscription", "subscribe"]
