"""What each path needs, in one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.indexer.api.models import Scope


@dataclass(frozen=True, slots=True)
class Rule:
    """``scope``: what a caller must be allowed, None: any token does.

    ``public``: no token is needed at all.  ``page``: the answer is part of the page, else data.
    ``stream``: the answer goes on until one side ends it.
    """

    scope: Scope | None = None
    public: bool = False
    page: bool = False
    stream: bool = False


_PAGE = Rule(public=True, page=True)
_READ = Rule("read")
_EXACT = {
    "/": _PAGE,
    "/favicon.ico": _PAGE,
    "/robots.txt": _PAGE,
    "/v1": Rule(),
    "/v1/openapi.json": Rule(public=True),
    "/v1/events": Rule("subscribe", stream=True),
    "/v1/desk": Rule("operate"),
}
_BELOW = (
    ("/static/", _PAGE),
    ("/v1/events/", Rule("subscribe", stream=True)),
    ("/v1/desk/", Rule("operate")),
)


def rule_of(path: str) -> Rule:
    """The rule of a path. What isn't named, also what isn't there, needs ``read``."""
    exact = _EXACT.get(path)
    if exact is not None:
        return exact
    return next((rule for prefix, rule in _BELOW if path.startswith(prefix)), _READ)
