"""One request and its answer: what is added to the answer, and what the log says of both."""

from __future__ import annotations

import time
import traceback
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from services.indexer.api.problems import problem_response, request_id
from services.observability import get_logger, seldom
from services.serving.headers import Headers, secured
from services.serving.rates import caller_of
from services.serving.refusals import Refusal
from services.serving.tokens import TOKEN_IN_TEXT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping

    from services.indexer.api.access.credentials import Admission
    from services.indexer.api.access.rules import Rule
    from services.serving.rates import Verdict

log = get_logger(__name__)

MAX_PATH_LOGGED = 120
"""Characters of a path that is no route of ours: enough to see what was meant."""

FRAMES_LOGGED = 30
"""Places of a failure's way through the code that are logged: its end, where the cause is."""

REQUEST_ID = b"x-request-id"

SERVER_ERROR = 500
UNAVAILABLE = 503
TOO_MANY = 429


class Exchange:
    """A request, who it is from, and how far its answer is."""

    def __init__(
        self,
        scope: MutableMapping[str, Any],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
        rule: Rule,
    ) -> None:
        self.scope = scope
        self.rule = rule
        self.request_id = request_id(scope)
        self.method: str = scope["method"]
        self.admission: Admission | None = None
        self.rate: Verdict | None = None
        self.status: int | None = None
        self.complete = False
        self._bytes = 0
        self._send = send
        self._began = time.perf_counter()
        scope["state"]["scopes"] = ()

    def headers(self, name: bytes) -> list[str]:
        """The values of all headers of a name."""
        return [value.decode("latin-1") for key, value in self.scope["headers"] if key == name]

    def admit(self, admission: Admission) -> None:
        """Let the request in, and the app know what it may do."""
        self.admission = admission
        self.scope["state"]["scopes"] = admission.scopes

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Send a part of the answer on, at once; the first part with our headers."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given = [each for each in message.get("headers", ()) if each[0] != REQUEST_ID]
            headers = secured([*given, *self._own_headers()], page=self.rule.page)
            message = {**message, "headers": headers}
        elif message["type"] == "http.response.body":
            self._bytes += len(message.get("body", b""))
            self.complete = not message.get("more_body", False)
        await self._send(message)

    def _own_headers(self) -> Headers:
        headers = [(REQUEST_ID, self.request_id.encode())]
        rate = self.rate
        if rate is not None and not self.rule.page:
            policy = f'"desk";q={rate.limit};w={rate.window}'
            left = f'"desk";r={rate.left};t={rate.wait}'
            headers += [(b"ratelimit-policy", policy.encode()), (b"ratelimit", left.encode())]
        return headers

    async def refuse(self, refusal: Refusal) -> None:
        """Answer with a problem document, and say so in the log."""
        # A flood must not become one of the log.
        write = log.debug if refusal.status == TOO_MANY else log.warning
        address = caller_of(self.scope.get("client"))
        if seldom("api.refused", (refusal.status, address)):
            write(
                "api.refused",
                status=refusal.status,
                reason=refusal.detail,
                address=address,
                request_id=self.request_id,
            )
        await self._problem(refusal)

    async def _problem(self, refusal: Refusal) -> None:
        response = problem_response(
            refusal.status,
            refusal.kind,
            refusal.detail,
            instance=self.request_id,
            headers=dict(refusal.headers),
        )
        await response(self.scope, _nothing, self.send)

    @asynccontextmanager
    async def told(self) -> AsyncIterator[None]:
        """Around the answering: what fails becomes an answer and a line, and no content of either.

        An error's message may quote an article; its class and its way through the code don't.
        """
        try:
            yield
        except Exception as error:  # noqa: BLE001  (the last place where it can be kept from the log)
            frames = traceback.extract_tb(error.__traceback__)[-FRAMES_LOGGED:]
            log.error(  # noqa: TRY400  (see the docstring)
                "api.failed",
                error=type(error).__name__,
                at=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
                request_id=self.request_id,
            )
            if self.status is None:
                await self._problem(
                    Refusal(
                        SERVER_ERROR,
                        "internal",
                        "something went wrong in the desk; its log has this request's id",
                    )
                )
        finally:
            self._log()

    def _log(self) -> None:
        holder = None if self.admission is None else self.admission.holder
        self._level()(
            "api.request",
            method=self.method,
            path=self._path(),
            status=self.status,
            ms=round((time.perf_counter() - self._began) * 1000, 1),
            bytes=self._bytes,
            token=None if holder is None else holder.name,
            request_id=self.request_id,
        )

    def _level(self) -> Callable[..., None]:
        if self.status is None:
            # The client went away first, or the app failed, which has been said.
            return log.debug
        if self.status == UNAVAILABLE:
            return log.warning
        return log.error if self.status >= SERVER_ERROR else log.debug

    def _path(self) -> str:
        """The route's template, so that lines can be counted; never the query."""
        template = getattr(self.scope.get("route"), "path", None)
        path = template if isinstance(template, str) else self.scope["path"][:MAX_PATH_LOGGED]
        return TOKEN_IN_TEXT.sub("wd_…", path)


async def _nothing() -> MutableMapping[str, Any]:
    return {"type": "http.disconnect"}
